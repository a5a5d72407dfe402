/* A record that the target refuses goes to the topic for dead letters: key, value and headers as they are, and behind
 * them headers of ours that tell where it comes from and why it is there. aloqd.conf(5) lists them: they are part of
 * what users see. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "kafka/record.h"
#include "kafka/sink_internal.h"

enum { OUR_HEADERS = 9 };

static void add_text(rd_kafka_headers_t *headers, const char *name, const char *text)
{
	rd_kafka_header_add(headers, name, -1, text, (ssize_t)strlen(text));
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	add_text(headers, name, text);
}

/* Now, as RFC 3339 has it. */
static void add_time(rd_kafka_headers_t *headers, const char *name)
{
	int64_t now_ms = clock_realtime_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm parts;
	char text[64];
	size_t length;

	gmtime_r(&seconds, &parts);
	length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, sizeof text - length, ".%03dZ", (int)(now_ms % 1000));
	add_text(headers, name, text);
}

/* Behind the record's own. */
static void add_ours(rd_kafka_headers_t *headers, const struct sink *sink, const rd_kafka_message_t *message,
    const struct error *reason)
{
	rd_kafka_timestamp_type_t timestamp_type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &timestamp_type);

	add_text(headers, "aloqd.source.cluster", sink->pipeline->from.cluster->name);
	add_text(headers, "aloqd.source.topic", rd_kafka_topic_name(message->rkt));
	add_number(headers, "aloqd.source.partition", message->partition);
	add_number(headers, "aloqd.source.offset", message->offset);
	add_number(headers, "aloqd.source.timestamp",
	    timestamp_type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms);
	add_text(headers, "aloqd.error.code", reason->name ? reason->name : "UNKNOWN");
	add_text(headers, "aloqd.error.text", reason->message);
	add_time(headers, "aloqd.time");
	add_text(headers, "aloqd.pipeline", sink->pipeline->name);
}

/* All of one source partition go to one partition. */
static int32_t partition_of(const struct sink *sink, const rd_kafka_message_t *message)
{
	uint32_t count = sink->sizes.dead_letter_partitions;

	return count > 0 ? (int32_t)((uint32_t)message->partition % count) : 0;
}

int sink_dead_letter(void *context, uint64_t handle, uint32_t part, void *payload, const struct error *reason,
    enum report_outcome *outcome, struct error *err)
{
	struct sink *sink = context;
	const rd_kafka_message_t *message = ((const struct record *)payload)->message;
	const char *topic = sink->pipeline->dead_letter;
	rd_kafka_headers_t *headers;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	if (sink_headers(payload, sink_route(sink, part, message), &headers, err)) {
		*outcome = REPORT_REFUSED;
		return -EBADMSG;
	}
	if (!headers)
		headers = rd_kafka_headers_new(OUR_HEADERS);
	add_ours(headers, sink, message, reason);
	/* No timestamp: it is dead since now. With its own, which may be why the target refuses it, this topic might
	 * refuse it too, or forget it at once. */
	rd_kafka_vu_t fields[] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = sink_handle(sink, sink_target(sink, topic)) },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition_of(sink, message) },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { message->payload, message->len } },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { message->key, message->key_len } },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)handle },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
	};
	error = rd_kafka_produceva(sink->client.producer, fields, sizeof fields / sizeof fields[0]);
	if (!error)
		return 0;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	rd_kafka_headers_destroy(headers);
	return sink_not_taken(code, topic, message, outcome, err);
}
