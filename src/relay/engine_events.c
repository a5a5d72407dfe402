/* What source and sink tell the engine; see core/flow.h. */
#include "relay/engine_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/fault_point.h"

/* ---- events of the source ---- */

void engine_on_assigned(struct engine *engine, uint32_t number, uint64_t epoch, int64_t position)
{
	struct part *part = engine_part_at(engine, number);

	if (!part) {
		struct error err;

		error_set(&err, -E2BIG, REMEDY_PERSON,
		    "more than %" PRIu32 " partitions in one pipeline; split its topics over several pipelines",
		    PARTS_MAX);
		engine_fail(engine, &err);
		return;
	}
	engine->drained = false;
	if (part->state == PART_BLOCKED && !part->blocked_by_source && position > part->blocked_at) {
		/* A gap was crossed, and the record that waits for a person lies before it: it still does. */
		part->epoch = epoch;
		return;
	}
	if (part->state == PART_READING && position >= offset_tracker_end(part->tracker)) {
		/* Reading goes on further ahead (a gap was crossed on purpose). What is in flight still holds the
		 * mark, so the ring stays: a new one would let a commit pass unsettled records. And the position is
		 * committed once the mark has reached it. */
		part->epoch = epoch;
		offset_tracker_position(part->tracker, position);
		part->dirty = true;
		return;
	}
	/* Where the group stands is known now. */
	if (part->maybe_committed > position)
		part->maybe_committed = position;
	engine_unblock_on_assigned(engine, part, position);
	engine_end_epoch(engine, part);
	engine_clear_blocked(part);
	engine_begin_epoch(part, epoch, position);
	engine->counters.assigned_partitions++;
	if (engine->draining)
		engine->strategy->stop_reading(engine, part);
}

void engine_on_assignment_complete(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].state == PART_UNASSIGNED)
			engine->parts[i].repeats_until = 0;
}

void engine_on_chunk(struct engine *engine, const struct chunk *chunk)
{
	struct part *part = engine_known_part(engine, chunk->part);
	struct offset_slot *slot = NULL;

	/* Dropped or not: it was read. */
	rate_limit_take(&engine->rate, chunk->records, chunk->payload_bytes);
	if (part && part->state == PART_READING && part->epoch == chunk->epoch && !engine->draining)
		slot = offset_tracker_append(part->tracker, chunk->first, chunk->next);
	if (!slot) {
		engine->counters.dropped_records += chunk->records;
		engine->source_ops->release_chunk(engine->source, chunk->payload);
		return;
	}
	slot->payload = chunk->payload;
	slot->records = chunk->records;
	slot->bytes = chunk->bytes;
	slot->payload_bytes = chunk->payload_bytes;
	slot->leader_epoch = chunk->leader_epoch;
	slot->age_ms = chunk->age_ms;
	slot->fetched_us = engine->now_us;
	part->appended_records += chunk->records;
	part->held_records += chunk->records;
	part->held_bytes += chunk->bytes;
	engine->held_records += chunk->records;
	engine->held_bytes += chunk->bytes;
	engine->counters.consumed_records += chunk->records;
	engine->counters.consumed_bytes += chunk->payload_bytes;
	engine->strategy->on_chunk(engine, part, slot);
	if (part->order)
		engine_unblock_on_slot(engine, part, slot);
	FAULT_POINT("after-fetch");
	if (!engine->sink_full)
		engine_pump(engine, part);
}

void engine_on_position(struct engine *engine, uint32_t number, uint64_t epoch, int64_t next)
{
	struct part *part = engine_known_part(engine, number);

	if (!part || !part->tracker || part->epoch != epoch || part->state != PART_READING)
		return;
	offset_tracker_position(part->tracker, next);
	part->dirty = true;
}

void engine_on_revoke_begin(struct engine *engine, uint32_t number)
{
	struct part *part = engine_known_part(engine, number);

	engine->counters.revoked_partitions++;
	if (!part || part->state == PART_UNASSIGNED) {
		engine->source_ops->release_partition(engine->source, number);
		return;
	}
	engine_unblock_drop(engine, part, UNBLOCK_GIVEN_UP);
	part->state = PART_REVOKING;
	part->revoke_deadline_us = clock_after_us(engine->now_us, engine->config.revoke_timeout_us);
	engine->strategy->stop_reading(engine, part);
	FAULT_POINT("after-revoke-begin");
}

