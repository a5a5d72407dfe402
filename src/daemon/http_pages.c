#include "daemon/http_pages.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* In front of each body. */
struct unsent {
	struct http_pages *pages;
	char *body;
	size_t length;
};

static void sent(void *context)
{
	struct unsent *unsent = context;

	unsent->pages->unsent_bytes -= unsent->length;
	free(unsent->body);
	free(unsent);
}

struct MHD_Response *http_pages_find(struct http_pages *pages, const char *path, int64_t now_us, unsigned *status)
{
	for (size_t i = 0; i < HTTP_PAGES_KEPT; i++) {
		if (!pages->kept[i].response || now_us - pages->kept[i].made_us > HTTP_PAGE_KEPT_US ||
		    strcmp(pages->kept[i].path, path) != 0)
			continue;
		*status = pages->kept[i].status;
		return pages->kept[i].response;
	}
	return NULL;
}

static void drop(struct http_pages *pages, size_t i)
{
	if (pages->kept[i].response)
		MHD_destroy_response(pages->kept[i].response);
	pages->kept[i].response = NULL;
}

void http_pages_forget(struct http_pages *pages, int64_t made_before_us)
{
	for (size_t i = 0; i < HTTP_PAGES_KEPT; i++)
		if (pages->kept[i].made_us < made_before_us)
			drop(pages, i);
}

static bool has_room(const struct http_pages *pages, size_t length)
{
	return pages->unsent_bytes == 0 || (pages->unsent_bytes <= HTTP_UNSENT_MAX_BYTES &&
					       length <= HTTP_UNSENT_MAX_BYTES - pages->unsent_bytes);
}

struct MHD_Response *http_pages_make(struct http_pages *pages, const struct http_page *page)
{
	struct unsent *unsent = malloc(sizeof *unsent);
	struct MHD_Response *response = NULL;

	if (!has_room(pages, page->length))
		http_pages_forget(pages, INT64_MAX);
	if (unsent && has_room(pages, page->length)) {
		*unsent = (struct unsent){ .pages = pages, .body = page->body, .length = page->length };
		response = MHD_create_response_from_buffer_with_free_callback_cls(page->length, page->body, sent, unsent);
	}
	if (!response) {
		free(unsent);
		free(page->body);
		return NULL;
	}
	pages->unsent_bytes += page->length;
	return response;
}

void http_pages_keep(
    struct http_pages *pages, const char *path, struct MHD_Response *response, unsigned status, int64_t now_us)
{
	size_t i = pages->oldest;
	size_t length = strlen(path);

	if (length >= HTTP_PATH_KEPT) {
		MHD_destroy_response(response);
		return;
	}
	drop(pages, i);
	pages->kept[i].response = response;
	pages->kept[i].status = status;
	pages->kept[i].made_us = now_us;
	memcpy(pages->kept[i].path, path, length + 1);
	pages->oldest = (i + 1) % HTTP_PAGES_KEPT;
}
