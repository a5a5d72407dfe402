/* What each partition waits for, and what was wrong with it last. Looked at when a snapshot is published, never on a
 * record's way. */
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "config/redact.h"
#include "kafka/leaders.h"
#include "relay/pipeline_internal.h"

/* ---- what is remembered ---- */

static struct part_memory *memory_of(struct pipeline *pipeline, uint32_t part)
{
	if (part >= pipeline->part_capacity) {
		uint32_t capacity = pipeline->part_capacity ? pipeline->part_capacity : 16;

		while (capacity <= part)
			capacity *= 2;
		pipeline->parts = xreallocarray(pipeline->parts, capacity, sizeof *pipeline->parts);
		memset(&pipeline->parts[pipeline->part_capacity], 0,
		    (capacity - pipeline->part_capacity) * sizeof *pipeline->parts);
		pipeline->part_capacity = capacity;
	}
	return &pipeline->parts[part];
}

void pipeline_note_partition(struct pipeline *pipeline, uint32_t part, const struct error *err)
{
	struct part_memory *memory;

	if (part == UINT32_MAX)
		return;
	memory = memory_of(pipeline, part);
	if (!memory->last_error)
		memory->last_error = xcalloc(1, sizeof *memory->last_error);
	*memory->last_error = *err;
	memory->last_error_at_ms = clock_realtime_ms();
}

void pipeline_forget_partitions(struct pipeline *pipeline)
{
	for (uint32_t part = 0; part < pipeline->part_capacity; part++)
		free(pipeline->parts[part].last_error);
	leaders_free(TAKE_PTR(pipeline->leaders));
	pipeline->leaders_asked_us = 0;
	free(pipeline->parts);
	pipeline->parts = NULL;
	pipeline->part_capacity = 0;
}

/* ---- who has the report that is waited for ---- */

/* Records that take less are no reason to ask anybody. */
static const int64_t report_missed_ms = 2000;
static const int64_t ask_again_us = 5 * USEC_PER_SEC;
/* Leaders move: an answer that is older is none. */
static const int64_t answer_holds_us = 15 * USEC_PER_SEC;

struct leaders_job {
	struct pipeline *pipeline;
	struct leaders *leaders;
};

static void ask_run(struct worker *worker, void *argument)
{
	leaders_ask(((struct leaders_job *)argument)->leaders);
}

static void ask_done(void *argument, bool cancelled)
{
	struct leaders_job *job = argument;
	struct pipeline *pipeline = job->pipeline;

	leaders_free(pipeline->leaders);
	pipeline->leaders = job->leaders;
	pipeline->leaders_asked_us = clock_monotonic_us();
	pipeline->asking_leaders = false;
	pipeline->changed = true;
	free(job);
}

void pipeline_ask_leaders(struct pipeline *pipeline, int64_t now_us)
{
	struct leaders *leaders;
	struct leaders_job *job;

	if (!pipeline->leaders_wanted || pipeline->asking_leaders || pipeline->phase != PHASE_RUN ||
	    (pipeline->leaders_asked_us > 0 && now_us - pipeline->leaders_asked_us < ask_again_us))
		return;
	pipeline->leaders_wanted = false;
	leaders = sink_ask_leaders(pipeline->sink);
	if (!leaders)
		return;
	job = xcalloc(1, sizeof *job);
	*job = (struct leaders_job){ .pipeline = pipeline, .leaders = leaders };
	pipeline->asking_leaders = true;
	worker_submit(pipeline->worker, "asking for the leaders of the targets", ask_run, ask_done, job);
}

static int32_t broker_of(struct pipeline *pipeline, const struct partition_snapshot *partition, uint32_t part,
    int64_t now_us)
{
	if (partition->waits_for != WAIT_REPORT || partition->waits_ms < report_missed_ms)
		return -1;
	pipeline->leaders_wanted = true;
	if (!pipeline->leaders || now_us - pipeline->leaders_asked_us > answer_holds_us)
		return -1;
	return sink_leader_of(pipeline->sink, part, pipeline->leaders);
}

/* ---- the snapshot ---- */

