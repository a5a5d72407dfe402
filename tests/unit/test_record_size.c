/* What a record costs in memory, wherever its bytes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/memory.h"
#include "kafka/record_size.h"

static void test_one_without_headers_costs_its_bytes_and_the_same_overhead(void **state)
{
	struct record_cost empty = record_cost_with(0, NULL);
	struct record_cost full = record_cost_with(1000, NULL);

	assert_true(empty.held_bytes >= 256);
	assert_int_equal(empty.held_bytes, empty.prefetched_bytes);
	assert_int_equal(full.held_bytes - empty.held_bytes, 1000);
	assert_int_equal(full.prefetched_bytes - empty.prefetched_bytes, 1000);
}

static void test_headers_count_once_while_they_are_prefetched_and_with_their_copies_while_they_are_held(void **state)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
	struct record_cost none = record_cost_with(10, NULL);
	struct record_cost cost;

	rd_kafka_header_add(headers, "name", -1, "value", 5);
	rd_kafka_header_add(headers, "name", -1, NULL, 0);
	rd_kafka_header_add(headers, "", -1, "12", 2);
	cost = record_cost_with(10, headers);
	assert_int_equal(cost.prefetched_bytes - none.prefetched_bytes, 9 + 4 + 2);
	assert_true(cost.held_bytes - none.held_bytes >= 3 * (9 + 4 + 2) + 2 * 3 * 32);
	rd_kafka_headers_destroy(headers);
}

static void test_what_is_large_beyond_all_bounds_does_not_overflow(void **state)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
	char *value = xcalloc(16 << 20, 1);
	struct record_cost cost;

	for (int i = 0; i < 2; i++)
		rd_kafka_header_add(headers, "h", -1, value, 16 << 20);
	cost = record_cost_with(UINT32_MAX, headers);
	assert_int_equal(cost.held_bytes, INT32_MAX);
	assert_int_equal(cost.prefetched_bytes, INT32_MAX);
	free(value);
	rd_kafka_headers_destroy(headers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_without_headers_costs_its_bytes_and_the_same_overhead),
		cmocka_unit_test(
		    test_headers_count_once_while_they_are_prefetched_and_with_their_copies_while_they_are_held),
		cmocka_unit_test(test_what_is_large_beyond_all_bounds_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
