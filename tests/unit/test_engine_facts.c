/* What the engine lets its owner see: why a partition stands where it does, what is in flight, and how long records
 * take. Source and sink do only what the test says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/record_age.h"
#include "relay/engine.h"

enum { HANDLES = 64, RECORD_BYTES = 10, PAYLOAD_BYTES = 7 };

struct fake {
	struct engine *engine;
	int64_t now_us;
	uint64_t in_flight[HANDLES];
	size_t in_flight_count, in_flight_max;
	bool txn_committing;
	int64_t next_offset, available;
	uint32_t age_ms;
	bool assigned, commit_sent;
	struct mark mark;
};

static void source_serve(void *context)
{
	struct fake *fake = context;

	if (!fake->assigned)
		engine_on_assigned(fake->engine, 0, 1, 0);
	fake->assigned = true;
}

static uint32_t source_fetch(void *context, uint32_t part, uint32_t max_records)
{
	struct fake *fake = context;
	uint32_t count = 0;

	for (; count < max_records && fake->next_offset < fake->available; count++) {
		const struct chunk chunk = { .part = part, .epoch = 1, .first = fake->next_offset,
			.next = fake->next_offset + 1, .records = 1, .bytes = RECORD_BYTES, .payload_bytes = PAYLOAD_BYTES,
			.leader_epoch = -1, .age_ms = fake->age_ms, .payload = fake };

		fake->next_offset++;
		engine_on_chunk(fake->engine, &chunk);
	}
	return count;
}

static void source_commit(void *context, const struct mark *marks, size_t count)
{
	struct fake *fake = context;

	fake->mark = marks[0];
	fake->commit_sent = true;
}

static void source_release(void *context, uint32_t part)
{
}

static void source_release_chunk(void *context, void *payload)
{
}

static void *source_token(void *context)
{
	return context;
}

static void source_free_token(void *context, void *token)
{
}

static const struct source_ops source_ops = { .serve = source_serve, .fetch = source_fetch, .commit = source_commit,
	.release_partition = source_release, .release_chunk = source_release_chunk, .group_token = source_token,
	.free_group_token = source_free_token };

static void sink_serve(void *context)
{
}

static int sink_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct fake *fake = context;

	if (fake->in_flight_count == fake->in_flight_max)
		return -EAGAIN;
	fake->in_flight[fake->in_flight_count++] = handle;
	return 0;
}

static void sink_purge(void *context, bool in_flight_too)
{
}

static void sink_recreate(void *context)
{
}

static int sink_txn_begin(void *context, struct error *err)
{
	return 0;
}

static void sink_txn_commit(void *context, const struct mark *marks, size_t count, void *token)
{
	((struct fake *)context)->txn_committing = true;
}

static const struct sink_ops sink_ops = { .serve = sink_serve, .submit = sink_submit, .purge = sink_purge,
	.recreate = sink_recreate, .txn_begin = sink_txn_begin, .txn_commit = sink_txn_commit };

static void host_blocked(void *context, uint32_t part, int64_t offset, const struct error *err)
{
}

static void host_failed(void *context, const struct error *err)
{
}

static void host_trouble(void *context, uint32_t part, int64_t offset, const struct error *err)
{
}

static const struct engine_host_ops host_ops = { .partition_blocked = host_blocked, .failed = host_failed,
	.trouble = host_trouble };

static void begin(struct fake *fake, enum delivery delivery, const struct engine_limits *limits)
{
	struct engine_config config = {
		.delivery = delivery,
		.idempotent = true,
		.commit_records = 1000,
		.commit_interval_us = USEC_PER_SEC,
		.revoke_timeout_us = 10 * USEC_PER_SEC,
		.limits = { .window_bytes = 100000, .window_records = 1000, .partition_window_bytes = 100000,
			.partition_window_records = 1000, .fetch_burst = 100 },
	};

	if (limits)
		config.limits = *limits;
	*fake = (struct fake){ .in_flight_max = HANDLES, .now_us = USEC_PER_SEC };
	fake->engine = engine_new(&config, &source_ops, fake, &sink_ops, fake, &host_ops, fake);
}

static void step(struct fake *fake, int64_t later_us)
{
	fake->now_us += later_us;
	for (int i = 0; i < 3; i++)
		engine_step(fake->engine, fake->now_us);
}

static void ack(struct fake *fake, size_t count)
{
	for (size_t i = 0; i < count; i++)
		engine_on_report(fake->engine, fake->in_flight[i], 1, REPORT_ACKED, false, NULL);
	fake->in_flight_count -= count;
	memmove(fake->in_flight, fake->in_flight + count, fake->in_flight_count * sizeof fake->in_flight[0]);
}

/* What the partition waits for when it has stood still for a minute. */
static void assert_waits(const struct fake *fake, enum partition_wait wait)
{
	struct partition_facts facts;

	engine_part_facts(fake->engine, 0, &facts);
	facts.lag = fake->available - fake->next_offset;
	facts.still_us = 60 * USEC_PER_SEC;
	assert_string_equal(partition_wait_name(partition_wait_decide(&facts)), partition_wait_name(wait));
}

