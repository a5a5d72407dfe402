/* The promises of core/commit_policy.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/commit_policy.h"

static const int64_t interval_us = 1000 * USEC_PER_MSEC;
static struct commit_policy policy;

static int setup(void **state)
{
	commit_policy_init(&policy, 100, interval_us, 1);
	return 0;
}

static void test_nothing_settled_is_never_due(void **state)
{
	assert_false(commit_policy_due(&policy, 0));
	assert_false(commit_policy_due(&policy, CLOCK_NEVER));
	assert_int_equal(commit_policy_deadline_us(&policy), CLOCK_NEVER);
}

static void test_due_after_the_records(void **state)
{
	commit_policy_settled(&policy, 99, 500);
	assert_false(commit_policy_due(&policy, 500));
	commit_policy_settled(&policy, 1, 600);
	assert_true(commit_policy_due(&policy, 600));
	assert_true(commit_policy_deadline_us(&policy) <= 600);
}

static void test_due_after_the_interval_from_the_first_settled(void **state)
{
	commit_policy_settled(&policy, 1, 500);
	commit_policy_settled(&policy, 1, 900);
	assert_int_equal(commit_policy_deadline_us(&policy), 500 + interval_us);
	assert_false(commit_policy_due(&policy, 499 + interval_us));
	assert_true(commit_policy_due(&policy, 500 + interval_us));
}

static void test_a_mark_that_passed_a_gap_is_committed_too(void **state)
{
	commit_policy_settled(&policy, 0, 500);
	assert_false(commit_policy_due(&policy, 500));
	assert_true(commit_policy_due(&policy, 500 + interval_us));
}

static void test_one_commit_in_flight(void **state)
{
	commit_policy_settled(&policy, 100, 500);
	commit_policy_sent(&policy);
	commit_policy_settled(&policy, 1000, 600);
	assert_false(commit_policy_due(&policy, 600 + 2 * interval_us));
	assert_int_equal(commit_policy_deadline_us(&policy), CLOCK_NEVER);
	commit_policy_answered(&policy, true, 0, 700);
	assert_true(commit_policy_due(&policy, 700));
}

static void test_after_a_commit_the_count_starts_anew(void **state)
{
	commit_policy_settled(&policy, 100, 500);
	commit_policy_sent(&policy);
	commit_policy_answered(&policy, true, 0, 600);
	assert_int_equal(commit_policy_deadline_us(&policy), CLOCK_NEVER);
	commit_policy_settled(&policy, 99, 700);
	assert_false(commit_policy_due(&policy, 700));
	assert_int_equal(commit_policy_deadline_us(&policy), 700 + interval_us);
}

static void test_a_failed_commit_is_due_again_after_a_back_off(void **state)
{
	int64_t deadline_us;

	commit_policy_settled(&policy, 1, 500);
	commit_policy_sent(&policy);
	commit_policy_answered(&policy, false, 1, 600);
	assert_false(commit_policy_due(&policy, 600));
	deadline_us = commit_policy_deadline_us(&policy);
	assert_true(deadline_us > 600 && deadline_us <= 600 + 100 * USEC_PER_MSEC);
	assert_false(commit_policy_due(&policy, deadline_us - 1));
	assert_true(commit_policy_due(&policy, deadline_us));
	/* More of them do not make it try earlier. */
	commit_policy_settled(&policy, 1000, 610);
	assert_int_equal(commit_policy_deadline_us(&policy), deadline_us);
}

static void test_the_back_off_of_failed_commits_is_bounded_and_reset(void **state)
{
	int64_t now_us = 0;

	commit_policy_settled(&policy, 1, now_us);
	for (int i = 0; i < 100; i++) {
		int64_t deadline_us = commit_policy_deadline_us(&policy);

		assert_true(deadline_us <= now_us + (i ? 5 * USEC_PER_SEC : interval_us));
		now_us = deadline_us;
		commit_policy_sent(&policy);
		commit_policy_answered(&policy, false, 1, now_us);
	}
	now_us = commit_policy_deadline_us(&policy);
	commit_policy_sent(&policy);
	commit_policy_answered(&policy, true, 0, now_us);
	commit_policy_settled(&policy, 100, now_us);
	assert_true(commit_policy_due(&policy, now_us));
	assert_int_equal(policy.backoff.attempt, 0);
}

static void test_an_endless_interval_never_comes(void **state)
{
	commit_policy_init(&policy, 100, CLOCK_NEVER, 1);
	commit_policy_settled(&policy, 1, 500);
	assert_int_equal(commit_policy_deadline_us(&policy), CLOCK_NEVER);
	assert_false(commit_policy_due(&policy, CLOCK_NEVER - 1));
	commit_policy_settled(&policy, 99, 500);
	assert_true(commit_policy_due(&policy, 500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_settled_is_never_due, setup),
		cmocka_unit_test_setup(test_due_after_the_records, setup),
		cmocka_unit_test_setup(test_due_after_the_interval_from_the_first_settled, setup),
		cmocka_unit_test_setup(test_a_mark_that_passed_a_gap_is_committed_too, setup),
		cmocka_unit_test_setup(test_one_commit_in_flight, setup),
		cmocka_unit_test_setup(test_after_a_commit_the_count_starts_anew, setup),
		cmocka_unit_test_setup(test_a_failed_commit_is_due_again_after_a_back_off, setup),
		cmocka_unit_test_setup(test_the_back_off_of_failed_commits_is_bounded_and_reset, setup),
		cmocka_unit_test_setup(test_an_endless_interval_never_comes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
