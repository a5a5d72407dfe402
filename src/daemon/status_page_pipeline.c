#include <inttypes.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "daemon/html.h"
#include "daemon/status_page_internal.h"
#include "daemon/stuck.h"

/* ---- the pipeline ---- */

/* Only when it was, where the reason tells it. */
static void write_last_error(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	const char *error = snapshot->last_error;

	if (!error)
		return;
	fputs("<p class=\"past\">Last error: ", out);
	if (snapshot->reason && strstr(snapshot->reason, error) && snapshot->last_error_at_ms > 0)
		html_past(out, snapshot->last_error_at_ms, page->now_ms);
	else
		status_page_error(out, error, snapshot->last_error_at_ms, page->now_ms, 0);
	fputs("</p>\n", out);
}

static void write_words(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	_cleanup_free_ char *urgent = status_page_urgent(page, snapshot);
	const struct partition_snapshot *still = stuck_partition(snapshot, STUCK_TOLD_MS);
	_cleanup_free_ char *stuck = still ? stuck_sentence(still) : NULL;

	fputs("<p class=\"is\">", out);
	status_page_state(out, snapshot);
	fputs(" for ", out);
	html_age(out, page->now_ms > snapshot->state_since_ms ? page->now_ms - snapshot->state_since_ms : 0);
	fputs(", since ", out);
	html_time(out, snapshot->state_since_ms);
	fprintf(out, "; %s", delivery_name(snapshot->delivery));
	fputs(snapshot->starts_anew ? "; starts anew once it has drained</p>\n" : "</p>\n", out);
	if (snapshot->reason) {
		fprintf(out, "<p class=\"%s\">", urgent ? "warning" : "note");
		html_text(out, snapshot->reason);
		fputs("</p>\n", out);
	}
	if (stuck) {
		fputs("<p class=\"warning\">", out);
		html_text(out, stuck);
		fputs("</p>\n", out);
	}
	write_last_error(out, page, snapshot);
}

static void write_latency(FILE *out, const char *title, const struct histogram *histogram)
{
	if (!histogram->total)
		return;
	fprintf(out, "<div><dt>%s</dt><dd>p50 ", title);
	html_latency(out, histogram_quantile_us(histogram, 0.50));
	fputs(", p99 ", out);
	html_latency(out, histogram_quantile_us(histogram, 0.99));
	fputs("</dd></div>\n", out);
}

static void write_count(FILE *out, const char *title, int64_t count)
{
	fprintf(out, "<div><dt>%s</dt><dd>", title);
	html_count(out, count);
	fputs("</dd></div>\n", out);
}

static void write_amount(FILE *out, const char *title, uint64_t records, uint64_t bytes)
{
	fprintf(out, "<div><dt>%s</dt><dd>", title);
	html_count(out, (int64_t)records);
	fputs(" records, ", out);
	html_bytes(out, bytes);
	fputs("</dd></div>\n", out);
}

static void write_numbers(FILE *out, const struct pipeline_snapshot *snapshot)
{
	fputs("<dl class=\"numbers\">\n", out);
	write_count(out, "Records/s, last 10 s", snapshot->records_per_s);
	write_count(out, "Lag", snapshot->lag);
	fputs("<div><dt>Oldest unsettled</dt><dd>", out);
	html_age(out, snapshot->oldest_unsettled_age_ms);
	fputs("</dd></div>\n", out);
	write_amount(out, "In flight", snapshot->in_flight_records, snapshot->in_flight_bytes);
	write_amount(out, "Held", snapshot->held_records, snapshot->held_bytes);
	write_latency(out, "Fetch to acknowledgement", &snapshot->latencies.report);
	write_latency(out, "Timestamp to acknowledgement", &snapshot->latencies.end_to_end);
	write_latency(out, "Commit", &snapshot->latencies.commit);
	write_latency(out, "Transaction", &snapshot->latencies.transaction);
	fputs("</dl>\n", out);
}

