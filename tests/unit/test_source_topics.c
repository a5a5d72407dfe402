/* Whether a source topic is still there: the promises of source_topics.c, on librdkafka's mock cluster. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/commit_answers.h"
#include "kafka/source_internal.h"
#include "mock_client.h"

static char topic_name[] = "orders";
static char *topic_names[] = { topic_name };

struct fixture {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	struct config_pipeline pipeline;
	struct config_cluster config_cluster;
	struct source *source;
	struct error failure; /* what the source has failed with; code 0: it has not */
	int wake_fd;
};

static void on_failed(void *owner, const struct error *err)
{
	((struct fixture *)owner)->failure = *err;
}

static const struct source_events events = { .failed = on_failed };

/* A source that reads one partition of "orders". */
static void begin(struct fixture *fixture)
{
	struct source *source = xcalloc(1, sizeof *source);

	*fixture = (struct fixture){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .source = source,
		.config_cluster = { .name = (char *)"main" },
		.pipeline = { .name = (char *)"relay", .from = { .topics = topic_names, .topic_count = 1 } } };
	fixture->pipeline.from.cluster = &fixture->config_cluster;
	fixture->host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, 1);
	assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, topic_name, 1, 1), 0);
	source->pipeline = &fixture->pipeline;
	source->events = &events;
	source->owner = fixture;
	source->wake_fd = fixture->wake_fd;
	source->worker = worker_new(fixture->wake_fd);
	source->consumer = mock_client_new(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(fixture->cluster));
	source->commit_queue = rd_kafka_queue_new(source->consumer);
	source->commit_answers = commit_answers_new();
	source_part_of(source, topic_name, 0)->assigned = true;
}

static void end(struct fixture *fixture)
{
	worker_free(fixture->source->worker);
	source_free(fixture->source);
	rd_kafka_mock_cluster_destroy(fixture->cluster);
	rd_kafka_destroy(fixture->host);
	close(fixture->wake_fd);
}

/* Serves until so many looks have been answered. */
static void look(struct fixture *fixture, int looks)
{
	struct source *source = fixture->source;
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;

	while (looks > 0) {
		struct pollfd wake = { .fd = fixture->wake_fd, .events = POLLIN };
		bool was_looking;
		uint64_t count;

		assert_true(clock_monotonic_us() < until_us);
		source_serve_topics(source);
		was_looking = source->looking_up;
		if (poll(&wake, 1, 50) > 0)
			assert_int_equal(read(fixture->wake_fd, &count, sizeof count), sizeof count);
		worker_serve(source->worker);
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
	struct fixture fixture;

	begin(&fixture);
	rd_kafka_mock_topic_set_error(fixture.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(fixture.source);
	look(&fixture, 1);
	assert_int_equal(fixture.failure.code, 0);
	assert_false(fixture.source->topics[0]->gone);
	/* An offset of one that was made in its place meanwhile is not to be had. */
	assert_false(may_commit(fixture.source));
	rd_kafka_mock_topic_set_error(fixture.cluster, topic_name, RD_KAFKA_RESP_ERR_NO_ERROR);
	look(&fixture, 1);
	assert_int_equal(fixture.failure.code, 0);
	assert_true(may_commit(fixture.source));
	/* Nor is it the second of two answers when it is missed again, later. */
	rd_kafka_mock_topic_set_error(fixture.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(fixture.source);
	look(&fixture, 1);
	assert_int_equal(fixture.failure.code, 0);
	end(&fixture);
}

static void test_a_topic_that_two_answers_miss_is_gone(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	rd_kafka_mock_topic_set_error(fixture.cluster, topic_name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	source_doubt_topics(fixture.source);
	look(&fixture, 2);
	assert_int_not_equal(fixture.failure.code, 0);
	assert_non_null(strstr(fixture.failure.message, "orders does not exist"));
	assert_true(fixture.source->topics[0]->gone);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_topic_that_one_answer_misses_is_not_gone),
		cmocka_unit_test(test_a_topic_that_two_answers_miss_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
