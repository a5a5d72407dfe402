#include "kafka/positions.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/leader_epoch.h"
#include "kafka/start_notice.h"

enum { REQUEST_TIMEOUT_MS = 5000, COMMIT_SLICE_MS = 250 };

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

/* ---- the decision ---- */

/* Why reading cannot go on where it was. */
enum gap_kind {
	GAP_NONE,
	GAP_OF_RETENTION,    /* the log begins later */
	GAP_OF_TRUNCATION,   /* the log ends before, or did since and has grown again */
	GAP_OF_ANOTHER,	     /* it is another topic of the same name */
	GAP_OF_GONE_OFFSETS, /* there was a committed offset, and is none any more */
};

static enum gap_kind gap_kind(const struct position_facts *facts, int64_t expected)
{
	if (expected < 0)
		return facts->had_commit ? GAP_OF_GONE_OFFSETS : GAP_NONE;
	if (*facts->read_id && *facts->topic_id && strcmp(facts->read_id, facts->topic_id))
		return GAP_OF_ANOTHER;
	if (expected < facts->log_start)
		return GAP_OF_RETENTION;
	if (expected > facts->log_end || (facts->cut && (facts->cut_at < 0 || expected > facts->cut_at)))
		return GAP_OF_TRUNCATION;
	return GAP_NONE;
}

/* Up to where a log that was cut has what it had. */
static int64_t kept_end(const struct position_facts *facts)
{
	if (!facts->cut || facts->cut_at < 0 || facts->cut_at > facts->log_end)
		return facts->log_end;
	return facts->cut_at < facts->log_start ? facts->log_start : facts->cut_at;
}

static void describe_truncation(
    char *words, size_t size, const struct position_facts *facts, int64_t expected)
{
	static const char why[] = "it was truncated, or the topic was recreated";

	if (kept_end(facts) < facts->log_end)
		snprintf(words, size,
		    "the log ended at %" PRId64 ", before offset %" PRId64 ", and has grown to %" PRId64 " since: %s",
		    kept_end(facts), expected, facts->log_end, why);
	else if (expected > facts->log_end)
		snprintf(words, size, "the log ends at %" PRId64 ", before offset %" PRId64 ": %s", facts->log_end,
		    expected, why);
	else
		snprintf(words, size,
		    "the log ended before offset %" PRId64 ", and has grown to %" PRId64 " since: %s", expected,
		    facts->log_end, why);
}

static void gap_describe(struct resolved_position *item, enum gap_kind kind, const struct position_facts *facts,
    int64_t expected)
{
	size_t size = sizeof item->gap_words;

	switch (kind) {
	case GAP_OF_RETENTION:
		snprintf(item->gap_words, size,
		    "the log begins at %" PRId64 ": retention has deleted %" PRId64 " offsets from %" PRId64 " on",
		    facts->log_start, facts->log_start - expected, expected);
		break;
	case GAP_OF_TRUNCATION:
		describe_truncation(item->gap_words, size, facts, expected);
		break;
	case GAP_OF_ANOTHER:
		snprintf(item->gap_words, size,
		    "the topic was recreated: offset %" PRId64 " is of the one with id %s, this one has id %s and "
		    "offsets %" PRId64 " to %" PRId64,
		    expected, facts->read_id, facts->topic_id, facts->log_start, facts->log_end);
		break;
	case GAP_OF_GONE_OFFSETS:
		snprintf(item->gap_words, size,
		    "the group's committed offset is gone: the topic was recreated, or the offset was deleted or has "
		    "expired; the log has offsets %" PRId64 " to %" PRId64,
		    facts->log_start, facts->log_end);
		break;
	case GAP_NONE:
		break;
	}
}

/* The log was cut, but not below what is committed: what lies between may have been read and be on its way, and is given
 * up when reading begins anew. It is read again. */
static bool is_cut_behind_committed(enum gap_kind kind, const struct position_facts *facts)
{
	return kind == GAP_OF_TRUNCATION && facts->committed >= facts->log_start && facts->committed <= kept_end(facts);
}

