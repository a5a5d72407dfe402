#include "instance.h"
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "shim.h"
#include "world.h"

/* ---- what the engine tells its owner ---- */

static void host_blocked(void *opaque, uint32_t part, int64_t offset, const struct error *err)
{
	struct instance *instance = opaque;

	if (!instance->dead)
		checker_blocked(instance->world, instance->number, part, offset);
}

static void host_failed(void *opaque, const struct error *err)
{
	struct instance *instance = opaque;

	trace(instance->world, "instance %d has failed: %s", instance->number, err->message);
	instance->failed = true;
}

static void host_trouble(void *opaque, uint32_t part, int64_t offset, const struct error *err)
{
	struct instance *instance = opaque;

	trace(instance->world, "instance %d has trouble: %s", instance->number, err->message);
}

static void host_refused(
    void *opaque, uint32_t part, int64_t offset, enum error_policy policy, const struct error *err)
{
	struct instance *instance = opaque;

	if (!instance->dead)
		checker_refused(instance->world, instance->number, part, offset, policy);
}

static void host_lost(
    void *opaque, uint32_t part, int64_t first, int64_t next, uint64_t records, const struct error *err)
{
	struct instance *instance = opaque;

	if (!instance->dead && instance->world->mutant != MUTANT_LOSS_UNTOLD)
		checker_records_lost(instance->world, instance->number, part, first, next);
}

static void host_unblocked(void *opaque, uint32_t part, int64_t offset, enum unblock how, enum unblock_end end)
{
	struct instance *instance = opaque;

	trace(instance->world, "instance %d: what was decided for %" PRIu32 "@%" PRId64 " is %s", instance->number, part,
	    offset, end == UNBLOCK_CARRIED_OUT ? "done" : "forgotten");
	if (end == UNBLOCK_CARRIED_OUT && !instance->dead)
		checker_unblocked(instance->world, instance->number, part, offset, how);
}

static int64_t host_sent_before(void *opaque, uint32_t part)
{
	const struct instance *instance = opaque;

	return instance->world->mutant == MUTANT_FORGETS_LIFE ? 0 : instance->sent_before[part];
}

static const struct engine_host_ops host_ops = {
	.sent_before = host_sent_before,
	.partition_blocked = host_blocked,
	.refused = host_refused,
	.failed = host_failed,
	.trouble = host_trouble,
	.lost = host_lost,
	.unblocked = host_unblocked,
};

/* ---- the process ---- */

static void set_turn(struct instance *instance)
{
	const struct world *world = instance->world;

	instance->turn_us = world->plan.pause_max_us > 0
	    ? world->now_us + random_between(&instance->pauses, 0, world->plan.pause_max_us)
	    : CLOCK_NEVER;
}

/* In calm it is resumed, and not paused again. */
static void pause_or_resume(struct instance *instance)
{
	struct world *world = instance->world;

	if (world->now_us < instance->turn_us)
		return;
	instance->paused = !instance->paused && world->plan.pause_max_us > 0;
	trace(world, "instance %d is %s", instance->number, instance->paused ? "paused" : "resumed");
	engine_pause(instance->engine, instance->paused && world->mutant != MUTANT_IGNORE_PAUSE);
	set_turn(instance);
}

static void set_decision(struct instance *instance)
{
	const struct world *world = instance->world;

	instance->decide_us = world->plan.unblock_max_us > 0
	    ? world->now_us + random_between(&instance->decisions, 0, world->plan.unblock_max_us)
	    : CLOCK_NEVER;
}

