#include "kafka/record_size.h"
#include <string.h>

enum {
	/* Beside its bytes: librdkafka's op and message on the consumer's side and on the producer's, our slot and record. */
	RECORD_OVERHEAD_BYTES = 512,
	HEADER_OVERHEAD_BYTES = 64, /* of librdkafka's structure for one, with malloc's */
	DAMAGED_HEADERS_BYTES = 1 << 20,
};

/* Of which sums cannot overflow, and which is more than a record can be. */
static uint32_t bounded(uint64_t bytes)
{
	return bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX;
}

struct record_cost record_cost_with(uint64_t payload_bytes, const rd_kafka_headers_t *headers)
{
	uint64_t bytes = 0, count = 0;
	const char *name;
	const void *value;
	size_t size;

	for (; headers && !rd_kafka_header_get_all(headers, count, &name, &value, &size); count++)
		bytes += strlen(name) + size;
	payload_bytes += RECORD_OVERHEAD_BYTES;
	/* They are in the fetch buffer; then also in what librdkafka has made of it, and in the copy that is sent. */
	return (struct record_cost){
		.prefetched_bytes = bounded(payload_bytes + bytes),
		.held_bytes = bounded(payload_bytes + 3 * bytes + 2 * count * HEADER_OVERHEAD_BYTES),
	};
}

struct record_cost record_cost_of(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_resp_err_t code = rd_kafka_message_headers(message, &headers);
	uint64_t payload_bytes = message->len + message->key_len;
	struct record_cost cost;

	if (code && code != RD_KAFKA_RESP_ERR__NOENT)
		payload_bytes += DAMAGED_HEADERS_BYTES;
	cost = record_cost_with(payload_bytes, code ? NULL : headers);
	cost.has_no_headers = code == RD_KAFKA_RESP_ERR__NOENT;
	return cost;
}
