/* The promises of core/prefetch_turns.h, on a client that fetches whole batches and a reader that takes records as
 * the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/prefetch_turns.h"

enum { PARTS = 64, RECORD = 1000, BATCH = 10, BATCH_BYTES = BATCH * RECORD };

static const int64_t tick_us = 10 * USEC_PER_MSEC;

struct world {
	struct prefetch_turns turns;
	int64_t now_us;
	uint64_t backlog[PARTS]; /* records in the source */
	uint64_t held[PARTS];
	uint64_t read[PARTS];
	uint64_t fetched; /* records, those thrown away too */
	unsigned pauses;
};

static void begin(struct world *world, uint64_t bound_bytes, uint64_t backlog)
{
	*world = (struct world){ .now_us = USEC_PER_SEC };
	prefetch_turns_init(&world->turns, bound_bytes);
	for (uint32_t part = 0; part < PARTS; part++) {
		world->backlog[part] = backlog;
		prefetch_turns_begin(&world->turns, part, world->now_us);
	}
}

static void fetch(struct world *world)
{
	for (uint32_t part = 0; part < PARTS; part++) {
		uint64_t records = world->backlog[part] < BATCH ? world->backlog[part] : BATCH;

		if (!prefetch_turns_may_fetch(&world->turns, part) || world->held[part] > 0)
			continue;
		world->backlog[part] -= records;
		world->held[part] = records;
		world->fetched += records;
	}
}

static void read_records(struct world *world, uint32_t part, uint64_t records)
{
	for (; records > 0 && world->held[part] > 0; records--) {
		world->held[part]--;
		world->read[part]++;
		prefetch_turns_read(&world->turns, part, RECORD);
	}
}

static void look(struct world *world)
{
	const uint32_t *changes;
	size_t count;

	world->now_us += tick_us;
	for (uint32_t part = 0; part < PARTS; part++)
		if (prefetch_turns_may_fetch(&world->turns, part))
			prefetch_turns_held(&world->turns, part, world->held[part]);
	count = prefetch_turns_decide(&world->turns, world->now_us, &changes);
	for (size_t i = 0; i < count; i++) {
		uint32_t part = changes[i];

		if (prefetch_turns_may_fetch(&world->turns, part))
			continue;
		world->pauses++;
		world->backlog[part] += world->held[part];
		world->held[part] = 0;
	}
}

static uint64_t held_bytes(const struct world *world)
{
	uint64_t sum = 0;

	for (uint32_t part = 0; part < PARTS; part++)
		sum += world->held[part] * RECORD;
	return sum;
}

static uint64_t records_read(const struct world *world)
{
	uint64_t sum = 0;

	for (uint32_t part = 0; part < PARTS; part++)
		sum += world->read[part];
	return sum;
}

static void test_nobody_is_paused_while_all_fits(void **state)
{
	struct world world;

	begin(&world, PARTS * BATCH_BYTES, 1000);
	for (int i = 0; i < 2000; i++) {
		fetch(&world);
		read_records(&world, (uint32_t)i % PARTS, 7);
		look(&world);
	}
	assert_int_equal(world.pauses, 0);
	prefetch_turns_clear(&world.turns);
}

static void test_what_is_held_stays_within_the_bound_while_nothing_is_read(void **state)
{
	struct world world;

	begin(&world, 5 * BATCH_BYTES, 1000);
	fetch(&world);
	read_records(&world, 0, 1); /* tells how large a record is */
	for (int i = 0; i < 60000; i++) {
		look(&world);
		assert_true(held_bytes(&world) <= 5 * BATCH_BYTES);
		fetch(&world);
		assert_true(held_bytes(&world) <= 5 * BATCH_BYTES);
	}
	/* For ten minutes: at most a few rounds, each a batch of every part, and not one each second. */
	assert_true(world.fetched < 12 * PARTS * BATCH);
	prefetch_turns_clear(&world.turns);
}

