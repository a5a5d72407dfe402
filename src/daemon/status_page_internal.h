/* status_page_internal.h: what the files of status_page.h share. Nothing else includes it. */
#pragma once
#include "daemon/status_page.h"

/* Texts in a table are cut to the first, where they are the point to the second; the page of the pipeline has them
 * whole. */
enum { STATUS_PAGE_CUT_BYTES = 160, STATUS_PAGE_WHY_BYTES = 600 };

/* Made from status_page.css and status_page.js by embed.sh. */
extern const char status_page_style[];
extern const char status_page_script[];

/* All up to the content, which the script brings up to date. name: the pipeline; NULL: the page is of all. urgent: how
 * many want a look. */
void status_page_begin(FILE *out, const struct status_page *page, const char *name, size_t urgent);
void status_page_end(FILE *out);

/* Would somebody on call want to know of it? With the reason in words that the caller frees; NULL: no. */
char *status_page_urgent(const struct status_page *page, const struct pipeline_snapshot *snapshot);

/* The state with its colour: a word in an element. */
void status_page_state(FILE *out, const struct pipeline_snapshot *snapshot);

/* A link to the page of the pipeline. */
void status_page_link(FILE *out, const char *name);

/* What is waited for: its name, and words on it (stuck_words(), or partition_wait_words()) that go on from there. */
void status_page_wait(FILE *out, enum partition_wait wait, const char *words);

/* <td class="name">, the count, </td>. */
void status_page_count_cell(FILE *out, const char *class_name, int64_t count);
void status_page_age_cell(FILE *out, const char *class_name, int64_t age_ms);

/* The last error and when it was. bytes: where it is cut; 0: nowhere. */
void status_page_error(FILE *out, const char *error, int64_t at_ms, int64_t now_ms, size_t bytes);

/* How many pages the partitions take; at least 1. */
size_t status_page_pages(const struct pipeline_snapshot *snapshot);

/* Those that stand still, and the page of this number of all of them. */
void status_page_partitions(
    FILE *out, const struct status_page *page, const struct pipeline_snapshot *snapshot, size_t number);
