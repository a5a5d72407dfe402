/* A record from a line of JSON. Not with yajl's tree, whose strings end at a NUL: one in a key or value would cut it off. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "ctl/record_line.h"

DEFINE_CLEANUP(yajl_handle, yajl_free)

/* Where in the line the parser is. */
enum place {
	AT_BEGIN,
	AT_MEMBER,	  /* of the record: a name comes, or its end */
	AT_KEY,
	AT_VALUE,
	AT_TIMESTAMP,
	AT_PARTITION,
	AT_PASSED_OVER,	  /* a plain value of a member that is not ours to set */
	AT_HEADERS,
	AT_HEADER,	  /* in headers: a pair comes, or their end */
	AT_HEADER_NAME,
	AT_HEADER_VALUE,
	AT_HEADER_END,
	AT_END,
};

struct parser {
	struct parsed_record *parsed;
	enum place place;
	bool in_base64;	     /* an object in place of a string was opened */
	bool base64_named, base64_given;
	unsigned int seen;   /* members, by place */
	struct error *err;
};

static int wrong(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct parser *parser, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	error_set(parser->err, -EBADMSG, REMEDY_PERSON, "%s", text);
	return 0;
}

static const char *const place_names[] = {
	[AT_BEGIN] = "the line",
	[AT_MEMBER] = "the record",
	[AT_KEY] = "key",
	[AT_VALUE] = "value",
	[AT_TIMESTAMP] = "timestamp",
	[AT_PARTITION] = "partition",
	[AT_PASSED_OVER] = "topic, offset or timestamp_type",
	[AT_HEADERS] = "headers",
	[AT_HEADER] = "headers",
	[AT_HEADER_NAME] = "the name of a header",
	[AT_HEADER_VALUE] = "the value of a header",
	[AT_HEADER_END] = "a header",
	[AT_END] = "the line",
};

static int not_here(struct parser *parser)
{
	switch (parser->place) {
	case AT_BEGIN:
	case AT_END:
		return wrong(parser, "it is not one object");
	case AT_TIMESTAMP:
	case AT_PARTITION:
		return wrong(parser, "%s is not a whole number", place_names[parser->place]);
	case AT_HEADERS:
	case AT_HEADER:
	case AT_HEADER_END:
		return wrong(parser, "headers are not written as [[NAME, VALUE], ...]");
	default:
		return wrong(parser, "%s is neither null, nor a string, nor {\"base64\":\"...\"}",
		    place_names[parser->place]);
	}
}

/* Keeps bytes for as long as the record. */
static char *keep(struct parsed_record *parsed, const void *bytes, size_t size)
{
	char *copy = xcalloc(size + 1, 1);

	if (size > 0)
		memcpy(copy, bytes, size);
	if (parsed->text_count == parsed->text_capacity) {
		parsed->text_capacity = parsed->text_capacity * 2 + 8;
		parsed->texts = xreallocarray(parsed->texts, parsed->text_capacity, sizeof *parsed->texts);
	}
	parsed->texts[parsed->text_count++] = copy;
	return copy;
}

/* Bytes at a place that takes bytes; NULL: null. */
static int take_bytes(struct parser *parser, const void *bytes, size_t size)
{
	struct parsed_record *parsed = parser->parsed;
	char *kept = bytes ? keep(parsed, bytes, size) : NULL;

	switch (parser->place) {
	case AT_KEY:
		parsed->record.key = kept;
		parsed->record.key_bytes = size;
		parser->place = AT_MEMBER;
		return 1;
	case AT_VALUE:
		parsed->record.value = kept;
		parsed->record.value_bytes = size;
		parser->place = AT_MEMBER;
		return 1;
	case AT_PASSED_OVER:
		parser->place = AT_MEMBER;
		return 1;
	case AT_HEADER_NAME:
		if (!kept)
			return wrong(parser, "the name of a header is null");
		parsed->headers =
		    xreallocarray(parsed->headers, parsed->header_count + 1, sizeof *parsed->headers);
		parsed->headers[parsed->header_count++] =
		    (struct written_header){ .name = kept, .name_bytes = size };
		parser->place = AT_HEADER_VALUE;
		return 1;
	case AT_HEADER_VALUE:
		parsed->headers[parsed->header_count - 1].value = kept;
		parsed->headers[parsed->header_count - 1].value_bytes = size;
		parser->place = AT_HEADER_END;
		return 1;
	default:
		return not_here(parser);
	}
}

