#include "config/source_text.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/memory.h"

#define FILE_SIZE_MAX     ((size_t)4 * 1024 * 1024) /* of one file and of the whole */
#define INCLUDE_DEPTH_MAX 10
#define NESTING_MAX       32   /* groups and lists within each other */
#define GROUP_SIZE_MAX    2000 /* settings: libconfig looks through all of a group for each one that it adds */
#define SHOWN             "%.80s"

/* What all files of one text share. */
struct reader {
	struct source_text *source;
	size_t capacity;
	const struct source_text_ops *ops;
	const char *include_dir;
	int nesting;
	int settings[NESTING_MAX + 1]; /* so far, of the group at each depth */
	bool failed;
};

/* One file on its way into the text. */
struct cursor {
	struct reader *reader;
	const char *text;
	size_t length;
	size_t at;
	int line;
	size_t file;
	int depth;
};

static void take_file(struct cursor *cursor);

static char *read_file(const char *path, size_t *length, unsigned int *mode)
{
	/* O_NONBLOCK: a pipe that nobody writes to would hold up the open. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t used = 0;
	size_t capacity = 16384;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : SOURCE_TEXT_NO_FILE;
		return NULL;
	}
	*mode = status.st_mode;
	text = xcalloc(capacity, 1);
	for (;;) {
		ssize_t got;

		if (used == capacity) {
			capacity *= 2;
			text = xreallocarray(text, capacity, 1);
		}
		got = read(fd, text + used, capacity - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > FILE_SIZE_MAX) {
			errno = EFBIG;
			return NULL;
		}
	}
	*length = used;
	return TAKE_PTR(text);
}

static void problem(const struct cursor *cursor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void problem(const struct cursor *cursor, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	cursor->reader->ops->problem(cursor->reader->ops->context, cursor->file, cursor->line, text);
	cursor->reader->failed = true;
}

static void put(struct reader *reader, char c)
{
	struct source_text *source = reader->source;

	if (source->length + 1 >= reader->capacity) {
		reader->capacity = reader->capacity ? reader->capacity * 2 : 16384;
		source->text = xreallocarray(source->text, reader->capacity, 1);
	}
	source->text[source->length++] = c;
	if (c == '\n')
		source->lines++;
}

/* From the next line of the whole text on, lines are those of the cursor, from its present one on. */
static void start_run(const struct cursor *cursor)
{
	struct source_text *source = cursor->reader->source;

	put(cursor->reader, '\n');
	source->runs = xreallocarray(source->runs, source->run_count + 1, sizeof *source->runs);
	source->runs[source->run_count++] =
	    (struct source_run){ .start = source->lines + 1, .file = cursor->file, .line = cursor->line };
}

static char peek(const struct cursor *cursor, size_t ahead)
{
	return cursor->at + ahead < cursor->length ? cursor->text[cursor->at + ahead] : '\0';
}

static bool at_end(const struct cursor *cursor)
{
	return cursor->at >= cursor->length;
}

/* Takes one character over. */
static void step(struct cursor *cursor)
{
	char c = cursor->text[cursor->at++];

	if (c == '\0')
		problem(cursor, "holds a NUL byte; write plain text");
	else
		put(cursor->reader, c);
	if (c == '\n')
		cursor->line++;
}

static void take_line_comment(struct cursor *cursor)
{
	while (!at_end(cursor) && peek(cursor, 0) != '\n')
		step(cursor);
}

static void take_block_comment(struct cursor *cursor)
{
	const struct cursor start = *cursor;

	step(cursor);
	step(cursor);
	while (!at_end(cursor) && !(peek(cursor, 0) == '*' && peek(cursor, 1) == '/'))
		step(cursor);
	if (at_end(cursor))
		problem(&start, "this comment does not end; close it with */");
	for (int i = 0; i < 2 && !at_end(cursor); i++)
		step(cursor);
}

static void take_string(struct cursor *cursor)
{
	const struct cursor start = *cursor;

	step(cursor);
	while (!at_end(cursor) && peek(cursor, 0) != '"') {
		if (peek(cursor, 0) == '\\') {
			if (tolower((unsigned char)peek(cursor, 1)) == 'x' && peek(cursor, 2) == '0' &&
			    peek(cursor, 3) == '0')
				problem(cursor, "a text holds \\x00; libconfig would end it there");
			step(cursor);
			/* Only of these two it matters here that the backslash takes them along. */
			if (peek(cursor, 0) != '"' && peek(cursor, 0) != '\\')
				continue;
		}
		if (!at_end(cursor))
			step(cursor);
	}
	if (at_end(cursor))
		problem(&start, "this text does not end; close it with \"");
	else
		step(cursor);
}

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '*' || c == '-';
}

