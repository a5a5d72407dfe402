/* The engine on a source and a sink that do only what the test says: the cases that need an exact order of
 * events. Random orders are the simulation's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "relay/engine.h"

enum { HANDLES = 64 };

struct fake {
	struct engine *engine;
	/* the sink */
	uint64_t in_flight[HANDLES];
	size_t in_flight_count;
	unsigned purges, recreations;
	bool never_ready; /* no producer that is made works */
	bool ready; /* to be told in serve */
	/* the source */
	int64_t next_offset; /* of the one partition; -1 not assigned */
	int64_t available;   /* records below this offset are there */
	uint64_t epoch;
	int64_t assign_at; /* to be told in serve; -1 none */
	bool lose, revoke;
	struct error fail; /* to be told in serve */
	struct error block; /* the same, of the partition, at the next offset */
	int64_t committed;
	bool answer_commit;
	bool commits_fail; /* as far as the engine is told */
	struct mark answer;
	unsigned chunks_out;
	/* the host */
	struct error failed;
	unsigned troubles;
};

static void source_serve(void *context)
{
	struct fake *fake = context;

	if (fake->lose) {
		fake->lose = false;
		engine_on_lost(fake->engine, 0);
	}
	if (fake->revoke) {
		fake->revoke = false;
		engine_on_revoke_begin(fake->engine, 0);
	}
	if (fake->assign_at >= 0) {
		fake->next_offset = fake->assign_at;
		fake->assign_at = -1;
		engine_on_assigned(fake->engine, 0, ++fake->epoch, fake->next_offset);
	}
	if (fake->fail.code) {
		struct error err = fake->fail;

		error_clear(&fake->fail);
		engine_on_source_failed(fake->engine, &err);
	}
	if (fake->block.code) {
		engine_on_source_blocked(fake->engine, 0, fake->next_offset, &fake->block);
		error_clear(&fake->block);
	}
	if (fake->answer_commit) {
		struct error err;

		fake->answer_commit = false;
		error_set(&err, -ETIMEDOUT, REMEDY_RETRY, "no answer");
		fake->answer.error = fake->commits_fail ? -EIO : 0;
		engine_on_commit_done(fake->engine, &fake->answer, 1, fake->commits_fail ? &err : NULL);
	}
}

static uint32_t source_fetch(void *context, uint32_t part, uint32_t max_records)
{
	struct fake *fake = context;
	uint32_t count = 0;

	for (; count < max_records && fake->next_offset < fake->available; count++) {
		const struct chunk chunk = { .part = 0, .epoch = fake->epoch, .first = fake->next_offset,
			.next = fake->next_offset + 1, .records = 1, .bytes = 10, .leader_epoch = -1, .payload = fake };

		fake->next_offset++;
		fake->chunks_out++;
		engine_on_chunk(fake->engine, &chunk);
	}
	return count;
}

static void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct fake *fake = context;

	assert_int_equal(count, 1);
	fake->answer = marks[0];
	fake->committed = marks[0].offset;
	fake->answer_commit = true;
}

static void source_release_partition(void *context, uint32_t part)
{
	((struct fake *)context)->next_offset = INT64_MAX;
}

static void source_release_chunk(void *context, void *payload)
{
	((struct fake *)context)->chunks_out--;
}

static const struct source_ops source_ops = {
	.serve = source_serve,
	.fetch = source_fetch,
	.commit = source_commit,
	.release_partition = source_release_partition,
	.release_chunk = source_release_chunk,
};

static void sink_serve(void *context)
{
	struct fake *fake = context;

	if (fake->ready) {
		fake->ready = false;
		engine_on_sink_ready(fake->engine);
	}
}

static int sink_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct fake *fake = context;

	if (fake->in_flight_count == HANDLES)
		return -EAGAIN;
	fake->in_flight[fake->in_flight_count++] = handle;
	return 0;
}

static void report_all(struct fake *fake, enum report_outcome outcome, bool possibly_written)
{
	struct error err;
	size_t count = fake->in_flight_count;
	uint64_t handles[HANDLES];

	error_set(&err, -EIO, REMEDY_RETRY, "as the test says");
	memcpy(handles, fake->in_flight, sizeof handles);
	fake->in_flight_count = 0;
	for (size_t i = 0; i < count; i++)
		engine_on_report(fake->engine, handles[i], 1, outcome, possibly_written,
		    outcome == REPORT_ACKED ? NULL : &err);
}

static void sink_purge(void *context, bool in_flight_too)
{
	((struct fake *)context)->purges += in_flight_too;
}

static void sink_recreate(void *context)
{
	struct fake *fake = context;

	fake->recreations++;
	fake->ready = !fake->never_ready;
}

