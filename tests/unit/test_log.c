/* One line an event, whatever the text; nothing from outside reaches a terminal raw. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/escape.h"
#include "base/log.h"

static void expect_escaped(const char *text, size_t length, const char *expected)
{
	char buffer[256];
	size_t used = escape_text(buffer, sizeof buffer, text, length);

	assert_string_equal(buffer, expected);
	assert_int_equal(used, strlen(expected));
}

static void test_plain_text_stays_as_it_is(void **state)
{
	expect_escaped("a \"b\" \\ c", 9, "a \"b\" \\ c");
	expect_escaped("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void test_what_would_drive_a_terminal_is_escaped(void **state)
{
	expect_escaped("a\nb\tc\rd", 7, "a\\nb\\tc\\rd");
	expect_escaped("\033[2J\a\x7f", 6, "\\x1b[2J\\x07\\x7f");
	expect_escaped("a\0b", 3, "a\\x00b");
	expect_escaped("\xc2\x9b", 2, "\\xc2\\x9b");          /* C1 control sequence introducer */
	expect_escaped("\xe2\x80\xae", 3, "\\xe2\\x80\\xae"); /* right-to-left override */
	expect_escaped("\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"); /* line separator */
}

static void test_bytes_that_are_no_utf8_are_escaped(void **state)
{
	expect_escaped("\xff\xfe", 2, "\\xff\\xfe");
	expect_escaped("a\xc3", 2, "a\\xc3");                          /* cut */
	expect_escaped("\xc0\x8a", 2, "\\xc0\\x8a");                   /* overlong newline */
	expect_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* surrogate */
	expect_escaped("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80"); /* beyond Unicode */
}

static void test_what_does_not_fit_is_cut_between_characters(void **state)
{
	char buffer[8];

	assert_int_equal(escape_text(buffer, sizeof buffer, "abcdefg", 7), 7);
	assert_string_equal(buffer, "abcdefg");
	escape_text(buffer, sizeof buffer, "abcdefgh", 8);
	assert_string_equal(buffer, "abcd...");
	escape_text(buffer, sizeof buffer,
	    "abc\xe2\x82\xac"
	    "de",
	    8);
	assert_string_equal(buffer, "abc...");
	escape_text(buffer, sizeof buffer, "\n\n\n\n\n", 5);
	assert_string_equal(buffer, "\\n\\n...");
	escape_text(buffer, 1, "abc", 3);
	assert_string_equal(buffer, "");
	escape_text(buffer, 3, "abc", 3);
	assert_string_equal(buffer, "..");
}

/* What log_at() writes to stderr, at most one line; the caller frees. */
static char *logged(enum log_level level, const struct log_place *place, const char *text)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	char *line = calloc(1, 65536);
	size_t length;

	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	log_at(level, place, "%s", text);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	length = fread(line, 1, 65535, file);
	line[length] = '\0';
	fclose(file);
	return line;
}

static void test_a_line_has_its_level_fields_and_message(void **state)
{
	const struct log_place place = { .pipeline = "orders", .topic = "o\n", .partition = 3, .offset = 42 };
	char *line;

	unsetenv("JOURNAL_STREAM");
	log_init("test", LOG_LEVEL_INFO);
	line = logged(LOG_LEVEL_WARNING, &place, "two\nlines");
	assert_string_equal(line, "warning pipeline=orders topic=o\\n partition=3 offset=42: two\\nlines\n");
	free(line);
	line = logged(LOG_LEVEL_INFO, &LOG_MEMBER("orders", 2), "turns");
	assert_string_equal(line, "info pipeline=orders member=2: turns\n");
	free(line);
	line = logged(LOG_LEVEL_INFO, &LOG_NOWHERE, "plain");
	assert_string_equal(line, "info: plain\n");
	free(line);
}

static void test_what_is_below_the_level_is_not_written(void **state)
{
	char *line;

	unsetenv("JOURNAL_STREAM");
	log_init("test", LOG_LEVEL_NOTICE);
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	line = logged(LOG_LEVEL_INFO, &LOG_NOWHERE, "hidden");
	assert_string_equal(line, "");
	free(line);
	log_set_level(LOG_LEVEL_DEBUG);
	line = logged(LOG_LEVEL_DEBUG, &LOG_NOWHERE, "shown");
	assert_string_equal(line, "debug: shown\n");
	free(line);
}

static void test_a_line_that_is_too_long_is_cut_and_still_ends(void **state)
{
	char text[20000];
	char *line;

	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	unsetenv("JOURNAL_STREAM");
	log_init("test", LOG_LEVEL_INFO);
	line = logged(LOG_LEVEL_INFO, &LOG_NOWHERE, text);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_true(strlen(line) < 6000);
	free(line);
}

static void test_logging_keeps_errno(void **state)
{
	char *line;

	log_init("test", LOG_LEVEL_INFO);
	errno = EPROTO;
	line = logged(LOG_LEVEL_INFO, &LOG_NOWHERE, "x");
	free(line);
	errno = EPROTO;
	log_at(LOG_LEVEL_DEBUG, &LOG_NOWHERE, "x");
	assert_int_equal(errno, EPROTO);
}

/* Under systemd the journal takes the lines over its own socket; where that is not there, the prefix of the
 * line on stderr still carries the priority. */
static void test_without_the_journals_socket_the_priority_is_a_prefix(void **state)
{
	char stream[64];
	struct stat status;
	char *line;

	if (access("/run/systemd/journal/socket", F_OK) == 0)
		skip();
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("test", LOG_LEVEL_INFO);
	line = logged(LOG_LEVEL_ERROR, &LOG_PIPELINE("p"), "x");
	assert_string_equal(line, "<3>error pipeline=p: x\n");
	free(line);
	unsetenv("JOURNAL_STREAM");
	log_init("test", LOG_LEVEL_INFO);
}

static void test_levels_have_names(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
}

static void test_a_rate_limit_lets_a_burst_through_and_counts_the_rest(void **state)
{
	struct log_ratelimit limit = { .interval_us = 1000, .burst = 2 };
	uint64_t suppressed = 99;

	assert_true(log_ratelimit_allow(&limit, 5000, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(log_ratelimit_allow(&limit, 5001, &suppressed));
	assert_false(log_ratelimit_allow(&limit, 5002, &suppressed));
	assert_false(log_ratelimit_allow(&limit, 5999, &suppressed));
	assert_true(log_ratelimit_allow(&limit, 6000, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(log_ratelimit_allow(&limit, 6001, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(log_ratelimit_allow(&limit, 6002, &suppressed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_stays_as_it_is),
		cmocka_unit_test(test_what_would_drive_a_terminal_is_escaped),
		cmocka_unit_test(test_bytes_that_are_no_utf8_are_escaped),
		cmocka_unit_test(test_what_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(test_a_line_has_its_level_fields_and_message),
		cmocka_unit_test(test_what_is_below_the_level_is_not_written),
		cmocka_unit_test(test_a_line_that_is_too_long_is_cut_and_still_ends),
		cmocka_unit_test(test_logging_keeps_errno),
		cmocka_unit_test(test_without_the_journals_socket_the_priority_is_a_prefix),
		cmocka_unit_test(test_levels_have_names),
		cmocka_unit_test(test_a_rate_limit_lets_a_burst_through_and_counts_the_rest),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
