#include "scenario.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "world.h"

/* Calm must bring everything home within this (virtual) time; the slowest plan needs a few minutes. */
static const int64_t calm_limit_us = 3 * 3600 * USEC_PER_SEC;

/* More steps at one point in time mean that the engine asks to be called for nothing, more in all that it
 * goes round in circles. */
enum { STEPS_AT_ONCE_MAX = 20000, STEPS_MAX = 3000000 };

enum delivery scenario_delivery(uint64_t seed)
{
	/* Half of them at_least_once: that is what nearly everybody runs. */
	switch (seed % 4) {
	case 0:
		return DELIVERY_AT_MOST_ONCE;
	case 1:
		return DELIVERY_EXACTLY_ONCE;
	default:
		return DELIVERY_AT_LEAST_ONCE;
	}
}

/* ---- actions ---- */

static void act_on_instance(struct world *world, struct instance *instance, uint32_t choice)
{
	struct random *random = &world->random;
	const struct plan *plan = &world->plan;

	if (choice < plan->kick) {
		group_expel(world, instance->member);
	} else if (choice < plan->kick + plan->freeze) {
		instance_freeze(instance,
		    world->now_us + random_between(random, 0, 2 * plan->session_timeout_us));
	} else if (choice < plan->kick + plan->freeze + plan->kill) {
		if (random_chance(random, 500))
			instance_kill(instance);
		else
			instance->operations_left = 1 + random_below(random, 100);
	} else if (plan->faultless || random_chance(random, 600)) {
		instance_drain(instance, world->now_us + 1000 * USEC_PER_SEC);
	} else {
		instance_drain(instance, world->now_us + random_between(random, 0, 500 * USEC_PER_MSEC));
	}
}

static void act(struct world *world)
{
	const struct plan *plan = &world->plan;
	uint32_t on_instances = plan->kick + plan->freeze + plan->kill + plan->drain;
	uint32_t choice = random_below(&world->random, plan->rebalance + on_instances + 1);
	struct instance *instance = &world->instances[random_below(&world->random, plan->instances)];

	if (plan->truncate > 0 && random_chance(&world->later, plan->truncate))
		cluster_truncate(world, random_below(&world->later, plan->parts));

	if (choice < plan->rebalance)
		group_rebalance(world);
	else if (choice < plan->rebalance + on_instances && instance->is_running)
		act_on_instance(world, instance, choice - plan->rebalance);
}

/* ---- the course of a scenario ---- */

static struct world *world_new(const struct scenario *scenario)
{
	struct world *world = xcalloc(1, sizeof *world);

	world->seed = scenario->seed;
	world->random.state = scenario->seed * UINT64_C(0xd1342543de82ef95) + 1;
	world->mutant = scenario->mutant;
	world->now_us = USEC_PER_SEC;
	world->later.state = scenario->seed * UINT64_C(0x9fb21c651e98df25) + 2;
	plan_draw(&world->plan, &world->random, &world->later, scenario->delivery);
	cluster_init(world);
	group_init(world);
	checker_init(world);
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		struct instance *instance = &world->instances[i];

		instance->world = world;
		instance->number = (int)i;
		instance->member = -1;
		instance->pauses.state = scenario->seed + i;
		instance->decisions.state = scenario->seed * UINT64_C(0x2545f4914f6cdd1d) + i;
		instance->start_us = world->now_us + random_between(&world->random, 0, 2 * USEC_PER_SEC);
	}
	return world;
}

static void world_free(struct world *world)
{
	for (uint32_t i = 0; i < world->plan.instances; i++)
		if (world->instances[i].is_running)
			instance_kill(&world->instances[i]);
	while (world->old_payloads) {
		struct payload *payload = world->old_payloads;

		world->old_payloads = payload->next;
		free(payload);
	}
	cluster_clear(world);
	free(world->lines);
	free(world);
}

