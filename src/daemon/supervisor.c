#include "daemon/supervisor.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/diff.h"
#include "daemon/run.h"
#include "kafka/cluster_ids.h"

#define LAZY_AGE_US (100 * USEC_PER_MSEC)

/* A name, what runs under it, and what is to run next. */
struct place {
	struct run *run;
	const struct config_pipeline *next; /* once the run, which was stopped for it, and any other one in
	                                     * its group have ended; or NULL */
	struct config *next_config;         /* held while there is a next one */
};

struct supervisor {
	struct place *places; /* in the config's order, then those that were removed */
	size_t count;
	struct pipeline_snapshot *snapshots; /* of the runs, which own what they refer to */
	struct cluster_ids *cluster_ids;     /* shared by the pipelines */
	uint64_t memory_bytes;               /* what there is to share */
	size_t sharers;                      /* pipelines that are enabled */
	uint64_t gone_acked_records;         /* of pipelines that were removed */
	int wake_fd;
	int64_t refreshed_us;
	bool stopping;
};

/* ---- starting ---- */

static uint64_t share_of_memory(const struct supervisor *supervisor)
{
	return supervisor->memory_bytes / supervisor->sharers;
}

static struct run *start(const struct supervisor *supervisor, struct config *config,
    const struct config_pipeline *pipeline, const struct run *before, int64_t now_us)
{
	return run_start(config, pipeline, supervisor->cluster_ids, share_of_memory(supervisor),
	    supervisor->wake_fd, before, now_us);
}

static void note_bounds(struct supervisor *supervisor, const struct config *config)
{
	supervisor->memory_bytes = config->memory_bytes;
	supervisor->sharers = 0;
	for (size_t i = 0; i < config->pipeline_count; i++)
		supervisor->sharers += config->pipelines[i].enabled;
}

/* To be called whenever places have come, gone or got another run. */
static void show(struct supervisor *supervisor)
{
	supervisor->snapshots =
	    xreallocarray(supervisor->snapshots, supervisor->count + 1, sizeof *supervisor->snapshots);
	for (size_t i = 0; i < supervisor->count; i++)
		supervisor->snapshots[i] = *run_snapshot(supervisor->places[i].run);
}

struct supervisor *supervisor_new(struct config *config, int wake_fd, int64_t now_us)
{
	struct supervisor *supervisor = xcalloc(1, sizeof *supervisor);

	supervisor->wake_fd = wake_fd;
	supervisor->refreshed_us = now_us;
	supervisor->cluster_ids = cluster_ids_new(config);
	note_bounds(supervisor, config);
	supervisor->places = xcalloc(supervisor->sharers, sizeof *supervisor->places);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		if (pipeline->enabled)
			supervisor->places[supervisor->count++].run =
			    start(supervisor, config, pipeline, NULL, now_us);
	}
	show(supervisor);
	return supervisor;
}

/* ---- another configuration ---- */

static void set_next(struct place *place, struct config *config, const struct config_pipeline *next)
{
	config_free(place->next_config);
	place->next = next;
	place->next_config = next ? config_hold(config) : NULL;
}

/* The place of this name, which is then no longer among the old ones. */
static struct place take_place(struct place *old, size_t count, const char *name)
{
	struct place found = { 0 };

	for (size_t i = 0; i < count && !found.run; i++) {
		if (old[i].run && strcmp(run_settings(old[i].run)->name, name) == 0) {
			found = old[i];
			old[i] = (struct place){ 0 };
		}
	}
	return found;
}

static const struct config_pipeline *find_pipeline(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->pipeline_count; i++) {
		if (strcmp(config->pipelines[i].name, name) == 0)
			return &config->pipelines[i];
	}
	return NULL;
}

static bool same_cluster(const struct config_cluster *one, const struct config_cluster *other)
{
	return strcmp(one->name, other->name) == 0 || strcmp(one->brokers, other->brokers) == 0;
}

/* The run that has not ended and reads with the group that the pipeline is to read with; NULL: none does.
 * Within one configuration each has its own group, so that this one drains, or is about to: it was renamed,
 * or has left the group to another. Two at once would take each other's partitions. */
static const struct run *in_group(
    const struct place *places, size_t count, const struct config_pipeline *pipeline)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_from *from = places[i].run ? &run_settings(places[i].run)->from : NULL;

		if (from && !run_has_ended(places[i].run) && strcmp(from->group, pipeline->from.group) == 0 &&
		    same_cluster(from->cluster, pipeline->from.cluster))
			return places[i].run;
	}
	return NULL;
}

