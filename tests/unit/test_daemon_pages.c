/* The promises of daemon/metrics.h, daemon/status_json.h and daemon/health.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>
#include "daemon/health.h"
#include "daemon/metrics.h"
#include "daemon/status_json.h"

#define FAMILIES_MAX 128

static const struct identity identity = { "1.2.3", "2.0.2", "host \"one\"" };

static struct config_finding findings[] = { { .is_error = true,
    .text = (char *)"a.conf:3: \"x\" is wrong" } };
static const struct reload_status reload = {
	.ok = 4,
	.refused = 2,
	.config_ms = 1700000001500,
	.at_ms = 1700000002000,
	.was_refused = true,
	.finished = true,
	.summary = (char *)"a.conf is refused",
	.findings = { findings, 1, 1 },
};

/* Two partitions, the second of which knows nothing yet. */
static struct partition_snapshot partitions[] = {
	{ .topic = (char *)"orders",
	    .partition = 0,
	    .state = PART_BLOCKED,
	    .committed = 90,
	    .mark = 95,
	    .end = 120,
	    .log_end = 200,
	    .lag = 105,
	    .in_flight = 7,
	    .oldest_unsettled = 95,
	    .oldest_unsettled_age_ms = 1500,
	    .error = (char *)"too large\nfor \xff it" },
	{ .topic = (char *)"orders",
	    .partition = 1,
	    .state = PART_READING,
	    .committed = -1,
	    .mark = 10,
	    .end = 10,
	    .log_end = -1,
	    .lag = -1,
	    .oldest_unsettled = -1,
	    .oldest_unsettled_age_ms = -1 },
};

static void fill(struct pipeline_snapshot snapshots[2])
{
	snapshots[0] = (struct pipeline_snapshot){
		.name = (char *)"orders",
		.delivery = DELIVERY_AT_LEAST_ONCE,
		.state = PIPELINE_BLOCKED,
		.reason = (char *)"orders[0] waits",
		.restarts = 3,
		.counters = { .consumed_records = 1000,
		    .acked_records = 900,
		    .commits = 12,
		    .commit_failures = 1 },
		.partitions = partitions,
		.partition_count = 2,
		.lag = -1,
		.held_bytes = 4096,
	};
	snapshots[1] = (struct pipeline_snapshot){
		.name = (char *)"odd\"\\\nname",
		.delivery = DELIVERY_EXACTLY_ONCE,
		.state = PIPELINE_RUNNING,
		.lag = 0,
	};
	histogram_add(&snapshots[0].latencies.report, 10);
	histogram_add(&snapshots[0].latencies.report, 1000);
	histogram_add(&snapshots[0].latencies.report, INT64_MAX / 2);
}

