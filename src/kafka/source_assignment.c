/* What the group assigns and takes away. */
#include "kafka/source_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/positions.h"

/* ---- the rebalance at hand ---- */

size_t source_assigned_count(const struct source *source)
{
	size_t count = 0;

	for (uint32_t i = 0; i < source->part_count; i++)
		count += source->parts[i]->assigned;
	return count;
}

void source_rebalance_finished(struct source *source)
{
	if (source->pending)
		rd_kafka_topic_partition_list_destroy(source->pending);
	source->pending = NULL;
	source->unreleased = 0;
	source->rebalance = REBALANCE_NONE;
}

/* librdkafka is told of all that the engine has let go: with the eager protocol that is everything. */
static void give_up_released(struct source *source)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code;
	struct error err;

	if (!source->cooperative) {
		rd_kafka_assign(source->consumer, NULL);
		return;
	}
	list = rd_kafka_topic_partition_list_new((int)source->part_count + 1);
	for (uint32_t i = 0; i < source->part_count; i++)
		if (!source->parts[i]->assigned)
			rd_kafka_topic_partition_list_add(
			    list, source->parts[i]->topic->name, source->parts[i]->partition);
	code = source_take_out(source, list);
	if (code) {
		error_class_set(&err, code, "giving up partitions (the clients are made anew)");
		err.remedy = REMEDY_RESTART;
		source->events->failed(source->owner, &err);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static void finish_revoke(struct source *source)
{
	give_up_released(source);
	for (uint32_t i = 0; i < source->part_count; i++)
		if (!source->parts[i]->reading)
			source_empty_queue(source->parts[i]);
	source_rebalance_finished(source);
}

void source_finish_revoke_if_released(struct source *source)
{
	if (source->rebalance == REBALANCE_REVOKING && source->unreleased == 0 && !source->job)
		finish_revoke(source);
}

/* ---- answers that come too late ---- */

static const int64_t member_look_interval_us = 50 * USEC_PER_MSEC;
/* An idle pipeline looks for events once a second, and a busy machine may let it wait: that is no standing still. It is more
 * than a session only of those that a broker takes when it is told to (group.min.session.timeout.ms, 6 s). */
static const int64_t still_least_us = 3 * USEC_PER_SEC;

static const char heard_late[] = "this member stood still for longer than the group waits, or than its session";
static const char answered_late[] =
    "partitions were not given up in time: this member stood still, its session ended, or revoke_timeout is too long";

/* The coordinator counts from what it has heard, or has begun, since our last heartbeat. */
static int64_t less_a_heartbeat(const struct source *source, const char *name)
{
	int64_t bound_us = client_setting_us(source->consumer, name);
	int64_t heartbeat_us = client_setting_us(source->consumer, "heartbeat.interval.ms");

	return bound_us - (heartbeat_us < bound_us / 2 ? heartbeat_us : bound_us / 2);
}

void source_prepare_answers(struct source *source)
{
	int64_t session_us = less_a_heartbeat(source, "session.timeout.ms");

	source->answer_us = less_a_heartbeat(source, "max.poll.interval.ms");
	/* If it was the whole process, there were no heartbeats either. */
	source->still_us = session_us < source->answer_us ? session_us : source->answer_us;
	if (source->still_us < still_least_us)
		source->still_us = still_least_us;
	source->polled_us = clock_monotonic_us();
}

/* Then librdkafka need not know yet whether we are still a member. */
static bool stood_still(const struct source *source, int64_t now_us)
{
	return now_us >= clock_after_us(source->polled_us, source->still_us);
}

/* Takes down who we are in the group, if anybody. Were we another one before? */
static bool note_member(struct source *source)
{
	char *id = rd_kafka_memberid(source->consumer);
	bool other = source->member_id && id && *id && strcmp(source->member_id, id) != 0;

	if (id && *id) {
		free(source->member_id);
		source->member_id = xstrdup(id);
	}
	if (id)
		rd_kafka_mem_free(source->consumer, id);
	return other;
}

/* librdkafka drops its id when it hears that the group has, or has heard nothing for a session. */
static bool is_expelled(const struct source *source)
{
	char *id = source->member_id ? rd_kafka_memberid(source->consumer) : NULL;
	bool expelled = source->member_id && (!id || !*id);

	if (id)
		rd_kafka_mem_free(source->consumer, id);
	return expelled;
}

/* A rebalance is heard of: may the group have gone on without our answer, or without us? librdkafka tells a loss only where no rebalance was at hand already (rd_kafka_cgrp_revoke_all_rejoin_maybe). */
static bool comes_too_late(const struct source *source)
{
	return stood_still(source, clock_monotonic_us()) || is_expelled(source);
}

/* The same, of a revoke that waits for the engine. */
static bool has_run_out(struct source *source)
{
	int64_t now_us = clock_monotonic_us();

	if (now_us >= source->answer_by_us || stood_still(source, now_us))
		return true;
	if (now_us < source->member_look_us)
		return false;
	source->member_look_us = now_us + member_look_interval_us;
	return is_expelled(source);
}

/* ---- rebalances ---- */

/* What the group gives us of topics that are read. It may not have heard yet that another one is not any more. */
static rd_kafka_topic_partition_list_t *only_subscribed(
    struct source *source, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(partitions);

	for (int i = list->cnt - 1; i >= 0; i--) {
		struct source_topic *topic = source_topic_of(source, list->elems[i].topic);

		if (topic->subscribed)
			continue;
		topic->declined = source->cooperative;
		rd_kafka_topic_partition_list_del_by_idx(list, i);
	}
	return list;
}

static void on_assign(struct source *source, const rd_kafka_topic_partition_list_t *partitions)
{
	struct positions none = { .count = 0 };

	source_rebalance_finished(source);
	source_outdate_positions(source);
	source_ask_again(source);
	source->pending = only_subscribed(source, partitions);
	source->rebalance = REBALANCE_RESOLVING;
	if (source->closing || source->pending->cnt == 0)
		source_apply_assignment(source, &none);
	else
		source_serve_positions(source);
}

/* The group takes it away, or has it already. */
static void leave(struct source *source, struct source_part *part, bool lost)
{
	bool moving_on = part->moving_on;

	part->topic->declined = false;
	source_drop_question(part);
	if (!part->assigned)
		return;
	source_stop_reading(part);
	if (lost) {
		part->assigned = part->revoking = false;
		source->events->lost(source->owner, part->number);
	} else {
		/* What was read before is of an epoch that has ended: committed now, it could come behind where the group
		 * goes on, and its next owner would begin past the end of a log that was cut, or in the middle of it. */
		if (moving_on)
			source_begin_epoch(source, part, part->moves_to);
		part->revoking = true;
		source->unreleased++;
		source->events->revoke_begin(source->owner, part->number);
	}
}

/* The eager protocol takes all away, whatever the event names. */
static void on_revoke(struct source *source, const rd_kafka_topic_partition_list_t *partitions)
{
	bool told = rd_kafka_assignment_lost(source->consumer);
	bool lost = told || (!source->closing && comes_too_late(source));

	source_rebalance_finished(source);
	source_outdate_positions(source);
	source->rebalance = REBALANCE_REVOKING;
	source->answer_by_us = clock_after_us(source->polled_us, source->answer_us);
	/* One more than there are, so that a release from within revoke_begin does not complete it early. */
	source->unreleased = 1;
	for (int i = 0; i < partitions->cnt && source->cooperative; i++)
		leave(source, source_part_at(source, partitions, i), lost);
	for (uint32_t i = 0; i < source->part_count && !source->cooperative; i++)
		leave(source, source->parts[i], lost);
	if (lost && source_assigned_count(source) == 0)
		source->host.lost(source->host.host, told ? NULL : heard_late);
	/* So it tells, cooperatively, of a topic that is gone. */
	if (lost)
		source_doubt_topics(source);
	source_ask_again(source);
	source->unreleased--;
	source_finish_revoke_if_released(source);
}

/* ---- when the group has gone on without our answer ---- */

/* librdkafka waits for our answer to a rebalance, but not always: where the topics change meanwhile it joins again at once
 * (rd_kafka_cgrp_metadata_update_check), as if what was taken away had been given up and what was given taken. And it
 * takes a repositioning for the answer where that comes before we have heard of the rebalance. What is ours then nobody can
 * say. */
static const char *why_overtaken(struct source *source, bool late)
{
	/* An expelled member that comes back is told so, and loses all that it had; but librdkafka (2.16 too) tells a static
	 * one nothing. */
	bool reborn = note_member(source);

	if (source->rebalance != REBALANCE_NONE)
		return "another rebalance came before one was finished";
	if (source->moved)
		return "a rebalance came while partitions were repositioned";
	if (rd_kafka_assignment_lost(source->consumer))
		return NULL;
	if (late)
		return heard_late;
	return reborn && source_assigned_count(source) > 0 ? "the group had expelled this member" : NULL;
}

/* Why all that is ours is given up, in place of what this event wants. The eager protocol takes all away by itself. */
static const char *why_given_up(struct source *source, rd_kafka_resp_err_t code)
{
	bool late;

	if (source->closing || (!source->cooperative && code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS))
		return NULL;
	/* Before it is noted which member we are now. */
	late = comes_too_late(source);
	if (source->cooperative)
		return why_overtaken(source, late);
	note_member(source);
	return late ? heard_late : NULL;
}

/* Nothing of what was ours is committed, as it may have another owner, and all begins anew. */
static void give_up_all(
    struct source *source, rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *partitions, const char *why)
{
	const rd_kafka_topic_partition_list_t none = { .cnt = 0 };
	struct error err;

	source_rebalance_finished(source);
	source_outdate_positions(source);
	for (int i = 0; i < partitions->cnt; i++)
		leave(source, source_part_at(source, partitions, i), true);
	for (uint32_t i = 0; i < source->part_count; i++)
		leave(source, source->parts[i], true);
	give_up_released(source);
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && source->cooperative)
		source_assign(source, &none);
	error_set(&err, -EAGAIN, REMEDY_RESTART, "group \"%s\": %s; what was not committed is read again",
	    source->pipeline->from.group, why);
	source->events->failed(source->owner, &err);
}

