#include "daemon/supervisor.h"
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "daemon/supervisor_internal.h"
#include "kafka/cluster_ids.h"

#define LAZY_AGE_US (100 * USEC_PER_MSEC)

/* ---- starting ---- */

uint64_t supervisor_share_bytes(const struct supervisor *supervisor)
{
	return supervisor->config->memory_bytes / (supervisor->sharers > 0 ? supervisor->sharers : 1);
}

void supervisor_count_sharers(struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;

	supervisor->sharers = 0;
	for (size_t i = 0; i < config->pipeline_count; i++)
		supervisor->sharers += config->pipelines[i].enabled;
}

static struct run *start(const struct supervisor *supervisor, struct config *config,
    const struct config_pipeline *pipeline, const struct run *before, int64_t now_us)
{
	return run_start(config, pipeline, supervisor->cluster_ids, supervisor_share_bytes(supervisor),
	    supervisor->wake_fd, before, now_us);
}

void supervisor_show(struct supervisor *supervisor)
{
	supervisor->snapshots =
	    xreallocarray(supervisor->snapshots, supervisor->count + 1, sizeof *supervisor->snapshots);
	for (size_t i = 0; i < supervisor->count; i++) {
		supervisor->snapshots[i] = *run_snapshot(supervisor->places[i].run);
		supervisor->snapshots[i].starts_anew = supervisor->places[i].next != NULL;
	}
}

bool supervisor_wants(const struct place *place, const struct config_pipeline *pipeline)
{
	return place->told == TOLD_NOTHING ? pipeline->enabled : place->told == TOLD_START;
}

void supervisor_note(struct place *place, enum told told, const char *by)
{
	free(place->stopped_by);
	place->stopped_by = told == TOLD_STOP ? xstrdup(by) : NULL;
	place->told = told;
}

/* What of the past run, if any, matters to who starts it again. */
static char *describe_rest(const struct place *place, const struct run *before)
{
	const struct pipeline_snapshot *past = before ? run_snapshot(before) : NULL;
	const char *why = place->told == TOLD_STOP ? place->stopped_by : "enabled = false";
	bool one = past && past->left_blocked == 1;

	if (past && !past->drain_was_clean)
		return xasprintf("%s; its drain did not end in time: records will be read again", why);
	if (past && past->left_blocked > 0)
		return xasprintf("%s; %zu partition%s blocked, and will be again", why, past->left_blocked,
		    one ? " was" : "s were");
	return xstrdup(why);
}

/* Nothing runs under this name. before, which has ended, stays the caller's. */
void supervisor_rest(struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline,
    const struct run *before, int64_t now_us)
{
	_cleanup_free_ char *reason = describe_rest(place, before);

	place->run = run_none(supervisor->config, pipeline, before, PIPELINE_STOPPED, reason, now_us);
	place->resting = true;
}

struct supervisor *supervisor_new(struct config *config, int wake_fd, int64_t now_us)
{
	struct supervisor *supervisor = xcalloc(1, sizeof *supervisor);

	supervisor->config = config_hold(config);
	supervisor->wake_fd = wake_fd;
	supervisor->refreshed_us = now_us;
	supervisor->cluster_ids = cluster_ids_new(config);
	supervisor->count = config->pipeline_count;
	supervisor->places = xcalloc(supervisor->count, sizeof *supervisor->places);
	supervisor_count_sharers(supervisor);
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		if (pipeline->enabled)
			supervisor->places[i].run = start(supervisor, config, pipeline, NULL, now_us);
		else
			supervisor_rest(supervisor, &supervisor->places[i], pipeline, NULL, now_us);
	}
	supervisor_show(supervisor);
	return supervisor;
}

/* ---- one after another ---- */

void supervisor_set_next(struct place *place, struct config *config, const struct config_pipeline *next)
{
	config_free(place->next_config);
	place->next = next;
	place->next_config = next ? config_hold(config) : NULL;
}

const struct config_pipeline *supervisor_find_settings(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->pipeline_count; i++) {
		if (strcmp(config->pipelines[i].name, name) == 0)
			return &config->pipelines[i];
	}
	return NULL;
}

const struct config_pipeline *supervisor_settings(const struct supervisor *supervisor, const char *name)
{
	return supervisor_find_settings(supervisor->config, name);
}