static char *metrics_page(const struct pipeline_snapshot *snapshots, size_t count)
{
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	metrics_write(out, &identity, 1700000000250, &reload, snapshots, count);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_has_line(const char *page, const char *line)
{
	const char *found = page;
	size_t length = strlen(line);

	while ((found = strstr(found, line))) {
		if ((found == page || found[-1] == '\n') && found[length] == '\n')
			return;
		found += length;
	}
	fail_msg("no line '%s' in:\n%s", line, page);
}

static void test_metrics_tell_each_number_with_its_labels(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char *page;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_has_line(page, "aloqd_build_info{version=\"1.2.3\",librdkafka=\"2.0.2\"} 1");
	assert_has_line(page, "process_start_time_seconds 1700000000.250");
	assert_has_line(page, "aloqd_reloads_total{result=\"ok\"} 4");
	assert_has_line(page, "aloqd_reloads_total{result=\"refused\"} 2");
	assert_has_line(page, "aloqd_last_reload_successful 0");
	assert_has_line(page, "aloqd_config_timestamp_seconds 1700000001.500");
	assert_has_line(page, "aloqd_consumed_records_total{pipeline=\"orders\"} 1000");
	assert_has_line(page, "aloqd_acked_records_total{pipeline=\"orders\"} 900");
	assert_has_line(page, "aloqd_restarts_total{pipeline=\"orders\"} 3");
	assert_has_line(page, "aloqd_commits_total{pipeline=\"orders\",result=\"ok\"} 12");
	assert_has_line(page, "aloqd_commits_total{pipeline=\"orders\",result=\"failed\"} 1");
	assert_has_line(page, "aloqd_held_bytes{pipeline=\"orders\"} 4096");
	assert_has_line(page, "aloqd_assigned_partitions{pipeline=\"orders\"} 2");
	assert_has_line(
	    page, "aloqd_partition_mark_offset{pipeline=\"orders\",topic=\"orders\",partition=\"0\"} 95");
	assert_has_line(page,
	    "aloqd_partition_committed_offset{pipeline=\"orders\",topic=\"orders\",partition=\"0\"} 90");
	assert_has_line(
	    page, "aloqd_partition_blocked{pipeline=\"orders\",topic=\"orders\",partition=\"0\"} 1");
	assert_has_line(
	    page, "aloqd_partition_blocked{pipeline=\"orders\",topic=\"orders\",partition=\"1\"} 0");
	free(page);
}

static void test_metrics_show_one_state_of_each_pipeline(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char *page;
	int ones = 0;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_has_line(page, "aloqd_pipeline_state{pipeline=\"orders\",state=\"blocked\"} 1");
	assert_has_line(page, "aloqd_pipeline_state{pipeline=\"orders\",state=\"running\"} 0");
	for (const char *line = page; (line = strstr(line, "\naloqd_pipeline_state{")); line++)
		ones += strstr(line, "} ")[2] == '1';
	assert_int_equal(ones, 2);
	free(page);
}

static void test_metrics_escape_labels(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char *page;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_has_line(page, "aloqd_consumed_records_total{pipeline=\"odd\\\"\\\\\\nname\"} 0");
	free(page);
}

static void test_metrics_leave_out_what_is_unknown(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char *page;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_null(strstr(page, "aloqd_lag_records{pipeline=\"orders\"}"));
	assert_has_line(page, "aloqd_lag_records{pipeline=\"odd\\\"\\\\\\nname\"} 0");
	assert_null(strstr(
	    page, "aloqd_partition_committed_offset{pipeline=\"orders\",topic=\"orders\",partition=\"1\"}"));
	assert_has_line(
	    page, "aloqd_partition_mark_offset{pipeline=\"orders\",topic=\"orders\",partition=\"1\"} 10");
	assert_null(strstr(page, "} -"));
	free(page);
}

static void test_metrics_count_latencies_in_cumulative_buckets_of_seconds(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char *page;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_has_line(page, "aloqd_latency_seconds_bucket{pipeline=\"orders\",le=\"1.6e-05\"} 1");
	assert_has_line(page, "aloqd_latency_seconds_bucket{pipeline=\"orders\",le=\"0.000512\"} 1");
	assert_has_line(page, "aloqd_latency_seconds_bucket{pipeline=\"orders\",le=\"0.001024\"} 2");
	assert_has_line(page, "aloqd_latency_seconds_bucket{pipeline=\"orders\",le=\"1073.741824\"} 2");
	assert_has_line(page, "aloqd_latency_seconds_bucket{pipeline=\"orders\",le=\"+Inf\"} 3");
	assert_has_line(page, "aloqd_latency_seconds_count{pipeline=\"orders\"} 3");
	free(page);
}

/* The family that a sample belongs to: its name without what histograms append. */
static void family_of(char *family, size_t size, const char *line, bool histogram)
{
	static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
	size_t length = strcspn(line, "{ ");

	snprintf(family, size, "%.*s", (int)length, line);
	for (size_t i = 0; histogram && i < 3; i++) {
		size_t suffix = strlen(suffixes[i]);

		if (length > suffix && strcmp(family + length - suffix, suffixes[i]) == 0)
			family[length - suffix] = '\0';
	}
}

/* What Prometheus demands: HELP and TYPE once for each family, before its samples, which stand together;
 * counters end in _total. */
static void test_metrics_keep_the_format(void **state)
{
	struct pipeline_snapshot snapshots[2];
	char families[FAMILIES_MAX][128];
	size_t count = 0;
	bool histogram = false;
	char *page, *rest, *line;

	fill(snapshots);
	page = metrics_page(snapshots, 2);
	assert_int_equal(page[strlen(page) - 1], '\n');
	for (rest = page; (line = strsep(&rest, "\n")) && *line;) {
		char name[128], type[32];

		if (sscanf(line, "# HELP %127s", name) == 1) {
			for (size_t i = 0; i < count; i++)
				assert_string_not_equal(families[i], name);
			assert_true(count < FAMILIES_MAX);
			snprintf(families[count++], sizeof families[0], "%s", name);
		} else if (sscanf(line, "# TYPE %127s %31s", name, type) == 2) {
			assert_true(count > 0);
			assert_string_equal(families[count - 1], name);
			histogram = strcmp(type, "histogram") == 0;
			if (strcmp(type, "counter") == 0)
				assert_string_equal(name + strlen(name) - strlen("_total"), "_total");
		} else {
			assert_true(count > 0);
			family_of(name, sizeof name, line, histogram);
			assert_string_equal(families[count - 1], name);
			assert_non_null(strrchr(line, ' '));
		}
	}
	free(page);
}

static yajl_val find(yajl_val root, const char *one, const char *two)
{
	const char *path[] = { one, two, NULL };

	return yajl_tree_get(root, path, yajl_t_any);
}

static void test_json_names_the_members_as_the_snapshot_does(void **state)
{
	struct pipeline_snapshot snapshots[2];
	size_t length;
	char *json;
	yajl_val root;

	fill(snapshots);
	json = status_json_one(&snapshots[0], &length);
	assert_int_equal(length, strlen(json));
	root = yajl_tree_parse(json, NULL, 0);
	assert_non_null(root);
	assert_string_equal(YAJL_GET_STRING(find(root, "name", NULL)), "orders");
	assert_string_equal(YAJL_GET_STRING(find(root, "delivery", NULL)), "at_least_once");
	assert_string_equal(YAJL_GET_STRING(find(root, "state", NULL)), "blocked");
	assert_string_equal(YAJL_GET_STRING(find(root, "reason", NULL)), "orders[0] waits");
	assert_true(YAJL_IS_NULL(find(root, "last_error", NULL)));
	assert_int_equal(YAJL_GET_INTEGER(find(root, "counters", "consumed_records")), 1000);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "counters", "commit_failures")), 1);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "latency", "count")), 3);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "latency", "p50_us")), 1024);
	assert_int_equal(YAJL_GET_INTEGER(find(root, "lag", NULL)), -1);
	yajl_tree_free(root);
	free(json);
}