/* Where reading goes on. What comes behind a log's new end is new, also if there is much of it already. */
static int64_t far_side(enum gap_policy on_gap, enum gap_kind kind, const struct position_facts *facts)
{
	if (on_gap == GAP_EARLIEST)
		return facts->log_start;
	if (kind != GAP_OF_TRUNCATION)
		return facts->log_end;
	return is_cut_behind_committed(kind, facts) ? facts->committed : kept_end(facts);
}

/* What a person has decided. Of a log that was cut all that is left has been read: it would be relayed twice. But had the
 * topic been recreated, the group's offset would have been deleted with it. */
static enum gap_policy skipping(enum gap_kind kind, const struct position_facts *facts)
{
	return kind == GAP_OF_TRUNCATION && facts->committed >= 0 ? GAP_LATEST : GAP_EARLIEST;
}

/* Where a person's --skip goes on. By then all that was read before is settled, and committed. */
static int64_t skip_to(enum gap_kind kind, const struct position_facts *facts, int64_t expected)
{
	struct position_facts then = *facts;

	if (then.committed >= 0 && then.committed < expected)
		then.committed = expected;
	return far_side(skipping(kind, &then), kind, &then);
}

static void cross_gap(struct resolved_position *item, enum gap_kind kind, const struct config_from *from,
    const struct position_facts *facts, int64_t expected)
{
	enum gap_policy on_gap = item->cross_gap ? skipping(kind, facts) : from->on_gap;

	gap_describe(item, kind, facts, expected);
	item->recreated = kind == GAP_OF_ANOTHER;
	item->leader_epoch = -1;
	item->cut = kind == GAP_OF_TRUNCATION;
	item->cut_at = item->cut ? kept_end(facts) : -1;
	if (on_gap == GAP_BLOCK) {
		item->blocked = true;
		item->position = expected >= 0 ? expected : facts->log_start;
		error_set(&item->err, -ENODATA, REMEDY_PERSON,
		    "gap in %s [%" PRId32 "]: %s; go on at %" PRId64 " without what is gone (aloqctl unblock PIPELINE %s %" PRId32
		    " --skip), or decide for all gaps with from.on_gap = \"earliest\" or \"latest\" and reload aloqd, "
		    "or stop the pipeline everywhere and set the group's offset with aloqctl offsets seek",
		    item->topic, item->partition, item->gap_words, skip_to(kind, facts, expected), item->topic,
		    item->partition);
		return;
	}
	item->position = far_side(on_gap, kind, facts);
	/* How much is gone can be counted where the log is still the same. */
	item->gap_from = kind == GAP_OF_RETENTION ? expected : item->position;
	item->gap_to = item->position;
	/* While the partition is read, records before the gap may be in flight: then the low-water mark moves over
	 * the gap behind them. A log that is shorter, or another one, lies below all of them. */
	item->commit = item->at < 0 || kind != GAP_OF_RETENTION;
}

int positions_decide(struct resolved_position *item, const struct config_from *from,
    const struct position_facts *facts, struct error *err)
{
	int64_t expected = item->at >= 0 ? item->at : facts->committed;
	enum gap_kind kind = gap_kind(facts, expected);

	item->gap_from = item->gap_to = -1;
	item->blocked = item->commit = item->recreated = false;
	item->gap_words[0] = '\0';
	if (item->at < 0)
		item->leader_epoch = facts->committed_epoch;
	/* Taken for unknown, another topic would be read as if it were the one before, and never be noticed again. */
	if (*facts->read_id && facts->id_untold)
		return error_set(err, -EAGAIN, REMEDY_RETRY,
		    "no broker tells whether %s is still the topic with id %s; trying again", item->topic, facts->read_id);
	if (kind != GAP_NONE) {
		cross_gap(item, kind, from, facts, expected);
		return 0;
	}
	item->cut = false;
	if (expected >= 0) {
		item->position = expected;
		return 0;
	}
	item->commit = true;
	if (facts->topic_has_commits || item->later) {
		/* The partition is newer than the group's first start: nothing of it may be missed. */
		item->position = facts->log_start;
	} else if (from->start == START_NONE) {
		item->blocked = true;
		item->commit = false;
		item->position = facts->log_start;
		error_set(&item->err, -ENOMSG, REMEDY_PERSON,
		    "the group \"%s\" has no committed offset on %s [%" PRId32
		    "] and from.start is \"none\"; stop the pipeline everywhere and set one with aloqctl offsets "
		    "seek, or choose another from.start, then reload aloqd",
		    from->group, item->topic, item->partition);
	} else {
		item->position = facts->start_offset < facts->log_start ? facts->log_start : facts->start_offset;
	}
	return 0;
}

