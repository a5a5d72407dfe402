#include "daemon/run.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "core/rate_meter.h"
#include "daemon/members.h"

#define OWN_PAUSE_US (3 * USEC_PER_SEC) /* refreshes come every second; a longer pause is our own */

struct member {
	struct config_pipeline settings; /* the pipeline's, with the member's number; its thread reads them */
	struct pipeline *pipeline;       /* NULL: could not be started */
	uint64_t heartbeats;
	int64_t turned_us; /* when the heartbeats were first seen at this count */
	bool ended;
	bool told_before_stop; /* a person was told of it: it had failed, or it has no thread at all */
};

struct run {
	struct config *config; /* held */
	const struct config_pipeline *settings;
	uint64_t memory_bytes;
	bool stopping;
	bool paused;
	uint64_t orders; /* given to unblock partitions */
	size_t count;
	struct member *members;
	struct pipeline_snapshot *snapshots; /* of the members; their counts go on from the past ones */
	struct pipeline_snapshot whole;      /* refers to them */
	struct rate_meter acked;
	struct pipeline_snapshot *past;      /* by number, of the members before: counts alone */
	size_t past_count;
	int64_t ready_us; /* when the run before did its work last; -1: it did not, or there is none */
};

/* ---- the counts of the runs before ---- */

static void take_counts(struct run *run, const struct run *before)
{
	run->past_count = before->past_count > before->count ? before->past_count : before->count;
	run->past = xcalloc(run->past_count, sizeof *run->past);
	for (size_t i = 0; i < run->past_count; i++)
		members_add_counts(
		    &run->past[i], i < before->count ? &before->snapshots[i] : &before->past[i]);
}

/* A counter does not fall because its pipeline was started anew. */
static void add_past(const struct run *run, struct pipeline_snapshot *snapshot, size_t i)
{
	if (i < run->past_count)
		members_add_counts(snapshot, &run->past[i]);
}

/* A pipeline that is started anew has not been away for longer than it was. */
static void take_readiness(struct run *run, const struct run *before, int64_t now_us)
{
	if (before->whole.unready_ms >= 0)
		run->ready_us = now_us - before->whole.unready_ms * USEC_PER_MSEC;
}

static void add_readiness(const struct run *run, struct pipeline_snapshot *snapshot, int64_t now_us)
{
	if (snapshot->unready_ms < 0 && run->ready_us >= 0)
		snapshot->unready_ms = (now_us - run->ready_us) / USEC_PER_MSEC;
}

/* ---- start ---- */

static void show_without_thread(struct run *run, size_t i, enum pipeline_state state, const char *reason)
{
	const struct config_pipeline *settings = &run->members[i].settings;

	run->members[i].ended = true;
	run->snapshots[i] = (struct pipeline_snapshot){
		.name = xstrdup(settings->name),
		.member = settings->member,
		.delivery = settings->delivery,
		.state = state,
		.state_since_ms = clock_realtime_ms(),
		.reason = xstrdup(reason),
		.drain_was_clean = true,
		.lag = -1,
		.oldest_unsettled_age_ms = -1,
		.unready_ms = pipeline_state_is_ready(state) ? 0 : -1,
	};
}

static void start_member(struct run *run, size_t i, struct cluster_ids *cluster_ids, int wake_fd)
{
	struct member *member = &run->members[i];
	struct error err = { 0 };

	member->pipeline = pipeline_start(run->config, &member->settings, cluster_ids,
	    run->memory_bytes / run->count, run->paused, wake_fd, &err);
	if (member->pipeline)
		return;
	log_error(&LOG_SETTINGS(&member->settings), "cannot start: %s", err.message);
	show_without_thread(run, i, PIPELINE_FAILED, err.message);
	run->snapshots[i].last_error = xstrdup(err.message);
	run->snapshots[i].last_error_at_ms = run->snapshots[i].state_since_ms;
	add_past(run, &run->snapshots[i], i);
}

/* Its members have their settings, and no thread yet. */
static struct run *run_new(struct config *config, const struct config_pipeline *settings, int64_t now_us)
{
	struct run *run = xcalloc(1, sizeof *run);

	run->ready_us = -1;
	run->config = config_hold(config);
	run->settings = settings;
	run->count = (size_t)settings->members;
	run->members = xcalloc(run->count, sizeof *run->members);
	run->snapshots = xcalloc(run->count, sizeof *run->snapshots);
	for (size_t i = 0; i < run->count; i++) {
		run->members[i] = (struct member){ .settings = *settings, .turned_us = now_us };
		if (run->count > 1)
			run->members[i].settings.member = (int32_t)i + 1;
	}
	return run;
}

struct run *run_start(struct config *config, const struct config_pipeline *settings,
    struct cluster_ids *cluster_ids, uint64_t memory_bytes, int wake_fd, const struct run *before,
    int64_t now_us)
{
	struct run *run = run_new(config, settings, now_us);

	run->memory_bytes = memory_bytes;
	run->paused = before && before->paused;
	if (before) {
		take_counts(run, before);
		take_readiness(run, before, now_us);
	}
	for (size_t i = 0; i < run->count; i++)
		start_member(run, i, cluster_ids, wake_fd);
	run_refresh(run, now_us, 0);
	return run;
}

