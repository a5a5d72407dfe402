#include "kafka/source.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/record_age.h"
#include "kafka/commit_answers.h"
#include "kafka/error_class.h"
#include "kafka/library.h"
#include "kafka/positions.h"
#include "kafka/probe.h"
#include "kafka/record.h"
#include "kafka/record_fingerprint.h"
#include "kafka/record_size.h"
#include "kafka/security.h"
#include "kafka/settings.h"
#include "kafka/source_internal.h"

enum { RECORDS_PER_BLOCK = 512 };

/* ---- records ---- */

/* Records are made in blocks and kept for reuse: the record's path does not allocate. */
struct record_block {
	struct record_block *next;
	struct record records[RECORDS_PER_BLOCK];
};

static struct record *record_take(struct source *source)
{
	struct record *record = source->free_records;

	if (!record) {
		struct record_block *block = xcalloc(1, sizeof *block);

		block->next = source->record_blocks;
		source->record_blocks = block;
		for (size_t i = 0; i < RECORDS_PER_BLOCK; i++) {
			block->records[i].next_free = source->free_records;
			source->free_records = &block->records[i];
		}
		record = source->free_records;
	}
	source->free_records = record->next_free;
	return record;
}

static void op_release_chunk(void *context, void *payload)
{
	struct source *source = context;
	struct record *record = payload;

	rd_kafka_event_destroy(record->event);
	record->next_free = source->free_records;
	source->free_records = record;
}

static uint64_t op_fingerprint(void *context, const void *payload)
{
	const struct record *record = payload;

	return record_fingerprint(record->message);
}

/* ---- parts ---- */

struct source_topic *source_topic_of(struct source *source, const char *name)
{
	struct source_topic *topic;

	for (size_t i = 0; i < source->topic_count; i++)
		if (!strcmp(source->topics[i]->name, name))
			return source->topics[i];
	topic = xcalloc(1, sizeof *topic);
	topic->name = xstrdup(name);
	topic->target_partitions = INT32_MAX;
	source->topics = xreallocarray(source->topics, source->topic_count + 1, sizeof *source->topics);
	source->topics[source->topic_count++] = topic;
	return topic;
}

struct source_part *source_part_of(struct source *source, const char *name, int32_t partition)
{
	struct source_topic *topic = source_topic_of(source, name);
	struct source_part *part;

	if (partition < 0)
		return NULL;
	if ((size_t)partition >= topic->part_count) {
		topic->parts = xreallocarray(topic->parts, (size_t)partition + 1, sizeof *topic->parts);
		while (topic->part_count <= (size_t)partition)
			topic->parts[topic->part_count++] = NULL;
	}
	part = topic->parts[partition];
	if (part)
		return part;
	part = xcalloc(1, sizeof *part);
	part->number = source->part_count;
	part->watch.log_end = -1;
	part->topic = topic;
	part->partition = partition;
	topic->parts[partition] = part;
	source->parts = xreallocarray(source->parts, source->part_count + 1, sizeof *source->parts);
	source->parts[source->part_count++] = part;
	return part;
}

void source_part_name(const struct source *source, uint32_t number, const char **topic, int32_t *partition)
{
	*topic = source->parts[number]->topic->name;
	*partition = source->parts[number]->partition;
}

bool source_part_is_read(const struct source *source, uint32_t number)
{
	return source->parts[number]->reading && !source->parts[number]->doubted;
}

bool source_part_is_gone(const struct source *source, uint32_t number)
{
	return source->parts[number]->topic->gone;
}

int64_t source_log_end(const struct source *source, uint32_t number)
{
	const struct source_part *part = source->parts[number];
	int64_t log_start = -1;
	int64_t log_end = -1;

	if (rd_kafka_get_watermark_offsets(source->consumer, part->topic->name, part->partition, &log_start, &log_end) ||
	    log_end < 0)
		log_end = -1;
	return log_end > part->watch.log_end ? log_end : part->watch.log_end;
}

/* ---- reading ---- */

/* Whoever wrote the record says when. */
static uint32_t age_of(const struct source *source, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);

	return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? AGE_UNKNOWN : record_age_ms(timestamp_ms, source->wall_ms);
}