/* The value of an integer literal, saturated at UINT64_MAX. */
static uint64_t literal_value(const char *digits, int base)
{
	uint64_t value = 0;

	for (; isxdigit((unsigned char)*digits); digits++) {
		int digit = isdigit((unsigned char)*digits) ? *digits - '0'
		                                            : tolower((unsigned char)*digits) - 'a' + 10;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return UINT64_MAX;
	}
	return value;
}

static void check_integer(const struct cursor *cursor, const char *literal)
{
	bool negative = literal[0] == '-';
	const char *digits = literal + (literal[0] == '-' || literal[0] == '+');
	bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	uint64_t value = literal_value(is_hex ? digits + 2 : digits, is_hex ? 16 : 10);

	if (value > (uint64_t)INT64_MAX + negative)
		problem(cursor, "the number " SHOWN " does not fit 64 bits; write a smaller one", literal);
	else if (value > (uint64_t)INT32_MAX + negative && literal[strlen(literal) - 1] != 'L')
		problem(cursor,
		    "the number " SHOWN " does not fit 32 bits and would be read as another one; write " SHOWN
		    "L",
		    literal, literal);
}

static void take_number(struct cursor *cursor)
{
	char literal[64];
	size_t length = 0;
	bool is_hex = false;
	bool is_float = false;

	while (!at_end(cursor)) {
		char c = peek(cursor, 0);

		if (length > 0 && tolower((unsigned char)c) == 'x')
			is_hex = true;
		if (c == '.' || (!is_hex && tolower((unsigned char)c) == 'e'))
			is_float = true;
		if (!isxdigit((unsigned char)c) && c != '.' && c != 'L' && tolower((unsigned char)c) != 'x' &&
		    !(length == 0 && (c == '+' || c == '-')))
			break;
		if (length < sizeof literal - 1)
			literal[length++] = c;
		step(cursor);
	}
	literal[length] = '\0';
	if (length == sizeof literal - 1)
		problem(cursor, "the number " SHOWN "... is too long; write a smaller one", literal);
	else if (!is_float)
		check_integer(cursor, literal);
}

static void include_file(struct cursor *from, const char *name)
{
	struct reader *reader = from->reader;
	_cleanup_free_ char *path =
	    name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", reader->include_dir, name);
	_cleanup_free_ char *text = NULL;
	struct cursor cursor = { .reader = reader, .line = 1, .depth = from->depth + 1 };
	unsigned int mode = 0;

	if (cursor.depth > INCLUDE_DEPTH_MAX) {
		problem(from, "includes are nested more than %d deep; does a file include itself?",
		    INCLUDE_DEPTH_MAX);
		return;
	}
	text = read_file(path, &cursor.length, &mode);
	/* Files that include each other several times would fill the memory before the depth ends it. */
	if (text && reader->source->length + cursor.length > FILE_SIZE_MAX) {
		problem(from,
		    "with its includes the configuration is larger than 4 MiB; does a file include itself?");
		from->at = from->length;
		return;
	}
	if (!text) {
		reader->ops->unreadable(reader->ops->context, from->file, from->line, path, errno);
		reader->failed = true;
		return;
	}
	cursor.text = text;
	cursor.file = reader->ops->file(reader->ops->context, path, mode);
	start_run(&cursor);
	take_file(&cursor);
	start_run(from);
}

