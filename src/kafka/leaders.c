#include "kafka/leaders.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"

enum { ASK_TIMEOUT_MS = 1500 };

struct leaders {
	rd_kafka_t *client;
	rd_kafka_topic_t **topics;
	const struct rd_kafka_metadata **answers; /* of each; NULL: none */
	size_t count;
};

struct leaders *leaders_new(void *client)
{
	struct leaders *leaders = xcalloc(1, sizeof *leaders);

	leaders->client = client;
	return leaders;
}

void leaders_add(struct leaders *leaders, void *topic)
{
	leaders->topics = xreallocarray(leaders->topics, leaders->count + 1, sizeof(rd_kafka_topic_t *));
	leaders->answers = xreallocarray(leaders->answers, leaders->count + 1, sizeof *leaders->answers);
	leaders->topics[leaders->count] = topic;
	leaders->answers[leaders->count++] = NULL;
}

void leaders_ask(struct leaders *leaders)
{
	int64_t end_us = clock_monotonic_us() + ASK_TIMEOUT_MS * USEC_PER_MSEC;

	for (size_t i = 0; i < leaders->count; i++) {
		int64_t left_ms = (end_us - clock_monotonic_us()) / USEC_PER_MSEC;

		if (left_ms <= 0 ||
		    rd_kafka_metadata(leaders->client, 0, leaders->topics[i], &leaders->answers[i], (int)left_ms))
			leaders->answers[i] = NULL;
	}
}

static int32_t leader_in(const struct rd_kafka_metadata_topic *topic, int32_t partition)
{
	for (int i = 0; i < topic->partition_cnt; i++)
		if (topic->partitions[i].id == partition)
			return topic->partitions[i].err ? -1 : topic->partitions[i].leader;
	return -1;
}

int32_t leaders_of(const struct leaders *leaders, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < leaders->count; i++) {
		const struct rd_kafka_metadata *answer = leaders->answers[i];

		for (int k = 0; answer && k < answer->topic_cnt; k++)
			if (strcmp(answer->topics[k].topic, topic) == 0)
				return leader_in(&answer->topics[k], partition);
	}
	return -1;
}

void leaders_free(struct leaders *leaders)
{
	if (!leaders)
		return;
	for (size_t i = 0; i < leaders->count; i++)
		if (leaders->answers[i])
			rd_kafka_metadata_destroy(leaders->answers[i]);
	free(leaders->answers);
	free(leaders->topics);
	free(leaders);
}