/* A person looks at a partition, and decides if it is blocked; now and then for another offset than that. */
static void decide(struct instance *instance)
{
	struct world *world = instance->world;
	uint32_t count = engine_part_count(instance->engine);
	struct part_view view;
	struct error err = { 0 };
	enum unblock how;
	uint32_t part;
	int result;

	if (world->now_us < instance->decide_us)
		return;
	set_decision(instance);
	if (count == 0 || world->plan.unblock_max_us == 0)
		return;
	how = random_below(&instance->decisions, 3);
	part = random_below(&instance->decisions, count);
	engine_part_view(instance->engine, part, &view);
	if (view.state != PART_BLOCKED)
		return;
	if (random_chance(&instance->decisions, 50))
		view.blocked_at++;
	checker_told(world, instance->number, part, view.blocked_at, how);
	if (how == UNBLOCK_RETRY && view.blocked_by == BLOCK_RECORD && world->mutant == MUTANT_RETRY_SKIPS)
		how = UNBLOCK_SKIP;
	result = engine_unblock(instance->engine, part, view.blocked_at, how, ++instance->orders, &err);
	trace(world, "instance %d is told to %s %" PRIu32 "@%" PRId64 "%s%s", instance->number,
	    how == UNBLOCK_RETRY ? "retry" : how == UNBLOCK_SKIP ? "skip" : "make a dead letter of", part,
	    view.blocked_at, result < 0 ? ": " : "", result < 0 ? err.message : "");
	/* Before it is carried out, another record may come where the one was that was decided about. */
	if (result == 0 && world->plan.truncate_at_commit && random_chance(&instance->decisions, 500))
		cluster_truncate(world, part);
}

void instance_start(struct world *world, int number)
{
	struct instance *instance = &world->instances[number];
	const struct plan *plan = &world->plan;
	struct engine_config config = {
		.delivery = plan->delivery,
		.on_error = plan->on_error,
		.dead_letters = true,
		.idempotent = plan->idempotent,
		.first_goes_alone = plan->idempotent && plan->delivery != DELIVERY_EXACTLY_ONCE,
		.commit_sync = plan->commit_sync,
		.commit_records = plan->commit_records,
		.commit_interval_us = plan->commit_interval_us,
		.revoke_timeout_us = plan->revoke_timeout_us,
		.sink_says_ready = plan->delivery == DELIVERY_EXACTLY_ONCE,
		.limits = { .window_bytes = plan->window_bytes, .window_records = plan->window_records,
		    .partition_window_bytes = plan->partition_window_bytes,
		    .partition_window_records = plan->partition_window_records,
		    .fetch_burst = plan->fetch_burst,
		    .rate_records = plan->rate_records, .rate_bytes = plan->rate_bytes },
		.seed = random_u64(&world->random),
	};

	if (world->mutant == MUTANT_IGNORE_RATE)
		config.limits.rate_records = config.limits.rate_bytes = 0;
	if (!instance->renews) {
		instance->life++;
		memset(instance->sent_before, 0, sizeof instance->sent_before);
		instance->repeated_before = 0;
	}
	checker_started(world, number, instance->renews);
	trace(world, "instance %d starts", number);
	instance->world = world;
	instance->number = number;
	instance->is_running = true;
	instance->dead = instance->draining = instance->failed = false;
	instance->operations_left = 0;
	instance->drain_deadline_us = CLOCK_NEVER;
	instance->revoke_timeout_us = plan->revoke_timeout_us;
	instance->frozen_until_us = instance->step_us = world->now_us;
	instance->paused = false;
	set_turn(instance);
	set_decision(instance);
	instance->member = -1;
	instance->shim = (struct shim_state){ .countdown = random_below(&world->random, 20) };
	source_open(&instance->source, world, instance);
	sink_open(&instance->sink, world, instance);
	instance->engine =
	    engine_new(&config, &shim_source_ops, instance, &shim_sink_ops, instance, &host_ops, instance);
}

static void remember_sent(struct instance *instance)
{
	instance->repeated_before += engine_counters(instance->engine)->repeated_records;
	for (uint32_t part = 0; part < engine_part_count(instance->engine); part++)
		if (instance->world->plan.delivery != DELIVERY_EXACTLY_ONCE)
			instance->sent_before[part] = engine_sent_until(instance->engine, part);
}

