/* What is too deep, too long or too much does not crash the parser, nor hold it up: built with
 * --with-sanitizers=address,undefined this says most. What chance finds is in tests/fuzz. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config_files.h"

static void load_any(const char *bytes, size_t length)
{
	struct config_findings findings = { 0 };
	struct config *config;
	int exit_code = -1;

	config_files_write("main.conf", bytes, length);
	config = config_load(config_files_path("main.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	assert_true((config != NULL) == (findings.error_count == 0));
	assert_true((config != NULL) == (exit_code == 0));
	if (config) {
		char *dump = config_dump(config);

		free(dump);
	}
	config_free(config);
	config_findings_clear(&findings);
}

static void repeat(const char *before, const char *piece, size_t count, const char *after)
{
	size_t piece_length = strlen(piece);
	size_t used = strlen(before);
	char *text = xcalloc(used + piece_length * count + strlen(after) + 1, 1);

	memcpy(text, before, used);
	for (size_t i = 0; i < count; i++, used += piece_length)
		memcpy(text + used, piece, piece_length);
	memcpy(text + used, after, strlen(after));
	load_any(text, used + strlen(after));
	free(text);
}

static void test_deep_nesting_does_not_crash_the_parser(void **state)
{
	repeat("", "a={", 3000, "");
	repeat("", "a={", 200000, "");
	repeat("a=", "(", 200000, "");
	repeat("a=", "(", 1000, ")");
	repeat("/*", "/*", 100000, "");
}

static void test_long_texts_numbers_and_names_do_not_crash_the_parser(void **state)
{
	repeat("a=\"", "x", 1000000, "\";");
	repeat("a=\"", "\\", 100001, "\";");
	repeat("a=", "9", 1000000, ";");
	repeat("a=0x", "f", 100000, ";");
	repeat("", "n", 1000000, "=1;");
	repeat("pipelines = { ", "n", 100000, " = { from = { x = 1; }; }; };");
	repeat("aloqd = { control = \"/", "x", 100000, "\"; };");
	repeat(GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"x\"", ",\"x\"",
	    20000, " ]; }; to = { topic = \"t\"; }; }; };");
	repeat("a=1.", "0", 1000000, ";");
	repeat("", "x", 5000000, "");
}

/* Writes a text that is too much of something, which is refused within some seconds with these words. */
static void expect_refused(char *text, const char *words)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;

	alarm(20); /* ends the test where it would hang */
	assert_null(config_files_load(text, &findings, &exit_code));
	alarm(0);
	assert_int_equal(findings.count, 1);
	if (!strstr(findings.items[0].text, words))
		fail_msg("%s", findings.items[0].text);
	config_findings_clear(&findings);
	free(text);
}

/* The text that these pieces make: count of them, each with its number for %d. */
static char *make_text(const char *before, const char *piece, int count, const char *after)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fputs(before, out);
	for (int i = 0; i < count; i++) {
		const char *number = strstr(piece, "%d");

		fprintf(out, "%.*s%d%s", (int)(number - piece), piece, i, number + 2);
	}
	fputs(after, out);
	fclose(out);
	return text;
}

static void test_what_would_take_for_ever_is_refused_at_once(void **state)
{
	expect_refused(make_text("aloqd = {\n", "a%d=1;\n", 300000, "};\n"),
	    "main.conf:2002: this group holds more than 2000 settings");
	expect_refused(make_text("a = ", "{ b%d = ", 1000, "1"), "nested more than 32 deep");
	expect_refused(
	    make_text(GOOD_CLUSTERS "pipelines = { ",
		"p%d = { from = { cluster = \"main\"; topics = [ \"^a\", \"^b\", \"^c\" ]; }; to = { topic = "
		"\"t\"; }; };\n",
		700, "};\n"),
	    "have 2100 regular expressions; use 2000 at most");
}

static void test_many_findings_are_bounded(void **state)
{
	repeat("aloqd = { ", "zzz = 1;", 1, "};");
	repeat("aloqd = {\n", "@include \"absent\"\n", 3000, "};");
}

static int set_up(void **state)
{
	config_files_begin();
	return 0;
}

static int tear_down(void **state)
{
	config_files_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep_nesting_does_not_crash_the_parser),
		cmocka_unit_test(test_long_texts_numbers_and_names_do_not_crash_the_parser),
		cmocka_unit_test(test_what_would_take_for_ever_is_refused_at_once),
		cmocka_unit_test(test_many_findings_are_bounded),
	};

	return cmocka_run_group_tests_name("hostile config", tests, set_up, tear_down);
}
