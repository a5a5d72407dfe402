/* What --explain says: the guarantee in words, every setting with its reason, what was changed, and the
 * warnings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "daemon/explain.h"
#include "kafka/library.h"
#include "kafka/settings.h"

static char *source_topics[] = { (char *)"orders" };

/* Two pipelines in one cluster; tests change the first. */
struct world {
	struct config_cluster cluster;
	struct config_pipeline pipelines[2];
	struct config config;
};

static struct config_property cluster_properties[] = {
	{ .name = (char *)"session.timeout.ms", .value = (char *)"7000", .origin = { "aloqd.conf", 3 } },
	{ .name = (char *)"sasl.password", .value = (char *)"geheim", .origin = { "aloqd.conf", 4 } },
	{ .name = (char *)"batch.size", .value = (char *)"65536", .origin = { "aloqd.conf", 5 } },
};

static void make_world(struct world *world, enum delivery delivery)
{
	*world = (struct world){
		.cluster = { .name = (char *)"main",
		    .brokers = (char *)"k:9092",
		    .properties = { cluster_properties, 3 } },
		.config = { .drain_timeout_ms = 30000,
		    .memory_bytes = UINT64_C(256) << 20,
		    .instance = (char *)"here" },
	};
	for (size_t i = 0; i < 2; i++) {
		world->pipelines[i] = (struct config_pipeline){
			.name = (char *)(i == 0 ? "orders" : "payments"),
			.enabled = true,
			.delivery = delivery,
			.from = { .cluster = &world->cluster,
			    .topics = source_topics,
			    .topic_count = 1,
			    .group = (char *)"g" },
			.to = { .cluster = &world->cluster,
			    .topic = (char *)"t",
			    .acks = ACKS_ALL,
			    .compression = (char *)"none",
			    .linger_us = 1000 },
			.commit = { .records = 1000, .interval_ms = 1000 },
			.revoke_timeout_ms = 10000,
			.members = 1,
		};
	}
	world->config.clusters = &world->cluster;
	world->config.cluster_count = 1;
	world->config.pipelines = world->pipelines;
	world->config.pipeline_count = 2;
}

/* The explanation of the first pipeline, in one line with single spaces. The caller frees. */
static char *explanation(const struct world *world)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct error err;
	char *to;

	assert_non_null(out);
	assert_int_equal(explain(out, &world->config, "orders", &err), 0);
	assert_int_equal(fclose(out), 0);
	to = text;
	for (const char *from = text; *from; from++)
		if ((*from != ' ' && *from != '\n') || (to > text && to[-1] != ' '))
			*to++ = *from == '\n' ? ' ' : *from;
	*to = '\0';
	return text;
}

/* Explains, and expects the words. */
static void expect(const struct world *world, const char *words)
{
	_cleanup_free_ char *text = explanation(world);

	if (!strstr(text, words))
		fail_msg("no \"%s\" in: %s", words, text);
}

static void test_each_delivery_is_promised_in_plain_words(void **state)
{
	static const char *const words[][3] = {
		[DELIVERY_AT_MOST_ONCE] = { "Guarantee: at_most_once, acks = all No record is written twice.",
		    "Offsets are committed for 1000 records or 1s at a time" },
		[DELIVERY_AT_LEAST_ONCE] = { "Guarantee: at_least_once, acks = all No record is lost.",
		    "Offsets are committed after 1000 records or 1s, whichever comes first." },
		[DELIVERY_EXACTLY_ONCE] = { "Guarantee: exactly_once, acks = all No record is lost or "
					    "repeated, for readers",
		    "A transaction is committed after 1000 records or 1s" },
	};

	for (int delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_EXACTLY_ONCE; delivery++) {
		struct world world;

		make_world(&world, (enum delivery)delivery);
		expect(&world, words[delivery][0]);
		expect(&world, words[delivery][1]);
		expect(&world, "stops its partition until a person acts (on_error = \"block\").");
		expect(&world, "the partition stops until a person acts (on_gap = \"block\").");
		expect(&world, "Warnings none");
		world.pipelines[0].provenance = true;
		expect(&world, "gets a header aloqd.source that says where it comes from");
	}
}

