/* Where reading begins: positions that the worker finds out, for what the group has assigned and behind a gap. */
#include "kafka/source_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/positions.h"

/* Positions being resolved by the worker. Belongs to the worker while it runs, then to the source. */
struct resolve_job {
	struct source *source;
	struct positions positions;
	bool is_assignment; /* of source->pending; else of partitions that met a gap while they were read */
	bool committing;    /* they are resolved, and what is new among them is being committed */
	bool finished;
	atomic_bool outdated; /* the partitions have been taken away meanwhile: nothing of it is used */
	int64_t give_up_us; /* no attempt begins after this */
	bool again;	    /* it has failed before: wait a little first */
};

/* A rebalance that waits for us must not wait for ever: then the clients are made anew. */
static const int64_t give_up_after_us = 30 * USEC_PER_SEC;
enum { RETRY_WAIT_US = 250000 };

/* ---- jobs ---- */

static const char resolving[] = "asking for the positions to read from";

static void job_run(struct worker *worker, void *argument)
{
	struct resolve_job *job = argument;

	if (job->committing) {
		positions_commit(&job->positions, job->source->consumer, job->source->pipeline, worker);
		return;
	}
	if (job->again)
		worker_wait_us(worker, RETRY_WAIT_US);
	positions_resolve(&job->positions, job->source->consumer, job->source->pipeline, worker);
}

static void job_free(struct resolve_job *job)
{
	positions_clear(&job->positions);
	free(job);
}

static void job_done(void *argument, bool cancelled)
{
	struct resolve_job *job = argument;

	if (cancelled) {
		job->source->job = NULL;
		job_free(job);
		return;
	}
	job->finished = true;
}

static void job_add(struct resolve_job *job, const struct source_part *part, int64_t at, const char *read_id)
{
	struct positions *positions = &job->positions;
	struct resolved_position *item;

	positions->items = xreallocarray(positions->items, positions->count + 1, sizeof *positions->items);
	item = &positions->items[positions->count++];
	*item = (struct resolved_position){ .topic = xstrdup(part->topic->name), .partition = part->partition, .at = at,
		.leader_epoch = at >= 0 ? part->leader_epoch : -1, .cut = part->cut, .cut_at = part->cut_at,
		.cut_read_to = part->cut_read_to, .later = part->topic->later, .cross_gap = part->cross_gap };
	memcpy(item->read_id, read_id, sizeof item->read_id);
}

/* Whoever owns partition 0 begins within its own bound, or joins anew. If it is stalled meanwhile, it is a member for
 * no longer than a session, and as much later it may have heard of its assignment: then it can not come late. */
static void job_submit(struct source *source, struct resolve_job *job)
{
	job->source = source;
	job->positions.memory = source->memory;
	job->positions.outdated = &job->outdated;
	job->give_up_us = clock_after_us(clock_monotonic_us(), give_up_after_us);
	if (job->is_assignment)
		job->positions.await_owner_until_us = clock_after_us(
		    job->give_up_us, 2 * client_setting_us(source->consumer, "session.timeout.ms"));
	source->job = job;
	worker_submit(source->worker, resolving, job_run, job_done, job);
}

/* ---- asked and found ---- */

void source_outdate_positions(struct source *source)
{
	if (source->job)
		atomic_store(&source->job->outdated, true);
}

static void begin_resolving(struct source *source)
{
	static const char no_id[TOPIC_ID_SIZE] = "";
	struct resolve_job *job = xcalloc(1, sizeof *job);

	job->is_assignment = true;
	for (int i = 0; i < source->pending->cnt; i++)
		job_add(job, source_part_of(source, source->pending->elems[i].topic, source->pending->elems[i].partition),
		    -1, no_id);
	job_submit(source, job);
}

/* Once, also where the same is found again because an attempt has failed. */
static void tell_gap(struct source *source, struct resolved_position *item)
{
	if (item->gap_from < 0 || (item->told && item->told_from == item->gap_from && item->told_to == item->gap_to))
		return;
	item->told = true;
	item->told_from = item->gap_from;
	item->told_to = item->gap_to;
	source->host.gap(
	    source->host.host, item->topic, item->partition, item->gap_from, item->gap_to, item->gap_words);
}

