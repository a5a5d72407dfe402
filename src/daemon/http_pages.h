/* http_pages.h: the pages that are being sent, and a short memory of them. However many ask for the same page at once,
 * it is made once; and what slow visitors have not taken yet is bounded. Thread: the main thread. */
#pragma once
#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>
#include "daemon/http_server.h"

enum { HTTP_PAGES_KEPT = 8, HTTP_PATH_KEPT = 128 };

/* So long a page is true enough for the next who asks; a snapshot is as old. */
#define HTTP_PAGE_KEPT_US INT64_C(100000)

/* Bodies that wait for their visitors hold no more than this together; a page alone may be larger. */
#define HTTP_UNSENT_MAX_BYTES (64U << 20)

struct http_pages {
	size_t unsent_bytes; /* of all bodies that are not freed yet */
	struct {
		struct MHD_Response *response; /* NULL: none */
		unsigned status;
		int64_t made_us;
		char path[HTTP_PATH_KEPT];
	} kept[HTTP_PAGES_KEPT];
	size_t oldest;
};

/* The page for the path if it is no older than HTTP_PAGE_KEPT_US, else NULL. It stays the pages' own. */
struct MHD_Response *http_pages_find(struct http_pages *pages, const char *path, int64_t now_us, unsigned *status);

/* A response that owns the body of the page, also on failure. The caller destroys it, or gives it to
 * http_pages_keep(). NULL: too much is unsent, or there is no memory. */
struct MHD_Response *http_pages_make(struct http_pages *pages, const struct http_page *page);

/* Takes the response, to be found for a while. */
void http_pages_keep(
    struct http_pages *pages, const char *path, struct MHD_Response *response, unsigned status, int64_t now_us);

/* Lets go what was made before; INT64_MAX: all, because something has been changed, or at the end. */
void http_pages_forget(struct http_pages *pages, int64_t made_before_us);
