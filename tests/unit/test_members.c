/* The promises of daemon/members.h, and of the pages that show the members of a pipeline. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>
#include "daemon/members.h"
#include "daemon/metrics.h"
#include "daemon/status_json.h"

enum { MEMBERS = 3 };

static struct partition_snapshot of_first[] = {
	{ .topic = (char *)"orders", .partition = 4, .mark = 40, .member = 1 },
	{ .topic = (char *)"orders", .partition = 5, .mark = 50, .member = 1 },
};
static struct partition_snapshot of_third[] = {
	{ .topic = (char *)"orders", .partition = 0, .mark = 10, .member = 3 },
};

static void fill(struct pipeline_snapshot members[MEMBERS])
{
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = (struct pipeline_snapshot){
			.name = (char *)"orders",
			.member = i + 1,
			.state = PIPELINE_RUNNING,
			.state_since_ms = 1000 * i,
			.drain_was_clean = true,
			.restarts = 1,
			.counters = { .acked_records = 100, .commits = 7 },
			.held_bytes = 1000,
			.lag = -1,
		};
		histogram_add(&members[i].latencies.report, 100 * i);
	}
	members[0].partitions = of_first;
	members[0].partition_count = 2;
	members[0].lag = 11;
	members[2].partitions = of_third;
	members[2].partition_count = 1;
	members[2].lag = 22;
}

static void test_the_counts_are_sums_and_the_partitions_stand_in_order(void **state)
{
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;

	fill(members);
	members_sum(&whole, members, MEMBERS);
	assert_string_equal(whole.name, "orders");
	assert_int_equal(whole.state, PIPELINE_RUNNING);
	assert_null(whole.reason);
	assert_int_equal(whole.counters.acked_records, 300);
	assert_int_equal(whole.counters.commits, 21);
	assert_int_equal(whole.restarts, 3);
	assert_int_equal(whole.held_bytes, 3000);
	assert_int_equal(whole.latencies.report.total, 3);
	assert_int_equal(whole.lag, 33); /* that the second has no partition is no lag */
	assert_int_equal(whole.partition_count, 3);
	assert_int_equal(whole.partitions[0].member, 3);
	assert_int_equal(whole.partitions[2].partition, 5);
	assert_true(whole.drain_was_clean);
	members_clear(&whole);
	members[0].lag = -1;
	members[1].drain_was_clean = false;
	members_sum(&whole, members, MEMBERS);
	assert_int_equal(whole.lag, -1);
	assert_false(whole.drain_was_clean);
	members_clear(&whole);
}

static void test_one_members_failure_is_the_pipelines(void **state)
{
	static const enum pipeline_state rising[] = { PIPELINE_RUNNING, PIPELINE_STARTING, PIPELINE_DRAINING,
		PIPELINE_BACKING_OFF, PIPELINE_BLOCKED, PIPELINE_FAILED };
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;

	fill(members);
	for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
		members[1].state = rising[i];
		members[1].reason = (char *)"not authorised";
		members_sum(&whole, members, MEMBERS);
		assert_int_equal(whole.state, rising[i]);
		if (i > 0)
			assert_string_equal(whole.reason, "member 2 of 3: not authorised");
		members_clear(&whole);
	}
	/* As a whole it is paused, or has stopped, when all are. */
	members[1].state = PIPELINE_PAUSED;
	members_sum(&whole, members, MEMBERS);
	assert_int_equal(whole.state, PIPELINE_RUNNING);
	members_clear(&whole);
	for (int i = 0; i < MEMBERS; i++)
		members[i].state = PIPELINE_STOPPED;
	members_sum(&whole, members, MEMBERS);
	assert_int_equal(whole.state, PIPELINE_STOPPED);
	members_clear(&whole);
}

static void test_the_last_error_is_the_latest(void **state)
{
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;

	fill(members);
	members[0].last_error = (char *)"older";
	members[0].last_error_at_ms = 5;
	members[2].last_error = (char *)"newer";
	members[2].last_error_at_ms = 6;
	members_sum(&whole, members, MEMBERS);
	assert_string_equal(whole.last_error, "newer");
	members_clear(&whole);
}

