/* The promises of core/backoff.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "core/backoff.h"

static void test_the_bound_doubles_up_to_the_cap(void **state)
{
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct backoff backoff = { .base_ms = 10, .cap_ms = 100, .seed = seed };
		uint32_t bound_ms = 10;

		for (int i = 0; i < 20; i++) {
			uint32_t wait_ms = backoff_next_ms(&backoff);

			assert_in_range(wait_ms, 1, bound_ms);
			bound_ms = bound_ms * 2 < 100 ? bound_ms * 2 : 100;
		}
	}
}

static void test_the_whole_range_is_used(void **state)
{
	struct backoff backoff = { .base_ms = 4, .cap_ms = 4, .seed = 7 };
	unsigned seen[5] = { 0 };

	for (int i = 0; i < 4000; i++)
		seen[backoff_next_ms(&backoff)]++;
	for (int wait_ms = 1; wait_ms <= 4; wait_ms++)
		assert_in_range(seen[wait_ms], 800, 1200);
}

static void test_no_count_and_no_bound_overflows(void **state)
{
	struct backoff backoff = { .base_ms = UINT32_MAX, .cap_ms = UINT32_MAX, .attempt = UINT32_MAX - 1 };

	for (int i = 0; i < 5; i++)
		assert_true(backoff_next_ms(&backoff) >= 1);
	assert_true(backoff.attempt == UINT32_MAX);
	backoff = (struct backoff){ .base_ms = 1, .cap_ms = UINT32_MAX };
	for (int i = 0; i < 100; i++)
		assert_true(backoff_next_ms(&backoff) >= 1);
}

static void test_reset_starts_from_the_base(void **state)
{
	struct backoff backoff = { .base_ms = 10, .cap_ms = 1000000, .seed = 3 };

	for (int i = 0; i < 10; i++)
		backoff_next_ms(&backoff);
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ms(&backoff), 1, 10);
}

static void test_two_seeds_do_not_wait_in_step(void **state)
{
	struct backoff a = { .base_ms = 1000000, .cap_ms = 1000000, .seed = 1 };
	struct backoff b = { .base_ms = 1000000, .cap_ms = 1000000, .seed = 2 };

	assert_int_not_equal(backoff_next_ms(&a), backoff_next_ms(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_bound_doubles_up_to_the_cap),
		cmocka_unit_test(test_the_whole_range_is_used),
		cmocka_unit_test(test_no_count_and_no_bound_overflows),
		cmocka_unit_test(test_reset_starts_from_the_base),
		cmocka_unit_test(test_two_seeds_do_not_wait_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