/* ---- asking the brokers ---- */

/* All partitions of a topic, with what the group has committed on each. */
struct topic_commits {
	const char *topic;
	char topic_id[TOPIC_ID_SIZE];
	bool id_untold;
	rd_kafka_topic_partition_list_t *list;
	bool any; /* has it on one of them, or once had, as this process has seen */
};

static void topic_commits_clear(struct topic_commits *commits)
{
	if (commits->list)
		rd_kafka_topic_partition_list_destroy(commits->list);
}

static bool lists_all(const struct positions *positions, const char *topic, const rd_kafka_topic_partition_list_t *list)
{
	for (size_t i = 0; i < positions->count; i++)
		if (!strcmp(positions->items[i].topic, topic) &&
		    !rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)list, topic,
			positions->items[i].partition))
			return false;
	return true;
}

/* All partitions of the topic. A broker that has just started may not know it yet, or not all of it. Nothing is committed on
 * a partition that is not asked for: from.start would be taken, and committed over the offset that there is. */
static int list_partitions(struct topic_commits *commits, const struct positions *positions,
    const struct rd_kafka_metadata *metadata, struct error *err)
{
	rd_kafka_resp_err_t code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;

	commits->list = rd_kafka_topic_partition_list_new(16);
	for (int i = 0; i < metadata->topic_cnt; i++)
		for (int p = 0; p < metadata->topics[i].partition_cnt; p++)
			rd_kafka_topic_partition_list_add(
			    commits->list, commits->topic, metadata->topics[i].partitions[p].id);
	if (error_class_remedy(code) == REMEDY_PERSON)
		return error_class_set(err, code, "metadata of %s", commits->topic);
	if (code || !lists_all(positions, commits->topic, commits->list))
		return error_set(err, -EAGAIN, REMEDY_RETRY,
		    "a broker does not know all partitions of %s that the group has assigned (%s); trying again",
		    commits->topic, rd_kafka_err2str(code ? code : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION));
	return 0;
}