static void expect_setting(const struct world *world, const struct setting *setting)
{
	_cleanup_free_ char *line = xasprintf(" %s = %s %s", setting->name,
	    setting->value ? setting->value : "(decided at the start)", setting->reason);

	expect(world, line);
}

static void test_every_setting_of_both_clients_is_shown_with_its_reason(void **state)
{
	for (int delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_EXACTLY_ONCE; delivery++) {
		const char *id = delivery == DELIVERY_EXACTLY_ONCE ? "aloqd.orders.here.0" : NULL;
		struct settings settings = { .items = NULL };
		struct world world;
		size_t shown = 0;

		make_world(&world, (enum delivery)delivery);
		settings_of_consumer(&settings, &world.pipelines[0], NULL, NULL);
		settings_of_producer(&settings, &world.pipelines[0], NULL, id);
		for (size_t i = 0; i < settings.count; i++) {
			/* What was replaced is told with what replaces it. */
			if (settings.items[i].origin == SETTING_PROPERTY ||
			    !strcmp(settings.items[i].name, "session.timeout.ms"))
				continue;
			expect_setting(&world, &settings.items[i]);
			shown++;
		}
		assert_true(shown > 40);
		settings_clear(&settings);
	}
}

static void test_what_properties_change_is_shown_with_its_place_and_no_secret(void **state)
{
	struct config_property own[] = {
		{ .name = (char *)"session.timeout.ms",
		    .value = (char *)"9000",
		    .origin = { "aloqd.conf", 12 } },
	};
	struct world world;
	_cleanup_free_ char *text = NULL;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	expect(&world, "session.timeout.ms = 7000 aloqd.conf:3 in place of 10000, chosen because that long");
	expect(&world, "batch.size = 65536 aloqd.conf:5 bounded, because a batch");
	expect(&world, "sasl.password = *** aloqd.conf:4");
	world.pipelines[0].from.properties = (struct config_properties){ own, 1 };
	expect(&world, "session.timeout.ms = 7000 aloqd.conf:3 replaced by aloqd.conf:12");
	expect(&world, "session.timeout.ms = 9000 aloqd.conf:12 in place of 10000, chosen because that long");
	text = explanation(&world);
	assert_null(strstr(text, "geheim"));
}

static void test_tls_and_sasl_are_shown_without_their_secrets(void **state)
{
	struct world world;
	_cleanup_free_ char *text = NULL;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	world.cluster.tls =
	    (struct config_tls){ .enabled = true, .verify = true, .ca = { .text = (char *)"credential:ca" } };
	world.cluster.sasl = (struct config_sasl){ .enabled = true,
		.mechanism = (char *)"PLAIN",
		.username = (char *)"relay",
		.password = { (char *)"credential:p", (char *)"geheim" } };
	world.cluster.properties.count = 0;
	expect(&world, "security.protocol = sasl_ssl clusters.NAME.tls and .sasl say so");
	expect(&world, "ssl.ca.location = (decided at the start) clusters.NAME.tls.ca says so");
	expect(&world, "sasl.username = relay clusters.NAME.sasl.username says so");
	expect(&world, "sasl.password = *** clusters.NAME.sasl.password says so");
	text = explanation(&world);
	assert_null(strstr(text, "geheim"));
	world.cluster.tls.verify = false;
	expect(&world, "Warnings - cluster \"main\": the brokers' certificates");
	world.cluster.tls.enabled = false;
	expect(&world, "Warnings - cluster \"main\": with security.protocol=sasl_plaintext and PLAIN");
}

static void test_what_is_refused_is_listed_with_its_reason(void **state)
{
	struct world world;
	size_t count;
	const struct delivery_refusal *refusals = delivery_refusals(&count);
	const struct delivery_value_refusal *values;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	for (size_t i = 0; i < count; i++) {
		expect(&world, refusals[i].property);
		expect(&world, refusals[i].reason);
	}
	values = delivery_value_refusals(&count);
	for (size_t i = 0; i < count; i++)
		expect(&world, values[i].values);
	expect(&world, "auto.commit.interval.ms, offset.store.* aloqd alone decides");
}

