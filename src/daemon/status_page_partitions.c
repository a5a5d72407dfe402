#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "daemon/html.h"
#include "daemon/status_page_internal.h"
#include "daemon/stuck.h"

/* So many that stand still are shown in front of the others. */
enum { STILL_MAX = 20 };

static void write_waiting(FILE *out, const struct pipeline_snapshot *snapshot)
{
	fputs("<ul class=\"waiting\">\n", out);
	for (int wait = 0; wait < WAIT_COUNT; wait++) {
		if (snapshot->waiting[wait] == 0)
			continue;
		fprintf(out, "<li><b>%zu</b> wait%s for ", snapshot->waiting[wait], snapshot->waiting[wait] == 1 ? "s" : "");
		status_page_wait(out, (enum partition_wait)wait, partition_wait_words((enum partition_wait)wait));
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

/* A table of partitions. */
struct listing {
	FILE *out;
	const struct status_page *page;
	const struct pipeline_snapshot *snapshot;
	char kind; /* 's' of those that stand still, 'p' of all: so that no row's id comes twice */
};

static bool has_members(const struct listing *listing)
{
	return listing->snapshot->member_count > 1;
}

/* Nothing in it means anything to a shell: the command may be copied. */
static bool is_plain(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] && name[0] != '-' && name[strspn(name, plain)] == '\0';
}

/* Where it is blocked, and how somebody decides on it. */
static void write_decision(const struct listing *listing, const struct partition_snapshot *partition)
{
	const char *pipeline = listing->snapshot->name;

	fprintf(listing->out, "<p>Blocked at offset %" PRId64 ". To decide: <code>aloqctl unblock ", partition->blocked_at);
	if (is_plain(pipeline) && is_plain(partition->topic))
		fprintf(listing->out, "%s %s %" PRId32, pipeline, partition->topic, partition->partition);
	else
		fputs("PIPELINE TOPIC PARTITION", listing->out);
	fputs("</code> with <code>--retry</code>, <code>--skip</code> or <code>--dead-letter</code>.</p>", listing->out);
}

static void write_partition_words(const struct listing *listing, const struct partition_snapshot *partition)
{
	FILE *out = listing->out;

	fputs("<td class=\"words\">", out);
	if (partition->error) {
		fputs("<p class=\"why\">", out);
		html_text_cut(out, partition->error, STATUS_PAGE_WHY_BYTES);
		fputs("</p>", out);
	} else if (partition->last_error) {
		fputs("<p class=\"past\">", out);
		status_page_error(out, partition->last_error, partition->last_error_at_ms, listing->page->now_ms,
		    STATUS_PAGE_CUT_BYTES);
		fputs("</p>", out);
	}
	if (partition->state == PART_BLOCKED && listing->kind == 's')
		write_decision(listing, partition);
	fputs("</td>", out);
}

static void write_offset_cell(FILE *out, const char *class_name, int64_t offset)
{
	fprintf(out, "<td class=\"%s\">", class_name);
	html_offset(out, offset);
	fputs("</td>", out);
}

static void write_partition(const struct listing *listing, const struct partition_snapshot *partition)
{
	FILE *out = listing->out;
	_cleanup_free_ char *words = stuck_words(partition);
	const char *state = status_json_part_state(partition->state);

	fprintf(out, "<tr id=\"%c-", listing->kind);
	html_segment(out, partition->topic);
	fprintf(out, "-%" PRId32 "-%" PRId32 "\"><th scope=\"row\">", partition->partition, partition->member);
	html_text_cut(out, partition->topic, STATUS_PAGE_CUT_BYTES);
	fprintf(out, " [%" PRId32 "]</th>", partition->partition);
	if (has_members(listing))
		fprintf(out, "<td class=\"member\">%" PRId32 "</td>", partition->member);
	fprintf(out, "<td class=\"is\"><span class=\"part %s\">%s</span></td><td class=\"wait\">", state, state);
	status_page_wait(out, partition->waits_for, words);
	fputs("</td>", out);
	status_page_age_cell(out, "still", partition->waits_ms > 0 ? partition->waits_ms : -1);
	status_page_count_cell(out, "lag", partition->lag);
	write_offset_cell(out, "mark", partition->mark);
	write_offset_cell(out, "committed", partition->committed);
	write_offset_cell(out, "next", partition->end);
	write_offset_cell(out, "end", partition->log_end);
	status_page_count_cell(out, "flight", (int64_t)partition->in_flight);
	status_page_age_cell(out, "old", partition->oldest_unsettled_age_ms);
	write_partition_words(listing, partition);
	fputs("</tr>\n", out);
}

static void begin_partitions(const struct listing *listing)
{
	FILE *out = listing->out;

	fprintf(out, "<table class=\"partitions\" aria-labelledby=\"t-%c\">\n", listing->kind);
	fputs("<thead><tr><th scope=\"col\">Partition</th>", out);
	if (has_members(listing))
		fputs("<th scope=\"col\" class=\"number\">Member</th>", out);
	fputs("<th scope=\"col\">State</th><th scope=\"col\">Waits for</th><th scope=\"col\" class=\"number\">Still</th>"
	      "<th scope=\"col\" class=\"number\">Lag</th><th scope=\"col\" class=\"number\">Mark</th>"
	      "<th scope=\"col\" class=\"number\">Committed</th><th scope=\"col\" class=\"number\">Next</th>"
	      "<th scope=\"col\" class=\"number\">Log end</th><th scope=\"col\" class=\"number\">In flight</th>"
	      "<th scope=\"col\" class=\"number\">Oldest</th>"
	      "<th scope=\"col\">Last error</th></tr></thead>\n<tbody>\n",
	    out);
}

static bool stands_still(const struct partition_snapshot *partition)
{
	return partition->waits_for == WAIT_PERSON ||
	       (partition->waits_for != WAIT_NOTHING && !partition_wait_is_idle(partition->waits_for) &&
		   partition->waits_ms > STUCK_TOLD_MS);
}

static int compare_stillness(const void *one, const void *other)
{
	int64_t mine = (*(const struct partition_snapshot *const *)one)->waits_ms;
	int64_t yours = (*(const struct partition_snapshot *const *)other)->waits_ms;

	return mine > yours ? -1 : mine < yours;
}

/* Those that stand still, the longest first, before all: of thousands nobody finds them otherwise. */
static void write_still(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	const struct listing listing = { .out = out, .page = page, .snapshot = snapshot, .kind = 's' };
	_cleanup_free_ const struct partition_snapshot **still = xcalloc(snapshot->partition_count + 1, sizeof *still);
	size_t count = 0;

	for (size_t i = 0; i < snapshot->partition_count; i++)
		if (stands_still(&snapshot->partitions[i]))
			still[count++] = &snapshot->partitions[i];
	if (count == 0)
		return;
	qsort(still, count, sizeof(const struct partition_snapshot *), compare_stillness);
	if (count > STILL_MAX)
		fprintf(out, "<h3 id=\"t-s\">Stand still (%zu, the longest %d)</h3>\n", count, STILL_MAX);
	else
		fprintf(out, "<h3 id=\"t-s\">Stand still (%zu)</h3>\n", count);
	begin_partitions(&listing);
	for (size_t i = 0; i < count && i < STILL_MAX; i++)
		write_partition(&listing, still[i]);
	fputs("</tbody>\n</table>\n", out);
}

static void write_page_link(FILE *out, const char *name, size_t number, size_t shown)
{
	if (number == shown) {
		fprintf(out, "<li><span aria-current=\"page\">%zu</span></li>", number);
		return;
	}
	fputs("<li><a href=\"/pipelines/", out);
	html_segment(out, name);
	if (number > 1)
		fprintf(out, "/%zu", number);
	fprintf(out, "\">%zu</a></li>", number);
}

/* The first, the last, and those around it: of a thousand pages as well. */
static void write_page_links(FILE *out, const char *name, size_t number, size_t pages)
{
	if (pages < 2)
		return;
	fputs("<nav aria-label=\"Pages of partitions\"><ul class=\"pages\">", out);
	for (size_t i = 1; i <= pages; i++) {
		if (i == 1 || i == pages || (i + 3 >= number && i <= number + 3))
			write_page_link(out, name, i, number);
		else if (i + 4 == number || i == number + 4)
			fputs("<li>...</li>", out);
	}
	fputs("</ul></nav>\n", out);
}

/* All, by topic and number; of these one page. */
static void write_all(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot, size_t number)
{
	const struct listing listing = { .out = out, .page = page, .snapshot = snapshot, .kind = 'p' };
	size_t pages = status_page_pages(snapshot);
	size_t first = (number - 1) * STATUS_PAGE_PARTITIONS;
	size_t end = first + STATUS_PAGE_PARTITIONS;

	if (end > snapshot->partition_count)
		end = snapshot->partition_count;
	fprintf(out, "<h3 id=\"t-p\">Partitions (%zu)</h3>\n", snapshot->partition_count);
	if (snapshot->partition_count == 0) {
		fputs("<p>No partition is assigned to this instance.</p>\n", out);
		return;
	}
	write_waiting(out, snapshot);
	write_page_links(out, snapshot->name, number, pages);
	if (pages > 1)
		fprintf(out, "<p class=\"range\">%zu to %zu of %zu, by topic and number.</p>\n", first + 1, end, snapshot->partition_count);
	begin_partitions(&listing);
	for (size_t i = first; i < end; i++)
		write_partition(&listing, &snapshot->partitions[i]);
	fputs("</tbody>\n</table>\n", out);
	write_page_links(out, snapshot->name, number, pages);
}

size_t status_page_pages(const struct pipeline_snapshot *snapshot)
{
	if (snapshot->partition_count == 0)
		return 1;
	return (snapshot->partition_count + STATUS_PAGE_PARTITIONS - 1) / STATUS_PAGE_PARTITIONS;
}

void status_page_partitions(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot, size_t number)
{
	write_still(out, page, snapshot);
	write_all(out, page, snapshot, number);
}