/* holder: the run that still is in its group; NULL: none is. */
static void begin(struct supervisor *supervisor, struct place *place, struct config *config,
    const struct config_pipeline *pipeline, const struct run *holder, int64_t now_us)
{
	_cleanup_free_ char *reason = NULL;

	if (!holder) {
		log_notice(&LOG_PIPELINE(pipeline->name), "new: starts");
		place->run = start(supervisor, config, pipeline, NULL, now_us);
		return;
	}
	reason = xasprintf("waits for pipeline %s, which drains, to leave the group \"%s\"",
	    run_settings(holder)->name, pipeline->from.group);
	log_notice(&LOG_PIPELINE(pipeline->name), "new: %s", reason);
	place->run = run_none(config, pipeline, reason, now_us);
	set_next(place, config, pipeline);
}

/* What the new configuration wants to run under this name: as before, or something else. */
static void keep_or_change(struct place *place, struct config *config, const struct config_pipeline *pipeline,
    int64_t drain_deadline_us, struct supervisor_changes *changes)
{
	_cleanup_free_ char *key =
	    diff_pipeline(place->next ? place->next : run_settings(place->run), pipeline);
	bool stopping = run_is_stopping(place->run);

	if (!key && (!stopping || place->next)) {
		changes->unchanged++;
	} else {
		changes->changed++;
		if (!stopping)
			log_notice(
			    &LOG_PIPELINE(pipeline->name), "changed (%s): drains, then starts anew", key);
		else
			log_notice(&LOG_PIPELINE(pipeline->name),
			    "changed%s%s%s: starts anew when it has ended", key ? " (" : "", key ? key : "",
			    key ? ")" : "");
		run_stop(place->run, drain_deadline_us);
	}
	if (run_is_stopping(place->run))
		set_next(place, config, pipeline);
}

static void end(struct place *place, const struct config *config, int64_t drain_deadline_us,
    struct supervisor_changes *changes)
{
	const char *name = run_settings(place->run)->name;

	if (!run_is_stopping(place->run) || place->next) {
		changes->removed++;
		log_notice(&LOG_PIPELINE(name), "%s: drains, and ends",
		    find_pipeline(config, name) ? "disabled" : "removed");
	}
	set_next(place, NULL, NULL);
	run_stop(place->run, drain_deadline_us);
}

/* The clients are sized by the share when they are made, so that a run cannot take another one. */
static void tell_kept_shares(const struct supervisor *supervisor)
{
	uint64_t share_bytes = supervisor->sharers > 0 ? share_of_memory(supervisor) : 0;
	uint64_t sum_bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < supervisor->count; i++) {
		const struct run *run = supervisor->places[i].run;

		if (run_is_stopping(run)) {
			sum_bytes += supervisor->places[i].next ? share_bytes : 0;
			continue;
		}
		sum_bytes += run_memory_bytes(run);
		kept += run_memory_bytes(run) != share_bytes;
	}
	if (kept == 0)
		return;
	log_at(sum_bytes > supervisor->memory_bytes ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, &LOG_NOWHERE,
	    "aloqd.memory: %zu pipeline%s the share that %s started with, where now each would get %" PRIu64
	    " MiB; together all have %" PRIu64 " MiB of the %" PRIu64 " MiB, until aloqd is restarted",
	    kept, kept == 1 ? " keeps" : "s keep", kept == 1 ? "it was" : "they were", share_bytes >> 20,
	    sum_bytes >> 20, supervisor->memory_bytes >> 20);
}

struct supervisor_changes supervisor_apply(
    struct supervisor *supervisor, struct config *config, int64_t drain_deadline_us, int64_t now_us)
{
	struct supervisor_changes changes = { 0 };
	struct place *old = supervisor->places;
	size_t old_count = supervisor->count;

	supervisor_refresh(supervisor, now_us); /* a stop notes who had failed before */
	note_bounds(supervisor, config);
	cluster_ids_replace(supervisor->cluster_ids, config);
	supervisor->places = xcalloc(old_count + supervisor->sharers, sizeof *supervisor->places);
	supervisor->count = 0;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];
		struct place *place = &supervisor->places[supervisor->count];

		if (!pipeline->enabled)
			continue;
		*place = take_place(old, old_count, pipeline->name);
		if (place->run) {
			keep_or_change(place, config, pipeline, drain_deadline_us, &changes);
		} else {
			const struct run *holder = in_group(old, old_count, pipeline);

			if (!holder)
				holder = in_group(supervisor->places, supervisor->count, pipeline);
			changes.started++;
			begin(supervisor, place, config, pipeline, holder, now_us);
		}
		supervisor->count++;
	}
	for (size_t i = 0; i < old_count; i++) {
		if (!old[i].run)
			continue;
		end(&old[i], config, drain_deadline_us, &changes);
		supervisor->places[supervisor->count++] = old[i];
	}
	free(old);
	tell_kept_shares(supervisor);
	show(supervisor);
	return changes;
}

