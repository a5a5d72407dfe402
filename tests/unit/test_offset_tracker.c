/* The promises of core/offset_tracker.h, one by one. test_offset_tracker_model.c tries all mixtures. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "core/offset_tracker.h"

enum { FIRST_SEQ = 100 };

static struct offset_tracker *tracker;
static int released_count;
static int64_t released_first[1000];

static int setup(void **state)
{
	tracker = offset_tracker_new(10, FIRST_SEQ);
	released_count = 0;
	return 0;
}

static int teardown(void **state)
{
	offset_tracker_free(tracker);
	return 0;
}

static void note_release(void *context, struct offset_slot *slot)
{
	released_first[released_count++] = slot->first;
}

static void append(int64_t first, int64_t next, uint32_t records)
{
	struct offset_slot *slot = offset_tracker_append(tracker, first, next);

	assert_non_null(slot);
	slot->records = records;
	slot->leader_epoch = (int32_t)first;
}

static uint64_t submit(void)
{
	uint64_t seq;

	assert_non_null(offset_tracker_next_waiting(tracker, &seq));
	offset_tracker_submitted(tracker, seq);
	return seq;
}

static void append_and_submit(int count)
{
	for (int i = 0; i < count; i++) {
		append(10 + i, 11 + i, 1);
		submit();
	}
}

static void test_mark_starts_at_the_position(void **state)
{
	assert_int_equal(offset_tracker_mark(tracker), 10);
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 10), -1);
	assert_int_equal(offset_tracker_end(tracker), 10);
	assert_int_equal(offset_tracker_tail_seq(tracker), FIRST_SEQ);
	assert_null(offset_tracker_oldest_unsettled(tracker));
}

static void test_mark_moves_over_the_contiguous_settled_prefix_only(void **state)
{
	append_and_submit(3);
	/* What is committed first, and written then. */
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 13), 12);
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 10), -1);
	assert_true(offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true));
	assert_true(offset_tracker_report(tracker, FIRST_SEQ + 1, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 10);
	assert_int_equal(offset_tracker_oldest_unsettled(tracker)->first, 10);
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 13);
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 13), 12);
}

static void test_gaps_in_the_offsets_do_not_stall_the_mark(void **state)
{
	append(12, 13, 1);
	append(20, 25, 3);
	submit();
	submit();
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 13);
	assert_true(offset_tracker_report(tracker, FIRST_SEQ + 1, 3, true));
	assert_int_equal(offset_tracker_mark(tracker), 25);
}

static void test_position_moves_the_mark_once_all_before_is_settled(void **state)
{
	append_and_submit(1);
	offset_tracker_position(tracker, 15);
	assert_int_equal(offset_tracker_end(tracker), 15);
	assert_int_equal(offset_tracker_mark(tracker), 10);
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 15);
	/* The leader may have changed in between: then the epoch of the record ends before the position. */
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 15), -1);
	offset_tracker_position(tracker, 14);
	assert_int_equal(offset_tracker_mark(tracker), 15);
	offset_tracker_position(tracker, 16);
	assert_int_equal(offset_tracker_mark(tracker), 16);
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, 16), -1);
}

static void test_an_offset_seen_before_is_dropped(void **state)
{
	append(10, 12, 2);
	assert_null(offset_tracker_append(tracker, 11, 12));
	assert_null(offset_tracker_append(tracker, 9, 13));
	assert_null(offset_tracker_append(tracker, 12, 12));
	assert_int_equal(offset_tracker_kept(tracker), 1);
	offset_tracker_position(tracker, 20);
	assert_null(offset_tracker_append(tracker, 19, 20));
	append(20, 21, 1);
}

static void test_a_chunk_settles_in_parts(void **state)
{
	append(10, 20, 10);
	submit();
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 4, true));
	assert_int_equal(offset_tracker_in_flight(tracker), 1);
	assert_int_equal(offset_tracker_mark(tracker), 10);
	assert_false(offset_tracker_report(tracker, FIRST_SEQ, 7, true));
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 6, true));
	assert_int_equal(offset_tracker_in_flight(tracker), 0);
	assert_int_equal(offset_tracker_mark(tracker), 20);
}

static void test_a_chunk_that_failed_in_part_waits_again_whole(void **state)
{
	uint64_t seq;

	append(10, 20, 10);
	submit();
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 4, false));
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 6, true));
	assert_int_equal(offset_tracker_slot(tracker, FIRST_SEQ)->state, SLOT_WAITING);
	assert_int_equal(offset_tracker_unsettled(tracker), 1);
	assert_null(offset_tracker_next_waiting(tracker, &seq));
	offset_tracker_rewind(tracker, false);
	assert_int_equal(submit(), FIRST_SEQ);
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 10, true));
	assert_int_equal(offset_tracker_mark(tracker), 20);
}

