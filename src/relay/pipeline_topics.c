/* Which topics a pipeline reads, and that this changes while it runs: a regular expression comes to match another one,
 * a source grows, a target becomes ready. What is found out is taken up by a new subscription where that is enough,
 * and by new clients, after a clean drain, where it is not. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "relay/pipeline_internal.h"

/* A question for the worker. */
struct preflight_job {
	struct pipeline *pipeline;
	struct preflight_context context;
	struct probe source;
	bool only_if_outdated;
	bool asked; /* out: pipeline->fresh is filled */
	void (*finished)(void *pipeline, bool cancelled);
};

static struct preflight_job *new_job(struct pipeline *pipeline)
{
	struct preflight_job *job = xcalloc(1, sizeof *job);

	job->pipeline = pipeline;
	job->context = (struct preflight_context){ .pipeline = pipeline->settings,
		.cluster_ids = pipeline->cluster_ids,
		.before = pipeline->has_run ? &pipeline->preflight : NULL,
		.group_has_started = pipeline->group_started };
	return job;
}

static const char asking[] = "asking the clusters for topics, partitions and limits";

static void job_run(struct worker *worker, void *argument)
{
	struct preflight_job *job = argument;

	if (job->only_if_outdated &&
	    !preflight_is_outdated(job->context.before, job->context.pipeline, &job->source, worker))
		return;
	job->asked = true;
	preflight_clear(&job->pipeline->fresh);
	preflight_run(&job->context, worker, &job->pipeline->fresh);
}

static void preflight_finished(void *argument, bool cancelled)
{
	struct preflight_job *job = argument;

	job->finished(job->pipeline, cancelled);
	free(job);
}

void pipeline_begin_preflight(struct pipeline *pipeline, void (*finished)(void *pipeline, bool cancelled))
{
	struct preflight_job *job = new_job(pipeline);

	job->finished = finished;
	worker_submit(pipeline->worker, asking, job_run, preflight_finished, job);
}

/* Said once for each topic and reason. */
static void log_held_topics(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->fresh.topic_count; i++) {
		const struct read_topic *topic = &pipeline->fresh.topics[i];
		const struct read_topic *known = preflight_topic(&pipeline->preflight, topic->name);

		if (topic->held.code && !(known && !strcmp(known->held.message, topic->held.message)))
			log_warning(&LOG_SETTINGS(pipeline->settings), "source topic %s is not read yet: %s", topic->name,
			    topic->held.message);
	}
}

void pipeline_take_fresh(struct pipeline *pipeline)
{
	log_held_topics(pipeline);
	preflight_clear(&pipeline->preflight);
	pipeline->preflight = pipeline->fresh;
	pipeline->fresh = (struct preflight_result){ .topics = NULL };
}

bool pipeline_reads_any(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->preflight.topic_count; i++)
		if (!pipeline->preflight.topics[i].held.code)
			return true;
	return false;
}

char *pipeline_held_topics(const struct pipeline *pipeline)
{
	const struct read_topic *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < pipeline->preflight.topic_count; i++) {
		if (!pipeline->preflight.topics[i].held.code)
			continue;
		if (count++ == 0)
			first = &pipeline->preflight.topics[i];
	}
	if (count == 0)
		return NULL;
	return count == 1 ? xasprintf("source topic %s is not read yet: %s", first->name, first->held.message)
			  : xasprintf("%zu source topics are not read yet; the first, %s: %s", count, first->name,
				first->held.message);
}

/* ---- another look ---- */

/* Is another set of topics to be read? */
static bool reads_others(const struct preflight_result *before, const struct preflight_result *now)
{
	size_t was_read = 0;
	size_t is_read = 0;

	for (size_t i = 0; i < before->topic_count; i++)
		was_read += before->topics[i].held.code == 0;
	for (size_t i = 0; i < now->topic_count; i++) {
		const struct read_topic *known = preflight_topic(before, now->topics[i].name);

		if (now->topics[i].held.code)
			continue;
		is_read++;
		if (!known || known->held.code)
			return true;
	}
	return is_read != was_read;
}

/* Has a target that was known become wider? The producer, and the partitions that wait, know the old width. */
static bool target_has_grown(const struct preflight_result *before, const struct preflight_result *now)
{
	for (size_t i = 0; i < now->topic_count; i++) {
		const struct read_topic *known = preflight_topic(before, now->topics[i].name);

		if (known && !known->held.code && now->topics[i].target_partitions > known->target_partitions)
			return true;
	}
	return false;
}

static void log_new_topics(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->fresh.topic_count; i++) {
		const struct read_topic *topic = &pipeline->fresh.topics[i];

		if (!topic->held.code && !preflight_topic(&pipeline->preflight, topic->name))
			log_notice(&LOG_SETTINGS(pipeline->settings),
			    "topic %s has come (%" PRId32 " partitions) and is read, too", topic->name, topic->partitions);
	}
}

static void take_up(struct pipeline *pipeline)
{
	struct error err = pipeline->fresh.err;

	if (err.code && err.remedy != REMEDY_PERSON) {
		pipeline_note_trouble(pipeline, &LOG_SETTINGS(pipeline->settings), &err);
		return;
	}
	if (err.code) {
		/* A loop, or something that is forbidden: nothing more is read before a person has looked. */
		pipeline->failure = pipeline->last_error = err;
		pipeline->last_error_at_ms = clock_realtime_ms();
		return;
	}
	log_new_topics(pipeline);
	if (target_has_grown(&pipeline->preflight, &pipeline->fresh) ||
	    pipeline_sizes_shrink(pipeline, &pipeline->fresh)) {
		pipeline->renew = true;
		return;
	}
	if (reads_others(&pipeline->preflight, &pipeline->fresh)) {
		pipeline_take_fresh(pipeline);
		if (!pipeline_reads_any(pipeline))
			pipeline->assigned = true;
		if (source_subscribe(pipeline->source, pipeline->preflight.topics, pipeline->preflight.topic_count, &err) < 0)
			pipeline->failure = err;
	} else {
		pipeline_take_fresh(pipeline);
	}
}

static void look_finished(void *argument, bool cancelled)
{
	struct preflight_job *job = argument;
	struct pipeline *pipeline = job->pipeline;

	pipeline->looking = false;
	pipeline->look_at_us = clock_after_us(clock_monotonic_us(), pipeline->look_interval_us);
	pipeline->changed = true;
	if (job->asked && !cancelled && pipeline->phase == PHASE_RUN && !pipeline->failure.code)
		take_up(pipeline);
	free(job);
}

/* Only a regular expression, a topic that is held or a partition without a target need another look. */
static bool is_worth_a_look(const struct pipeline *pipeline)
{
	const struct config_from *from = &pipeline->settings->from;

	for (size_t i = 0; i < from->topic_count; i++)
		if (from->topics[i][0] == '^')
			return true;
	return pipeline->blocked_parts > 0;
}

int64_t pipeline_look(struct pipeline *pipeline, int64_t now_us)
{
	struct preflight_job *job;

	if (pipeline->looking || pipeline->failure.code || pipeline->renew || pipeline->source_watch.down ||
	    !(pipeline->look_wanted || is_worth_a_look(pipeline)))
		return CLOCK_NEVER;
	if (!pipeline->look_wanted && now_us < pipeline->look_at_us)
		return pipeline->look_at_us;
	job = new_job(pipeline);
	job->only_if_outdated = !pipeline->look_wanted;
	source_probe(pipeline->source, &job->source);
	pipeline->look_wanted = false;
	pipeline->looking = true;
	worker_submit(pipeline->worker, asking, job_run, look_finished, job);
	return CLOCK_NEVER;
}
