/* The promises of core/partition_wait.h: what a partition is said to wait for, and for how long. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "core/partition_wait.h"

#define S INT64_C(1000000)

/* One that has read all there is, long ago. */
static struct partition_facts idle(void)
{
	return (struct partition_facts){
		.positioned = true, .producer_open = true, .still_us = 60 * S, .commit_patience_us = 6 * S
	};
}

/* One that has sent a record, long ago. */
static struct partition_facts sent(void)
{
	struct partition_facts facts = idle();

	facts.lag = 10;
	facts.unsettled = facts.oldest_in_flight = facts.oldest_may_be_sent = true;
	return facts;
}

static void assert_waits(const struct partition_facts *facts, enum partition_wait wait)
{
	assert_string_equal(partition_wait_name(partition_wait_decide(facts)), partition_wait_name(wait));
}

static void test_each_wait_has_a_name_and_words_of_its_own(void **state)
{
	for (int i = 0; i < WAIT_COUNT; i++) {
		assert_true(strlen(partition_wait_name((enum partition_wait)i)) > 0);
		assert_true(strlen(partition_wait_words((enum partition_wait)i)) > 0);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(
			    partition_wait_name((enum partition_wait)i), partition_wait_name((enum partition_wait)k));
			assert_string_not_equal(
			    partition_wait_words((enum partition_wait)i), partition_wait_words((enum partition_wait)k));
		}
	}
}

static void test_one_that_has_just_moved_waits_for_nothing(void **state)
{
	struct partition_facts facts = sent();

	facts.still_us = PARTITION_MOVES_US - 1;
	assert_waits(&facts, WAIT_NOTHING);
	facts.still_us = PARTITION_MOVES_US;
	assert_waits(&facts, WAIT_REPORT);
	facts = idle();
	facts.still_us = 0;
	assert_waits(&facts, WAIT_NOTHING);
}

static void test_with_nothing_to_read_it_waits_for_records(void **state)
{
	struct partition_facts facts = idle();

	assert_waits(&facts, WAIT_RECORDS);
	/* a limit of the rate that is reached by others' records keeps nothing from it */
	facts.rate_reached = true;
	assert_waits(&facts, WAIT_RECORDS);
	facts.lag = 3;
	assert_waits(&facts, WAIT_RATE);
	facts.rate_reached = false;
	assert_waits(&facts, WAIT_FETCH);
	facts.lag = -1; /* not known yet */
	assert_waits(&facts, WAIT_FETCH);
	facts.source_down = true;
	assert_waits(&facts, WAIT_SOURCE);
}

static void test_what_has_been_sent_waits_for_its_report_whatever_else_is_full(void **state)
{
	struct partition_facts facts = sent();

	facts.producer_full = facts.window_full = facts.rate_reached = facts.paused = facts.stopping = true;
	facts.uncommitted = true;
	facts.commit_gates_reading = true;
	assert_waits(&facts, WAIT_REPORT);
	facts.in_transactions = true;
	assert_waits(&facts, WAIT_REPORT);
}

static void test_a_cluster_that_does_not_answer_is_told_before_what_waits_for_it(void **state)
{
	struct partition_facts facts = sent();

	facts.target_down = true;
	assert_waits(&facts, WAIT_TARGET);
	facts.producer_open = false;
	assert_waits(&facts, WAIT_TARGET);
	facts.target_down = false;
	assert_waits(&facts, WAIT_PRODUCER);
	facts = idle();
	facts.lag = 5;
	facts.producer_open = false;
	assert_waits(&facts, WAIT_PRODUCER);
	facts.target_down = true;
	assert_waits(&facts, WAIT_TARGET);
}

static void test_what_has_not_been_sent_waits_for_what_keeps_it(void **state)
{
	struct partition_facts facts = sent();

	facts.oldest_in_flight = false;
	facts.producer_full = true;
	assert_waits(&facts, WAIT_QUEUE);
	facts.searching = true;
	assert_waits(&facts, WAIT_SEARCH);
	facts.searching = false;
	facts.oldest_may_be_sent = false; /* at_most_once: not before its commit */
	assert_waits(&facts, WAIT_COMMIT);
	facts.source_down = true; /* which keeps the offsets */
	assert_waits(&facts, WAIT_SOURCE);
	facts.source_down = false;
	facts.in_transactions = true; /* the transaction at hand takes no more */
	assert_waits(&facts, WAIT_TRANSACTION);
}

