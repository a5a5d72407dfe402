/* Commits that go well for some partitions and not for others, and partitions that do not exist any more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/sent_memory.h"
#include "relay/engine.h"

enum { PARTS = 2, HANDLES = 64, RECORDS = 10 };
/* What befalls part 0; part 1 is always well. */
enum { SICK, WELL };

struct fake {
	struct engine *engine;
	int64_t now_us;
	uint64_t in_flight[HANDLES];
	size_t in_flight_count;
	bool is_assigned;
	bool is_released[PARTS];
	int64_t position[PARTS], next[PARTS], available[PARTS];
	uint64_t submitted[PARTS], lost[PARTS];
	int64_t sent_before[PARTS]; /* by an engine before */
	struct mark marks[PARTS];
	size_t mark_count;
	int sick_error; /* of part SICK in the answers */
	enum error_remedy remedy;
	unsigned asked[PARTS]; /* commits that held it */
	struct error failed;
};

static void source_serve(void *context)
{
	struct fake *fake = context;
	struct error err;
	size_t count = fake->mark_count;

	for (uint32_t part = 0; part < PARTS && !fake->is_assigned; part++)
		engine_on_assigned(fake->engine, part, 1, fake->position[part]);
	fake->is_assigned = true;
	if (count == 0)
		return;
	fake->mark_count = 0;
	error_clear(&err);
	for (size_t i = 0; i < count; i++) {
		fake->marks[i].error = fake->marks[i].part == SICK ? fake->sick_error : 0;
		if (fake->marks[i].error)
			error_set(&err, fake->marks[i].error, fake->remedy, "partition %d", SICK);
	}
	engine_on_commit_done(fake->engine, fake->marks, count, err.code ? &err : NULL);
}

static uint32_t source_fetch(void *context, uint32_t part, uint32_t max_records)
{
	struct fake *fake = context;
	uint32_t count = 0;

	for (; count < max_records && fake->next[part] < fake->available[part]; count++) {
		const struct chunk chunk = { .part = part, .epoch = 1, .first = fake->next[part],
			.next = fake->next[part] + 1, .records = 1, .bytes = 10, .leader_epoch = -1, .payload = fake };

		fake->next[part]++;
		engine_on_chunk(fake->engine, &chunk);
	}
	return count;
}

static void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct fake *fake = context;

	memcpy(fake->marks, marks, count * sizeof *marks);
	fake->mark_count = count;
	for (size_t i = 0; i < count; i++)
		fake->asked[marks[i].part]++;
}

static void source_release_partition(void *context, uint32_t part)
{
	((struct fake *)context)->is_released[part] = true;
}

static void source_release_chunk(void *context, void *payload)
{
}

static const struct source_ops source_ops = {
	.serve = source_serve,
	.fetch = source_fetch,
	.commit = source_commit,
	.release_partition = source_release_partition,
	.release_chunk = source_release_chunk,
};

static void sink_nothing(void *context)
{
}

static int sink_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct fake *fake = context;

	assert_in_range(fake->in_flight_count, 0, HANDLES - 1);
	fake->in_flight[fake->in_flight_count++] = handle;
	fake->submitted[part]++;
	return 0;
}

static void sink_purge(void *context, bool in_flight_too)
{
}

static const struct sink_ops sink_ops = {
	.serve = sink_nothing,
	.submit = sink_submit,
	.purge = sink_purge,
	.recreate = sink_nothing,
};

static void host_of_part(void *context, uint32_t part, int64_t offset, const struct error *err)
{
}

static void host_failed(void *context, const struct error *err)
{
	((struct fake *)context)->failed = *err;
}

static int64_t host_sent_before(void *context, uint32_t part)
{
	return ((struct fake *)context)->sent_before[part];
}

static void host_lost(void *context, uint32_t part, int64_t first, int64_t next, uint64_t records,
    const struct error *err)
{
	((struct fake *)context)->lost[part] += records;
}

static const struct engine_host_ops host_ops = {
	.partition_blocked = host_of_part,
	.failed = host_failed,
	.trouble = host_of_part,
	.sent_before = host_sent_before,
	.lost = host_lost,
};

