#include "fake_pipeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "relay/pipeline.h"

struct pipeline {
	struct fake_script *script;
	const struct config_pipeline *config;
	int wake_fd;
};

struct fake_script fake_scripts[FAKE_PIPELINES];

static struct config_pipeline pipelines[FAKE_PIPELINES] = {
	{ .name = (char *)"0", .enabled = true, .members = 1 },
	{ .name = (char *)"1", .enabled = true, .members = 1 },
	{ .name = (char *)"2", .enabled = false, .members = 1 },
};
struct config fake_config = { .pipelines = pipelines,
	.pipeline_count = FAKE_PIPELINES,
	.memory_bytes = 1000,
	.holders = 1,
	.instance = (char *)"test" };

int fake_reset(void **state)
{
	for (size_t i = 0; i < FAKE_PIPELINES; i++)
		fake_scripts[i] =
		    (struct fake_script){ .state = PIPELINE_RUNNING, .heartbeats = 1, .clean = true };
	return 0;
}

struct pipeline *pipeline_start(const struct config *whole, const struct config_pipeline *pipeline,
    struct cluster_ids *cluster_ids, uint64_t memory_bytes, bool paused, int wake_fd, struct error *err)
{
	struct fake_script *script = &fake_scripts[pipeline->name[strlen(pipeline->name) - 1] - '0'];
	struct pipeline *fake;

	if (script->cannot_start) {
		error_set(err, -EAGAIN, REMEDY_PERSON, "no thread left");
		return NULL;
	}
	script->memory_bytes = memory_bytes;
	script->paused = paused;
	if (script->starts++ > 0) { /* another life */
		script->ended = false;
		script->stop_deadline_us = 0;
	}
	fake = xcalloc(1, sizeof *fake);
	*fake = (struct pipeline){ .script = script, .config = pipeline, .wake_fd = wake_fd };
	return fake;
}

void pipeline_pause(struct pipeline *pipeline, bool paused)
{
	pipeline->script->paused = paused;
}

void pipeline_unblock(struct pipeline *pipeline, const char *topic, int32_t partition, int64_t offset,
    enum unblock how, uint64_t order)
{
	pipeline->script->unblocked_at = offset;
	pipeline->script->unblocked_how = (int)how;
	pipeline->script->order = order;
}

void pipeline_stop(struct pipeline *pipeline, int64_t deadline_us)
{
	uint64_t one = 1;

	pipeline->script->stop_deadline_us = deadline_us;
	if (pipeline->wake_fd >= 0 && write(pipeline->wake_fd, &one, sizeof one) < 0)
		abort();
}

bool pipeline_has_ended(const struct pipeline *pipeline)
{
	struct fake_script *script = pipeline->script;

	if (script->stop_deadline_us > 0 && script->stop == STOP_AT_ONCE)
		script->ended = true;
	if (script->stop_deadline_us > 0 && script->stop == STOP_AT_DEADLINE &&
	    clock_monotonic_us() >= script->stop_deadline_us) {
		script->ended = true;
		script->clean = false;
	}
	return script->ended;
}

void pipeline_snapshot(struct pipeline *pipeline, struct pipeline_snapshot *snapshot)
{
	struct fake_script *script = pipeline->script;

	script->heartbeats += script->turns;
	*snapshot = (struct pipeline_snapshot){
		.name = xstrdup(pipeline->config->name),
		.member = pipeline->config->member,
		.state = script->state,
		.unready_ms = script->unready_ms,
		.heartbeats = script->heartbeats,
		.drain_was_clean = script->clean,
		.hangs_in = script->hangs_in,
		.hangs_undrained = script->drains &&
				   (script->stop_deadline_us == 0 || clock_monotonic_us() < script->stop_deadline_us),
		.counters = { .acked_records = 5 },
		.lag = -1,
	};
	if (!script->has_partition)
		return;
	snapshot->partitions = xcalloc(1, sizeof *snapshot->partitions);
	snapshot->partitions[0] = (struct partition_snapshot){ .topic = xstrdup("in"),
		.partition = 3,
		.state = script->blocked_at >= 0 ? PART_BLOCKED : PART_READING,
		.blocked_at = script->blocked_at,
		.blocked_by = (enum block)script->blocked_by,
		.order = script->carried_out };
	snapshot->partition_count = 1;
}

void pipeline_snapshot_clear(struct pipeline_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->partition_count; i++)
		free(snapshot->partitions[i].topic);
	free(snapshot->partitions);
	free(snapshot->name);
	free(snapshot->reason);
	free(snapshot->last_error);
	*snapshot = (struct pipeline_snapshot){ 0 };
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	pipeline->script->freed++;
	free(pipeline);
}