void engine_on_lost(struct engine *engine, uint32_t number)
{
	struct part *part = engine_known_part(engine, number);

	engine->counters.lost_partitions++;
	if (!part || part->state == PART_UNASSIGNED)
		return;
	engine_unblock_drop(engine, part, UNBLOCK_GIVEN_UP);
	part->state = PART_UNASSIGNED;
	engine_clear_blocked(part);
	if (part->submitted_end > part->repeats_until)
		part->repeats_until = part->submitted_end;
	engine_end_epoch(engine, part);
	/* Its records must not be written behind those of the new owner. */
	if (part->ended)
		engine_give_up_flight(engine);
}

void engine_on_source_blocked(struct engine *engine, uint32_t number, int64_t offset, const struct error *err)
{
	struct part *part = engine_part_at(engine, number);

	if (!part)
		return;
	if (part->state == PART_UNASSIGNED) {
		/* It never began to read: an epoch without records, so that a revoke finds it. */
		engine_begin_epoch(part, 0, offset);
		engine->drained = false;
	}
	engine_block(engine, part, offset, err);
	part->blocked_by_source = true;
}

void engine_on_source_failed(struct engine *engine, const struct error *err)
{
	engine_fail_source(engine, err);
}

/* ---- events of the sink ---- */

/* What was wrong with a slot: kept while parts of it are still on their way, given back with the last one. */
static const struct error *worst_error(struct engine *engine, struct offset_slot *slot,
    enum report_outcome *outcome, const struct error *err)
{
	if (err && *outcome >= slot->outcome) {
		slot->outcome = (uint8_t)*outcome;
		engine->part_error = *err;
	}
	*outcome = slot->outcome;
	return &engine->part_error;
}

static void end_flight(struct engine *engine, const struct offset_slot *slot)
{
	engine->in_flight--;
	engine->in_flight_bytes -= slot->bytes;
}

static void add_latencies(struct engine *engine, const struct offset_slot *slot)
{
	int64_t latency_us = engine->now_us - slot->fetched_us;

	histogram_add(&engine->latencies.report, latency_us);
	if (slot->age_ms != AGE_UNKNOWN)
		histogram_add(&engine->latencies.end_to_end, slot->age_ms * USEC_PER_MSEC + latency_us);
}

/* A report for an epoch that has ended: frees its slot, moves nothing. */
static void late_report(struct engine *engine, struct part *part, uint64_t seq, uint32_t records,
    enum report_outcome outcome, const struct error *err)
{
	for (struct ended_epoch **link = &part->ended; *link; link = &(*link)->next) {
		struct ended_epoch *ended = *link;
		struct offset_slot *slot = offset_tracker_slot(ended->tracker, seq);

		if (!slot || !offset_tracker_report(ended->tracker, seq, records, outcome == REPORT_ACKED))
			continue;
		engine->counters.late_reports++;
		err = worst_error(engine, slot, &outcome, err);
		if (slot->state == SLOT_IN_FLIGHT)
			return;
		end_flight(engine, slot);
		if (slot->state == SLOT_WAITING)
			engine->strategy->on_late_failed(engine, part, slot, err);
		if (offset_tracker_in_flight(ended->tracker) == 0) {
			*link = ended->next;
			engine_release_all(engine, part, ended->tracker);
			offset_tracker_free(ended->tracker);
			free(ended);
		}
		return;
	}
}

