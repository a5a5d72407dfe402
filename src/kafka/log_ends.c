#include "kafka/log_ends.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/worker.h"

/* Who waits for the worker meanwhile, a stop above all, waits no longer. */
enum { ASK_TIMEOUT_MS = 2000 };
/* Where some are asked for apart the others have half of it. */
enum { OTHERS_TIMEOUT_MS = 1000 };
/* A broker serves a connection's requests one by one, and the one before ours is often a fetch that waits for records:
 * fetch.wait.max.ms, 500 ms unless it is set. With less time left nobody is asked. */
enum { REQUEST_TIMEOUT_MS = 600 };

struct question {
	rd_kafka_t *client;
	struct worker *worker;
	int64_t until_us;
};

static int left_ms(const struct question *question)
{
	int64_t left_us = question->until_us - clock_monotonic_us();

	return left_us > 0 && !worker_cancelled(question->worker) ? (int)(left_us / USEC_PER_MSEC) : 0;
}

/* Takes the answers, if it has all of them. */
static rd_kafka_resp_err_t ask(const struct question *question, struct log_end *ends, size_t count, int timeout_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, ends[i].topic, ends[i].partition)->offset = RD_KAFKA_OFFSET_END;
	code = rd_kafka_offsets_for_times(question->client, list, timeout_ms);
	/* It keeps their order. */
	for (size_t i = 0; i < count && !code; i++) {
		const rd_kafka_topic_partition_t *item = &list->elems[i];

		ends[i].answer = item->err || item->offset < 0 ? LOG_END_FAILED : LOG_END_KNOWN;
		ends[i].offset = item->offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* ---- leaders ---- */

static void take_leaders(struct log_end *ends, size_t count, const struct rd_kafka_metadata_topic *topic)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(ends[i].topic, topic->topic))
			continue;
		for (int k = 0; k < topic->partition_cnt; k++)
			if (topic->partitions[k].id == ends[i].partition)
				ends[i].leader = topic->partitions[k].leader;
		/* Who has none has no answer, either; nor has one of a topic that must not be described. */
		if (ends[i].leader < 0)
			ends[i].answer = LOG_END_FAILED;
	}
}

/* Has a broker told them? librdkafka asks one that it has spoken to lately, which may be the one that does not answer. (It
 * asks for all topics that it knows, and has none created as long as partitions are assigned to it.) */
static bool find_leaders(const struct question *question, struct log_end *ends, size_t count)
{
	const struct rd_kafka_metadata *metadata;

	for (int tries = 0; tries < 2 && left_ms(question) >= REQUEST_TIMEOUT_MS; tries++) {
		if (rd_kafka_metadata(question->client, 0, NULL, &metadata, REQUEST_TIMEOUT_MS))
			continue;
		for (int i = 0; i < metadata->topic_cnt; i++)
			take_leaders(ends, count, &metadata->topics[i]);
		rd_kafka_metadata_destroy(metadata);
		return true;
	}
	return false;
}

/* ---- those that are asked for apart, in parts: each of one leader, or of one topic where that is not known ---- */

static int by_part(const void *left, const void *right)
{
	const struct log_end *a = left;
	const struct log_end *b = right;

	/* What has failed already comes last. */
	if (a->answer != b->answer)
		return a->answer < b->answer ? -1 : 1;
	if (a->leader != b->leader)
		return (uint32_t)a->leader < (uint32_t)b->leader ? -1 : 1;
	return a->leader < 0 ? strcmp(a->topic, b->topic) : 0;
}

static int by_turn(const void *left, const void *right)
{
	const struct log_end *a = left;
	const struct log_end *b = right;

	if (a->turn_us != b->turn_us)
		return a->turn_us < b->turn_us ? -1 : 1;
	return by_part(a, b);
}

static size_t part_size(const struct log_end *ends, size_t count)
{
	size_t size = 1;

	while (size < count && by_part(&ends[0], &ends[size]) == 0)
		size++;
	return size;
}

static void set_turn(struct log_end *ends, size_t count)
{
	int64_t turn_us = ends[0].failed_us;

	for (size_t i = 0; i < count; i++)
		if (ends[i].failed_us < turn_us)
			turn_us = ends[i].failed_us;
	for (size_t i = 0; i < count; i++)
		ends[i].turn_us = turn_us;
}

/* Brings those that are to be asked to the front, part by part, each at its turn. Returns how many they are, and how many
 * parts. */
static size_t sort_parts(struct log_end *ends, size_t count, int *parts)
{
	size_t unasked = 0;

	*parts = 0;
	qsort(ends, count, sizeof *ends, by_part);
	while (unasked < count && ends[unasked].answer == LOG_END_UNASKED)
		unasked++;
	for (size_t from = 0, size; from < unasked; from += size, ++*parts) {
		size = part_size(&ends[from], unasked - from);
		set_turn(&ends[from], size);
	}
	qsort(ends, unasked, sizeof *ends, by_turn);
	return unasked;
}

static bool is_silence(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

static void set_failed(struct log_end *ends, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ends[i].answer = LOG_END_FAILED;
}

static void ask_part(const struct question *question, struct log_end *ends, size_t count, int timeout_ms)
{
	int time_ms = left_ms(question) < timeout_ms ? left_ms(question) : timeout_ms;
	rd_kafka_resp_err_t code;

	if (time_ms < REQUEST_TIMEOUT_MS)
		return;
	code = ask(question, ends, count, time_ms);
	if (code && (count == 1 || (ends[0].leader >= 0 && is_silence(code)))) {
		set_failed(ends, count);
	} else if (code) {
		ask_part(question, ends, count / 2, timeout_ms);
		ask_part(question, &ends[count / 2], count - count / 2, timeout_ms);
	}
}

static bool is_any_known(const struct log_end *ends, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ends[i].answer == LOG_END_KNOWN)
			return true;
	return false;
}

static void ask_apart(const struct question *question, struct log_end *ends, size_t count)
{
	bool told = find_leaders(question, ends, count);
	int parts;
	size_t unasked = sort_parts(ends, count, &parts);

	for (size_t from = 0, size; from < unasked; from += size, parts--) {
		int share_ms = left_ms(question) / parts;

		size = part_size(&ends[from], unasked - from);
		ask_part(question, &ends[from], size, share_ms > REQUEST_TIMEOUT_MS ? share_ms : REQUEST_TIMEOUT_MS);
	}
	/* No broker says anything. */
	if (!told && !worker_cancelled(question->worker) && !is_any_known(ends, count))
		set_failed(ends, count);
}

/* ---- all ---- */

static int by_apart(const void *left, const void *right)
{
	return ((const struct log_end *)left)->apart - ((const struct log_end *)right)->apart;
}

void log_ends_ask(void *client, struct log_end *ends, size_t count, struct worker *worker)
{
	struct question question = { .client = client,
		.worker = worker,
		.until_us = clock_monotonic_us() + ASK_TIMEOUT_MS * USEC_PER_MSEC };
	size_t together = 0;

	qsort(ends, count, sizeof *ends, by_apart);
	for (size_t i = 0; i < count; i++) {
		ends[i].answer = LOG_END_UNASKED;
		ends[i].leader = -1;
		together += !ends[i].apart;
	}
	/* If it has no answer all of them are asked for apart the next time. */
	if (together > 0 && !worker_cancelled(worker))
		ask(&question, ends, together, together < count ? OTHERS_TIMEOUT_MS : ASK_TIMEOUT_MS);
	if (together < count)
		ask_apart(&question, &ends[together], count - together);
}
