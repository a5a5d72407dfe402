/* The clients' settings as librdkafka itself sees them, and its word on the operator's properties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/library.h"
#include "kafka/property_check.h"
#include "kafka/property_sides.h"
#include "kafka/security.h"

static const struct client_sizes sizes = {
	.partition_prefetch_records = 1000,
	.partition_prefetch_kbytes = 512,
	.fetch_max_bytes = 1 << 20,
	.partition_fetch_max_bytes = 1 << 19,
	.produce_queue_records = 5000,
	.produce_queue_kbytes = 16384,
};

static struct config_property cluster_properties[] = {
	{ .name = (char *)"session.timeout.ms", .value = (char *)"7000" },
	{ .name = (char *)"batch.num.messages", .value = (char *)"1234" },
};

static const struct config_cluster cluster = {
	.name = (char *)"main",
	.brokers = (char *)"127.0.0.1:1",
	.properties = { cluster_properties, 2 },
};

static struct config_pipeline pipeline_with(enum acks acks)
{
	return (struct config_pipeline){
		.name = (char *)"orders",
		.delivery = DELIVERY_AT_LEAST_ONCE,
		.from = { .cluster = &cluster, .group = (char *)"g", .isolation = ISOLATION_READ_COMMITTED },
		.to = { .cluster = &cluster, .topic = (char *)"t", .acks = acks, .compression = (char *)"none",
			.linger_us = 1000 },
	};
}

static void assert_client(rd_kafka_t *client, const struct error *err)
{
	if (!client)
		fail_msg("%s", err->message);
}

static void assert_setting(rd_kafka_t *client, const char *name, const char *expected)
{
	char value[512];
	size_t size = sizeof value;

	assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(client), name, value, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(value, expected);
}

static void test_consumer_never_commits_or_resets_by_itself(void **state)
{
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct error err;
	rd_kafka_t *client = client_new_consumer(&pipeline, &sizes, NULL, NULL, &err);

	assert_client(client, &err);
	assert_setting(client, "enable.auto.commit", "false");
	assert_setting(client, "enable.auto.offset.store", "false");
	assert_setting(client, "isolation.level", "read_committed");
	assert_setting(client, "enable.partition.eof", "true");
	assert_setting(client, "group.id", "g");
	assert_setting(client, "socket.timeout.ms", "15000"); /* a silent connection is given up within it */
	assert_setting(client, "session.timeout.ms", "7000"); /* the cluster's, over our default */
	rd_kafka_destroy(client);
}

static void test_producer_is_idempotent_with_acks_all_and_sends_one_request_without(void **state)
{
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct error err;
	rd_kafka_t *client = client_new_producer(&pipeline, &sizes, NULL, &err);

	assert_client(client, &err);
	assert_setting(client, "enable.idempotence", "true");
	assert_setting(client, "enable.gapless.guarantee", "true");
	assert_setting(client, "batch.num.messages", "1234");
	rd_kafka_destroy(client);

	pipeline = pipeline_with(ACKS_LEADER);
	client = client_new_producer(&pipeline, &sizes, NULL, &err);
	assert_client(client, &err);
	assert_setting(client, "enable.idempotence", "false");
	assert_setting(client, "max.in.flight.requests.per.connection", "1");
	rd_kafka_destroy(client);
}

static void test_batches_stay_below_what_target_and_dead_letters_take(void **state)
{
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct client_sizes small = sizes;
	struct error err;
	rd_kafka_t *client;

	small.batch_max_bytes = 50000;
	small.message_max_bytes = 90000;
	client = client_new_producer(&pipeline, &small, NULL, &err);
	assert_client(client, &err);
	assert_setting(client, "batch.size", "48976");
	/* A single record may fit whatever its size, compressed or in another target: the broker decides. */
	assert_setting(client, "message.max.bytes", "1000000000");
	rd_kafka_destroy(client);

	small.dead_letter_max_bytes = 40000;
	client = client_new_producer(&pipeline, &small, NULL, &err);
	assert_client(client, &err);
	assert_setting(client, "batch.size", "38976");
	rd_kafka_destroy(client);
}

