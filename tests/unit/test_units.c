#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/units.h"

static void test_durations_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = { { "0", 0 }, { "0ms", 0 }, { "250ms", 250 }, { "1s", 1000 }, { "5m", 300000 },
		{ "2h", 7200000 }, { "7d", 604800000 }, { "007s", 7000 } };
	int64_t value;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		value = -1;
		assert_int_equal(units_parse_duration_ms(rows[i].text, &value), 0);
		assert_true(value == rows[i].ms);
	}
	assert_int_equal(units_parse_duration_us("500us", &value), 0);
	assert_true(value == 500);
	assert_int_equal(units_parse_duration_us("1ms", &value), 0);
	assert_true(value == 1000);
}

static void test_what_is_no_duration_is_refused(void **state)
{
	static const char *const texts[] = { "", "1", "s", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1S",
		"1sec", "1ms1s", "0x1s", "00", "1\n", "500us", "99999999999999999999" };
	int64_t value = 42;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(units_parse_duration_ms(texts[i], &value), -EINVAL);
	assert_int_equal(units_parse_duration_ms("99999999999999999999s", &value), -ERANGE);
	assert_int_equal(units_parse_duration_ms("9223372036854775807d", &value), -ERANGE);
	assert_int_equal(units_parse_duration_us("9223372036854775807us", &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(units_parse_duration_us("9223372036854775808us", &value), -ERANGE);
}

static void test_sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = { { "0", 0 }, { "512", 512 }, { "512B", 512 }, { "64KiB", 65536 }, { "64kB", 64000 },
		{ "64MiB", 67108864 }, { "64MB", 64000000 }, { "1GiB", 1073741824 }, { "1GB", 1000000000 },
		{ "1TiB", UINT64_C(1) << 40 } };
	uint64_t value;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		value = 1;
		assert_int_equal(units_parse_size_bytes(rows[i].text, &value), 0);
		assert_true(value == rows[i].bytes);
	}
}

static void test_what_is_no_size_is_refused(void **state)
{
	static const char *const texts[] = { "", "MiB", "-1", "1.5MiB", "64 MiB", "64mib", "64KB", "64M",
		"1e3", "1MiBx" };
	uint64_t value;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(units_parse_size_bytes(texts[i], &value), -EINVAL);
	assert_int_equal(units_parse_size_bytes("18446744073709551616", &value), -ERANGE);
	assert_int_equal(units_parse_size_bytes("18446744073709551615KiB", &value), -ERANGE);
	assert_int_equal(units_parse_size_bytes("18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
}

static void test_what_is_formatted_is_short_and_reads_back(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} durations[] = { { 0, "0" }, { 1, "1ms" }, { 1000, "1s" }, { 1500, "1500ms" }, { 60000, "1m" },
		{ 90000, "90s" }, { 3600000, "1h" }, { 86400000, "1d" },
		{ INT64_MAX, "9223372036854775807ms" } };
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0" }, { 1, "1" }, { 1024, "1KiB" }, { 1000, "1kB" }, { 268435456, "256MiB" },
		{ 64000000, "64MB" }, { 1025, "1025" } };
	char text[UNITS_TEXT_SIZE];

	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
		int64_t value = -1;

		assert_string_equal(
		    units_format_duration(text, sizeof text, durations[i].ms), durations[i].text);
		if (durations[i].ms < INT64_MAX / 1000) {
			assert_int_equal(units_parse_duration_ms(text, &value), 0);
			assert_true(value == durations[i].ms);
		}
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint64_t value = 1;

		assert_string_equal(units_format_size(text, sizeof text, sizes[i].bytes), sizes[i].text);
		assert_int_equal(units_parse_size_bytes(text, &value), 0);
		assert_true(value == sizes[i].bytes);
	}
	assert_string_equal(units_format_duration_us(text, sizeof text, 500), "500us");
	assert_string_equal(units_format_duration_us(text, sizeof text, 2000), "2ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_are_read),
		cmocka_unit_test(test_what_is_no_duration_is_refused),
		cmocka_unit_test(test_sizes_are_read),
		cmocka_unit_test(test_what_is_no_size_is_refused),
		cmocka_unit_test(test_what_is_formatted_is_short_and_reads_back),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
