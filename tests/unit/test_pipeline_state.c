/* The promises of core/pipeline_state.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "core/pipeline_state.h"

static bool allowed(enum pipeline_state from, enum pipeline_state to)
{
	return pipeline_state_move_allowed(from, to);
}

static void test_every_state_has_its_own_name(void **state)
{
	for (unsigned i = 0; i < PIPELINE_STATE_COUNT; i++) {
		assert_non_null(pipeline_state_name(i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(pipeline_state_name(i), pipeline_state_name(j));
	}
	assert_string_equal(pipeline_state_name(PIPELINE_BACKING_OFF), "backing_off");
}

static void test_a_state_may_stay(void **state)
{
	for (unsigned i = 0; i < PIPELINE_STATE_COUNT; i++)
		assert_true(allowed(i, i));
}

static void test_a_pipeline_that_may_hold_records_stops_by_draining(void **state)
{
	assert_false(allowed(PIPELINE_RUNNING, PIPELINE_STOPPED));
	assert_false(allowed(PIPELINE_BLOCKED, PIPELINE_STOPPED));
	assert_true(allowed(PIPELINE_RUNNING, PIPELINE_DRAINING));
	assert_true(allowed(PIPELINE_BLOCKED, PIPELINE_DRAINING));
	assert_true(allowed(PIPELINE_DRAINING, PIPELINE_STOPPED));
	assert_false(allowed(PIPELINE_DRAINING, PIPELINE_RUNNING));
}

static void test_failed_and_stopped_begin_anew_or_end(void **state)
{
	assert_true(allowed(PIPELINE_FAILED, PIPELINE_STARTING));
	assert_true(allowed(PIPELINE_STOPPED, PIPELINE_STARTING));
	assert_false(allowed(PIPELINE_FAILED, PIPELINE_RUNNING));
	assert_false(allowed(PIPELINE_FAILED, PIPELINE_BACKING_OFF));
	assert_false(allowed(PIPELINE_STOPPED, PIPELINE_RUNNING));
}

static void test_a_paused_pipeline_holds_no_records(void **state)
{
	assert_true(allowed(PIPELINE_RUNNING, PIPELINE_PAUSED));
	assert_true(allowed(PIPELINE_BLOCKED, PIPELINE_PAUSED));
	assert_true(allowed(PIPELINE_BACKING_OFF, PIPELINE_PAUSED));
	assert_true(allowed(PIPELINE_STARTING, PIPELINE_PAUSED));
	assert_true(allowed(PIPELINE_PAUSED, PIPELINE_STOPPED));
	assert_true(allowed(PIPELINE_PAUSED, PIPELINE_RUNNING));
}

static void test_every_state_can_be_left_towards_stopped(void **state)
{
	for (unsigned i = 0; i < PIPELINE_STATE_COUNT; i++)
		assert_true(allowed(i, PIPELINE_STOPPED) || allowed(i, PIPELINE_DRAINING));
}

static void test_ready_means_that_it_does_what_it_was_told(void **state)
{
	for (unsigned i = 0; i < PIPELINE_STATE_COUNT; i++)
		assert_int_equal(pipeline_state_is_ready(i), 
		    i == PIPELINE_RUNNING || i == PIPELINE_PAUSED || i == PIPELINE_STOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_has_its_own_name),
		cmocka_unit_test(test_a_state_may_stay),
		cmocka_unit_test(test_a_pipeline_that_may_hold_records_stops_by_draining),
		cmocka_unit_test(test_failed_and_stopped_begin_anew_or_end),
		cmocka_unit_test(test_a_paused_pipeline_holds_no_records),
		cmocka_unit_test(test_every_state_can_be_left_towards_stopped),
		cmocka_unit_test(test_ready_means_that_it_does_what_it_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
