#include "kafka/positions.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/error_class.h"

/* One request; between them the worker looks whether it is cancelled. */
enum { REQUEST_TIMEOUT_MS = 5000, RETRY_WAIT_US = 250000 };

/* A rebalance that waits for us must not wait for ever: then the clients are made anew. */
static const int64_t give_up_us = 30 * USEC_PER_SEC;

static void list_freep(rd_kafka_topic_partition_list_t **list)
{
	if (*list)
		rd_kafka_topic_partition_list_destroy(*list);
}

void positions_clear(struct positions *positions)
{
	for (size_t i = 0; i < positions->count; i++)
		free(positions->items[i].topic);
	free(positions->items);
	positions->items = NULL;
	positions->count = 0;
}

static bool is_cancelled(const struct positions *positions, struct worker *worker)
{
	return worker_cancelled(worker) || atomic_load(&positions->cancel);
}

/* ---- the decision ---- */

static void cross_gap(struct resolved_position *item, const struct config_from *from, int64_t expected,
    int64_t log_start, int64_t log_end, bool truncated)
{
	if (truncated)
		snprintf(item->gap_words, sizeof item->gap_words,
		    "the log ends at %" PRId64 ", before offset %" PRId64
		    ": it was truncated, or the topic was recreated",
		    log_end, expected);
	else
		snprintf(item->gap_words, sizeof item->gap_words,
		    "the log begins at %" PRId64 ": retention has deleted %" PRId64 " offsets from %" PRId64 " on",
		    log_start, log_start - expected, expected);
	if (from->on_gap == GAP_BLOCK) {
		item->blocked = true;
		item->position = expected;
		error_set(&item->err, -ENODATA, REMEDY_PERSON,
		    "gap in %s [%" PRId32 "]: %s; decide with from.on_gap = \"earliest\" or \"latest\", or set the group's "
		    "offset with kafka-consumer-groups.sh --reset-offsets while aloqd is stopped, then restart it",
		    item->topic, item->partition, item->gap_words);
		return;
	}
	item->position = from->on_gap == GAP_EARLIEST ? log_start : log_end;
	item->gap_from = truncated ? item->position : expected;
	item->gap_to = item->position;
	/* While the partition is read, records before the gap may be in flight: then the low-water mark moves over
	 * the gap behind them. A truncated log lies below all of them. */
	item->commit = item->at < 0 || truncated;
}

void positions_decide(struct resolved_position *item, const struct config_from *from, int64_t committed,
    bool topic_has_commits, int64_t log_start, int64_t log_end, int64_t start_offset)
{
	int64_t expected = item->at >= 0 ? item->at : committed;

	item->gap_from = item->gap_to = -1;
	item->blocked = item->commit = false;
	item->gap_words[0] = '\0';
	if (expected >= 0) {
		if (expected < log_start) {
			cross_gap(item, from, expected, log_start, log_end, false);
		} else if (expected > log_end) {
			cross_gap(item, from, expected, log_start, log_end, true);
		} else {
			item->position = expected;
		}
		return;
	}
	item->commit = true;
	if (topic_has_commits) {
		/* The partition is newer than the group's first start: nothing of it may be missed. */
		item->position = log_start;
	} else if (from->start == START_NONE) {
		item->blocked = true;
		item->commit = false;
		item->position = log_start;
		error_set(&item->err, -ENODATA, REMEDY_PERSON,
		    "the group \"%s\" has no committed offset on %s [%" PRId32
		    "] and from.start is \"none\"; set one with kafka-consumer-groups.sh --reset-offsets, or choose "
		    "another from.start, then restart aloqd",
		    from->group, item->topic, item->partition);
	} else {
		item->position = start_offset < log_start ? log_start : start_offset;
	}
}

/* ---- asking the brokers ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct positions *positions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)positions->count);

	for (size_t i = 0; i < positions->count; i++)
		rd_kafka_topic_partition_list_add(list, positions->items[i].topic, positions->items[i].partition);
	return list;
}

/* All partitions of a topic, with what the group has committed on each. */
static int committed_on_topic(rd_kafka_t *consumer, const char *topic, rd_kafka_topic_partition_list_t *list,
    struct error *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;

	code = rd_kafka_metadata(consumer, 0, handle, &metadata, REQUEST_TIMEOUT_MS);
	rd_kafka_topic_destroy(handle);
	if (code)
		return error_class_set(err, code, "metadata of %s", topic);
	for (int i = 0; i < metadata->topic_cnt; i++)
		for (int p = 0; p < metadata->topics[i].partition_cnt; p++)
			rd_kafka_topic_partition_list_add(list, topic, metadata->topics[i].partitions[p].id);
	rd_kafka_metadata_destroy(metadata);
	code = rd_kafka_committed(consumer, list, REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "committed offsets of the group on %s", topic);
	return 0;
}

static bool any_committed(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].offset >= 0)
			return true;
	return false;
}

static bool has_item(const struct positions *positions, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < positions->count; i++)
		if (positions->items[i].partition == partition && !strcmp(positions->items[i].topic, topic))
			return true;
	return false;
}

/* Adds the topic's other partitions as foreign items, where this is the group's first start on it. */
static int add_foreign_items(struct positions *positions, rd_kafka_t *consumer, const char *topic, struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	if (committed_on_topic(consumer, topic, list, err) < 0)
		return err->code;
	for (int i = 0; i < list->cnt && !any_committed(list); i++) {
		if (has_item(positions, topic, list->elems[i].partition))
			continue;
		positions->items =
		    xreallocarray(positions->items, positions->count + 1, sizeof *positions->items);
		positions->items[positions->count++] = (struct resolved_position){ .topic = xstrdup(topic),
			.partition = list->elems[i].partition, .at = -1, .foreign = true };
	}
	return 0;
}

