/* line_reader.h: lines of a file or a pipe, without being stuck in it. Thread: the one that made it. */
#pragma once
#include <stddef.h>
#include "base/error.h"

enum { LINE_BYTES_MAX = 64 << 20 };

struct line_reader {
	int fd;
	char *buffer;
	size_t begin, end, capacity; /* what is read and not given out yet */
	size_t searched;	     /* of it, what has no line end */
	int ended;		     /* the file is at its end */
};

/* fd stays the caller's. */
void line_reader_init(struct line_reader *reader, int fd);
void line_reader_clear(struct line_reader *reader);

/* 1: *line is the next one, without its newline, and valid until the next call; the last one need not end with a newline.
 * 0: none within timeout_ms. -ENODATA: there are no more. Another negative errno with err set: it cannot be read, or a line
 * is longer than LINE_BYTES_MAX. */
int line_reader_next(struct line_reader *reader, int timeout_ms, const char **line, size_t *length, struct error *err);