static int on_null(void *context)
{
	struct parser *parser = context;

	return parser->in_base64 ? wrong(parser, "base64 is not a string") : take_bytes(parser, NULL, 0);
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
	struct parser *parser = context;
	_cleanup_free_ char *bytes = NULL;
	ptrdiff_t size;

	if (!parser->in_base64)
		return take_bytes(parser, text, length);
	bytes = xcalloc(length + 1, 1);
	size = base64_decode((const char *)text, length, bytes);
	if (size < 0)
		return wrong(parser, "%s is not base64", place_names[parser->place]);
	parser->base64_given = true;
	parser->in_base64 = false; /* for take_bytes(); its end is still to come */
	if (!take_bytes(parser, bytes, (size_t)size))
		return 0;
	parser->in_base64 = true;
	return 1;
}

static int on_integer(void *context, long long number)
{
	struct parser *parser = context;

	if (parser->in_base64)
		return wrong(parser, "base64 is not a string");
	if (parser->place == AT_TIMESTAMP) {
		if (number < 0)
			return wrong(parser, "timestamp is negative");
		parser->parsed->record.timestamp_ms = number;
	} else if (parser->place == AT_PARTITION) {
		if (number < 0 || number > INT32_MAX)
			return wrong(parser, "partition is not a partition's number");
		parser->parsed->record.partition = (int32_t)number;
	} else if (parser->place != AT_PASSED_OVER) {
		return not_here(parser);
	}
	parser->place = AT_MEMBER;
	return 1;
}

static int on_other(void *context)
{
	return not_here(context);
}

static int on_boolean(void *context, int value)
{
	(void)value;
	return on_other(context);
}

static int on_double(void *context, double value)
{
	(void)value;
	return on_other(context);
}

static int on_map_start(void *context)
{
	struct parser *parser = context;

	switch (parser->place) {
	case AT_BEGIN:
		parser->place = AT_MEMBER;
		return 1;
	case AT_KEY:
	case AT_VALUE:
	case AT_HEADER_NAME:
	case AT_HEADER_VALUE:
		if (parser->in_base64)
			break;
		parser->in_base64 = true;
		parser->base64_named = parser->base64_given = false;
		return 1;
	default:
		break;
	}
	return not_here(parser);
}

static bool is_name(const unsigned char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

static int on_map_key(void *context, const unsigned char *name, size_t length)
{
	static const struct {
		const char *name;
		enum place place;
	} members[] = {
		{ "key", AT_KEY }, { "value", AT_VALUE }, { "headers", AT_HEADERS }, { "timestamp", AT_TIMESTAMP },
		{ "partition", AT_PARTITION }, { "topic", AT_PASSED_OVER }, { "offset", AT_PASSED_OVER },
		{ "timestamp_type", AT_PASSED_OVER },
	};
	struct parser *parser = context;

	if (parser->in_base64) {
		if (parser->base64_named || !is_name(name, length, "base64"))
			return wrong(parser, "an object in place of a string has one member, \"base64\"");
		parser->base64_named = true;
		return 1;
	}
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		if (!is_name(name, length, members[i].name))
			continue;
		if ((parser->seen & 1u << i) != 0)
			return wrong(parser, "%s is there twice", members[i].name);
		parser->seen |= 1u << i;
		parser->place = members[i].place;
		return 1;
	}
	return wrong(parser, "unknown member \"%.*s\"", length > 64 ? 64 : (int)length, (const char *)name);
}

