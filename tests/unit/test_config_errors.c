/* Every mistake has its message: file, line, key, what is wrong and what would be right; all in one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config/keys.h"
#include "config_files.h"
#include "config_mistakes.h"

static void expect_findings(const char *text, const char *expected)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = config_files_load(text, &findings, &exit_code);
	char *found = config_files_describe(&findings);

	if (strcmp(found, expected) != 0)
		print_error(
		    "---- text ----\n%s---- expected ----\n%s---- found ----\n%s", text, expected, found);
	assert_string_equal(found, expected);
	if (findings.error_count > 0) {
		assert_null(config);
		assert_int_equal(exit_code, EX_CONFIG);
	} else {
		assert_non_null(config);
		assert_int_equal(exit_code, 0);
	}
	free(found);
	config_free(config);
	config_findings_clear(&findings);
}

static void test_every_mistake_has_its_message(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
		expect_findings(mistakes[i].text, mistakes[i].findings);
}

static void test_all_mistakes_are_reported_in_one_run_in_file_order(void **state)
{
	expect_findings("clusters = { main = { broker = \"a\"; }; };\n"
			"aloqd = { memory = \"1MiB\"; log_level = \"loud\"; };\n"
			"pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ ]; }; to = { topic = \"t\"; }; };\n"
			"  b = { };\n"
			"};\n",
	    "error main.conf:1: clusters.main.broker: unknown key; did you mean \"brokers\"?\n"
	    "error main.conf:1: clusters.main.brokers: is missing; add it (host:port of some brokers, "
	    "separated by "
	    "commas)\n"
	    "error main.conf:2: aloqd.log_level: \"loud\" is not a choice here; use \"error\", \"warning\", "
	    "\"notice\", \"info\" or \"debug\"\n"
	    "error main.conf:2: aloqd.memory: \"1MiB\" is out of range; use \"32MiB\" to \"1TiB\"\n"
	    "error main.conf:4: pipelines.a.from.topics: lists 0 topics; list 1 to 1000\n"
	    "error main.conf:5: pipelines.b.from: is missing; add it (what is read)\n"
	    "error main.conf:5: pipelines.b.to: is missing; add it (where it is written)\n");
}

static void test_a_mistake_in_defaults_is_said_once_where_it_stands(void **state)
{
	expect_findings(GOOD_CLUSTERS
	    "defaults = {\n  commit = { records = 0; }; lingr = 1;\n};\n"
	    "pipelines = {\n"
	    "  a = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; to = { topic = \"x\"; }; };\n"
	    "  b = { from = { cluster = \"main\"; topics = [ \"b\" ]; }; to = { topic = \"x\"; }; };\n"
	    "};\n",
	    "error main.conf:3: defaults.lingr: unknown key; the keys here are enabled, delivery, from, to, "
	    "commit, "
	    "on_error, dead_letter, revoke_timeout, members, rate, provenance\n"
	    "error main.conf:3: defaults.commit.records: 0 is out of range; use 1 to 1000000000\n");
}

/* A configuration in which the text stands among the keys of the place; shared: in defaults, where that has it. */
static char *put_in_place(enum key_place place, bool shared, const char *text)
{
	static const char *const whole[PLACE_COUNT] = {
		[PLACE_ALOQD] = "aloqd = { %s };\n" GOOD_CONFIG("", "", ""),
		[PLACE_CLUSTER] = "clusters = { main = { brokers = \"b:1\"; %s }; };\n" GOOD_PIPELINE("", "", ""),
		[PLACE_TLS] = "clusters = { main = { brokers = \"b:1\"; tls = { %s }; }; };\n" GOOD_PIPELINE("", "", ""),
		[PLACE_SASL] = "clusters = { main = { brokers = \"b:1\"; sasl = { mechanism = \"PLAIN\"; username = \"u\"; "
		               "password = \"p\"; %s }; tls = { }; }; };\n" GOOD_PIPELINE("", "", ""),
		[PLACE_PIPELINE] = GOOD_CONFIG("", "", "%s"),
		[PLACE_FROM] = GOOD_CONFIG("%s", "", ""),
		[PLACE_TO] = GOOD_CONFIG("", "%s", ""),
		[PLACE_COMMIT] = GOOD_CONFIG("", "", "commit = { %s };"),
		[PLACE_RATE] = GOOD_CONFIG("", "", "rate = { %s };"),
		[PLACE_CREATE] = GOOD_CONFIG("", "create = { %s };", ""),
	};
	static const char *const in_defaults[PLACE_COUNT] = {
		[PLACE_PIPELINE] = "defaults = { %s };\n" GOOD_CONFIG("", "", ""),
		[PLACE_FROM] = "defaults = { from = { %s }; };\n" GOOD_CONFIG("", "", ""),
		[PLACE_TO] = "defaults = { to = { %s }; };\n" GOOD_CONFIG("", "", ""),
		[PLACE_COMMIT] = "defaults = { commit = { %s }; };\n" GOOD_CONFIG("", "", ""),
		[PLACE_RATE] = "defaults = { rate = { %s }; };\n" GOOD_CONFIG("", "", ""),
		[PLACE_CREATE] = "defaults = { to = { create = { %s }; }; };\n" GOOD_CONFIG("", "", ""),
	};
	const char *before = shared ? in_defaults[place] : whole[place];
	const char *at = before ? strstr(before, "%s") : NULL;

	return at ? xasprintf("%.*s%s%s", (int)(at - before), before, text, at + 2) : NULL;
}