void source_serve_answers(struct source *source)
{
	const rd_kafka_topic_partition_list_t none = { .cnt = 0 };

	if (source->rebalance != REBALANCE_REVOKING || source->unreleased == 0 || source->closing || !has_run_out(source))
		return;
	if (source->cooperative) {
		give_up_all(source, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, &none, answered_late);
		return;
	}
	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i]->revoking)
			leave(source, source->parts[i], true);
	source->unreleased = 0;
	source->host.lost(source->host.host, answered_late);
	source_finish_revoke_if_released(source);
}

void source_rebalance(struct source *source, rd_kafka_resp_err_t code,
    const rd_kafka_topic_partition_list_t *partitions)
{
	const char *why;
	struct error err;

	switch (code) {
	case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
	case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
		why = why_given_up(source, code);
		if (why)
			give_up_all(source, code, partitions, why);
		else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
			on_assign(source, partitions);
		else
			on_revoke(source, partitions);
		break;
	default:
		error_clear(&err);
		error_class_set(&err, code, "rebalance of group \"%s\"", source->pipeline->from.group);
		if (!source->cooperative)
			rd_kafka_assign(source->consumer, NULL);
		if (err.remedy < REMEDY_RESTART)
			err.remedy = REMEDY_RESTART;
		source->events->failed(source->owner, &err);
		break;
	}
}

void source_release_partition(void *context, uint32_t number)
{
	struct source *source = context;
	struct source_part *part = source->parts[number];

	source_stop_reading(part);
	part->assigned = false;
	source_drop_question(part);
	if (!part->revoking)
		return;
	part->revoking = false;
	if (source->rebalance == REBALANCE_REVOKING)
		source->unreleased--;
	source_finish_revoke_if_released(source);
}

void source_abandon_rebalance(struct source *source)
{
	const rd_kafka_topic_partition_list_t none = { .cnt = 0 };

	source_outdate_positions(source);
	if (source->rebalance == REBALANCE_RESOLVING && source->cooperative) {
		source_assign(source, &none);
		source_rebalance_finished(source);
	} else if (source->rebalance != REBALANCE_NONE) {
		finish_revoke(source);
	}
}
