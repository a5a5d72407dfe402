#include "source.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "shim.h"
#include "world.h"

int64_t source_after(struct source *source, int64_t max_us)
{
	return source->world->now_us + random_between(&source->world->random, 0, max_us);
}

static void push(struct source *source, enum source_event_kind kind, uint32_t argument, uint32_t claim)
{
	struct source_event event = { .kind = kind, .argument = argument, .claim = claim };

	event.due_us = source_after(source, source->world->plan.net_max_us);
	/* One connection: in order. */
	if (source->event_count > 0 && event.due_us < source->events[source->event_count - 1].due_us)
		event.due_us = source->events[source->event_count - 1].due_us;
	source->events = xreallocarray(source->events, source->event_count + 1, sizeof event);
	source->events[source->event_count++] = event;
}

void source_open(struct source *source, struct world *world, struct instance *instance)
{
	uint64_t last_epoch = source->last_epoch;

	*source = (struct source){ .world = world, .instance = instance, .wake_us = CLOCK_NEVER,
		.generation = -1, .last_epoch = last_epoch };
	push(source, SOURCE_JOIN, 0, 0);
}

void source_close(struct source *source, bool killed)
{
	struct world *world = source->world;

	/* A commit on its way arrives, or not. */
	if (source->commit.pending && !source->commit.applied && random_chance(&world->random, 500)) {
		source->commit.apply_us = world->now_us;
		source_run(source);
	}
	source->commit.pending = false;
	checker_source_closed(world, source, killed);
	while (source->payloads) {
		struct payload *payload = source->payloads;

		source->payloads = payload->next;
		payload->next = world->old_payloads;
		world->old_payloads = payload;
	}
	free(source->events);
	source->events = NULL;
	source->event_count = 0;
}

/* ---- control events ---- */

void source_asked_to_revoke(struct source *source, uint32_t parts)
{
	push(source, SOURCE_REVOKE, parts, 0);
}

void source_assigned(struct source *source, uint32_t part, uint32_t claim)
{
	push(source, SOURCE_ASSIGN, part, claim);
}

void source_new_generation(struct source *source, int generation)
{
	push(source, SOURCE_GENERATION, (uint32_t)generation, 0);
}

void source_expelled(struct source *source)
{
	source->event_count = 0;
	push(source, SOURCE_LOST, 0, 0);
	if (random_chance(&source->world->random, 500))
		source->events[0].due_us += random_between(&source->world->random, 0, 3 * USEC_PER_SEC);
}

static void rejoin_if_done(struct source *source)
{
	if (!source->revoking || source->to_revoke)
		return;
	source->revoking = false;
	group_rejoin(source->world, source->instance->member);
}

static void on_revoke(struct source *source, uint32_t parts)
{
	source->revoking = true;
	source->to_revoke = parts;
	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		struct source_part *read = &source->parts[part];

		if (!(parts & 1U << part))
			continue;
		if (read->state != SOURCE_NONE)
			read->state = SOURCE_REVOKING;
		checker_revoke_begin(source->world, source->instance->number, part);
		shim_revoke_begin(source->instance, part);
	}
	rejoin_if_done(source);
}

static void on_assign(struct source *source, uint32_t part, uint32_t claim)
{
	struct source_part *read = &source->parts[part];

	/* One draw a statement: compilers differ in the order within an initializer, and a seed must mean the
	 * same to all. */
	*read = (struct source_part){ .state = SOURCE_RESOLVING, .claim = claim, .skip_to = -1, .past_end = -1 };
	read->resolve_us = source_after(source, source->world->plan.net_max_us);
	read->gap = random_chance(&source->world->random, source->world->plan.source_gap);
}

static void on_lost(struct source *source)
{
	source->revoking = false;
	source->to_revoke = 0;
	source->generation = -1;
	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		enum source_part_state was = source->parts[part].state;

		source->parts[part].state = SOURCE_NONE;
		if (was == SOURCE_NONE)
			continue;
		checker_lost(source->world, source->instance->number, part);
		shim_lost(source->instance, part);
	}
	if (!source->instance->draining)
		push(source, SOURCE_JOIN, 0, 0);
}

static void on_join(struct source *source)
{
	if (source->instance->draining)
		return;
	source->instance->member = group_join(source->world, source->instance->number);
	if (source->instance->member >= 0)
		group_rebalance(source->world);
}

