/* What the pages say of partitions that stand still, of many partitions, and of a pipeline that does not do its work:
 * the promises of daemon/stuck.h, health.h, status_json.h and metrics.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>
#include "base/memory.h"
#include "daemon/health.h"
#include "daemon/metrics.h"
#include "daemon/status_json.h"
#include "daemon/stuck.h"

static const struct identity identity = { "1.2.3", "2.0.2", "here" };

/* Partition 0 relays, 1 waits for a report, 2 has nothing to read. */
static void fill(struct pipeline_snapshot *snapshot, struct partition_snapshot partitions[3])
{
	for (int i = 0; i < 3; i++)
		partitions[i] = (struct partition_snapshot){ .topic = (char *)"orders",
			.partition = i,
			.state = PART_READING,
			.mark = 100 + i,
			.oldest_unsettled = -1,
			.oldest_unsettled_age_ms = -1 };
	for (int i = 0; i < 3; i++)
		partitions[i].waits_for_broker = -1;
	partitions[1].waits_for = WAIT_REPORT;
	partitions[1].waits_ms = 93000;
	partitions[1].lag = 10;
	partitions[1].oldest_unsettled = 101;
	partitions[1].oldest_unsettled_age_ms = 94000;
	partitions[1].last_error = (char *)"timed out";
	partitions[1].last_error_at_ms = 1700000000000;
	partitions[2].waits_for = WAIT_RECORDS;
	partitions[2].waits_ms = 3600000;
	*snapshot = (struct pipeline_snapshot){ .name = (char *)"relay",
		.state = PIPELINE_RUNNING,
		.partitions = partitions,
		.partition_count = 3,
		.oldest_unsettled_age_ms = 94000 };
	snapshot->waiting[WAIT_NOTHING] = snapshot->waiting[WAIT_REPORT] = snapshot->waiting[WAIT_RECORDS] = 1;
}

static char *page(const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	metrics_write(out, &identity, 0, &(struct reload_status){ 0 }, snapshots, count);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no '%s' in:\n%s", line, text);
}

static bool readiness(const struct pipeline_snapshot *snapshot, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	bool ready = health_write_readiness(out, snapshot, 1);

	assert_int_equal(fclose(out), 0);
	assert_int_equal(ready, health_is_ready(snapshot));
	return ready;
}

/* ---- stuck ---- */

static void test_what_stands_still_is_told_in_a_sentence(void **state)
{
	struct partition_snapshot partitions[3];
	struct pipeline_snapshot snapshot;
	const struct partition_snapshot *stuck;
	char *sentence;

	fill(&snapshot, partitions);
	stuck = stuck_partition(&snapshot, 92999);
	assert_ptr_equal(stuck, &partitions[1]);
	assert_null(stuck_partition(&snapshot, 93000));
	sentence = stuck_sentence(stuck);
	assert_string_equal(sentence,
	    "orders [1] stands still at offset 101 for 1m33s: it waits for the delivery report from the target");
	free(sentence);
	partitions[1].waits_for_broker = 3;
	sentence = stuck_words(stuck);
	assert_string_equal(sentence, "the delivery report from the target, where broker 3 leads the partition");
	free(sentence);
	partitions[1].waits_for = WAIT_QUEUE;
	sentence = stuck_words(stuck);
	assert_string_equal(sentence, partition_wait_words(WAIT_QUEUE));
	free(sentence);
}

static void test_what_may_last_is_not_stuck(void **state)
{
	static const enum partition_wait may_last[] = { WAIT_NOTHING, WAIT_PERSON, WAIT_RATE, WAIT_PAUSED, WAIT_RECORDS };
	struct partition_snapshot partitions[3];
	struct pipeline_snapshot snapshot;

	fill(&snapshot, partitions);
	for (size_t i = 0; i < sizeof may_last / sizeof may_last[0]; i++) {
		partitions[1].waits_for = may_last[i];
		assert_null(stuck_partition(&snapshot, 0));
	}
	partitions[1].waits_for = WAIT_FETCH;
	assert_non_null(stuck_partition(&snapshot, 0));
	partitions[1].lag = -1; /* nobody knows that there is anything */
	assert_null(stuck_partition(&snapshot, 0));
	partitions[1].lag = 0;
	assert_null(stuck_partition(&snapshot, 0));
}

