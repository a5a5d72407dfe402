#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "daemon/health.h"
#include "daemon/html.h"
#include "daemon/status_page_internal.h"
#include "daemon/stuck.h"

/* Two arrows, so that the tab is found among others; and no browser asks for /favicon.ico. */
#define ICON \
	"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" \
	"%3Crect width='16' height='16' rx='3' fill='%231f5fa8'/%3E" \
	"%3Cpath d='M3 4.5l4 3.5-4 3.5M8.5 4.5l4 3.5-4 3.5' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"

static void write_title(FILE *out, const struct status_page *page, const char *name, size_t urgent)
{
	fputs("<title>", out);
	if (name) {
		html_text_cut(out, name, STATUS_PAGE_CUT_BYTES);
		fputs(urgent ? " needs attention" : "", out);
	} else if (urgent) {
		fprintf(out, "%zu need%s attention", urgent, urgent == 1 ? "s" : "");
	} else {
		fputs("Pipelines", out);
	}
	fputs(" - aloqd ", out);
	html_text_cut(out, page->identity->instance, STATUS_PAGE_CUT_BYTES);
	fputs("</title>\n", out);
}

static void write_head(FILE *out, const struct status_page *page, const char *name, size_t urgent)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\" data-version=\"", out);
	html_text(out, page->identity->version);
	fputs("\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n",
	    out);
	write_title(out, page, name, urgent);
	fputs("<link rel=\"icon\" href=\"" ICON "\">\n<style>", out);
	fputs(status_page_style, out);
	fputs("</style>\n</head>\n", out);
}

void status_page_begin(FILE *out, const struct status_page *page, const char *name, size_t urgent)
{
	write_head(out, page, name, urgent);
	fputs("<body>\n<header>\n<h1>", out);
	fputs(name ? "<a href=\"/\">aloqd</a>" : "aloqd", out);
	fputs(" <span class=\"instance\">", out);
	html_text_cut(out, page->identity->instance, STATUS_PAGE_CUT_BYTES);
	/* No refresh of the browser's own where no script runs: it would take the place that somebody reads from under
	 * his eyes. An empty address is that of the page. */
	fputs("</span></h1>\n<p id=\"controls\"><a id=\"again\" href=\"\">Refresh</a></p>\n"
	      "<p id=\"notice\" role=\"status\"></p>\n</header>\n<main id=\"live\">\n<p class=\"about\">As of <span id=\"as-of\">",
	    out);
	html_time(out, page->now_ms);
	fputs("</span>. Version ", out);
	html_text(out, page->identity->version);
	fputs(", librdkafka ", out);
	html_text(out, page->identity->library_version);
	fputs(", up for ", out);
	html_age(out, page->now_ms > page->started_ms ? page->now_ms - page->started_ms : 0);
	fputs(".</p>\n", out);
	if (page->stopping)
		fputs("<p class=\"warning\">aloqd stops: the pipelines drain.</p>\n", out);
}

void status_page_end(FILE *out)
{
	fputs("</main>\n<script>", out);
	fputs(status_page_script, out);
	fputs("</script>\n</body>\n</html>\n", out);
}

/* Everything starts once, and is drained. */
static bool is_on_its_way(const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	return snapshot->state == PIPELINE_DRAINING ||
	       (snapshot->state == PIPELINE_STARTING && page->now_ms - snapshot->state_since_ms <= READY_AWAY_MS);
}

char *status_page_urgent(const struct status_page *page, const struct pipeline_snapshot *snapshot)
{
	const struct partition_snapshot *still = stuck_partition(snapshot, STUCK_TOLD_MS);

	if (pipeline_state_is_ready(snapshot->state) || is_on_its_way(page, snapshot))
		return still ? stuck_sentence(still) : NULL;
	return xstrdup(snapshot->reason ? snapshot->reason : "it does not say why");
}

void status_page_state(FILE *out, const struct pipeline_snapshot *snapshot)
{
	const char *name = pipeline_state_name(snapshot->state);

	fprintf(out, "<span class=\"state %s\">%s</span>", name, name);
}

void status_page_link(FILE *out, const char *name)
{
	fputs("<a href=\"/pipelines/", out);
	html_segment(out, name);
	fputs("\">", out);
	html_text_cut(out, name, STATUS_PAGE_CUT_BYTES);
	fputs("</a>", out);
}

void status_page_wait(FILE *out, enum partition_wait wait, const char *words)
{
	const char *name = partition_wait_name(wait);
	size_t length = strlen(name);

	/* "nothing: it relays" has its name in it. */
	if (strncmp(words, name, length) == 0 && words[length] == ':')
		words += length + 1;
	fprintf(out, "<b>%s</b>: <span>", name);
	html_text(out, words[0] == ' ' ? words + 1 : words);
	fputs("</span>", out);
}

void status_page_count_cell(FILE *out, const char *class_name, int64_t count)
{
	fprintf(out, "<td class=\"%s\">", class_name);
	html_count(out, count);
	fputs("</td>", out);
}

void status_page_age_cell(FILE *out, const char *class_name, int64_t age_ms)
{
	fprintf(out, "<td class=\"%s\">", class_name);
	html_age(out, age_ms);
	fputs("</td>", out);
}

void status_page_error(FILE *out, const char *error, int64_t at_ms, int64_t now_ms, size_t bytes)
{
	if (!error)
		return;
	if (at_ms > 0) {
		html_past(out, at_ms, now_ms);
		fputs(": ", out);
	}
	if (bytes)
		html_text_cut(out, error, bytes);
	else
		html_text(out, error);
}
