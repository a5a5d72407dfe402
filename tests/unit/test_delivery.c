/* The guarantee's derivation: what each choice demands of the clients, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/delivery.h"

#define SETTINGS_MAX 40

static const struct delivery_choice usual = { DELIVERY_AT_LEAST_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };

/* The value that a choice demands, or NULL when it demands none. */
static const char *derived(const struct delivery_choice *choice, enum client_side side, const char *property)
{
	struct derived_setting settings[SETTINGS_MAX];
	size_t count = delivery_derive(choice, settings, SETTINGS_MAX);
	const char *value = NULL;

	assert_true(count <= SETTINGS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (settings[i].side != side || strcmp(settings[i].property, property) != 0)
			continue;
		assert_null(value); /* one row for each property */
		assert_true(strlen(settings[i].reason) > 0);
		value = settings[i].value;
	}
	return value;
}

static void expect(
    const struct delivery_choice *choice, enum client_side side, const char *property, const char *expected)
{
	const char *value = derived(choice, side, property);

	if (!value != !expected || (value && strcmp(value, expected) != 0))
		fail_msg("%s acks=%s: %s is %s, not %s", delivery_name(choice->delivery),
		    acks_name(choice->acks), property, value ? value : "(none)",
		    expected ? expected : "(none)");
}

static void test_no_choice_lets_librdkafka_commit_or_jump(void **state)
{
	for (int delivery = DELIVERY_AT_MOST_ONCE; delivery <= DELIVERY_EXACTLY_ONCE; delivery++) {
		for (int acks = ACKS_ALL; acks <= ACKS_LEADER; acks++) {
			const struct delivery_choice choice = { (enum delivery)delivery, (enum acks)acks,
				ISOLATION_READ_COMMITTED };

			expect(&choice, CLIENT_CONSUMER, "enable.auto.commit", "false");
			expect(&choice, CLIENT_CONSUMER, "enable.auto.offset.store", "false");
			expect(&choice, CLIENT_CONSUMER, "auto.offset.reset", "error");
			expect(&choice, CLIENT_CONSUMER, "enable.partition.eof", "true");
			expect(&choice, CLIENT_CONSUMER, "allow.auto.create.topics", "false");
			expect(&choice, CLIENT_CONSUMER, "check.crcs", "true");
			expect(&choice, CLIENT_PRODUCER, "allow.auto.create.topics", "false");
			expect(&choice, CLIENT_PRODUCER, "delivery.report.only.error", "false");
		}
	}
}

static void test_at_least_once_with_all_acks_is_idempotent_and_gapless_and_never_times_out(void **state)
{
	expect(&usual, CLIENT_PRODUCER, "acks", "all");
	expect(&usual, CLIENT_PRODUCER, "enable.idempotence", "true");
	expect(&usual, CLIENT_PRODUCER, "enable.gapless.guarantee", "true");
	expect(&usual, CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "5");
	expect(&usual, CLIENT_PRODUCER, "message.timeout.ms", "0");
	expect(&usual, CLIENT_PRODUCER, "message.send.max.retries", "2147483647");
}

static void test_without_idempotence_one_request_is_in_flight(void **state)
{
	const struct delivery_choice leader = { DELIVERY_AT_LEAST_ONCE, ACKS_LEADER,
		ISOLATION_READ_COMMITTED };
	const struct delivery_choice none = { DELIVERY_AT_MOST_ONCE, ACKS_NONE, ISOLATION_READ_COMMITTED };

	expect(&leader, CLIENT_PRODUCER, "acks", "1");
	expect(&leader, CLIENT_PRODUCER, "enable.idempotence", "false");
	expect(&leader, CLIENT_PRODUCER, "enable.gapless.guarantee", NULL);
	expect(&leader, CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "1");
	expect(&leader, CLIENT_PRODUCER, "message.timeout.ms", "0");
	expect(&leader, CLIENT_PRODUCER, "message.send.max.retries", "2147483647");
	expect(&none, CLIENT_PRODUCER, "acks", "0");
	expect(&none, CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "1");
}

static void test_at_most_once_resends_nothing_that_may_have_been_written(void **state)
{
	struct delivery_choice choice = { DELIVERY_AT_MOST_ONCE, ACKS_LEADER, ISOLATION_READ_COMMITTED };

	expect(&choice, CLIENT_PRODUCER, "message.send.max.retries", "0");
	choice.acks = ACKS_NONE;
	expect(&choice, CLIENT_PRODUCER, "message.send.max.retries", "0");
	choice.acks = ACKS_ALL; /* idempotent: a retry repeats nothing */
	expect(&choice, CLIENT_PRODUCER, "enable.idempotence", "true");
	expect(&choice, CLIENT_PRODUCER, "message.send.max.retries", "2147483647");
	/* What lies behind a refused batch has not left: it can still be sent in order. */
	expect(&choice, CLIENT_PRODUCER, "enable.gapless.guarantee", "true");
	expect(&choice, CLIENT_PRODUCER, "max.in.flight.requests.per.connection", "1");
}

