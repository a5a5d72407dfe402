/* What a right configuration becomes: values, defaults, includes, conf.d; and what the dump makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "config/default_values.h"
#include "config/value_text.h"
#include "config/values.h"
#include "config_files.h"

/* Loads what must be right and say nothing. */
static struct config *load_good(const char *text)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = config_files_load(text, &findings, &exit_code);

	for (size_t i = 0; i < findings.count; i++)
		print_error("%s\n", findings.items[i].text);
	assert_non_null(config);
	assert_int_equal(exit_code, 0);
	assert_int_equal(findings.count, 0);
	config_findings_clear(&findings);
	return config;
}

/* Two hosts with one configuration, and two units on one host, must not take each other's transactional id. */
static void test_the_default_instance_tells_machines_and_units_apart(void **state)
{
	static const struct {
		const char *machine, *name, *instance;
	} cases[] = {
		{ "0123456789abcdef0123456789abcdef", NULL, "0123456789abcdef0123456789abcdef" },
		{ "0123456789abcdef0123456789abcdef", "", "0123456789abcdef0123456789abcdef" },
		{ "host", "blue", "host-blue" },
		{ "host", "green", "host-green" },
		{ "other", "blue", "other-blue" },
		{ "host", "a\\x2db c", "host-a_x2db_c" },
		{ "h\xc3\xb6st", NULL, "h__st" },
	};
	char name[300];
	char *instance;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		instance = default_instance_of(cases[i].machine, cases[i].name);
		assert_string_equal(instance, cases[i].instance);
		free(instance);
	}
	/* The longest name fits into what the key takes. */
	snprintf(name, sizeof name, "%0200d", 7);
	instance = default_instance_of("0123456789abcdef0123456789abcdef", name);
	assert_in_range(strlen(instance), 1, 100);
	free(instance);
	setenv("ALOQD_INSTANCE", "blue", 1);
	instance = default_instance();
	assert_in_range(strlen(instance), 6, 100);
	assert_string_equal(instance + strlen(instance) - 5, "-blue");
	free(instance);
	unsetenv("ALOQD_INSTANCE");
}

static void test_defaults_are_filled_in(void **state)
{
	struct config *config;
	const struct config_pipeline *pipeline;

	unsetenv("RUNTIME_DIRECTORY");
	config = load_good(GOOD_CONFIG("", "", ""));
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_null(config->http);
	assert_string_equal(config->control, "/run/aloqd/control.sock");
	assert_int_equal(config->drain_timeout_ms, 30000);
	assert_int_equal(config->memory_bytes, 256 << 20);
	assert_true(strlen(config->instance) > 0);
	assert_int_equal(config->pipeline_count, 1);
	pipeline = &config->pipelines[0];
	assert_true(pipeline->enabled);
	assert_int_equal(pipeline->delivery, DELIVERY_AT_LEAST_ONCE);
	assert_int_equal(pipeline->on_error, ON_ERROR_BLOCK);
	assert_null(pipeline->dead_letter);
	assert_int_equal(pipeline->revoke_timeout_ms, 10000);
	assert_int_equal(pipeline->members, 1);
	assert_int_equal(pipeline->rate_records, 0);
	assert_int_equal(pipeline->rate_bytes, 0);
	assert_string_equal(pipeline->from.group, "aloqd-orders");
	assert_int_equal(pipeline->from.isolation, ISOLATION_READ_COMMITTED);
	assert_int_equal(pipeline->from.start, START_EARLIEST);
	assert_int_equal(pipeline->from.on_gap, GAP_BLOCK);
	assert_ptr_equal(pipeline->from.cluster, &config->clusters[0]);
	assert_ptr_equal(pipeline->to.cluster, &config->clusters[0]);
	assert_int_equal(pipeline->to.acks, ACKS_ALL);
	assert_string_equal(pipeline->to.compression, "none");
	assert_int_equal(pipeline->to.partition, PARTITION_SAME);
	assert_int_equal(pipeline->to.linger_us, 1000);
	assert_false(pipeline->to.create.enabled);
	assert_int_equal(pipeline->commit.mode, COMMIT_ASYNC);
	assert_int_equal(pipeline->commit.records, 1000);
	assert_int_equal(pipeline->commit.interval_ms, 1000);
	config_free(config);
}