static const struct sink_ops sink_ops = {
	.serve = sink_serve,
	.submit = sink_submit,
	.purge = sink_purge,
	.recreate = sink_recreate,
};

static void host_blocked(void *context, uint32_t part, int64_t offset, const struct error *err)
{
}

static void host_failed(void *context, const struct error *err)
{
	((struct fake *)context)->failed = *err;
}

static void host_trouble(void *context, uint32_t part, int64_t offset, const struct error *err)
{
	((struct fake *)context)->troubles++;
}

static void host_lost(void *context, uint32_t part, int64_t first, int64_t next, uint64_t records,
    const struct error *err)
{
}

static const struct engine_host_ops host_ops = {
	.partition_blocked = host_blocked,
	.failed = host_failed,
	.trouble = host_trouble,
	.lost = host_lost,
};

static void begin_delivery(struct fake *fake, enum delivery delivery)
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

	*fake = (struct fake){ .assign_at = 0, .next_offset = -1 };
	fake->engine = engine_new(&config, &source_ops, fake, &sink_ops, fake, &host_ops, fake);
}

static void begin(struct fake *fake)
{
	begin_delivery(fake, DELIVERY_AT_LEAST_ONCE);
}

static void end(struct fake *fake)
{
	engine_free(fake->engine);
	assert_int_equal(fake->chunks_out, 0);
}

static void steps(struct fake *fake, int64_t *now_us)
{
	for (int i = 0; i < 5; i++)
		engine_step(fake->engine, *now_us += 100 * USEC_PER_MSEC);
}

static void test_what_is_sent_again_after_a_lost_partition_is_counted_as_repeated(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake);
	fake.available = 10;
	steps(&fake, &now_us);
	assert_int_equal(fake.in_flight_count, 10);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);

	fake.lose = true;
	steps(&fake, &now_us);
	assert_int_equal(fake.purges, 1);
	report_all(&fake, REPORT_RETRY, true);
	fake.assign_at = 0;
	fake.available = 12;
	steps(&fake, &now_us);
	assert_int_equal(fake.in_flight_count, 12);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 10);
	assert_int_equal(fake.committed, 0);
	report_all(&fake, REPORT_ACKED, false);
	end(&fake);
}

static void test_what_was_not_sent_before_is_no_repeat_wherever_reading_began(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake);
	fake.assign_at = 5; /* and there is nothing */
	steps(&fake, &now_us);
	fake.lose = true;
	steps(&fake, &now_us);
	fake.assign_at = 0;
	fake.available = 3;
	steps(&fake, &now_us);
	assert_int_equal(fake.in_flight_count, 3);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);
	report_all(&fake, REPORT_ACKED, false);
	end(&fake);
}

static void test_a_stop_after_a_lost_partition_is_not_clean_until_it_is_committed(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	for (int caught_up = 0; caught_up < 2; caught_up++) {
		begin(&fake);
		fake.available = 10;
		steps(&fake, &now_us);
		report_all(&fake, REPORT_ACKED, false);
		engine_step(fake.engine, now_us); /* settled, and too early for a commit */
		fake.lose = true;
		engine_step(fake.engine, now_us);
		assert_int_equal(fake.committed, 0);
		if (caught_up) {
			fake.assign_at = 0;
			steps(&fake, &now_us);
			report_all(&fake, REPORT_ACKED, false);
			for (int i = 0; i < 5; i++)
				steps(&fake, &now_us);
			assert_int_equal(fake.committed, 10);
		}
		engine_drain(fake.engine, now_us + 10 * USEC_PER_SEC);
		for (int i = 0; i < 5; i++)
			steps(&fake, &now_us);
		assert_true(engine_is_drained(fake.engine));
		assert_int_equal(engine_drain_was_clean(fake.engine), caught_up);
		end(&fake);
	}
}

static void test_fatal_error_that_needs_a_person_fails_and_makes_no_new_producer(void **state)
{
	struct fake fake;
	struct error err;
	int64_t now_us = 0;

	begin(&fake);
	fake.available = 10;
	steps(&fake, &now_us);
	error_set(&err, -EIO, REMEDY_PERSON, "not authorised");
	engine_on_sink_fatal(fake.engine, &err);
	report_all(&fake, REPORT_RETRY, false);
	steps(&fake, &now_us);
	assert_string_equal(fake.failed.message, "not authorised");
	assert_int_equal(fake.failed.remedy, REMEDY_PERSON);
	assert_int_equal(fake.recreations, 0);
	end(&fake);
}

