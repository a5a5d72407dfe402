/* The promises of ctl/status.h and ctl/table.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "ctl/control_client.h"
#include "ctl/json_tree.h"
#include "ctl/pipeline_answer.h"
#include "ctl/partition_answer.h"
#include "ctl/reload.h"
#include "ctl/status.h"

typedef int (*printer)(const char *json, FILE *out, struct error *err);

static int print(printer function, const char *json, char **text)
{
	struct error err = { 0 };
	size_t length;
	FILE *out = open_memstream(text, &length);
	int result;

	assert_non_null(out);
	result = function(json, out, &err);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(result < 0, err.message[0] != '\0');
	return result;
}

static void test_pipelines_stand_in_columns_and_unknown_numbers_as_dashes(void **state)
{
	char *text = NULL;

	assert_int_equal(
	    print(status_print_all,
		"{\"pipelines\":[{\"name\":\"orders\",\"delivery\":\"at_least_once\",\"state\":\"running\","
		"\"partition_count\":12,\"lag\":-1,\"oldest_unsettled_age_ms\":94000,\"reason\":null,\"stuck\":\"x\","
		"\"counters\":{\"consumed_records\":1000,\"acked_records\":999}},"
		"{\"name\":\"b\"}]}",
		&text),
	    0);
	assert_string_equal(text,
	    "PIPELINE  DELIVERY       STATE    PARTITIONS  LAG  OLDEST  CONSUMED  ACKED  REASON\n"
	    "orders    at_least_once  running          12    -   1m34s      1000    999  x\n"
	    "b         -              -                 -    -       -         -      -  -\n");
	free(text);
}

static void test_a_pipeline_shows_its_partitions_and_says_when_it_has_none(void **state)
{
	char *text = NULL;

	assert_int_equal(
	    print(status_print_one,
		"{\"name\":\"orders\",\"state\":\"blocked\",\"reason\":\"waits\",\"lag\":3,"
		"\"partitions\":[{\"topic\":\"t\",\"partition\":1,\"state\":\"blocked\",\"committed\":4,"
		"\"mark\":5,\"end\":6,\"log_end\":8,\"lag\":3,\"in_flight\":1,"
		"\"oldest_unsettled_age_ms\":4000,\"waits_for\":\"report\",\"waits_for_broker\":3,\"waits_ms\":70000,"
		"\"error\":\"too large\",\"last_error\":\"no\",\"last_error_at_ms\":1}]}",
		&text),
	    0);
	assert_non_null(strstr(text, "reason       waits\n"));
	assert_non_null(
	    strstr(text, "t              1  blocked          4     5     6        8    3          1    4.0s  "
			 "report, broker 3  1m10s  too large\n"));
	free(text);
	assert_int_equal(
	    print(status_print_one,
		"{\"name\":\"orders\",\"state\":\"running\",\"members\":[{\"member\":1,\"state\":\"running\","
		"\"partition_count\":1,\"lag\":3,\"acked_records\":9},{\"member\":2,\"state\":\"failed\","
		"\"reason\":\"no\"}],\"partitions\":[{\"topic\":\"t\",\"partition\":1,\"member\":1,\"mark\":5}]}",
		&text),
	    0);
	assert_non_null(strstr(text, "MEMBER  STATE    PARTITIONS  LAG  ACKED  REASON\n"
				     "     1  running           1    3      9  -\n"
				     "     2  failed            -    -      -  no\n"));
	assert_non_null(strstr(text, "MEMBER  TOPIC  PARTITION"));
	assert_non_null(strstr(text, "\n     1  t              1"));
	free(text);
	assert_int_equal(print(status_print_one, "{\"partitions\":[]}", &text), 0);
	assert_non_null(strstr(text, "No partition is assigned"));
	free(text);
}

static void test_what_commits_the_offsets_is_counted_by_its_own_name(void **state)
{
	static const char counters[] = "\"counters\":{\"commits\":7,\"transactions_committed\":5,\"transactions_aborted\":2}";
	char json[256];
	char *text = NULL;

	snprintf(json, sizeof json, "{\"delivery\":\"at_least_once\",%s,\"partitions\":[]}", counters);
	assert_int_equal(print(status_print_one, json, &text), 0);
	assert_non_null(strstr(text, "commits      7\n"));
	assert_null(strstr(text, "transactions"));
	free(text);
	snprintf(json, sizeof json, "{\"delivery\":\"exactly_once\",%s,\"partitions\":[]}", counters);
	assert_int_equal(print(status_print_one, json, &text), 0);
	assert_non_null(strstr(text, "transactions 5\naborted      2\n"));
	assert_null(strstr(text, "commits"));
	free(text);
}

static void test_latencies_have_their_unit_and_are_left_out_while_there_are_none(void **state)
{
	char *text = NULL;

	assert_int_equal(
	    print(status_print_one,
		"{\"latency\":{\"p50_us\":8192,\"p99_us\":2097152,\"count\":9},\"partitions\":[]}", &text),
	    0);
	assert_non_null(strstr(text, "p50          8.2ms\np99          2.0s\n"));
	free(text);
	assert_int_equal(
	    print(status_print_one, "{\"latency\":{\"p50_us\":0,\"p99_us\":131072,\"count\":1},\"partitions\":[]}",
		&text),
	    0);
	assert_non_null(strstr(text, "p50          0.0ms\np99          131ms\n"));
	free(text);
	assert_int_equal(
	    print(status_print_one, "{\"latency\":{\"p50_us\":0,\"p99_us\":0,\"count\":0},\"partitions\":[]}", &text),
	    0);
	assert_null(strstr(text, "p50"));
	free(text);
}

static void test_past_errors_are_told_with_how_long_ago_they_were(void **state)
{
	int64_t now_ms = clock_realtime_ms();
	char json[512];
	char *text = NULL;

	snprintf(json, sizeof json,
	    "{\"name\":\"orders\",\"last_error\":\"timed out\",\"last_error_at_ms\":%" PRId64 ",\"stuck\":\"still\","
	    "\"state_since_ms\":%" PRId64 ",\"partitions\":[{\"topic\":\"t\",\"partition\":1,\"error\":null,"
	    "\"last_error\":\"refused\",\"last_error_at_ms\":%" PRId64 "}]}",
	    now_ms - 125500, now_ms - 3600000, now_ms + 10000);
	assert_int_equal(print(status_print_one, json, &text), 0);
	assert_non_null(strstr(text, "last error   2m05s ago: timed out\n"));
	assert_non_null(strstr(text, "since        1h00m\n"));
	assert_non_null(strstr(text, "stuck        still\n"));
	assert_non_null(strstr(text, "  0.0s ago: refused\n")); /* the clock was set back */
	free(text);
}