static int topic_commits_read(struct topic_commits *commits, const struct positions *positions, rd_kafka_t *consumer,
    const char *topic, struct error *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(consumer, 0, handle, &metadata, REQUEST_TIMEOUT_MS);

	commits->topic = topic;
	rd_kafka_topic_destroy(handle);
	if (code)
		return error_class_set(err, code, "metadata of %s", topic);
	list_partitions(commits, positions, metadata, err);
	rd_kafka_metadata_destroy(metadata);
	if (err->code)
		return err->code;
	code = rd_kafka_committed(consumer, commits->list, REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "committed offsets of the group on %s", topic);
	/* Where the topic was created anew, all of them are gone: it is no first start, also for a partition that it had not
	 * before. */
	commits->any = topic_memory_has_commits(positions->memory, topic);
	for (int i = 0; i < commits->list->cnt; i++)
		commits->any = commits->any || commits->list->elems[i].offset >= 0;
	commits->id_untold = !topic_ids_ask(consumer, &topic, 1, &commits->topic_id);
	return 0;
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

/* The true end of the log. A read_committed client is told the last stable offset for it, and an offset between
 * the two is no truncation: its reader waits for the open transaction to end. */
static int true_log_end(const struct config_pipeline *pipeline, const struct resolved_position *item,
    int64_t *log_end, struct error *err)
{
	rd_kafka_t *client = client_new_admin(pipeline, pipeline->from.cluster, err);
	int64_t log_start;
	rd_kafka_resp_err_t code;

	if (!client)
		return err->code;
	code = rd_kafka_query_watermark_offsets(client, item->topic, item->partition, &log_start, log_end,
	    REQUEST_TIMEOUT_MS);
	rd_kafka_destroy(client);
	return code ? error_class_set(err, code, "log end of %s [%" PRId32 "]", item->topic, item->partition) : 0;
}

static int resolve_item(struct resolved_position *item, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    const struct topic_commits *commits, struct topic_memory *memory, struct error *err)
{
	const rd_kafka_topic_partition_t *answer =
	    rd_kafka_topic_partition_list_find(commits->list, item->topic, item->partition);
	char read_id[TOPIC_ID_SIZE] = "";
	struct position_facts facts = { .committed = answer && answer->offset >= 0 ? answer->offset : -1,
		.topic_has_commits = commits->any, .read_id = read_id, .topic_id = commits->topic_id, .id_untold = commits->id_untold,
		.had_commit = topic_memory_has_commit(memory, item->topic, item->partition), .start_offset = -1,
		.committed_epoch = -1, .cut_at = -1 };
	const struct leader_epochs epochs = leader_epochs_find();
	int64_t expected = item->at >= 0 ? item->at : facts.committed;
	rd_kafka_resp_err_t code;

	if (answer && answer->err)
		return error_class_set(err, answer->err, "committed offset of group \"%s\" on %s [%" PRId32 "]",
		    pipeline->from.group, item->topic, item->partition);
	if (item->at >= 0)
		memcpy(read_id, item->read_id, sizeof read_id);
	else if (facts.committed >= 0)
		topic_id_read(answer->metadata, answer->metadata_size, read_id);
	if (facts.committed >= 0)
		facts.committed_epoch = leader_epoch_of_offset(&epochs, answer);
	code = rd_kafka_query_watermark_offsets(consumer, item->topic, item->partition, &facts.log_start,
	    &facts.log_end, REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "log start and end of %s [%" PRId32 "]", item->topic, item->partition);
	if (expected > facts.log_end && true_log_end(pipeline, item, &facts.log_end, err) < 0)
		return err->code;
	if (expected < 0 && start_offset(consumer, &pipeline->from, item, facts.log_start, facts.log_end,
			      &facts.start_offset, err) < 0)
		return err->code;
	facts.cut = item->cut && (item->at >= 0 || facts.committed <= item->cut_read_to);
	facts.cut_at = item->cut_at;
	if (!facts.cut && item->at < 0)
		facts.cut = topic_memory_has_cut(memory, item->topic, item->partition, facts.committed, &facts.cut_at);
	if (positions_decide(item, &pipeline->from, &facts, err) < 0)
		return err->code;
	/* Until it is crossed, and that is committed; or nothing is left that could be committed past it. */
	if (item->cut)
		topic_memory_note_cut(memory, item->topic, item->partition, facts.committed,
		    facts.committed > expected ? facts.committed : expected, item->cut_at);
	else if (item->at < 0)
		topic_memory_forget_cut(memory, item->topic, item->partition);
	memcpy(item->topic_id, commits->topic_id, sizeof item->topic_id);
	item->started = expected < 0 && !commits->any && !facts.had_commit && !item->blocked;
	if (facts.committed >= 0)
		topic_memory_note_commit(memory, item->topic, item->partition);
	return 0;
}

/* ---- the group's first start on a topic ---- */

static bool has_item(const struct positions *positions, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < positions->count; i++)
		if (positions->items[i].partition == partition && !strcmp(positions->items[i].topic, topic))
			return true;
	return false;
}

static bool is_later(const struct positions *positions, const char *topic)
{
	for (size_t i = 0; i < positions->count; i++)
		if (!strcmp(positions->items[i].topic, topic))
			return positions->items[i].later;
	return false;
}

