#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "daemon/site_internal.h"
#include "daemon/status_page.h"

enum { PAGE_DIGITS_MAX = 6 };

static struct status_page describe(const struct site *site, enum reload_detail detail)
{
	return (struct status_page){
		.identity = &site->identity,
		.reload = reload_status(site->reload),
		.reload_detail = detail,
		.started_ms = site->started_ms,
		.now_ms = clock_realtime_ms(),
		.stopping = site->stopping,
	};
}

static FILE *begin_html(struct http_page *page)
{
	page->policy = status_page_policy;
	return site_begin(page, SITE_HTML);
}

void site_status_page(struct site *site, enum reload_detail detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);
	const struct status_page about = describe(site, detail);
	FILE *out = begin_html(page);

	if (!out)
		return;
	status_page_write(out, &about, snapshots, count);
	site_finish(page, out, SITE_OK);
}

/* Cuts "/NUMBER" off the name. 1 where there is none, 0 where it is not a number as we write it. */
static size_t take_number(char *name)
{
	char *slash = strrchr(name, '/');
	const char *digits;
	size_t length;

	if (!slash)
		return 1;
	*slash = '\0';
	digits = slash + 1;
	length = strspn(digits, "0123456789");
	if (length == 0 || length > PAGE_DIGITS_MAX || digits[length] != '\0' || digits[0] == '0')
		return 0;
	return strtoul(digits, NULL, 10);
}

static const struct pipeline_snapshot *find(struct site *site, const char *name)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(snapshots[i].name, name) == 0)
			return &snapshots[i];
	return NULL;
}

/* No name holds a slash. */
void site_pipeline_page(struct site *site, const char *what, enum reload_detail detail, struct http_page *page)
{
	_cleanup_free_ char *name = xstrdup(what);
	size_t number = take_number(name);
	const struct pipeline_snapshot *snapshot = find(site, name);
	const struct status_page about = describe(site, detail);
	FILE *out = begin_html(page);

	if (!out)
		return;
	if (snapshot && status_page_write_pipeline(out, &about, snapshot, number)) {
		site_finish(page, out, SITE_OK);
		return;
	}
	status_page_write_missing(out, &about, name);
	site_finish(page, out, SITE_NOT_FOUND);
}
