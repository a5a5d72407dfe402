/* Who may read how much in the engine: a limit of the rate, a window that slow partitions share with others,
 * a pause. Partitions with endless backlogs, a target that acknowledges when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "relay/engine.h"

enum { PARTS = 3, HANDLES = 4096 };

struct fake {
	struct engine *engine;
	uint64_t in_flight[HANDLES];
	uint32_t in_flight_part[HANDLES];
	size_t in_flight_count;
	bool stuck[PARTS]; /* its target answers nothing */
	bool assign; /* to be told in serve */
	bool revoke; /* part 0, to be told in serve */
	bool released[PARTS];
	bool idle[PARTS]; /* has nothing to read */
	int64_t next[PARTS];
	int64_t committed[PARTS];
	struct mark marks[PARTS];
	size_t mark_count;
	bool in_transaction; /* the marks are being committed in one */
};

static void source_serve(void *context)
{
	struct fake *fake = context;

	for (uint32_t part = 0; part < PARTS && fake->assign; part++)
		engine_on_assigned(fake->engine, part, 1, 0);
	fake->assign = false;
	if (fake->revoke) {
		fake->revoke = false;
		engine_on_revoke_begin(fake->engine, 0);
	}
	if (fake->mark_count > 0 && !fake->in_transaction) {
		for (size_t i = 0; i < fake->mark_count; i++)
			fake->committed[fake->marks[i].part] = fake->marks[i].offset;
		engine_on_commit_done(fake->engine, fake->marks, fake->mark_count, NULL);
		fake->mark_count = 0;
	}
}

static uint32_t source_fetch(void *context, uint32_t part, uint32_t max_records)
{
	struct fake *fake = context;

	for (uint32_t i = 0; i < max_records; i++) {
		const struct chunk chunk = { .part = part, .epoch = 1, .first = fake->next[part],
			.next = fake->next[part] + 1, .records = 1, .bytes = 612, .payload_bytes = 100,
			.leader_epoch = -1, .payload = fake };

		if (fake->idle[part])
			return i;
		fake->next[part]++;
		engine_on_chunk(fake->engine, &chunk);
	}
	return max_records;
}

static void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct fake *fake = context;

	memcpy(fake->marks, marks, count * sizeof *marks);
	fake->mark_count = count;
}

static void source_release_partition(void *context, uint32_t part)
{
	((struct fake *)context)->released[part] = true;
}

static void source_release_chunk(void *context, void *payload)
{
}

static void *source_group_token(void *context)
{
	return context;
}

static void source_free_group_token(void *context, void *token)
{
}

static const struct source_ops source_ops = {
	.serve = source_serve,
	.fetch = source_fetch,
	.commit = source_commit,
	.release_partition = source_release_partition,
	.release_chunk = source_release_chunk,
	.group_token = source_group_token,
	.free_group_token = source_free_group_token,
};

static void sink_serve(void *context)
{
	struct fake *fake = context;

	if (!fake->in_transaction)
		return;
	fake->in_transaction = false;
	for (size_t i = 0; i < fake->mark_count; i++)
		fake->committed[fake->marks[i].part] = fake->marks[i].offset;
	fake->mark_count = 0;
	engine_on_txn_done(fake->engine, TXN_COMMITTED, NULL);
}

static int sink_txn_begin(void *context, struct error *err)
{
	return 0;
}

static void sink_txn_commit(void *context, const struct mark *marks, size_t count, void *token)
{
	source_commit(context, marks, count);
	((struct fake *)context)->in_transaction = true;
}

static int sink_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct fake *fake = context;

	assert_in_range(fake->in_flight_count, 0, HANDLES - 1);
	fake->in_flight_part[fake->in_flight_count] = part;
	fake->in_flight[fake->in_flight_count++] = handle;
	return 0;
}

static void acknowledge(struct fake *fake)
{
	size_t kept = 0;

	for (size_t i = 0; i < fake->in_flight_count; i++) {
		if (!fake->stuck[fake->in_flight_part[i]]) {
			engine_on_report(fake->engine, fake->in_flight[i], 1, REPORT_ACKED, false, NULL);
			continue;
		}
		fake->in_flight_part[kept] = fake->in_flight_part[i];
		fake->in_flight[kept++] = fake->in_flight[i];
	}
	fake->in_flight_count = kept;
}

static void sink_nothing(void *context)
{
}

static void sink_purge(void *context, bool in_flight_too)
{
}

static const struct sink_ops sink_ops = {
	.serve = sink_serve,
	.submit = sink_submit,
	.purge = sink_purge,
	.recreate = sink_nothing,
	.txn_begin = sink_txn_begin,
	.txn_commit = sink_txn_commit,
};

