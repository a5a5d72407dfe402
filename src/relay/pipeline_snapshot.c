#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "relay/pipeline_internal.h"

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* ---- sums over the lives of the clients ---- */

void pipeline_keep_counts(struct pipeline *pipeline)
{
	engine_counters_add(&pipeline->past, engine_counters(pipeline->engine));
	histogram_merge(&pipeline->past_latency, engine_latency(pipeline->engine));
	histogram_merge(&pipeline->past_commit_latency, engine_commit_latency(pipeline->engine));
}

/* ---- the parts ---- */

static int by_topic_and_number(const void *left, const void *right)
{
	const struct partition_snapshot *a = left;
	const struct partition_snapshot *b = right;
	int order = strcmp(a->topic, b->topic);

	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static void add_partition(const struct pipeline *pipeline, struct pipeline_snapshot *snapshot, uint32_t part,
    int64_t now_us)
{
	struct partition_snapshot *partition = &snapshot->partitions[snapshot->partition_count];
	struct part_view view;
	const char *topic;

	engine_part_view(pipeline->engine, part, &view);
	if (view.state == PART_UNASSIGNED)
		return;
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
	partition->error = view.blocked ? xstrdup(view.blocked->message) : NULL;
	snapshot->partition_count++;
}

static void add_partitions(const struct pipeline *pipeline, struct pipeline_snapshot *snapshot, int64_t now_us)
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

/* ---- publish, copy, clear ---- */

void pipeline_publish(struct pipeline *pipeline, int64_t now_us)
{
	struct pipeline_snapshot fresh = {
		.name = xstrdup(pipeline->settings->name),
		.member = pipeline->settings->member,
		.delivery = pipeline->settings->delivery,
		.state = pipeline->state,
		.state_since_ms = pipeline->state_since_ms,
		.reason = copy_text(pipeline->reason),
		.last_error = pipeline->last_error.code ? xstrdup(pipeline->last_error.message) : NULL,
		.last_error_at_ms = pipeline->last_error_at_ms,
		.heartbeats = pipeline->heartbeats,
		.restarts = pipeline->restarts,
		.log_gaps = pipeline->log_gaps,
		.log_gap_records = pipeline->log_gap_records,
		.blocked_gaps = pipeline->blocked_gaps,
		.untimestamped_records = pipeline->past_untimestamped,
		.counters = pipeline->past,
		.latency = pipeline->past_latency,
		.commit_latency = pipeline->past_commit_latency,
		.drain_was_clean = pipeline->drain_was_clean,
		.left_blocked = pipeline->left_blocked,
		.lag = -1,
	};
	struct pipeline_snapshot old;

	if (pipeline->engine) {
		engine_counters_add(&fresh.counters, engine_counters(pipeline->engine));
		histogram_merge(&fresh.latency, engine_latency(pipeline->engine));
		histogram_merge(&fresh.commit_latency, engine_commit_latency(pipeline->engine));
		fresh.held_bytes = engine_held_bytes(pipeline->engine);
		fresh.held_records = engine_held_records(pipeline->engine);
		fresh.in_flight_records = engine_in_flight_records(pipeline->engine);
		/* While the worker frees source and sink, they are its own. */
		if (!pipeline->freeing) {
			fresh.untimestamped_records += sink_untimestamped_records(pipeline->sink);
			add_partitions(pipeline, &fresh, now_us);
		}
	}
	pipeline->published_us = now_us;
	pipeline->changed = false;
	pthread_mutex_lock(&pipeline->snapshot_lock);
	old = pipeline->published;
	pipeline->published = fresh;
	pthread_mutex_unlock(&pipeline->snapshot_lock);
	pipeline_snapshot_clear(&old);
}

void pipeline_snapshot(struct pipeline *pipeline, struct pipeline_snapshot *snapshot)
{
	pthread_mutex_lock(&pipeline->snapshot_lock);
	*snapshot = pipeline->published;
	snapshot->name = copy_text(snapshot->name);
	snapshot->reason = copy_text(snapshot->reason);
	snapshot->last_error = copy_text(snapshot->last_error);
	snapshot->partitions = xcalloc(snapshot->partition_count, sizeof *snapshot->partitions);
	for (size_t i = 0; i < snapshot->partition_count; i++) {
		snapshot->partitions[i] = pipeline->published.partitions[i];
		snapshot->partitions[i].topic = copy_text(snapshot->partitions[i].topic);
		snapshot->partitions[i].error = copy_text(snapshot->partitions[i].error);
	}
	pthread_mutex_unlock(&pipeline->snapshot_lock);
}

void pipeline_snapshot_clear(struct pipeline_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->partition_count; i++) {
		free(snapshot->partitions[i].topic);
		free(snapshot->partitions[i].error);
	}
	free(snapshot->partitions);
	free(snapshot->name);
	free(snapshot->reason);
	free(snapshot->last_error);
	memset(snapshot, 0, sizeof *snapshot);
}