static void test_values_are_read(void **state)
{
	struct config *config = load_good(
	    "aloqd = { log_level = \"debug\"; http = \"[::1]:9797\"; control = \"/tmp/c.sock\"; "
	    "drain_timeout = \"5m\";\n"
	    "  memory = \"64MB\"; instance = \"left-1\"; };\n"
	    "clusters = { a = { brokers = \"h1:9092,PLAINTEXT://h2:1,[::1]:9092,h3\"; properties = ( "
	    "\"client.rack=x=y\" ); };\n"
	    "  b = { brokers = \"h:1\"; }; };\n"
	    "pipelines = { p = { enabled = false; revoke_timeout = \"0\"; members = 1;\n"
	    "  from = { cluster = \"a\"; topics = [ \"x\", \"y.z\" ]; group = \"g\"; isolation = "
	    "\"read_uncommitted\";\n"
	    "    start = \"timestamp:2026-01-31T00:00:00.250Z\"; on_gap = \"latest\"; };\n"
	    "  to = { cluster = \"b\"; topic = \"{topic}-{topic}\"; acks = -1; compression = \"zstd\"; "
	    "linger = \"500us\";\n"
	    "    partition = { fixed = 3; }; create = { partitions = 4; replication_factor = 3;\n"
	    "    properties = [ \"retention.ms=1\" ]; }; };\n"
	    "  commit = { mode = \"sync\"; records = 1; interval = \"10ms\"; }; };\n"
	    "  q = { from = { cluster = \"a\"; topics = [ \"q\" ]; start = \"timestamp:1700000000000\"; };\n"
	    "    to = { topic = \"q2\"; partition = \"key\"; }; }; };\n");
	const struct config_pipeline *pipeline = &config->pipelines[0];
	char *target;

	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(config->http, "[::1]:9797");
	assert_string_equal(config->control, "/tmp/c.sock");
	assert_int_equal(config->drain_timeout_ms, 300000);
	assert_int_equal(config->memory_bytes, 64000000);
	assert_string_equal(config->instance, "left-1");
	assert_int_equal(config->cluster_count, 2);
	assert_int_equal(config->clusters[0].properties.count, 1);
	assert_string_equal(config->clusters[0].properties.items[0].name, "client.rack");
	assert_string_equal(config->clusters[0].properties.items[0].value, "x=y");
	assert_int_equal(config->clusters[0].properties.items[0].origin.line, 3);
	assert_false(pipeline->enabled);
	assert_int_equal(pipeline->origin.line, 5);
	assert_int_equal(pipeline->revoke_timeout_ms, 0);
	assert_int_equal(pipeline->from.topic_count, 2);
	assert_string_equal(pipeline->from.topics[1], "y.z");
	assert_int_equal(pipeline->from.isolation, ISOLATION_READ_UNCOMMITTED);
	assert_int_equal(pipeline->from.start, START_TIMESTAMP);
	assert_true(pipeline->from.start_timestamp_ms == INT64_C(1769817600250));
	assert_int_equal(pipeline->from.on_gap, GAP_LATEST);
	assert_ptr_equal(pipeline->to.cluster, &config->clusters[1]);
	assert_int_equal(pipeline->to.acks, ACKS_ALL);
	assert_int_equal(pipeline->to.linger_us, 500);
	assert_int_equal(pipeline->to.partition, PARTITION_FIXED);
	assert_int_equal(pipeline->to.fixed_partition, 3);
	assert_true(pipeline->to.create.enabled);
	assert_int_equal(pipeline->to.create.partitions, 4);
	assert_int_equal(pipeline->to.create.replication_factor, 3);
	assert_int_equal(pipeline->to.create.properties.count, 1);
	assert_int_equal(pipeline->commit.mode, COMMIT_SYNC);
	assert_int_equal(pipeline->commit.records, 1);
	assert_int_equal(pipeline->commit.interval_ms, 10);
	target = config_target_topic(pipeline, "y.z");
	assert_string_equal(target, "y.z-y.z");
	free(target);
	assert_true(config->pipelines[1].from.start_timestamp_ms == INT64_C(1700000000000));
	assert_int_equal(config->pipelines[1].to.partition, PARTITION_KEY);
	config_free(config);
}

