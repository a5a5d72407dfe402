/* fetch_waker.h: before librdkafka 2.2 a broker thread whose prefetch is full sleeps for up to a second, however fast the
 * queue is emptied. Setting credentials wakes it, and changes nothing as they are the same. The prefetch is full by records
 * or by bytes, whichever comes first: both count. Thread: the consumer's. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_waker {
	rd_kafka_t *consumer;
	bool needed;
	uint64_t records, wake_records; /* taken since the broker threads were woken, and when to do it again */
	uint64_t bytes, wake_bytes;
	char *username, *password;
};

/* Fills it for a consumer with this prefetch, which outlives it. */
void fetch_waker_prepare(
    struct fetch_waker *waker, rd_kafka_t *consumer, uint64_t prefetch_records, uint64_t prefetch_bytes);
/* Zeros what was prepared, or zero. */
void fetch_waker_clear(struct fetch_waker *waker);

/* Records were taken from the prefetch. */
static inline void fetch_waker_count(struct fetch_waker *waker, uint64_t records, size_t bytes)
{
	waker->records += records;
	waker->bytes += bytes;
}

/* The next fetch_waker_wake() is to wake them, whatever was taken. */
static inline void fetch_waker_hurry(struct fetch_waker *waker)
{
	waker->records = waker->wake_records;
}

/* Wakes them if it is time. */
void fetch_waker_wake(struct fetch_waker *waker);