static void test_nothing_that_the_answer_holds_reaches_the_terminal_raw(void **state)
{
	char *text = NULL;

	assert_int_equal(
	    print(status_print_all,
		"{\"pipelines\":[{\"name\":\"a\\u001b[2Jb\",\"reason\":\"x\\ny\\u202ez\"}]}", &text),
	    0);
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "\u202e"));
	assert_non_null(strstr(text, "a\\x1b[2Jb"));
	assert_non_null(strstr(text, "x\\ny"));
	free(text);
}

static void test_what_is_not_aloqds_answer_is_an_error(void **state)
{
	static const char *const answers[] = { "", "<html>", "[1]", "{}",
		"{\"pipelines\":1,\"partitions\":{}}" };

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		char *text = NULL;

		assert_int_equal(print(status_print_all, answers[i], &text), -EBADMSG);
		assert_string_equal(text, "");
		free(text);
		assert_int_equal(print(status_print_one, answers[i], &text), -EBADMSG);
		assert_string_equal(text, "");
		free(text);
	}
}

static void test_why_an_answer_is_not_understood_is_told_without_what_it_does_to_a_terminal(void **state)
{
	struct error err = { 0 };

	assert_null(json_tree_parse_answer("{\"a\":\x1b[2J}", &err));
	assert_non_null(strstr(err.message, "\\x1b[2J"));
	assert_null(strchr(err.message, '\x1b'));
	assert_null(json_tree_parse_answer("/*\"*/{}", &err));
	assert_non_null(strstr(err.message, "comment"));
}

static void test_a_refused_reload_shows_below_the_pipelines(void **state)
{
	char *text = NULL;

	assert_int_equal(
	    print(status_print_all,
		"{\"pipelines\":[],\"reload\":{\"result\":\"refused\",\"summary\":\"a\\u001b is refused\"}}",
		&text),
	    0);
	assert_non_null(strstr(text, "\n\nThe last reload: a\\x1b is refused\n"));
	free(text);
	assert_int_equal(print(status_print_all,
			     "{\"pipelines\":[],\"reload\":{\"result\":\"ok\",\"summary\":\"fine\"}}", &text),
	    0);
	assert_null(strstr(text, "fine"));
	free(text);
}

static void test_a_reload_shows_its_findings_and_its_summary(void **state)
{
	static const char *const json = "{\"result\":\"refused\",\"finished\":true,\"late\":0,\"summary\":"
	                                "\"a.conf is refused\",\"findings\":["
					"{\"severity\":\"error\",\"text\":\"a.conf:3: "
	                                "bad\\u0007\"},{\"severity\":\"warning\",\"text\":\"odd\"}]}";
	struct reload_answer answer;
	struct error err = { 0 };
	char *text = NULL;

	assert_int_equal(print(reload_print, json, &text), 0);
	assert_string_equal(text, "error: a.conf:3: bad\\x07\nwarning: odd\na.conf is refused\n");
	free(text);
	assert_int_equal(reload_parse(json, &answer, &err), 0);
	assert_true(answer.refused);
	assert_true(answer.finished);
	assert_int_equal(reload_parse("{\"result\":\"ok\",\"finished\":false,\"late\":2}", &answer, &err), 0);
	assert_false(answer.refused);
	assert_false(answer.finished);
	assert_int_equal(answer.late, 2);
	assert_int_equal(reload_parse("{\"result\":null,\"late\":0}", &answer, &err), -EBADMSG);
	assert_int_equal(reload_parse("<html>", &answer, &err), -EBADMSG);
}

