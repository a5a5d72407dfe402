/* The promises of core/histogram.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "core/histogram.h"

/* The bucket that one value falls into. */
static unsigned bucket_of(int64_t value_us)
{
	struct histogram histogram = { 0 };
	unsigned found = 0;

	histogram_add(&histogram, value_us);
	assert_int_equal(histogram.total, 1);
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		if (histogram.count[bucket])
			found = bucket;
	return found;
}

static void test_bounds_are_inclusive_above(void **state)
{
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(1), 0);
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
		assert_int_equal(histogram_bound_us(bucket), INT64_C(16) << bucket);
		assert_int_equal(bucket_of(histogram_bound_us(bucket)), bucket);
		assert_int_equal(bucket_of(histogram_bound_us(bucket) + 1), bucket + 1);
	}
}

static void test_the_last_bucket_takes_the_rest(void **state)
{
	assert_int_equal(bucket_of(INT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_true(histogram_bound_us(HISTOGRAM_BUCKETS - 1) == INT64_MAX);
}

static void test_negative_values_count_as_zero(void **state)
{
	struct histogram histogram = { 0 };

	histogram_add(&histogram, -5);
	assert_int_equal(histogram.count[0], 1);
	assert_int_equal(histogram.sum_us, 0);
}

static void test_quantiles(void **state)
{
	struct histogram histogram = { 0 };

	assert_int_equal(histogram_quantile_us(&histogram, 0.5), 0);
	for (int i = 0; i < 90; i++)
		histogram_add(&histogram, 20);
	for (int i = 0; i < 10; i++)
		histogram_add(&histogram, 1000);
	assert_int_equal(histogram.sum_us, 90 * 20 + 10 * 1000);
	assert_int_equal(histogram_quantile_us(&histogram, 0), 32);
	assert_int_equal(histogram_quantile_us(&histogram, 0.5), 32);
	assert_int_equal(histogram_quantile_us(&histogram, 0.9), 32);
	assert_int_equal(histogram_quantile_us(&histogram, 0.91), 1024);
	assert_int_equal(histogram_quantile_us(&histogram, 1), 1024);
}

static void test_a_quantile_beyond_the_last_bound_is_at_least_that(void **state)
{
	struct histogram histogram = { 0 };

	histogram_add(&histogram, INT64_MAX);
	assert_int_equal(histogram_quantile_us(&histogram, 0.5), histogram_bound_us(HISTOGRAM_BUCKETS - 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_are_inclusive_above),
		cmocka_unit_test(test_the_last_bucket_takes_the_rest),
		cmocka_unit_test(test_negative_values_count_as_zero),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_a_quantile_beyond_the_last_bound_is_at_least_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