static void take_record(struct source *source, struct source_part *part, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message = rd_kafka_event_message_next(event);
	struct record_cost cost;
	struct record *record;
	struct chunk chunk;
	int32_t leader_epoch = message ? leader_epoch_of_record(&source->epochs, message) : -1;

	if (!message ||
	    !source_believes(source, part, message->offset, rd_kafka_message_broker_id(message), leader_epoch)) {
		rd_kafka_event_destroy(event);
		return;
	}
	record = record_take(source);
	record->event = event;
	record->message = message;
	record->stamped_anew = false;
	/* Whether it was delivered before is the engine's to see, and to count. */
	if (message->offset >= part->next_offset) {
		part->next_offset = message->offset + 1;
		part->leader_epoch = leader_epoch;
	}
	fetch_waker_count(&source->waker, 1, message->len + message->key_len);
	cost = record_cost_of(message);
	record->has_no_headers = cost.has_no_headers;
	chunk = (struct chunk){ .part = part->number, .epoch = part->epoch, .first = message->offset,
		.next = message->offset + 1, .records = 1,
		.bytes = cost.held_bytes,
		.payload_bytes = (uint32_t)(message->len + message->key_len),
		.leader_epoch = leader_epoch, .age_ms = age_of(source, message), .payload = record };
	prefetch_turns_read(&source->turns, part->number, cost.prefetched_bytes);
	source->events->chunk(source->owner, &chunk);
}

static void take_partition_error(struct source *source, struct source_part *part, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	rd_kafka_topic_partition_t *where;
	struct error err;

	error_clear(&err);
	switch (code) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		where = rd_kafka_event_topic_partition(event);
		if (where && where->offset >= part->next_offset &&
		    source_believes(source, part, where->offset, SOURCE_END, -1)) {
			/* What lies between may be of a later epoch. */
			if (where->offset > part->next_offset)
				part->leader_epoch = -1;
			part->next_offset = where->offset;
			source->events->position(source->owner, part->number, part->epoch, where->offset);
		}
		if (where)
			rd_kafka_topic_partition_destroy(where);
		break;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		/* A gap, or truncation, while reading: from.on_gap decides. */
		source_take_reset(source, part, event);
		break;
	default:
		if (source_error_means_gone(code))
			source_doubt_topics(source);
		error_class_set(&err, code, "%s [%" PRId32 "] at offset %" PRId64 ": %s", part->topic->name,
		    part->partition, part->next_offset, rd_kafka_event_error_string(event));
		if (source_error_means_damage(code))
			source_take_damage(source, part, code, &err);
		else if (err.remedy == REMEDY_PERSON)
			source->events->failed(source->owner, &err);
		else
			source->host.trouble(source->host.host, part->number, &err);
		break;
	}
	rd_kafka_event_destroy(event);
}

uint32_t source_take_events(struct source *source, struct source_part *part, uint32_t max_records)
{
	uint32_t taken = 0;

	while (taken < max_records && part->reading && !part->doubted) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(part->queue, 0);

		if (!event)
			break;
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH) {
			take_record(source, part, event);
			taken++;
		} else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
			take_partition_error(source, part, event);
		} else {
			rd_kafka_event_destroy(event);
		}
	}
	return taken;
}

static uint32_t op_fetch(void *context, uint32_t number, uint32_t max_records)
{
	struct source *source = context;

	return source_take_events(source, source->parts[number], max_records);
}

/* ---- control events ---- */

static void take_error(struct source *source, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	char words[256];
	struct error err;

	error_clear(&err);
	switch (code) {
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
		code = rd_kafka_fatal_error(source->consumer, words, sizeof words);
		error_class_set(&err, code, "the consumer has failed: %s", words);
		if (err.remedy < REMEDY_RESTART)
			err.remedy = REMEDY_RESTART;
		source->events->failed(source->owner, &err);
		return;
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		/* The rebalance says what is lost: the one that follows, or the one that was not answered. */
	default:
		if (source_error_means_gone(code))
			source_doubt_topics(source);
		if (!security_explain(&err, code, rd_kafka_event_error_string(event), source->pipeline->from.cluster))
			error_class_set(&err, code, "source cluster \"%s\": %s", source->pipeline->from.cluster->name,
			    rd_kafka_event_error_string(event));
		if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
			err.code = -ENETDOWN;
		if (err.remedy == REMEDY_PERSON)
			source->events->failed(source->owner, &err);
		else
			source->host.trouble(source->host.host, UINT32_MAX, &err);
		return;
	}
}