static int by_topic_and_number(const void *left, const void *right)
{
	const struct partition_snapshot *a = left;
	const struct partition_snapshot *b = right;
	int order = strcmp(a->topic, b->topic);

	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static void look_at_wait(struct pipeline *pipeline, struct partition_snapshot *partition, uint32_t part,
    const struct part_view *view, int64_t now_us)
{
	struct part_memory *memory = memory_of(pipeline, part);
	struct partition_facts facts;

	engine_part_facts(pipeline->engine, part, &facts);
	facts.positioned = source_part_is_read(pipeline->source, part);
	facts.source_down = pipeline->source_watch.down;
	facts.target_down = pipeline->sink_watch.down;
	facts.lag = partition->lag;
	partition_watch_look(&memory->watch, &facts, view->mark, view->committed, now_us);
	partition->waits_ms = partition_watch_decide(&memory->watch, &facts, now_us) / USEC_PER_MSEC;
	partition->waits_for = memory->watch.wait;
	partition->waits_for_broker = broker_of(pipeline, partition, part, now_us);
	if (memory->state_since_ms == 0 || memory->state != view->state)
		memory->state_since_ms = clock_realtime_ms();
	memory->state = view->state;
	partition->state_since_ms = memory->state_since_ms;
	partition->last_error =
	    config_redact(pipeline->settings, memory->last_error ? memory->last_error->message : NULL);
	partition->last_error_at_ms = memory->last_error_at_ms;
}

static void add_partition(struct pipeline *pipeline, struct pipeline_snapshot *snapshot, uint32_t part, int64_t now_us)
{
	struct partition_snapshot *partition = &snapshot->partitions[snapshot->partition_count];
	struct part_view view;
	const char *topic;

	engine_part_view(pipeline->engine, part, &view);
	if (view.state == PART_UNASSIGNED) {
		memory_of(pipeline, part)->state_since_ms = 0;
		memory_of(pipeline, part)->watch = (struct partition_watch){ 0 };
		return;
	}
	source_part_name(pipeline->source, part, &topic, &partition->partition);
	partition->topic = xstrdup(topic);
	partition->member = pipeline->settings->member;
	partition->state = view.state;
	partition->committed = view.committed;
	partition->mark = view.mark;
	partition->end = view.end;
	partition->log_end = source_log_end(pipeline->source, part);
	partition->lag = -1;
	if (partition->log_end >= 0 && view.mark >= 0)
		partition->lag = partition->log_end > view.mark ? partition->log_end - view.mark : 0;
	partition->in_flight = view.in_flight;
	partition->oldest_unsettled = view.oldest_unsettled;
	partition->oldest_unsettled_age_ms =
	    view.oldest_unsettled_us == CLOCK_NEVER ? -1 : (now_us - view.oldest_unsettled_us) / USEC_PER_MSEC;
	partition->error = config_redact(pipeline->settings, view.blocked ? view.blocked->message : NULL);
	partition->blocked_at = view.blocked_at;
	partition->blocked_by = view.blocked_by;
	partition->order = view.order;
	partition->order_done = view.order_done;
	partition->order_failed = view.order_failed;
	look_at_wait(pipeline, partition, part, &view, now_us);
	snapshot->waiting[partition->waits_for]++;
	if (partition->oldest_unsettled_age_ms > snapshot->oldest_unsettled_age_ms)
		snapshot->oldest_unsettled_age_ms = partition->oldest_unsettled_age_ms;
	snapshot->partition_count++;
}

void pipeline_add_partitions(struct pipeline *pipeline, struct pipeline_snapshot *snapshot, int64_t now_us)
{
	uint32_t count = engine_part_count(pipeline->engine);

	snapshot->partitions = xcalloc(count, sizeof *snapshot->partitions);
	for (uint32_t part = 0; part < count; part++)
		add_partition(pipeline, snapshot, part, now_us);
	qsort(snapshot->partitions, snapshot->partition_count, sizeof *snapshot->partitions, by_topic_and_number);
	snapshot->lag = snapshot->partition_count > 0 ? 0 : -1;
	for (size_t i = 0; i < snapshot->partition_count && snapshot->lag >= 0; i++) {
		if (snapshot->partitions[i].lag < 0)
			snapshot->lag = -1;
		else
			snapshot->lag += snapshot->partitions[i].lag;
	}
}
