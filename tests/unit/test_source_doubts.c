/* What librdkafka says of a partition, and what is made of it: the promises of source_doubts.c, on its mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/source_internal.h"
#include "mock_client.h"

enum { BEYOND_END = 5 };

/* What librdkafka tells of a fetch behind the end of a log. */
static rd_kafka_event_t *out_of_range(rd_kafka_t *consumer, rd_kafka_queue_t *queue)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;
	rd_kafka_event_t *event = NULL;

	rd_kafka_topic_partition_list_add(list, "orders", 0)->offset = BEYOND_END;
	assert_int_equal(rd_kafka_assign(consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	while (!event || rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) {
		assert_true(clock_monotonic_us() < until_us);
		rd_kafka_event_destroy(event);
		event = rd_kafka_queue_poll(queue, 100);
	}
	return event;
}

/* A broker that was deposed says it too. */
static void test_an_offset_out_of_range_is_looked_up_before_it_is_a_truncation(void **state)
{
	rd_kafka_t *host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
	rd_kafka_t *consumer;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;
	struct source *source = xcalloc(1, sizeof *source);
	struct source_topic topic = { .name = (char *)"orders" };
	struct source_part part = { .topic = &topic, .next_offset = BEYOND_END, .cut_at = -1 };

	assert_int_equal(rd_kafka_mock_topic_create(cluster, "orders", 1, 1), 0);
	consumer = mock_client_new(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(cluster));
	queue = rd_kafka_queue_get_consumer(consumer);
	event = out_of_range(consumer, queue);
	assert_non_null(strstr(
	    rd_kafka_event_error_string(event), rd_kafka_err2str(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)));
	source_take_reset(source, &part, event);
	assert_true(part.reposition);
	assert_int_equal(part.reposition_at, BEYOND_END);
	assert_false(part.cut);
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(consumer);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	free(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_offset_out_of_range_is_looked_up_before_it_is_a_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