static void host_of_part(void *context, uint32_t part, int64_t offset, const struct error *err)
{
	fail_msg("%s", err->message);
}

static void host_failed(void *context, const struct error *err)
{
	fail_msg("%s", err->message);
}

static void host_lost(void *context, uint32_t part, int64_t first, int64_t next, uint64_t records,
    const struct error *err)
{
}

static const struct engine_host_ops host_ops = {
	.partition_blocked = host_of_part,
	.failed = host_failed,
	.trouble = host_of_part,
	.lost = host_lost,
};

static void begin_delivery(struct fake *fake, enum delivery delivery, uint64_t records, uint64_t bytes)
{
	const struct engine_config config = {
		.delivery = delivery,
		.idempotent = true,
		.commit_records = 1000,
		.commit_interval_us = USEC_PER_SEC,
		.revoke_timeout_us = 10 * USEC_PER_SEC,
		.limits = { .window_bytes = 1 << 20, .window_records = 2000, .partition_window_bytes = 1 << 19,
			.partition_window_records = 1000, .fetch_burst = 100, .rate_records = records,
			.rate_bytes = bytes },
	};

	*fake = (struct fake){ .assign = true };
	fake->engine = engine_new(&config, &source_ops, fake, &sink_ops, fake, &host_ops, fake);
}

static void begin(struct fake *fake, uint64_t records, uint64_t bytes)
{
	begin_delivery(fake, DELIVERY_AT_LEAST_ONCE, records, bytes);
}

/* The engine as its owner runs it: when it asks to be, and in between, `busy` times for each, as by reports. */
static unsigned run(struct fake *fake, int64_t *now_us, int64_t until_us, unsigned busy)
{
	unsigned steps = 0;

	while (*now_us < until_us) {
		int64_t next_us = engine_step(fake->engine, *now_us);

		steps++;
		acknowledge(fake);
		for (unsigned i = 0; i < busy; i++)
			engine_step(fake->engine, *now_us);
		*now_us = next_us < until_us ? next_us : until_us;
	}
	return steps;
}

static int64_t read_in_all(const struct fake *fake)
{
	return fake->next[0] + fake->next[1] + fake->next[2];
}

static void test_partitions_share_the_rate_evenly_however_often_the_engine_turns(void **state)
{
	for (unsigned busy = 0; busy < 4; busy++) {
		struct fake fake;
		int64_t now_us = 0;

		begin(&fake, 1000, 0);
		run(&fake, &now_us, 30 * USEC_PER_SEC, busy);
		assert_in_range(read_in_all(&fake), 29900, 30300);
		for (int part = 0; part < PARTS; part++)
			assert_in_range(fake.next[part], 9700, 10300);
		engine_free(fake.engine);
	}
}

static void test_what_an_idle_partition_leaves_the_others_have(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 1000, 0);
	fake.idle[1] = true;
	run(&fake, &now_us, 30 * USEC_PER_SEC, 1);
	assert_in_range(fake.next[0], 14500, 15500);
	assert_in_range(fake.next[2], 14500, 15500);
	engine_free(fake.engine);
}

static void test_bytes_are_those_of_keys_and_values(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 0, 100000);
	run(&fake, &now_us, 30 * USEC_PER_SEC, 0);
	assert_in_range(read_in_all(&fake), 29700, 30400);
	engine_free(fake.engine);
}

static void test_the_engine_sleeps_while_there_is_no_room_and_while_there_is_nothing_to_read(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 1000, 0);
	assert_in_range(run(&fake, &now_us, 10 * USEC_PER_SEC, 0), 900, 2200);
	fake.idle[0] = fake.idle[1] = fake.idle[2] = true;
	assert_in_range(run(&fake, &now_us, 20 * USEC_PER_SEC, 0), 1, 20);
	engine_free(fake.engine);
}

static void test_slow_partitions_hold_back_only_themselves(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 0, 0);
	fake.stuck[0] = fake.stuck[2] = true;
	for (int i = 0; i < 1000; i++) {
		engine_step(fake.engine, now_us++);
		acknowledge(&fake);
	}
	/* A third each of the 1712 records that the window of bytes has room for, and what was read of the last slice. */
	assert_in_range(fake.next[0], 400, 1000);
	assert_in_range(fake.next[2], 400, 1000);
	assert_in_range(fake.next[1], 50000, INT64_MAX);
	/* And when they go on, there is room for all. */
	fake.stuck[0] = fake.stuck[2] = false;
	for (int i = 0; i < 1000; i++) {
		engine_step(fake.engine, now_us++);
		acknowledge(&fake);
	}
	assert_in_range(fake.next[0], 50000, INT64_MAX);
	engine_free(fake.engine);
}

