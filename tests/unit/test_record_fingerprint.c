/* What tells a record from another one at its offset, on records that librdkafka has read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "kafka/record_fingerprint.h"

/* Each differs from all others; the first one is written twice. */
static const struct {
	const char *key, *value, *header, *header_value;
	int64_t timestamp_ms;
} records[] = {
	{ "k", "v", NULL, NULL, 1000 },
	{ "k", "v", NULL, NULL, 1000 },
	{ "k", "v", NULL, NULL, 1001 },
	{ "k", "w", NULL, NULL, 1000 },
	{ "j", "v", NULL, NULL, 1000 },
	{ NULL, "v", NULL, NULL, 1000 },
	{ "", "v", NULL, NULL, 1000 },
	{ "k", NULL, NULL, NULL, 1000 },
	{ "k", "", NULL, NULL, 1000 },
	{ "kv", NULL, NULL, NULL, 1000 },
	{ "k", "v", "h", "x", 1000 },
	{ "k", "v", "h", "y", 1000 },
	{ "k", "v", "i", "x", 1000 },
	{ "k", "v", "h", NULL, 1000 },
	{ "k", "v", "h", "", 1000 },
};

enum { RECORDS = sizeof records / sizeof records[0], WAIT_MS = 30000 };

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char err[256];

	if (rd_kafka_conf_set(conf, name, value, err, sizeof err) != RD_KAFKA_CONF_OK)
		fail_msg("%s", err);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char err[256];
	rd_kafka_t *made = rd_kafka_new(type, conf, err, sizeof err);

	if (!made)
		fail_msg("%s", err);
	return made;
}

static size_t size_of(const char *text)
{
	return text ? strlen(text) : 0;
}

static void write_all(rd_kafka_t *producer)
{
	for (size_t i = 0; i < RECORDS; i++) {
		rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

		if (records[i].header)
			rd_kafka_header_add(headers, records[i].header, -1, records[i].header_value,
			    (ssize_t)size_of(records[i].header_value));
		assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(0),
				     RD_KAFKA_V_KEY(records[i].key, size_of(records[i].key)),
				     RD_KAFKA_V_VALUE((void *)records[i].value, size_of(records[i].value)),
				     RD_KAFKA_V_TIMESTAMP(records[i].timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
		    0);
	}
	assert_int_equal(rd_kafka_flush(producer, WAIT_MS), 0);
}

static void read_all(const char *brokers, uint64_t *fingerprints)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_t *consumer;

	set(conf, "bootstrap.servers", brokers);
	set(conf, "group.id", "g");
	consumer = client(RD_KAFKA_CONSUMER, conf);
	rd_kafka_topic_partition_list_add(list, "t", 0)->offset = 0;
	assert_int_equal(rd_kafka_assign(consumer, list), 0);
	for (size_t i = 0; i < RECORDS;) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, WAIT_MS);

		assert_non_null(message);
		if (!message->err)
			fingerprints[i++] = record_fingerprint(message);
		rd_kafka_message_destroy(message);
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
}

static void test_whatever_is_different_is_told_apart_and_the_same_is_the_same_each_time(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	uint64_t first[RECORDS], second[RECORDS];
	const char *brokers;
	rd_kafka_t *producer;

	set(conf, "test.mock.num.brokers", "1");
	producer = client(RD_KAFKA_PRODUCER, conf);
	brokers = rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(producer));
	write_all(producer);
	read_all(brokers, first);
	read_all(brokers, second);
	assert_memory_equal(first, second, sizeof first);
	assert_true(first[0] == first[1]);
	for (size_t i = 1; i < RECORDS; i++)
		for (size_t k = i + 1; k < RECORDS; k++)
			if (first[i] == first[k])
				fail_msg("%zu and %zu have the same", i, k);
	rd_kafka_destroy(producer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_is_different_is_told_apart_and_the_same_is_the_same_each_time),
	};

	return cmocka_run_group_tests_name("record_fingerprint", tests, NULL, NULL);
}
