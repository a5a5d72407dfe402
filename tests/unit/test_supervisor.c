/* The promises of daemon/supervisor.h, on pipelines that do what the test says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/log.h"
#include "daemon/supervisor.h"
#include "fake_pipeline.h"

#define LIMIT_US (10 * USEC_PER_SEC)

static void test_enabled_pipelines_share_the_memory_and_disabled_ones_are_seen_as_stopped(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);
	size_t count;

	assert_int_equal(supervisor_snapshots(supervisor, &count)[2].state, PIPELINE_STOPPED);
	assert_string_equal(supervisor_snapshots(supervisor, &count)[2].reason, "enabled = false");
	assert_int_equal(count, 3);
	assert_int_equal(fake_scripts[0].memory_bytes, 500);
	assert_int_equal(fake_scripts[1].memory_bytes, 500);
	assert_int_equal(fake_scripts[2].memory_bytes, 0);
	assert_int_equal(supervisor_acked_records(supervisor), 10);
	supervisor_free(supervisor);
	assert_int_equal(fake_scripts[0].freed, 1);
	assert_int_equal(fake_scripts[1].freed, 1);
}

static void test_a_pipeline_that_cannot_start_is_seen_as_failed_and_the_others_run(void **state)
{
	const struct pipeline_snapshot *snapshots;
	struct supervisor *supervisor;
	size_t count;

	fake_scripts[0].cannot_start = true;
	supervisor = supervisor_new(&fake_config, -1, 0);
	supervisor_refresh(supervisor, 1);
	snapshots = supervisor_snapshots(supervisor, &count);
	assert_int_equal(count, 3);
	assert_string_equal(snapshots[0].name, "0");
	assert_int_equal(snapshots[0].state, PIPELINE_FAILED);
	assert_string_equal(snapshots[0].reason, "no thread left");
	assert_int_equal(snapshots[1].state, PIPELINE_RUNNING);
	assert_null(supervisor_stalled(supervisor, 1, LIMIT_US));
	supervisor_free(supervisor);
}

/* Whether it was told. */
static bool tell(struct supervisor *supervisor, const char *name, enum supervisor_order order)
{
	struct error err = { 0 };

	return supervisor_tell(supervisor, name, order, "by nobody", 2, &err) == 0;
}

static void test_a_pause_is_for_all_members_of_the_pipeline_alone(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	assert_false(tell(supervisor, "2", ORDER_PAUSE)); /* is disabled */
	assert_true(tell(supervisor, "1", ORDER_PAUSE));
	assert_false(fake_scripts[0].paused);
	assert_true(fake_scripts[1].paused);
	assert_true(tell(supervisor, "1", ORDER_RESUME));
	assert_false(fake_scripts[1].paused);
	supervisor_free(supervisor);
}

static void test_members_divide_their_pipelines_memory_and_are_seen_as_one(void **state)
{
	const struct pipeline_snapshot *snapshots;
	struct supervisor *supervisor;
	size_t count;

	fake_config.pipelines[1].members = 4;
	supervisor = supervisor_new(&fake_config, -1, 0);
	snapshots = supervisor_snapshots(supervisor, &count);
	assert_int_equal(count, 3);
	assert_int_equal(fake_scripts[0].memory_bytes, 500);
	assert_int_equal(fake_scripts[1].memory_bytes, 125);
	assert_int_equal(snapshots[0].counters.acked_records, 5);
	assert_int_equal(snapshots[1].counters.acked_records, 20);
	assert_int_equal(snapshots[1].member_count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(snapshots[1].members[i].member, i + 1);
	assert_int_equal(snapshots[0].members[0].member, 0);
	assert_int_equal(supervisor_acked_records(supervisor), 25);
	supervisor_free(supervisor);
	assert_int_equal(fake_scripts[1].freed, 4);
	fake_config.pipelines[1].members = 1;
}

/* Refreshes every second from `from` to `to`, as the main loop does. */
static void pass(struct supervisor *supervisor, int64_t from_s, int64_t to_s)
{
	for (int64_t second = from_s; second <= to_s; second++) {
		fake_scripts[0].heartbeats++;
		supervisor_refresh(supervisor, second * USEC_PER_SEC);
	}
}

static void test_a_thread_that_does_not_turn_is_named_until_it_turns_again(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	pass(supervisor, 1, 10);
	assert_null(supervisor_stalled(supervisor, 10 * USEC_PER_SEC, LIMIT_US));
	pass(supervisor, 11, 11);
	assert_string_equal(supervisor_stalled(supervisor, 11 * USEC_PER_SEC, LIMIT_US), "1");
	fake_scripts[1].heartbeats++;
	pass(supervisor, 12, 12);
	assert_null(supervisor_stalled(supervisor, 12 * USEC_PER_SEC, LIMIT_US));
	supervisor_free(supervisor);
}

static void test_the_own_pause_is_not_held_against_the_threads(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	pass(supervisor, 1, 5);
	pass(supervisor, 3600, 3600);
	assert_null(supervisor_stalled(supervisor, 3600 * USEC_PER_SEC, LIMIT_US));
	pass(supervisor, 3601, 3607);
	assert_string_equal(supervisor_stalled(supervisor, 3607 * USEC_PER_SEC, LIMIT_US), "1");
	supervisor_free(supervisor);
}

static void test_a_thread_that_has_ended_need_not_turn(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	fake_scripts[1].ended = true;
	pass(supervisor, 1, 60);
	assert_null(supervisor_stalled(supervisor, 60 * USEC_PER_SEC, LIMIT_US));
	assert_false(supervisor_has_ended(supervisor));
	supervisor_free(supervisor);
}

static void test_visitors_do_not_make_it_look_more_often_than_every_100_ms(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);
	size_t count;

	fake_scripts[0].state = PIPELINE_BLOCKED;
	supervisor_refresh_lazily(supervisor, 99 * USEC_PER_MSEC);
	assert_int_equal(supervisor_snapshots(supervisor, &count)[0].state, PIPELINE_RUNNING);
	supervisor_refresh_lazily(supervisor, 100 * USEC_PER_MSEC);
	assert_int_equal(supervisor_snapshots(supervisor, &count)[0].state, PIPELINE_BLOCKED);
	supervisor_free(supervisor);
}