static void test_defaults_section_holds_for_every_pipeline_that_does_not_say_otherwise(void **state)
{
	struct config *config = load_good(GOOD_CLUSTERS
	    "defaults = { from = { cluster = \"main\"; start = \"latest\"; }; to = { compression = \"lz4\"; "
	    "};\n"
	    "  commit = { records = 7; }; revoke_timeout = \"3s\"; dead_letter = \"dead\"; };\n"
	    "pipelines = { a = { from = { topics = [ \"a\" ]; }; to = { topic = \"x\"; }; };\n"
	    "  b = { from = { topics = [ \"b\" ]; start = \"none\"; }; to = { topic = \"x\"; compression = "
	    "\"gzip\"; }; }; };\n");

	assert_int_equal(config->pipelines[0].from.start, START_LATEST);
	assert_int_equal(config->pipelines[1].from.start, START_NONE);
	assert_string_equal(config->pipelines[0].to.compression, "lz4");
	assert_string_equal(config->pipelines[1].to.compression, "gzip");
	assert_int_equal(config->pipelines[1].commit.records, 7);
	assert_int_equal(config->pipelines[1].commit.interval_ms, 1000);
	assert_int_equal(config->pipelines[0].revoke_timeout_ms, 3000);
	assert_null(config->pipelines[0].dead_letter); /* it has no use for one */
	config_free(config);
}

static void read_value(
    enum key_place place, const char *name, const char *text, struct config_pipeline *pipeline)
{
	struct value_problem problem;

	assert_int_equal(value_from_text(keys_find(place, name), text, NULL, pipeline, &problem), 0);
}

/* No configuration with them loads in this version. */
static void test_values_of_refused_keys_go_where_they_belong(void **state)
{
	struct config_pipeline pipeline = { 0 };

	read_value(PLACE_PIPELINE, "dead_letter", "orders-dead", &pipeline);
	read_value(PLACE_PIPELINE, "members", "64", &pipeline);
	read_value(PLACE_RATE, "records", "1000000000", &pipeline);
	read_value(PLACE_RATE, "bytes", "10MiB", &pipeline);
	assert_string_equal(pipeline.dead_letter, "orders-dead");
	assert_int_equal(pipeline.members, 64);
	assert_int_equal(pipeline.rate_records, 1000000000);
	assert_int_equal(pipeline.rate_bytes, 10 << 20);
	values_clear(PLACE_PIPELINE, &pipeline);
	assert_null(pipeline.dead_letter);
}