static void test_a_slip_in_any_key_of_any_place_is_answered_with_the_key(void **state)
{
	size_t count;
	const struct key *keys = keys_all(&count);

	for (size_t i = 0; i < 2 * count; i++) {
		const struct key *key = &keys[i / 2];
		struct config_findings findings = { 0 };
		/* its first letter twice */
		char *slip = xasprintf("%c%s = 1;", key->name[0], key->name);
		char *remedy = xasprintf(": unknown key; did you mean \"%s\"?", key->name);
		char *text = put_in_place(key->place, i % 2, slip);
		int exit_code;

		if (text && key->type != KEY_LATER) {
			assert_null(config_files_load(text, &findings, &exit_code));
			assert_int_equal(findings.count, 1);
			if (!strstr(findings.items[0].text, remedy))
				fail_msg("%s: %s", slip, findings.items[0].text);
		}
		config_findings_clear(&findings);
		free(text);
		free(slip);
		free(remedy);
	}
}

static void test_one_pipeline_in_two_files_names_both_places(void **state)
{
	static const char other[] = "\npipelines = { orders = { enabled = false; }; };\n"
				    "clusters = { main = { brokers = \"x:1\"; }; };\n";

	config_files_write("conf.d/20-more.conf", other, sizeof other - 1);
	expect_findings(GOOD_CONFIG("", "", ""), "error conf.d/20-more.conf:2: pipelines.orders: stands in "
						 "main.conf:3 already; remove or rename one of the "
						 "two\n"
						 "error conf.d/20-more.conf:3: clusters.main: stands in "
						 "main.conf:1 already; remove or rename one of the "
						 "two\n");
	unlink(config_files_path("conf.d/20-more.conf"));
}

static void test_one_section_in_two_files_names_both_places(void **state)
{
	static const char other[] = "aloqd = { memory = \"1GiB\"; };\n";

	config_files_write("conf.d/20-more.conf", other, sizeof other - 1);
	expect_findings("aloqd = { };\n" GOOD_CONFIG("", "", ""),
	    "error conf.d/20-more.conf:1: aloqd: stands in main.conf:1 already; keep it in one file\n");
	unlink(config_files_path("conf.d/20-more.conf"));
}

static void test_a_mistake_in_an_included_file_names_that_file(void **state)
{
	static const char included[] = "# comment\nmemory = \"much\";\n";

	config_files_write("parts/aloqd.inc", included, sizeof included - 1);
	expect_findings(
	    "aloqd = {\n@include \"parts/aloqd.inc\"\nlog_levl = 1;\n};\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:3: aloqd.log_levl: unknown key; did you mean \"log_level\"?\n"
	    "error parts/aloqd.inc:2: aloqd.memory: \"much\" is not a size; write a whole number with KiB, "
	    "MiB, GiB, kB, "
	    "MB or GB, for example \"256MiB\"\n");
}