struct run *run_none(struct config *config, const struct config_pipeline *settings, const struct run *before,
    enum pipeline_state state, const char *reason, int64_t now_us)
{
	struct run *run = run_new(config, settings, now_us);

	run->stopping = true;
	if (before)
		take_counts(run, before);
	for (size_t i = 0; i < run->count; i++) {
		run->members[i].told_before_stop = true;
		show_without_thread(run, i, state, reason);
		if (before) {
			run->snapshots[i].drain_was_clean = before->whole.drain_was_clean;
			run->snapshots[i].left_blocked = i == 0 ? before->whole.left_blocked : 0;
		}
		add_past(run, &run->snapshots[i], i);
	}
	run_refresh(run, now_us, 0);
	return run;
}

const struct config_pipeline *run_settings(const struct run *run)
{
	return run->settings;
}

uint64_t run_memory_bytes(const struct run *run)
{
	return run->memory_bytes;
}

/* ---- what can be seen of it ---- */

/* What has become of the records that were read. */
static const char *describe_drain(const struct pipeline_snapshot *snapshot, char *words, size_t size)
{
	bool one = snapshot->left_blocked == 1;

	if (!snapshot->drain_was_clean)
		return "some records will be read again";
	if (snapshot->left_blocked == 0)
		return "everything read is settled and committed";
	snprintf(words, size,
	    "%zu partition%s blocked and wait%s for a person, everything else read is settled and committed",
	    snapshot->left_blocked, one ? " is" : "s are", one ? "s" : "");
	return words;
}

static void log_end(const struct pipeline_snapshot *snapshot)
{
	const struct engine_counters *counters = &snapshot->counters;
	const char *reason = snapshot->reason ? snapshot->reason : snapshot->last_error;
	bool failed = snapshot->state == PIPELINE_FAILED;
	char words[128];

	log_info(&LOG_MEMBER(snapshot->name, snapshot->member),
	    "ended: %s%s%s; %" PRIu64 " records consumed, %" PRIu64 " acknowledged, %" PRIu64
	    " repeated; %s",
	    pipeline_state_name(snapshot->state), failed && reason ? ": " : "",
	    failed && reason ? reason : "", counters->consumed_records, counters->acked_records,
	    counters->repeated_records, describe_drain(snapshot, words, sizeof words));
}

static void refresh_member(struct run *run, size_t i, int64_t now_us, int64_t pause_us)
{
	struct member *member = &run->members[i];
	struct pipeline_snapshot *snapshot = &run->snapshots[i];
	bool ended;

	if (member->ended)
		return;
	/* asked before the snapshot is taken, so that the last snapshot of an ended thread is its last */
	ended = pipeline_has_ended(member->pipeline);
	pipeline_snapshot_clear(snapshot);
	pipeline_snapshot(member->pipeline, snapshot);
	if (snapshot->heartbeats != member->heartbeats) {
		member->heartbeats = snapshot->heartbeats;
		member->turned_us = now_us;
	} else if (pause_us > OWN_PAUSE_US) {
		/* stopped, or the machine slept: says nothing about the other threads */
		member->turned_us += pause_us;
	}
	if (ended) {
		member->ended = true;
		log_end(snapshot);
	}
	add_past(run, snapshot, i);
	add_readiness(run, snapshot, now_us);
}

void run_refresh(struct run *run, int64_t now_us, int64_t pause_us)
{
	members_clear(&run->whole);
	for (size_t i = 0; i < run->count; i++)
		refresh_member(run, i, now_us, pause_us);
	members_sum(&run->whole, run->snapshots, run->count);
	for (size_t i = run->count; i < run->past_count; i++)
		members_add_counts(&run->whole, &run->past[i]);
	run->whole.records_per_s = rate_meter_look(&run->acked, run->whole.counters.acked_records, now_us);
}

const struct pipeline_snapshot *run_snapshot(const struct run *run)
{
	return &run->whole;
}

bool run_is_stalled(const struct run *run, int64_t now_us, int64_t limit_us)
{
	for (size_t i = 0; i < run->count; i++) {
		if (!run->members[i].ended && now_us - run->members[i].turned_us > limit_us)
			return true;
	}
	return false;
}

const char *run_hangs_in(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (!run->members[i].ended && run->snapshots[i].hangs_in)
			return run->snapshots[i].hangs_in;
	}
	return NULL;
}

bool run_is_over(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (!run->members[i].ended && (!run->snapshots[i].hangs_in || run->snapshots[i].hangs_undrained))
			return false;
	}
	return true;
}

/* ---- end ---- */

