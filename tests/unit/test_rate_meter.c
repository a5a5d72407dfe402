/* The promises of core/rate_meter.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/rate_meter.h"

#define START_US INT64_C(123456789)

static void test_nothing_is_said_before_a_second_was_seen(void **state)
{
	struct rate_meter meter = { 0 };

	assert_int_equal(rate_meter_look(&meter, 5000, START_US), -1);
	assert_int_equal(rate_meter_look(&meter, 5500, START_US + USEC_PER_SEC - 1), -1);
	assert_int_equal(rate_meter_look(&meter, 6000, START_US + USEC_PER_SEC), 1000);
	assert_int_equal(rate_meter_look(&meter, 6000, START_US + 2 * USEC_PER_SEC), 500);
}

/* However often it is looked at. */
static void test_a_steady_counter_has_its_rate(void **state)
{
	static const int64_t pauses_us[] = { 1000, 100000, 333333, 1000000, 2500000 };

	for (size_t i = 0; i < sizeof pauses_us / sizeof pauses_us[0]; i++) {
		struct rate_meter meter = { 0 };
		int64_t rate = -1;

		for (int64_t us = 0; us < 60 * USEC_PER_SEC; us += pauses_us[i])
			rate = rate_meter_look(&meter, (uint64_t)us / 100, START_US + us);
		assert_in_range(rate, 9999, 10001);
	}
}

static void test_what_stands_still_is_at_zero_within_about_ten_seconds(void **state)
{
	struct rate_meter meter = { 0 };
	int64_t now_us = START_US;
	int64_t rate = -1;

	for (uint64_t s = 0; s < 30; s++, now_us += USEC_PER_SEC)
		rate = rate_meter_look(&meter, s * 70, now_us);
	assert_int_equal(rate, 70);
	for (int s = 0; s < 5; s++, now_us += USEC_PER_SEC)
		rate = rate_meter_look(&meter, 29 * 70, now_us);
	assert_in_range(rate, 30, 40);
	for (int s = 0; s < 7; s++, now_us += USEC_PER_SEC)
		rate = rate_meter_look(&meter, 29 * 70, now_us);
	assert_int_equal(rate, 0);
}

static void test_a_pause_of_the_looks_is_part_of_the_mean(void **state)
{
	struct rate_meter meter = { 0 };

	rate_meter_look(&meter, 0, START_US);
	assert_int_equal(rate_meter_look(&meter, 3600, START_US + 3600 * USEC_PER_SEC), 1);
	assert_int_equal(rate_meter_look(&meter, UINT64_C(1) << 62, START_US + 3600 * USEC_PER_SEC),
	    (int64_t)((double)(UINT64_C(1) << 62) / 3600 + 0.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_said_before_a_second_was_seen),
		cmocka_unit_test(test_a_steady_counter_has_its_rate),
		cmocka_unit_test(test_what_stands_still_is_at_zero_within_about_ten_seconds),
		cmocka_unit_test(test_a_pause_of_the_looks_is_part_of_the_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