static void test_fatal_error_that_a_new_producer_mends_sends_again_in_order(void **state)
{
	struct fake fake;
	struct error err;
	int64_t now_us = 0;
	uint64_t first;

	begin(&fake);
	fake.available = 10;
	steps(&fake, &now_us);
	first = fake.in_flight[0];
	error_set(&err, -EIO, REMEDY_RETRY, "fatal");
	engine_on_sink_fatal(fake.engine, &err);
	report_all(&fake, REPORT_RETRY, true);
	for (int i = 0; i < 20; i++)
		steps(&fake, &now_us);
	assert_int_equal(fake.recreations, 1);
	assert_int_equal(fake.failed.code, 0);
	assert_int_equal(fake.in_flight_count, 10);
	assert_int_equal(fake.in_flight[0], first);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 10);
	report_all(&fake, REPORT_ACKED, false);
	for (int i = 0; i < 5; i++)
		steps(&fake, &now_us);
	assert_int_equal(fake.committed, 10);
	end(&fake);
}

/* It is the reason for which nothing goes on: the state and the log have no other. */
static void test_why_a_new_producer_fails_before_it_is_ready_is_told_each_time(void **state)
{
	struct fake fake;
	struct error err;
	int64_t now_us = 0;

	begin(&fake);
	fake.never_ready = true;
	error_set(&err, -EIO, REMEDY_RETRY, "fatal");
	engine_on_sink_fatal(fake.engine, &err);
	assert_int_equal(fake.troubles, 1);
	for (unsigned tries = 1; tries <= 3; tries++) {
		for (int i = 0; i < 100 && fake.recreations < tries; i++)
			steps(&fake, &now_us);
		assert_int_equal(fake.recreations, tries);
		error_set(&err, -EINVAL, REMEDY_RESTART, "librdkafka refuses the settings");
		engine_on_sink_fatal(fake.engine, &err);
		assert_int_equal(fake.troubles, 1 + tries);
	}
	end(&fake);
}

static void report_one(struct fake *fake, uint64_t handle, enum report_outcome outcome, bool possibly_written)
{
	fake->in_flight[0] = handle;
	fake->in_flight_count = 1;
	report_all(fake, outcome, possibly_written);
}

static void test_what_was_written_behind_a_record_that_failed_is_sent_again_with_it(void **state)
{
	struct fake fake;
	struct error err;
	int64_t now_us = 0;
	uint64_t first, second;

	begin(&fake);
	fake.available = 3;
	steps(&fake, &now_us);
	first = fake.in_flight[0];
	second = fake.in_flight[1];
	error_set(&err, -EIO, REMEDY_RETRY, "fatal");
	engine_on_sink_fatal(fake.engine, &err);
	report_one(&fake, first, REPORT_RETRY, true);
	report_one(&fake, first + 2, REPORT_RETRY, false);
	report_one(&fake, second, REPORT_ACKED, false);
	for (int i = 0; i < 20; i++)
		steps(&fake, &now_us);
	/* The target may have 0, 1; with 0, 2 behind them the repeat would have a hole. */
	assert_int_equal(fake.in_flight_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fake.in_flight[i], first + i);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 2);
	report_all(&fake, REPORT_ACKED, false);
	for (int i = 0; i < 5; i++)
		steps(&fake, &now_us);
	assert_int_equal(fake.committed, 3);
	end(&fake);
}

static void test_what_was_written_before_a_record_that_failed_is_not_sent_again(void **state)
{
	struct fake fake;
	struct error err;
	int64_t now_us = 0;
	uint64_t first;

	begin(&fake);
	fake.available = 3;
	steps(&fake, &now_us);
	first = fake.in_flight[0];
	error_set(&err, -EIO, REMEDY_RETRY, "fatal");
	engine_on_sink_fatal(fake.engine, &err);
	report_one(&fake, first, REPORT_ACKED, false);
	report_one(&fake, first + 1, REPORT_RETRY, false);
	report_one(&fake, first + 2, REPORT_RETRY, false);
	for (int i = 0; i < 20; i++)
		steps(&fake, &now_us);
	assert_int_equal(fake.in_flight_count, 2);
	assert_int_equal(fake.in_flight[0], first + 1);
	assert_int_equal(engine_counters(fake.engine)->repeated_records, 0);
	report_all(&fake, REPORT_ACKED, false);
	end(&fake);
}

static void test_a_source_that_fails_leaves_what_is_in_flight_to_be_settled(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin(&fake);
	fake.available = 10;
	steps(&fake, &now_us);
	error_set(&fake.fail, -EIO, REMEDY_PERSON, "no READ any more");
	steps(&fake, &now_us);
	assert_string_equal(fake.failed.message, "no READ any more");
	assert_int_equal(fake.purges, 0);
	engine_drain(fake.engine, now_us + 10 * USEC_PER_SEC);
	steps(&fake, &now_us);
	assert_false(engine_is_drained(fake.engine));
	report_all(&fake, REPORT_ACKED, false);
	steps(&fake, &now_us);
	assert_true(engine_is_drained(fake.engine));
	assert_true(engine_drain_was_clean(fake.engine));
	assert_int_equal(fake.committed, 10);
	end(&fake);
}

