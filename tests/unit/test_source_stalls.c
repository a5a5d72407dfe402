/* When a partition is said to be stalled, and what is said of its log's end: source_stalls.c on librdkafka's mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "mock_source.h"

static char invoices[] = "invoices";
static char orders[] = "orders";
static char *topic_names[] = { invoices, orders };
enum { INVOICES, ORDERS, TOPICS }; /* the numbers of their partitions, too */
static const int64_t long_ago_us = 3600 * USEC_PER_SEC;

/* Nothing has come of it for long, and nobody has asked for it since. */
static void be_silent(struct fetch_watch *watch)
{
	watch->quiet_since_us = watch->patient_since_us = watch->asked_us = clock_monotonic_us() - long_ago_us;
}

static void serve(struct source *source)
{
	/* It looks twice a second, and the engine takes what comes: nothing does, but librdkafka's own. */
	source->stall_look_us = 0;
	for (uint32_t i = 0; i < source->part_count; i++)
		source_empty_queue(source->parts[i]);
	source_serve_stalls(source);
}

/* Serves until a question has been answered. */
static void ask(struct mock_source *mock)
{
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;

	serve(mock->source);
	assert_true(mock->source->asking_ends);
	while (mock->source->asking_ends)
		mock_source_await_worker(mock, until_us);
}

static void test_a_leader_without_answer_does_not_hide_the_stall_of_others(void **state)
{
	struct mock_source mock;
	struct fetch_watch *unanswered, *answered;
	int64_t start_us = clock_monotonic_us();

	mock_source_begin(&mock, topic_names, TOPICS);
	mock_source_assign(&mock);
	unanswered = &mock.source->parts[INVOICES]->watch;
	answered = &mock.source->parts[ORDERS]->watch;
	/* The client knows who leads. */
	for (int asked = 0; asked < 8 && (answered->log_end < 0 || unanswered->log_end < 0); asked++) {
		be_silent(unanswered);
		be_silent(answered);
		ask(&mock);
	}
	unanswered->log_end = answered->log_end = -1;
	rd_kafka_mock_broker_set_rtt(mock.cluster, INVOICES + 1, 30000);
	for (int asked = 0; asked < 8 && (answered->log_end < 0 || unanswered->failed_us == 0); asked++) {
		be_silent(unanswered);
		be_silent(answered);
		ask(&mock);
	}
	assert_int_equal(answered->log_end, 0);
	assert_true(answered->patient_since_us < start_us);
	assert_int_equal(unanswered->log_end, -1);
	assert_true(unanswered->patient_since_us >= start_us);
	rd_kafka_mock_broker_set_rtt(mock.cluster, INVOICES + 1, 0);
	mock_source_end(&mock);
}

/* Stands before the end of its log for long. */
static void be_stalled(const struct source *source, struct fetch_watch *watch)
{
	be_silent(watch);
	watch->behind_since_us = clock_monotonic_us() - source->stall_us;
	watch->log_end = 1;
}

/* Serves while it is stalled. What librdkafka says by itself, as that the partition is at its end, may come in between once:
 * then it was heard of. */
static void serve_stalled(struct mock_source *mock, uint32_t number)
{
	unsigned before = mock->stalls[number];

	for (int tries = 0; tries < 8 && mock->stalls[number] == before; tries++) {
		be_stalled(mock->source, &mock->source->parts[number]->watch);
		serve(mock->source);
	}
}

/* An order to resume it could overtake the one to fetch it. */
static void test_who_is_assigned_anew_where_it_stands_is_not_stalled_yet(void **state)
{
	struct mock_source mock;

	mock_source_begin(&mock, topic_names, TOPICS);
	mock_source_assign(&mock);
	serve_stalled(&mock, INVOICES);
	assert_int_equal(mock.stalls[INVOICES], 1);
	be_stalled(mock.source, &mock.source->parts[ORDERS]->watch);
	mock_source_assign(&mock);
	serve(mock.source);
	assert_int_equal(mock.stalls[ORDERS], 0);
	serve_stalled(&mock, ORDERS);
	assert_int_equal(mock.stalls[ORDERS], 1);
	mock_source_end(&mock);
}

/* All would be assigned anew for it again and again. */
static void test_a_stall_whose_seek_fails_waits_for_its_turn_to_be_repositioned(void **state)
{
	struct mock_source mock;
	struct source_part *part;

	mock_source_begin(&mock, topic_names, TOPICS);
	mock_source_assign(&mock);
	part = mock.source->parts[INVOICES];
	serve_stalled(&mock, INVOICES);
	assert_int_equal(mock.stalls[INVOICES], 1);
	assert_true(part->doubted);
	/* What is not assigned cannot be read from anywhere. */
	assert_int_equal(rd_kafka_assign(mock.source->consumer, NULL), 0);
	mock.source->stall_hold_us = clock_monotonic_us() + long_ago_us;
	source_serve_doubts(mock.source);
	assert_false(part->reposition);
	/* What is doubted for another reason does not wait. */
	source_doubt(mock.source, part);
	source_serve_doubts(mock.source);
	assert_true(part->reposition);
	assert_false(mock.source->parts[ORDERS]->reposition);
	/* Nor does a stall, once it is its turn; and then the next one waits. */
	mock_source_assign(&mock);
	part->reposition = false;
	mock.source->stall_hold_us = 0;
	be_stalled(mock.source, &part->watch);
	part->watch.stalls = 0;
	serve(mock.source);
	assert_int_equal(rd_kafka_assign(mock.source->consumer, NULL), 0);
	source_serve_doubts(mock.source);
	assert_true(part->reposition);
	assert_true(mock.source->stall_hold_us > clock_monotonic_us());
	mock_source_end(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_leader_without_answer_does_not_hide_the_stall_of_others),
		cmocka_unit_test(test_who_is_assigned_anew_where_it_stands_is_not_stalled_yet),
		cmocka_unit_test(test_a_stall_whose_seek_fails_waits_for_its_turn_to_be_repositioned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