static void stop_at_gap(struct source *source, uint32_t part, int64_t offset)
{
	struct error err;

	error_set(&err, -ENODATA, REMEDY_PERSON, "the source has a gap");
	source->parts[part].in_gap = source->parts[part].tells_gap = true;
	checker_gap(source->world, source->instance->number, part, offset);
	shim_source_blocked(source->instance, part, offset, &err);
	source->parts[part].tells_gap = false;
}

/* The source commits by itself where it goes on, where the log ends before what is committed. */
static void go_on_at(struct source *source, uint32_t part, int64_t offset)
{
	struct source_log *log = &source->world->cluster.sources[part];

	trace(source->world, "instance %d takes the committed offset of %" PRIu32 " back from %" PRId64 " to %" PRId64,
	    source->instance->number, part, log->committed, offset);
	log->committed = offset;
}

/* The log may be shorter than what is committed, or than what has been read of it: on_gap decides. What is committed
 * and still there is where it goes on. */
static bool look_at_end(struct source *source, uint32_t part)
{
	struct world *world = source->world;
	struct source_part *read = &source->parts[part];
	struct source_log *log = &world->cluster.sources[part];
	int64_t expected = read->past_end >= 0 ? read->past_end : log->committed;

	if (expected > log->end && world->plan.truncate_blocks && !read->cross_gap) {
		read->resolve_us = CLOCK_NEVER;
		stop_at_gap(source, part, expected);
		return false;
	}
	/* Who has lost it commits nothing: it will hear of that. */
	if (log->committed > log->end && world->group.parts[part].claim != read->claim) {
		read->resolve_us = source_after(source, world->plan.net_max_us) + 1;
		return false;
	}
	read->past_end = -1;
	/* Crossed by a person it is as with on_gap = "latest": what is left was relayed. */
	if (log->committed > log->end)
		go_on_at(source, part, log->end);
	read->cross_gap = false;
	return true;
}

/* The committed offset is known, if no transaction holds it (KIP-447). */
static void resolve(struct source *source, uint32_t part)
{
	struct world *world = source->world;
	struct source_part *read = &source->parts[part];
	const struct source_log *log = &world->cluster.sources[part];

	if (read->again && source->instance->draining) {
		read->resolve_us = CLOCK_NEVER; /* it reads no more */
		return;
	}
	if ((log->pending_txns > 0 && world->plan.delivery == DELIVERY_EXACTLY_ONCE) ||
	    (read->again && source->commit.pending) || (read->past_end >= 0 && source->tokens > 0)) {
		read->resolve_us = world->now_us + 1 + random_between(&world->random, 0, 10000);
		return;
	}
	if (read->gap) {
		read->gap = false;
		read->resolve_us = source_after(source, USEC_PER_SEC + 2 * world->plan.unblock_max_us);
		stop_at_gap(source, part, log->committed);
		return;
	}
	if (!look_at_end(source, part))
		return;
	read->state = SOURCE_READING;
	read->epoch = ++source->last_epoch;
	read->position = read->told_position =
	    read->skip_to > log->committed ? read->skip_to : log->committed;
	read->skip_to = -1;
	read->again = read->in_gap = false;
	read->asleep = false;
	trace(world, "instance %d reads %" PRIu32 " from %" PRId64 ", epoch %" PRIu64,
	    source->instance->number, part, read->position, read->epoch);
	checker_assigned(world, source->instance->number, part, read->epoch, read->position);
	shim_assigned(source->instance, part, read->epoch, read->position);
	source->wake_us = world->now_us;
}

/* ---- commits ---- */

static void sim_commit(void *opaque, const struct mark *marks, size_t count)
{
	struct source *source = opaque;
	struct world *world = source->world;
	struct plan *plan = &world->plan;
	struct source_commit *commit = &source->commit;

	if (instance_is_dead(source->instance))
		return;
	checker_commit(world, source->instance->number, marks, count);
	*commit = (struct source_commit){ .pending = true, .count = count, .member = source->instance->member,
		.generation = source->generation };
	for (size_t i = 0; i < count && i < MAX_PARTS; i++)
		commit->marks[i] = marks[i];
	commit->apply_us = source_after(source, plan->net_max_us);
	if (random_chance(&world->random, plan->commit_slow))
		commit->apply_us += random_between(&world->random, 0, 10 * USEC_PER_SEC);
	commit->answer_us = commit->apply_us + random_between(&world->random, 0, plan->net_max_us);
	commit->fate = random_chance(&world->random, plan->commit_failure)   ? COMMIT_FAILS
	    : random_chance(&world->random, plan->commit_partial)	     ? COMMIT_PARTIAL
	    : random_chance(&world->random, plan->commit_timeout)
		    ? (random_chance(&world->random, 500) ? COMMIT_LOST : COMMIT_ANSWER_LOST)
		    : COMMIT_OK;
	if (commit->fate == COMMIT_LOST || commit->fate == COMMIT_ANSWER_LOST)
		commit->answer_us += random_between(&world->random, 0, 5 * USEC_PER_SEC);
}