/* So that the brokers' side shows hosts whose configurations differ. */
static void test_the_client_id_holds_the_hash_of_the_settings(void **state)
{
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	char hash[9], other_hash[9], expected[64];
	struct error err;
	rd_kafka_t *client;

	config_pipeline_hash(&pipeline, hash);
	snprintf(expected, sizeof expected, "aloqd-orders-%s", hash);
	client = client_new_consumer(&pipeline, &sizes, NULL, NULL, &err);
	assert_client(client, &err);
	assert_setting(client, "client.id", expected);
	rd_kafka_destroy(client);

	pipeline.to.linger_us++;
	pipeline.member = 2;
	config_pipeline_hash(&pipeline, other_hash);
	assert_string_not_equal(hash, other_hash);
	snprintf(expected, sizeof expected, "aloqd-orders-%s-2", other_hash);
	client = client_new_producer(&pipeline, &sizes, NULL, &err);
	assert_client(client, &err);
	assert_setting(client, "client.id", expected);
	rd_kafka_destroy(client);
}

/* As librdkafka prints a value that it was given. */
static void print_as_library(const struct setting *setting, char *text, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	assert_int_equal(
	    rd_kafka_conf_set(conf, setting->name, setting->value, why, sizeof why), RD_KAFKA_CONF_OK);
	assert_int_equal(rd_kafka_conf_get(conf, setting->name, text, &size), RD_KAFKA_CONF_OK);
	rd_kafka_conf_destroy(conf);
}

/* Takes client and settings. */
static void assert_client_has(rd_kafka_t *client, const struct error *err, struct settings *settings)
{
	assert_client(client, err);
	assert_true(settings->count > 20);
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = settings_find(settings, settings->items[i].name);
		char text[512];
		size_t size = sizeof text;

		assert_non_null(setting->value);
		assert_true(setting->origin == SETTING_PROPERTY ? setting->property != NULL : setting->reason != NULL);
		if (setting->optional &&
		    rd_kafka_conf_get(rd_kafka_conf(client), setting->name, text, &size) != RD_KAFKA_CONF_OK)
			continue; /* a librdkafka that does not know it */
		print_as_library(setting, text, sizeof text);
		assert_setting(client, setting->name, text);
	}
	settings_clear(settings);
	rd_kafka_destroy(client);
}

static void test_clients_have_every_setting_that_is_listed_with_a_reason(void **state)
{
	for (int delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_EXACTLY_ONCE; delivery++) {
		struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
		struct settings settings = { .items = NULL };
		_cleanup_free_ char *id = settings_member_id(&pipeline, "here");
		const char *transactional_id = delivery == DELIVERY_EXACTLY_ONCE ? id : NULL;
		struct error err;

		assert_string_equal(id, "aloqd.orders.here.0");
		pipeline.delivery = (enum delivery)delivery;
		settings_of_consumer(&settings, &pipeline, &sizes, id);
		assert_client_has(client_new_consumer(&pipeline, &sizes, id, NULL, &err), &err, &settings);
		settings_of_producer(&settings, &pipeline, &sizes, transactional_id);
		assert_client_has(client_new_producer(&pipeline, &sizes, transactional_id, &err), &err, &settings);
	}
}

static void test_without_sizes_only_what_depends_on_them_has_no_value(void **state)
{
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct settings with = { .items = NULL };
	struct settings without = { .items = NULL };

	settings_of_producer(&with, &pipeline, &sizes, NULL);
	settings_of_producer(&without, &pipeline, NULL, NULL);
	settings_of_consumer(&with, &pipeline, &sizes, NULL);
	settings_of_consumer(&without, &pipeline, NULL, NULL);
	for (size_t i = 0; i < with.count; i++)
		assert_non_null(settings_find(&without, with.items[i].name));
	for (size_t i = 0; i < without.count; i++) {
		const struct setting *setting = &without.items[i];

		assert_true(setting->value || strstr(setting->reason, "aloqd") || strstr(setting->reason, "target"));
	}
	assert_null(settings_find(&without, "queued.min.messages")->value);
	assert_null(settings_find(&without, "batch.size")->value);
	assert_non_null(settings_find(&without, "acks")->value);
	settings_clear(&with);
	settings_clear(&without);
}

