/* at_least_once: produce, delivery report, then commit of the low-water mark. */
#include "relay/engine_internal.h"

static bool may_submit(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	return true;
}

static bool could_submit(const struct engine *engine, const struct part *part, const struct offset_slot *slot)
{
	return true;
}

static void on_chunk(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
}

static uint64_t read_room(const struct engine *engine, const struct part *part, uint64_t room)
{
	uint64_t uncommitted_records = part->appended_records - part->committed_records;
	uint64_t limit = (uint64_t)engine->config.commit_records;

	/* commit.mode = "sync": a partition is read no further than one commit's worth past the last one. */
	if (!engine->config.commit_sync)
		return room;
	if (uncommitted_records >= limit)
		return 0;
	return room < limit - uncommitted_records ? room : limit - uncommitted_records;
}

static void settle(struct engine *engine, struct part *part)
{
	struct release_context context = { .engine = engine, .part = part, .for_good = true };

	offset_tracker_release(part->tracker, INT64_MAX, engine_release_slot, &context);
	part->settled_records += context.records;
	if (offset_tracker_mark(part->tracker) > part->committed)
		commit_policy_settled(&engine->commit_policy, (int64_t)context.records, engine->now_us);
}

static void on_late_failed(struct engine *engine, struct part *part, const struct offset_slot *slot,
    const struct error *err)
{
}

static void on_submitted(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
}

static int64_t commit_offset(const struct part *part)
{
	return offset_tracker_mark(part->tracker);
}

static bool is_settled(const struct engine *engine, const struct part *part)
{
	return part->gone || commit_offset(part) <= part->committed;
}

/* The target may hold a record that is to be sent again: its repeat goes on with all that was written behind it, or it
 * would have a hole. Without idempotence anything may be written behind a record that failed. With it, only one that was
 * appended can be, and answered with an error all the same (too few replicas were in sync by then): it is given up
 * while it waits to be tried again, and the next one acknowledged. */
static void send_again_with_those_behind(const struct engine *engine, const struct part *part)
{
	struct offset_slot *slot;
	bool repeats = false;

	for (uint64_t seq = offset_tracker_mark_seq(part->tracker);
	     (slot = offset_tracker_slot(part->tracker, seq)) != NULL; seq++) {
		if (slot->fault)
			continue; /* goes elsewhere, or nowhere */
		if (slot->state == SLOT_WAITING)
			repeats = repeats || slot->maybe_written || !engine->config.idempotent;
		else if (repeats && offset_tracker_unsettle(part->tracker, seq))
			slot->maybe_written = true;
	}
	offset_tracker_rewind(part->tracker, false);
}

static void on_sink_ready(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].tracker)
			send_again_with_those_behind(engine, &engine->parts[i]);
}

static void on_epoch_end(struct engine *engine, struct part *part)
{
}

static void on_committed(struct engine *engine, struct part *part)
{
}

const struct strategy strategy_at_least_once = {
	.may_submit = may_submit,
	.could_submit = could_submit,
	.on_chunk = on_chunk,
	.read_room = read_room,
	.settle = settle,
	.on_failed = engine_send_again,
	.on_late_failed = on_late_failed,
	.on_refused = engine_block_refused,
	.stop_reading = engine_keep_submitted,
	.on_submitted = on_submitted,
	.tick = engine_commit_when_due,
	.deadline_us = engine_commit_deadline_us,
	.is_settled = is_settled,
	.on_sink_ready = on_sink_ready,
	.on_epoch_end = on_epoch_end,
	.commit_offset = commit_offset,
	.on_committed = on_committed,
};
