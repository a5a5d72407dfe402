/* The partitions: their numbers, their epochs, and what they hold. */
#include "relay/engine_internal.h"
#include <stdlib.h>
#include "base/memory.h"

void engine_release_slot(void *context, struct offset_slot *slot)
{
	struct release_context *release = context;
	struct engine *engine = release->engine;

	if (slot->fault)
		engine_release_fault(engine, slot, release->for_good);
	release->records += slot->records;
	release->part->held_records -= slot->records;
	release->part->held_bytes -= slot->bytes;
	engine->held_records -= slot->records;
	engine->held_bytes -= slot->bytes;
	engine->source_ops->release_chunk(engine->source, slot->payload);
}

void engine_release_all(struct engine *engine, struct part *part, struct offset_tracker *tracker)
{
	struct release_context context = { .engine = engine, .part = part };
	uint64_t seq;

	/* What waits belongs to an ended epoch: nobody will commit the mark that moves here. */
	offset_tracker_rewind(tracker, false);
	while (offset_tracker_next_waiting(tracker, &seq))
		offset_tracker_settle(tracker, seq);
	offset_tracker_release(tracker, INT64_MAX, engine_release_slot, &context);
}

uint64_t engine_drop_tail(struct engine *engine, struct part *part, int64_t from)
{
	struct release_context context = { .engine = engine, .part = part };

	if (part->tracker)
		offset_tracker_truncate(part->tracker, from, engine_release_slot, &context);
	return context.records;
}

void engine_end_epoch(struct engine *engine, struct part *part)
{
	struct offset_tracker *tracker = part->tracker;

	if (!tracker)
		return;
	engine->strategy->on_epoch_end(engine, part);
	part->tracker = NULL;
	if (part->submitted_end > part->sent_before)
		part->sent_before = part->submitted_end;
	part->next_seq = offset_tracker_tail_seq(tracker);
	part->suspect_until = 0;
	part->commit_sent = -1;
	part->dirty = false;
	if (engine->isolating == part)
		engine->isolating = NULL;
	if (offset_tracker_in_flight(tracker) == 0) {
		engine_release_all(engine, part, tracker);
		offset_tracker_free(tracker);
	} else {
		struct ended_epoch *ended = xcalloc(1, sizeof *ended);

		ended->tracker = tracker;
		ended->next = part->ended;
		part->ended = ended;
	}
}

void engine_begin_epoch(struct part *part, uint64_t epoch, int64_t position)
{
	part->state = PART_READING;
	part->epoch = epoch;
	part->tracker = offset_tracker_new(position, part->next_seq);
	part->committed = position;
	part->submitted_end = part->commit_sent = part->maybe_committed = part->given_back_until = -1;
	part->is_undecided = part->gone = false;
	part->appended_records = part->settled_records = part->sent_records = part->committed_records = 0;
	part->purged = false;
}

void engine_clear_blocked(struct part *part)
{
	free(part->blocked);
	part->blocked = NULL;
}

struct part *engine_part_at(struct engine *engine, uint32_t number)
{
	if (number >= PARTS_MAX)
		return NULL;
	if (number >= engine->part_capacity) {
		ptrdiff_t isolating = engine->isolating ? engine->isolating - engine->parts : -1;
		uint32_t capacity = engine->part_capacity ? engine->part_capacity : 16;

		while (capacity <= number)
			capacity *= 2;
		engine->parts = xreallocarray(engine->parts, capacity, sizeof *engine->parts);
		engine->part_capacity = capacity;
		engine->isolating = isolating >= 0 ? &engine->parts[isolating] : NULL;
	}
	while (engine->part_count <= number) {
		struct part *part = &engine->parts[engine->part_count];

		/* Sequence numbers begin at 1, so that no handle is 0. */
		*part = (struct part){ .number = engine->part_count, .state = PART_UNASSIGNED, .next_seq = 1,
			.committed = -1, .submitted_end = -1, .commit_sent = -1, .maybe_committed = -1,
			.given_back_until = -1 };
		if (engine->host_ops->sent_before)
			part->sent_before = engine->host_ops->sent_before(engine->host, part->number);
		engine->part_count++;
	}
	return &engine->parts[number];
}

struct part *engine_known_part(struct engine *engine, uint32_t number)
{
	return number < engine->part_count ? &engine->parts[number] : NULL;
}

/* ---- faults that the owner must hear of ---- */

void engine_fail_source(struct engine *engine, const struct error *err)
{
	if (engine->failed)
		return;
	engine->failed = true;
	engine->host_ops->failed(engine->host, err);
}

void engine_fail(struct engine *engine, const struct error *err)
{
	/* Also where the source had failed before: it is this that ends the sink. */
	engine->sink_failed = true;
	engine_fail_source(engine, err);
	engine_give_up_flight(engine);
}

/* Behind the last record from offset on that the target may hold: what is dropped and sent again later is a repeat up to
 * there. Idempotent, nothing is written behind a refused record, but in other partitions of the target. */
static int64_t maybe_written_end(const struct engine *engine, const struct part *part, int64_t offset)
{
	const struct offset_slot *slot;
	int64_t end = offset;

	if (!engine->config.idempotent)
		return part->submitted_end;
	for (uint64_t seq = offset_tracker_mark_seq(part->tracker);
	     (slot = offset_tracker_slot(part->tracker, seq)) != NULL; seq++)
		if (slot->next > end && (slot->state != SLOT_WAITING || slot->maybe_written))
			end = slot->next;
	return end < part->submitted_end ? end : part->submitted_end;
}

void engine_block(struct engine *engine, struct part *part, int64_t offset, const struct error *err)
{
	if (part->state == PART_UNASSIGNED)
		return;
	if (!part->blocked)
		part->blocked = xcalloc(1, sizeof *part->blocked);
	*part->blocked = *err;
	part->blocked_at = offset;
	part->blocked_by_source = part->blocked_batch = false;
	part->suspect_until = 0;
	engine_unblock_on_block(engine, part);
	if (part->state == PART_READING)
		part->state = PART_BLOCKED;
	/* Without idempotence later records may have been written although this one was refused. */
	if (!engine->config.idempotent && part->submitted_end > offset && part->submitted_end > part->repeats_until)
		part->repeats_until = part->submitted_end;
	if (part->submitted_end > offset)
		part->submitted_end = maybe_written_end(engine, part, offset);
	/* What lies before it is still relayed. */
	engine_drop_tail(engine, part, offset);
	engine->host_ops->partition_blocked(engine->host, part->number, offset, err);
}
