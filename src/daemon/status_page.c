#include "daemon/status_page.h"
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "daemon/html.h"
#include "daemon/status_page_internal.h"

/* So many are named one by one; the table has all. */
enum { URGENT_MAX = 25 };

/* ---- in a line or two ---- */

static void write_reload(FILE *out, const struct status_page *page)
{
	const struct reload_status *reload = page->reload;

	if (!reload->was_refused)
		return;
	fputs("<p class=\"warning\">The last reload was refused (", out);
	html_past(out, reload->at_ms, page->now_ms);
	fputs("): the configuration from before holds. ", out);
	if (page->reload_detail == RELOAD_WHOLE)
		html_text(out, reload->summary);
	else
		fputs("<code>aloqctl reload</code> and the journal say why.", out);
	fputs("</p>\n", out);
}

static void write_sums(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t in_state[PIPELINE_STATE_COUNT] = { 0 };
	int64_t records_per_s = 0;
	int64_t lag = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < count; i++) {
		in_state[snapshots[i].state]++;
		records_per_s += snapshots[i].records_per_s > 0 ? snapshots[i].records_per_s : 0;
		lag += snapshots[i].lag > 0 ? snapshots[i].lag : 0;
		unknown += snapshots[i].lag < 0 && snapshots[i].state != PIPELINE_STOPPED;
	}
	fprintf(out, "<p class=\"sums\"><b>%zu</b> pipeline%s:", count, count == 1 ? "" : "s");
	for (int state = 0; state < PIPELINE_STATE_COUNT; state++) {
		const char *name = pipeline_state_name((enum pipeline_state)state);

		if (in_state[state])
			fprintf(out, " <span class=\"state %s\">%zu %s</span>", name, in_state[state], name);
	}
	fputs(" <span class=\"sum\"><b>", out);
	html_count(out, records_per_s);
	fputs("</b> records/s</span> <span class=\"sum\">lag <b>", out);
	html_count(out, lag);
	fputs("</b>", out);
	if (unknown)
		fprintf(out, ", unknown for %zu", unknown);
	fputs("</span></p>\n", out);
}

/* ---- what wants a look ---- */

/* The worst first: what waits for a person, then what stands still, then what tries again by itself. */
static const enum pipeline_state by_urgency[] = { PIPELINE_FAILED, PIPELINE_BLOCKED, PIPELINE_RUNNING,
	PIPELINE_BACKING_OFF, PIPELINE_STARTING, PIPELINE_DRAINING, PIPELINE_PAUSED, PIPELINE_STOPPED };
_Static_assert(sizeof by_urgency / sizeof by_urgency[0] == PIPELINE_STATE_COUNT, "each state once");

/* Those in this state, of all no more than there is room for. Returns how many there are then. */
static size_t write_urgent_in(FILE *out, const struct status_page *page, enum pipeline_state state,
    const struct pipeline_snapshot *snapshots, size_t count, size_t told)
{
	for (size_t i = 0; i < count && told < URGENT_MAX; i++) {
		_cleanup_free_ char *why =
		    snapshots[i].state == state ? status_page_urgent(page, &snapshots[i]) : NULL;

		if (!why)
			continue;
		fputs("<li>", out);
		status_page_state(out, &snapshots[i]);
		fputc(' ', out);
		status_page_link(out, snapshots[i].name);
		fputs(" <span class=\"why\">", out);
		html_text_cut(out, why, STATUS_PAGE_WHY_BYTES);
		fputs("</span></li>\n", out);
		told++;
	}
	return told;
}

static void write_urgent(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshots,
    size_t count, size_t urgent)
{
	size_t told = 0;

	if (urgent == 0) {
		fputs("<p class=\"calm\">Nothing needs attention.</p>\n", out);
		return;
	}
	fprintf(out, "<section class=\"urgent\">\n<h2>%zu need%s attention</h2>\n<ul>\n", urgent, urgent == 1 ? "s" : "");
	for (size_t i = 0; i < PIPELINE_STATE_COUNT; i++)
		told = write_urgent_in(out, page, by_urgency[i], snapshots, count, told);
	fputs("</ul>\n", out);
	if (told < urgent)
		fprintf(out, "<p>And %zu more: see the table.</p>\n", urgent - told);
	fputs("</section>\n", out);
}

/* ---- all of them ---- */