/* ---- readiness ---- */

static void test_a_partition_that_makes_no_progress_although_it_has_lag_is_not_ready(void **state)
{
	struct partition_snapshot partitions[3];
	struct pipeline_snapshot snapshot;
	char text[512];

	fill(&snapshot, partitions);
	partitions[1].waits_ms = READY_STILL_MS;
	assert_true(readiness(&snapshot, text, sizeof text));
	assert_string_equal(text, "ready\n");
	partitions[1].waits_ms = READY_STILL_MS + 1;
	assert_false(readiness(&snapshot, text, sizeof text));
	assert_string_equal(text,
	    "relay: orders [1] stands still at offset 101 for 1m00s: it waits for the delivery report from the target\n");
	snapshot.state = PIPELINE_PAUSED; /* as soon as that is settled */
	assert_false(readiness(&snapshot, text, sizeof text));
}

static void test_a_pipeline_that_is_away_for_a_moment_is_ready_and_one_that_never_ran_is_not(void **state)
{
	static const enum pipeline_state states[] = { PIPELINE_STARTING, PIPELINE_BACKING_OFF, PIPELINE_DRAINING };
	struct pipeline_snapshot snapshot = { .name = (char *)"relay" };
	char text[512];

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		snapshot.state = states[i];
		snapshot.unready_ms = -1;
		assert_false(readiness(&snapshot, text, sizeof text));
		snapshot.unready_ms = 0;
		assert_true(readiness(&snapshot, text, sizeof text));
		snapshot.unready_ms = READY_AWAY_MS;
		assert_true(readiness(&snapshot, text, sizeof text));
		snapshot.unready_ms = READY_AWAY_MS + 1;
		assert_false(readiness(&snapshot, text, sizeof text));
		assert_has(text, pipeline_state_name(states[i]));
	}
}

static void test_a_pipeline_that_needs_a_person_is_not_ready_at_once(void **state)
{
	struct pipeline_snapshot snapshot = { .name = (char *)"relay", .unready_ms = 0 };
	char text[512];

	snapshot.state = PIPELINE_BLOCKED;
	assert_false(readiness(&snapshot, text, sizeof text));
	snapshot.state = PIPELINE_FAILED;
	snapshot.reason = (char *)"not authorised";
	assert_false(readiness(&snapshot, text, sizeof text));
	assert_string_equal(text, "relay: failed: not authorised\n");
}

/* ---- JSON ---- */

static yajl_val find(yajl_val root, const char *name, const char *below)
{
	const char *path[] = { name, below, NULL };

	return yajl_tree_get(root, path, yajl_t_any);
}

static void test_a_partition_says_what_it_waits_for_and_what_was_wrong_last(void **state)
{
	struct partition_snapshot partitions[3];
	struct pipeline_snapshot snapshot;
	size_t length;
	char *json;
	yajl_val root, partition;

	fill(&snapshot, partitions);
	json = status_json_one(&snapshot, &length);
	root = yajl_tree_parse(json, NULL, 0);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "waiting", "report")), 1);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "waiting", "person")), 0);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "oldest_unsettled_age_ms", NULL)), 94000);
	assert_has(YAJL_GET_STRING(find(root, "stuck", NULL)), "orders [1] stands still at offset 101");
	partition = YAJL_GET_ARRAY(find(root, "partitions", NULL))->values[1];
	assert_string_equal(YAJL_GET_STRING(find(partition, "waits_for", NULL)), "report");
	assert_string_equal(
	    YAJL_GET_STRING(find(partition, "waits_for_words", NULL)), "the delivery report from the target");
	assert_int_equal(YAJL_GET_INTEGER(find(partition, "waits_ms", NULL)), 93000);
	assert_string_equal(YAJL_GET_STRING(find(partition, "last_error", NULL)), "timed out");
	assert_int_equal(YAJL_GET_INTEGER(find(partition, "last_error_at_ms", NULL)), 1700000000000);
	partition = YAJL_GET_ARRAY(find(root, "partitions", NULL))->values[0];
	assert_true(YAJL_IS_NULL(find(partition, "last_error", NULL)));
	yajl_tree_free(root);
	free(json);
}