/* At '@': reads `@include "NAME"` and puts the file in its place. */
static void take_include(struct cursor *cursor)
{
	static const char keyword[] = "@include";
	char name[4096];
	size_t length = 0;
	size_t at = cursor->at + sizeof keyword - 1;

	if (cursor->length - cursor->at < sizeof keyword ||
	    memcmp(cursor->text + cursor->at, keyword, sizeof keyword - 1) != 0) {
		step(cursor);
		return;
	}
	while (at < cursor->length && (cursor->text[at] == ' ' || cursor->text[at] == '\t'))
		at++;
	if (at == cursor->length || cursor->text[at] != '"') {
		step(cursor);
		return;
	}
	for (at++; at < cursor->length && cursor->text[at] != '"' && cursor->text[at] != '\n'; at++) {
		if (cursor->text[at] == '\\' && at + 1 < cursor->length)
			at++;
		if (cursor->text[at] != '\0' && length < sizeof name - 1)
			name[length++] = cursor->text[at];
	}
	name[length] = '\0';
	if (at == cursor->length || cursor->text[at] != '"')
		problem(cursor, "the name of the included file does not end; close it with \"");
	else
		at++;
	cursor->at = at;
	include_file(cursor, name);
}

/* What the shape of the settings is made of, and what no person writes so much of. */
static void take_punctuation(struct cursor *cursor)
{
	struct reader *reader = cursor->reader;
	char c = peek(cursor, 0);

	if (c == '{' || c == '[' || c == '(') {
		if (reader->nesting == NESTING_MAX) {
			problem(cursor, "groups and lists are nested more than %d deep; close some before",
			    NESTING_MAX);
			cursor->at = cursor->length;
			return;
		}
		reader->settings[++reader->nesting] = 0;
	} else if ((c == '}' || c == ']' || c == ')') && reader->nesting > 0) {
		reader->nesting--;
	} else if ((c == '=' || c == ':') && ++reader->settings[reader->nesting] == GROUP_SIZE_MAX + 1) {
		problem(cursor, "this group holds more than %d settings; spread them over instances",
		    GROUP_SIZE_MAX);
	}
	step(cursor);
}

static void take_file(struct cursor *cursor)
{
	bool line_start = true; /* nothing but blanks on this line yet */

	while (!at_end(cursor)) {
		char c = peek(cursor, 0);
		char next = peek(cursor, 1);

		if (c == '@' && line_start) {
			take_include(cursor);
		} else if (c == '#' || (c == '/' && next == '/')) {
			take_line_comment(cursor);
		} else if (c == '/' && next == '*') {
			take_block_comment(cursor);
		} else if (c == '"') {
			take_string(cursor);
		} else if (isalpha((unsigned char)c) || c == '*') {
			while (!at_end(cursor) && is_name_character(peek(cursor, 0)))
				step(cursor);
		} else if (isdigit((unsigned char)c) ||
			   ((c == '+' || c == '-') && isdigit((unsigned char)next))) {
			take_number(cursor);
		} else {
			line_start = c == '\n' || (line_start && (c == ' ' || c == '\t'));
			take_punctuation(cursor);
			continue;
		}
		line_start = false;
	}
}

int source_text_read(struct source_text *source, const char *path, const struct source_text_ops *ops)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *include_dir = NULL;
	const char *slash = strrchr(path, '/');
	struct reader reader = { .source = source, .ops = ops };
	struct cursor cursor = { .reader = &reader, .line = 1 };
	unsigned int mode = 0;

	*source = (struct source_text){ 0 };
	text = read_file(path, &cursor.length, &mode);
	if (!text)
		return -errno;
	include_dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	reader.include_dir = include_dir;
	cursor.text = text;
	cursor.file = ops->file(ops->context, path, mode);
	start_run(&cursor);
	take_file(&cursor);
	source->text[source->length] = '\0'; /* put() keeps room for it */
	return reader.failed ? -EINVAL : 0;
}

void source_text_clear(struct source_text *source)
{
	free(source->text);
	free(source->runs);
	*source = (struct source_text){ 0 };
}

void source_text_place(const struct source_text *source, int line, size_t *file, int *file_line)
{
	size_t low = 0;
	size_t high = source->run_count;

	/* The last run that starts at or before the line. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (source->runs[middle].start <= line)
			low = middle;
		else
			high = middle;
	}
	*file = source->runs[low].file;
	*file_line =
	    source->runs[low].line + (line > source->runs[low].start ? line - source->runs[low].start : 0);
}