/* Does the group begin here with what may have moved on when the next member looks? Then the owner of partition 0
 * speaks for the topic. */
static bool begins_as_one(const struct positions *positions, const struct config_from *from,
    const struct topic_commits *commits)
{
	return !commits->any && !is_later(positions, commits->topic) && from->start != START_EARLIEST &&
	       from->start != START_NONE;
}

static void add_foreign_items(struct positions *positions, const struct config_from *from,
    const struct topic_commits *commits)
{
	if (!begins_as_one(positions, from, commits) || !has_item(positions, commits->topic, 0))
		return;
	for (int i = 0; i < commits->list->cnt; i++) {
		int32_t partition = commits->list->elems[i].partition;

		if (has_item(positions, commits->topic, partition))
			continue;
		positions->items = xreallocarray(positions->items, positions->count + 1, sizeof *positions->items);
		positions->items[positions->count++] = (struct resolved_position){ .topic = xstrdup(commits->topic),
			.partition = partition, .at = -1, .foreign = true };
	}
}

static void drop_foreign_items(struct positions *positions)
{
	while (positions->count > 0 && positions->items[positions->count - 1].foreign)
		free(positions->items[--positions->count].topic);
}

/* Nobody else reads of the topic before the owner of partition 0 has committed: a broker takes a commit from any
 * member of the generation, whoever owns the partition, and knows none that holds only where nothing is committed.
 * One that came late would put back what another member has committed since, and that one's records would be relayed
 * twice. Where offsets have vanished, the owner may have reason to commit nothing: hence a bound. */
static bool awaits_owner(const struct positions *positions, const struct config_from *from,
    const struct topic_commits *commits)
{
	if (!begins_as_one(positions, from, commits) || has_item(positions, commits->topic, 0) ||
	    clock_monotonic_us() >= positions->await_owner_until_us)
		return false;
	for (size_t i = 0; i < positions->count; i++)
		if (!strcmp(positions->items[i].topic, commits->topic) &&
		    topic_memory_has_commit(positions->memory, commits->topic, positions->items[i].partition))
			return false;
	return true;
}

/* Who has waited for the owner in vain may have begun to read: what it has committed stands. */
static int spare_committed_foreign_items(struct positions *positions, rd_kafka_t *consumer, struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < positions->count; i++)
		if (positions->items[i].foreign)
			rd_kafka_topic_partition_list_add(list, positions->items[i].topic,
			    positions->items[i].partition);
	if (list->cnt == 0)
		return 0;
	code = rd_kafka_committed(consumer, list, REQUEST_TIMEOUT_MS);
	if (code)
		return error_class_set(err, code, "committed offsets of the group");
	for (size_t i = 0, k = 0; i < positions->count; i++)
		if (positions->items[i].foreign && list->elems[k++].offset >= 0)
			positions->items[i].commit = false;
	return 0;
}

/* ---- the run ---- */

rd_kafka_resp_err_t positions_commit_error(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *answers)
{
	/* Where only some have failed, librdkafka gives their error to the whole and to all (commit_answers.h). It does not matter
	 * which: those that were committed are found so at the next attempt. */
	for (int i = 0; answers && i < answers->cnt && !code; i++)
		code = answers->elems[i].err;
	return code;
}

/* Commits without blocking longer than a slice. */
static int commit_list(rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *list, struct worker *worker,
    struct error *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer, list, queue, NULL, NULL);
	rd_kafka_event_t *event = NULL;

	while (!code && !event && !worker_cancelled(worker))
		event = rd_kafka_queue_poll(queue, COMMIT_SLICE_MS);
	if (event)
		code = positions_commit_error(
		    rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
	else if (!code)
		error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
	if (code)
		error_class_set(err, code, "commit of the start positions");
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	return err->code;
}

static bool is_cancelled(const struct positions *positions, struct worker *worker)
{
	return worker_cancelled(worker) || (positions->outdated && atomic_load(positions->outdated));
}