static void test_the_list_of_pipelines_is_small_however_many_partitions_there_are(void **state)
{
	enum { MANY = 5000 };
	struct partition_snapshot *partitions = xcalloc(MANY, sizeof *partitions);
	struct pipeline_snapshot snapshot = { .name = (char *)"relay", .partitions = partitions, .partition_count = MANY };
	size_t length;
	char *json;

	for (int i = 0; i < MANY; i++)
		partitions[i] = (struct partition_snapshot){ .topic = (char *)"orders", .partition = i };
	json = status_json_all(&identity, &(struct reload_status){ 0 }, RELOAD_OUTCOME, PIPELINE_SUMS, &snapshot, 1, &length);
	assert_true(length < 4096);
	assert_has(json, "\"partition_count\":5000");
	assert_null(strstr(json, "\"partitions\""));
	free(json);
	json = status_json_all(&identity, &(struct reload_status){ 0 }, RELOAD_OUTCOME, PIPELINE_WHOLE, &snapshot, 1, &length);
	assert_has(json, "\"partition\":4999");
	free(json);
	free(partitions);
}

static void test_no_text_is_cut(void **state)
{
	struct pipeline_snapshot snapshot = { .name = (char *)"relay", .state = PIPELINE_FAILED };
	char reason[3000], text[16384];
	const char *told;
	size_t length;
	char *json;
	yajl_val root;

	memset(reason, '\x1b', sizeof reason);
	memcpy(reason + sizeof reason - 5, "end.", 5);
	snapshot.reason = reason;
	json = status_json_one(&snapshot, &length);
	root = yajl_tree_parse(json, NULL, 0);
	told = YAJL_GET_STRING(find(root, "reason", NULL));
	assert_non_null(told);
	assert_int_equal(told ? strlen(told) : 0, 4 * (sizeof reason - 5) + 4);
	assert_has(told, "\\x1bend.");
	yajl_tree_free(root);
	free(json);
	assert_false(readiness(&snapshot, text, sizeof text));
	assert_has(text, "\\x1bend.\n");
}

/* ---- metrics ---- */