static void take_commit(struct source *source, const struct mark *mark)
{
	cluster_commit(source->world, mark->part, mark->offset);
	checker_commit_taken(source->world, source->instance->number, mark->part, mark->offset);
}

void source_run(struct source *source)
{
	struct world *world = source->world;
	struct source_commit *commit = &source->commit;
	bool accepted;

	if (!commit->pending || commit->applied || world->now_us < commit->apply_us)
		return;
	commit->applied = true;
	accepted = group_accepts(world, commit->member, commit->generation) && commit->fate != COMMIT_FAILS &&
		   commit->fate != COMMIT_LOST;
	for (size_t i = 0; i < commit->count; i++) {
		struct mark *mark = &commit->marks[i];

		mark->error = 0;
		if (!accepted || (commit->fate == COMMIT_PARTIAL && random_chance(&world->random, 500)))
			mark->error = -EIO;
		else
			take_commit(source, mark);
	}
}

int64_t source_run_next_us(const struct source *source)
{
	return source->commit.pending && !source->commit.applied ? source->commit.apply_us : CLOCK_NEVER;
}

static void answer_commit(struct source *source)
{
	struct source_commit answer = source->commit;
	struct error err;
	bool is_lost = answer.fate == COMMIT_ANSWER_LOST || answer.fate == COMMIT_LOST;
	bool any = false;
	bool whole = true;

	error_clear(&err);
	source->commit.pending = false;
	for (size_t i = 0; i < answer.count; i++) {
		if (is_lost)
			answer.marks[i].error = -ETIMEDOUT;
		any = any || answer.marks[i].error;
		whole = whole && answer.marks[i].error;
	}
	if (is_lost)
		error_set(&err, -ETIMEDOUT, REMEDY_RETRY, "no answer to the commit");
	else if (any && !whole)
		error_set(&err, -EIO, REMEDY_RETRY, "the commit of a partition was refused");
	else if (whole)
		error_set(&err, -EIO,
		    random_chance(&source->world->random, source->world->plan.source_failure) ? REMEDY_RESTART
											      : REMEDY_RETRY,
		    "the commit was refused");
	checker_commit_answered(source->world, source->instance->number, answer.marks, answer.count);
	shim_commit_done(source->instance, answer.marks, answer.count, err.code ? &err : NULL);
}

/* ---- serve ---- */

static void take_event(struct source *source)
{
	struct source_event event = source->events[0];

	source->event_count--;
	memmove(source->events, source->events + 1, source->event_count * sizeof *source->events);
	switch (event.kind) {
	case SOURCE_REVOKE:
		on_revoke(source, event.argument);
		break;
	case SOURCE_ASSIGN:
		on_assign(source, event.argument, event.claim);
		break;
	case SOURCE_GENERATION:
		source->generation = (int)event.argument;
		break;
	case SOURCE_LOST:
		on_lost(source);
		break;
	case SOURCE_JOIN:
		on_join(source);
		break;
	}
}

static void fail(struct source *source)
{
	struct error err;

	error_set(&err, -EIO, REMEDY_RESTART, "the consumer has failed");
	shim_source_failed(source->instance, &err);
}

static void sim_serve(void *opaque)
{
	struct source *source = opaque;
	int64_t now_us = source->world->now_us;

	if (instance_is_dead(source->instance))
		return;
	if (source->commit.pending && source->commit.applied && now_us >= source->commit.answer_us)
		answer_commit(source);
	if (random_chance(&source->world->random, source->world->plan.source_failure))
		fail(source);
	while (source->event_count > 0 && source->events[0].due_us <= now_us)
		take_event(source);
	for (uint32_t part = 0; part < MAX_PARTS; part++)
		if (source->parts[part].state == SOURCE_RESOLVING && source->parts[part].resolve_us <= now_us)
			resolve(source, part);
}