void engine_on_report(struct engine *engine, uint64_t handle, uint32_t records, enum report_outcome outcome,
    bool possibly_written, const struct error *err)
{
	struct part *part = engine_known_part(engine, (uint32_t)(handle >> HANDLE_SEQ_BITS));
	uint64_t seq = handle & HANDLE_SEQ_MASK;
	bool ok = outcome == REPORT_ACKED;
	struct offset_slot *slot;

	if (!part)
		return;
	engine->sink_full = false;
	if (!ok)
		engine->counters.failed_reports++;
	slot = part->tracker ? offset_tracker_slot(part->tracker, seq) : NULL;
	if (!slot || !offset_tracker_report(part->tracker, seq, records, ok)) {
		late_report(engine, part, seq, records, outcome, err);
		return;
	}
	if (slot->state == SLOT_SETTLED) {
		end_flight(engine, slot);
		part->dirty = true;
		if (!slot->fault) {
			engine->counters.acked_records += slot->records;
			engine->counters.acked_bytes += slot->payload_bytes;
			part->is_acknowledged = true;
		}
		add_latencies(engine, slot);
		/* What is acknowledged in a transaction that never commits is no success. */
		if (engine->config.delivery != DELIVERY_EXACTLY_ONCE)
			backoff_reset(&engine->sink_backoff);
		if (engine->alone == handle)
			engine->alone = 0;
		if (engine->doubted == handle)
			engine->doubted = 0;
		FAULT_POINT(slot->fault ? "after-dead-letter-report" : "after-report");
		return;
	}
	/* A chunk that failed in part is sent again whole, with the part that was acknowledged. */
	if (possibly_written || ok)
		slot->maybe_written = true;
	err = worst_error(engine, slot, &outcome, err);
	if (slot->state == SLOT_IN_FLIGHT)
		return;
	end_flight(engine, slot);
	part->dirty = true;
	engine->strategy->on_failed(engine, part, seq, outcome, err);
}

void engine_on_sink_fatal(struct engine *engine, const struct error *err)
{
	if (err->remedy == REMEDY_PERSON) {
		engine_fail(engine, err);
		return;
	}
	/* Of a producer that is given up already nothing is of interest any more; of the next one, why it is none. */
	if (engine->sink_state == SINK_OPEN || engine->sink_state == SINK_RECREATING)
		engine->host_ops->trouble(engine->host, UINT32_MAX, -1, err);
	engine->txn_rewind = engine->config.delivery == DELIVERY_EXACTLY_ONCE;
	engine_recover(engine, true);
}

static void source_assigned(void *owner, uint32_t part, uint64_t epoch, int64_t position)
{
	engine_on_assigned(owner, part, epoch, position);
}

static void source_chunk(void *owner, const struct chunk *chunk)
{
	engine_on_chunk(owner, chunk);
}

static void source_position(void *owner, uint32_t part, uint64_t epoch, int64_t next)
{
	engine_on_position(owner, part, epoch, next);
}

static void source_revoke_begin(void *owner, uint32_t part)
{
	engine_on_revoke_begin(owner, part);
}

static void source_lost(void *owner, uint32_t part)
{
	engine_on_lost(owner, part);
}

static void source_blocked(void *owner, uint32_t part, int64_t offset, const struct error *err)
{
	engine_on_source_blocked(owner, part, offset, err);
}

static void source_commit_done(void *owner, const struct mark *marks, size_t count, const struct error *err)
{
	engine_on_commit_done(owner, marks, count, err);
}

static void source_failed(void *owner, const struct error *err)
{
	engine_on_source_failed(owner, err);
}

const struct source_events engine_source_events = {
	.assigned = source_assigned,
	.chunk = source_chunk,
	.position = source_position,
	.revoke_begin = source_revoke_begin,
	.lost = source_lost,
	.blocked = source_blocked,
	.commit_done = source_commit_done,
	.failed = source_failed,
};

static void sink_report(void *owner, uint64_t handle, uint32_t records, enum report_outcome outcome,
    bool possibly_written, const struct error *err)
{
	engine_on_report(owner, handle, records, outcome, possibly_written, err);
}

static void sink_ready(void *owner)
{
	engine_on_sink_ready(owner);
}

static void sink_fatal(void *owner, const struct error *err)
{
	engine_on_sink_fatal(owner, err);
}

static void sink_txn_done(void *owner, enum txn_outcome outcome, const struct error *err)
{
	engine_on_txn_done(owner, outcome, err);
}

const struct sink_events engine_sink_events = {
	.report = sink_report,
	.ready = sink_ready,
	.fatal = sink_fatal,
	.txn_done = sink_txn_done,
};