static void test_conf_d_is_read_in_name_order_after_the_main_file_if_asked_for(void **state)
{
	static const char first[] =
	    "pipelines = { one = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; "
	    "to = { topic = \"x\"; }; }; };\n";
	static const char second[] =
	    "pipelines = { two = { from = { cluster = \"main\"; topics = [ \"b\" ]; }; "
	    "to = { topic = \"x\"; }; }; };\n";
	struct config_findings findings = { 0 };
	struct config *config;
	int exit_code;

	config_files_write("conf.d/b.conf", second, sizeof second - 1);
	config_files_write("conf.d/a.conf", first, sizeof first - 1);
	config_files_write("conf.d/c.conf.dpkg-old", "nonsense", 8);
	config_files_write("conf.d/.hidden.conf", "nonsense", 8);
	config = load_good(GOOD_CONFIG("", "", ""));
	assert_int_equal(config->pipeline_count, 3);
	assert_string_equal(config->pipelines[1].name, "one");
	assert_string_equal(config->pipelines[2].name, "two");
	assert_string_equal(config->pipelines[2].origin.file, config_files_path("conf.d/b.conf"));
	config_free(config);

	config = config_load(config_files_path("main.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	assert_int_equal(config->pipeline_count, 1);
	config_free(config);
	config_findings_clear(&findings);
	unlink(config_files_path("conf.d/a.conf"));
	unlink(config_files_path("conf.d/b.conf"));
}

static void test_includes_may_be_nested_and_absolute(void **state)
{
	static const char pipelines[] = GOOD_PIPELINE("", "", "");
	char clusters[600];

	config_files_write("deep/clusters.inc", GOOD_CLUSTERS, sizeof GOOD_CLUSTERS - 1);
	snprintf(clusters, sizeof clusters, "  @include \"%s\"", config_files_path("deep/clusters.inc"));
	config_files_write("all.inc", clusters, strlen(clusters));
	config_files_write("pipelines.inc", pipelines, sizeof pipelines - 1);
	config_free(
	    load_good("@include \"all.inc\"\n# @include \"absent\"\n@include \"pipelines.inc\" /* end */\n"));
}

static void test_numbers_in_comments_texts_and_names_are_no_numbers(void **state)
{
	config_free(load_good("# 4294967297\n// 4294967297\n/* 4294967297 */\n" GOOD_CONFIG(
	    "group = \"4294967297 \\\" 4294967297\";", "", "commit = { records = 1000L; };")));
}

static void test_pipelines_may_share_a_target_and_topics(void **state)
{
	config_free(load_good(GOOD_CLUSTERS
	    "pipelines = { a = { from = { cluster = \"main\"; topics = [ \"x\", \"y\" ]; }; to = { topic = "
	    "\"t\"; }; };\n"
	    "  b = { from = { cluster = \"main\"; topics = [ \"x\" ]; }; to = { topic = \"t\"; }; };\n"
	    "  c = { from = { cluster = \"main\"; topics = [ \"t\" ]; }; to = { topic = \"u\"; }; }; };\n"));
}

static void test_one_topic_name_in_two_clusters_is_no_loop(void **state)
{
	config_free(load_good("clusters = { a = { brokers = \"a:1\"; }; b = { brokers = \"b:1\"; }; };\n"
			      "pipelines = { p = { from = { cluster = \"a\"; topics = [ \"x\" ]; }; to = { "
	                      "cluster = \"b\"; topic = \"x\"; }; }; "
			      "};\n"));
}

static void test_control_lies_in_the_runtime_directory(void **state)
{
	struct config *config;

	setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
	config = load_good(GOOD_CONFIG("", "", ""));
	assert_string_equal(config->control, "/run/one/control.sock");
	config_free(config);
	unsetenv("RUNTIME_DIRECTORY");
}

static void expect_dump_round_trip(const char *text)
{
	struct config *config = load_good(text);
	char *dump = config_dump(config);
	struct config *again = load_good(dump);
	char *dump_again = config_dump(again);

	assert_string_equal(dump, dump_again);
	assert_int_equal(config->pipeline_count, again->pipeline_count);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		char hash[9];
		char hash_again[9];

		config_pipeline_hash(&config->pipelines[i], hash);
		config_pipeline_hash(&again->pipelines[i], hash_again);
		assert_string_equal(hash, hash_again);
	}
	free(dump);
	free(dump_again);
	config_free(config);
	config_free(again);
}

static void test_the_dump_of_a_dump_is_the_same(void **state)
{
	expect_dump_round_trip(GOOD_CONFIG("", "", ""));
	expect_dump_round_trip("aloqd = { log_level = \"error\"; http = \"127.0.0.1:1\"; drain_timeout = "
	                       "\"1500ms\"; memory = \"100MB\"; };\n"
			       "clusters = { a = { brokers = \"a:1,b:2\"; properties = [ "
	                       "\"sasl.password=p\\\"\\\\\", \"client.rack=\\xc3\\xa4\" ]; "
			       "}; };\n"
			       "pipelines = { p = { revoke_timeout = \"0\"; from = { cluster = \"a\"; topics "
	                       "= [ \"x\", \"y\" ]; group = \"g "
			       "\\\"h\\\"\"; start = \"timestamp:2026-01-31T00:00:00Z\"; }; to = { topic = "
	                       "\"z-{topic}\"; acks = \"all\"; linger = "
			       "\"0\"; partition = { fixed = 3; }; create = { properties = [ \"a=b\" ]; }; "
	                       "}; commit = { mode = \"sync\"; records "
			       "= 1000000000; }; }; };\n");
}

static void test_secrets_are_redacted(void **state)
{
	struct config *config =
	    load_good("clusters = { main = { brokers = \"b:1\"; properties = [ \"sasl.password=hush1\", "
	              "\"ssl.key.pem=hush2\",\n"
		      "  \"ssl.key.password=hush3\", \"sasl.oauthbearer.client.secret=hush4\", "
	              "\"ssl.keystore.password=hush5\",\n"
		      "  \"sasl.username=relay\" ]; }; };\n" GOOD_PIPELINE(
			  "properties = [ \"SASL.PASSWORD=hush6\" ];", "", ""));
	char *dump = config_dump(config);

	assert_null(strstr(dump, "hush"));
	assert_non_null(strstr(dump, "\"sasl.password=***\""));
	assert_non_null(strstr(dump, "\"sasl.username=relay\""));
	free(dump);
	config_free(config);
}

static void test_the_hash_tells_pipelines_with_other_settings_apart(void **state)
{
	static const char *const variants[] = {
		GOOD_CONFIG("", "", ""),
		GOOD_CONFIG("start = \"latest\";", "", ""),
		GOOD_CONFIG("", "linger = \"2ms\";", ""),
		GOOD_CONFIG("", "", "commit = { records = 999; };"),
		"clusters = { main = { brokers = \"kafka-2:9092\"; }; };\n" GOOD_PIPELINE("", "", ""),
	};
	enum { COUNT = sizeof variants / sizeof variants[0] };
	char hashes[COUNT][9];

	for (size_t i = 0; i < COUNT; i++) {
		struct config *config = load_good(variants[i]);

		config_pipeline_hash(&config->pipelines[0], hashes[i]);
		assert_int_equal(strlen(hashes[i]), 8);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hashes[i], hashes[j]);
		config_free(config);
	}
}

