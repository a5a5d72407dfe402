/* site.h: the pages of the HTTP servers: which path says what. Thread: the main thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "daemon/http_server.h"
#include "daemon/identity.h"
#include "daemon/reload.h"
#include "daemon/supervisor.h"

struct site {
	struct identity identity;
	int64_t started_ms; /* wall clock */
	struct supervisor *supervisor;
	struct reload *reload;
	bool stopping;          /* it does not reload any more */
	int64_t stall_limit_us; /* a thread that has not turned for this long is not alive */
};

/* http_sites; context is the struct site. The first is for everybody; the second, the same pages and some more, is
 * for those who may know what stands in the configuration's files. */
void site_public_page(void *context, const char *path, struct http_page *page);
void site_page(void *context, const char *path, struct http_page *page);
/* http_action: what can be told is logged, with who told it and what became of it. */
void site_act(void *context, const struct http_request *request, struct http_page *page);