static void test_a_report_the_queue_and_the_end_are_told_apart(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, NULL);
	step(&fake, 0);
	assert_waits(&fake, WAIT_RECORDS);
	fake.available = 5;
	fake.in_flight_max = 3;
	step(&fake, 0);
	assert_waits(&fake, WAIT_REPORT);
	assert_int_equal(engine_in_flight_records(fake.engine), 3);
	assert_int_equal(engine_in_flight_bytes(fake.engine), 3 * RECORD_BYTES);
	fake.in_flight_max = 0; /* takes no more, and nothing is on its way */
	ack(&fake, 3);
	step(&fake, 0);
	assert_waits(&fake, WAIT_QUEUE);
	assert_int_equal(engine_in_flight_bytes(fake.engine), 0);
	fake.in_flight_max = HANDLES;
	engine_on_report(fake.engine, 0, 1, REPORT_ACKED, false, NULL); /* of nobody: it tries again */
	step(&fake, 0);
	ack(&fake, 2);
	step(&fake, 0);
	assert_waits(&fake, WAIT_RECORDS);
	engine_free(fake.engine);
}

static void test_bytes_read_and_acknowledged_are_those_of_keys_and_values_alone(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, NULL);
	fake.available = 5;
	step(&fake, 0);
	assert_int_equal(engine_counters(fake.engine)->consumed_bytes, 5 * PAYLOAD_BYTES);
	assert_int_equal(engine_held_bytes(fake.engine), 5 * RECORD_BYTES);
	ack(&fake, 2);
	assert_int_equal(engine_counters(fake.engine)->acked_bytes, 2 * PAYLOAD_BYTES);
	engine_free(fake.engine);
}

static void test_a_failed_producer_is_told_until_there_is_a_new_one(void **state)
{
	struct fake fake;
	struct error err;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, NULL);
	fake.available = 2;
	step(&fake, 0);
	error_set(&err, -EIO, REMEDY_RETRY, "fatal");
	engine_on_sink_fatal(fake.engine, &err);
	for (size_t i = 0; i < 2; i++)
		engine_on_report(fake.engine, fake.in_flight[i], 1, REPORT_RETRY, true, &err);
	fake.in_flight_count = 0;
	step(&fake, 0);
	assert_waits(&fake, WAIT_PRODUCER);
	assert_int_equal(engine_in_flight_bytes(fake.engine), 0);
	step(&fake, 30 * USEC_PER_SEC);
	engine_on_sink_ready(fake.engine);
	step(&fake, 0);
	assert_waits(&fake, WAIT_REPORT);
	ack(&fake, 2);
	engine_free(fake.engine);
}

static void test_at_most_once_waits_for_its_commit_before_it_sends(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_AT_MOST_ONCE, NULL);
	fake.available = 2;
	step(&fake, 0);
	step(&fake, 2 * USEC_PER_SEC);
	assert_true(fake.commit_sent);
	assert_int_equal(fake.in_flight_count, 0);
	assert_waits(&fake, WAIT_COMMIT);
	engine_on_commit_done(fake.engine, &fake.mark, 1, NULL);
	step(&fake, 0);
	assert_waits(&fake, WAIT_REPORT);
	ack(&fake, 2);
	engine_free(fake.engine);
}

static void test_a_transaction_is_waited_for_once_all_is_reported(void **state)
{
	struct fake fake;

	begin(&fake, DELIVERY_EXACTLY_ONCE, NULL);
	fake.available = 2;
	step(&fake, 0);
	assert_waits(&fake, WAIT_REPORT);
	ack(&fake, 2);
	step(&fake, 2 * USEC_PER_SEC);
	assert_true(fake.txn_committing);
	fake.available = 4; /* not before the next one */
	step(&fake, 0);
	assert_waits(&fake, WAIT_TRANSACTION);
	assert_int_equal(engine_latencies(fake.engine)->transaction.total, 0);
	fake.now_us += 5000;
	step(&fake, 0);
	engine_on_txn_done(fake.engine, TXN_COMMITTED, NULL);
	assert_int_equal(engine_latencies(fake.engine)->transaction.total, 1);
	assert_int_equal(engine_latencies(fake.engine)->transaction.sum_us, 5000);
	assert_int_equal(engine_latencies(fake.engine)->commit.total, 0);
	step(&fake, 0);
	assert_waits(&fake, WAIT_REPORT);
	engine_free(fake.engine);
}