static void begin(struct fake *fake, enum delivery delivery)
{
	const struct engine_config config = {
		.delivery = delivery,
		.idempotent = true,
		.commit_records = 1000,
		.commit_interval_us = USEC_PER_SEC,
		.revoke_timeout_us = 10 * USEC_PER_SEC,
		.limits = { .window_bytes = 100000, .window_records = 1000, .partition_window_bytes = 100000,
			.partition_window_records = 1000, .fetch_burst = 100 },
	};

	*fake = (struct fake){ .available = { RECORDS, RECORDS } };
	fake->engine = engine_new(&config, &source_ops, fake, &sink_ops, fake, &host_ops, fake);
}

/* Acknowledges what is sent, for so long. */
static void run_ms(struct fake *fake, int ms)
{
	for (int i = 0; i < ms / 10; i++) {
		size_t count = fake->in_flight_count;

		fake->in_flight_count = 0;
		for (size_t k = 0; k < count; k++)
			engine_on_report(fake->engine, fake->in_flight[k], 1, REPORT_ACKED, false, NULL);
		engine_step(fake->engine, fake->now_us += 10 * USEC_PER_MSEC);
	}
}

static struct part_view view_of(const struct fake *fake, uint32_t part)
{
	struct part_view view;

	engine_part_view(fake->engine, part, &view);
	return view;
}

static void test_a_partition_whose_commit_fails_takes_no_other_along(void **state)
{
	for (enum delivery delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_AT_LEAST_ONCE; delivery++) {
		struct fake fake;

		begin(&fake, delivery);
		fake.sick_error = -EIO;
		fake.remedy = REMEDY_RETRY;
		run_ms(&fake, 1100);
		assert_true(fake.asked[SICK] >= 1);
		assert_int_equal(fake.asked[WELL], 1);
		assert_int_equal(view_of(&fake, WELL).committed, RECORDS);
		assert_int_equal(view_of(&fake, SICK).committed, 0);
		assert_int_equal(fake.submitted[WELL], RECORDS);
		assert_int_equal(fake.submitted[SICK], delivery == DELIVERY_AT_MOST_ONCE ? 0 : RECORDS);
		/* It is tried again, alone. */
		fake.sick_error = 0;
		run_ms(&fake, 6000);
		assert_int_equal(fake.asked[WELL], 1);
		assert_int_equal(view_of(&fake, SICK).committed, RECORDS);
		assert_int_equal(fake.submitted[SICK], RECORDS);
		assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);
		engine_free(fake.engine);
	}
}

/* Its failure may end the engine; what was committed of others meanwhile is sent all the same. */
static void test_a_partition_that_is_gone_keeps_no_drain_waiting(void **state)
{
	for (enum delivery delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_AT_LEAST_ONCE; delivery++) {
		struct fake fake;

		begin(&fake, delivery);
		fake.sick_error = -ENOENT;
		fake.remedy = REMEDY_RESTART;
		run_ms(&fake, 1100);
		assert_int_equal(fake.failed.remedy, REMEDY_RESTART);
		engine_drain(fake.engine, fake.now_us + 60 * USEC_PER_SEC);
		run_ms(&fake, 100);
		assert_true(engine_is_drained(fake.engine));
		assert_true(engine_drain_was_clean(fake.engine));
		assert_true(fake.is_released[SICK] && fake.is_released[WELL]);
		assert_int_equal(fake.asked[SICK], 1);
		assert_int_equal(fake.submitted[WELL], RECORDS);
		assert_int_equal(fake.lost[WELL], 0);
		/* At most once, what could not be committed is not sent, and nobody will read it again. */
		assert_int_equal(fake.submitted[SICK], delivery == DELIVERY_AT_MOST_ONCE ? 0 : RECORDS);
		assert_int_equal(fake.lost[SICK], delivery == DELIVERY_AT_MOST_ONCE ? RECORDS : 0);
		assert_int_equal(engine_counters(fake.engine)->lost_records, fake.lost[SICK]);
		engine_free(fake.engine);
	}
}