static void end_process(struct instance *instance, bool killed)
{
	struct world *world = instance->world;

	instance->renews = instance->failed && !killed;
	if (instance->renews)
		remember_sent(instance);

	instance->is_running = false;
	sink_close(&instance->sink, killed);
	engine_free(instance->engine);
	source_close(&instance->source, killed);
	if (killed)
		group_silence(world, instance->member);
	else
		group_leave(world, instance->member);
	instance->member = -1;
	instance->engine = NULL;
	instance->start_us =
	    world->ending ? CLOCK_NEVER : world->now_us + random_between(&world->random, 0, 3 * USEC_PER_SEC);
}

void instance_kill(struct instance *instance)
{
	trace(instance->world, "instance %d is killed", instance->number);
	instance->dead = true;
	end_process(instance, true);
}

void instance_drain(struct instance *instance, int64_t deadline_us)
{
	trace(instance->world, "instance %d drains until %" PRId64, instance->number, deadline_us);
	if (deadline_us < instance->drain_deadline_us)
		instance->drain_deadline_us = deadline_us;
	instance->draining = true;
	instance->step_us = instance->world->now_us;
	engine_drain(instance->engine, deadline_us);
}

void instance_calm(struct instance *instance)
{
	for (uint32_t part = 0; part < instance->world->plan.parts && instance->is_running; part++)
		if (source_waits_for_person(&instance->source, part)) {
			instance_drain(instance, instance->world->now_us + 1000 * USEC_PER_SEC);
			return;
		}
}

void instance_freeze(struct instance *instance, int64_t until_us)
{
	trace(instance->world, "instance %d is frozen until %" PRId64, instance->number, until_us);
	instance->frozen_until_us = until_us;
	group_silence(instance->world, instance->member);
}

uint64_t instance_repeated_records(const struct instance *instance)
{
	if (instance->world->mutant == MUTANT_REPEATS_UNCOUNTED)
		return 0;
	return instance->repeated_before + engine_counters(instance->engine)->repeated_records;
}

static void end_drain(struct instance *instance)
{
	struct world *world = instance->world;
	bool clean = engine_drain_was_clean(instance->engine) || world->mutant == MUTANT_DRAIN_LIES;

	checker_drained(world, instance->number, clean);
	end_process(instance, false);
}

static void step(struct instance *instance)
{
	struct world *world = instance->world;

	if (instance->source.wake_us <= world->now_us)
		instance->source.wake_us = CLOCK_NEVER;
	world->steps++;
	pause_or_resume(instance);
	decide(instance);
	instance->step_us = engine_step(instance->engine, world->now_us);
	if (instance->dead) {
		instance_kill(instance);
		return;
	}
	checker_stepped(world, instance->number);
	if (instance->failed && !instance->draining)
		instance_drain(
		    instance, world->now_us + random_between(&world->random, 0, 10 * USEC_PER_SEC));
	else if (instance->draining && engine_is_drained(instance->engine))
		end_drain(instance);
}

int64_t instance_next_us(const struct instance *instance)
{
	int64_t next_us = instance->step_us;

	if (!instance->is_running)
		return instance->start_us;
	if (instance->turn_us < next_us)
		next_us = instance->turn_us;
	if (instance->decide_us < next_us)
		next_us = instance->decide_us;
	if (source_next_us(&instance->source) < next_us)
		next_us = source_next_us(&instance->source);
	if (sink_next_us(&instance->sink) < next_us)
		next_us = sink_next_us(&instance->sink);
	return next_us > instance->frozen_until_us ? next_us : instance->frozen_until_us;
}

void instance_run(struct instance *instance)
{
	struct world *world = instance->world;

	if (world->now_us < instance_next_us(instance))
		return;
	if (!instance->is_running) {
		instance_start(world, instance->number);
		return;
	}
	group_hear(world, instance->member);
	step(instance);
}
