/* What a person decides for a partition that is blocked.
 *
 * The partition has dropped what came behind the block, and reads no more. So it goes on by being read again: once all
 * before the block is settled and committed, from the committed offset, which lies right before it. A record is then
 * treated as if on_error had said what was decided; what has been decided about the next one nobody knows, and that
 * blocks again. Nor about another record that lies at its offset by then, because the log was truncated or its topic
 * created anew: that is told by its fingerprint, and relayed. A gap is the source's to cross. */
#include "relay/engine_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/fault_point.h"
#include "base/memory.h"

enum block engine_blocked_by(const struct part *part)
{
	if (!part->blocked)
		return BLOCK_NONE;
	if (!part->blocked_by_source)
		return part->blocked_batch ? BLOCK_BATCH : BLOCK_RECORD;
	return part->blocked->code == ENGINE_GAP_CODE ? BLOCK_GAP : BLOCK_SOURCE;
}

/* ---- from the decision to its end ---- */

static void end_order(struct engine *engine, struct part *part)
{
	free(part->order);
	part->order = NULL;
	engine->orders--;
}

static void finish(struct engine *engine, struct part *part)
{
	part->order_done = part->order->number;
	end_order(engine, part);
}

static int cannot(enum block block, enum unblock how, bool dead_letters, struct error *err)
{
	if (how == UNBLOCK_RETRY)
		return 0;
	if (block == BLOCK_SOURCE)
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "neither a record nor a gap blocks it, so that nothing can be skipped; mend the cause, then retry");
	if (block == BLOCK_BATCH)
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "a batch of several records blocks it, the good ones of which would be lost; mend the cause, then retry");
	if (how == UNBLOCK_DEAD_LETTER && block == BLOCK_GAP)
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "a gap blocks it: there is no record that could be a dead letter; retry, or skip what is gone");
	if (how == UNBLOCK_DEAD_LETTER && !dead_letters)
		return error_set(err, -EOPNOTSUPP, REMEDY_PERSON,
		    "the pipeline has no topic for dead letters; set dead_letter = \"TOPIC\", reload, then decide again");
	return 0;
}

static int refuse(struct part *part, uint64_t order, const struct error *err)
{
	part->order_failed = order;
	return err->code;
}

int engine_unblock(
    struct engine *engine, uint32_t number, int64_t offset, enum unblock how, uint64_t order, struct error *err)
{
	struct part *part = engine_known_part(engine, number);

	if (!part || part->state != PART_BLOCKED || part->blocked_at != offset || engine->draining) {
		error_set(err, -ESTALE, REMEDY_PERSON, "it is not blocked at offset %" PRId64 " any more", offset);
		return part ? refuse(part, order, err) : err->code;
	}
	if (part->order) {
		error_set(err, -EALREADY, REMEDY_PERSON, "what was decided before is being carried out");
		return refuse(part, order, err);
	}
	if (cannot(engine_blocked_by(part), how, engine->config.dead_letters, err) < 0)
		return refuse(part, order, err);
	part->order = xcalloc(1, sizeof *part->order);
	*part->order = (struct order){ .number = order, .how = how, .offset = offset,
		.of_source = part->blocked_by_source, .fingerprint = part->blocked_fingerprint, .reason = *part->blocked };
	engine->orders++;
	return 0;
}

/* Is all before the block settled and committed, and nothing on its way? */
static bool is_at_block(const struct engine *engine, const struct part *part)
{
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(part->tracker);

	return !part->ended && offset_tracker_in_flight(part->tracker) == 0 && part->commit_sent < 0 &&
	       (!oldest || part_is_blocked_at(part, oldest)) &&
	       engine->strategy->commit_offset(part) <= part->committed;
}

static void begin(struct engine *engine, struct part *part)
{
	part->order->reading = true;
	/* With at_most_once the offset may have been committed, and the record be lost, before the partition was blocked. */
	part->order->applied = part->committed > part->order->offset;
	engine_end_epoch(engine, part);
	engine_clear_blocked(part);
	engine_begin_epoch(part, 0, part->committed);
	engine->source_ops->rewind(
	    engine->source, part->number, part->order->of_source && part->order->how == UNBLOCK_SKIP);
	FAULT_POINT("after-unblock-begin");
}

/* Is it as was decided? Else the record was not there when it was read again. */
static bool is_carried_out(const struct order *order)
{
	return order->of_source || order->how == UNBLOCK_RETRY || order->applied;
}

static bool is_done(const struct part *part)
{
	if (part->epoch == 0)
		return false; /* the source has not answered */
	if (part->order->of_source)
		return true;
	return offset_tracker_mark(part->tracker) > part->order->offset && part->committed > part->order->offset;
}

void engine_unblock_step(struct engine *engine)
{
	if (engine->orders == 0)
		return;
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];

		if (!part->order || !part->tracker)
			continue;
		if (part->state == PART_BLOCKED && !part->order->reading && !engine->draining && is_at_block(engine, part)) {
			begin(engine, part);
		} else if (part->state != PART_READING || !part->order->reading || !is_done(part)) {
			continue;
		} else if (!is_carried_out(part->order)) {
			engine_unblock_drop(engine, part, UNBLOCK_REPLACED);
		} else {
			engine->host_ops->unblocked(
			    engine->host, part->number, part->order->offset, part->order->how, UNBLOCK_CARRIED_OUT);
			finish(engine, part);
		}
	}
}

/* ---- what happens to the partition meanwhile ---- */

void engine_unblock_on_slot(struct engine *engine, struct part *part, struct offset_slot *slot)
{
	const struct order *order = part->order;

	/* A batch may hold more than what was decided about: it blocks again, and that is told. */
	if (!order->reading || order->of_source || order->how == UNBLOCK_RETRY || slot->first != order->offset ||
	    slot->records != 1)
		return;
	if (engine->source_ops->fingerprint(engine->source, slot->payload) != order->fingerprint) {
		engine_unblock_drop(engine, part, UNBLOCK_REPLACED);
		return;
	}
	part->order->applied = true;
	engine_set_fault(engine, part, slot, order->how == UNBLOCK_SKIP ? ON_ERROR_SKIP : ON_ERROR_DEAD_LETTER,
	    &order->reason);
}

void engine_unblock_on_block(struct engine *engine, struct part *part)
{
	if (part->order)
		finish(engine, part);
}

void engine_unblock_on_assigned(struct engine *engine, struct part *part, int64_t position)
{
	if (!part->order)
		return;
	part->order->reading = true;
	/* The log has ended before what is committed: it may never get to the offset again. */
	if (!part->order->of_source && position < part->committed)
		engine_unblock_drop(engine, part, UNBLOCK_REPLACED);
}

void engine_unblock_drop(struct engine *engine, struct part *part, enum unblock_end end)
{
	if (!part->order)
		return;
	engine->host_ops->unblocked(engine->host, part->number, part->order->offset, part->order->how, end);
	/* A later one may have been refused meanwhile. */
	if (part->order->number > part->order_failed)
		part->order_failed = part->order->number;
	end_order(engine, part);
}