void run_stop(struct run *run, int64_t deadline_us)
{
	for (size_t i = 0; i < run->count; i++) {
		struct member *member = &run->members[i];

		if (!run->stopping)
			member->told_before_stop =
			    member->told_before_stop || run->snapshots[i].state == PIPELINE_FAILED;
		if (!member->ended)
			pipeline_stop(member->pipeline, deadline_us);
	}
	run->stopping = true;
}

bool run_pause(struct run *run, bool paused)
{
	bool is_new = run->paused != paused;

	run->paused = paused;
	for (size_t i = 0; i < run->count; i++) {
		if (!run->members[i].ended)
			pipeline_pause(run->members[i].pipeline, paused);
	}
	return is_new;
}

/* ---- what a person decides ---- */

/* The partition, blocked where two members show it, and who has it; NULL: nobody. */
static const struct partition_snapshot *find_partition(
    const struct run *run, const char *topic, int32_t number, size_t *member)
{
	const struct partition_snapshot *found = NULL;

	for (size_t i = 0; i < run->count; i++) {
		const struct pipeline_snapshot *snapshot = &run->snapshots[i];

		for (size_t k = 0; k < snapshot->partition_count; k++) {
			const struct partition_snapshot *partition = &snapshot->partitions[k];

			if (partition->partition != number || strcmp(partition->topic, topic) != 0 ||
			    (found && partition->state != PART_BLOCKED))
				continue;
			found = partition;
			*member = i;
		}
	}
	return found;
}

static int check_unblock(const struct run *run, const struct partition_snapshot *partition, int64_t offset,
    enum unblock how, struct error *err)
{
	if (partition->state != PART_BLOCKED)
		return error_set(err, -ESTALE, REMEDY_PERSON, "%s [%" PRId32 "] is not blocked", partition->topic,
		    partition->partition);
	if (offset >= 0 && partition->blocked_at != offset)
		return error_set(err, -ESTALE, REMEDY_PERSON,
		    "%s [%" PRId32 "] is blocked at offset %" PRId64 ", not at %" PRId64 ": look at it again",
		    partition->topic, partition->partition, partition->blocked_at, offset);
	if (partition->order != 0)
		return error_set(err, -EALREADY, REMEDY_PERSON,
		    "%s [%" PRId32 "]: what was decided before is being carried out", partition->topic,
		    partition->partition);
	if (how == UNBLOCK_DEAD_LETTER && !run->settings->dead_letter)
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "pipeline %s has no topic for dead letters: set dead_letter = \"TOPIC\", reload, then decide again",
		    run->settings->name);
	if (how != UNBLOCK_RETRY &&
	    (partition->blocked_by == BLOCK_SOURCE || partition->blocked_by == BLOCK_BATCH ||
		(how == UNBLOCK_DEAD_LETTER && partition->blocked_by == BLOCK_GAP)))
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "%s [%" PRId32 "] is blocked by %s, for which only a retry helps%s: %s", partition->topic,
		    partition->partition, block_name(partition->blocked_by),
		    partition->blocked_by == BLOCK_GAP ? ", or to skip what is gone" : ", once its cause is mended",
		    partition->error ? partition->error : "");
	return 0;
}

int64_t run_unblock(struct run *run, const char *topic, int32_t number, int64_t *offset, enum unblock how,
    struct error *err)
{
	size_t member;
	const struct partition_snapshot *partition = find_partition(run, topic, number, &member);

	if (!partition)
		return error_set(err, -ENOENT, REMEDY_PERSON,
		    "pipeline %s has no partition %s [%" PRId32 "] in this instance: see aloqctl status %s",
		    run->settings->name, topic, number, run->settings->name);
	if (check_unblock(run, partition, *offset, how, err) < 0)
		return err->code;
	*offset = partition->blocked_at;
	pipeline_unblock(run->members[member].pipeline, topic, number, *offset, how, ++run->orders);
	return (int64_t)run->orders;
}

bool run_is_stopping(const struct run *run)
{
	return run->stopping;
}

bool run_has_ended(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (!run->members[i].ended)
			return false;
	}
	return true;
}

bool run_drained_cleanly(const struct run *run)
{
	bool clean = true;

	for (size_t i = 0; i < run->count; i++) {
		const struct member *member = &run->members[i];

		if (member->told_before_stop || (member->ended && run->snapshots[i].drain_was_clean))
			continue;
		clean = false;
		log_warning((&(struct log_place){ .pipeline = member->settings.name,
				.member = member->settings.member,
				.partition = -1,
				.offset = -1,
				.message_id = LOG_ID_DRAIN_INCOMPLETE }),
		    "%s: what was in flight will be read again at the next start",
		    member->ended ? "the drain was not clean" : "the pipeline did not end in time");
	}
	return clean;
}

void run_free(struct run *run)
{
	if (!run)
		return;
	members_clear(&run->whole);
	for (size_t i = 0; i < run->count; i++) {
		pipeline_free(run->members[i].pipeline);
		pipeline_snapshot_clear(&run->snapshots[i]);
	}
	free(run->members);
	free(run->snapshots);
	free(run->past);
	config_free(run->config);
	free(run);
}