static void test_what_keeps_it_from_reading_is_told_where_there_is_something_to_read(void **state)
{
	struct partition_facts facts = idle();

	facts.lag = 5;
	facts.window_full = true;
	assert_waits(&facts, WAIT_WINDOW);
	facts.in_transactions = facts.uncommitted = true; /* held until the transaction ends */
	assert_waits(&facts, WAIT_TRANSACTION);
	facts = idle();
	facts.lag = 5;
	facts.producer_full = true;
	assert_waits(&facts, WAIT_QUEUE);
	facts.searching = true;
	assert_waits(&facts, WAIT_SEARCH);
	facts = idle();
	facts.lag = 5;
	facts.commit_gates_reading = facts.uncommitted = true;
	assert_waits(&facts, WAIT_COMMIT);
	facts = idle();
	facts.lag = 5;
	facts.positioned = false;
	assert_waits(&facts, WAIT_REBALANCE);
}

static void test_one_that_is_given_up_waits_for_its_commit_and_then_for_the_group(void **state)
{
	struct partition_facts facts = idle();

	facts.stopping = facts.uncommitted = true;
	facts.positioned = false;
	assert_waits(&facts, WAIT_COMMIT);
	facts.uncommitted = false;
	assert_waits(&facts, WAIT_REBALANCE);
}

static void test_a_pause_is_told_once_it_has_come_and_at_once(void **state)
{
	struct partition_facts facts = idle();

	facts.paused = facts.uncommitted = true;
	facts.lag = 7;
	assert_waits(&facts, WAIT_COMMIT);
	facts.uncommitted = false;
	facts.still_us = 0;
	assert_waits(&facts, WAIT_PAUSED);
	facts.source_down = true; /* it would not read anyway */
	assert_waits(&facts, WAIT_PAUSED);
}

static void test_a_person_comes_before_everything(void **state)
{
	struct partition_facts facts = sent();

	facts.blocked = true;
	facts.still_us = 0;
	facts.target_down = facts.source_down = facts.paused = facts.stopping = true;
	assert_waits(&facts, WAIT_PERSON);
}

static void test_commits_that_fall_behind_are_told_though_records_go_through(void **state)
{
	struct partition_facts facts = sent();

	facts.still_us = 0;
	facts.uncommitted = true;
	facts.uncommitted_us = facts.commit_patience_us;
	assert_waits(&facts, WAIT_NOTHING);
	facts.uncommitted_us++;
	assert_waits(&facts, WAIT_COMMIT);
	facts.in_transactions = true;
	assert_waits(&facts, WAIT_TRANSACTION);
	facts = idle();
	facts.uncommitted = true;
	facts.uncommitted_us = 60 * S;
	assert_waits(&facts, WAIT_COMMIT);
	facts.uncommitted_us = 1 * S; /* due, and not late */
	assert_waits(&facts, WAIT_RECORDS);
}

/* ---- how long ---- */

struct watched {
	struct partition_watch watch;
	struct partition_facts facts;
	int64_t mark, committed, now_us;
};

static int64_t look(struct watched *watched, int64_t later_us)
{
	watched->now_us += later_us;
	partition_watch_look(
	    &watched->watch, &watched->facts, watched->mark, watched->committed, watched->now_us);
	return partition_watch_decide(&watched->watch, &watched->facts, watched->now_us);
}

static void test_the_time_is_that_since_it_has_moved_whatever_it_waits_for_meanwhile(void **state)
{
	struct watched watched = { .facts = sent(), .mark = 5, .committed = 5, .now_us = 100 * S };

	assert_int_equal(look(&watched, 0), 0);
	assert_int_equal(watched.watch.wait, WAIT_NOTHING);
	assert_int_equal(look(&watched, 2 * S), 2 * S);
	assert_int_equal(watched.watch.wait, WAIT_REPORT);
	watched.facts.oldest_in_flight = false;
	watched.facts.producer_full = true;
	assert_int_equal(look(&watched, 3 * S), 5 * S);
	assert_int_equal(watched.watch.wait, WAIT_QUEUE);
	watched.mark++;
	assert_int_equal(look(&watched, S), 0);
	assert_int_equal(watched.watch.wait, WAIT_NOTHING);
}

static void test_reading_on_is_no_progress_while_the_oldest_waits(void **state)
{
	struct watched watched = { .facts = sent(), .mark = 5, .committed = 5, .now_us = 100 * S };

	look(&watched, 0);
	for (int i = 0; i < 60; i++) {
		watched.facts.lag++; /* new records come, and are sent */
		look(&watched, S);
	}
	assert_int_equal(look(&watched, 0), 60 * S);
	assert_int_equal(watched.watch.wait, WAIT_REPORT);
}