static int on_map_end(void *context)
{
	struct parser *parser = context;

	if (parser->in_base64) {
		parser->in_base64 = false;
		return parser->base64_given ||
		       wrong(parser, "an object in place of a string has one member, \"base64\"");
	}
	parser->place = AT_END;
	return 1;
}

static int on_array_start(void *context)
{
	struct parser *parser = context;

	if (!parser->in_base64 && parser->place == AT_HEADERS) {
		parser->place = AT_HEADER;
		return 1;
	}
	if (!parser->in_base64 && parser->place == AT_HEADER) {
		parser->place = AT_HEADER_NAME;
		return 1;
	}
	return not_here(parser);
}

static int on_array_end(void *context)
{
	struct parser *parser = context;

	if (parser->place == AT_HEADER_END)
		parser->place = AT_HEADER;
	else if (parser->place == AT_HEADER)
		parser->place = AT_MEMBER;
	else
		return wrong(parser, "headers are not written as [[NAME, VALUE], ...]");
	return 1;
}

/* The four hex digits behind \u; -1: it is no such escape. */
static int escaped_unit(const char *at, const char *end)
{
	int unit = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return -1;
		unit = unit << 4 | (at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
	}
	return unit;
}

/* Half of a pair is no character. yajl makes a question mark of it, or bytes that are no UTF-8: another record than the
 * line says. A backslash stands in strings alone. */
static bool has_half_pair(const char *line, size_t length)
{
	const char *end = line + length;
	const char *at = line;

	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		int unit = escaped_unit(at, end);
		bool is_high = unit >= 0xd800 && unit <= 0xdbff;
		int next = is_high ? escaped_unit(at + 6, end) : -1;

		if (unit >= 0xd800 && unit <= 0xdfff && (!is_high || next < 0xdc00 || next > 0xdfff))
			return true;
		at += is_high ? 12 : unit >= 0 ? 6 : 2;
		if (at >= end)
			return false;
	}
	return false;
}

void parsed_record_clear(struct parsed_record *parsed)
{
	for (size_t i = 0; i < parsed->text_count; i++)
		free(parsed->texts[i]);
	free(parsed->texts);
	free(parsed->headers);
	*parsed = (struct parsed_record){ .texts = NULL };
}

int record_parse_json(struct parsed_record *parsed, const char *line, size_t length, struct error *err)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_integer = on_integer,
		.yajl_double = on_double,
		.yajl_string = on_string,
		.yajl_start_map = on_map_start,
		.yajl_map_key = on_map_key,
		.yajl_end_map = on_map_end,
		.yajl_start_array = on_array_start,
		.yajl_end_array = on_array_end,
	};
	struct error problem = { 0 };
	struct parser parser = { .parsed = parsed, .err = &problem };
	_cleanup_(yajl_freep) yajl_handle handle = yajl_alloc(&callbacks, NULL, &parser);
	yajl_status status;

	parsed_record_clear(parsed);
	parsed->record.partition = -1;
	if (!handle)
		return error_set(err, -ENOMEM, REMEDY_PERSON, "no memory");
	status = yajl_parse(handle, (const unsigned char *)line, length);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (status == yajl_status_client_canceled)
		return error_set(err, -EBADMSG, REMEDY_PERSON, "%s", problem.message);
	if (status != yajl_status_ok || parser.place != AT_END)
		return error_set(err, -EBADMSG, REMEDY_PERSON, "it is not JSON");
	if (has_half_pair(line, length))
		return error_set(err, -EBADMSG, REMEDY_PERSON,
		    "half of a surrogate pair (\\ud800 to \\udfff) is no character; {\"base64\":\"...\"} takes any bytes");
	parsed->record.headers = parsed->headers;
	parsed->record.header_count = parsed->header_count;
	return 0;
}