static int commit_new_positions(struct positions *positions, rd_kafka_t *consumer, struct worker *worker,
    struct error *err)
{
	_cleanup_(list_freep) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	if (spare_committed_foreign_items(positions, consumer, err) < 0)
		return err->code;
	for (size_t i = 0; i < positions->count; i++) {
		const struct resolved_position *item = &positions->items[i];
		rd_kafka_topic_partition_t *offset;

		if (!item->commit)
			continue;
		offset = rd_kafka_topic_partition_list_add(list, item->topic, item->partition);
		offset->offset = item->position;
		topic_id_store(offset, item->topic_id);
	}
	if (list->cnt == 0)
		return 0;
	if (is_cancelled(positions, worker))
		return error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
	FAULT_POINT("before-start-commit");
	if (commit_list(consumer, list, worker, err) < 0)
		return err->code;
	FAULT_POINT("after-start-commit");
	for (int i = 0; i < list->cnt; i++) {
		topic_memory_note_commit(positions->memory, list->elems[i].topic, list->elems[i].partition);
		topic_memory_forget_cut(positions->memory, list->elems[i].topic, list->elems[i].partition);
	}
	return 0;
}

/* Once for each topic. */
static void notice_starts(const struct positions *positions, const struct config_pipeline *pipeline)
{
	for (size_t i = 0; i < positions->count; i++) {
		bool said = !positions->items[i].started;

		for (size_t k = 0; k < i && !said; k++)
			said = positions->items[k].started &&
			       !strcmp(positions->items[k].topic, positions->items[i].topic);
		if (!said)
			start_notice(pipeline, positions->items[i].topic, positions->committed_topic);
	}
}

/* Resolves all items of one topic. What the group has committed is read once: two looks could see another
 * member's first commit in between and take our partitions for newer than the first start. */
static int resolve_topic(struct positions *positions, const char *topic, rd_kafka_t *consumer,
    const struct config_pipeline *pipeline, struct worker *worker, struct error *err)
{
	_cleanup_(topic_commits_clear) struct topic_commits commits = { .list = NULL };

	if (is_cancelled(positions, worker))
		return error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
	if (topic_commits_read(&commits, positions, consumer, topic, err) < 0)
		return err->code;
	if (commits.any)
		positions->committed_topic = topic;
	if (awaits_owner(positions, &pipeline->from, &commits)) {
		positions->awaits_owner = true;
		return 0;
	}
	add_foreign_items(positions, &pipeline->from, &commits);
	for (size_t i = 0; i < positions->count; i++) {
		if (strcmp(positions->items[i].topic, topic))
			continue;
		if (is_cancelled(positions, worker))
			return error_set(err, -ECANCELED, REMEDY_NONE, "cancelled");
		if (resolve_item(&positions->items[i], consumer, pipeline, &commits, positions->memory, err) < 0)
			return err->code;
	}
	return 0;
}

void positions_resolve(struct positions *positions, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    struct worker *worker)
{
	struct error *err = &positions->err;
	size_t own_count;

	error_clear(err);
	positions->awaits_owner = false;
	drop_foreign_items(positions);
	own_count = positions->count;
	for (size_t i = 0; i < own_count; i++)
		positions->items[i].commit = positions->items[i].started = false;
	for (size_t i = 0; i < own_count; i++) {
		/* The items move where foreign ones are added behind them; their names do not. */
		const char *topic = positions->items[i].topic;
		bool done = false;

		for (size_t k = 0; k < i && !done; k++)
			done = !strcmp(positions->items[k].topic, topic);
		if (!done && resolve_topic(positions, topic, consumer, pipeline, worker, err) < 0)
			return;
	}
}

void positions_commit(struct positions *positions, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    struct worker *worker)
{
	struct error *err = &positions->err;

	if (commit_new_positions(positions, consumer, worker, err) < 0)
		return;
	notice_starts(positions, pipeline);
	/* What others wait for is committed: two members may wait for each other, with a topic each. */
	if (positions->awaits_owner)
		error_set(err, -EAGAIN, REMEDY_RETRY,
		    "the owner of partition 0 has not committed yet where the group begins");
}
