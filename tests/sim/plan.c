#include "plan.h"
#include "base/clock.h"

/* A chance that is on in half of the scenarios, and then between 1 and max permille. */
static uint32_t maybe(struct random *random, uint32_t max)
{
	return random_chance(random, 500) ? 1 + random_below(random, max) : 0;
}

static void draw_shape(struct plan *plan, struct random *random)
{
	plan->parts = 1 + random_below(random, MAX_PARTS);
	plan->instances = 1 + random_below(random, MAX_INSTANCES);
	plan->cooperative = random_chance(random, 300);
	plan->chunk_max = random_chance(random, 500) ? 1 : 1 + random_below(random, 12);
	/* A chunk of many is a whole batch and goes to one partition; records one by one may be spread. */
	plan->keyed = plan->chunk_max == 1 && random_chance(random, 500);
	plan->targets = plan->keyed ? 1 + random_below(random, MAX_PARTS) : plan->parts;
	plan->offsets_each = random_between(random, 5, MAX_OFFSETS - 20);
	plan->gaps = random_chance(random, 700) ? random_below(random, 500) : 0;
	plan->batch_max = 1 + random_below(random, 20);
	plan->requests_max = plan->idempotent ? 1 + random_below(random, 5) : 1;
	plan->queue_max = 1 + random_below(random, 200);
}

static void draw_limits(struct plan *plan, struct random *random)
{
	bool at_once = random_chance(random, 300);

	plan->commit_sync = plan->delivery == DELIVERY_AT_LEAST_ONCE && random_chance(random, 200);
	plan->commit_records = random_chance(random, 300) ? 1 : 1 + random_below(random, 100);
	plan->commit_interval_us =
	    at_once ? random_below(random, 2000) : random_between(random, 1000, 2000000);
	plan->revoke_timeout_us = random_between(random, 100 * USEC_PER_MSEC, 10 * USEC_PER_SEC);
	plan->window_records = 1 + random_below(random, 300);
	plan->partition_window_records = 1 + random_below(random, plan->window_records);
	plan->window_bytes = 100 + random_below(random, 30000);
	plan->partition_window_bytes = 100 + random_below(random, (uint32_t)plan->window_bytes);
	plan->fetch_burst = 1 + random_below(random, 200);
}

static void draw_times(struct plan *plan, struct random *random)
{
	plan->net_max_us = random_between(random, 100, random_chance(random, 200) ? 300000 : 20000);
	plan->append_max_us = random_between(random, 1000, 200000);
	plan->chaos_us = random_between(random, 1, 20) * USEC_PER_SEC;
	plan->action_max_us = random_between(random, 50 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
	plan->session_timeout_us = random_between(random, 1, 10) * USEC_PER_SEC;
	plan->rebalance_timeout_us = random_chance(random, 700)
	    ? plan->revoke_timeout_us + 10 * USEC_PER_SEC
	    : random_between(random, 100 * USEC_PER_MSEC, 10 * USEC_PER_SEC);
	plan->txn_timeout_us = random_between(random, 1, 15) * USEC_PER_SEC;
}

static void draw_faults(struct plan *plan, struct random *random)
{
	plan->poison = random_chance(random, 250) ? 1 + random_below(random, 20) : 0;
	plan->request_failure = maybe(random, 60);
	plan->request_slow = maybe(random, 100);
	/* A resend would break at_most_once: there the client does none. */
	plan->request_twice = plan->delivery == DELIVERY_AT_MOST_ONCE ? 0 : maybe(random, 100);
	plan->request_stop = random_chance(random, 150) ? 1 + random_below(random, 10) : 0;
	plan->zombie = random_below(random, 1000);
	plan->recreate_failure = maybe(random, 300);
	plan->sink_failure = random_chance(random, 200) ? 1 + random_below(random, 300) : 0;
	plan->source_failure = random_chance(random, 200) ? 1 + random_below(random, 10) : 0;
	plan->fetch_stale = maybe(random, 100);
	plan->source_gap = maybe(random, 200);
	plan->source_reset = maybe(random, 20);
	plan->commit_failure = maybe(random, 200);
	plan->commit_timeout = maybe(random, 200);
	plan->commit_partial = maybe(random, 200);
	plan->commit_slow = maybe(random, 200);
	plan->txn_abort = maybe(random, 200);
	plan->txn_unknown = maybe(random, 150);
	plan->txn_begin_failure = maybe(random, 30);
	plan->kick = maybe(random, 10);
	plan->freeze = maybe(random, 10);
	plan->kill = maybe(random, 20);
}

/* Drawn beside the others: the scenarios without a limit of the rate are what they were before there was one. */
static void draw_rate(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0x5851f42d4c957f2d) };

	if (!random_chance(&own, 120))
		return;
	if (random_chance(&own, 700))
		plan->rate_records = 5 + random_below(&own, random_chance(&own, 500) ? 50 : 2000);
	if (plan->rate_records == 0 || random_chance(&own, 300))
		plan->rate_bytes = 500 + random_below(&own, 100000);
}