static void test_metrics_tell_what_partitions_wait_for_and_ages_in_seconds(void **state)
{
	struct partition_snapshot partitions[3];
	struct pipeline_snapshot snapshot;
	char *text;

	fill(&snapshot, partitions);
	text = page(&snapshot, 1);
	assert_has(text, "\naloqd_waiting_partitions{pipeline=\"relay\",waits_for=\"report\"} 1\n");
	assert_has(text, "\naloqd_waiting_partitions{pipeline=\"relay\",waits_for=\"person\"} 0\n");
	assert_has(text, "\naloqd_stuck_seconds{pipeline=\"relay\"} 93.000\n");
	assert_has(text, "\naloqd_oldest_unsettled_age_seconds{pipeline=\"relay\"} 94.000\n");
	assert_has(text,
	    "\naloqd_partition_oldest_unsettled_age_seconds{pipeline=\"relay\",topic=\"orders\",partition=\"1\"} 94.000\n");
	assert_has(text,
	    "\naloqd_partition_oldest_unsettled_age_seconds{pipeline=\"relay\",topic=\"orders\",partition=\"0\"} 0.000\n");
	assert_has(
	    text, "\naloqd_partition_still_seconds{pipeline=\"relay\",topic=\"orders\",partition=\"2\"} 3600.000\n");
	assert_has(text, "\naloqd_pipeline_ready{pipeline=\"relay\"} 0\n");
	assert_has(text, "\naloqd_partitions_left_out{pipeline=\"relay\"} 0\n");
	free(text);
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

static void test_too_many_partitions_are_left_out_and_that_is_told(void **state)
{
	enum { MANY = 3000, FEW = 100 };
	struct partition_snapshot *partitions = xcalloc(MANY, sizeof *partitions);
	struct pipeline_snapshot snapshots[3] = {
		{ .name = (char *)"few", .partitions = partitions, .partition_count = FEW },
		{ .name = (char *)"many", .partitions = partitions, .partition_count = MANY },
		{ .name = (char *)"more", .partitions = partitions, .partition_count = MANY },
	};
	const size_t quota = (METRICS_PARTITIONS_MAX - FEW) / 2;
	char *text;

	for (int i = 0; i < MANY; i++)
		partitions[i] = (struct partition_snapshot){ .topic = (char *)"orders", .partition = i };
	text = page(snapshots, 3);
	assert_int_equal(count_of(text, "\naloqd_partition_lag_records{pipeline=\"few\""), FEW);
	assert_int_equal(count_of(text, "\naloqd_partition_lag_records{pipeline=\"many\""), quota);
	assert_int_equal(count_of(text, "\naloqd_partition_blocked{pipeline=\"more\""), quota);
	assert_has(text, "\naloqd_partitions_left_out{pipeline=\"few\"} 0\n");
	assert_has(text, "\naloqd_partitions_left_out{pipeline=\"more\"} 2050\n");
	free(text);
	text = page(snapshots, 1);
	assert_int_equal(count_of(text, "\naloqd_partition_lag_records{"), FEW);
	free(text);
	free(partitions);
}

static void test_no_series_comes_twice(void **state)
{
	struct partition_snapshot partitions[] = {
		{ .topic = (char *)"orders", .partition = 3, .member = 1, .mark = 7 },
		{ .topic = (char *)"orders", .partition = 3, .member = 2, .mark = 8 },
		{ .topic = (char *)"payments", .partition = 3, .member = 2, .mark = 9 },
	};
	struct pipeline_snapshot snapshot = { .name = (char *)"relay", .partitions = partitions, .partition_count = 3 };
	char *text = page(&snapshot, 1);

	assert_int_equal(count_of(text, "\naloqd_partition_mark_offset{"), 2);
	assert_int_equal(count_of(text, "\naloqd_partition_blocked{"), 2);
	free(text);
}

static void test_a_name_that_a_broker_has_made_up_costs_no_page(void **state)
{
	struct partition_snapshot partition = { .topic = (char *)"a\xff\"b\\c\nd\xe2\x82\xac" };
	struct pipeline_snapshot snapshot = { .name = (char *)"relay", .partitions = &partition, .partition_count = 1 };
	char *text = page(&snapshot, 1);

	assert_has(text, "\naloqd_partition_blocked{pipeline=\"relay\",topic=\"a\\\\xff\\\"b\\\\c\\nd\xe2\x82\xac\","
			 "partition=\"0\"} 0\n");
	free(text);
}

static void test_the_sum_of_a_histogram_does_not_fall_when_ages_are_absurd(void **state)
{
	struct pipeline_snapshot snapshot = { .name = (char *)"relay" };
	struct histogram *histogram = &snapshot.latencies.end_to_end;
	double before = 0;
	char *text;

	for (int i = 0; i < 10; i++) {
		histogram_add(histogram, INT64_MAX);
		assert_true(histogram_sum_s(histogram) > before);
		before = histogram_sum_s(histogram);
	}
	text = page(&snapshot, 1);
	assert_has(text, "\naloqd_end_to_end_latency_seconds_sum{pipeline=\"relay\"} 92233720368547");
	assert_has(text, "\naloqd_end_to_end_latency_seconds_count{pipeline=\"relay\"} 10\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_stands_still_is_told_in_a_sentence),
		cmocka_unit_test(test_what_may_last_is_not_stuck),
		cmocka_unit_test(test_a_partition_that_makes_no_progress_although_it_has_lag_is_not_ready),
		cmocka_unit_test(test_a_pipeline_that_is_away_for_a_moment_is_ready_and_one_that_never_ran_is_not),
		cmocka_unit_test(test_a_pipeline_that_needs_a_person_is_not_ready_at_once),
		cmocka_unit_test(test_a_partition_says_what_it_waits_for_and_what_was_wrong_last),
		cmocka_unit_test(test_the_list_of_pipelines_is_small_however_many_partitions_there_are),
		cmocka_unit_test(test_no_text_is_cut),
		cmocka_unit_test(test_metrics_tell_what_partitions_wait_for_and_ages_in_seconds),
		cmocka_unit_test(test_too_many_partitions_are_left_out_and_that_is_told),
		cmocka_unit_test(test_no_series_comes_twice),
		cmocka_unit_test(test_a_name_that_a_broker_has_made_up_costs_no_page),
		cmocka_unit_test(test_the_sum_of_a_histogram_does_not_fall_when_ages_are_absurd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