static void test_a_syntax_error_in_an_included_file_names_that_file(void **state)
{
	static const char included[] = "\n\nmemory \"much\";\n";

	config_files_write("parts/bad.inc", included, sizeof included - 1);
	expect_findings("aloqd = {\n@include \"parts/bad.inc\"\n};\n",
	    "error parts/bad.inc:3: syntax error; look for a missing \";\", \"=\", quote or bracket on this "
	    "line or the "
	    "one before\n");
}

static void test_a_file_that_includes_itself_ends(void **state)
{
	static const char twice[] = "@include \"twice.inc\"\n@include \"twice.inc\"\n";
	struct config_findings findings = { 0 };
	int exit_code;

	config_files_write("twice.inc", twice, sizeof twice - 1);
	expect_findings("@include \"main.conf\"\n",
	    "error main.conf:1: includes are nested more than 10 deep; does a file include itself?\n");
	assert_null(config_files_load("@include \"twice.inc\"\n", &findings, &exit_code));
	assert_int_equal(exit_code, EX_CONFIG);
	config_findings_clear(&findings);
}

static void test_an_included_folder_or_missing_file_is_an_error(void **state)
{
	mkdir(config_files_path("folder"), 0700);
	expect_findings("@include \"folder\"\n\n@include \"absent.inc\"\n",
	    "error main.conf:1: cannot read the included file folder: Is a directory\n"
	    "error main.conf:3: cannot read the included file absent.inc: No such file or directory\n");
}

/* A pipe that nobody writes to: to open it, or to read it, would take for ever. */
static void make_pipe(const char *name)
{
	unlink(config_files_path(name));
	assert_int_equal(mkfifo(config_files_path(name), 0600), 0);
}

static void test_what_is_no_regular_file_is_an_error_at_once(void **state)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	char *text;

	alarm(20); /* ends the test where it would hang */
	make_pipe("pipe");
	expect_findings("@include \"pipe\"\n@include \"/dev/zero\"\n",
	    "error main.conf:1: cannot read the included file pipe: it is not a regular file\n"
	    "error main.conf:2: cannot read the included file /dev/zero: it is not a regular file\n");
	make_pipe("conf.d/30-pipe.conf");
	expect_findings(GOOD_CONFIG("", "", ""),
	    "error conf.d/30-pipe.conf: cannot read it: it is not a regular file; put the configuration into a "
	    "file and name that\n");
	unlink(config_files_path("conf.d/30-pipe.conf"));

	assert_null(config_load(config_files_path("pipe"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code));
	assert_int_equal(exit_code, EX_CONFIG);
	text = config_files_describe(&findings);
	assert_string_equal(text, "error pipe: cannot read it: it is not a regular file; put the configuration "
				  "into a file and name that\n");
	free(text);
	config_findings_clear(&findings);
	alarm(0);
}

static void report_twice(const struct config *config, config_report report, void *context)
{
	const struct config_property *property = &config->pipelines[0].to.properties.items[0];

	report(context, &property->origin, "here", "one");
	report(context, &config->pipelines[0].origin, "there", "two");
}

static void test_a_check_from_above_is_heard_beside_other_errors_and_in_file_order(void **state)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	char *text;

	assert_null(config_files_load(
	    GOOD_CONFIG("", "properties = [ \"client.rack=a\" ];", "enabled = 1;"), &findings, &exit_code));
	config_findings_clear(&findings);
	assert_null(config_load(config_files_path("main.conf"), false, CONFIG_TO_RUN, report_twice, &findings, &exit_code));
	assert_int_equal(exit_code, EX_CONFIG);
	text = config_files_describe(&findings);
	assert_string_equal(text,
	    "error main.conf:3: there: two\n"
	    "error main.conf:5: here: one\n"
	    "error main.conf:6: pipelines.orders.enabled: has the wrong type; write true or false\n");
	free(text);
	config_findings_clear(&findings);
}