static void test_properties_know_their_side(void **state)
{
	assert_true(property_sides_has("session.timeout.ms", RD_KAFKA_CONSUMER));
	assert_false(property_sides_has("session.timeout.ms", RD_KAFKA_PRODUCER));
	assert_false(property_sides_has("linger.ms", RD_KAFKA_CONSUMER));
	assert_true(property_sides_has("linger.ms", RD_KAFKA_PRODUCER));
	assert_true(property_sides_has("socket.timeout.ms", RD_KAFKA_CONSUMER));
	assert_true(property_sides_has("socket.timeout.ms", RD_KAFKA_PRODUCER));
}

/* What property_check() has reported. */
struct reports {
	char text[4][512];
	size_t count;
};

static void note_report(
    void *context, const struct config_origin *origin, const char *path, const char *text)
{
	struct reports *reports = context;

	assert_true(reports->count < 4);
	snprintf(reports->text[reports->count++], 512, "%s:%d: %s: %s", origin->file, origin->line, path, text);
}

static void test_unknown_bad_and_misplaced_properties_are_found(void **state)
{
	struct config_property from_properties[] = {
		{ .name = (char *)"no.such.thing", .value = (char *)"1", .origin = { "a.conf", 7 } },
		{ .name = (char *)"fetch.min.bytes", .value = (char *)"many", .origin = { "a.conf", 8 } },
		{ .name = (char *)"batch.num.messages", .value = (char *)"100", .origin = { "a.conf", 9 } },
		{ .name = (char *)"fetch.min.bytes", .value = (char *)"2", .origin = { "a.conf", 10 } },
	};
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct config config = { .pipelines = &pipeline, .pipeline_count = 1 };
	struct reports reports = { .count = 0 };

	pipeline.from.properties = (struct config_properties){ from_properties, 4 };
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 3);
	assert_non_null(strstr(reports.text[0], "a.conf:7: pipelines.orders.from.properties: librdkafka"));
	assert_non_null(strstr(reports.text[1], "a.conf:8:"));
	assert_non_null(strstr(reports.text[2], "is a producer property; it belongs into to.properties"));
}

/* A pipeline of such would never start. */
static void test_properties_that_do_not_go_together_are_found(void **state)
{
	struct config_property from_properties[] = {
		{ .name = (char *)"max.poll.interval.ms", .value = (char *)"6000", .origin = { "a.conf", 7 } },
	};
	struct config_property to_properties[] = {
		{ .name = (char *)"socket.keepalive.enable", .value = (char *)"true", .origin = { "a.conf", 8 } },
		{ .name = (char *)"reconnect.backoff.max.ms", .value = (char *)"1", .origin = { "a.conf", 9 } },
	};
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct config config = { .pipelines = &pipeline, .pipeline_count = 1 };
	struct reports reports = { .count = 0 };

	/* The session timeout is the cluster's 7000. */
	pipeline.from.properties = (struct config_properties){ from_properties, 1 };
	pipeline.to.properties = (struct config_properties){ to_properties, 2 };
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 2);
	assert_non_null(strstr(reports.text[0], "a.conf:7: pipelines.orders.from.properties: librdkafka refuses"));
	assert_non_null(strstr(reports.text[0], "`session.timeout.ms`"));
	assert_non_null(strstr(reports.text[1], "a.conf:8: pipelines.orders.to.properties: librdkafka refuses"));
	assert_non_null(strstr(reports.text[1], "`reconnect.backoff.max.ms`"));
	from_properties[0].value = (char *)"7000";
	to_properties[1].value = (char *)"1000";
	reports.count = 0;
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 0);
}