/* Whoever begins behind a gap, this member too, sees none any more: so it is told before the position there is committed,
 * and whatever becomes of that commit. If it comes to nothing, the gap is found again, and told again. */
static bool begin_committing(struct source *source, struct resolve_job *job)
{
	if (job->committing || job->positions.err.code || source->closing || atomic_load(&job->outdated))
		return false;
	for (size_t i = 0; i < job->positions.count; i++) {
		struct resolved_position *item = &job->positions.items[i];
		struct source_part *part = source_part_of(source, item->topic, item->partition);

		if (!item->commit || item->foreign)
			continue;
		tell_gap(source, item);
		part->moving_on = true;
		part->moves_to = item->position;
	}
	job->committing = true;
	job->finished = false;
	worker_submit(source->worker, "committing the start positions", job_run, job_done, job);
	return true;
}

/* A rebalance, or another look, came before they were of use. But positions behind a gap are committed: who looks again,
 * begins there. */
static void keep_crossings(struct source *source, const struct resolve_job *job)
{
	for (size_t i = 0; i < job->positions.count && job->committing && !job->positions.err.code; i++) {
		const struct resolved_position *item = &job->positions.items[i];
		struct source_part *part = source_part_of(source, item->topic, item->partition);

		if (!item->commit || item->gap_from < 0)
			continue;
		part->reposition_at = item->position;
		part->leader_epoch = -1;
		part->cut = false;
		memcpy(part->topic_id, item->topic_id, sizeof part->topic_id);
	}
}

/* Tells of what was resolved for a partition, and adds it to list if it is to be read. */
static void take_up(struct source *source, struct source_part *part, struct resolved_position *item,
    rd_kafka_topic_partition_list_t *list)
{
	part->next_offset = item->position;
	part->leader_epoch = item->leader_epoch;
	part->cut = part->cross_gap = part->moving_on = false;
	if (item->gap_from >= 0)
		tell_gap(source, item);
	else if (*item->gap_words)
		source->host.gap_stops(source->host.host);
	if (item->blocked)
		return;
	memcpy(part->topic_id, item->topic_id, sizeof part->topic_id);
	rd_kafka_topic_partition_list_add(list, item->topic, item->partition)->offset = item->position;
}

void source_begin_epoch(struct source *source, struct source_part *part, int64_t position)
{
	part->epoch = ++source->last_epoch;
	source->events->assigned(source->owner, part->number, part->epoch, position);
}

static void announce(struct source *source, struct source_part *part, const struct resolved_position *item)
{
	if (item->blocked) {
		/* Blocked behind a gap whose crossing is committed: what was read before it must not be. */
		if (item->commit && item->gap_from >= 0)
			source_begin_epoch(source, part, item->position);
		part->epoch = ++source->last_epoch;
		source_stop_reading(part);
		source->events->blocked(source->owner, part->number, item->position, &item->err);
	} else {
		source_begin_epoch(source, part, item->position);
	}
}

/* A partition for which the target has none must not be read: its records could go nowhere. */
static void block_narrow(struct source *source, struct positions *positions)
{
	const struct config_to *to = &source->pipeline->to;
	bool narrow = false;

	for (size_t i = 0; i < positions->count; i++) {
		struct resolved_position *item = &positions->items[i];
		const struct source_part *part;
		_cleanup_free_ char *target = NULL;

		if (item->foreign || item->blocked)
			continue;
		part = source_part_of(source, item->topic, item->partition);
		if (item->partition < part->topic->target_partitions)
			continue;
		target = config_target_topic(source->pipeline, item->topic);
		narrow = item->blocked = true;
		error_set(&item->err, -ENOSPC, REMEDY_PERSON,
		    "the source has grown, and its target topic %s has only %" PRId32
		    " partitions; add partitions (kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %" PRId32
		    "): it is looked at every now and then, and goes on by itself",
		    target, part->topic->target_partitions, to->cluster->brokers, target, item->partition + 1);
	}
	if (narrow)
		source->host.narrow(source->host.host);
}

