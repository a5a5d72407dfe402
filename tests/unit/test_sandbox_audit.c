/* The demo's verdict is only worth something if the audit sees each way to break the promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "sandbox/audit.h"

enum { RECORDS = 6 };

/* Record i has identity 10 + i, partition 0, offset 2 * i (offsets have holes), and one byte. */
static struct audit_record record_at(int64_t i, int64_t offset, const char *byte)
{
	return (struct audit_record){ .identity = 10 + i, .offset = offset, .bytes = byte, .size = 1 };
}

static const char letters[] = "abcdef";

static struct audit *audit_with_source(void)
{
	struct audit *audit = audit_new();

	for (int64_t i = 0; i < RECORDS; i++) {
		struct audit_record record = record_at(i, 2 * i, &letters[i]);

		assert_int_equal(audit_add_source(audit, &record), 0);
	}
	return audit;
}

/* Relays the records named by their letters, in this order. */
static void relay(const char *order, struct audit_verdict *verdict)
{
	_cleanup_(audit_freep) struct audit *audit = audit_with_source();

	for (int64_t offset = 0; order[offset]; offset++) {
		struct audit_record record =
		    record_at(strchr(letters, order[offset]) - letters, offset, &order[offset]);

		audit_add_target(audit, &record);
	}
	audit_judge(audit, verdict);
}

static void test_all_in_order_holds(void **state)
{
	struct audit_verdict verdict;

	relay("abcdef", &verdict);
	assert_true(audit_holds(&verdict));
	assert_int_equal(verdict.produced, RECORDS);
	assert_int_equal(verdict.relayed, RECORDS);
	assert_int_equal(verdict.repeated, 0);
}

static void test_a_repeat_from_an_earlier_point_holds(void **state)
{
	struct audit_verdict verdict;

	relay("abcdbcdcdefef", &verdict);
	assert_true(audit_holds(&verdict));
	assert_int_equal(verdict.relayed, RECORDS);
	assert_int_equal(verdict.repeated, 7);
}

static void test_one_lost_is_seen_and_is_not_out_of_order_too(void **state)
{
	struct audit_verdict verdict;

	relay("abdef", &verdict);
	assert_false(audit_holds(&verdict));
	assert_int_equal(verdict.lost, 1);
	assert_int_equal(verdict.relayed, RECORDS - 1);
	assert_int_equal(verdict.out_of_order, 0);
	assert_int_equal(verdict.fault_count, 1);
	assert_int_equal(verdict.faults[0].kind, FAULT_LOST);
	assert_int_equal(verdict.faults[0].identity, 12);
	assert_int_equal(verdict.faults[0].offset, 4);
}

static void test_the_last_lost_is_seen(void **state)
{
	struct audit_verdict verdict;

	relay("abcde", &verdict);
	assert_int_equal(verdict.lost, 1);
}

static void test_two_swapped_are_out_of_order(void **state)
{
	struct audit_verdict verdict;

	relay("abdcef", &verdict);
	assert_false(audit_holds(&verdict));
	assert_int_equal(verdict.lost, 0);
	assert_true(verdict.out_of_order > 0);
}

static void test_a_repeat_that_leaves_a_hole_is_out_of_order(void **state)
{
	struct audit_verdict verdict;

	relay("abcdbdef", &verdict);
	assert_false(audit_holds(&verdict));
	assert_int_equal(verdict.out_of_order, 1);
	assert_int_equal(verdict.faults[0].kind, FAULT_OUT_OF_ORDER);
	assert_int_equal(verdict.faults[0].offset, 5);
}

static void test_a_late_copy_of_an_old_record_between_new_ones_is_out_of_order(void **state)
{
	struct audit_verdict verdict;

	relay("abcdebf", &verdict);
	assert_false(audit_holds(&verdict));
}

static void test_an_altered_byte_and_a_foreign_record_are_altered(void **state)
{
	_cleanup_(audit_freep) struct audit *audit = audit_with_source();
	struct audit_record altered = record_at(0, 0, "x");
	struct audit_record longer = { .identity = 11, .offset = 1, .bytes = "bb", .size = 2 };
	struct audit_record foreign = record_at(99, 2, "a");
	struct audit_record nameless = { .identity = -1, .offset = 3, .bytes = "a", .size = 1 };
	struct audit_verdict verdict;

	audit_add_target(audit, &altered);
	audit_add_target(audit, &longer);
	audit_add_target(audit, &foreign);
	audit_add_target(audit, &nameless);
	audit_judge(audit, &verdict);
	assert_false(audit_holds(&verdict));
	assert_int_equal(verdict.altered, 4);
	assert_int_equal(verdict.relayed, 2);
	assert_int_equal(verdict.lost, RECORDS - 2);
}

/* Partitions are relayed side by side; only what shares both ends has an order. */
static void test_partitions_have_no_order_among_each_other(void **state)
{
	_cleanup_(audit_freep) struct audit *audit = audit_new();
	static const int64_t target_order[] = { 3, 0, 4, 1, 5, 2 };
	struct audit_verdict verdict;

	for (int64_t i = 0; i < RECORDS; i++) {
		struct audit_record record = record_at(i, i % 3, &letters[i]);

		record.partition = (int32_t)(i / 3);
		assert_int_equal(audit_add_source(audit, &record), 0);
	}
	for (int64_t offset = 0; offset < RECORDS; offset++) {
		struct audit_record record =
		    record_at(target_order[offset], offset, &letters[target_order[offset]]);

		audit_add_target(audit, &record);
	}
	audit_judge(audit, &verdict);
	assert_true(audit_holds(&verdict));
}

static void test_a_source_without_identities_is_refused(void **state)
{
	_cleanup_(audit_freep) struct audit *audit = audit_with_source();
	struct audit_record twice = record_at(1, 20, "b");
	struct audit_record nameless = { .identity = -1, .offset = 21, .bytes = "z", .size = 1 };

	assert_int_equal(audit_add_source(audit, &twice), -EEXIST);
	assert_int_equal(audit_add_source(audit, &nameless), -EINVAL);
}

static void test_nothing_produced_and_nothing_relayed_holds(void **state)
{
	_cleanup_(audit_freep) struct audit *audit = audit_new();
	struct audit_verdict verdict;

	audit_judge(audit, &verdict);
	assert_true(audit_holds(&verdict));
	assert_int_equal(verdict.produced, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_in_order_holds),
		cmocka_unit_test(test_a_repeat_from_an_earlier_point_holds),
		cmocka_unit_test(test_one_lost_is_seen_and_is_not_out_of_order_too),
		cmocka_unit_test(test_the_last_lost_is_seen),
		cmocka_unit_test(test_two_swapped_are_out_of_order),
		cmocka_unit_test(test_a_repeat_that_leaves_a_hole_is_out_of_order),
		cmocka_unit_test(test_a_late_copy_of_an_old_record_between_new_ones_is_out_of_order),
		cmocka_unit_test(test_an_altered_byte_and_a_foreign_record_are_altered),
		cmocka_unit_test(test_partitions_have_no_order_among_each_other),
		cmocka_unit_test(test_a_source_without_identities_is_refused),
		cmocka_unit_test(test_nothing_produced_and_nothing_relayed_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
