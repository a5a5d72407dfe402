#include "daemon/supervisor.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "daemon/members.h"
#include "kafka/cluster_ids.h"

#define LAZY_AGE_US  (100 * USEC_PER_MSEC)
#define OWN_PAUSE_US (3 * USEC_PER_SEC) /* refreshes come every second; a longer pause is our own */

struct member {
	struct config_pipeline settings; /* the pipeline's, with the member's number */
	struct pipeline *pipeline;	 /* NULL: could not be started */
	uint64_t heartbeats;
	int64_t turned_us; /* when the heartbeats were first seen at this count */
	bool ended;
	bool failed_before_stop;
};

struct supervisor {
	struct member *members; /* those of one pipeline stand together */
	struct pipeline_snapshot *snapshots; /* one for each member */
	size_t count;
	struct pipeline_snapshot *wholes; /* one for each pipeline */
	struct cluster_ids *cluster_ids; /* shared by the pipelines */
	size_t whole_count;
	int64_t refreshed_us;
	bool stopping;
};

static void start_member(
    struct supervisor *supervisor, size_t i, const struct config *config, uint64_t memory_bytes, int wake_fd)
{
	struct member *member = &supervisor->members[i];
	struct error err = { 0 };

	member->pipeline = pipeline_start(
	    config, &member->settings, supervisor->cluster_ids, memory_bytes, wake_fd, &err);
	if (member->pipeline)
		return;
	log_error(&LOG_SETTINGS(&member->settings), "cannot start: %s", err.message);
	member->ended = true;
	supervisor->snapshots[i] = (struct pipeline_snapshot){
		.name = xstrdup(member->settings.name),
		.member = member->settings.member,
		.delivery = member->settings.delivery,
		.state = PIPELINE_FAILED,
		.state_since_ms = clock_realtime_ms(),
		.reason = xstrdup(err.message),
		.last_error = xstrdup(err.message),
		.last_error_at_ms = clock_realtime_ms(),
		.drain_was_clean = true,
		.lag = -1,
	};
}

static void start_pipeline(struct supervisor *supervisor, const struct config *config,
    const struct config_pipeline *pipeline, uint64_t memory_bytes, int wake_fd, int64_t now_us)
{
	for (int32_t i = 1; i <= pipeline->members; i++) {
		struct member *member = &supervisor->members[supervisor->count];

		*member = (struct member){ .settings = *pipeline, .turned_us = now_us };
		if (pipeline->members > 1)
			member->settings.member = i;
		start_member(
		    supervisor, supervisor->count++, config, memory_bytes / (uint64_t)pipeline->members, wake_fd);
	}
	supervisor->whole_count++;
}

struct supervisor *supervisor_new(const struct config *config, int wake_fd, int64_t now_us)
{
	struct supervisor *supervisor = xcalloc(1, sizeof *supervisor);
	size_t enabled = 0;
	size_t members = 0;

	supervisor->refreshed_us = now_us;
	supervisor->cluster_ids = cluster_ids_new(config);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		if (!config->pipelines[i].enabled)
			continue;
		enabled++;
		members += (size_t)config->pipelines[i].members;
	}
	/* Never moved: the pipelines' threads read their settings. */
	supervisor->members = xcalloc(members, sizeof *supervisor->members);
	supervisor->snapshots = xcalloc(members, sizeof *supervisor->snapshots);
	supervisor->wholes = xcalloc(enabled, sizeof *supervisor->wholes);
	for (size_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].enabled)
			start_pipeline(supervisor, config, &config->pipelines[i], config->memory_bytes / enabled,
			    wake_fd, now_us);
	supervisor_refresh(supervisor, now_us);
	return supervisor;
}

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
	    " repeated, %" PRIu64 " commits; %s",
	    pipeline_state_name(snapshot->state), failed && reason ? ": " : "",
	    failed && reason ? reason : "", counters->consumed_records, counters->acked_records,
	    counters->repeated_records, counters->commits,
	    describe_drain(snapshot, words, sizeof words));
}

static void refresh_member(struct supervisor *supervisor, size_t i, int64_t now_us)
{
	int64_t pause_us = now_us - supervisor->refreshed_us;
	struct member *member = &supervisor->members[i];
	struct pipeline_snapshot *snapshot = &supervisor->snapshots[i];
	bool ended;

	if (!member->pipeline || member->ended)
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
}

void supervisor_refresh(struct supervisor *supervisor, int64_t now_us)
{
	size_t first = 0;

	/* They refer to the snapshots of the members. */
	for (size_t i = 0; i < supervisor->whole_count; i++)
		members_clear(&supervisor->wholes[i]);
	for (size_t i = 0; i < supervisor->count; i++)
		refresh_member(supervisor, i, now_us);
	for (size_t i = 0; i < supervisor->whole_count; i++) {
		size_t count = (size_t)supervisor->members[first].settings.members;

		members_sum(&supervisor->wholes[i], &supervisor->snapshots[first], count);
		first += count;
	}
	supervisor->refreshed_us = now_us;
}

void supervisor_refresh_lazily(struct supervisor *supervisor, int64_t now_us)
{
	if (now_us - supervisor->refreshed_us >= LAZY_AGE_US)
		supervisor_refresh(supervisor, now_us);
}

const struct pipeline_snapshot *supervisor_snapshots(const struct supervisor *supervisor, size_t *count)
{
	*count = supervisor->whole_count;
	return supervisor->wholes;
}

uint64_t supervisor_acked_records(const struct supervisor *supervisor)
{
	uint64_t records = 0;

	for (size_t i = 0; i < supervisor->count; i++)
		records += supervisor->snapshots[i].counters.acked_records;
	return records;
}

const char *supervisor_stalled(const struct supervisor *supervisor, int64_t now_us, int64_t limit_us)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct member *member = &supervisor->members[i];

		if (!member->ended && now_us - member->turned_us > limit_us)
			return member->settings.name;
	}
	return NULL;
}

void supervisor_stop(struct supervisor *supervisor, int64_t deadline_us)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		struct member *member = &supervisor->members[i];

		if (!supervisor->stopping)
			member->failed_before_stop = supervisor->snapshots[i].state == PIPELINE_FAILED;
		if (!member->ended)
			pipeline_stop(member->pipeline, deadline_us);
	}
	supervisor->stopping = true;
}

bool supervisor_has_ended(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		if (!supervisor->members[i].ended)
			return false;
	}
	return true;
}

bool supervisor_drained_cleanly(const struct supervisor *supervisor)
{
	bool clean = true;

	for (size_t i = 0; i < supervisor->count; i++) {
		const struct member *member = &supervisor->members[i];

		if (member->failed_before_stop || (member->ended && supervisor->snapshots[i].drain_was_clean))
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

void supervisor_free(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	for (size_t i = 0; i < supervisor->whole_count; i++)
		members_clear(&supervisor->wholes[i]);
	for (size_t i = 0; i < supervisor->count; i++) {
		pipeline_free(supervisor->members[i].pipeline);
		pipeline_snapshot_clear(&supervisor->snapshots[i]);
	}
	free(supervisor->members);
	free(supervisor->snapshots);
	cluster_ids_free(supervisor->cluster_ids);
	free(supervisor->wholes);
	free(supervisor);
}
