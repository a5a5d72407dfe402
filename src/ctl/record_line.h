/* record_line.h: a record as one line: of JSON, which loses nothing, or for people.
 *
 *   {"topic":"orders","partition":2,"offset":17,"timestamp":1700000000000,"timestamp_type":"create",
 *    "key":"mia","value":{"base64":"/w=="},"headers":[["trace","a1"],["empty",""],["none",null]]}
 *
 * Keys, values, and the names and values of headers are null, a string, or {"base64":"..."} where they are not UTF-8.
 * Pure. */
#pragma once
#include <stdio.h>
#include "base/error.h"
#include "kafka/topic_reader.h"
#include "kafka/topic_writer.h"

/* -EBADMSG with err: the headers cannot be read, so that the record cannot be told exactly. */
int record_print_json(FILE *out, const char *topic, int32_t partition, const struct read_record *record, struct error *err);

/* "TOPIC [PARTITION] OFFSET: KEY: VALUE", escaped; headers in braces behind it. null for what is null. */
void record_print_plain(FILE *out, const char *topic, int32_t partition, const struct read_record *record);

/* The value alone, escaped. */
void record_print_value(FILE *out, const struct read_record *record);

/* A record read from a line, and the memory that it points to. Zero it first; it may be used again. */
struct parsed_record {
	struct written_record record;
	struct written_header *headers;
	size_t header_count;
	char **texts; /* what key, value and headers point to */
	size_t text_count, text_capacity;
};

/* Reads a line of JSON: of what record_print_json() writes, key, value, headers, timestamp and partition, which may all be
 * absent; topic, offset and timestamp_type are passed over. -EBADMSG with err: what is wrong with it. */
int record_parse_json(struct parsed_record *parsed, const char *line, size_t length, struct error *err);

void parsed_record_clear(struct parsed_record *parsed);
