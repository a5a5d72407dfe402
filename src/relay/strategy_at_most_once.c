/* at_most_once: commit what has been read, and produce it only when that is known to have succeeded. What
 * cannot be produced then is lost, counted and named; nothing is ever sent twice. */
#include "relay/engine_internal.h"
#include <errno.h>
#include "base/fault_point.h"

static bool may_submit(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	return slot->next <= part->committed;
}

static void on_chunk(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	part->settled_records += slot->records;
	commit_policy_settled(&engine->commit_policy, slot->records, engine->now_us);
}

static uint64_t read_room(const struct engine *engine, const struct part *part, uint64_t room)
{
	return room;
}

static void settle(struct engine *engine, struct part *part)
{
	struct release_context context = { .engine = engine, .part = part };

	offset_tracker_release(part->tracker, INT64_MAX, engine_release_slot, &context);
	if (offset_tracker_end(part->tracker) > part->committed)
		commit_policy_settled(&engine->commit_policy, 0, engine->now_us);
}

static void name_lost(struct engine *engine, struct part *part, const struct offset_slot *slot,
    const struct error *err)
{
	engine->counters.lost_records += slot->records;
	engine->host_ops->lost(engine->host, part->number, slot->first, slot->next, err);
}

static void lose(struct engine *engine, struct part *part, const struct offset_slot *slot, uint64_t seq,
    const struct error *err)
{
	name_lost(engine, part, slot, err);
	offset_tracker_settle(part->tracker, seq);
	part->dirty = true;
}

static void on_failed(struct engine *engine, struct part *part, uint64_t seq, enum report_outcome outcome,
    const struct error *err)
{
	lose(engine, part, offset_tracker_slot(part->tracker, seq), seq, err);
	if (outcome == REPORT_STOP)
		engine_fail(engine, err);
	else
		engine_recover(engine, outcome == REPORT_RETRY);
}

static void on_late_failed(struct engine *engine, struct part *part, const struct offset_slot *slot,
    const struct error *err)
{
	name_lost(engine, part, slot, err);
}

static void on_refused(struct engine *engine, struct part *part, const struct offset_slot *slot, uint64_t seq,
    const struct error *err)
{
	lose(engine, part, slot, seq, err);
}

static void stop_reading(struct engine *engine, struct part *part)
{
	int64_t promised = part->commit_sent > part->committed ? part->commit_sent : part->committed;

	/* What is committed, or may be, must still be sent; the rest is read again by whoever comes next. */
	part->settled_records -= engine_drop_tail(engine, part, promised);
}

static void on_submitted(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
}

static int64_t commit_offset(const struct part *part)
{
	return offset_tracker_end(part->tracker);
}

static bool is_settled(const struct engine *engine, const struct part *part)
{
	return commit_offset(part) <= part->committed && offset_tracker_unsettled(part->tracker) == 0;
}

static void on_sink_ready(struct engine *engine)
{
	/* Nothing is sent twice: only what was never submitted waits. */
}

static void on_epoch_end(struct engine *engine, struct part *part)
{
	struct error err;
	uint64_t seq;
	struct offset_slot *slot;

	error_set(&err, -ECANCELED, REMEDY_SKIP,
	    "the partition was given up after the offset had been committed and before the record was produced");
	engine_drop_tail(engine, part, part->committed);
	while ((slot = offset_tracker_next_waiting(part->tracker, &seq)) != NULL)
		lose(engine, part, slot, seq, &err);
}

static void on_committed(struct engine *engine, struct part *part)
{
	if (part_is_stopping(engine, part))
		stop_reading(engine, part);
	FAULT_POINT("after-commit-before-produce");
	engine_pump(engine, part);
}

const struct strategy strategy_at_most_once = {
	.may_submit = may_submit,
	.on_chunk = on_chunk,
	.read_room = read_room,
	.settle = settle,
	.on_failed = on_failed,
	.on_late_failed = on_late_failed,
	.on_refused = on_refused,
	.stop_reading = stop_reading,
	.on_submitted = on_submitted,
	.tick = engine_commit_when_due,
	.deadline_us = engine_commit_deadline_us,
	.is_settled = is_settled,
	.on_sink_ready = on_sink_ready,
	.on_epoch_end = on_epoch_end,
	.commit_offset = commit_offset,
	.on_committed = on_committed,
};