static bool same_cluster(const struct config_cluster *one, const struct config_cluster *other)
{
	return strcmp(one->name, other->name) == 0 || strcmp(one->brokers, other->brokers) == 0;
}

/* The run that has not ended and reads with the group that the pipeline is to read with; NULL: none does.
 * Within one configuration each has its own group, so that this one drains, or is about to: it was renamed,
 * or has left the group to another. Two at once would take each other's partitions. */
const struct run *supervisor_in_group(
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

/* Takes the place's run, which has ended, and frees it. holder: the run that still is in its group; NULL: none is. */
void supervisor_begin_after(struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline,
    const struct run *holder, int64_t now_us)
{
	struct run *before = place->run;
	_cleanup_free_ char *reason = NULL;

	place->resting = false;
	if (!holder) {
		supervisor_set_next(place, NULL, NULL);
		place->run = start(supervisor, supervisor->config, pipeline, before, now_us);
	} else {
		reason = xasprintf("waits for pipeline %s, which drains, to leave the group \"%s\"",
		    run_settings(holder)->name, pipeline->from.group);
		log_notice(&LOG_PIPELINE(pipeline->name), "%s", reason);
		place->run =
		    run_none(supervisor->config, pipeline, before, PIPELINE_STARTING, reason, now_us);
		supervisor_set_next(place, supervisor->config, pipeline);
	}
	run_free(before);
}

void supervisor_begin(
    struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline, int64_t now_us)
{
	supervisor_begin_after(supervisor, place, pipeline, supervisor_in_group(supervisor->places, supervisor->count, pipeline), now_us);
}

/* Nothing of it drains: it starts when the run that is in its group has ended. */
static bool waits_for_its_group(const struct supervisor *supervisor, const struct place *place)
{
	return place->next && run_has_ended(place->run) &&
	       supervisor_in_group(supervisor->places, supervisor->count, place->next);
}

size_t supervisor_changing(const struct supervisor *supervisor, const char **name)
{
	size_t changing = 0;

	for (size_t i = 0; i < supervisor->count; i++) {
		const struct run *run = supervisor->places[i].run;

		if (!run_is_stopping(run) || waits_for_its_group(supervisor, &supervisor->places[i]) ||
		    supervisor->places[i].told == TOLD_STOP || supervisor->places[i].resting)
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
	const struct config_pipeline *pipeline = supervisor_settings(supervisor, run_settings(before)->name);

	run_drained_cleanly(before); /* logs it where it was not */
	if (place->next) {
		place->run = start(supervisor, place->next_config, place->next, before, now_us);
		supervisor_set_next(place, NULL, NULL);
	} else if (pipeline) {
		supervisor_rest(supervisor, place, pipeline, before, now_us);
	} else {
		place->run = NULL;
		supervisor->gone_acked_records += run_snapshot(before)->counters.acked_records;
		supervisor_note(place, TOLD_NOTHING, NULL);
	}
	run_free(before);
}

static void succeed_ended_runs(struct supervisor *supervisor, int64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < supervisor->count; i++) {
		struct place *place = &supervisor->places[i];

		if (!place->resting && run_is_stopping(place->run) && run_has_ended(place->run) &&
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
	supervisor_show(supervisor);
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

const char *supervisor_hanging(const struct supervisor *supervisor, const char **doing)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct run *run = supervisor->places[i].run;

		*doing = run_hangs_in(run);
		if (*doing)
			return run_settings(run)->name;
	}
	return NULL;
}

bool supervisor_is_over(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		if (!run_is_over(supervisor->places[i].run))
			return false;
	}
	return true;
}

/* ---- stopping ---- */

void supervisor_stop(struct supervisor *supervisor, int64_t deadline_us)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		struct place *place = &supervisor->places[i];

		if (place->next)
			log_notice(&LOG_PIPELINE(place->next->name), "does not start anew: aloqd stops");
		supervisor_set_next(place, NULL, NULL);
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
		supervisor_set_next(&supervisor->places[i], NULL, NULL);
		supervisor_note(&supervisor->places[i], TOLD_NOTHING, NULL);
		run_free(supervisor->places[i].run);
	}
	free(supervisor->places);
	free(supervisor->snapshots);
	cluster_ids_free(supervisor->cluster_ids);
	config_free(supervisor->config);
	free(supervisor);
}