static void test_a_pipeline_that_was_told_something_shows_its_state_and_the_reason(void **state)
{
	struct pipeline_answer answer;
	struct error err = { 0 };
	char *text = NULL;

	assert_int_equal(pipeline_answer_parse("{\"name\":\"orders\",\"state\":\"stopped\",\"reason\":\"by\","
					       "\"starts_anew\":true,\"drain_was_clean\":false}",
			     &answer, &err),
	    0);
	assert_true(pipeline_answer_is(&answer, "stopped"));
	assert_false(pipeline_answer_is(&answer, "stop"));
	assert_true(answer.has_reason);
	assert_true(answer.starts_anew);
	assert_false(answer.drain_was_clean);
	assert_int_equal(
	    pipeline_answer_parse("{\"name\":\"orders\",\"state\":\"running\",\"reason\":null,"
				  "\"starts_anew\":false,\"drain_was_clean\":true}",
		&answer, &err),
	    0);
	assert_false(answer.has_reason);
	assert_false(answer.starts_anew);
	assert_true(answer.drain_was_clean);
	assert_int_equal(print(pipeline_answer_print, "{\"name\":\"a\",\"state\":\"failed\"}", &text), 0);
	assert_string_equal(text, "a: failed\n");
	free(text);
	assert_int_equal(
	    print(pipeline_answer_print, "{\"name\":\"a\",\"state\":\"blocked\",\"reason\":\"b\\u0007\"}",
		&text),
	    0);
	assert_string_equal(text, "a: blocked: b\\x07\n");
	free(text);
	assert_int_equal(pipeline_answer_parse("{\"name\":\"a\"}", &answer, &err), -EBADMSG);
	assert_int_equal(pipeline_answer_parse("<html>", &answer, &err), -EBADMSG);
}

static enum order_end end_of(const char *orders, int64_t order)
{
	char *json = xasprintf("{\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"state\":\"reading\",%s}]}", orders);
	struct partition_answer answer;
	struct error err = { 0 };
	enum order_end end;

	assert_int_equal(partition_answer_parse(json, "t", 0, &answer, &err), 0);
	end = partition_answer_order_end(&answer, order);
	partition_answer_clear(&answer);
	free(json);
	return end;
}

/* Two people decide about one record: who is too late must not be told that it was done, nor the other too early. */
static void test_of_two_decisions_each_knows_its_own_end(void **state)
{
	assert_int_equal(end_of("\"order\":0,\"order_done\":0,\"order_failed\":0", 5), ORDER_OPEN);
	assert_int_equal(end_of("\"order\":5,\"order_done\":0,\"order_failed\":6", 5), ORDER_OPEN);
	assert_int_equal(end_of("\"order\":5,\"order_done\":0,\"order_failed\":6", 6), ORDER_FAILED);
	assert_int_equal(end_of("\"order\":0,\"order_done\":5,\"order_failed\":6", 5), ORDER_DONE);
	assert_int_equal(end_of("\"order\":0,\"order_done\":5,\"order_failed\":6", 6), ORDER_FAILED);
	assert_int_equal(end_of("\"order\":0,\"order_done\":7,\"order_failed\":6", 6), ORDER_FAILED);
	assert_int_equal(end_of("\"order\":0,\"order_done\":4,\"order_failed\":3", 5), ORDER_OPEN);
	assert_int_equal(end_of("\"order\":0,\"order_done\":0,\"order_failed\":5", 5), ORDER_FAILED);
}

static void test_a_name_cannot_leave_its_place_in_the_path(void **state)
{
	char *name = control_escape("a/../b?c d%\xc3\xa4-_.~");

	assert_string_equal(name, "a%2F..%2Fb%3Fc%20d%25%C3%A4-_.~");
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipelines_stand_in_columns_and_unknown_numbers_as_dashes),
		cmocka_unit_test(test_a_pipeline_shows_its_partitions_and_says_when_it_has_none),
		cmocka_unit_test(test_what_commits_the_offsets_is_counted_by_its_own_name),
		cmocka_unit_test(test_latencies_have_their_unit_and_are_left_out_while_there_are_none),
		cmocka_unit_test(test_past_errors_are_told_with_how_long_ago_they_were),
		cmocka_unit_test(test_nothing_that_the_answer_holds_reaches_the_terminal_raw),
		cmocka_unit_test(test_what_is_not_aloqds_answer_is_an_error),
		cmocka_unit_test(test_why_an_answer_is_not_understood_is_told_without_what_it_does_to_a_terminal),
		cmocka_unit_test(test_a_refused_reload_shows_below_the_pipelines),
		cmocka_unit_test(test_a_reload_shows_its_findings_and_its_summary),
		cmocka_unit_test(test_a_pipeline_that_was_told_something_shows_its_state_and_the_reason),
		cmocka_unit_test(test_of_two_decisions_each_knows_its_own_end),
		cmocka_unit_test(test_a_name_cannot_leave_its_place_in_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