/* Which of both is tested depends on the librdkafka that is there. */
static void test_a_cooperative_strategy_is_taken_from_librdkafka_2_4_on(void **state)
{
	struct config_property from_properties[] = {
		{ .name = (char *)"partition.assignment.strategy", .value = (char *)"cooperative-sticky",
		    .origin = { "a.conf", 7 } },
	};
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct config config = { .pipelines = &pipeline, .pipeline_count = 1 };
	struct reports reports = { .count = 0 };

	pipeline.from.properties = (struct config_properties){ from_properties, 1 };
	property_check(&config, note_report, &reports);
	if (library_number() >= COOPERATES_SINCE) {
		assert_int_equal(reports.count, 0);
		return;
	}
	assert_int_equal(reports.count, 1);
	assert_non_null(strstr(reports.text[0], "a.conf:7: pipelines.orders.from.properties: \"partition.assignment.strategy=cooperative-sticky\""));
	assert_non_null(strstr(reports.text[0], "needs librdkafka 2.4"));
}

/* To try them would load the code that they name: librdkafka would say that it cannot find it. */
static void test_refused_properties_are_not_tried(void **state)
{
	struct config_property properties[] = {
		{ .name = (char *)"plugin.library.paths", .value = (char *)"/no/such/library.so" },
		{ .name = (char *)"Topic.Plugin.Library.Paths", .value = (char *)"/no/such/library.so" },
		{ .name = (char *)"ssl.engine.location", .value = (char *)"/no/such/library.so" },
		{ .name = (char *)"acks", .value = (char *)"many" },
	};
	struct config_cluster refusing = { .name = (char *)"main", .properties = { properties, 4 } };
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct config config = { .clusters = &refusing, .cluster_count = 1, .pipelines = &pipeline,
		.pipeline_count = 1 };
	struct reports reports = { .count = 0 };

	pipeline.from.properties = pipeline.to.properties = refusing.properties;
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 0);
}

static void test_errors_are_classed(void **state)
{
	struct error err;

	assert_int_equal(error_class_outcome(RD_KAFKA_RESP_ERR_NO_ERROR), REPORT_ACKED);
	assert_int_equal(error_class_outcome(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), REPORT_REFUSED);
	assert_int_equal(error_class_outcome(RD_KAFKA_RESP_ERR__PURGE_INFLIGHT), REPORT_RETRY);
	assert_int_equal(error_class_outcome(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), REPORT_STOP);
	assert_int_equal(error_class_remedy(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), REMEDY_PERSON);
	/* A throttled or overloaded broker, or a code of the future: wait, nothing is lost by that. */
	assert_int_equal(error_class_remedy(RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED), REMEDY_RETRY);
	assert_int_equal(error_class_outcome((rd_kafka_resp_err_t)9999), REPORT_RETRY);
	/* Said of sources and targets alike. */
	error_class_set(&err, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "orders [3]");
	assert_null(strstr(err.message, "target"));
	assert_int_equal(err.remedy, REMEDY_RESTART);
}

/* ---- tls and sasl ---- */

static struct config_cluster secured(const char *mechanism)
{
	return (struct config_cluster){ .name = (char *)"main", .brokers = (char *)"127.0.0.1:1",
		.tls = { .enabled = true, .verify = true, .origin = { "a.conf", 3 } },
		.sasl = { .enabled = true, .mechanism = (char *)mechanism, .username = (char *)"relay",
			.password = { .text = (char *)"hush", .value = (char *)"hush" }, .origin = { "a.conf", 4 } } };
}

