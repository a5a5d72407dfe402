/* Another configuration: what becomes of each pipeline. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/diff.h"
#include "daemon/supervisor_internal.h"
#include "kafka/cluster_ids.h"

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

/* What the new configuration says of a pipeline that is to run on, or again: as before, or something else. */
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
		supervisor_set_next(place, config, pipeline);
}

/* The same of one that was told to stop: it stays so, and a later start takes what is written then. */
static void keep_stopped(const struct place *place, const struct config_pipeline *pipeline,
    struct supervisor_changes *changes)
{
	_cleanup_free_ char *key = diff_pipeline(run_settings(place->run), pipeline);

	if (key)
		log_notice(&LOG_PIPELINE(pipeline->name),
		    "changed (%s): stays stopped, as it was told, until aloqctl start", key);
	if (key)
		changes->changed++;
	else
		changes->unchanged++;
}

static void end(struct place *place, const char *why, int64_t drain_deadline_us,
    struct supervisor_changes *changes)
{
	const char *name = run_settings(place->run)->name;

	if (!run_is_stopping(place->run) || place->next || place->told == TOLD_STOP) {
		changes->removed++;
		log_notice(&LOG_PIPELINE(name), "%s: %s", why, place->resting ? "was stopped" : "drains, and ends");
	}
	supervisor_note(place, TOLD_NOTHING, NULL);
	supervisor_set_next(place, NULL, NULL);
	run_stop(place->run, drain_deadline_us);
}

/* One that the old configuration has, too, or that drains. */
static void apply_to_old(struct supervisor *supervisor, struct place *place,
    const struct config_pipeline *pipeline, const struct run *holder, int64_t drain_deadline_us,
    int64_t now_us, struct supervisor_changes *changes)
{
	struct run *before = place->run;

	if (supervisor_wants(place, pipeline)) {
		if (place->resting) {
			changes->started++;
			log_notice(&LOG_PIPELINE(pipeline->name), "enabled: starts");
			supervisor_begin_after(supervisor, place, pipeline, holder, now_us);
		} else {
			keep_or_change(place, supervisor->config, pipeline, drain_deadline_us, changes);
		}
		return;
	}
	if (place->told == TOLD_STOP)
		keep_stopped(place, pipeline, changes);
	else if (!place->resting)
		end(place, "disabled", drain_deadline_us, changes);
	if (!place->resting)
		return;
	supervisor_rest(supervisor, place, pipeline, before, now_us);
	run_free(before);
}

static void apply_to_new(struct supervisor *supervisor, struct place *place,
    const struct config_pipeline *pipeline, const struct run *holder, int64_t now_us,
    struct supervisor_changes *changes)
{
	if (!pipeline->enabled) {
		supervisor_rest(supervisor, place, pipeline, NULL, now_us);
		return;
	}
	changes->started++;
	if (!holder)
		log_notice(&LOG_PIPELINE(pipeline->name), "new: starts");
	supervisor_begin_after(supervisor, place, pipeline, holder, now_us);
}

/* The clients are sized by the share when they are made, so that a run cannot take another one. */
static void tell_kept_shares(const struct supervisor *supervisor)
{
	uint64_t memory_bytes = supervisor->config->memory_bytes;
	uint64_t share_bytes = supervisor_share_bytes(supervisor);
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
	log_at(sum_bytes > memory_bytes ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, &LOG_NOWHERE,
	    "aloqd.memory: %zu pipeline%s the share that %s started with, where now each would get %" PRIu64
	    " MiB; together all have %" PRIu64 " MiB of the %" PRIu64 " MiB, until aloqd is restarted",
	    kept, kept == 1 ? " keeps" : "s keep", kept == 1 ? "it was" : "they were", share_bytes >> 20,
	    sum_bytes >> 20, memory_bytes >> 20);
}

/* Of a place that is to be filled: the run in its group, among those not placed yet and those placed. */
static const struct run *holder_of(const struct supervisor *supervisor, const struct place *old, size_t old_count,
    const struct config_pipeline *pipeline)
{
	const struct run *holder = supervisor_in_group(old, old_count, pipeline);

	return holder ? holder : supervisor_in_group(supervisor->places, supervisor->count, pipeline);
}

struct supervisor_changes supervisor_apply(
    struct supervisor *supervisor, struct config *config, int64_t drain_deadline_us, int64_t now_us)
{
	struct supervisor_changes changes = { 0 };
	struct config *replaced = supervisor->config;
	struct place *old = supervisor->places;
	size_t old_count;

	supervisor_refresh(supervisor, now_us); /* a stop notes who had failed before */
	old_count = supervisor->count;
	supervisor->config = config_hold(config);
	supervisor_count_sharers(supervisor);
	cluster_ids_replace(supervisor->cluster_ids, config);
	supervisor->places = xcalloc(old_count + config->pipeline_count, sizeof *supervisor->places);
	supervisor->count = 0;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];
		const struct config_pipeline *was = supervisor_find_settings(replaced, pipeline->name);
		struct place *place = &supervisor->places[supervisor->count];
		struct place found = take_place(old, old_count, pipeline->name);
		const struct run *holder = holder_of(supervisor, old, old_count, pipeline);

		*place = found;
		if (was && was->enabled != pipeline->enabled)
			supervisor_note(place, TOLD_NOTHING, NULL); /* the configuration has the last word */
		if (place->run)
			apply_to_old(supervisor, place, pipeline, holder, drain_deadline_us, now_us, &changes);
		else
			apply_to_new(supervisor, place, pipeline, holder, now_us, &changes);
		supervisor->count++;
	}
	for (size_t i = 0; i < old_count; i++) {
		if (!old[i].run)
			continue;
		end(&old[i], "removed", drain_deadline_us, &changes);
		old[i].resting = false;
		supervisor->places[supervisor->count++] = old[i];
	}
	free(old);
	config_free(replaced);
	tell_kept_shares(supervisor);
	supervisor_show(supervisor);
	return changes;
}