static void test_only_what_is_in_flight_can_be_reported(void **state)
{
	append(10, 11, 1);
	assert_false(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	submit();
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_false(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_false(offset_tracker_report(tracker, FIRST_SEQ + 1, 1, true));
	assert_false(offset_tracker_report(tracker, FIRST_SEQ - 1, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 11);
}

static void test_late_report_of_old_epoch_moves_nothing(void **state)
{
	uint64_t next_seq;

	append_and_submit(3);
	next_seq = offset_tracker_tail_seq(tracker);
	offset_tracker_free(tracker);
	tracker = offset_tracker_new(10, next_seq);
	append_and_submit(3);
	for (uint64_t seq = FIRST_SEQ; seq < FIRST_SEQ + 3; seq++)
		assert_false(offset_tracker_report(tracker, seq, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 10);
	assert_int_equal(offset_tracker_in_flight(tracker), 3);
}

static void test_rewind_sends_the_unsettled_again_in_order(void **state)
{
	uint64_t seq;

	append_and_submit(4);
	offset_tracker_report(tracker, FIRST_SEQ, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 1, 1, false);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 3, 1, false);
	offset_tracker_rewind(tracker, false);
	assert_int_equal(submit(), FIRST_SEQ + 1);
	assert_int_equal(submit(), FIRST_SEQ + 3);
	assert_null(offset_tracker_next_waiting(tracker, &seq));
}

static void test_rewind_of_the_settled_takes_the_mark_back_to_what_is_released(void **state)
{
	append_and_submit(4);
	for (uint64_t seq = FIRST_SEQ; seq < FIRST_SEQ + 4; seq++)
		offset_tracker_report(tracker, seq, 1, true);
	assert_int_equal(offset_tracker_release(tracker, 12, note_release, NULL), 2);
	assert_int_equal(offset_tracker_mark(tracker), 14);
	offset_tracker_rewind(tracker, true);
	assert_int_equal(offset_tracker_mark(tracker), 12);
	assert_int_equal(offset_tracker_leader_epoch_before(tracker, offset_tracker_mark(tracker)), 11);
	assert_int_equal(offset_tracker_unsettled(tracker), 2);
	assert_int_equal(offset_tracker_release(tracker, INT64_MAX, note_release, NULL), 0);
	assert_int_equal(submit(), FIRST_SEQ + 2);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	assert_int_equal(offset_tracker_mark(tracker), 13);
}

static void test_a_settled_slot_behind_the_mark_can_wait_again(void **state)
{
	append_and_submit(3);
	offset_tracker_report(tracker, FIRST_SEQ, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 1, 1, false);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	assert_false(offset_tracker_unsettle(tracker, FIRST_SEQ)); /* below the mark */
	assert_false(offset_tracker_unsettle(tracker, FIRST_SEQ + 1));
	assert_false(offset_tracker_unsettle(tracker, FIRST_SEQ + 3));
	assert_true(offset_tracker_unsettle(tracker, FIRST_SEQ + 2));
	assert_int_equal(offset_tracker_unsettled(tracker), 2);
	offset_tracker_rewind(tracker, false);
	assert_int_equal(submit(), FIRST_SEQ + 1);
	assert_int_equal(submit(), FIRST_SEQ + 2);
	offset_tracker_report(tracker, FIRST_SEQ + 1, 1, true);
	assert_int_equal(offset_tracker_mark(tracker), 12);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	assert_int_equal(offset_tracker_mark(tracker), 13);
}

static void test_settle_without_submitting(void **state)
{
	append(10, 11, 1);
	append(11, 12, 1);
	assert_true(offset_tracker_settle(tracker, FIRST_SEQ));
	assert_false(offset_tracker_settle(tracker, FIRST_SEQ));
	assert_int_equal(offset_tracker_mark(tracker), 11);
	assert_int_equal(submit(), FIRST_SEQ + 1);
	assert_false(offset_tracker_settle(tracker, FIRST_SEQ + 1));
}

static void test_truncate_gives_up_what_is_settled_behind_a_waiting_slot_too(void **state)
{
	append_and_submit(4);
	offset_tracker_report(tracker, FIRST_SEQ, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 1, 1, false);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 3, 1, true);
	offset_tracker_truncate(tracker, INT64_MIN, note_release, NULL);
	assert_int_equal(released_count, 3);
	assert_int_equal(offset_tracker_kept(tracker), 1);
	assert_int_equal(offset_tracker_unsettled(tracker), 0);
	assert_int_equal(offset_tracker_mark(tracker), 11);
}

static void test_truncate_gives_up_the_waiting_tail_newest_first(void **state)
{
	append_and_submit(1);
	append(11, 12, 1);
	append(12, 13, 1);
	append(13, 14, 1);
	offset_tracker_position(tracker, 20);
	offset_tracker_truncate(tracker, 12, note_release, NULL);
	assert_int_equal(released_count, 2);
	assert_int_equal(released_first[0], 13);
	assert_int_equal(released_first[1], 12);
	assert_int_equal(offset_tracker_end(tracker), 12);
	offset_tracker_truncate(tracker, INT64_MIN, note_release, NULL);
	assert_int_equal(released_count, 3);
	assert_int_equal(offset_tracker_kept(tracker), 1);
	assert_null(offset_tracker_append(tracker, 50, 51));
	offset_tracker_position(tracker, 60);
	assert_int_equal(offset_tracker_tail_seq(tracker), FIRST_SEQ + 4);
	/* The position was behind records that were not settled: the mark must not go there. */
	assert_true(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	assert_int_equal(offset_tracker_mark(tracker), 11);
}

static void test_release_gives_back_only_what_is_below_the_mark(void **state)
{
	append_and_submit(3);
	offset_tracker_report(tracker, FIRST_SEQ, 1, true);
	offset_tracker_report(tracker, FIRST_SEQ + 2, 1, true);
	assert_int_equal(offset_tracker_release(tracker, INT64_MAX, note_release, NULL), 1);
	assert_int_equal(released_first[0], 10);
	assert_null(offset_tracker_slot(tracker, FIRST_SEQ));
	assert_int_equal(offset_tracker_kept(tracker), 2);
	offset_tracker_report(tracker, FIRST_SEQ + 1, 1, true);
	assert_int_equal(offset_tracker_release(tracker, 12, note_release, NULL), 1);
	assert_int_equal(offset_tracker_release(tracker, 13, note_release, NULL), 1);
	assert_int_equal(offset_tracker_kept(tracker), 0);
}

static void test_forgotten_flight_waits_again(void **state)
{
	append_and_submit(2);
	offset_tracker_forget_flight(tracker);
	assert_int_equal(offset_tracker_in_flight(tracker), 0);
	assert_false(offset_tracker_report(tracker, FIRST_SEQ, 1, true));
	offset_tracker_truncate(tracker, INT64_MIN, note_release, NULL);
	assert_int_equal(released_count, 2);
}

static void test_the_ring_grows_around_its_seam(void **state)
{
	/* Leave the base in the middle of the ring, so that growth meets slots on both sides of its end. */
	append_and_submit(40);
	for (uint64_t seq = FIRST_SEQ; seq < FIRST_SEQ + 40; seq++)
		offset_tracker_report(tracker, seq, 1, true);
	assert_int_equal(offset_tracker_release(tracker, INT64_MAX, note_release, NULL), 40);
	for (int64_t offset = 50; offset < 850; offset++)
		append(offset, offset + 1, 1);
	for (uint64_t seq = FIRST_SEQ + 40; seq < FIRST_SEQ + 840; seq++) {
		assert_int_equal(submit(), seq);
		assert_int_equal(offset_tracker_slot(tracker, seq)->first, (int64_t)seq - FIRST_SEQ + 10);
		assert_true(offset_tracker_report(tracker, seq, 1, true));
	}
	assert_int_equal(offset_tracker_mark(tracker), 850);
}

static void test_what_was_released_is_never_given_to_submit(void **state)
{
	append(10, 11, 1);
	offset_tracker_settle(tracker, FIRST_SEQ);
	assert_int_equal(offset_tracker_release(tracker, INT64_MAX, note_release, NULL), 1);
	/* Enough of them to come round to the released slot's place in the ring. */
	for (int64_t offset = 11; offset < 75; offset++)
		append(offset, offset + 1, 1);
	assert_int_equal(submit(), FIRST_SEQ + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mark_starts_at_the_position, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_mark_moves_over_the_contiguous_settled_prefix_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_gaps_in_the_offsets_do_not_stall_the_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_position_moves_the_mark_once_all_before_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_offset_seen_before_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_chunk_settles_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_chunk_that_failed_in_part_waits_again_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_is_in_flight_can_be_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_report_of_old_epoch_moves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rewind_sends_the_unsettled_again_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rewind_of_the_settled_takes_the_mark_back_to_what_is_released, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_settled_slot_behind_the_mark_can_wait_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settle_without_submitting, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_truncate_gives_up_the_waiting_tail_newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_truncate_gives_up_what_is_settled_behind_a_waiting_slot_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_release_gives_back_only_what_is_below_the_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten_flight_waits_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_ring_grows_around_its_seam, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_was_released_is_never_given_to_submit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