static void test_exactly_once_bounds_the_transaction_and_leaves_its_message_timeout(void **state)
{
	const struct delivery_choice choice = { DELIVERY_EXACTLY_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };

	expect(&choice, CLIENT_PRODUCER, "enable.idempotence", "true");
	expect(&choice, CLIENT_PRODUCER, "transaction.timeout.ms", "15000");
	expect(&choice, CLIENT_PRODUCER, "message.timeout.ms",
	    NULL); /* librdkafka binds it to the transaction's */
	expect(&choice, CLIENT_CONSUMER, "isolation.level", "read_committed");
}

static void test_isolation_is_the_configured_one(void **state)
{
	const struct delivery_choice choice = { DELIVERY_AT_LEAST_ONCE, ACKS_ALL,
		ISOLATION_READ_UNCOMMITTED };

	expect(&usual, CLIENT_CONSUMER, "isolation.level", "read_committed");
	expect(&choice, CLIENT_CONSUMER, "isolation.level", "read_uncommitted");
}

static void test_the_count_does_not_depend_on_the_capacity(void **state)
{
	struct derived_setting settings[SETTINGS_MAX];
	struct derived_setting one[1];
	size_t count = delivery_derive(&usual, settings, SETTINGS_MAX);

	assert_int_equal(delivery_derive(&usual, NULL, 0), count);
	assert_int_equal(delivery_derive(&usual, one, 1), count);
	assert_string_equal(one[0].property, settings[0].property);
}

static void test_contradictions_are_named_with_their_remedy(void **state)
{
	struct delivery_choice choice = usual;

	assert_null(delivery_contradiction(&choice));
	choice.acks = ACKS_LEADER;
	assert_null(delivery_contradiction(&choice));
	choice.acks = ACKS_NONE;
	assert_non_null(strstr(delivery_contradiction(&choice), "use acks = \"all\""));
	choice.delivery = DELIVERY_AT_MOST_ONCE;
	assert_null(delivery_contradiction(&choice));
	choice.delivery = DELIVERY_EXACTLY_ONCE;
	assert_non_null(delivery_contradiction(&choice));
	choice.acks = ACKS_LEADER;
	assert_non_null(delivery_contradiction(&choice));
	choice.acks = ACKS_ALL;
	assert_null(delivery_contradiction(&choice));
	choice.isolation = ISOLATION_READ_UNCOMMITTED;
	assert_non_null(strstr(delivery_contradiction(&choice), "use isolation = \"read_committed\""));
}

static void test_leader_acks_at_least_once_warn_of_the_loss(void **state)
{
	struct delivery_choice choice = usual;

	assert_null(delivery_warning(&choice));
	choice.acks = ACKS_LEADER;
	assert_non_null(strstr(delivery_warning(&choice), "can lose records"));
	choice.delivery = DELIVERY_AT_MOST_ONCE;
	assert_null(delivery_warning(&choice));
}

static void expect_refused(const char *property, const char *value, const char *part_of_reason)
{
	for (int side = CLIENT_CONSUMER; side <= CLIENT_PRODUCER; side++) {
		const char *reason =
		    delivery_property_refusal(&usual, (enum client_side)side, property, value);

		if (!reason)
			fail_msg("%s=%s is let through", property, value);
		if (!strstr(reason, part_of_reason))
			fail_msg("%s=%s is refused because %s, not because %s", property, value, reason,
			    part_of_reason);
	}
}

static void test_what_breaks_the_guarantee_is_refused_under_all_its_names(void **state)
{
	expect_refused("acks", "1", "in-sync replicas");
	expect_refused("request.required.acks", "1", "in-sync replicas");
	expect_refused("Topic.Request.Required.Acks", "1", "in-sync replicas");
	expect_refused("enable.idempotence", "false", "neither repeat nor reorder");
	expect_refused("max.in.flight", "100", "order");
	expect_refused("retries", "0", "transient fault");
	expect_refused("message.timeout.ms", "1000", "never time out");
	expect_refused("topic.delivery.timeout.ms", "1000", "never time out");
	expect_refused("enable.auto.commit", "true", "only once its record is safe");
	expect_refused("auto.commit.enable", "true", "only once its record is safe");
	expect_refused("auto.commit.interval.ms", "1", "commit.mode");
	expect_refused("auto.offset.reset", "latest", "from.start");
	expect_refused("isolation.level", "read_uncommitted", "from.isolation");
	expect_refused("queuing.strategy", "lifo", "order");
	expect_refused("api.version.request", "false", "headers");
}