static void test_the_time_without_anything_to_do_is_not_held_against_what_comes_then(void **state)
{
	struct watched watched = { .facts = idle(), .mark = 5, .committed = 5, .now_us = 100 * S };

	look(&watched, 0);
	look(&watched, 3600 * S);
	assert_int_equal(watched.watch.wait, WAIT_RECORDS);
	assert_int_equal(look(&watched, S), S);
	watched.facts = sent();
	assert_int_equal(look(&watched, S), 0);
	assert_int_equal(watched.watch.wait, WAIT_NOTHING);
	assert_int_equal(look(&watched, 30 * S), 30 * S);
	assert_int_equal(watched.watch.wait, WAIT_REPORT);
	watched.facts.blocked = true;
	assert_int_equal(look(&watched, S), 31 * S);
}

static void test_a_partition_that_is_blocked_out_of_idleness_says_so_at_once(void **state)
{
	struct watched watched = { .facts = idle(), .mark = 5, .committed = 5, .now_us = 100 * S };

	look(&watched, 0);
	look(&watched, 3600 * S);
	watched.facts = sent();
	watched.facts.blocked = true;
	assert_int_equal(look(&watched, S), 0);
	assert_int_equal(watched.watch.wait, WAIT_PERSON);
}

static void test_what_is_taken_back_and_done_again_is_no_progress(void **state)
{
	struct watched watched = { .facts = sent(), .mark = 5, .committed = 5, .now_us = 100 * S };

	watched.facts.in_transactions = true;
	look(&watched, 0);
	watched.mark = 25;
	look(&watched, S);
	for (int i = 0; i < 60; i++) { /* each transaction is aborted */
		watched.mark = i % 2 ? 25 : 5;
		look(&watched, S);
	}
	assert_int_equal(look(&watched, 0), 60 * S);
	watched.mark = watched.committed = 25;
	watched.mark = 26;
	assert_int_equal(look(&watched, S), 0);
}

static void test_one_that_goes_on_from_another_committed_offset_begins_anew(void **state)
{
	struct watched watched = { .facts = sent(), .mark = 25, .committed = 25, .now_us = 100 * S };

	look(&watched, 0);
	assert_int_equal(look(&watched, 40 * S), 40 * S);
	watched.mark = watched.committed = 5;
	assert_int_equal(look(&watched, S), 0);
	watched.mark = 6;
	look(&watched, S);
	assert_int_equal(look(&watched, 30 * S), 30 * S);
	watched.committed = 6; /* of what it had moved to before */
	assert_int_equal(look(&watched, S), 31 * S);
}

static void test_commits_are_behind_since_they_last_moved_or_had_nothing_to_do(void **state)
{
	struct watched watched = { .facts = idle(), .mark = 5, .committed = 5, .now_us = 100 * S };

	look(&watched, 0);
	watched.facts.uncommitted = true;
	for (int i = 0; i < 20; i++) {
		watched.mark++; /* records go through */
		look(&watched, S);
	}
	assert_int_equal(watched.watch.wait, WAIT_COMMIT);
	assert_int_equal(look(&watched, 0), 19 * S);
	watched.committed++;
	look(&watched, 0);
	assert_int_equal(watched.watch.wait, WAIT_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_wait_has_a_name_and_words_of_its_own),
		cmocka_unit_test(test_one_that_has_just_moved_waits_for_nothing),
		cmocka_unit_test(test_with_nothing_to_read_it_waits_for_records),
		cmocka_unit_test(test_what_has_been_sent_waits_for_its_report_whatever_else_is_full),
		cmocka_unit_test(test_a_cluster_that_does_not_answer_is_told_before_what_waits_for_it),
		cmocka_unit_test(test_what_has_not_been_sent_waits_for_what_keeps_it),
		cmocka_unit_test(test_what_keeps_it_from_reading_is_told_where_there_is_something_to_read),
		cmocka_unit_test(test_one_that_is_given_up_waits_for_its_commit_and_then_for_the_group),
		cmocka_unit_test(test_a_pause_is_told_once_it_has_come_and_at_once),
		cmocka_unit_test(test_a_person_comes_before_everything),
		cmocka_unit_test(test_commits_that_fall_behind_are_told_though_records_go_through),
		cmocka_unit_test(test_the_time_is_that_since_it_has_moved_whatever_it_waits_for_meanwhile),
		cmocka_unit_test(test_reading_on_is_no_progress_while_the_oldest_waits),
		cmocka_unit_test(test_the_time_without_anything_to_do_is_not_held_against_what_comes_then),
		cmocka_unit_test(test_a_partition_that_is_blocked_out_of_idleness_says_so_at_once),
		cmocka_unit_test(test_what_is_taken_back_and_done_again_is_no_progress),
		cmocka_unit_test(test_one_that_goes_on_from_another_committed_offset_begins_anew),
		cmocka_unit_test(test_commits_are_behind_since_they_last_moved_or_had_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
