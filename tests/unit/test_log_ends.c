/* Where logs end: who has no answer hides none of the others, and holds the worker up no longer than it may. On librdkafka's
 * mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/worker.h"
#include "kafka/client.h"
#include "kafka/log_ends.h"
#include "mock_client.h"

enum { BROKERS = 3, PARTITIONS = 6, LIST_OFFSETS = 2, RECORDS = 4 };
/* As log_ends.h has it, and what a busy machine takes. */
static const int64_t bound_us = 4 * USEC_PER_SEC;

static const char *const topics[] = { "invoices", "orders" };
enum { INVOICES, ORDERS, TOPICS };

struct fixture {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *client;
	struct worker *worker;
	struct log_end ends[TOPICS * PARTITIONS]; /* in the order of the last answer */
	int wake_fd;
};

static void write_records(const struct fixture *fixture)
{
	rd_kafka_t *producer = mock_client_new(RD_KAFKA_PRODUCER, rd_kafka_mock_cluster_bootstraps(fixture->cluster));

	for (int i = 0; i < TOPICS * PARTITIONS * RECORDS; i++)
		assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topics[i % TOPICS]),
				     RD_KAFKA_V_PARTITION(i / TOPICS % PARTITIONS), RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END),
		    0);
	assert_int_equal(rd_kafka_flush(producer, 20000), 0);
	rd_kafka_destroy(producer);
}

