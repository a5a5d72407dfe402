/* The promises of core/rate_limit.h. What is random is seeded; ALOQD_SEED repeats one case. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "base/clock.h"
#include "core/rate_limit.h"

enum { CASES = 400, TAKES = 300 };

static uint64_t random_state;

static uint64_t draw(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

struct taken {
	int64_t at_us;
	uint64_t records, bytes;
};

static double burst_of(uint64_t per_second)
{
	return per_second > 4 ? (double)per_second / 4 : 1;
}

/* A greedy reader, looking at random times: in no window of time more than the rate and one burst. Of bytes, which
 * are known too late, one reading's more. */
static void check_windows(const struct taken *taken, size_t count, uint64_t records, uint64_t bytes, uint64_t seed)
{
	for (size_t first = 0; first < count; first++) {
		uint64_t sum_records = 0;
		uint64_t sum_bytes = 0;

		for (size_t last = first; last < count; last++) {
			double seconds = (double)(taken[last].at_us - taken[first].at_us) / 1e6;
			double records_max = (double)records * seconds + burst_of(records);
			double bytes_max = (double)bytes * seconds + burst_of(bytes) + (double)taken[last].bytes;

			sum_records += taken[last].records;
			sum_bytes += taken[last].bytes;
			if ((records > 0 && (double)sum_records > records_max + 1e-6) ||
			    (bytes > 0 && (double)sum_bytes > bytes_max + 1e-6))
				fail_msg("seed %" PRIu64 ": %" PRIu64 " records, %" PRIu64 " bytes in %f s at %" PRIu64
					 " and %" PRIu64 " a second",
				    seed, sum_records, sum_bytes, seconds, records, bytes);
		}
	}
}

static void run_case(uint64_t seed)
{
	uint64_t records = 0, bytes = 0, record_max;
	struct rate_limit limit;
	struct taken taken[TAKES];
	size_t count = 0;
	int64_t now_us;

	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	if (draw(4) > 0)
		records = 1 + draw(UINT64_C(1) << draw(20));
	if (records == 0 || draw(2) > 0)
		bytes = 1 + draw(UINT64_C(1) << draw(30));
	record_max = 1 + draw(UINT64_C(1) << draw(21));
	now_us = (int64_t)draw(1000000000000);
	rate_limit_init(&limit, records, bytes);
	while (count < TAKES) {
		uint64_t room = rate_limit_room(&limit, now_us);

		if (room == 0) {
			int64_t next_us = rate_limit_next_us(&limit);

			assert_true(next_us > now_us);
			/* Not a moment too late, nor too early. */
			assert_int_equal(rate_limit_room(&limit, next_us - 1), 0);
			assert_true(rate_limit_room(&limit, next_us) > 0);
			now_us = next_us + (draw(3) == 0 ? (int64_t)draw(500000) : 0);
			continue;
		}
		assert_true(rate_limit_next_us(&limit) <= now_us);
		taken[count] = (struct taken){ .at_us = now_us, .records = 1 + draw(room < 1000 ? room : 1000) };
		for (uint64_t i = 0; i < taken[count].records; i++)
			taken[count].bytes += draw(record_max);
		rate_limit_take(&limit, taken[count].records, taken[count].bytes);
		count++;
		now_us += draw(2) ? (int64_t)draw(100000) : 0;
	}
	check_windows(taken, count, records, bytes, seed);
}

static void test_no_window_holds_more_than_the_rate_and_one_burst(void **state)
{
	const char *given = getenv("ALOQD_SEED");
	uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) << 20;

	print_message("rate limit: %d cases from seed %" PRIu64 "\n", given ? 1 : CASES, first);
	for (uint64_t i = 0; i < (given ? 1 : CASES); i++)
		run_case(first + i);
}

static uint64_t read_for(struct rate_limit *limit, int64_t from_us, int64_t to_us, uint64_t record_bytes)
{
	uint64_t records = 0;
	int64_t now_us = from_us;

	while (now_us < to_us) {
		uint64_t room = rate_limit_room(limit, now_us);

		if (room == 0) {
			now_us = rate_limit_next_us(limit);
			continue;
		}
		rate_limit_take(limit, room, room * record_bytes);
		records += room;
	}
	return records;
}

static void test_the_rate_is_reached(void **state)
{
	static const uint64_t rates[] = { 1, 7, 99, 1000, 333333, UINT64_C(1) << 40 };
	struct rate_limit limit;

	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		rate_limit_init(&limit, rates[i], 0);
		assert_in_range(read_for(&limit, 0, 100 * USEC_PER_SEC, 100), rates[i] * 100,
		    rates[i] * 100 + rates[i] / 3 + 1);
	}
	rate_limit_init(&limit, 0, 1000000);
	assert_in_range(read_for(&limit, 0, 100 * USEC_PER_SEC, 100), 1000000 * 99 / 100, 1012600);
	/* Each of them ten seconds' worth. */
	rate_limit_init(&limit, 0, 1000);
	assert_in_range(read_for(&limit, 0, 100 * USEC_PER_SEC, 10000), 10, 11);
}

static void test_a_pause_is_not_made_up_for(void **state)
{
	struct rate_limit limit;

	rate_limit_init(&limit, 1000, 0);
	read_for(&limit, 0, USEC_PER_SEC, 1);
	assert_int_equal(rate_limit_room(&limit, 1000 * USEC_PER_SEC), 250);
	/* Nor does a clock that was never read before. */
	rate_limit_init(&limit, UINT64_C(1) << 40, 1);
	assert_int_equal(rate_limit_room(&limit, INT64_MAX), 1);
}

static void test_no_limit_is_no_limit(void **state)
{
	struct rate_limit limit;

	rate_limit_init(&limit, 0, 0);
	rate_limit_take(&limit, UINT64_MAX, UINT64_MAX);
	assert_true(rate_limit_room(&limit, 5) == UINT64_MAX);
	assert_true(rate_limit_next_us(&limit) <= 5);
}

static void test_no_size_overflows(void **state)
{
	struct rate_limit limit;

	rate_limit_init(&limit, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 100; i++)
		rate_limit_take(&limit, UINT64_MAX, UINT64_MAX);
	assert_int_equal(rate_limit_room(&limit, 1), 0);
	assert_in_range(rate_limit_next_us(&limit), 1, 2 * USEC_PER_SEC);
	rate_limit_init(&limit, 0, 1);
	rate_limit_take(&limit, 1, UINT64_MAX);
	assert_int_equal(rate_limit_room(&limit, 1000000000 * USEC_PER_SEC), 0);
	assert_true(rate_limit_next_us(&limit) > 1000000000 * USEC_PER_SEC);
}

static void test_few_wake_ups(void **state)
{
	struct rate_limit limit;
	int64_t now_us = 0;
	unsigned looks = 0;

	rate_limit_init(&limit, 100000, 0);
	while (now_us < 10 * USEC_PER_SEC) {
		uint64_t room = rate_limit_room(&limit, now_us);

		rate_limit_take(&limit, room, room);
		rate_limit_room(&limit, now_us);
		now_us = rate_limit_next_us(&limit);
		looks++;
	}
	assert_in_range(looks, 900, 1100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_window_holds_more_than_the_rate_and_one_burst),
		cmocka_unit_test(test_the_rate_is_reached),
		cmocka_unit_test(test_a_pause_is_not_made_up_for),
		cmocka_unit_test(test_no_limit_is_no_limit),
		cmocka_unit_test(test_no_size_overflows),
		cmocka_unit_test(test_few_wake_ups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