static int add_all_foreign_items(struct positions *positions, rd_kafka_t *consumer, const struct config_from *from,
    struct error *err)
{
	size_t own_count = positions->count;

	if (from->start == START_EARLIEST || from->start == START_NONE)
		return 0;
	for (size_t i = 0; i < own_count; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(positions->items[k].topic, positions->items[i].topic);
		/* A position to continue from says that it is not the first start. */
		if (!seen && positions->items[i].at < 0 &&
		    add_foreign_items(positions, consumer, positions->items[i].topic, err) < 0)
			return err->code;
	}
	return 0;
}

/* 1, 0, or a negative errno. */
static int topic_has_commits(rd_kafka_t *consumer, const char *topic, struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	if (committed_on_topic(consumer, topic, list, err) < 0)
		return err->code;
	return any_committed(list);
}

/* The offset that from.start means on a partition. */
static int start_offset(rd_kafka_t *consumer, const struct config_from *from, const struct resolved_position *item,
    int64_t log_start, int64_t log_end, int64_t *offset, struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = NULL;
	rd_kafka_resp_err_t code;

	*offset = log_start;
	if (from->start == START_LATEST)
		*offset = log_end;
	if (from->start != START_TIMESTAMP)
		return 0;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, item->topic, item->partition)->offset = from->start_timestamp_ms;
	code = rd_kafka_offsets_for_times(consumer, list, REQUEST_TIMEOUT_MS);
	if (!code)
		code = list->elems[0].err;
	if (code)
		return error_class_set(err, code, "offset by timestamp of %s [%" PRId32 "]", item->topic, item->partition);
	/* No record is that young: begin with the next one. */
	*offset = list->elems[0].offset >= 0 ? list->elems[0].offset : log_end;
	return 0;
}

static int resolve_item(struct resolved_position *item, rd_kafka_t *consumer, const struct config_from *from,
    int64_t committed, struct error *err)
{
	int64_t log_start = 0;
	int64_t log_end = 0;
	int64_t start = -1;
	int has_commits = 0;
	rd_kafka_resp_err_t code;

	code = rd_kafka_query_watermark_offsets(consumer, item->topic, item->partition, &log_start, &log_end,
	    REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "log start and end of %s [%" PRId32 "]", item->topic, item->partition);
	if (item->at < 0 && committed < 0) {
		has_commits = topic_has_commits(consumer, item->topic, err);
		if (has_commits < 0)
			return has_commits;
		if (start_offset(consumer, from, item, log_start, log_end, &start, err) < 0)
			return err->code;
	}
	positions_decide(item, from, committed, has_commits > 0, log_start, log_end, start);
	return 0;
}

/* Commits without blocking longer than a slice. */
static int commit_list(const struct positions *positions, rd_kafka_t *consumer,
    const rd_kafka_topic_partition_list_t *list, struct worker *worker, struct error *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer, list, queue, NULL, NULL);
	rd_kafka_event_t *event = NULL;

	while (!code && !event && !is_cancelled(positions, worker))
		event = rd_kafka_queue_poll(queue, 250);
	if (event)
		code = rd_kafka_event_error(event);
	else if (!code)
		error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
	if (code)
		error_class_set(err, code, "commit of the start positions");
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	return err->code;
}

static int commit_new_positions(const struct positions *positions, rd_kafka_t *consumer, struct worker *worker,
    struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	for (size_t i = 0; i < positions->count; i++)
		if (positions->items[i].commit)
			rd_kafka_topic_partition_list_add(list, positions->items[i].topic,
			    positions->items[i].partition)
			    ->offset = positions->items[i].position;
	return list->cnt > 0 ? commit_list(positions, consumer, list, worker, err) : 0;
}

static int resolve_once(struct positions *positions, rd_kafka_t *consumer, const struct config_from *from,
    struct worker *worker, struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *committed = NULL;
	rd_kafka_resp_err_t code;

	while (positions->count > 0 && positions->items[positions->count - 1].foreign)
		free(positions->items[--positions->count].topic);
	if (add_all_foreign_items(positions, consumer, from, err) < 0)
		return err->code;
	committed = list_of(positions);
	code = rd_kafka_committed(consumer, committed, REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "committed offsets of group \"%s\"", from->group);
	for (size_t i = 0; i < positions->count; i++) {
		struct resolved_position *item = &positions->items[i];
		const rd_kafka_topic_partition_t *answer = &committed->elems[i];

		if (is_cancelled(positions, worker))
			return error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
		if (answer->err)
			return error_class_set(err, answer->err, "committed offset of group \"%s\" on %s [%" PRId32 "]",
			    from->group, item->topic, item->partition);
		if (resolve_item(item, consumer, from, answer->offset, err) < 0)
			return err->code;
	}
	return commit_new_positions(positions, consumer, worker, err);
}

void positions_resolve(struct positions *positions, rd_kafka_t *consumer, const struct config_from *from,
    struct worker *worker)
{
	struct error *err = &positions->err;
	int64_t deadline_us = clock_monotonic_us() + give_up_us;

	for (;;) {
		error_clear(err);
		if (is_cancelled(positions, worker))
			error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
		else
			resolve_once(positions, consumer, from, worker, err);
		if (err->code == 0 || err->code == -ECANCELED || err->remedy == REMEDY_PERSON)
			return;
		if (err->remedy == REMEDY_RESTART || clock_monotonic_us() >= deadline_us)
			return;
		worker_wait_us(worker, RETRY_WAIT_US);
	}
}