/* ---- of an assignment ---- */

void source_apply_assignment(struct source *source, struct positions *positions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)positions->count + 1);

	for (size_t i = 0; i < positions->count; i++) {
		struct resolved_position *item = &positions->items[i];
		struct source_part *part;

		if (item->foreign)
			continue;
		part = source_part_of(source, item->topic, item->partition);
		/* librdkafka's partition may be a new one: the topic was gone meanwhile. */
		if (!part->assigned)
			source_empty_queue(part);
		part->assigned = true;
		part->revoking = false;
		part->reposition = false;
		take_up(source, part, item, list);
	}
	source_assign(source, list);
	rd_kafka_topic_partition_list_destroy(list);
	source_rebalance_finished(source);
	for (size_t i = 0; i < positions->count; i++)
		if (!positions->items[i].foreign)
			announce(source,
			    source_part_of(source, positions->items[i].topic, positions->items[i].partition),
			    &positions->items[i]);
	source->host.assignment(source->host.host, source_assigned_count(source));
	/* A topic that is gone is in no assignment, and nothing else may tell. */
	source_doubt_topics(source);
}

/* ---- a gap while reading, or back to what is committed ---- */

void source_reposition(struct source *source, struct source_part *part, int64_t offset)
{
	part->reposition = true;
	part->reposition_at = offset;
	source->reposition_wanted = true;
	source_stop_reading(part);
}

void source_rewind(void *context, uint32_t number, bool cross_gap)
{
	struct source *source = context;
	struct source_part *part = source->parts[number];

	/* Asked again before it is known where it goes on, it is still to be crossed. */
	part->cross_gap = part->cross_gap || cross_gap;
	part->damages = 0;
	source_reposition(source, part, -1);
}

void source_drop_question(struct source_part *part)
{
	part->reposition = part->cross_gap = part->moving_on = false;
}

static void begin_repositioning(struct source *source)
{
	struct resolve_job *job = xcalloc(1, sizeof *job);

	source->reposition_wanted = false;
	for (uint32_t i = 0; i < source->part_count; i++) {
		const struct source_part *part = source->parts[i];

		if (part->assigned && !part->revoking && part->reposition)
			job_add(job, part, part->reposition_at, part->topic_id);
	}
	if (job->positions.count > 0)
		job_submit(source, job);
	else
		job_free(job);
}

static struct source_part *still_wanted(struct source *source, const struct resolved_position *item)
{
	struct source_part *part = source_part_of(source, item->topic, item->partition);

	return part->assigned && !part->revoking && part->reposition ? part : NULL;
}

/* Of a topic that was recreated all partitions are, also those whose offset happens to exist again. */
static void reposition_siblings(struct source *source, const struct source_topic *topic)
{
	for (size_t i = 0; i < topic->part_count; i++) {
		struct source_part *part = topic->parts[i];

		if (part && part->assigned && part->reading && !part->revoking && !part->reposition)
			source_reposition(source, part, part->next_offset);
	}
}

/* Those that are read where they are. */
static void add_unmoved(const struct source *source, rd_kafka_topic_partition_list_t *list)
{
	for (uint32_t i = 0; i < source->part_count; i++) {
		const struct source_part *part = source->parts[i];

		if (part->assigned && part->reading && !part->reposition)
			rd_kafka_topic_partition_list_add(list, part->topic->name, part->partition)->offset =
			    part->next_offset;
	}
}