int64_t source_next_us(const struct source *source)
{
	int64_t next_us = source->wake_us;

	if (source->commit.pending && source->commit.applied && source->commit.answer_us < next_us)
		next_us = source->commit.answer_us;
	if (source->event_count > 0 && source->events[0].due_us < next_us)
		next_us = source->events[0].due_us;
	for (uint32_t part = 0; part < MAX_PARTS; part++)
		if (source->parts[part].state == SOURCE_RESOLVING && source->parts[part].resolve_us < next_us)
			next_us = source->parts[part].resolve_us;
	return next_us;
}

void source_wake(struct source *source, uint32_t part)
{
	struct source_part *read = &source->parts[part];

	if (!read->asleep || read->state != SOURCE_READING)
		return;
	read->asleep = false;
	source->wake_us = source_after(source, source->world->plan.net_max_us);
}

/* ---- operations ---- */

void source_resolve_again(struct source *source, uint32_t part)
{
	source->parts[part].state = SOURCE_RESOLVING;
	source->parts[part].again = true;
	source->parts[part].resolve_us = source_after(source, source->world->plan.net_max_us);
}

void source_is_past_end(struct source *source, uint32_t part)
{
	trace(source->world, "instance %d is past the end of %" PRIu32, source->instance->number, part);
	source->parts[part].past_end = source->parts[part].position;
	source_resolve_again(source, part);
}

bool source_waits_for_person(const struct source *source, uint32_t part)
{
	const struct source_part *read = &source->parts[part];

	return read->state == SOURCE_RESOLVING && read->in_gap && read->resolve_us == CLOCK_NEVER;
}

/* The source is asked again where it has said that there is a gap. */
static void look_at_gap_again(struct source *source, uint32_t part, bool cross_gap)
{
	struct world *world = source->world;
	struct source_part *read = &source->parts[part];

	read->resolve_us = source_after(source, world->plan.net_max_us);
	read->past_end = -1;
	read->cross_gap = cross_gap;
	if (world->cluster.sources[part].committed > world->cluster.sources[part].end)
		return;
	if (cross_gap)
		source_skip_ahead(source, part, world->cluster.sources[part].committed);
	else
		read->gap = random_chance(&world->random, world->plan.source_gap);
}

static void sim_rewind(void *opaque, uint32_t part, bool cross_gap)
{
	struct source *source = opaque;
	struct source_part *read = &source->parts[part];

	if (instance_is_dead(source->instance))
		return;
	checker_rewind(source->world, source->instance->number, part);
	read->skip_to = -1;
	if (read->state == SOURCE_READING)
		source_resolve_again(source, part);
	else if (read->state == SOURCE_RESOLVING && read->in_gap)
		look_at_gap_again(source, part, cross_gap);
}

static void sim_release_partition(void *opaque, uint32_t part)
{
	struct source *source = opaque;

	if (instance_is_dead(source->instance))
		return;
	trace(source->world, "instance %d gives up %" PRIu32, source->instance->number, part);
	checker_release_partition(source->world, source->instance->number, part);
	source->parts[part].state = SOURCE_NONE;
	source->to_revoke &= ~(1U << part);
	rejoin_if_done(source);
}

static void sim_release_chunk(void *opaque, void *chunk)
{
	struct source *source = opaque;
	struct payload *payload = chunk;

	checker_release_chunk(source->world, payload);
	payload->released = true;
	source->held_records -= payload->records;
	source->held_bytes -= payload->bytes;
	source->part_held_records[payload->part] -= payload->records;
}

static uint64_t sim_fingerprint(void *opaque, const void *chunk)
{
	const struct payload *payload = chunk;

	return ((uint64_t)payload->as_read[0].version << 32 | payload->part) << 16 | (uint64_t)payload->offsets[0];
}

static void *sim_group_token(void *opaque)
{
	struct source *source = opaque;
	struct group_token *token;

	if (source->generation < 0)
		return NULL;
	token = xcalloc(1, sizeof *token);
	token->member = source->instance->member;
	token->generation = source->generation;
	source->tokens++;
	return token;
}

static void sim_free_group_token(void *opaque, void *token)
{
	struct source *source = opaque;

	source->tokens--;
	free(token);
}

const struct source_ops sim_source_ops = {
	.serve = sim_serve,
	.fetch = source_fetch,
	.commit = sim_commit,
	.rewind = sim_rewind,
	.release_partition = sim_release_partition,
	.release_chunk = sim_release_chunk,
	.fingerprint = sim_fingerprint,
	.group_token = sim_group_token,
	.free_group_token = sim_free_group_token,
};