/* The same; none of the listed seeds has any. */
static void draw_pauses(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0x92068f05ef629d17) };

	if (random_chance(&own, 120))
		plan->pause_max_us = random_between(&own, USEC_PER_MSEC, 10 * USEC_PER_SEC);
}

/* The same. */
static void draw_unblocks(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0xc2b2ae3d27d4eb4f) };

	if (random_chance(&own, 250))
		plan->unblock_max_us = random_between(&own, USEC_PER_MSEC, 3 * USEC_PER_SEC);
}

/* Drawn beside the others for the same reason. None of the listed seeds has any. */
static void draw_late_ends(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0x9e6c63d0876a9a47) };

	if (plan->delivery != DELIVERY_EXACTLY_ONCE || !random_chance(&own, 250))
		return;
	plan->txn_late = 1 + random_below(&own, 1000);
	if (plan->txn_unknown == 0)
		plan->txn_unknown = 1 + random_below(&own, 150);
}

/* The same. A transaction that meets no fault has the time that it takes. */
static void draw_expiry(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0xe7037ed1a0b428db) };

	if (plan->delivery != DELIVERY_EXACTLY_ONCE || !random_chance(&own, 250))
		return;
	plan->txn_expires = true;
	plan->txn_timeout_us =
	    plan->commit_interval_us + random_between(&own, 100 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
}

/* The same. */
static void draw_truncation(struct plan *plan, const struct random *random)
{
	struct random own = { .state = random->state ^ UINT64_C(0xa0761d6478bd642f) };

	if (plan->delivery == DELIVERY_AT_MOST_ONCE)
		own.state ^= UINT64_C(0xd6e8feb86659fd93); /* of the listed seeds none has any with it either */
	if (!random_chance(&own, 150))
		return;
	plan->truncate = 50 + random_below(&own, 400);
	plan->truncate_blocks = random_chance(&own, 500);
	plan->truncate_at_commit = random_chance(&own, 300);
	if (!plan->truncate_at_commit)
		return;
	/* Where a person decides about a record, and another one comes there. */
	plan->on_error = ON_ERROR_BLOCK;
	if (plan->poison == 0)
		plan->poison = 1 + random_below(&own, 30);
	if (plan->unblock_max_us == 0)
		plan->unblock_max_us = random_between(&own, USEC_PER_MSEC, 3 * USEC_PER_SEC);
}

void plan_draw(struct plan *plan, struct random *random, struct random *later, enum delivery delivery)
{
	*plan = (struct plan){ .delivery = delivery };
	plan->on_error = random_below(later, 3);
	plan->poison_too = random_chance(later, 300) ? 1 + random_below(later, 500) : 0;
	draw_rate(plan, random);
	draw_pauses(plan, random);
	draw_unblocks(plan, random);
	plan->idempotent = delivery == DELIVERY_EXACTLY_ONCE || random_chance(random, 750);
	draw_shape(plan, random);
	/* As the derivation has it: what is behind a refused request has not left. */
	if (delivery == DELIVERY_AT_MOST_ONCE)
		plan->requests_max = 1;
	draw_limits(plan, random);
	draw_times(plan, random);
	plan->fetch_empty = maybe(random, 300);
	plan->rebalance = maybe(random, 20);
	plan->drain = maybe(random, 20);
	plan->faultless = random_chance(random, 150);
	if (!plan->faultless) {
		draw_faults(plan, random);
		draw_late_ends(plan, random);
		draw_expiry(plan, random);
		draw_truncation(plan, random);
		return;
	}
	/* What is orderly must also have the time that it takes. */
	plan->revoke_timeout_us = 60 * USEC_PER_SEC;
	plan->rebalance_timeout_us = 120 * USEC_PER_SEC;
}

void plan_calm(struct plan *plan)
{
	plan->request_failure = plan->request_slow = plan->request_twice = plan->request_stop = 0;
	plan->recreate_failure = plan->sink_failure = plan->source_failure = plan->fetch_stale =
	    plan->source_gap = plan->source_reset = 0;
	plan->commit_failure = plan->commit_timeout = plan->commit_partial = plan->commit_slow = 0;
	plan->txn_abort = plan->txn_unknown = plan->txn_begin_failure = plan->txn_late = 0;
	plan->rebalance = plan->kick = plan->freeze = plan->kill = plan->drain = 0;
	plan->txn_expires = plan->truncate_blocks = false;
	plan->truncate = 0;
	plan->pause_max_us = plan->unblock_max_us = 0;
	plan->revoke_timeout_us = 60 * USEC_PER_SEC;
	plan->rebalance_timeout_us = 120 * USEC_PER_SEC;
}