static void test_json_is_json_whatever_a_text_holds(void **state)
{
	struct pipeline_snapshot snapshots[2];
	size_t length;
	char *json;
	yajl_val root, list, partition;

	fill(snapshots);
	json = status_json_all(&identity, &reload, RELOAD_WHOLE, PIPELINE_WHOLE, snapshots, 2, &length);
	root = yajl_tree_parse(json, NULL, 0); /* refuses what is not UTF-8 */
	assert_non_null(root);
	assert_string_equal(YAJL_GET_STRING(find(root, "instance", NULL)), "host \"one\"");
	list = find(root, "pipelines", NULL);
	assert_int_equal(YAJL_GET_ARRAY(list)->len, 2);
	list = find(YAJL_GET_ARRAY(list)->values[0], "partitions", NULL);
	assert_int_equal(YAJL_GET_ARRAY(list)->len, 2);
	partition = YAJL_GET_ARRAY(list)->values[0];
	assert_string_equal(YAJL_GET_STRING(find(partition, "state", NULL)), "blocked");
	assert_string_equal(YAJL_GET_STRING(find(partition, "error", NULL)), "too large\\nfor \\xff it");
	yajl_tree_free(root);
	free(json);
}

static void assert_outcome(yajl_val node)
{
	assert_int_equal(YAJL_GET_INTEGER(find(node, "ok", NULL)), 4);
	assert_int_equal(YAJL_GET_INTEGER(find(node, "refused", NULL)), 2);
	assert_int_equal(YAJL_GET_INTEGER(find(node, "config_ms", NULL)), 1700000001500);
	assert_int_equal(YAJL_GET_INTEGER(find(node, "at_ms", NULL)), 1700000002000);
	assert_string_equal(YAJL_GET_STRING(find(node, "result", NULL)), "refused");
	assert_true(YAJL_IS_TRUE(find(node, "finished", NULL)));
	assert_int_equal(YAJL_GET_INTEGER(find(node, "late", NULL)), 0);
}

static void assert_reload(yajl_val node)
{
	yajl_val finding;

	assert_outcome(node);
	assert_string_equal(YAJL_GET_STRING(find(node, "summary", NULL)), "a.conf is refused");
	assert_int_equal(YAJL_GET_ARRAY(find(node, "findings", NULL))->len, 1);
	finding = YAJL_GET_ARRAY(find(node, "findings", NULL))->values[0];
	assert_string_equal(YAJL_GET_STRING(find(finding, "severity", NULL)), "error");
	assert_string_equal(YAJL_GET_STRING(find(finding, "text", NULL)), "a.conf:3: \"x\" is wrong");
}