static void test_a_pipeline_with_one_member_is_that_member(void **state)
{
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;

	fill(members);
	members[0].member = 0;
	members[0].state = PIPELINE_FAILED;
	members[0].reason = (char *)"not authorised";
	members_sum(&whole, members, 1);
	assert_string_equal(whole.reason, "not authorised");
	assert_ptr_equal(whole.partitions, members[0].partitions);
	members_clear(&whole);
	assert_null(whole.partitions);
}

static char *metrics_page(const struct pipeline_snapshot *whole)
{
	static const struct identity identity = { "1.2.3", "2.0.2", "here" };
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	metrics_write(out, &identity, 0, &(struct reload_status){ 0 }, whole, 1);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_metrics_tell_members_apart_only_where_there_are_several(void **state)
{
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;
	char *page;

	fill(members);
	members[1].state = PIPELINE_BACKING_OFF;
	members_sum(&whole, members, MEMBERS);
	page = metrics_page(&whole);
	assert_non_null(strstr(page, "\naloqd_acked_records_total{pipeline=\"orders\"} 300\n"));
	assert_non_null(strstr(page, "\naloqd_member_acked_records_total{pipeline=\"orders\",member=\"2\"} 100\n"));
	assert_non_null(strstr(page, "\naloqd_member_assigned_partitions{pipeline=\"orders\",member=\"1\"} 2\n"));
	assert_non_null(
	    strstr(page, "\naloqd_member_state{pipeline=\"orders\",member=\"2\",state=\"backing_off\"} 1\n"));
	assert_non_null(
	    strstr(page, "\naloqd_member_state{pipeline=\"orders\",member=\"2\",state=\"running\"} 0\n"));
	free(page);
	members_clear(&whole);
	members_sum(&whole, members, 1);
	page = metrics_page(&whole);
	assert_null(strstr(page, "aloqd_member"));
	free(page);
	members_clear(&whole);
}

static void test_json_lists_the_members_and_says_whose_a_partition_is(void **state)
{
	static const char *const members_path[] = { "members", NULL };
	static const char *const state_path[] = { "state", NULL };
	static const char *const partitions_path[] = { "partitions", NULL };
	static const char *const member_path[] = { "member", NULL };
	struct pipeline_snapshot members[MEMBERS];
	struct pipeline_snapshot whole;
	size_t length;
	char *json;
	yajl_val root, list;

	fill(members);
	members[2].state = PIPELINE_FAILED;
	members_sum(&whole, members, MEMBERS);
	json = status_json_one(&whole, &length);
	root = yajl_tree_parse(json, NULL, 0);
	assert_non_null(root);
	list = yajl_tree_get(root, (const char **)members_path, yajl_t_array);
	assert_int_equal(YAJL_GET_ARRAY(list)->len, MEMBERS);
	assert_string_equal(YAJL_GET_STRING(yajl_tree_get(
				YAJL_GET_ARRAY(list)->values[2], (const char **)state_path, yajl_t_string)),
	    "failed");
	list = yajl_tree_get(root, (const char **)partitions_path, yajl_t_array);
	assert_int_equal(YAJL_GET_INTEGER(yajl_tree_get(
			     YAJL_GET_ARRAY(list)->values[0], (const char **)member_path, yajl_t_number)),
	    3);
	yajl_tree_free(root);
	free(json);
	members_clear(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_counts_are_sums_and_the_partitions_stand_in_order),
		cmocka_unit_test(test_one_members_failure_is_the_pipelines),
		cmocka_unit_test(test_the_last_error_is_the_latest),
		cmocka_unit_test(test_a_pipeline_with_one_member_is_that_member),
		cmocka_unit_test(test_metrics_tell_members_apart_only_where_there_are_several),
		cmocka_unit_test(test_json_lists_the_members_and_says_whose_a_partition_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
