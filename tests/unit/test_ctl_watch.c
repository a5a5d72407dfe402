/* The promises of ctl/status_watch.h, ctl/screen.h and ctl/wait.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ctl/screen.h"
#include "ctl/status_watch.h"
#include "ctl/wait.h"

#define PIPELINE(name, state, lag, read, acked)                                                              \
	"{\"name\":\"" name "\",\"state\":\"" state "\",\"partition_count\":1,\"lag\":" lag                  \
	",\"oldest_unsettled_age_ms\":-1,\"reason\":null,\"stuck\":null,\"counters\":{\"consumed_records\":" read        \
	",\"acked_records\":" acked "}}"
#define ALL(list) "{\"pipelines\":[" list "]}"

static char *watch(const char *before, int64_t elapsed_us, const char *json, bool colour)
{
	struct error err = { 0 };
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_int_equal(status_watch_print_all(before, elapsed_us, json, colour, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_rates_are_those_between_two_looks_by_name(void **state)
{
	const char *before = ALL(PIPELINE("b", "running", "0", "100", "50") "," PIPELINE("a", "running", "0", "7", "7"));
	const char *now = ALL(PIPELINE("a", "running", "0", "7", "7") "," PIPELINE("b", "running", "0", "1100", "550"));
	char *text = watch(before, 2000000, now, false);

	assert_string_equal(text,
	    "PIPELINE  STATE    PARTITIONS  LAG  OLDEST  READ/S  ACKED/S  ACKED  REASON\n"
	    "a         running           1    0       -       0        0      7  -\n"
	    "b         running           1    0       -     500      250    550  -\n");
	free(text);
}

static void test_there_are_no_rates_at_first_nor_when_the_daemon_counts_anew(void **state)
{
	const char *much = ALL(PIPELINE("a", "running", "0", "900", "900"));
	const char *little = ALL(PIPELINE("a", "running", "0", "5", "5"));
	char *text = watch(NULL, 1000000, much, false);

	assert_non_null(strstr(text, "-       -        -    900  -\n"));
	free(text);
	text = watch(much, 1000000, little, false);
	assert_non_null(strstr(text, "-       -        -      5  -\n"));
	free(text);
	text = watch(ALL(), 1000000, little, false);
	assert_non_null(strstr(text, "-       -        -      5  -\n"));
	free(text);
}

static void test_a_state_has_its_colour_where_colours_may_be_and_columns_stay(void **state)
{
	const char *now = ALL(PIPELINE("a", "running", "0", "5", "5") "," PIPELINE("b", "blocked", "0", "5", "5") "," PIPELINE(
	    "c", "backing_off", "0", "5", "5"));
	char *text = watch(NULL, 0, now, true);

	assert_non_null(strstr(text, "a         \x1b[32mrunning\x1b[0m               1"));
	assert_non_null(strstr(text, "b         \x1b[31mblocked\x1b[0m               1"));
	assert_non_null(strstr(text, "c         \x1b[33mbacking_off\x1b[0m           1"));
	free(text);
	text = watch(NULL, 0, now, false);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

static void test_a_watch_of_something_else_says_so(void **state)
{
	struct error err = { 0 };

	assert_int_equal(status_watch_print_all(NULL, 0, "<html>", false, stdout, &err), -EBADMSG);
	assert_int_equal(status_watch_print_all(NULL, 0, "{}", false, stdout, &err), -EBADMSG);
	assert_int_equal(status_watch_print_one(NULL, 0, "[]", false, stdout, &err), -EBADMSG);
}

static void test_a_screen_is_drawn_over_and_cut_to_its_size(void **state)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	screen_draw(out, "abcdef\n\x1b[31mxyz\x1b[0m\nzwei\xc3\xa4rz\nlast\n", 4, 5);
	fclose(out);
	assert_string_equal(text,
	    "\x1b[H"
	    "abcde\x1b[0m\x1b[K\n"
	    "\x1b[31mxyz\x1b[0m\x1b[K\n"
	    "zwei\xc3\xa4\x1b[0m\x1b[K\n"
	    "\x1b[J");
	free(text);
}

static int wait_for(const char *json, const char *name, int64_t lag, char **words)
{
	char *names[] = { (char *)name };
	struct error err = { 0 };

	return wait_look(json, names, name != NULL, lag, words, &err);
}

static void test_a_wait_is_over_when_no_lag_is_greater_and_else_says_why(void **state)
{
	const char *json = ALL(PIPELINE("a", "running", "3", "1", "1") "," PIPELINE("b", "running", "10", "1", "1") "," PIPELINE(
	    "c", "stopped", "-1", "1", "1") ",{\"name\":\"d\",\"state\":\"blocked\",\"lag\":-1,\"reason\":\"who\\u0007?\"}");
	char *words;

	assert_int_equal(wait_for(json, "a", 3, &words), 1);
	assert_null(words);
	assert_int_equal(wait_for(json, "a", 2, &words), 0);
	assert_string_equal(words, "a: running, lag 3");
	free(words);
	assert_int_equal(wait_for(json, "c", 9, &words), 0); /* asked for, it is meant also where it is stopped */
	assert_string_equal(words, "c: stopped, no lag known yet");
	free(words);
	assert_int_equal(wait_for(json, NULL, 9, &words), 0);
	assert_string_equal(words, "b: running, lag 10; d: blocked, no lag known yet: who\\x07?");
	free(words);
	assert_int_equal(wait_for(json, "e", 9, &words), -ENOENT);
	assert_int_equal(wait_for("{}", "a", 9, &words), -EBADMSG);
	assert_int_equal(wait_for("<", "a", 9, &words), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_those_between_two_looks_by_name),
		cmocka_unit_test(test_there_are_no_rates_at_first_nor_when_the_daemon_counts_anew),
		cmocka_unit_test(test_a_state_has_its_colour_where_colours_may_be_and_columns_stay),
		cmocka_unit_test(test_a_watch_of_something_else_says_so),
		cmocka_unit_test(test_a_screen_is_drawn_over_and_cut_to_its_size),
		cmocka_unit_test(test_a_wait_is_over_when_no_lag_is_greater_and_else_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
