/* record_size.h: what a record costs in memory, for the bounds of aloqd.memory. librdkafka bounds by the bytes of values
 * alone, and whoever writes the source chooses where the bytes are. Thread: the consumer's. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct record_cost {
	uint32_t prefetched_bytes; /* while it waits in librdkafka's queue */
	uint32_t held_bytes;	   /* from when it was read to its report */
	bool has_no_headers;	   /* said by record_cost_of() */
};

/* Key, value, headers, and what librdkafka and we need for each. Headers that cannot be read are taken for as large as
 * records usually get. Parses the headers, which stay parsed. */
struct record_cost record_cost_of(const rd_kafka_message_t *message);

/* The same of headers (NULL: none) and so many bytes of key and value. */
struct record_cost record_cost_with(uint64_t payload_bytes, const rd_kafka_headers_t *headers);