static void test_a_full_window_a_reached_rate_and_a_pause_are_told(void **state)
{
	const struct engine_limits small = { .window_bytes = 2 * RECORD_BYTES, .window_records = 100,
		.partition_window_bytes = 2 * RECORD_BYTES, .partition_window_records = 100, .fetch_burst = 100 };
	const struct engine_limits slow = { .window_bytes = 100000, .window_records = 1000,
		.partition_window_bytes = 100000, .partition_window_records = 1000, .fetch_burst = 100,
		.rate_records = 4 };
	struct partition_facts facts;
	struct fake fake;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, &small);
	fake.available = 64;
	step(&fake, 0);
	engine_part_facts(fake.engine, 0, &facts);
	assert_true(facts.window_full);
	assert_waits(&fake, WAIT_REPORT); /* it is its own records that fill it */
	engine_free(fake.engine);

	begin(&fake, DELIVERY_AT_LEAST_ONCE, &slow);
	fake.available = 50;
	step(&fake, 0);
	ack(&fake, fake.in_flight_count);
	step(&fake, 0);
	assert_waits(&fake, WAIT_RATE);
	engine_pause(fake.engine, true);
	step(&fake, 0);
	assert_waits(&fake, WAIT_COMMIT);
	engine_on_commit_done(fake.engine, &fake.mark, 1, NULL);
	step(&fake, 0);
	assert_waits(&fake, WAIT_PAUSED);
	engine_free(fake.engine);
}

static void test_what_needs_a_person_is_told(void **state)
{
	struct fake fake;
	struct error err;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, NULL);
	step(&fake, 0);
	error_set(&err, -EIO, REMEDY_PERSON, "a gap");
	engine_on_source_blocked(fake.engine, 0, 0, &err);
	assert_waits(&fake, WAIT_PERSON);
	engine_free(fake.engine);
}

static void test_latencies_count_from_arrival_and_from_the_records_own_time(void **state)
{
	struct fake fake;
	const struct engine_latencies *latencies;

	begin(&fake, DELIVERY_AT_LEAST_ONCE, NULL);
	latencies = engine_latencies(fake.engine);
	fake.age_ms = 250;
	fake.available = 1;
	step(&fake, 0);
	step(&fake, 3000);
	ack(&fake, 1);
	assert_int_equal(latencies->report.total, 1);
	assert_int_equal(latencies->report.sum_us, 3000);
	assert_int_equal(latencies->end_to_end.total, 1);
	assert_int_equal(latencies->end_to_end.sum_us, 253000);
	fake.age_ms = AGE_UNKNOWN;
	fake.available = 2;
	step(&fake, 0);
	ack(&fake, 1);
	assert_int_equal(latencies->report.total, 2);
	assert_int_equal(latencies->end_to_end.total, 1);
	fake.age_ms = AGE_UNKNOWN - 1;
	fake.available = 3;
	step(&fake, 0);
	ack(&fake, 1);
	assert_int_equal(latencies->end_to_end.total, 2);
	assert_int_equal(latencies->end_to_end.count[HISTOGRAM_BUCKETS - 1], 1);
	engine_free(fake.engine);
}

static void test_a_timestamp_may_lie(void **state)
{
	const int64_t now_ms = 1700000000000;

	assert_int_equal(record_age_ms(now_ms - 250, now_ms), 250);
	assert_int_equal(record_age_ms(now_ms, now_ms), 0);
	assert_int_equal(record_age_ms(now_ms + 1, now_ms), 0);
	assert_int_equal(record_age_ms(INT64_MAX, now_ms), 0);
	assert_int_equal(record_age_ms(0, now_ms), AGE_UNKNOWN);
	assert_int_equal(record_age_ms(-1, now_ms), AGE_UNKNOWN);
	assert_int_equal(record_age_ms(INT64_MIN, now_ms), AGE_UNKNOWN);
	assert_int_equal(record_age_ms(1, now_ms), AGE_UNKNOWN - 1);
	assert_int_equal(record_age_ms(now_ms - AGE_UNKNOWN, now_ms), AGE_UNKNOWN - 1);
	assert_int_equal(record_age_ms(now_ms - AGE_UNKNOWN + 1, now_ms), AGE_UNKNOWN - 1);
	assert_int_equal(record_age_ms(5, -5), 0); /* a clock before 1970 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_report_the_queue_and_the_end_are_told_apart),
		cmocka_unit_test(test_bytes_read_and_acknowledged_are_those_of_keys_and_values_alone),
		cmocka_unit_test(test_a_failed_producer_is_told_until_there_is_a_new_one),
		cmocka_unit_test(test_at_most_once_waits_for_its_commit_before_it_sends),
		cmocka_unit_test(test_a_transaction_is_waited_for_once_all_is_reported),
		cmocka_unit_test(test_a_full_window_a_reached_rate_and_a_pause_are_told),
		cmocka_unit_test(test_what_needs_a_person_is_told),
		cmocka_unit_test(test_a_timestamp_may_lie),
		cmocka_unit_test(test_latencies_count_from_arrival_and_from_the_records_own_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