/* What reached the common queue before its partition's own was in place, or in spite of it: dropping a record would lose
 * it, and without its end or its error a partition would stand still. The message is handed out once; its partition is
 * told by the event. Takes the event if it is of a partition. */
static bool take_leaked(struct source *source, rd_kafka_event_t *event, bool is_record)
{
	rd_kafka_topic_partition_t *where = rd_kafka_event_topic_partition(event);
	struct source_part *part = where ? source_part_of(source, where->topic, where->partition) : NULL;

	if (where)
		rd_kafka_topic_partition_destroy(where);
	if (!part && !is_record)
		return false;
	if (!part || !part->reading)
		rd_kafka_event_destroy(event);
	else if (is_record)
		take_record(source, part, event);
	else
		take_partition_error(source, part, event);
	return true;
}

static void take_control_events(struct source *source)
{
	int64_t began_us = clock_monotonic_us();
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(source->queue, 0)) != NULL) {
		switch (rd_kafka_event_type(event)) {
		case RD_KAFKA_EVENT_REBALANCE:
			source_rebalance(source, rd_kafka_event_error(event),
			    rd_kafka_event_topic_partition_list(event));
			break;
		case RD_KAFKA_EVENT_ERROR:
			if (take_leaked(source, event, false))
				continue;
			take_error(source, event);
			break;
		case RD_KAFKA_EVENT_FETCH:
			take_leaked(source, event, true);
			continue;
		default:
			break;
		}
		rd_kafka_event_destroy(event);
	}
	source->polled_us = began_us;
	source->moved = false;
}

static void op_serve(void *context)
{
	struct source *source = context;

	source->wall_ms = clock_realtime_ms();
	source_bound_prefetch(source);
	fetch_waker_wake(&source->waker);
	source_serve_doubts(source);
	source_serve_answers(source);
	/* A rebalance that has begun is known before partitions are moved, and one that began meanwhile right after. */
	take_control_events(source);
	source_serve_positions(source);
	source_serve_topics(source);
	if (source->moved)
		take_control_events(source);
	source_serve_stalls(source);
	source_serve_commits(source);
}

/* ---- life cycle ---- */

static void watch_queue(rd_kafka_queue_t *queue, int wake_fd)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof one);
}

void source_watch_queue(struct source *source, rd_kafka_queue_t *queue)
{
	watch_queue(queue, source->wake_fd);
}

int64_t source_look_interval_us(const struct source *source)
{
	int64_t interval_us = client_setting_us(source->consumer, "topic.metadata.refresh.interval.ms");

	return interval_us > 0 ? interval_us : CLOCK_NEVER;
}

int source_subscribe(struct source *source, const struct read_topic *topics, size_t count, struct error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		if (!topics[i].held.code && source_topic_of(source, topics[i].name)->declined)
			return error_set(err, -EAGAIN, REMEDY_RESTART,
			    "topic %s is to be read, and what the group had given of it was not taken", topics[i].name);
	list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < source->topic_count; i++)
		source->topics[i]->subscribed = false;
	for (size_t i = 0; i < count; i++) {
		struct source_topic *topic = source_topic_of(source, topics[i].name);

		topic->subscribed = !topics[i].held.code;
		topic->later = topics[i].later;
		topic->target_partitions = topics[i].target_partitions;
		if (!topics[i].held.code)
			rd_kafka_topic_partition_list_add(list, topics[i].name, RD_KAFKA_PARTITION_UA);
	}
	source->subscriptions++;
	/* librdkafka takes an empty list for a mistake. */
	code = list->cnt > 0 ? rd_kafka_subscribe(source->consumer, list) : rd_kafka_unsubscribe(source->consumer);
	rd_kafka_topic_partition_list_destroy(list);
	return code ? error_class_set(err, code, "subscribing to the source topics") : 0;
}