/* It fetches all of them, as a source does: who has been talked to lately is who is asked for leaders. */
static void fetch(const struct fixture *fixture)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPICS * PARTITIONS);

	for (int i = 0; i < TOPICS * PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(list, fixture->ends[i].topic, fixture->ends[i].partition)->offset = 0;
	assert_int_equal(rd_kafka_assign(fixture->client, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Partition p is led by broker p % leaders + 1. */
static void begin_with(struct fixture *fixture, int32_t leaders)
{
	*fixture = (struct fixture){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	fixture->host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, BROKERS);
	for (int t = 0; t < TOPICS; t++) {
		assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, topics[t], PARTITIONS, BROKERS), 0);
		for (int32_t p = 0; p < PARTITIONS; p++) {
			fixture->ends[t * PARTITIONS + p] = (struct log_end){ .topic = topics[t], .partition = p };
			rd_kafka_mock_partition_set_leader(fixture->cluster, topics[t], p, p % leaders + 1);
		}
	}
	fixture->worker = worker_new(fixture->wake_fd);
	fixture->client = mock_client_new(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(fixture->cluster));
	fetch(fixture);
}

static void begin(struct fixture *fixture)
{
	begin_with(fixture, BROKERS);
}

static void end(struct fixture *fixture)
{
	worker_free(fixture->worker);
	rd_kafka_destroy(fixture->client);
	rd_kafka_mock_cluster_destroy(fixture->cluster);
	rd_kafka_destroy(fixture->host);
	close(fixture->wake_fd);
}

/* Asks once, within the bound, and remembers as its caller does. */
static void ask(struct fixture *fixture)
{
	int64_t start_us = clock_monotonic_us();

	log_ends_ask(fixture->client, fixture->ends, TOPICS * PARTITIONS, fixture->worker);
	assert_true(clock_monotonic_us() - start_us < bound_us);
	for (int i = 0; i < TOPICS * PARTITIONS; i++) {
		struct log_end *item = &fixture->ends[i];

		item->apart = item->answer != LOG_END_KNOWN;
		if (item->answer == LOG_END_FAILED)
			item->failed_us = clock_monotonic_us();
		else if (item->answer == LOG_END_KNOWN)
			item->failed_us = 0;
	}
}

/* Each of which silent says so has no answer, and each other one has. */
static bool answered_but(const struct fixture *fixture, bool (*silent)(const struct log_end *item))
{
	for (int i = 0; i < TOPICS * PARTITIONS; i++) {
		const struct log_end *item = &fixture->ends[i];

		if (item->answer != (silent && silent(item) ? LOG_END_FAILED : LOG_END_KNOWN))
			return false;
	}
	return true;
}

/* The first question may take all the time, and who leads be asked of a broker that does not answer. */
static void ask_until_answered_but(struct fixture *fixture, bool (*silent)(const struct log_end *item))
{
	for (int asked = 0; asked < 8; asked++) {
		ask(fixture);
		if (answered_but(fixture, silent))
			return;
	}
	fail_msg("who answers is hidden by who does not");
}

static bool is_invoice(const struct log_end *item)
{
	return item->topic == topics[INVOICES];
}

static bool is_of_broker_2(const struct log_end *item)
{
	return item->partition % BROKERS + 1 == 2;
}

static bool is_any(const struct log_end *item)
{
	return true;
}

static void test_who_all_answer_are_asked_at_once(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	write_records(&fixture);
	ask(&fixture);
	assert_true(answered_but(&fixture, NULL));
	for (int i = 0; i < TOPICS * PARTITIONS; i++) {
		assert_int_equal(fixture.ends[i].offset, RECORDS);
		assert_int_equal(fixture.ends[i].leader, -1);
	}
	end(&fixture);
}

/* Nobody may describe it any more. */
static void test_a_topic_without_answer_does_not_hide_the_other(void **state)
{
	struct fixture fixture;

	/* librdkafka 2.4 to 2.9 crashes where a topic is answered for again (its issues 4778 and 4964). */
	if (client_library_at_least(2, 4, 0) && !client_library_at_least(2, 10, 0))
		skip();
	begin(&fixture);
	rd_kafka_mock_topic_set_error(
	    fixture.cluster, topics[INVOICES], RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	ask_until_answered_but(&fixture, is_invoice);
	/* And it is known again when it answers. */
	rd_kafka_mock_topic_set_error(fixture.cluster, topics[INVOICES], RD_KAFKA_RESP_ERR_NO_ERROR);
	ask_until_answered_but(&fixture, NULL);
	end(&fixture);
}

static void test_a_broker_that_is_down_does_not_hide_the_others(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	ask(&fixture);
	rd_kafka_mock_broker_set_down(fixture.cluster, 2);
	ask_until_answered_but(&fixture, is_of_broker_2);
	rd_kafka_mock_broker_set_up(fixture.cluster, 2);
	end(&fixture);
}

static void test_a_broker_that_is_frozen_does_not_hide_the_others(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	ask(&fixture);
	rd_kafka_mock_broker_set_rtt(fixture.cluster, 2, 30000);
	ask_until_answered_but(&fixture, is_of_broker_2);
	rd_kafka_mock_broker_set_rtt(fixture.cluster, 2, 0);
	end(&fixture);
}

/* What a leader says of one partition is no answer for all of them. */
static void test_a_part_that_is_refused_is_asked_in_halves(void **state)
{
	struct fixture fixture;

	begin_with(&fixture, 1);
	ask_until_answered_but(&fixture, NULL);
	for (int i = 0; i < TOPICS * PARTITIONS; i++)
		fixture.ends[i].apart = true;
	rd_kafka_mock_push_request_errors(fixture.cluster, LIST_OFFSETS, 1, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
	ask(&fixture);
	/* Some of them may have had no time left. */
	for (int i = 0; i < TOPICS * PARTITIONS; i++)
		assert_int_not_equal(fixture.ends[i].answer, LOG_END_FAILED);
	assert_int_equal(fixture.ends[0].answer, LOG_END_KNOWN);
	end(&fixture);
}

/* Not "nothing is known": nobody is told to be stalled when they come back. */
static void test_where_nobody_answers_all_have_failed(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	ask(&fixture);
	for (int32_t broker = 1; broker <= BROKERS; broker++)
		rd_kafka_mock_broker_set_down(fixture.cluster, broker);
	ask_until_answered_but(&fixture, is_any);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_all_answer_are_asked_at_once),
		cmocka_unit_test(test_a_topic_without_answer_does_not_hide_the_other),
		cmocka_unit_test(test_a_broker_that_is_down_does_not_hide_the_others),
		cmocka_unit_test(test_a_broker_that_is_frozen_does_not_hide_the_others),
		cmocka_unit_test(test_a_part_that_is_refused_is_asked_in_halves),
		cmocka_unit_test(test_where_nobody_answers_all_have_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
