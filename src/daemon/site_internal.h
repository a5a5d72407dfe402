/* site_internal.h: what the site's files share: site.c (pages), site_html.c (those for people) and
 * site_act.c (what can be told). */
#pragma once
#include <stdio.h>
#include "daemon/site.h"
#include "daemon/status_json.h"

#define SITE_TEXT         "text/plain; charset=utf-8"
#define SITE_JSON         "application/json"
#define SITE_HTML         "text/html; charset=utf-8"
#define SITE_PIPELINES    "/api/v1/pipelines"
#define SITE_ONE_PIPELINE SITE_PIPELINES "/"
#define SITE_PIPELINE_PAGE "/pipelines/"
#define SITE_PARTITIONS   "/api/v1/partitions"
#define SITE_RELOAD       "/api/v1/reload"
#define SITE_LOG_LEVEL    "/api/v1/log-level"
#define SITE_EXPLAIN      "/api/v1/explain"
#define SITE_NO_PIPELINE  "There is no pipeline of this name; " SITE_PIPELINES " lists them.\n"

enum { SITE_OK = 200, SITE_BAD_REQUEST = 400, SITE_NOT_FOUND = 404, SITE_CONFLICT = 409, SITE_UNAVAILABLE = 503 };

/* A page that is a sentence, with its newline. */
void site_say(struct http_page *page, unsigned status, const char *text);

/* A stream that writes the page's body; site_finish() ends it. NULL: no memory. */
FILE *site_begin(struct http_page *page, const char *content_type);
void site_finish(struct http_page *page, FILE *out, unsigned status);

/* Younger than 100 ms. */
const struct pipeline_snapshot *site_snapshots(struct site *site, size_t *count);

void site_status_page(struct site *site, enum reload_detail detail, struct http_page *page);
/* what: NAME, or NAME/NUMBER of a page of partitions. */
void site_pipeline_page(struct site *site, const char *what, enum reload_detail detail, struct http_page *page);
void site_one_pipeline(struct site *site, const char *name, struct http_page *page);
void site_last_reload(struct site *site, enum reload_detail detail, struct http_page *page);
void site_log_level(struct site *site, enum reload_detail detail, struct http_page *page);