static void assert_secured(rd_kafka_t *client, const struct error *err)
{
	assert_client(client, err);
	assert_setting(client, "security.protocol", "sasl_ssl");
	assert_setting(client, "enable.ssl.certificate.verification", "true");
	assert_setting(client, "ssl.endpoint.identification.algorithm", "https");
	assert_setting(client, "sasl.mechanisms", "SCRAM-SHA-512");
	assert_setting(client, "sasl.username", "relay");
	assert_setting(client, "sasl.password", "hush"); /* also what wakes the broker threads */
	rd_kafka_destroy(client);
}

static void test_every_client_of_a_cluster_has_its_tls_and_sasl(void **state)
{
	struct config_cluster guarded = secured("SCRAM-SHA-512");
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct error err;

	pipeline.from.cluster = pipeline.to.cluster = &guarded;
	assert_secured(client_new_consumer(&pipeline, &sizes, NULL, NULL, &err), &err);
	assert_secured(client_new_producer(&pipeline, &sizes, NULL, &err), &err);
	assert_secured(client_new_producer(&pipeline, &sizes, "id", &err), &err);
	assert_secured(client_new_admin(&pipeline, &guarded, &err), &err);
	assert_secured(client_new_group_reader(&pipeline, &err), &err);
}

static void test_the_protocol_follows_from_the_groups(void **state)
{
	struct config_cluster guarded = secured("PLAIN");
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	struct error err;
	rd_kafka_t *client;

	guarded.tls.enabled = false;
	client = client_new_admin(&pipeline, &guarded, &err);
	assert_client(client, &err);
	assert_setting(client, "security.protocol", "sasl_plaintext");
	rd_kafka_destroy(client);
	guarded.tls = (struct config_tls){ .enabled = true };
	guarded.sasl.enabled = false;
	client = client_new_admin(&pipeline, &guarded, &err);
	assert_client(client, &err);
	assert_setting(client, "security.protocol", "ssl");
	assert_setting(client, "enable.ssl.certificate.verification", "false");
	assert_setting(client, "ssl.endpoint.identification.algorithm", "none");
	rd_kafka_destroy(client);
}

static void test_files_that_are_no_certificates_are_found_and_missing_secrets_are_no_fault_of_theirs(void **state)
{
	struct config_cluster guarded = secured("PLAIN");
	struct config config = { .clusters = &guarded, .cluster_count = 1 };
	struct reports reports = { .count = 0 };

	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 0);
	guarded.tls.ca = (struct config_file){ (char *)"/proc/version", (char *)"/proc/version", 1 };
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 1);
	assert_non_null(strstr(reports.text[0], "a.conf:3: clusters.main.tls: librdkafka cannot use it: "));
	/* With a test, a credential is not there. */
	guarded.tls.ca = (struct config_file){ .text = (char *)"credential:ca" };
	guarded.sasl.password.value = NULL;
	property_check(&config, note_report, &reports);
	assert_int_equal(reports.count, 1);
}

