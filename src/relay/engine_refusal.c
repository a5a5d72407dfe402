/* A record that the target refuses for ever: which one it is, and what becomes of it.
 *
 * A target refuses whole batches, and which record of one is at fault it does not always say. So the partition's
 * suspects, from the mark to the last one refused, are sent again in groups, and nothing else is, until one that was
 * alone is refused. A group that is written doubles the next one; one that is refused holds the record at fault, and
 * is halved. Among n good records that costs about 2 log2(n) groups, of which each refused one costs the producer, and
 * so a record that goes before the next one; where every other record is at fault they are soon sent singly. */
#include "relay/engine_internal.h"
#include <stdlib.h>
#include "base/memory.h"

/* ---- the search ---- */

void engine_isolation_choose(struct engine *engine)
{
	struct part *part = engine->isolating;

	/* A search that has begun goes on, with what it knows. */
	if (part && part->suspect_until > 0 && part->tracker)
		return;
	engine->isolating = NULL;
	engine->alone = 0; /* others may join what is in flight */
	engine->group_size = 0;
	engine->refused_until = 0;
	for (uint32_t i = 0; i < engine->part_count && !engine->isolating; i++)
		if (engine->parts[i].suspect_until > 0 && engine->parts[i].tracker)
			engine->isolating = &engine->parts[i];
}

static bool has_suspects(const struct part *part)
{
	return part->tracker && part->state != PART_UNASSIGNED &&
	       offset_tracker_mark(part->tracker) < part->suspect_until;
}

void engine_isolation_step(struct engine *engine)
{
	while (engine->isolating && !has_suspects(engine->isolating)) {
		engine->isolating->suspect_until = 0;
		engine_isolation_choose(engine);
	}
}

bool engine_isolation_allows(const struct engine *engine, const struct part *part)
{
	/* One group at a time, and nothing else: whatever is refused then is in the group, and the producer that dies
	 * of it takes no other record along. */
	return !engine->isolating ||
	       (engine->isolating == part && (engine->in_flight == 0 || engine->group_room > 0));
}

void engine_isolation_submitted(struct engine *engine, const struct offset_slot *slot, uint64_t handle)
{
	if (engine->in_flight > 1) {
		engine->group_room--;
		engine->alone = 0;
		return;
	}
	engine->alone = handle;
	engine->group_room = 0;
	/* What a new producer begins with is no group. */
	if (part_goes_singly(engine, engine->isolating))
		return;
	/* The first of a group. */
	if (slot->first < engine->refused_until)
		engine->group_size /= 2;
	else
		engine->group_size *= 2;
	if (engine->group_size == 0)
		engine->group_size = 1;
	engine->group_room = engine->group_size - 1;
}

/* A group of more than one. */
static void suspect_all_up_to(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	if (slot->next > part->suspect_until)
		part->suspect_until = slot->next;
	if (engine->isolating == part && slot->next > engine->refused_until)
		engine->refused_until = slot->next;
}

/* The one that was alone. What may only have come to harm on its way is sent once more, alone again. */
static void judge(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	uint64_t handle = handle_make(part->number, seq);
	struct error verdict = *err;

	engine->group_size = 0;
	engine->refused_until = 0;
	if (err->remedy == REMEDY_RETRY && engine->doubted != handle) {
		engine->doubted = handle;
		return;
	}
	engine->doubted = 0;
	verdict.remedy = REMEDY_SKIP;
	engine_refused(engine, part, seq, &verdict);
	engine_isolation_choose(engine);
}

void engine_suspect(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	if (engine->alone == handle_make(part->number, seq))
		judge(engine, part, seq, err);
	else
		suspect_all_up_to(engine, part, offset_tracker_slot(part->tracker, seq));
	engine_recover(engine, false);
}

/* ---- the verdict ---- */

void engine_set_fault(struct engine *engine, struct part *part, struct offset_slot *slot, enum error_policy policy,
    const struct error *reason)
{
	struct fault *fault = xcalloc(1, sizeof *fault);

	fault->policy = policy;
	fault->reason = *reason;
	slot->fault = fault;
	/* Many of them must not grow past the window. */
	slot->bytes += (uint32_t)sizeof *fault;
	part->held_bytes += sizeof *fault;
	engine->held_bytes += sizeof *fault;
	engine->host_ops->refused(engine->host, part->number, slot->first, policy, reason);
}

void engine_release_fault(struct engine *engine, struct offset_slot *slot, bool for_good)
{
	for_good &= !slot->fault->lost;
	if (for_good && slot->fault->policy == ON_ERROR_SKIP)
		engine->counters.skipped_records += slot->records;
	else if (for_good)
		engine->counters.dead_lettered_records += slot->records;
	free(slot->fault);
	slot->fault = NULL;
}

void engine_refused(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	struct offset_slot *slot = offset_tracker_slot(part->tracker, seq);
	struct error both;

	if (slot->fault) {
		both = *err;
		error_prefix(&both, "the topic for dead letters refuses it too");
		engine->strategy->on_refused(engine, part, seq, &both);
	} else if (engine->config.on_error == ON_ERROR_BLOCK || slot->records > 1) {
		/* A batch that passes whole: skipping it would turn its good records into poison. */
		engine->strategy->on_refused(engine, part, seq, err);
	} else {
		engine_set_fault(engine, part, slot, engine->config.on_error, err);
	}
}

void engine_stopped(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	const struct offset_slot *slot = offset_tracker_slot(part->tracker, seq);

	/* Not allowed to write dead letters: what needs none goes on. */
	if (slot->fault && err->remedy == REMEDY_PERSON) {
		engine_refused(engine, part, seq, err);
		engine_recover(engine, false);
	} else {
		engine_fail(engine, err);
	}
}

void engine_block_refused(struct engine *engine, struct part *part, uint64_t seq, const struct error *err)
{
	const struct offset_slot *slot = offset_tracker_slot(part->tracker, seq);
	bool batch = slot->records > 1;
	uint64_t fingerprint = engine->source_ops->fingerprint(engine->source, slot->payload);

	engine_block(engine, part, slot->first, err); /* drops the slot */
	part->blocked_batch = batch;
	part->blocked_fingerprint = fingerprint;
}
