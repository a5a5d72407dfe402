/* log_ends.h: where the logs of partitions end, as their leaders say, with the client's isolation level.
 *
 * librdkafka asks all of them at once, and answers all or nothing: one partition that cannot be asked for, or one broker
 * that is silent, hides all others. So those that had no answer the last time are asked for apart, leader by leader, and
 * the others at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

enum log_end_answer {
	LOG_END_UNASKED, /* with others that had no answer, or not at all: nothing is known of it */
	LOG_END_KNOWN,
	LOG_END_FAILED, /* asked apart it has no answer, or its leader has none, or it has no leader */
};

struct log_end {
	uint32_t number; /* the caller's, to know it by */
	const char *topic;
	int32_t partition;
	bool apart; /* it had no answer the last time */
	int64_t failed_us; /* when it was last LOG_END_FAILED, 0: not since it was known. The longest ago goes first */

	enum log_end_answer answer;
	int64_t offset;	 /* LOG_END_KNOWN */
	int32_t leader;	 /* as found out, -1: it was not */
	int64_t turn_us; /* of those asked with it: the least failed_us */
};

/* Asks the client (a rd_kafka_t that has partitions assigned), and may change the order of ends. Blocks for two seconds at
 * most, or as long as one request when the worker is cancelled: for a worker's job. Who has no time left in it goes first
 * the next time. */
void log_ends_ask(void *client, struct log_end *ends, size_t count, struct worker *worker);
