/* Whether a source topic is still there: the promises of source_topics.c, on librdkafka's mock cluster. */
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

/* Serves until so many looks have been answered. */
static void look(struct mock_source *mock, int looks)
{
	struct source *source = mock->source;
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;

	while (looks > 0) {
		bool was_looking;

		source_serve_topics(source);
		was_looking = source->looking_up;
		mock_source_await_worker(mock, until_us);
		looks -= was_looking && !source->looking_up;
	}
}

static bool may_commit(struct source *source)
{
	const struct mark mark = { .part = 0, .offset = 1 };

	source_commit(source, &mark, 1);
	return !source->commit_held;
}

static void test_a_topic_that_one_answer_misses_is_not_gone(void **state)
{
	struct mock_source mock;

	mock_source_begin(&mock, topic_names, 1);
	rd_kafka_mock_topic_set_error(mock.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(mock.source);
	look(&mock, 1);
	assert_int_equal(mock.failure.code, 0);
	assert_false(mock.source->topics[0]->gone);
	/* An offset of one that was made in its place meanwhile is not to be had. */
	assert_false(may_commit(mock.source));
	rd_kafka_mock_topic_set_error(mock.cluster, topic_name, RD_KAFKA_RESP_ERR_NO_ERROR);
	look(&mock, 1);
	assert_int_equal(mock.failure.code, 0);
	assert_true(may_commit(mock.source));
	/* Nor is it the second of two answers when it is missed again, later. */
	rd_kafka_mock_topic_set_error(mock.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(mock.source);
	look(&mock, 1);
	assert_int_equal(mock.failure.code, 0);
	mock_source_end(&mock);
}

static void test_a_topic_that_two_answers_miss_is_gone(void **state)
{
	struct mock_source mock;

	mock_source_begin(&mock, topic_names, 1);
	rd_kafka_mock_topic_set_error(mock.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(mock.source);
	look(&mock, 2);
	assert_int_not_equal(mock.failure.code, 0);
	assert_non_null(strstr(mock.failure.message, "orders does not exist"));
	assert_true(mock.source->topics[0]->gone);
	mock_source_end(&mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_topic_that_one_answer_misses_is_not_gone),
		cmocka_unit_test(test_a_topic_that_two_answers_miss_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
