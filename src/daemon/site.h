/* site.h: the pages of the HTTP servers: which path says what. Thread: the main thread. */
#pragma once
#include <stdint.h>
#include "daemon/http_server.h"
#include "daemon/identity.h"
#include "daemon/supervisor.h"

struct site {
	struct identity identity;
	int64_t started_ms; /* wall clock */
	struct supervisor *supervisor;
	int64_t stall_limit_us; /* a thread that has not turned for this long is not alive */
};

/* An http_site; context is the struct site. */
void site_page(void *context, const char *path, struct http_page *page);
