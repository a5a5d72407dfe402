/* What becomes of each partition of a commit, as librdkafka's mock cluster answers it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>
#include <time.h>
#include "kafka/commit_answers.h"

enum { ANSWER_BOUND_MS = 30000 };

struct fixture {
	struct commit_answers *answers;
	rd_kafka_t *consumer;
	rd_kafka_mock_cluster_t *cluster; /* the consumer's */
	rd_kafka_queue_t *queue;
};

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text))
		fail_msg("%s", text);
}

static int set_up(void **state)
{
	static struct fixture fixture;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];

	set(conf, "test.mock.num.brokers", "1");
	set(conf, "group.id", "g");
	/* Also how long a commit waits for a coordinator. */
	set(conf, "session.timeout.ms", "1000");
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT);
	fixture.answers = commit_answers_new();
	commit_answers_listen(fixture.answers, conf);
	fixture.consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (!fixture.consumer)
		fail_msg("%s", text);
	fixture.cluster = rd_kafka_handle_mock_cluster(fixture.consumer);
	fixture.queue = rd_kafka_queue_new(fixture.consumer);
	rd_kafka_mock_topic_create(fixture.cluster, "kept", 2, 1);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	rd_kafka_queue_destroy(fixture->queue);
	rd_kafka_destroy(fixture->consumer);
	commit_answers_free(fixture->answers);
	return 0;
}

static rd_kafka_topic_partition_list_t *offsets_of(int64_t kept, int64_t deleted)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(3);

	if (kept >= 0) {
		rd_kafka_topic_partition_list_add(list, "kept", 1)->offset = kept + 1;
		rd_kafka_topic_partition_list_add(list, "kept", 0)->offset = kept;
	}
	if (deleted >= 0)
		rd_kafka_topic_partition_list_add(list, "deleted", 0)->offset = deleted;
	return list;
}

/* Sends it; returns the error of the whole. */
static rd_kafka_resp_err_t commit(struct fixture *fixture, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(fixture->consumer, list, fixture->queue, NULL, NULL);
	rd_kafka_event_t *event;

	assert_int_equal(code, 0);
	event = rd_kafka_queue_poll(fixture->queue, ANSWER_BOUND_MS);
	assert_non_null(event);
	code = rd_kafka_event_error(event);
	rd_kafka_event_destroy(event);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static rd_kafka_resp_err_t commit_expected(struct fixture *fixture, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;

	commit_answers_expect(fixture->answers, list);
	code = commit(fixture, list);
	commit_answers_end(fixture->answers, code);
	return code;
}

static void assert_answer(struct fixture *fixture, const char *topic, int32_t partition, rd_kafka_resp_err_t expected)
{
	rd_kafka_resp_err_t code;

	assert_true(commit_answers_find(fixture->answers, topic, partition, &code));
	assert_string_equal(rd_kafka_err2name(code), rd_kafka_err2name(expected));
}

static void test_a_partition_that_was_committed_has_no_error_of_another_one(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(commit_expected(fixture, offsets_of(7, 9)), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	assert_answer(fixture, "kept", 0, RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_answer(fixture, "kept", 1, RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_answer(fixture, "deleted", 0, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

static void test_one_that_went_well_and_one_that_failed_as_a_whole(void **state)
{
	struct fixture *fixture = *state;
	rd_kafka_resp_err_t code;

	assert_int_equal(commit_expected(fixture, offsets_of(7, -1)), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_answer(fixture, "kept", 0, RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_false(commit_answers_find(fixture->answers, "deleted", 0, &code));
	rd_kafka_mock_push_request_errors(fixture->cluster, 8 /* OffsetCommit */, 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
	assert_int_equal(commit_expected(fixture, offsets_of(8, -1)), RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
	assert_answer(fixture, "kept", 0, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
	assert_answer(fixture, "kept", 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
}

static void test_an_answer_to_another_commit_is_none(void **state)
{
	struct fixture *fixture = *state;
	rd_kafka_topic_partition_list_t *expected = offsets_of(7, 9);

	commit_answers_expect(fixture->answers, expected);
	rd_kafka_topic_partition_list_destroy(expected);
	assert_int_equal(commit(fixture, offsets_of(7, -1)), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_int_equal(commit(fixture, offsets_of(8, 9)), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	/* It is not answered by a broker at all. */
	commit_answers_end(fixture->answers, RD_KAFKA_RESP_ERR__TRANSPORT);
	assert_answer(fixture, "kept", 0, RD_KAFKA_RESP_ERR__TRANSPORT);
	assert_answer(fixture, "deleted", 0, RD_KAFKA_RESP_ERR__TRANSPORT);
}

static void test_an_error_that_is_of_no_partition_is_of_all(void **state)
{
	struct fixture *fixture = *state;

	rd_kafka_mock_broker_set_down(fixture->cluster, 1);
	assert_int_not_equal(commit_expected(fixture, offsets_of(7, -1)), RD_KAFKA_RESP_ERR_NO_ERROR);
	for (int32_t partition = 0; partition < 2; partition++) {
		rd_kafka_resp_err_t code;

		assert_true(commit_answers_find(fixture->answers, "kept", partition, &code));
		assert_int_not_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
	}
}

static int64_t thread_ns(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The least time of this thread that a commit has taken, from what is expected to the last question. */
static int64_t cost_ns(struct commit_answers *answers, int32_t partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	int64_t least_ns = INT64_MAX;

	for (int32_t i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, "a-topic-of-many-partitions", partitions - 1 - i)->offset = i;
	for (int round = 0; round < 9; round++) {
		int64_t begun_ns = thread_ns(), taken_ns;

		commit_answers_expect(answers, list);
		commit_answers_end(answers, RD_KAFKA_RESP_ERR_NO_ERROR);
		for (int32_t i = 0; i < partitions; i++) {
			rd_kafka_resp_err_t code;

			assert_true(commit_answers_find(answers, list->elems[i].topic, i, &code));
		}
		taken_ns = thread_ns() - begun_ns;
		least_ns = taken_ns < least_ns ? taken_ns : least_ns;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return least_ns;
}

static void test_a_commit_costs_no_square_of_its_partitions(void **state)
{
	struct commit_answers *answers = commit_answers_new();

	(void)state;
	/* Of 16 times as many: n log n is some 25 times as much, a square 256. */
	assert_in_range(cost_ns(answers, 4000) / cost_ns(answers, 250), 0, 80);
	commit_answers_free(answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_partition_that_was_committed_has_no_error_of_another_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_one_that_went_well_and_one_that_failed_as_a_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_to_another_commit_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_error_that_is_of_no_partition_is_of_all, set_up, tear_down),
		cmocka_unit_test(test_a_commit_costs_no_square_of_its_partitions),
	};

	return cmocka_run_group_tests_name("commit_answers", tests, NULL, NULL);
}