static void test_a_drain_that_leaves_a_partition_blocked_says_so(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	for (unsigned blocked = 0; blocked < 2; blocked++) {
		begin(&fake);
		fake.available = 10;
		steps(&fake, &now_us);
		report_all(&fake, REPORT_ACKED, false);
		if (blocked)
			error_set(&fake.block, -EIO, REMEDY_PERSON, "a gap");
		steps(&fake, &now_us);
		assert_int_equal(engine_left_blocked(fake.engine), 0); /* it has it still */
		engine_drain(fake.engine, now_us + 10 * USEC_PER_SEC);
		for (int i = 0; i < 5; i++)
			steps(&fake, &now_us);
		assert_true(engine_is_drained(fake.engine));
		assert_true(engine_drain_was_clean(fake.engine));
		assert_int_equal(engine_left_blocked(fake.engine), blocked);
		assert_int_equal(fake.committed, 10);
		end(&fake);
	}
}

/* It is tried again in a while. */
static void begin_with_unanswered_commit(struct fake *fake, int64_t *now_us)
{
	begin_delivery(fake, DELIVERY_AT_MOST_ONCE);
	fake->available = 10;
	fake->commits_fail = true;
	while (fake->troubles == 0)
		engine_step(fake->engine, *now_us += USEC_PER_MSEC);
	assert_int_equal(fake->committed, 10);
	fake->committed = 0;
	fake->commits_fail = false;
}

/* The brokers may have taken it: then the next owner begins behind these records. */
static void test_at_most_once_names_as_lost_what_a_commit_without_an_answer_may_have_committed(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin_with_unanswered_commit(&fake, &now_us);
	fake.lose = true;
	engine_step(fake.engine, now_us);
	assert_int_equal(fake.in_flight_count, 0);
	assert_int_equal(engine_counters(fake.engine)->lost_records, 10);
	end(&fake);
}

static void test_at_most_once_reads_again_what_such_a_commit_has_not_committed(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin_with_unanswered_commit(&fake, &now_us);
	fake.assign_at = 4;
	engine_step(fake.engine, now_us);
	for (int i = 0; i < 5; i++)
		steps(&fake, &now_us);
	assert_int_equal(engine_counters(fake.engine)->lost_records, 4);
	assert_int_equal(fake.in_flight_count, 6);
	report_all(&fake, REPORT_ACKED, false);
	end(&fake);
}

static void test_at_most_once_commits_again_before_it_gives_a_partition_up(void **state)
{
	struct fake fake;
	int64_t now_us = 0;

	begin_with_unanswered_commit(&fake, &now_us);
	fake.revoke = true;
	engine_step(fake.engine, now_us);
	for (int i = 0; i < 5; i++)
		steps(&fake, &now_us);
	assert_int_equal(fake.committed, 10);
	assert_int_equal(fake.in_flight_count, 10);
	report_all(&fake, REPORT_ACKED, false);
	steps(&fake, &now_us);
	assert_int_equal(fake.next_offset, INT64_MAX); /* given up */
	assert_int_equal(engine_counters(fake.engine)->lost_records, 0);
	end(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sent_again_after_a_lost_partition_is_counted_as_repeated),
		cmocka_unit_test(test_what_was_not_sent_before_is_no_repeat_wherever_reading_began),
		cmocka_unit_test(test_a_stop_after_a_lost_partition_is_not_clean_until_it_is_committed),
		cmocka_unit_test(test_fatal_error_that_needs_a_person_fails_and_makes_no_new_producer),
		cmocka_unit_test(test_fatal_error_that_a_new_producer_mends_sends_again_in_order),
		cmocka_unit_test(test_why_a_new_producer_fails_before_it_is_ready_is_told_each_time),
		cmocka_unit_test(test_a_drain_that_leaves_a_partition_blocked_says_so),
		cmocka_unit_test(test_what_was_written_behind_a_record_that_failed_is_sent_again_with_it),
		cmocka_unit_test(test_what_was_written_before_a_record_that_failed_is_not_sent_again),
		cmocka_unit_test(test_at_most_once_names_as_lost_what_a_commit_without_an_answer_may_have_committed),
		cmocka_unit_test(test_at_most_once_reads_again_what_such_a_commit_has_not_committed),
		cmocka_unit_test(test_at_most_once_commits_again_before_it_gives_a_partition_up),
		cmocka_unit_test(test_a_source_that_fails_leaves_what_is_in_flight_to_be_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
