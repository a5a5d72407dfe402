#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "core/provenance.h"

static bool parse(const char *value, struct provenance *provenance)
{
	return provenance_parse(value, strlen(value), provenance);
}

static void test_what_is_written_is_read(void **state)
{
	static const int64_t offsets[] = { 0, 7, 10, 1234567890123456789, INT64_MAX };
	struct provenance provenance;

	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		_cleanup_free_ char *prefix = provenance_prefix("MkU3OEVBNTcwNTJENDM2Qg", "orders.a-b_c", INT32_MAX);
		char value[100], digits[PROVENANCE_OFFSET_SIZE];
		size_t count = provenance_offset(digits, offsets[i]);

		assert_int_equal(count, strlen(digits));
		snprintf(value, sizeof value, "%s%s", prefix, digits);
		assert_true(parse(value, &provenance));
		assert_true(provenance.offset == offsets[i]);
		assert_int_equal(provenance.partition, INT32_MAX);
		assert_true(provenance_is_of(&provenance, "MkU3OEVBNTcwNTJENDM2Qg", "orders.a-b_c"));
		assert_true(provenance_is_of(&provenance, NULL, "orders.a-b_c"));
		assert_false(provenance_is_of(&provenance, "MkU3OEVBNTcwNTJENDM2Q", "orders.a-b_c"));
		assert_false(provenance_is_of(&provenance, NULL, "orders.a-b_"));
		assert_false(provenance_is_of(&provenance, NULL, "orders.a-b_c2"));
	}
}

static void test_a_cluster_may_have_no_id_or_an_odd_one(void **state)
{
	_cleanup_free_ char *prefix = provenance_prefix(NULL, "a", 3);
	struct provenance provenance;

	assert_string_equal(prefix, "/a/3/");
	assert_true(parse("/a/3/5", &provenance));
	assert_true(provenance_is_of(&provenance, "any", "a"));
	assert_true(parse("x/y/a/3/5", &provenance));
	assert_true(provenance_is_of(&provenance, "x/y", "a"));
	assert_false(provenance_is_of(&provenance, "x", "a"));
}

static void test_anything_else_is_refused(void **state)
{
	static const char *const values[] = { "", "/", "a", "c/a/3", "c/a/3/", "c/a//5", "c//3/5", "a/3/5", "c/a/-1/5", "c/a/3/-5",
		"c/a/3/5x", "c/a/x3/5", "c/a/2147483648/5", "c/a/3/9223372036854775808", "c/a/3/99999999999999999999", "c/a/03/5",
		"c/a/3/05", "c/a/3/ 5", "/3/5", "3/5", "//3/5" };
	struct provenance provenance;

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (parse(values[i], &provenance))
			fail_msg("%s", values[i]);
	assert_false(provenance_parse(NULL, 0, &provenance));
	assert_false(provenance_parse("c/a/3/5\0", 8, &provenance));
	assert_false(provenance_parse("c/a/3/55", 6, &provenance));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_a_cluster_may_have_no_id_or_an_odd_one),
		cmocka_unit_test(test_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