static void test_what_has_its_own_key_names_it(void **state)
{
	expect_refused("bootstrap.servers", "x", "brokers");
	expect_refused("metadata.broker.list", "x", "brokers");
	expect_refused("group.id", "x", "from.group");
	expect_refused("linger.ms", "5", "to.linger");
	expect_refused("queue.buffering.max.ms", "5", "to.linger");
	expect_refused("compression.type", "lz4", "to.compression");
	expect_refused("compression.codec", "lz4", "to.compression");
	expect_refused("partitioner", "murmur2", "to.partition");
	expect_refused("queued.max.messages.kbytes", "1", "aloqd.memory");
	expect_refused("queue.buffering.max.kbytes", "1", "aloqd.memory");
	expect_refused("fetch.max.bytes", "1", "aloqd.memory");
	expect_refused("max.partition.fetch.bytes", "1", "aloqd.memory");
	expect_refused("message.max.bytes", "1", "own target");
}

static void test_what_runs_code_or_is_no_text_is_refused(void **state)
{
	expect_refused("plugin.library.paths", "/tmp/x.so", "code");
	expect_refused("sasl.kerberos.kinit.cmd", "true", "code");
	expect_refused("ssl.engine.location", "/tmp/x.so", "code");
	expect_refused("ssl.engine.id", "x", "code");
	expect_refused("ssl.providers", "legacy", "code");
	expect_refused("sasl.kerberos.principal", "x; rm -rf /", "shell");
	expect_refused("sasl.kerberos.keytab", "/etc/$(id)", "shell");
	expect_refused("sasl.kerberos.service.name", "a\"b", "shell");
	expect_refused("rebalance_cb", "1", "pointer");
	expect_refused("opaque", "1", "pointer");
	expect_refused("test.mock.num.brokers", "3", "simulated");
}

static void test_values_that_would_blind_it_are_refused(void **state)
{
	expect_refused("fetch.wait.max.ms", "501", "wait behind it");
	expect_refused("fetch.wait.max.ms", "300000", "wait behind it");
	expect_refused("topic.metadata.refresh.interval.ms", "-1", "never be noticed");
	expect_refused("topic.metadata.refresh.interval.ms", "0", "never be noticed");
}

static void test_other_properties_are_let_through(void **state)
{
	static const char *const properties[][2] = { { "session.timeout.ms", "10000" },
		{ "client.rack", "a" }, { "security.protocol", "sasl_ssl" }, { "sasl.mechanisms", "PLAIN" },
		{ "sasl.password", "x;y" }, { "sasl.kerberos.principal", "relay/host@REALM" },
		{ "batch.size", "65536" },
		{ "topic.metadata.refresh.interval.ms", "1000" }, { "fetch.wait.max.ms", "500" },
		{ "partition.assignment.strategy", "cooperative-sticky" }, { "compression.level", "3" },
		{ "ssl.ca.location", "/etc/ssl" }, { "debug", "all" } };

	for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
		const char *reason =
		    delivery_property_refusal(&usual, CLIENT_PRODUCER, properties[i][0], properties[i][1]);

		if (reason)
			fail_msg("%s is refused because %s", properties[i][0], reason);
		assert_null(delivery_property_refusal(&usual, CLIENT_CONSUMER, properties[i][0], NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_choice_lets_librdkafka_commit_or_jump),
		cmocka_unit_test(
		    test_at_least_once_with_all_acks_is_idempotent_and_gapless_and_never_times_out),
		cmocka_unit_test(test_without_idempotence_one_request_is_in_flight),
		cmocka_unit_test(test_at_most_once_resends_nothing_that_may_have_been_written),
		cmocka_unit_test(test_exactly_once_bounds_the_transaction_and_leaves_its_message_timeout),
		cmocka_unit_test(test_isolation_is_the_configured_one),
		cmocka_unit_test(test_the_count_does_not_depend_on_the_capacity),
		cmocka_unit_test(test_contradictions_are_named_with_their_remedy),
		cmocka_unit_test(test_leader_acks_at_least_once_warn_of_the_loss),
		cmocka_unit_test(test_what_breaks_the_guarantee_is_refused_under_all_its_names),
		cmocka_unit_test(test_what_has_its_own_key_names_it),
		cmocka_unit_test(test_what_runs_code_or_is_no_text_is_refused),
		cmocka_unit_test(test_values_that_would_blind_it_are_refused),
		cmocka_unit_test(test_other_properties_are_let_through),
	};

	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