static void test_an_unknown_pipeline_is_an_error_with_the_nearest(void **state)
{
	struct world world;
	struct error err;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	assert_int_equal(explain(stdout, &world.config, "ordres", &err), -ENOENT);
	assert_string_equal(err.message, "there is no pipeline \"ordres\"; did you mean \"orders\"?");
	assert_int_equal(explain(stdout, &world.config, "something-else", &err), -ENOENT);
	assert_non_null(strstr(err.message, "--dump-config"));
}

static void test_without_a_name_all_pipelines_are_explained(void **state)
{
	struct world world;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct error err;

	make_world(&world, DELIVERY_EXACTLY_ONCE);
	world.pipelines[1].enabled = false;
	world.pipelines[1].members = 3;
	assert_int_equal(explain(out, &world.config, NULL, &err), 0);
	fclose(out);
	assert_non_null(strstr(text, "Pipeline orders\n"));
	assert_non_null(strstr(text, "Pipeline payments (not enabled)\n"));
	assert_non_null(strstr(text, "The first of 3 members"));
	assert_non_null(strstr(text, "transactional.id = aloqd.payments.here.1\n"));
	assert_non_null(strstr(text, "Refused in properties"));
	/* No line is longer than a terminal is wide. */
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 100);
}

/* ---- warnings ---- */

static void lead_acks(struct world *world)
{
	world->pipelines[0].to.acks = ACKS_LEADER;
}

static void no_acks(struct world *world)
{
	world->pipelines[0].delivery = DELIVERY_AT_MOST_ONCE;
	world->pipelines[0].to.acks = ACKS_NONE;
}

static void read_uncommitted(struct world *world)
{
	world->pipelines[0].from.isolation = ISOLATION_READ_UNCOMMITTED;
}

static void commit_seldom(struct world *world)
{
	world->pipelines[0].commit.interval_ms = 60000;
}

static void commit_many(struct world *world)
{
	world->pipelines[0].commit = (struct config_commit){ .records = 1000000, .interval_ms = 5000 };
}

static void commit_in_step(struct world *world)
{
	world->pipelines[0].commit.mode = COMMIT_SYNC;
}

static void long_transactions(struct world *world)
{
	world->pipelines[0].delivery = DELIVERY_EXACTLY_ONCE;
	world->pipelines[0].commit.interval_ms = 5000;
}

static void lose_much(struct world *world)
{
	world->pipelines[0].delivery = DELIVERY_AT_MOST_ONCE;
	world->pipelines[0].commit.interval_ms = 60000;
}

static void skip_refused(struct world *world)
{
	world->pipelines[0].on_error = ON_ERROR_SKIP;
}

static void cross_gaps(struct world *world)
{
	world->pipelines[0].from.on_gap = GAP_LATEST;
}

static void start_late(struct world *world)
{
	world->pipelines[0].from.start = START_LATEST;
}

static void slow_revoke(struct world *world)
{
	world->pipelines[0].revoke_timeout_ms = 200000;
}

static void short_drain(struct world *world)
{
	world->config.drain_timeout_ms = 0;
}

static void long_drain(struct world *world)
{
	world->config.drain_timeout_ms = 60000;
}

static void little_memory(struct world *world)
{
	world->config.memory_bytes = UINT64_C(64) << 20;
	world->pipelines[0].members = 4;
}

static void one_replica(struct world *world)
{
	world->pipelines[0].to.create = (struct config_create){ .enabled = true, .replication_factor = 1 };
}

/* The other pipeline makes this one's source, to be kept for an hour. */
static void short_source(struct world *world)
{
	static struct config_property retention = { .name = (char *)"retention.ms",
		.value = (char *)"3600000" };

	world->pipelines[1].to.topic = (char *)"orders";
	world->pipelines[1].to.create = (struct config_create){
		.enabled = true, .replication_factor = 3, .properties = { &retention, 1 }
	};
}

static void quick_session(struct world *world)
{
	static struct config_property session = { .name = (char *)"session.timeout.ms",
		.value = (char *)"3000" };

	world->pipelines[0].from.properties = (struct config_properties){ &session, 1 };
}

