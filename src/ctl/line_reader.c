#include "ctl/line_reader.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"

enum { CHUNK_BYTES = 64 << 10 };

void line_reader_init(struct line_reader *reader, int fd)
{
	*reader = (struct line_reader){ .fd = fd };
}

void line_reader_clear(struct line_reader *reader)
{
	free(reader->buffer);
	*reader = (struct line_reader){ .fd = -1 };
}

static void make_room(struct line_reader *reader)
{
	size_t held = reader->end - reader->begin;

	if (reader->begin > 0 && held > 0)
		memmove(reader->buffer, reader->buffer + reader->begin, held);
	reader->begin = 0;
	reader->end = held;
	if (reader->capacity - held >= CHUNK_BYTES)
		return;
	reader->capacity = 2 * reader->capacity + CHUNK_BYTES;
	reader->buffer = xreallocarray(reader->buffer, reader->capacity, 1);
}

/* 1: there is more, or the end; 0: nothing yet. */
static int fill(struct line_reader *reader, int timeout_ms, struct error *err)
{
	struct pollfd input = { .fd = reader->fd, .events = POLLIN };
	ssize_t count;
	int ready = poll(&input, 1, timeout_ms);

	if (ready < 0 && errno != EINTR)
		return error_set(err, -errno, REMEDY_PERSON, "the input cannot be read: %s", strerror(errno));
	if (ready <= 0)
		return 0;
	make_room(reader);
	count = read(reader->fd, reader->buffer + reader->end, reader->capacity - reader->end);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (count < 0)
		return error_set(err, -errno, REMEDY_PERSON, "the input cannot be read: %s", strerror(errno));
	reader->end += (size_t)count;
	reader->ended = count == 0;
	return 1;
}

int line_reader_next(struct line_reader *reader, int timeout_ms, const char **line, size_t *length, struct error *err)
{
	for (;;) {
		size_t held = reader->end - reader->begin;
		char *start = reader->buffer + reader->begin;
		char *found = held > reader->searched
				  ? memchr(start + reader->searched, '\n', held - reader->searched)
				  : NULL;
		int result;

		if (found || (reader->ended && held > 0)) {
			*line = start;
			*length = found ? (size_t)(found - start) : held;
			reader->begin += *length + (found ? 1 : 0);
			reader->searched = 0;
			return 1;
		}
		reader->searched = held;
		if (reader->ended)
			return -ENODATA;
		if (held > LINE_BYTES_MAX)
			return error_set(err, -EMSGSIZE, REMEDY_PERSON, "a line is longer than 64 MiB");
		result = fill(reader, timeout_ms, err);
		if (result <= 0)
			return result;
	}
}
