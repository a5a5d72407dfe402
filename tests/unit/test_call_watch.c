/* A call that does not return is told once, and so is its end; what has a reason known does not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/call_watch.h"

#define SECOND	  INT64_C(1000000)
#define OVERSTAYS (20 * SECOND)

static const char asking[] = "asking", committing[] = "committing";

/* Looks every second, from the one after `from` to `to`; the last news. */
static enum call_news pass(struct call_watch *watch, const char *doing, uint64_t signs, bool excused, int from, int to)
{
	enum call_news news = CALL_NO_NEWS;

	for (int second = from + 1; second <= to; second++) {
		assert_int_equal(news, CALL_NO_NEWS);
		news = call_watch_look(watch, doing, signs, excused, OVERSTAYS, second * SECOND);
	}
	return news;
}

static void test_a_call_that_overstays_is_told_once_and_so_is_its_return(void **state)
{
	struct call_watch watch = { .looked_us = 0 };

	assert_int_equal(pass(&watch, asking, 7, false, 0, 20), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, asking, 7, false, 20, 21), CALL_OVERSTAYS);
	assert_int_equal(watch.silent_us, OVERSTAYS);
	assert_int_equal(pass(&watch, asking, 7, false, 21, 60), CALL_NO_NEWS);
	assert_true(watch.told);
	assert_int_equal(pass(&watch, committing, 8, false, 60, 61), CALL_RETURNED);
	assert_ptr_equal(watch.doing, asking);
	assert_int_equal(watch.silent_us, 59 * SECOND);
	assert_false(watch.told);
	assert_int_equal(pass(&watch, committing, 8, false, 61, 81), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, committing, 8, false, 81, 82), CALL_OVERSTAYS);
	assert_ptr_equal(watch.doing, committing);
}

static void test_who_gives_signs_of_life_or_has_nothing_to_do_is_in_no_call(void **state)
{
	struct call_watch watch = { .looked_us = 0 };

	for (int second = 0; second < 100; second += 10)
		assert_int_equal(pass(&watch, asking, (uint64_t)second, false, second, second + 10), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, NULL, 100, false, 100, 1000), CALL_NO_NEWS);
	assert_int_equal(watch.silent_us, 0);
}

static void test_a_time_for_which_there_is_a_reason_does_not_count(void **state)
{
	struct call_watch watch = { .looked_us = 0 };

	assert_int_equal(pass(&watch, asking, 7, false, 0, 11), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, asking, 7, true, 11, 1000), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, asking, 7, false, 1000, 1009), CALL_NO_NEWS);
	assert_int_equal(pass(&watch, asking, 7, false, 1009, 1010), CALL_OVERSTAYS);
}

static void test_a_time_in_which_the_process_stood_still_does_not_count(void **state)
{
	struct call_watch watch = { .looked_us = 0 };

	assert_int_equal(pass(&watch, asking, 7, false, 0, 11), CALL_NO_NEWS);
	assert_int_equal(call_watch_look(&watch, asking, 7, false, OVERSTAYS, 3600 * SECOND), CALL_NO_NEWS);
	assert_int_equal(watch.silent_us, 12 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_that_overstays_is_told_once_and_so_is_its_return),
		cmocka_unit_test(test_who_gives_signs_of_life_or_has_nothing_to_do_is_in_no_call),
		cmocka_unit_test(test_a_time_for_which_there_is_a_reason_does_not_count),
		cmocka_unit_test(test_a_time_in_which_the_process_stood_still_does_not_count),
	};

	return cmocka_run_group_tests_name("call_watch", tests, NULL, NULL);
}