bool supervisor_pause(struct supervisor *supervisor, const char *name, bool paused)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		struct run *run = supervisor->places[i].run;

		if (strcmp(run_settings(run)->name, name) != 0)
			continue;
		if (run_pause(run, paused))
			log_notice(&LOG_PIPELINE(run_settings(run)->name), "%s",
			    paused ? "told to pause: reads nothing more, and settles and commits what it holds"
				   : "told to resume: reads on");
		return true;
	}
	return false;
}

/* Nothing of it drains: it starts when the run that is in its group has ended. */
static bool waits_for_its_group(const struct supervisor *supervisor, const struct place *place)
{
	return place->next && run_has_ended(place->run) &&
	       in_group(supervisor->places, supervisor->count, place->next);
}

size_t supervisor_changing(const struct supervisor *supervisor, const char **name)
{
	size_t changing = 0;

	for (size_t i = 0; i < supervisor->count; i++) {
		const struct run *run = supervisor->places[i].run;

		if (!run_is_stopping(run) || waits_for_its_group(supervisor, &supervisor->places[i]))
			continue;
		if (name && changing == 0)
			*name = run_settings(run)->name;
		changing++;
	}
	return changing;
}

/* The run of this place was stopped, and has ended: what is to follow starts, if anything is. */
static void succeed(struct supervisor *supervisor, struct place *place, int64_t now_us)
{
	struct run *before = place->run;

	run_drained_cleanly(before); /* logs it where it was not */
	place->run = place->next ? start(supervisor, place->next_config, place->next, before, now_us) : NULL;
	if (!place->run)
		supervisor->gone_acked_records += run_snapshot(before)->counters.acked_records;
	set_next(place, NULL, NULL);
	run_free(before);
}

static void succeed_ended_runs(struct supervisor *supervisor, int64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < supervisor->count; i++) {
		struct place *place = &supervisor->places[i];

		if (run_is_stopping(place->run) && run_has_ended(place->run) &&
		    !waits_for_its_group(supervisor, place))
			succeed(supervisor, place, now_us);
	}
	for (size_t i = 0; i < supervisor->count; i++) {
		if (supervisor->places[i].run)
			supervisor->places[kept++] = supervisor->places[i];
	}
	supervisor->count = kept;
}

/* ---- looking ---- */

void supervisor_refresh(struct supervisor *supervisor, int64_t now_us)
{
	int64_t pause_us = now_us - supervisor->refreshed_us;

	for (size_t i = 0; i < supervisor->count; i++)
		run_refresh(supervisor->places[i].run, now_us, pause_us);
	/* At the end the runs stay to be asked how they have drained. */
	if (!supervisor->stopping)
		succeed_ended_runs(supervisor, now_us);
	show(supervisor);
	supervisor->refreshed_us = now_us;
}

void supervisor_refresh_lazily(struct supervisor *supervisor, int64_t now_us)
{
	if (now_us - supervisor->refreshed_us >= LAZY_AGE_US)
		supervisor_refresh(supervisor, now_us);
}

const struct pipeline_snapshot *supervisor_snapshots(const struct supervisor *supervisor, size_t *count)
{
	*count = supervisor->count;
	return supervisor->snapshots;
}

uint64_t supervisor_acked_records(const struct supervisor *supervisor)
{
	uint64_t records = supervisor->gone_acked_records;

	for (size_t i = 0; i < supervisor->count; i++)
		records += supervisor->snapshots[i].counters.acked_records;
	return records;
}

const char *supervisor_stalled(const struct supervisor *supervisor, int64_t now_us, int64_t limit_us)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct run *run = supervisor->places[i].run;

		if (run_is_stalled(run, now_us, limit_us))
			return run_settings(run)->name;
	}
	return NULL;
}

/* ---- stopping ---- */

void supervisor_stop(struct supervisor *supervisor, int64_t deadline_us)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		struct place *place = &supervisor->places[i];

		if (place->next)
			log_notice(&LOG_PIPELINE(place->next->name), "does not start anew: aloqd stops");
		set_next(place, NULL, NULL);
		run_stop(place->run, deadline_us);
	}
	supervisor->stopping = true;
}

bool supervisor_has_ended(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		if (!run_has_ended(supervisor->places[i].run))
			return false;
	}
	return true;
}

bool supervisor_drained_cleanly(const struct supervisor *supervisor)
{
	bool clean = true;

	for (size_t i = 0; i < supervisor->count; i++)
		clean = run_drained_cleanly(supervisor->places[i].run) && clean;
	return clean;
}

void supervisor_free(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	for (size_t i = 0; i < supervisor->count; i++) {
		set_next(&supervisor->places[i], NULL, NULL);
		run_free(supervisor->places[i].run);
	}
	free(supervisor->places);
	free(supervisor->snapshots);
	cluster_ids_free(supervisor->cluster_ids);
	free(supervisor);
}