static void test_a_refused_login_is_for_a_person_and_a_failed_handshake_is_tried_again(void **state)
{
	struct config_cluster guarded = secured("PLAIN");
	struct error err;

	assert_true(security_explain(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION, "Invalid username or password", &guarded));
	assert_int_equal(err.remedy, REMEDY_PERSON);
	assert_string_equal(err.message,
	    "cluster \"main\" refuses the login of user \"relay\": Invalid username or password; correct mechanism, "
	    "username and password in clusters.main.sasl, then reload aloqd (restart it for a changed credential)");
	/* The provider of tokens may come back. */
	assert_true(security_explain(
	    &err, RD_KAFKA_RESP_ERR__AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: timed out", &guarded));
	assert_int_equal(err.remedy, REMEDY_RETRY);
	/* The broker has said nothing: its connection broke, or it was too slow. */
	assert_true(security_explain(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION,
	    "k:9092/3: SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported "
	    "mechanisms: (n/a) (after 0ms in state DOWN)",
	    &guarded));
	assert_int_equal(err.remedy, REMEDY_RETRY);
	assert_non_null(strstr(err.message, "broke while it was logged in to, trying again: k:9092/3: SASL"));
	assert_true(security_explain(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION,
	    "k:9092/3: SASL PLAIN mechanism handshake failed: Local: Timed out: broker's supported mechanisms: (n/a)",
	    &guarded));
	assert_int_equal(err.remedy, REMEDY_RETRY);
	assert_true(security_explain(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION,
	    "k:9092/3: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported "
	    "mechanisms: GSSAPI",
	    &guarded));
	assert_int_equal(err.remedy, REMEDY_PERSON);
	assert_true(security_explain(&err, RD_KAFKA_RESP_ERR__SSL, "certificate verify failed", &guarded));
	assert_int_equal(err.remedy, REMEDY_RETRY);
	assert_non_null(strstr(err.message, "not signed by an authority"));
	assert_true(security_explain(
	    &err, RD_KAFKA_RESP_ERR__TRANSPORT, "error:1:SSL routines::sslv3 alert bad certificate", &guarded));
	assert_non_null(strstr(err.message, "refuse the client"));
	assert_false(security_explain(&err, RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused", &guarded));
}

/* What a client logs while it is made, at level debug. */
static void log_of_client(const struct config_pipeline *pipeline, char *text, size_t size)
{
	FILE *file = tmpfile();
	int before = dup(STDERR_FILENO);
	struct error err;
	rd_kafka_t *client;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	log_set_level(LOG_LEVEL_DEBUG);
	client = client_new_admin(pipeline, pipeline->from.cluster, &err);
	if (client)
		rd_kafka_destroy(client);
	log_set_level(LOG_LEVEL_INFO);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	assert_client(client, &err);
}

static void test_no_secret_is_logged_with_the_settings(void **state)
{
	struct config_property properties[] = {
		{ .name = (char *)"debug", .value = (char *)"conf" },
		{ .name = (char *)"sasl.oauthbearer.config", .value = (char *)"hush = hush" },
	};
	struct config_cluster talkative = { .name = (char *)"main", .brokers = (char *)"127.0.0.1:1",
		.properties = { properties, 2 } };
	struct config_pipeline pipeline = pipeline_with(ACKS_ALL);
	static char text[65536];

	pipeline.from.cluster = pipeline.to.cluster = &talkative;
	log_of_client(&pipeline, text, sizeof text);
	assert_non_null(strstr(text, "sasl.oauthbearer.config"));
	assert_non_null(strstr(text, "metadata.broker.list = 127.0.0.1:1"));
	assert_null(strstr(text, "hush"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consumer_never_commits_or_resets_by_itself),
		cmocka_unit_test(test_producer_is_idempotent_with_acks_all_and_sends_one_request_without),
		cmocka_unit_test(test_batches_stay_below_what_target_and_dead_letters_take),
		cmocka_unit_test(test_the_client_id_holds_the_hash_of_the_settings),
		cmocka_unit_test(test_clients_have_every_setting_that_is_listed_with_a_reason),
		cmocka_unit_test(test_without_sizes_only_what_depends_on_them_has_no_value),
		cmocka_unit_test(test_properties_know_their_side),
		cmocka_unit_test(test_unknown_bad_and_misplaced_properties_are_found),
		cmocka_unit_test(test_properties_that_do_not_go_together_are_found),
		cmocka_unit_test(test_a_cooperative_strategy_is_taken_from_librdkafka_2_4_on),
		cmocka_unit_test(test_refused_properties_are_not_tried),
		cmocka_unit_test(test_errors_are_classed),
		cmocka_unit_test(test_every_client_of_a_cluster_has_its_tls_and_sasl),
		cmocka_unit_test(test_the_protocol_follows_from_the_groups),
		cmocka_unit_test(test_files_that_are_no_certificates_are_found_and_missing_secrets_are_no_fault_of_theirs),
		cmocka_unit_test(test_a_refused_login_is_for_a_person_and_a_failed_handshake_is_tried_again),
		cmocka_unit_test(test_no_secret_is_logged_with_the_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