static void apply_repositioning(struct source *source, struct positions *positions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)source->part_count + 1);
	rd_kafka_topic_partition_list_t *stopped = rd_kafka_topic_partition_list_new((int)positions->count + 1);

	/* Seeking does not work after a reset error: the partitions are assigned anew, and with the eager protocol so all
	 * others are too, from where they are. */
	for (size_t i = 0; i < positions->count; i++) {
		struct resolved_position *item = &positions->items[i];
		struct source_part *part = still_wanted(source, item);

		if (part && item->recreated)
			reposition_siblings(source, part->topic);
		if (part) {
			/* What was said of it before is not said of where it goes on. */
			source_empty_queue(part);
			take_up(source, part, item, list);
		}
		if (part && item->blocked)
			rd_kafka_topic_partition_list_add(stopped, item->topic, item->partition);
	}
	if (!source->cooperative)
		add_unmoved(source, list);
	else if (stopped->cnt > 0)
		source_take_out(source, stopped);
	if (list->cnt > 0)
		source_assign(source, list);
	source->moved = source->cooperative && list->cnt + stopped->cnt > 0;
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_topic_partition_list_destroy(stopped);
	for (size_t i = 0; i < positions->count; i++) {
		struct source_part *part = still_wanted(source, &positions->items[i]);

		if (part)
			announce(source, part, &positions->items[i]);
	}
	for (size_t i = 0; i < positions->count; i++)
		source_part_of(source, positions->items[i].topic, positions->items[i].partition)->reposition = false;
}

static void tell_failed_attempt(struct source *source, const struct positions *positions)
{
	struct error err = positions->err;

	error_prefix(&err, "start positions of group \"%s\"", source->pipeline->from.group);
	source->host.trouble(source->host.host, UINT32_MAX, &err);
	/* What a broker does not know may be gone. */
	source_doubt_topics(source);
}

/* One attempt a job, so that other work of the worker comes in between. */
static bool try_again(struct source *source, struct resolve_job *job)
{
	if (job->positions.err.remedy != REMEDY_RETRY || source->closing || atomic_load(&job->outdated) ||
	    clock_monotonic_us() >= job->give_up_us)
		return false;
	if (job->positions.awaits_owner)
		job->give_up_us = clock_after_us(clock_monotonic_us(), give_up_after_us);
	else
		tell_failed_attempt(source, &job->positions);
	job->finished = job->committing = false;
	job->again = true;
	worker_submit(source->worker, resolving, job_run, job_done, job);
	return true;
}

static void use_positions(struct source *source, struct resolve_job *job)
{
	bool outdated = atomic_load(&job->outdated);

	if (job->positions.err.code && !outdated && !source->closing) {
		struct error err = job->positions.err;

		error_prefix(&err, "start positions of group \"%s\"", source->pipeline->from.group);
		if (err.remedy != REMEDY_PERSON)
			err.remedy = REMEDY_RESTART;
		source->events->failed(source->owner, &err);
	} else if (!outdated && job->is_assignment && source->rebalance == REBALANCE_RESOLVING) {
		block_narrow(source, &job->positions);
		source_apply_assignment(source, &job->positions);
	} else if (!outdated && !job->is_assignment && source->rebalance != REBALANCE_RESOLVING &&
		   /* Else asked again meanwhile, perhaps from elsewhere: what was found is outdated. */
		   !source->reposition_wanted) {
		block_narrow(source, &job->positions);
		apply_repositioning(source, &job->positions);
	} else {
		keep_crossings(source, job);
	}
}

void source_serve_positions(struct source *source)
{
	struct resolve_job *job = source->job;

	if (job && job->finished && !begin_committing(source, job) && !try_again(source, job)) {
		source->job = NULL;
		use_positions(source, job);
		job_free(job);
		source_finish_revoke_if_released(source);
	}
	if (source->job || source->closing)
		return;
	if (source->rebalance == REBALANCE_RESOLVING)
		begin_resolving(source);
	else if (source->rebalance == REBALANCE_NONE && source->reposition_wanted && !source->commit_outstanding &&
		 source->tokens == 0)
		/* A commit on its way, or a transaction's end, could undo the commit that a truncated log needs. */
		begin_repositioning(source);
}

void source_ask_again(struct source *source)
{
	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i]->assigned && source->parts[i]->reposition)
			source->reposition_wanted = true;
}

bool source_is_moving(const struct source *source)
{
	return source->reposition_wanted || (source->job && !source->job->is_assignment);
}

