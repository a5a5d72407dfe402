/* What librdkafka says of a partition, and what is made of it: the promises of source_doubts.c, on its mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "mock_source.h"

static char topic_name[] = "orders";
static char *topic_names[] = { topic_name };

enum { BEYOND_END = 5 };

/* What librdkafka tells of a fetch behind the end of a log. */
static rd_kafka_event_t *out_of_range(const struct source *source)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;
	rd_kafka_event_t *event = NULL;

	rd_kafka_topic_partition_list_add(list, topic_name, 0)->offset = BEYOND_END;
	assert_int_equal(rd_kafka_assign(source->consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	while (!event || rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) {
		assert_true(clock_monotonic_us() < until_us);
		rd_kafka_event_destroy(event);
		event = rd_kafka_queue_poll(source->queue, 100);
	}
	return event;
}

/* A broker that was deposed says it too. */
static void test_an_offset_out_of_range_is_looked_up_before_it_is_a_truncation(void **state)
{
	struct mock_source mock;
	struct source_part *part;
	rd_kafka_event_t *event;

	mock_source_begin(&mock, topic_names, 1);
	part = mock.source->parts[0];
	part->next_offset = BEYOND_END;
	event = out_of_range(mock.source);
	assert_non_null(strstr(
	    rd_kafka_event_error_string(event), rd_kafka_err2str(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)));
	source_take_reset(mock.source, part, event);
	assert_true(part->reposition);
	assert_int_equal(part->reposition_at, BEYOND_END);
	assert_false(part->cut);
	rd_kafka_event_destroy(event);
	mock_source_end(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_offset_out_of_range_is_looked_up_before_it_is_a_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