static struct supervisor *stopped(void)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	supervisor_stop(supervisor, 7);
	fake_scripts[0].ended = fake_scripts[1].ended = true;
	fake_scripts[0].state = fake_scripts[1].state = PIPELINE_STOPPED;
	supervisor_refresh(supervisor, 1);
	return supervisor;
}

static void test_a_stop_reaches_all_and_a_second_one_hurries_them(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	supervisor_stop(supervisor, 7);
	assert_int_equal(fake_scripts[0].stop_deadline_us, 7);
	assert_int_equal(fake_scripts[1].stop_deadline_us, 7);
	supervisor_stop(supervisor, 3);
	assert_int_equal(fake_scripts[1].stop_deadline_us, 3);
	assert_false(supervisor_has_ended(supervisor));
	supervisor_free(supervisor);
}

static void test_a_drain_is_clean_when_every_pipeline_says_so(void **state)
{
	struct supervisor *supervisor = stopped();

	assert_true(supervisor_has_ended(supervisor));
	assert_true(supervisor_drained_cleanly(supervisor));
	supervisor_free(supervisor);
}

static void test_one_unclean_pipeline_makes_the_drain_unclean(void **state)
{
	struct supervisor *supervisor;

	fake_scripts[1].clean = false;
	supervisor = stopped();
	assert_false(supervisor_drained_cleanly(supervisor));
	supervisor_free(supervisor);
}

static void test_a_thread_that_did_not_end_makes_the_drain_unclean(void **state)
{
	struct supervisor *supervisor = supervisor_new(&fake_config, -1, 0);

	supervisor_stop(supervisor, 7);
	fake_scripts[0].ended = true;
	supervisor_refresh(supervisor, 1);
	assert_false(supervisor_has_ended(supervisor));
	assert_false(supervisor_drained_cleanly(supervisor));
	supervisor_free(supervisor);
}

static void test_a_pipeline_that_had_failed_before_does_not_make_the_drain_unclean(void **state)
{
	struct supervisor *supervisor;

	fake_scripts[1].state = PIPELINE_FAILED;
	fake_scripts[1].clean = false;
	supervisor = stopped();
	assert_true(supervisor_drained_cleanly(supervisor));
	supervisor_free(supervisor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_enabled_pipelines_share_the_memory_and_disabled_ones_are_seen_as_stopped, fake_reset),
		cmocka_unit_test_setup(
		    test_a_pipeline_that_cannot_start_is_seen_as_failed_and_the_others_run, fake_reset),
		cmocka_unit_test_setup(test_a_pause_is_for_all_members_of_the_pipeline_alone, fake_reset),
		cmocka_unit_test_setup(
		    test_members_divide_their_pipelines_memory_and_are_seen_as_one, fake_reset),
		cmocka_unit_test_setup(
		    test_a_thread_that_does_not_turn_is_named_until_it_turns_again, fake_reset),
		cmocka_unit_test_setup(test_the_own_pause_is_not_held_against_the_threads, fake_reset),
		cmocka_unit_test_setup(test_a_thread_that_has_ended_need_not_turn, fake_reset),
		cmocka_unit_test_setup(
		    test_visitors_do_not_make_it_look_more_often_than_every_100_ms, fake_reset),
		cmocka_unit_test_setup(test_a_stop_reaches_all_and_a_second_one_hurries_them, fake_reset),
		cmocka_unit_test_setup(test_a_drain_is_clean_when_every_pipeline_says_so, fake_reset),
		cmocka_unit_test_setup(test_one_unclean_pipeline_makes_the_drain_unclean, fake_reset),
		cmocka_unit_test_setup(test_a_thread_that_did_not_end_makes_the_drain_unclean, fake_reset),
		cmocka_unit_test_setup(
		    test_a_pipeline_that_had_failed_before_does_not_make_the_drain_unclean, fake_reset),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
