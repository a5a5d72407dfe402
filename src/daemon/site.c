#include "daemon/site_internal.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "daemon/explain.h"
#include "daemon/health.h"
#include "daemon/metrics.h"
#include "daemon/status_json.h"

void site_say(struct http_page *page, unsigned status, const char *text)
{
	page->status = status;
	page->content_type = SITE_TEXT;
	page->body = xstrdup(text);
	page->length = strlen(text);
}

static void health(struct site *site, enum reload_detail detail, struct http_page *page)
{
	(void)site;
	(void)detail;
	site_say(page, SITE_OK, "OK\n");
}

static void livez(struct site *site, enum reload_detail detail, struct http_page *page)
{
	int64_t now_us = clock_monotonic_us();
	const char *stalled;
	char text[512];

	(void)detail;
	supervisor_refresh_lazily(site->supervisor, now_us);
	stalled = supervisor_stalled(site->supervisor, now_us, site->stall_limit_us);
	if (!stalled) {
		site_say(page, SITE_OK, "alive\n");
		return;
	}
	snprintf(text, sizeof text, "%s: its thread has not turned for more than %" PRId64 " s\n", stalled,
	    site->stall_limit_us / USEC_PER_SEC);
	site_say(page, SITE_UNAVAILABLE, text);
}

const struct pipeline_snapshot *site_snapshots(struct site *site, size_t *count)
{
	supervisor_refresh_lazily(site->supervisor, clock_monotonic_us());
	return supervisor_snapshots(site->supervisor, count);
}

FILE *site_begin(struct http_page *page, const char *content_type)
{
	page->content_type = content_type;
	return open_memstream(&page->body, &page->length);
}

void site_finish(struct http_page *page, FILE *out, unsigned status)
{
	bool whole = !ferror(out);

	page->status = status;
	if (fclose(out) == 0 && whole)
		return;
	free(page->body); /* half a page would be worse than none */
	page->body = NULL;
}

static void readyz(struct site *site, enum reload_detail detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);
	FILE *out;

	(void)detail;
	if (site->stopping) {
		site_say(page, SITE_UNAVAILABLE, "aloqd stops\n");
		return;
	}
	out = site_begin(page, SITE_TEXT);
	if (out)
		site_finish(page, out, health_write_readiness(out, snapshots, count) ? SITE_OK : SITE_UNAVAILABLE);
}

static void metrics(struct site *site, enum reload_detail detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);
	FILE *out = site_begin(page, METRICS_CONTENT_TYPE);

	(void)detail;
	if (!out)
		return;
	metrics_write(out, &site->identity, site->started_ms, reload_status(site->reload), snapshots, count);
	site_finish(page, out, SITE_OK);
}

static void list(struct site *site, enum reload_detail detail, enum pipeline_detail pipeline_detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);

	page->status = SITE_OK;
	page->content_type = SITE_JSON;
	page->body = status_json_all(&site->identity, reload_status(site->reload), detail, pipeline_detail, snapshots,
	    count, &page->length);
}

static void pipelines(struct site *site, enum reload_detail detail, struct http_page *page)
{
	list(site, detail, PIPELINE_SUMS, page);
}

static void partitions(struct site *site, enum reload_detail detail, struct http_page *page)
{
	list(site, detail, PIPELINE_WHOLE, page);
}

void site_last_reload(struct site *site, enum reload_detail detail, struct http_page *page)
{
	page->status = SITE_OK;
	page->content_type = SITE_JSON;
	page->body = status_json_reload(reload_status(site->reload), detail, &page->length);
}

void site_one_pipeline(struct site *site, const char *name, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = site_snapshots(site, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(snapshots[i].name, name) != 0)
			continue;
		page->status = SITE_OK;
		page->content_type = SITE_JSON;
		page->body = status_json_one(&snapshots[i], &page->length);
		return;
	}
	site_say(page, SITE_NOT_FOUND, SITE_NO_PIPELINE);
}

/* ---- what only those are told who may know the configuration ---- */

static void say_not_found(struct http_page *page)
{
	site_say(page, SITE_NOT_FOUND,
	    "There is no such page; there are /, /health, /livez, /readyz, /metrics, " SITE_PIPELINES
	    ", " SITE_PARTITIONS " and " SITE_RELOAD ".\n");
}

void site_log_level(struct site *site, enum reload_detail detail, struct http_page *page)
{
	_cleanup_free_ char *json = xasprintf("{\"level\":\"%s\",\"configured\":\"%s\"}\n",
	    log_level_name(log_level()), log_level_name(reload_config(site->reload)->log_level));

	if (detail != RELOAD_WHOLE) {
		say_not_found(page);
		return;
	}
	site_say(page, SITE_OK, json);
	page->content_type = SITE_JSON;
}

static void explain_one(struct site *site, const char *name, struct http_page *page)
{
	FILE *out = site_begin(page, SITE_TEXT);
	struct error err = { 0 };
	int result;

	if (!out)
		return;
	result = explain(out, reload_config(site->reload), name, &err);
	site_finish(page, out, SITE_OK);
	if (result == 0)
		return;
	free(page->body);
	site_say(page, SITE_NOT_FOUND, SITE_NO_PIPELINE);
}

static void explain_all(struct site *site, enum reload_detail detail, struct http_page *page)
{
	if (detail == RELOAD_WHOLE)
		explain_one(site, NULL, page);
	else
		say_not_found(page);
}

static void find_page(struct site *site, const char *path, enum reload_detail detail, struct http_page *page)
{
	static const struct {
		const char *path;
		void (*page)(struct site *site, enum reload_detail detail, struct http_page *page);
	} pages[] = {
		{ "/", site_status_page },
		{ "/health", health },
		{ "/livez", livez },
		{ "/readyz", readyz },
		{ "/metrics", metrics },
		{ SITE_PIPELINES, pipelines },
		{ SITE_PARTITIONS, partitions },
		{ SITE_RELOAD, site_last_reload },
		{ SITE_LOG_LEVEL, site_log_level },
		{ SITE_EXPLAIN, explain_all },
	};

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (strcmp(path, pages[i].path) == 0) {
			pages[i].page(site, detail, page);
			return;
		}
	}
	if (strncmp(path, SITE_PIPELINE_PAGE, strlen(SITE_PIPELINE_PAGE)) == 0)
		site_pipeline_page(site, path + strlen(SITE_PIPELINE_PAGE), detail, page);
	else if (strncmp(path, SITE_ONE_PIPELINE, strlen(SITE_ONE_PIPELINE)) == 0)
		site_one_pipeline(site, path + strlen(SITE_ONE_PIPELINE), page);
	else if (detail == RELOAD_WHOLE && strncmp(path, SITE_EXPLAIN "/", strlen(SITE_EXPLAIN "/")) == 0)
		explain_one(site, path + strlen(SITE_EXPLAIN "/"), page);
	else
		say_not_found(page);
}

void site_public_page(void *context, const char *path, struct http_page *page)
{
	find_page(context, path, RELOAD_OUTCOME, page);
}

void site_page(void *context, const char *path, struct http_page *page)
{
	find_page(context, path, RELOAD_WHOLE, page);
}
