/* client.h: what fill and latency share: the making of their librdkafka clients, and how they end when
 * something goes wrong. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* One librdkafka setting. */
struct setting {
	const char *name;
	const char *value;
};

/* Says what is wrong on stderr and ends the process. */
_Noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes a client of these settings; the list ends with a NULL name. Dies when librdkafka refuses. */
rd_kafka_t *client_new(rd_kafka_type_t type, const struct setting *settings,
    void (*on_report)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque), void *opaque);

/* How many partitions the topic has. Dies when it has none. */
int32_t client_partitions(rd_kafka_t *client, const char *topic);

/* A whole number of at least min, from the command line. Dies otherwise. */
int64_t parse_number(const char *option, const char *text, int64_t min);