static void test_json_tells_how_the_last_reload_went(void **state)
{
	static const struct reload_status none = { .finished = true };
	size_t length;
	char *json = status_json_all(&identity, &reload, RELOAD_WHOLE, PIPELINE_SUMS, NULL, 0, &length);
	yajl_val root = yajl_tree_parse(json, NULL, 0);

	assert_reload(find(root, "reload", NULL));
	yajl_tree_free(root);
	free(json);
	json = status_json_reload(&reload, RELOAD_WHOLE, &length);
	root = yajl_tree_parse(json, NULL, 0);
	assert_reload(root);
	yajl_tree_free(root);
	free(json);
	json = status_json_reload(&none, RELOAD_WHOLE, &length);
	root = yajl_tree_parse(json, NULL, 0);
	assert_true(YAJL_IS_NULL(find(root, "result", NULL)));
	yajl_tree_free(root);
	free(json);
}

static void test_json_for_everybody_tells_the_outcome_alone(void **state)
{
	size_t length;
	char *json = status_json_all(&identity, &reload, RELOAD_OUTCOME, PIPELINE_SUMS, NULL, 0, &length);
	yajl_val root = yajl_tree_parse(json, NULL, 0);

	assert_outcome(find(root, "reload", NULL));
	assert_null(strstr(json, "a.conf"));
	assert_null(find(root, "reload", "findings"));
	yajl_tree_free(root);
	free(json);
	json = status_json_reload(&reload, RELOAD_OUTCOME, &length);
	root = yajl_tree_parse(json, NULL, 0);
	assert_outcome(root);
	assert_null(strstr(json, "a.conf"));
	yajl_tree_free(root);
	free(json);
}

static bool readiness(const struct pipeline_snapshot *snapshots, size_t count, char **text)
{
	size_t length;
	FILE *out = open_memstream(text, &length);
	bool ready;

	assert_non_null(out);
	ready = health_write_readiness(out, snapshots, count);
	assert_int_equal(fclose(out), 0);
	return ready;
}

static void test_readiness_names_each_pipeline_that_does_not_work_on_its_own_line(void **state)
{
	struct pipeline_snapshot snapshots[3];
	char *text = NULL;

	fill(snapshots);
	snapshots[2] = (struct pipeline_snapshot){
		.name = (char *)"audit",
		.state = PIPELINE_BACKING_OFF,
		.unready_ms = -1,
		.reason = (char *)"down\nsince noon"
	};
	assert_false(readiness(snapshots, 3, &text));
	assert_string_equal(
	    text, "orders: blocked: orders[0] waits\naudit: backing_off: down\\nsince noon\n");
	free(text);
	assert_true(readiness(&snapshots[1], 1, &text));
	assert_string_equal(text, "ready\n");
	free(text);
	assert_true(readiness(NULL, 0, &text));
	free(text);
}

static void test_status_line_counts_the_states_and_is_cut_where_there_is_no_room(void **state)
{
	struct pipeline_snapshot snapshots[3];
	char line[128];

	fill(snapshots);
	snapshots[2] = snapshots[1];
	health_status_line(line, sizeof line, snapshots, 3, 12034, false);
	assert_string_equal(line, "3 pipelines: 2 running, 1 blocked; 12034 records/s");
	health_status_line(line, sizeof line, snapshots, 1, 0, true);
	assert_string_equal(line, "1 pipeline: 1 blocked; 0 records/s; the last reload was refused");
	health_status_line(line, sizeof line, snapshots, 0, 0, false);
	assert_string_equal(line, "no pipeline runs");
	health_status_line(line, sizeof line, snapshots, 0, 0, true);
	assert_string_equal(line, "no pipeline runs; the last reload was refused");
	for (size_t size = 1; size < 70; size++) {
		for (size_t count = 0; count <= 3; count += 3) {
			memset(line, '#', sizeof line);
			health_status_line(line, size, snapshots, count, 12034, true);
			assert_true(strlen(line) < size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics_tell_each_number_with_its_labels),
		cmocka_unit_test(test_metrics_show_one_state_of_each_pipeline),
		cmocka_unit_test(test_metrics_escape_labels),
		cmocka_unit_test(test_metrics_leave_out_what_is_unknown),
		cmocka_unit_test(test_metrics_count_latencies_in_cumulative_buckets_of_seconds),
		cmocka_unit_test(test_metrics_keep_the_format),
		cmocka_unit_test(test_json_names_the_members_as_the_snapshot_does),
		cmocka_unit_test(test_json_is_json_whatever_a_text_holds),
		cmocka_unit_test(test_json_tells_how_the_last_reload_went),
		cmocka_unit_test(test_json_for_everybody_tells_the_outcome_alone),
		cmocka_unit_test(test_readiness_names_each_pipeline_that_does_not_work_on_its_own_line),
		cmocka_unit_test(test_status_line_counts_the_states_and_is_cut_where_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
