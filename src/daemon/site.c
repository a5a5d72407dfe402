#include "daemon/site.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "daemon/health.h"
#include "daemon/metrics.h"
#include "daemon/status_json.h"

#define TEXT         "text/plain; charset=utf-8"
#define JSON         "application/json"
#define PIPELINES    "/api/v1/pipelines"
#define ONE_PIPELINE PIPELINES "/"
#define PARTITIONS   "/api/v1/partitions"
#define RELOAD       "/api/v1/reload"
#define PAUSE        "/pause"
#define RESUME       "/resume"

enum { OK = 200, NOT_FOUND = 404, UNAVAILABLE = 503 };

static void say(struct http_page *page, unsigned status, const char *text)
{
	page->status = status;
	page->content_type = TEXT;
	page->body = xstrdup(text);
	page->length = strlen(text);
}

static void health(struct site *site, enum reload_detail detail, struct http_page *page)
{
	(void)site;
	(void)detail;
	say(page, OK, "OK\n");
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
		say(page, OK, "alive\n");
		return;
	}
	snprintf(text, sizeof text, "%s: its thread has not turned for more than %" PRId64 " s\n", stalled,
	    site->stall_limit_us / USEC_PER_SEC);
	say(page, UNAVAILABLE, text);
}

static const struct pipeline_snapshot *fresh_snapshots(struct site *site, size_t *count)
{
	supervisor_refresh_lazily(site->supervisor, clock_monotonic_us());
	return supervisor_snapshots(site->supervisor, count);
}

/* A stream that writes the page's body; finish() ends it. */
static FILE *begin(struct http_page *page, const char *content_type)
{
	page->content_type = content_type;
	return open_memstream(&page->body, &page->length);
}

static void finish(struct http_page *page, FILE *out, unsigned status)
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
	const struct pipeline_snapshot *snapshots = fresh_snapshots(site, &count);
	FILE *out;

	(void)detail;
	if (site->stopping) {
		say(page, UNAVAILABLE, "aloqd stops\n");
		return;
	}
	out = begin(page, TEXT);
	if (out)
		finish(page, out, health_write_readiness(out, snapshots, count) ? OK : UNAVAILABLE);
}

static void metrics(struct site *site, enum reload_detail detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = fresh_snapshots(site, &count);
	FILE *out = begin(page, METRICS_CONTENT_TYPE);

	(void)detail;
	if (!out)
		return;
	metrics_write(out, &site->identity, site->started_ms, reload_status(site->reload), snapshots, count);
	finish(page, out, OK);
}

static void list(struct site *site, enum reload_detail detail, enum pipeline_detail pipeline_detail, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = fresh_snapshots(site, &count);

	page->status = OK;
	page->content_type = JSON;
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

static void last_reload(struct site *site, enum reload_detail detail, struct http_page *page)
{
	page->status = OK;
	page->content_type = JSON;
	page->body = status_json_reload(reload_status(site->reload), detail, &page->length);
}

#define NO_PIPELINE "There is no running pipeline of this name; " PIPELINES " lists them.\n"

static void one_pipeline(struct site *site, const char *name, struct http_page *page)
{
	size_t count;
	const struct pipeline_snapshot *snapshots = fresh_snapshots(site, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(snapshots[i].name, name) != 0)
			continue;
		page->status = OK;
		page->content_type = JSON;
		page->body = status_json_one(&snapshots[i], &page->length);
		return;
	}
	say(page, NOT_FOUND, NO_PIPELINE);
}

static void find_page(struct site *site, const char *path, enum reload_detail detail, struct http_page *page)
{
	static const struct {
		const char *path;
		void (*page)(struct site *site, enum reload_detail detail, struct http_page *page);
	} pages[] = {
		{ "/health", health },
		{ "/livez", livez },
		{ "/readyz", readyz },
		{ "/metrics", metrics },
		{ PIPELINES, pipelines },
		{ PARTITIONS, partitions },
		{ RELOAD, last_reload },
	};

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (strcmp(path, pages[i].path) == 0) {
			pages[i].page(site, detail, page);
			return;
		}
	}
	if (strncmp(path, ONE_PIPELINE, strlen(ONE_PIPELINE)) == 0)
		one_pipeline(site, path + strlen(ONE_PIPELINE), page);
	else
		say(page, NOT_FOUND,
		    "There is no such page; there are /health, /livez, /readyz, /metrics, " PIPELINES
		    ", " PARTITIONS " and " RELOAD ".\n");
}

void site_public_page(void *context, const char *path, struct http_page *page)
{
	find_page(context, path, RELOAD_OUTCOME, page);
}

void site_page(void *context, const char *path, struct http_page *page)
{
	find_page(context, path, RELOAD_WHOLE, page);
}

/* NAME/pause, NAME/resume: is it? Then *name is to be freed. */
static bool is_pause(const char *path, char **name, bool *paused)
{
	const char *verb = strrchr(path, '/');

	if (strncmp(path, ONE_PIPELINE, strlen(ONE_PIPELINE)) != 0 || verb < path + strlen(ONE_PIPELINE))
		return false;
	*paused = strcmp(verb, PAUSE) == 0;
	if (!*paused && strcmp(verb, RESUME) != 0)
		return false;
	path += strlen(ONE_PIPELINE);
	*name = xasprintf("%.*s", (int)(verb - path), path);
	return true;
}

static void pause_or_resume(struct site *site, const char *name, bool paused, struct http_page *page)
{
	if (site->stopping)
		say(page, UNAVAILABLE, "aloqd stops, and does not pause or resume any more.\n");
	else if (!supervisor_pause(site->supervisor, name, paused))
		say(page, NOT_FOUND, NO_PIPELINE);
	else
		one_pipeline(site, name, page);
}

void site_act(void *context, const char *path, struct http_page *page)
{
	struct site *site = context;
	_cleanup_free_ char *name = NULL;
	bool paused;

	if (is_pause(path, &name, &paused)) {
		pause_or_resume(site, name, paused, page);
	} else if (strcmp(path, RELOAD) != 0) {
		say(page, NOT_FOUND,
		    "There is nothing to do here; POST " RELOAD
		    " reads the configuration again, " ONE_PIPELINE "NAME" PAUSE " and " RESUME
		    " do what they say.\n");
	} else if (site->stopping) {
		say(page, UNAVAILABLE, "aloqd stops, and does not reload any more.\n");
	} else {
		reload_begin(site->reload, "control socket");
		last_reload(site, RELOAD_WHOLE, page);
	}
}
