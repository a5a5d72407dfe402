/* simple_producer.h: writes records to one topic and counts what the brokers have acknowledged. For tools.
 *
 * Idempotent with acks=all; a key decides its partition as it does with Java's client (murmur2).
 * Thread: the one that made it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"

struct simple_producer;

struct simple_producer_counters {
	uint64_t sent;      /* taken by simple_producer_send() */
	uint64_t delivered; /* reported without error */
	uint64_t failed;    /* reported with an error; the last one is simple_producer_last_error() */
};

/* NULL with err set when the client cannot be made. Does not wait for the brokers. */
struct simple_producer *simple_producer_new(const char *brokers, const char *topic, struct error *err);

/* What has not been reported yet is given up. Accepts NULL. */
void simple_producer_free(struct simple_producer *producer);
DEFINE_CLEANUP(struct simple_producer *, simple_producer_free)

/* Copies key and value. -EAGAIN: the queue is full, poll first. */
int simple_producer_send(struct simple_producer *producer, const void *key, size_t key_bytes,
    const void *value, size_t value_bytes, struct error *err);

/* Takes in reports; waits at most timeout_ms for the first. */
void simple_producer_poll(struct simple_producer *producer, int timeout_ms);

/* Waits until everything is reported. -ETIMEDOUT: after timeout_ms some was not. */
int simple_producer_flush(struct simple_producer *producer, int timeout_ms, struct error *err);

const struct simple_producer_counters *simple_producer_counters(const struct simple_producer *producer);

/* Why the last failed record failed; NULL if none did. */
const char *simple_producer_last_error(const struct simple_producer *producer);