struct source *source_new(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *group_instance_id, int wake_fd, struct worker *worker, struct topic_memory *memory,
    const struct source_host *host, struct error *err)
{
	struct source *source = xcalloc(1, sizeof *source);
	_cleanup_free_ char *strategy = NULL;

	source->pipeline = pipeline;
	source->wake_fd = wake_fd;
	source->worker = worker;
	source->memory = memory;
	source->host = *host;
	source->epochs = leader_epochs_find();
	source->validates = leader_epochs_can_validate(&source->epochs);
	source->commit_answers = commit_answers_new();
	source->consumer = client_new_consumer(pipeline, sizes, group_instance_id, source->commit_answers, err);
	if (!source->consumer) {
		error_prefix(err, "consumer");
		source_free(source);
		return NULL;
	}
	strategy = client_setting(source->consumer, "partition.assignment.strategy");
	source->cooperative = settings_is_cooperative(strategy);
	if (source->cooperative && library_cooperation_faults())
		log_warning(&LOG_SETTINGS(pipeline),
		    "partition.assignment.strategy=%s with librdkafka %s: %s; use a newer one, or range,roundrobin", strategy,
		    library_version(), library_cooperation_faults());
	if (leader_epochs_are_hidden(&source->epochs))
		log_warning(&LOG_SETTINGS(pipeline),
		    "librdkafka %s tells no leader epochs here, because it is linked statically: "
		    "a source log that was truncated and has grown again is not noticed", library_version());
	rd_kafka_poll_set_consumer(source->consumer);
	source->queue = rd_kafka_queue_get_consumer(source->consumer);
	source->commit_queue = rd_kafka_queue_new(source->consumer);
	source_prepare_stalls(source);
	source_prepare_answers(source);
	prefetch_turns_init(&source->turns, sizes->prefetch_bound_bytes);
	watch_queue(source->queue, wake_fd);
	watch_queue(source->commit_queue, wake_fd);
	fetch_waker_prepare(&source->waker, source->consumer, sizes->partition_prefetch_records,
	    (uint64_t)sizes->partition_prefetch_kbytes * 1024);
	return source;
}

void source_set_events(struct source *source, const struct source_events *events, void *owner)
{
	source->events = events;
	source->owner = owner;
}

void source_probe(struct source *source, struct probe *probe)
{
	probe->client = source->consumer;
}

void source_close(struct source *source)
{
	rd_kafka_error_t *error;

	source_abandon_rebalance(source);
	/* A subscription that was changed during a rebalance is postponed, and librdkafka (2.0.2) takes it up also when the
	 * group has been left, then aborts because the client that is destroyed has one. Only another call drops it. */
	if (source->subscriptions > 1)
		rd_kafka_unsubscribe(source->consumer);
	error = rd_kafka_consumer_close_queue(source->consumer, source->queue);
	if (error)
		rd_kafka_error_destroy(error); /* closed already: source_is_closed() says so */
	source->closing = true;
}

bool source_is_closed(const struct source *source)
{
	return source->closing && rd_kafka_consumer_closed(source->consumer);
}

bool source_is_idle(const struct source *source)
{
	return !source->job && !source->looking_up && !source->asking_ends;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	source_give_up_queues(source);
	for (uint32_t i = 0; i < source->part_count; i++)
		free(source->parts[i]);
	for (size_t i = 0; i < source->topic_count; i++) {
		free(source->topics[i]->name);
		free(source->topics[i]->parts);
		free(source->topics[i]);
	}
	if (source->pending)
		rd_kafka_topic_partition_list_destroy(source->pending);
	free(source->member_id);
	if (source->commit_queue)
		rd_kafka_queue_destroy(source->commit_queue);
	if (source->queue)
		rd_kafka_queue_destroy(source->queue);
	if (source->consumer)
		rd_kafka_destroy(source->consumer);
	commit_answers_free(source->commit_answers);
	while (source->record_blocks) {
		struct record_block *block = source->record_blocks;

		source->record_blocks = block->next;
		free(block);
	}
	prefetch_turns_clear(&source->turns);
	fetch_waker_clear(&source->waker);
	free(source->parts);
	free(source->topics);
	free(source->marks);
	free(source);
}

const struct source_ops kafka_source_ops = {
	.serve = op_serve,
	.fetch = op_fetch,
	.commit = source_commit,
	.rewind = source_rewind,
	.release_partition = source_release_partition,
	.release_chunk = op_release_chunk,
	.fingerprint = op_fingerprint,
	.group_token = source_group_token,
	.free_group_token = source_free_group_token,
};