/* Told only by the last commit. */
static void test_a_drain_that_finds_a_partition_gone_ends(void **state)
{
	for (enum delivery delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_AT_LEAST_ONCE; delivery++) {
		struct fake fake;

		begin(&fake, delivery);
		run_ms(&fake, 1100);
		assert_int_equal(view_of(&fake, SICK).committed, RECORDS);
		fake.available[SICK] = fake.available[WELL] = 2 * RECORDS;
		run_ms(&fake, 50);
		fake.sick_error = -ENOENT;
		fake.remedy = REMEDY_RESTART;
		/* At most once nothing of it was promised: it is left to be read again, by nobody. */
		engine_drain(fake.engine, fake.now_us + 60 * USEC_PER_SEC);
		run_ms(&fake, 100);
		assert_true(engine_is_drained(fake.engine));
		assert_true(engine_drain_was_clean(fake.engine));
		assert_int_equal(fake.lost[WELL], 0);
		assert_int_equal(view_of(&fake, WELL).state, PART_UNASSIGNED);
		engine_free(fake.engine);
	}
}

/* The first one has sent all, and ends with no commit; the second reads it again. */
static void test_what_an_engine_before_has_sent_is_counted_when_it_is_sent_again(void **state)
{
	struct fake fake;
	int64_t sent_until[PARTS];

	begin(&fake, DELIVERY_AT_LEAST_ONCE);
	fake.sick_error = -EIO;
	fake.remedy = REMEDY_RETRY;
	assert_int_equal(engine_part_count(fake.engine), 0);
	run_ms(&fake, 1100);
	engine_drain(fake.engine, fake.now_us + USEC_PER_SEC);
	run_ms(&fake, 4000);
	assert_true(engine_is_drained(fake.engine));
	assert_false(engine_drain_was_clean(fake.engine));
	for (uint32_t part = 0; part < PARTS; part++)
		sent_until[part] = engine_sent_until(fake.engine, part);
	assert_int_equal(sent_until[SICK], RECORDS);
	assert_int_equal(sent_until[WELL], RECORDS);
	engine_free(fake.engine);

	begin(&fake, DELIVERY_AT_LEAST_ONCE);
	fake.position[WELL] = fake.next[WELL] = RECORDS;
	memcpy(fake.sent_before, sent_until, sizeof sent_until);
	fake.available[SICK] = fake.available[WELL] = 2 * RECORDS;
	run_ms(&fake, 1100);
	assert_int_equal(fake.submitted[SICK], 2 * RECORDS);
	assert_int_equal(fake.submitted[WELL], RECORDS);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, RECORDS);
	assert_int_equal(engine_sent_until(fake.engine, SICK), 2 * RECORDS);
	engine_free(fake.engine);
}

/* What is not heard of again in the second one, and read in the third. */
static void test_what_was_sent_is_remembered_by_name(void **state)
{
	struct sent_memory *memory = sent_memory_new();

	sent_memory_note(memory, "orders", 2, 0);
	assert_int_equal(sent_memory_until(memory, "orders", 2), 0);
	sent_memory_note(memory, "orders", 2, 7);
	sent_memory_note(memory, "bills", 0, 9);
	sent_memory_note(memory, "orders", 1, 5);
	assert_int_equal(sent_memory_until(memory, "orders", 2), 7);
	assert_int_equal(sent_memory_until(memory, "orders", 1), 5);
	assert_int_equal(sent_memory_until(memory, "orders", 0), 0);
	assert_int_equal(sent_memory_until(memory, "orders", 3), 0);
	assert_int_equal(sent_memory_until(memory, "bills", 0), 9);
	sent_memory_note(memory, "orders", 2, 0);
	assert_int_equal(sent_memory_until(memory, "orders", 2), 0);
	sent_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_partition_whose_commit_fails_takes_no_other_along),
		cmocka_unit_test(test_a_partition_that_is_gone_keeps_no_drain_waiting),
		cmocka_unit_test(test_a_drain_that_finds_a_partition_gone_ends),
		cmocka_unit_test(test_what_an_engine_before_has_sent_is_counted_when_it_is_sent_again),
		cmocka_unit_test(test_what_was_sent_is_remembered_by_name),
	};

	return cmocka_run_group_tests_name("engine_commits", tests, NULL, NULL);
}