static void write_latency_cell(FILE *out, const char *class_name, const struct histogram *histogram, double share)
{
	fprintf(out, "<td class=\"%s\">", class_name);
	if (histogram->total)
		html_latency(out, histogram_quantile_us(histogram, share));
	else
		fputs(HTML_NONE, out);
	fputs("</td>", out);
}

/* A reason that tells the last error is that, and is told once, with its time. */
static void write_words_cell(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	_cleanup_free_ char *urgent = status_page_urgent(page, snapshot);
	const char *why = urgent ? urgent : snapshot->reason;
	bool tells_error = why && snapshot->last_error && strstr(why, snapshot->last_error);

	fputs("<td class=\"words\">", out);
	if (why) {
		fprintf(out, "<p class=\"%s\">", urgent ? "why" : "note");
		status_page_error(
		    out, why, tells_error ? snapshot->last_error_at_ms : 0, page->now_ms, STATUS_PAGE_CUT_BYTES);
		fputs("</p>", out);
	}
	if (snapshot->last_error && !tells_error) {
		fputs("<p class=\"past\">", out);
		status_page_error(
		    out, snapshot->last_error, snapshot->last_error_at_ms, page->now_ms, STATUS_PAGE_CUT_BYTES);
		fputs("</p>", out);
	}
	fputs("</td>", out);
}

static void write_row(FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	fputs("<tr id=\"p-", out);
	html_segment(out, snapshot->name);
	fputs("\"><th scope=\"row\">", out);
	status_page_link(out, snapshot->name);
	fputs("</th><td class=\"is\">", out);
	status_page_state(out, snapshot);
	fputs(" <small>", out);
	html_age(out, page->now_ms > snapshot->state_since_ms ? page->now_ms - snapshot->state_since_ms : 0);
	fprintf(out, "</small></td><td class=\"delivery\">%s</td>", delivery_name(snapshot->delivery));
	status_page_count_cell(out, "rate", snapshot->records_per_s);
	status_page_count_cell(out, "lag", snapshot->lag);
	status_page_age_cell(out, "old", snapshot->oldest_unsettled_age_ms);
	write_latency_cell(out, "p50", &snapshot->latencies.report, 0.50);
	write_latency_cell(out, "p99", &snapshot->latencies.report, 0.99);
	status_page_count_cell(out, "parts", (int64_t)snapshot->partition_count);
	write_words_cell(out, page, snapshot);
	fputs("</tr>\n", out);
}

static void write_table(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshots, size_t count)
{
	fputs("<table class=\"all\" aria-labelledby=\"t-all\">\n<caption>Rate: records acknowledged a second, over about the last 10 seconds. "
	      "Oldest: the age of the oldest unsettled record. Latency: from fetch to acknowledgement, "
	      "since the start, as upper bounds that double.</caption>\n"
	      "<thead><tr><th scope=\"col\">Pipeline</th><th scope=\"col\">State, for</th><th scope=\"col\" class=\"delivery\">Delivery</th>"
	      "<th scope=\"col\" class=\"number\">Records/s</th><th scope=\"col\" class=\"number\">Lag</th>"
	      "<th scope=\"col\" class=\"number\">Oldest</th>"
	      "<th scope=\"col\" class=\"number\">p50</th><th scope=\"col\" class=\"number\">p99</th>"
	      "<th scope=\"col\" class=\"number\">Partitions</th>"
	      "<th scope=\"col\">Reason, last error</th></tr></thead>\n<tbody>\n",
	    out);
	for (size_t i = 0; i < count; i++)
		write_row(out, page, &snapshots[i]);
	fputs("</tbody>\n</table>\n", out);
}

void status_page_write(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t urgent = 0;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *why = status_page_urgent(page, &snapshots[i]);

		urgent += why != NULL;
	}
	status_page_begin(out, page, NULL, urgent);
	write_reload(out, page);
	if (count == 0) {
		fputs("<p>There is no pipeline in the configuration: <code>man aloqd.conf</code> shows how one looks.</p>\n",
		    out);
	} else {
		write_sums(out, snapshots, count);
		write_urgent(out, page, snapshots, count, urgent);
		fputs("<h2 id=\"t-all\">Pipelines</h2>\n", out);
		write_table(out, page, snapshots, count);
	}
	status_page_end(out);
}
