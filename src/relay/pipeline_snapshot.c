#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "config/redact.h"
#include "relay/pipeline_internal.h"

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* ---- sums over the lives of the clients ---- */

/* Of a topic that is gone, with all committed, nothing can be sent again: what comes under its name is another one. */
static void remember_sent(struct pipeline *pipeline, uint32_t part)
{
	int64_t until = engine_sent_until(pipeline->engine, part);
	struct part_view view;
	const char *topic;
	int32_t partition;

	engine_part_view(pipeline->engine, part, &view);
	if (source_part_is_gone(pipeline->source, part) && until <= view.committed)
		until = 0;
	source_part_name(pipeline->source, part, &topic, &partition);
	sent_memory_note(pipeline->sent_memory, topic, partition, until);
}

void pipeline_keep_counts(struct pipeline *pipeline)
{
	engine_counters_add(&pipeline->past, engine_counters(pipeline->engine));
	engine_latencies_add(&pipeline->past_latencies, engine_latencies(pipeline->engine));
	/* What an unfinished transaction held is not repeated: the next producer aborts it. */
	for (uint32_t i = 0; i < engine_part_count(pipeline->engine); i++)
		if (pipeline->settings->delivery != DELIVERY_EXACTLY_ONCE)
			remember_sent(pipeline, i);
}

/* ---- publish, copy, clear ---- */

static int64_t unready_ms(const struct pipeline *pipeline, int64_t now_us)
{
	if (pipeline_state_is_ready(pipeline->state))
		return 0;
	return pipeline->ready_us ? (now_us - pipeline->ready_us) / USEC_PER_MSEC : -1;
}

void pipeline_publish(struct pipeline *pipeline, int64_t now_us)
{
	struct pipeline_snapshot fresh = {
		.name = xstrdup(pipeline->settings->name),
		.member = pipeline->settings->member,
		.delivery = pipeline->settings->delivery,
		.state = pipeline->state,
		.state_since_ms = pipeline->state_since_ms,
		.reason = config_redact(pipeline->settings, pipeline->reason),
		.last_error = config_redact(
		    pipeline->settings, pipeline->last_error.code ? pipeline->last_error.message : NULL),
		.last_error_at_ms = pipeline->last_error_at_ms,
		.heartbeats = pipeline->heartbeats,
		.restarts = pipeline->restarts,
		.rebalances = pipeline->rebalances,
		.log_gaps = pipeline->log_gaps,
		.log_gap_records = pipeline->log_gap_records,
		.blocked_gaps = pipeline->blocked_gaps,
		.source_stalls = pipeline->source_stalls,
		.untimestamped_records = pipeline->past_untimestamped,
		.counters = pipeline->past,
		.latencies = pipeline->past_latencies,
		.drain_was_clean = pipeline->drain_was_clean,
		.left_blocked = pipeline->left_blocked,
		.lag = -1,
		.oldest_unsettled_age_ms = -1,
		.unready_ms = unready_ms(pipeline, now_us),
		.hangs_in = pipeline->hangs_in,
		.hangs_undrained = pipeline->hangs_undrained,
	};
	struct pipeline_snapshot old;

	if (pipeline->engine) {
		engine_counters_add(&fresh.counters, engine_counters(pipeline->engine));
		engine_latencies_add(&fresh.latencies, engine_latencies(pipeline->engine));
		fresh.held_bytes = engine_held_bytes(pipeline->engine);
		fresh.held_records = engine_held_records(pipeline->engine);
		fresh.in_flight_records = engine_in_flight_records(pipeline->engine);
		fresh.in_flight_bytes = engine_in_flight_bytes(pipeline->engine);
		/* While the worker frees source and sink, they are its own. */
		if (!pipeline->freeing) {
			fresh.untimestamped_records += sink_untimestamped_records(pipeline->sink);
			pipeline_add_partitions(pipeline, &fresh, now_us);
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
		snapshot->partitions[i].last_error = copy_text(snapshot->partitions[i].last_error);
	}
	pthread_mutex_unlock(&pipeline->snapshot_lock);
}

void pipeline_snapshot_clear(struct pipeline_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->partition_count; i++) {
		free(snapshot->partitions[i].topic);
		free(snapshot->partitions[i].error);
		free(snapshot->partitions[i].last_error);
	}
	free(snapshot->partitions);
	free(snapshot->name);
	free(snapshot->reason);
	free(snapshot->last_error);
	memset(snapshot, 0, sizeof *snapshot);
}
