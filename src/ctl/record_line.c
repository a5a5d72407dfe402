#include "ctl/record_line.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/json_text.h"

/* ---- JSON ---- */

static void print_headers_json(FILE *out, const struct read_record *record)
{
	const char *name;
	const void *value;
	size_t value_bytes;

	fputs(",\"headers\":[", out);
	for (size_t i = 0; read_header(record, i, &name, &value, &value_bytes); i++) {
		fputs(i > 0 ? ",[" : "[", out);
		json_print_bytes(out, name, strlen(name));
		putc(',', out);
		json_print_bytes(out, value, value_bytes);
		putc(']', out);
	}
	putc(']', out);
}

int record_print_json(FILE *out, const char *topic, int32_t partition, const struct read_record *record, struct error *err)
{
	if (read_headers_damaged(record))
		return error_set(err, -EBADMSG, REMEDY_PERSON,
		    "%s [%" PRId32 "] offset %" PRId64 ": the headers cannot be read", topic, partition, record->offset);
	fputs("{\"topic\":", out);
	json_print_string(out, topic);
	fprintf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64, partition, record->offset);
	if (record->timestamp_ms >= 0)
		fprintf(out, ",\"timestamp\":%" PRId64 ",\"timestamp_type\":\"%s\"", record->timestamp_ms,
		    record->stamped_by_broker ? "append" : "create");
	fputs(",\"key\":", out);
	json_print_bytes(out, record->key, record->key_bytes);
	fputs(",\"value\":", out);
	json_print_bytes(out, record->value, record->value_bytes);
	if (record->headers)
		print_headers_json(out, record);
	fputs("}\n", out);
	return 0;
}

/* ---- for people ---- */

static void print_escaped(FILE *out, const void *bytes, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (!bytes) {
		fputs("null", out);
		return;
	}
	text = xcalloc(size * 4 + 1, 1); /* \xHH for each byte */
	escape_text(text, size * 4 + 1, bytes, size);
	fputs(text, out);
}

void record_print_plain(FILE *out, const char *topic, int32_t partition, const struct read_record *record)
{
	const char *name;
	const void *value;
	size_t value_bytes;

	fprintf(out, "%s [%" PRId32 "] %" PRId64 ": ", topic, partition, record->offset);
	print_escaped(out, record->key, record->key_bytes);
	fputs(": ", out);
	print_escaped(out, record->value, record->value_bytes);
	if (read_headers_damaged(record))
		fputs("  {headers that cannot be read}", out);
	for (size_t i = 0; read_header(record, i, &name, &value, &value_bytes); i++) {
		fputs(i == 0 ? "  {" : ", ", out);
		print_escaped(out, name, strlen(name));
		putc('=', out);
		print_escaped(out, value, value_bytes);
	}
	fputs(record->headers && read_header(record, 0, &name, &value, &value_bytes) ? "}\n" : "\n", out);
}

void record_print_value(FILE *out, const struct read_record *record)
{
	print_escaped(out, record->value, record->value_bytes);
	putc('\n', out);
}