static void test_a_missing_file_is_78_and_an_unreadable_one_77(void **state)
{
	struct config_findings findings = { 0 };
	char *text;
	int exit_code = -1;

	assert_null(config_load(config_files_path("absent.conf"), true, CONFIG_TO_RUN, NULL, &findings, &exit_code));
	assert_int_equal(exit_code, EX_CONFIG);
	text = config_files_describe(&findings);
	assert_string_equal(text, "error absent.conf: cannot read it: No such file or directory; write it, "
				  "or name another one with -c\n");
	free(text);
	config_findings_clear(&findings);
	if (geteuid() == 0)
		return; /* root reads everything */
	config_files_write("secret.conf", "", 0);
	chmod(config_files_path("secret.conf"), 0);
	assert_null(config_load(config_files_path("secret.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code));
	assert_int_equal(exit_code, EX_NOPERM);
	config_findings_clear(&findings);
}

static void test_a_nul_byte_is_an_error(void **state)
{
	static const char text[] = "aloqd = { };\n\0" GOOD_CONFIG("", "", "");
	struct config_findings findings = { 0 };
	char *found;
	int exit_code;

	config_files_write("nul.conf", text, sizeof text - 1);
	assert_null(config_load(config_files_path("nul.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code));
	found = config_files_describe(&findings);
	assert_string_equal(found, "error nul.conf:2: holds a NUL byte; write plain text\n");
	free(found);
	config_findings_clear(&findings);
}

static void test_a_secret_that_everyone_can_read_is_a_warning(void **state)
{
	static const char text[] = "clusters = { main = { brokers = \"b:1\"; properties = [ "
				   "\"sasl.password=x\" ]; }; };\n" GOOD_PIPELINE("", "", "");
	struct config_findings findings = { 0 };
	struct config *config;
	char *found;
	int exit_code;

	config_files_write("open.conf", text, sizeof text - 1);
	config = config_load(config_files_path("open.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	assert_non_null(config);
	assert_int_equal(findings.count, 0);
	config_free(config);
	config_findings_clear(&findings);

	chmod(config_files_path("open.conf"), 0644);
	config = config_load(config_files_path("open.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	assert_non_null(config);
	assert_int_equal(exit_code, 0);
	found = config_files_describe(&findings);
	assert_string_equal(found,
	    "warning open.conf:1: clusters.main.properties: \"sasl.password\" is a secret in a file "
	    "that everyone can read; take that right away: chmod o-r open.conf\n");
	free(found);
	config_free(config);
	config_findings_clear(&findings);
}

static void test_every_refused_key_of_later_versions_says_so(void **state)
{
	static const char *const keys[] = { "process = { };" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct config_findings findings = { 0 };
		char text[1024];
		int exit_code;

		snprintf(text, sizeof text, GOOD_CLUSTERS GOOD_PIPELINE("", "", "%s"), keys[i]);
		assert_null(config_files_load(text, &findings, &exit_code));
		assert_int_equal(findings.count, 1);
		assert_non_null(strstr(findings.items[0].text, ": not in this version; "));
		config_findings_clear(&findings);
	}
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
		cmocka_unit_test(test_every_mistake_has_its_message),
		cmocka_unit_test(test_all_mistakes_are_reported_in_one_run_in_file_order),
		cmocka_unit_test(test_a_mistake_in_defaults_is_said_once_where_it_stands),
		cmocka_unit_test(test_a_slip_in_any_key_of_any_place_is_answered_with_the_key),
		cmocka_unit_test(test_one_pipeline_in_two_files_names_both_places),
		cmocka_unit_test(test_one_section_in_two_files_names_both_places),
		cmocka_unit_test(test_a_mistake_in_an_included_file_names_that_file),
		cmocka_unit_test(test_a_syntax_error_in_an_included_file_names_that_file),
		cmocka_unit_test(test_a_file_that_includes_itself_ends),
		cmocka_unit_test(test_an_included_folder_or_missing_file_is_an_error),
		cmocka_unit_test(test_what_is_no_regular_file_is_an_error_at_once),
		cmocka_unit_test(test_a_check_from_above_is_heard_beside_other_errors_and_in_file_order),
		cmocka_unit_test(test_a_missing_file_is_78_and_an_unreadable_one_77),
		cmocka_unit_test(test_a_nul_byte_is_an_error),
		cmocka_unit_test(test_a_secret_that_everyone_can_read_is_a_warning),
		cmocka_unit_test(test_every_refused_key_of_later_versions_says_so),
	};

	return cmocka_run_group_tests_name("config errors", tests, set_up, tear_down);
}