static void test_the_hash_is_the_same_on_hosts_that_differ_in_what_they_may(void **state)
{
	static const char *const variants[] = {
		GOOD_CONFIG("", "", ""),
		GOOD_CONFIG("", "", "members = 4;"),
		GOOD_CONFIG("properties = [ \"client.rack=left\" ];", "properties = [ \"Client.Rack=left\" ];", ""),
		"aloqd = { instance = \"another\"; memory = \"1GiB\"; drain_timeout = \"1s\"; };\n"
		GOOD_CONFIG("", "", ""),
		"clusters = { main = { brokers = \"kafka-1:9092\"; properties = [ \"client.rack=right\" ]; }; };\n"
		GOOD_PIPELINE("", "", ""),
	};
	char hashes[2][9];

	for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
		struct config *config = load_good(variants[i]);

		config_pipeline_hash(&config->pipelines[0], hashes[i > 0]);
		if (i > 0)
			assert_string_equal(hashes[1], hashes[0]);
		config_free(config);
	}
}

static void test_the_sample_is_right(void **state)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = config_load(SAMPLE_FILE, false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	char *warnings = config_files_describe(&findings);

	assert_non_null(config);
	assert_string_equal(warnings,
	    "warning " SAMPLE_FILE
	    ": pipelines: all are disabled, so nothing will be relayed; set enabled = true\n");
	free(warnings);
	config_free(config);
	config_findings_clear(&findings);
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
		cmocka_unit_test(test_the_default_instance_tells_machines_and_units_apart),
		cmocka_unit_test(test_defaults_are_filled_in),
		cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_defaults_section_holds_for_every_pipeline_that_does_not_say_otherwise),
		cmocka_unit_test(test_values_of_refused_keys_go_where_they_belong),
		cmocka_unit_test(test_conf_d_is_read_in_name_order_after_the_main_file_if_asked_for),
		cmocka_unit_test(test_includes_may_be_nested_and_absolute),
		cmocka_unit_test(test_numbers_in_comments_texts_and_names_are_no_numbers),
		cmocka_unit_test(test_pipelines_may_share_a_target_and_topics),
		cmocka_unit_test(test_one_topic_name_in_two_clusters_is_no_loop),
		cmocka_unit_test(test_control_lies_in_the_runtime_directory),
		cmocka_unit_test(test_the_dump_of_a_dump_is_the_same),
		cmocka_unit_test(test_secrets_are_redacted),
		cmocka_unit_test(test_the_hash_tells_pipelines_with_other_settings_apart),
		cmocka_unit_test(test_the_hash_is_the_same_on_hosts_that_differ_in_what_they_may),
		cmocka_unit_test(test_the_sample_is_right),
	};

	return cmocka_run_group_tests_name("config values", tests, set_up, tear_down);
}