static void move_single_partitions(struct world *world)
{
	static struct config_property strategy = { .name = (char *)"partition.assignment.strategy",
		.value = (char *)"cooperative-sticky" };

	world->pipelines[0].from.properties = (struct config_properties){ &strategy, 1 };
}

static void clear_password(struct world *world)
{
	static struct config_property security[] = {
		{ .name = (char *)"security.protocol", .value = (char *)"SASL_PLAINTEXT" },
		{ .name = (char *)"sasl.mechanisms", .value = (char *)"PLAIN" },
	};

	world->cluster.properties = (struct config_properties){ security, 2 };
}

static void unchecked_brokers(struct world *world)
{
	static struct config_property unchecked = { .name = (char *)"enable.ssl.certificate.verification",
		.value = (char *)"false" };

	world->cluster.properties = (struct config_properties){ &unchecked, 1 };
}

static void test_each_choice_with_a_price_has_its_warning(void **state)
{
	static const struct {
		void (*choose)(struct world *world);
		const char *words;
	} cases[] = {
		{ lead_acks, "acks = 1 can lose records" },
		{ no_acks, "acks = 0: nobody says" },
		{ read_uncommitted, "isolation = \"read_uncommitted\"" },
		{ commit_seldom, "commit.interval = 1m: after a crash up to that many records, or the "
				 "records of that time, are repeated" },
		{ commit_many, "commit.records = 1000000, commit.interval = 5s" },
		{ commit_in_step, "commit.mode = \"sync\"" },
		{ long_transactions, "commit.interval = 5s: a record is seen only when" },
		{ lose_much, "commit.interval = 1m: after a crash up to that many records, or the records of "
			     "that time, are lost" },
		{ skip_refused, "on_error = \"skip\"" },
		{ cross_gaps, "on_gap = \"latest\"" },
		{ start_late, "start is not \"earliest\"" },
		{ slow_revoke, "revoke_timeout = 200s is more than half of max.poll.interval.ms (300000)" },
		{ slow_revoke, "in a rebalance the whole group may stand still" },
		{ short_drain,
		    "aloqd.drain_timeout = 0: a stop may leave records unsettled, which are read again" },
		{ long_drain, "aloqd.drain_timeout = 1m: a stop may take longer than TimeoutStopSec=45s" },
		{ little_memory, "aloqd.memory leaves 8 MiB for each member" },
		{ one_replica, "to.create.replication_factor = 1" },
		{ short_source, "source orders is made by the pipeline payments with retention.ms=3600000" },
		{ quick_session, "session.timeout.ms = 3000: brokers refuse less" },
		{ clear_password, "the password goes over the network as it is" },
		{ unchecked_brokers, "are not checked" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world world;

		make_world(&world, DELIVERY_AT_LEAST_ONCE);
		cases[i].choose(&world);
		expect(&world, cases[i].words);
	}
}

/* Which of both is tested depends on the librdkafka that is there. */
static void test_a_cooperative_strategy_has_its_warning_until_librdkafka_2_10(void **state)
{
	struct world world;

	make_world(&world, DELIVERY_AT_LEAST_ONCE);
	move_single_partitions(&world);
	expect(&world, library_number() < COOPERATES_WELL_SINCE ? "the loss of all its partitions" : "Warnings none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_delivery_is_promised_in_plain_words),
		cmocka_unit_test(test_every_setting_of_both_clients_is_shown_with_its_reason),
		cmocka_unit_test(test_what_properties_change_is_shown_with_its_place_and_no_secret),
		cmocka_unit_test(test_tls_and_sasl_are_shown_without_their_secrets),
		cmocka_unit_test(test_what_is_refused_is_listed_with_its_reason),
		cmocka_unit_test(test_an_unknown_pipeline_is_an_error_with_the_nearest),
		cmocka_unit_test(test_without_a_name_all_pipelines_are_explained),
		cmocka_unit_test(test_each_choice_with_a_price_has_its_warning),
		cmocka_unit_test(test_a_cooperative_strategy_has_its_warning_until_librdkafka_2_10),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
