/* html.h: pieces of a page, with each text safe whatever it holds. Pure: they write to the stream, whose errors the
 * caller looks at in the end. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What nobody knows, and where there is nothing. */
#define HTML_NONE "\xe2\x80\x93"

/* The text as escape.h writes it, with the five characters that mean something to HTML as references: good between tags
 * and within quotation marks. NULL: HTML_NONE. */
void html_text(FILE *out, const char *text);

/* The same, of no more than so many bytes as escape.h has them; what is cut ends in "...". At most HTML_CUT_MAX. */
enum { HTML_CUT_MAX = 1024 };
void html_text_cut(FILE *out, const char *text, size_t bytes);

/* A name as a segment of a path, also good as an id: all but letters, digits, '-', '_' and '.' percent-encoded. */
void html_segment(FILE *out, const char *name);

/* "12 034 567", with narrow spaces that no line breaks at; below 0: HTML_NONE. */
void html_count(FILE *out, int64_t count);

/* The same without spaces, so that an offset may be copied. */
void html_offset(FILE *out, int64_t offset);

/* "1.5 MiB". */
void html_bytes(FILE *out, uint64_t bytes);

/* "0.4s", "3h12m"; below 0: HTML_NONE. */
void html_age(FILE *out, int64_t age_ms);

/* A latency: "512 µs", "1.0 ms", "2.1 s". */
void html_latency(FILE *out, int64_t latency_us);

/* A <time>: "2m05s ago" with the time of day, of the day too if that is another one. A clock that was set back: 0.0s
 * ago. */
void html_past(FILE *out, int64_t at_ms, int64_t now_ms);

/* A <time>: "2026-11-27 14:44:13 UTC". */
void html_time(FILE *out, int64_t at_ms);
