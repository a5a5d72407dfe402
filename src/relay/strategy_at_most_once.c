/* at_most_once: commit what has been read, and produce it only when that is known to have succeeded. What
 * cannot be produced then is lost, counted and named; nothing is ever sent twice. */
#include "relay/engine_internal.h"
#include <errno.h>
#include "base/fault_point.h"

static bool could_submit(const struct engine *engine, const struct part *part, const struct offset_slot *slot)
{
	return slot->next <= part->committed;
}

static bool may_submit(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	return could_submit(engine, part, slot);
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

static void name_lost(struct engine *engine, struct part *part, const struct offset_slot *slot,
    const struct error *err)
{
	engine->counters.lost_records += slot->records;
	engine->host_ops->lost(engine->host, part->number, slot->first, slot->next, slot->records, err);
}

static void lose(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	struct offset_slot *slot = offset_tracker_slot(part->tracker, seq);

	name_lost(engine, part, slot, err);
	if (slot->fault)
		slot->fault->lost = true;
	offset_tracker_settle(part->tracker, seq);
	part->dirty = true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Below it all is committed, or may be, or is not there any more to be read again. */
static int64_t promised_until(const struct part *part)
{
	if (part->committed < 0 || part->gone) /* given back: what is left was committed */
		return offset_tracker_end(part->tracker);
	return later(later(part->commit_sent, part->maybe_committed), part->committed);
}

/* What may have been written is not sent again. What was certainly not, is, where its order allows. */
static void on_failed(struct engine *engine, struct part *part, uint64_t seq, enum report_outcome outcome,
    const struct error *err)
{
	if (!offset_tracker_slot(part->tracker, seq)->maybe_written) {
		engine_send_again(engine, part, seq, outcome, err);
		return;
	}
	lose(engine, part, seq, err);
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

/* ---- a partition that stops at a record ----
 *
 * What was committed, and never written, is given back: by a commit of where it stopped, so that whoever reads it next
 * begins there. Later ones wait, but where a dead letter went ahead of them they may be on their way, or written. Then
 * nothing can be given back, as those would be read again: all that was committed with them is lost. So it is decided
 * once nothing is on its way. */

static void give_back(struct part *part)
{
	part->committed = -1;
	part->committed_records = part->settled_records;
	part->dirty = true;
}

static bool may_be_in_target(const struct offset_slot *slot)
{
	return slot->state == SLOT_SETTLED && !(slot->fault && slot->fault->policy == ON_ERROR_SKIP);
}

/* Names what has been dropped as lost: it had been committed. */
static void lose_dropped(struct engine *engine, struct part *part, const struct error *err)
{
	engine->counters.lost_records += part->given_back_records;
	engine->host_ops->lost(engine->host, part->number, offset_tracker_end(part->tracker), part->given_back_until,
	    part->given_back_records, err);
	part->given_back_until = -1;
}

static bool any_in_target(const struct part *part, uint64_t seq)
{
	const struct offset_slot *slot;

	for (; (slot = offset_tracker_slot(part->tracker, seq)) != NULL; seq++)
		if (may_be_in_target(slot))
			return true;
	return false;
}

/* From seq on, as far as it was committed. What is on its way tells itself what becomes of it. */
static void lose_waiting(struct engine *engine, struct part *part, uint64_t seq, int64_t promised,
    const struct error *err)
{
	const struct offset_slot *slot;

	for (; (slot = offset_tracker_slot(part->tracker, seq)) && slot->next <= promised; seq++)
		if (slot->state == SLOT_WAITING)
			lose(engine, part, seq, err);
}

static uint64_t records_from(const struct part *part, uint64_t seq, int64_t promised)
{
	const struct offset_slot *slot;
	uint64_t records = 0;

	for (; (slot = offset_tracker_slot(part->tracker, seq)) && slot->next <= promised; seq++)
		records += slot->records;
	return records;
}

static uint64_t seq_of_block(const struct part *part)
{
	const struct offset_slot *slot;
	uint64_t seq = offset_tracker_mark_seq(part->tracker);

	while ((slot = offset_tracker_slot(part->tracker, seq)) && !part_is_blocked_at(part, slot))
		seq++;
	return seq;
}

static void decide_what_to_give_back(struct engine *engine, struct part *part)
{
	uint64_t seq = seq_of_block(part);

	part->is_undecided = false;
	if (part->is_overtaken || any_in_target(part, seq)) {
		lose_waiting(engine, part, seq, INT64_MAX, part->blocked);
		if (part->given_back_until > offset_tracker_end(part->tracker))
			lose_dropped(engine, part, part->blocked);
		part->given_back_until = -1;
	} else {
		FAULT_POINT("before-give-back");
		part->given_back_records += engine_drop_tail(engine, part, part->blocked_at);
		give_back(part);
	}
}

static void on_refused(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	int64_t promised = promised_until(part);

	part->is_undecided = true;
	part->is_overtaken = any_in_target(part, seq);
	if (part->is_overtaken)
		lose_waiting(engine, part, seq, promised, err);
	part->given_back_until = part->is_overtaken ? -1 : promised;
	part->given_back_records = records_from(part, seq, promised);
	engine_block_refused(engine, part, seq, err);
	part->given_back_records -= records_from(part, seq, promised);
	part->dirty = true;
}

static void settle(struct engine *engine, struct part *part)
{
	struct release_context context = { .engine = engine, .part = part, .for_good = true };

	if (part->is_undecided && offset_tracker_in_flight(part->tracker) == 0)
		decide_what_to_give_back(engine, part);
	offset_tracker_release(part->tracker, INT64_MAX, engine_release_slot, &context);
	if (offset_tracker_end(part->tracker) > part->committed)
		commit_policy_settled(&engine->commit_policy, 0, engine->now_us);
}

static void stop_reading(struct engine *engine, struct part *part)
{
	/* What is committed, or may be, must still be sent; the rest is read again by whoever comes next. */
	part->settled_records -= engine_drop_tail(engine, part, promised_until(part));
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
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(part->tracker);

	if (part->gone)
		return !oldest || !could_submit(engine, part, oldest);
	return commit_offset(part) <= part->committed && !oldest;
}

/* Loses what waits before a record that has been written, or maybe: sent now, it would come out of order. But for what
 * is known to be refused: it goes elsewhere, or nowhere. */
static void lose_overtaken(struct engine *engine, struct part *part)
{
	const struct offset_slot *slot;
	uint64_t first_seq = offset_tracker_mark_seq(part->tracker);
	uint64_t written_seq = 0;
	struct error err;

	for (uint64_t seq = first_seq; (slot = offset_tracker_slot(part->tracker, seq)) != NULL; seq++)
		if (slot->state == SLOT_SETTLED && !slot->fault)
			written_seq = seq;
	error_set(&err, -EILSEQ, REMEDY_SKIP,
	    "the target did not take it, and has or may have a later record of its partition already");
	for (uint64_t seq = first_seq; seq < written_seq; seq++) {
		slot = offset_tracker_slot(part->tracker, seq);
		if (slot->state == SLOT_WAITING && !slot->fault)
			lose(engine, part, seq, &err);
	}
	offset_tracker_rewind(part->tracker, false);
}

static void on_sink_ready(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].tracker)
			lose_overtaken(engine, &engine->parts[i]);
}

static void on_epoch_end(struct engine *engine, struct part *part)
{
	struct error err;
	uint64_t seq;

	error_set(&err, -ECANCELED, REMEDY_SKIP,
	    part->gone ? "the partition does not exist any more: the offset could not be committed, and so it was not produced"
		       : "the partition was given up before the record was produced, and its offset had been committed, or "
			 "may have been");
	/* The commit that gives them back has not been answered. */
	if (part->given_back_until > offset_tracker_end(part->tracker))
		lose_dropped(engine, part, &err);
	part->is_undecided = false;
	engine_drop_tail(engine, part, promised_until(part));
	offset_tracker_rewind(part->tracker, false);
	while (offset_tracker_next_waiting(part->tracker, &seq))
		lose(engine, part, seq, &err);
}

static void on_committed(struct engine *engine, struct part *part)
{
	/* The answer of a commit that was on its way when the partition stopped. */
	if (part->is_undecided)
		return;
	if (part->given_back_until >= 0 && part->committed > offset_tracker_end(part->tracker)) {
		give_back(part);
		return;
	}
	if (part->given_back_until >= 0)
		FAULT_POINT("after-give-back");
	part->given_back_until = -1;
	if (part_is_stopping(engine, part))
		stop_reading(engine, part);
	FAULT_POINT("after-commit-before-produce");
	engine_pump(engine, part);
}

const struct strategy strategy_at_most_once = {
	.may_submit = may_submit,
	.could_submit = could_submit,
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
