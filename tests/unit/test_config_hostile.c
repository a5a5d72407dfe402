/* No text, however broken, may crash the parser: built with --with-sanitizers=address,undefined this says
 * most. Mutates good texts at random; ALOQD_TEST_SEED replays a run, ALOQD_TEST_ROUNDS makes it longer. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config_files.h"

#define TEXT_MAX 8192

static const char seed_text[] =
    "aloqd = { log_level = \"debug\"; http = \"[::1]:9797\"; drain_timeout = \"5m\"; memory = \"64MB\"; };\n"
    "clusters = { a = { brokers = \"h1:9092,[::1]:9092\"; properties = [ \"client.rack=x\", \"acks=1\" ]; "
    "};\n"
    "  b = { brokers = \"h:1\"; }; };\n"
    "defaults = { commit = { records = 5L; interval = \"1s\"; }; };\n"
    "pipelines = { p = { enabled = true; revoke_timeout = \"1s\"; members = 1; rate = { bytes = \"0\"; };\n"
    "  on_error = \"dead_letter\"; dead_letter = \"d\";\n"
    "  from = { cluster = \"a\"; topics = [ \"x\", \"y\" ]; start = \"timestamp:2026-01-31T00:00:00Z\"; };\n"
    "  to = { cluster = \"b\"; topic = \"{topic}-z\"; acks = 0x1; partition = { fixed = 3; };\n"
    "    create = { partitions = 4; }; }; /* x */ };\n"
    "  q = { from = { cluster = \"b\"; topics = [ \"x-z\" ]; }; to = { cluster = \"a\"; topic = \"x\"; }; }; "
    "# y\n"
    "};\n";

/* What breaks parsers, and what means something here. */
static const char *const tokens[] = { "{", "}", "[", "]", "(", ")", "\"", "\\", "\\x00", ";", "=", ",",
	"@include \"", "\n@include \"main.conf\"\n", "/*", "*/", "#", "-", "0x", "99999999999999999999",
	"4294967297", "1e999", "true", "topics", "from", "{topic}", "^", "\xff\xfe", "\xc3", "%n%s",
	"pipelines", "defaults", "***", "L", "." };

static uint64_t random_state;

/* xorshift64*: the same numbers for the same seed everywhere. */
static size_t random_below(size_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % bound;
}

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

static size_t mutate(char *text, size_t length)
{
	size_t at = random_below(length + 1);
	const char *token = tokens[random_below(sizeof tokens / sizeof tokens[0])];
	size_t token_length = strlen(token);
	size_t span = random_below(40);

	switch (random_below(5)) {
	case 0: /* one byte becomes another */
		if (at < length)
			text[at] = (char)random_below(256);
		return length;
	case 1: /* some bytes go */
		if (at + span > length)
			span = length - at;
		memmove(text + at, text + at + span, length - at - span);
		return length - span;
	case 2: /* some come twice */
		if (at + span > length)
			span = length - at;
		if (length + span > TEXT_MAX)
			return length;
		memmove(text + at + span, text + at, length - at);
		return length + span;
	default: /* a token comes in */
		if (length + token_length > TEXT_MAX)
			return length;
		memmove(text + at + token_length, text + at, length - at);
		memcpy(text + at, token, token_length);
		return length + token_length;
	}
}

static void test_no_mutation_crashes_the_parser(void **state)
{
	const char *given_seed = getenv("ALOQD_TEST_SEED");
	const char *given_rounds = getenv("ALOQD_TEST_ROUNDS");
	uint64_t seed = given_seed ? strtoull(given_seed, NULL, 10) : (uint64_t)time(NULL);
	unsigned long rounds = given_rounds ? strtoul(given_rounds, NULL, 10) : 3000;
	char text[TEXT_MAX];

	print_message("seed %" PRIu64 " (ALOQD_TEST_SEED replays it), %lu rounds\n", seed, rounds);
	random_state = seed | 1;
	for (unsigned long i = 0; i < rounds; i++) {
		size_t length = sizeof seed_text - 1;

		memcpy(text, seed_text, length);
		for (size_t count = 1 + random_below(8); count > 0; count--)
			length = mutate(text, length);
		load_any(text, length);
	}
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
		cmocka_unit_test(test_no_mutation_crashes_the_parser),
		cmocka_unit_test(test_deep_nesting_does_not_crash_the_parser),
		cmocka_unit_test(test_long_texts_numbers_and_names_do_not_crash_the_parser),
		cmocka_unit_test(test_many_findings_are_bounded),
	};

	return cmocka_run_group_tests_name("hostile config", tests, set_up, tear_down);
}
