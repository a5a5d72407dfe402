/* The promises of ctl/command.h and ctl/help.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "ctl/command.h"
#include "ctl/help.h"

static const struct command_option own_options[] = {
	{ "header", 'H', "NAME=VALUE", "may be given more than once" },
	{ "count", '\0', "N", "a number" },
	{ "watch", 'w', "[INTERVAL]", "may stand alone" },
	{ "skip", '\0', NULL, "takes nothing" },
	{ NULL, '\0', NULL, NULL },
};
static const struct command act = {
	.name = "act",
	.arguments = "TOPIC [PARTITION]",
	.least = 1,
	.most = 2,
	.help = "does something",
	.options = own_options,
	.notes = "More is to be said.\n",
};

struct words {
	int count;
	char *words[12];
};

static int parse(struct call *call, struct words *words)
{
	*call = (struct call){ .socket_path = "default" };
	while (words->words[words->count])
		words->count++;
	return call_parse(call, &act, words->count, words->words);
}

static void test_options_stand_before_between_and_behind_arguments(void **state)
{
	struct words words = { 0, { "act", "--skip", "orders", "--socket=/run/s", "3", "--json", NULL } };
	struct call call;

	assert_int_equal(parse(&call, &words), 0);
	assert_int_equal(call.argument_count, 2);
	assert_string_equal(call.arguments[0], "orders");
	assert_string_equal(call.arguments[1], "3");
	assert_string_equal(call.socket_path, "/run/s");
	assert_true(call.json);
	assert_true(call_has(&call, "skip"));
	assert_false(call_has(&call, "watch"));
	call_clear(&call);
}

static void test_nothing_behind_two_dashes_is_an_option(void **state)
{
	struct words words = { 0, { "act", "--", "--skip", "-H", NULL } };
	struct call call;

	assert_int_equal(parse(&call, &words), 0);
	assert_string_equal(call.arguments[0], "--skip");
	assert_string_equal(call.arguments[1], "-H");
	assert_false(call_has(&call, "skip"));
	call_clear(&call);
}

static void test_values_come_in_their_order_and_the_last_one_holds(void **state)
{
	struct words words = { 0, { "act", "t", "-H", "a=1", "--count", "5", "--header=b=2", "--count=6", "-w",
				      NULL } };
	struct call call;
	size_t i = 0;

	assert_int_equal(parse(&call, &words), 0);
	assert_string_equal(call_next_value(&call, "header", &i), "a=1");
	assert_string_equal(call_next_value(&call, "header", &i), "b=2");
	assert_null(call_next_value(&call, "header", &i));
	assert_string_equal(call_value(&call, "count"), "6");
	assert_true(call_has(&call, "watch"));
	assert_null(call_value(&call, "watch"));
	call_clear(&call);
}

static void test_what_may_be_left_out_may_be_given(void **state)
{
	struct words words = { 0, { "act", "t", "--watch=2s", NULL } };
	struct call call;

	assert_int_equal(parse(&call, &words), 0);
	assert_string_equal(call_value(&call, "watch"), "2s");
	call_clear(&call);
}

static void test_wrong_calls_are_refused(void **state)
{
	struct words wrong[] = {
		{ 0, { "act", NULL } },
		{ 0, { "act", "a", "b", "c", NULL } },
		{ 0, { "act", "a", "--unknown", NULL } },
		{ 0, { "act", "a", "-x", NULL } },
		{ 0, { "act", "a", "--count", NULL } },
		{ 0, { "act", "a", "--skip=1", NULL } },
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct call call;

		assert_int_equal(parse(&call, &wrong[i]), EX_USAGE);
		call_clear(&call);
	}
}

static void test_numbers_and_times_that_nothing_can_hold_are_refused(void **state)
{
	static const char *const wrong[][6] = {
		{ "consume", "--brokers=127.0.0.1:1", "--from=offset:99999999999999999999", "t" },
		{ "consume", "--brokers=127.0.0.1:1", "--partition=4294967296", "t" },
		{ "offsets", "--brokers=127.0.0.1:1", "--group=g", "--to=offset:99999999999999999999", "seek" },
		{ "status", "--socket=/nowhere", "--watch=100000d" },
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const struct command *command = command_find(wrong[i][0]);
		_cleanup_(call_clear) struct call call = { 0 };
		char *words[7] = { NULL };
		int count = 0;

		while (count < 6 && wrong[i][count]) {
			words[count] = (char *)(uintptr_t)wrong[i][count];
			count++;
		}
		assert_int_equal(call_parse(&call, command, count, words), 0);
		assert_int_equal(command->run(&call), EX_USAGE);
	}
}

static void test_help_is_asked_for_in_any_place_and_without_arguments(void **state)
{
	struct words calls[] = { { 0, { "act", "--help", NULL } }, { 0, { "act", "a", "b", "c", "-h", NULL } } };

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct call call;

		assert_int_equal(parse(&call, &calls[i]), 0);
		assert_true(call.help);
		call_clear(&call);
	}
}

static void test_the_help_of_a_command_has_its_options(void **state)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	help_print_command(&act, out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "Usage: aloqctl act [OPTION...] TOPIC [PARTITION]\ndoes something\n"));
	assert_non_null(strstr(text, "\n  -H, --header NAME=VALUE   may be given more than once\n"));
	assert_non_null(strstr(text, "\n  -w, --watch[=INTERVAL]    may stand alone\n"));
	assert_non_null(strstr(text, "\n      --skip                takes nothing\n"));
	assert_non_null(strstr(text, "\n      --json  "));
	assert_non_null(strstr(text, "\nMore is to be said.\n"));
	free(text);
}

static void test_every_command_is_whole_and_found_by_its_name(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *command = commands[i];

		assert_ptr_equal(command_find(command->name), command);
		assert_non_null(command->run);
		assert_true(command->most < 0 || command->least <= command->most);
		assert_int_equal(command->most == 0, command->arguments[0] == '\0');
		assert_null(strchr(command->help, '\n'));
	}
	assert_null(command_find("statu"));
	assert_null(command_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_before_between_and_behind_arguments),
		cmocka_unit_test(test_nothing_behind_two_dashes_is_an_option),
		cmocka_unit_test(test_values_come_in_their_order_and_the_last_one_holds),
		cmocka_unit_test(test_what_may_be_left_out_may_be_given),
		cmocka_unit_test(test_wrong_calls_are_refused),
		cmocka_unit_test(test_numbers_and_times_that_nothing_can_hold_are_refused),
		cmocka_unit_test(test_help_is_asked_for_in_any_place_and_without_arguments),
		cmocka_unit_test(test_the_help_of_a_command_has_its_options),
		cmocka_unit_test(test_every_command_is_whole_and_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