static void write_counters(FILE *out, const struct pipeline_snapshot *snapshot)
{
	const struct engine_counters *counters = &snapshot->counters;
	const struct {
		const char *title;
		uint64_t count;
	} lines[] = {
		{ "consumed", counters->consumed_records },
		{ "acknowledged", counters->acked_records },
		{ "repeated", counters->repeated_records },
		{ "lost", counters->lost_records },
		{ "skipped", counters->skipped_records },
		{ "dead-lettered", counters->dead_lettered_records },
		{ "dropped as repeats", counters->dropped_records },
		{ "failed reports", counters->failed_reports },
		{ "late reports", counters->late_reports },
		{ "commits", counters->commits },
		{ "failed commits", counters->commit_failures },
		{ "transactions committed", counters->transactions_committed },
		{ "transactions aborted", counters->transactions_aborted },
		{ "transactions of unknown end", counters->transactions_unknown },
		{ "gaps crossed", snapshot->log_gaps },
		{ "offsets in gaps", snapshot->log_gap_records },
		{ "gaps that blocked", snapshot->blocked_gaps },
		{ "stalls of the source", snapshot->source_stalls },
		{ "rebalances", snapshot->rebalances },
		{ "partitions lost", counters->lost_partitions },
		{ "new producers", counters->sink_recreations },
		{ "restarts after a fault", snapshot->restarts },
	};

	fputs("<details id=\"counters\">\n<summary>Counters since the start</summary>\n<dl class=\"numbers\">\n", out);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		write_count(out, lines[i].title, lines[i].count > INT64_MAX ? INT64_MAX : (int64_t)lines[i].count);
	fputs("</dl>\n</details>\n", out);
}

static void write_members(FILE *out, const struct pipeline_snapshot *snapshot)
{
	if (snapshot->member_count < 2)
		return;
	fputs("<h3 id=\"t-m\">Members</h3>\n<table class=\"members\" aria-labelledby=\"t-m\">\n<thead><tr><th scope=\"col\" class=\"number\">Member</th>"
	      "<th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Partitions</th>"
	      "<th scope=\"col\" class=\"number\">Lag</th><th scope=\"col\" class=\"number\">Acknowledged</th>"
	      "<th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n",
	    out);
	for (size_t i = 0; i < snapshot->member_count; i++) {
		const struct pipeline_snapshot *member = &snapshot->members[i];

		fprintf(out, "<tr id=\"m-%" PRId32 "\"><th scope=\"row\" class=\"number\">%" PRId32 "</th><td class=\"is\">",
		    member->member, member->member);
		status_page_state(out, member);
		fputs("</td>", out);
		status_page_count_cell(out, "parts", (int64_t)member->partition_count);
		status_page_count_cell(out, "lag", member->lag);
		status_page_count_cell(out, "acked", (int64_t)member->counters.acked_records);
		fputs("<td class=\"words\">", out);
		if (member->reason)
			html_text_cut(out, member->reason, STATUS_PAGE_CUT_BYTES);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody>\n</table>\n", out);
}

/* ---- the page ---- */

bool status_page_write_pipeline(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot, size_t number)
{
	_cleanup_free_ char *urgent = status_page_urgent(page, snapshot);

	if (number < 1 || number > status_page_pages(snapshot))
		return false;
	status_page_begin(out, page, snapshot->name, urgent != NULL);
	fputs("<p class=\"back\"><a href=\"/\">All pipelines</a></p>\n<h2>", out);
	html_text(out, snapshot->name);
	fputs("</h2>\n", out);
	write_words(out, page, snapshot);
	write_numbers(out, snapshot);
	write_counters(out, snapshot);
	write_members(out, snapshot);
	status_page_partitions(out, page, snapshot, number);
	status_page_end(out);
	return true;
}

void status_page_write_missing(FILE *out, const struct status_page *page, const char *name)
{
	status_page_begin(out, page, name, 0);
	fputs("<p class=\"back\"><a href=\"/\">All pipelines</a></p>\n"
	      "<p class=\"warning\">There is no pipeline of this name, or no such page of its partitions.</p>\n",
	    out);
	status_page_end(out);
}
