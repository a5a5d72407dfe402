/* simple_consumer.h: reads one topic, all partitions, from their beginning; in no group, commits nothing.
 * For tools. Reads only what is committed (isolation read_committed). Thread: the one that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"

struct simple_consumer;

/* Valid until the next call on its consumer. A NULL key or value is absent; an empty one is not NULL. */
struct simple_record {
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* as the producer set it; -1 none, or stamped by the broker */
	const void *key;
	size_t key_bytes;
	const void *value;
	size_t value_bytes;
	void *headers; /* simple_record_header() */
};

/* Waits at most timeout_ms for the brokers' answer. NULL with err set: they do not answer (-ETIMEDOUT,
 * REMEDY_RETRY), there is no such topic (-ENOENT), ... */
struct simple_consumer *simple_consumer_new(
    const char *brokers, const char *topic, int timeout_ms, struct error *err);

/* Accepts NULL. */
void simple_consumer_free(struct simple_consumer *consumer);
DEFINE_CLEANUP(struct simple_consumer *, simple_consumer_free)

/* 1: *record is the next one; 0: none within timeout_ms; negative: reading cannot go on. What heals by itself
 * (a broker that is away) is waited out. */
int simple_consumer_poll(
    struct simple_consumer *consumer, int timeout_ms, struct simple_record *record, struct error *err);

/* Has every partition been read to its end, once at least? */
bool simple_consumer_at_end(const struct simple_consumer *consumer);

/* The header at index, in the record's order; false: there are no more. A NULL value is absent. */
bool simple_record_header(const struct simple_record *record, size_t index, const char **name,
    const void **value, size_t *value_bytes);