static void test_every_part_is_read_to_its_end_and_little_is_fetched_twice(void **state)
{
	struct world world;
	uint64_t total = PARTS * 400;
	int ticks = 0;

	begin(&world, 5 * BATCH_BYTES, 400);
	fetch(&world);
	for (; records_read(&world) < total && ticks < 100000; ticks++) {
		for (uint32_t part = 0; part < PARTS; part++)
			read_records(&world, part, 6); /* slower than they could be fetched */
		look(&world);
		assert_true(held_bytes(&world) <= 5 * BATCH_BYTES);
		fetch(&world);
	}
	assert_int_equal(records_read(&world), total);
	assert_true(world.fetched < total * 3 / 2);
	prefetch_turns_clear(&world.turns);
}

static void test_parts_of_which_nothing_is_read_do_not_keep_the_others_out(void **state)
{
	struct world world;
	uint64_t total = (PARTS - 20) * 400;
	uint64_t good = 0;

	begin(&world, 5 * BATCH_BYTES, 400);
	fetch(&world);
	for (int ticks = 0; good < total && ticks < 60 * 100; ticks++) { /* a minute */
		good = 0;
		for (uint32_t part = 20; part < PARTS; part++) {
			read_records(&world, part, BATCH);
			good += world.read[part];
		}
		look(&world);
		fetch(&world);
	}
	assert_int_equal(good, total);
	prefetch_turns_clear(&world.turns);
}

static void test_a_part_larger_than_the_bound_has_its_turn_too(void **state)
{
	struct world world;

	begin(&world, BATCH_BYTES / 2, 20);
	fetch(&world);
	for (int ticks = 0; records_read(&world) < PARTS * 20 && ticks < 100000; ticks++) {
		for (uint32_t part = 0; part < PARTS; part++)
			read_records(&world, part, 3);
		look(&world);
		fetch(&world);
	}
	assert_int_equal(records_read(&world), PARTS * 20);
	prefetch_turns_clear(&world.turns);
}

static void test_once_all_is_read_nobody_stays_paused(void **state)
{
	struct world world;

	begin(&world, 5 * BATCH_BYTES, 40);
	fetch(&world);
	for (int ticks = 0; ticks < 2000; ticks++) {
		for (uint32_t part = 0; part < PARTS; part++)
			read_records(&world, part, 3);
		look(&world);
		fetch(&world);
	}
	assert_true(world.pauses > 0);
	assert_int_equal(world.turns.paused_count, 0);
	prefetch_turns_clear(&world.turns);
}

static void test_parts_that_are_given_up_leave_the_line(void **state)
{
	struct world world;

	begin(&world, 5 * BATCH_BYTES, 1000);
	fetch(&world);
	read_records(&world, 0, 1);
	look(&world);
	assert_true(world.turns.paused_count >= PARTS - 6);
	for (uint32_t part = 0; part < PARTS; part++)
		prefetch_turns_end(&world.turns, part);
	prefetch_turns_end(&world.turns, PARTS + 5);
	assert_int_equal(world.turns.paused_count, 0);
	assert_false(prefetch_turns_may_fetch(&world.turns, 3));
	assert_false(prefetch_turns_may_fetch(&world.turns, PARTS + 5));
	prefetch_turns_begin(&world.turns, 3, world.now_us);
	assert_true(prefetch_turns_may_fetch(&world.turns, 3));
	prefetch_turns_clear(&world.turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_is_paused_while_all_fits),
		cmocka_unit_test(test_what_is_held_stays_within_the_bound_while_nothing_is_read),
		cmocka_unit_test(test_every_part_is_read_to_its_end_and_little_is_fetched_twice),
		cmocka_unit_test(test_parts_of_which_nothing_is_read_do_not_keep_the_others_out),
		cmocka_unit_test(test_a_part_larger_than_the_bound_has_its_turn_too),
		cmocka_unit_test(test_once_all_is_read_nobody_stays_paused),
		cmocka_unit_test(test_parts_that_are_given_up_leave_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