static void test_a_revoked_partition_does_not_wait_for_the_rate(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 1, 0);
	run(&fake, &now_us, 10 * USEC_PER_SEC, 0);
	fake.revoke = true;
	for (int i = 0; i < 4; i++) {
		engine_step(fake.engine, now_us);
		acknowledge(&fake);
	}
	assert_true(fake.released[0]);
	assert_int_equal(fake.committed[0], fake.next[0]);
	engine_free(fake.engine);
}

static void test_a_drain_does_not_wait_for_the_rate(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake, 1, 1);
	run(&fake, &now_us, 500 * USEC_PER_SEC, 0);
	assert_in_range(read_in_all(&fake), 3, 8); /* of 100 bytes each */
	engine_drain(fake.engine, now_us + 10 * USEC_PER_SEC);
	for (int i = 0; i < 4; i++) {
		engine_step(fake.engine, now_us);
		acknowledge(&fake);
	}
	assert_true(engine_is_drained(fake.engine));
	assert_true(engine_drain_was_clean(fake.engine));
	for (int part = 0; part < PARTS; part++)
		assert_int_equal(fake.committed[part], fake.next[part]);
	engine_free(fake.engine);
}

static void step_and_acknowledge(struct fake *fake, int64_t now_us, int times)
{
	for (int i = 0; i < times; i++) {
		engine_step(fake->engine, now_us);
		acknowledge(fake);
	}
}

static void test_a_pause_reads_nothing_commits_all_at_once_and_lets_partitions_come_and_go(void **state)
{
	static const enum delivery deliveries[] = { DELIVERY_AT_LEAST_ONCE, DELIVERY_AT_MOST_ONCE,
		DELIVERY_EXACTLY_ONCE };

	for (size_t i = 0; i < sizeof deliveries / sizeof deliveries[0]; i++) {
		struct fake fake;
		int64_t now_us = 1;
		int64_t read;

		begin_delivery(&fake, deliveries[i], 0, 0);
		engine_pause(fake.engine, true);
		step_and_acknowledge(&fake, now_us, 3);
		assert_int_equal(engine_counters(fake.engine)->assigned_partitions, PARTS);
		assert_int_equal(read_in_all(&fake), 0);
		assert_true(engine_is_at_rest(fake.engine));

		engine_pause(fake.engine, false);
		step_and_acknowledge(&fake, now_us, 5);
		engine_step(fake.engine, now_us);
		read = read_in_all(&fake);
		assert_in_range(read, 100, INT64_MAX);
		assert_false(engine_is_at_rest(fake.engine));

		/* The clock stands: no interval is waited for. */
		engine_pause(fake.engine, true);
		engine_step(fake.engine, now_us);
		assert_false(engine_is_at_rest(fake.engine));
		step_and_acknowledge(&fake, now_us, 20);
		assert_true(engine_is_at_rest(fake.engine));
		assert_int_equal(read_in_all(&fake), read);
		for (int part = 0; part < PARTS; part++)
			assert_int_equal(fake.committed[part], fake.next[part]);
		assert_in_range(run(&fake, &now_us, 10 * USEC_PER_SEC, 0), 1, 20);

		fake.revoke = true;
		step_and_acknowledge(&fake, now_us, 2);
		assert_true(fake.released[0]);
		engine_pause(fake.engine, false);
		step_and_acknowledge(&fake, now_us, 2);
		assert_in_range(read_in_all(&fake), read + 1, INT64_MAX);
		engine_free(fake.engine);
	}
}

static void test_a_drain_ends_a_pause_cleanly(void **state)
{
	struct fake fake;

	begin(&fake, 0, 0);
	step_and_acknowledge(&fake, 1, 3);
	engine_pause(fake.engine, true);
	engine_drain(fake.engine, 10 * USEC_PER_SEC);
	step_and_acknowledge(&fake, 1, 6);
	assert_true(engine_is_drained(fake.engine));
	assert_true(engine_drain_was_clean(fake.engine));
	engine_free(fake.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partitions_share_the_rate_evenly_however_often_the_engine_turns),
		cmocka_unit_test(test_what_an_idle_partition_leaves_the_others_have),
		cmocka_unit_test(test_bytes_are_those_of_keys_and_values),
		cmocka_unit_test(test_the_engine_sleeps_while_there_is_no_room_and_while_there_is_nothing_to_read),
		cmocka_unit_test(test_slow_partitions_hold_back_only_themselves),
		cmocka_unit_test(test_a_revoked_partition_does_not_wait_for_the_rate),
		cmocka_unit_test(test_a_drain_does_not_wait_for_the_rate),
		cmocka_unit_test(
		    test_a_pause_reads_nothing_commits_all_at_once_and_lets_partitions_come_and_go),
		cmocka_unit_test(test_a_drain_ends_a_pause_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
