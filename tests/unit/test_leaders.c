/* The promises of kafka/leaders.h, on librdkafka's mock cluster. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <cmocka.h>
#include "base/clock.h"
#include "kafka/leaders.h"

struct fixture {
	rd_kafka_t *client;
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_topic_t *topic;
};

static void begin(struct fixture *fixture)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[256];

	assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "3", words, sizeof words), RD_KAFKA_CONF_OK);
	assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", words, sizeof words), RD_KAFKA_CONF_OK);
	fixture->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
	assert_non_null(fixture->client);
	fixture->cluster = rd_kafka_handle_mock_cluster(fixture->client);
	assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "out", 2, 3), 0);
	fixture->topic = rd_kafka_topic_new(fixture->client, "out", NULL);
}

static void end(struct fixture *fixture)
{
	rd_kafka_topic_destroy(fixture->topic);
	rd_kafka_destroy(fixture->client);
}

static struct leaders *ask(struct fixture *fixture)
{
	struct leaders *leaders = leaders_new(fixture->client);

	leaders_add(leaders, fixture->topic);
	assert_int_equal(leaders_of(leaders, "out", 0), -1); /* not yet */
	leaders_ask(leaders);
	return leaders;
}

static void test_the_leader_is_the_one_that_the_cluster_names_now(void **state)
{
	struct fixture fixture;
	struct leaders *leaders;

	begin(&fixture);
	for (int32_t broker = 1; broker <= 3; broker++) {
		rd_kafka_mock_partition_set_leader(fixture.cluster, "out", 0, broker);
		rd_kafka_mock_partition_set_leader(fixture.cluster, "out", 1, 1);
		leaders = ask(&fixture);
		assert_int_equal(leaders_of(leaders, "out", 0), broker);
		assert_int_equal(leaders_of(leaders, "out", 1), 1);
		assert_int_equal(leaders_of(leaders, "out", 2), -1);
		assert_int_equal(leaders_of(leaders, "in", 0), -1);
		leaders_free(leaders);
	}
	end(&fixture);
}

static void test_brokers_that_do_not_answer_are_not_waited_for(void **state)
{
	int64_t began_us = clock_monotonic_us();
	struct fixture fixture;
	struct leaders *leaders;

	begin(&fixture);
	for (int32_t broker = 1; broker <= 3; broker++)
		rd_kafka_mock_broker_set_down(fixture.cluster, broker);
	leaders = ask(&fixture);
	assert_int_equal(leaders_of(leaders, "out", 0), -1);
	assert_true(clock_monotonic_us() - began_us < 10 * USEC_PER_SEC);
	leaders_free(leaders);
	leaders_free(NULL);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_leader_is_the_one_that_the_cluster_names_now),
		cmocka_unit_test(test_brokers_that_do_not_answer_are_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