static int64_t next_us(const struct world *world)
{
	int64_t next_us = cluster_next_us(world);
	int64_t candidates[3 * MAX_INSTANCES + 1];
	size_t count = 0;

	candidates[count++] = group_next_us(world);
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		candidates[count++] = instance_next_us(&world->instances[i]);
		candidates[count++] = source_run_next_us(&world->instances[i].source);
		candidates[count++] = sink_run_next_us(&world->instances[i].sink);
	}
	for (size_t i = 0; i < count; i++)
		if (candidates[i] < next_us)
			next_us = candidates[i];
	return next_us;
}

/* Goes on to the next point in time at which something happens, but not past limit_us. */
static void advance(struct world *world, int64_t limit_us)
{
	int64_t then_us = next_us(world);
	uint32_t first = random_below(&world->random, world->plan.instances);

	if (then_us > limit_us)
		then_us = limit_us;
	if (then_us > world->now_us) {
		world->now_us = then_us;
		world->steps_now = 0;
	} else if (++world->steps_now > STEPS_AT_ONCE_MAX) {
		broken(world, "spins");
	}
	if (world->steps > STEPS_MAX)
		broken(world, "goes round in circles");
	cluster_run(world);
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		source_run(&world->instances[i].source);
		sink_run(&world->instances[i].sink);
	}
	group_run(world);
	for (uint32_t i = 0; i < world->plan.instances; i++)
		instance_run(&world->instances[(first + i) % world->plan.instances]);
}

static void play_chaos(struct world *world)
{
	int64_t end_us = world->now_us + world->plan.chaos_us;

	while (world->now_us < end_us && !world->failed && world->group.member_count < MAX_MEMBERS / 2) {
		int64_t action_us =
		    world->now_us + random_between(&world->random, 0, world->plan.action_max_us);

		while (world->now_us < action_us && world->now_us < end_us && !world->failed)
			advance(world, action_us < end_us ? action_us : end_us);
		act(world);
	}
}

static void play_calm(struct world *world)
{
	int64_t end_us = world->now_us + calm_limit_us;

	trace(world, "calm");
	plan_calm(&world->plan);
	for (uint32_t i = 0; i < world->plan.instances; i++)
		instance_calm(&world->instances[i]);
	while (world->now_us < end_us && !world->failed &&
	       !checker_is_complete(world))
		advance(world, end_us);
	if (world->failed)
		return;
	if (!checker_is_complete(world))
		broken(world, "does not finish");
	checker_calm(world);
}

static bool anybody_runs(const struct world *world)
{
	for (uint32_t i = 0; i < world->plan.instances; i++)
		if (world->instances[i].is_running)
			return true;
	return false;
}

static void play_end(struct world *world)
{
	int64_t end_us = world->now_us + calm_limit_us;

	trace(world, "the end");
	world->ending = true;
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		world->instances[i].start_us = CLOCK_NEVER;
		if (world->instances[i].is_running)
			instance_drain(&world->instances[i], end_us);
	}
	while (anybody_runs(world) && world->now_us < end_us && !world->failed)
		advance(world, end_us);
	if (!world->failed)
		checker_final(world);
}

static void play(struct world *world)
{
	play_chaos(world);
	if (!world->failed)
		play_calm(world);
	if (!world->failed)
		play_end(world);
}

bool scenario_run(struct scenario *scenario)
{
	struct world *world = world_new(scenario);
	bool failed;

	if (scenario->verbose) {
		world->tracing = world->verbose = true;
		world->lines = xcalloc(TRACE_LINES, sizeof *world->lines);
	}
	play(world);
	failed = world->failed;
	scenario->steps = world->steps;
	memcpy(scenario->rule, world->rule, sizeof scenario->rule);
	world->tracing = false;
	world_free(world);
	return !failed;
}

void scenario_explain(const struct scenario *scenario)
{
	struct world *world = world_new(scenario);
	uint64_t line;

	world->tracing = true;
	world->lines = xcalloc(TRACE_LINES, sizeof *world->lines);
	play(world);
	line = world->line_count > TRACE_LINES ? world->line_count - TRACE_LINES : 0;
	for (; line < world->line_count; line++)
		puts(world->lines[line % TRACE_LINES]);
	world->tracing = false;
	world_free(world);
}
