/* record_fingerprint.h: tells a record from another one at the same offset, where the log was truncated or its topic
 * created anew. Thread: the consumer's. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* Of timestamp, key, value and headers: the same each time that the record is read, whoever reads it and with whatever
 * librdkafka. A leader epoch would be exact, and 2.0.2 does not tell it. */
uint64_t record_fingerprint(const rd_kafka_message_t *message);
