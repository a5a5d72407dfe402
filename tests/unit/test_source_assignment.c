/* What the group takes away while a position is being found out: source_assignment.c on librdkafka's mock cluster. */
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
#include "kafka/topic_memory.h"
#include "mock_client.h"

static char topic_name[] = "orders";
static char *topic_names[] = { topic_name };
enum { READ_TO = 10, NOT_COMMITTED = -1, TIMEOUT_MS = 5000 };

struct fixture {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_t *onlooker;
	rd_kafka_mock_cluster_t *cluster;
	struct config_pipeline pipeline;
	struct config_cluster config_cluster;
	struct topic_memory *memory;
	struct source *source;
	unsigned gaps;	   /* that were told */
	int64_t read_to;   /* what the engine commits when the partition is taken away */
	int64_t committed; /* as it knows */
	bool released;
	int wake_fd;
};

static void on_gap(void *host, const char *topic, int32_t partition, int64_t from, int64_t to, const char *words)
{
	((struct fixture *)host)->gaps++;
}

static void on_trouble(void *host, uint32_t part, const struct error *err)
{
}

static void on_assigned(void *owner, uint32_t part, uint64_t epoch, int64_t position)
{
	struct fixture *fixture = owner;

	fixture->read_to = fixture->committed = position;
}

static void release(struct fixture *fixture)
{
	fixture->released = true;
	source_release_partition(fixture->source, 0);
}

/* As the engine does: what has been read is settled by now. */
static void on_revoke_begin(void *owner, uint32_t part)
{
	struct fixture *fixture = owner;
	const struct mark mark = { .part = part, .offset = fixture->read_to, .leader_epoch = -1 };

	if (fixture->read_to > fixture->committed)
		source_commit(fixture->source, &mark, 1);
	else
		release(fixture);
}

static void on_commit_done(void *owner, const struct mark *marks, size_t count, const struct error *err)
{
	assert_null(err);
	release(owner);
}

static const struct source_events events = {
	.assigned = on_assigned, .revoke_begin = on_revoke_begin, .commit_done = on_commit_done };

/* A source that has read one empty partition up to READ_TO, and has not committed that. */
static void begin(struct fixture *fixture)
{
	struct source *source = xcalloc(1, sizeof *source);
	struct source_part *part;

	*fixture = (struct fixture){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .source = source,
		.read_to = READ_TO, .committed = NOT_COMMITTED, .memory = topic_memory_new(),
		.config_cluster = { .name = (char *)"main" },
		.pipeline = { .name = (char *)"relay",
		    .from = { .topics = topic_names, .topic_count = 1, .group = (char *)"group", .on_gap = GAP_LATEST } } };
	fixture->pipeline.from.cluster = fixture->pipeline.to.cluster = &fixture->config_cluster;
	fixture->host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, 1);
	fixture->config_cluster.brokers = (char *)rd_kafka_mock_cluster_bootstraps(fixture->cluster);
	assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, topic_name, 1, 1), 0);
	fixture->onlooker = mock_client_new(RD_KAFKA_CONSUMER, fixture->config_cluster.brokers);
	source->pipeline = &fixture->pipeline;
	source->host = (struct source_host){ .gap = on_gap, .trouble = on_trouble, .host = fixture };
	source->events = &events;
	source->owner = fixture;
	source->memory = fixture->memory;
	source->wake_fd = fixture->wake_fd;
	source->worker = worker_new(fixture->wake_fd);
	source->consumer = mock_client_new(RD_KAFKA_CONSUMER, fixture->config_cluster.brokers);
	source->commit_queue = rd_kafka_queue_new(source->consumer);
	source->commit_answers = commit_answers_new();
	part = source_part_of(source, topic_name, 0);
	part->assigned = true;
	part->next_offset = READ_TO;
	part->topic->target_partitions = 1;
}

static void end(struct fixture *fixture)
{
	worker_free(fixture->source->worker);
	source_free(fixture->source);
	rd_kafka_destroy(fixture->onlooker);
	rd_kafka_mock_cluster_destroy(fixture->cluster);
	rd_kafka_destroy(fixture->host);
	topic_memory_free(fixture->memory);
	close(fixture->wake_fd);
}

static void serve(struct fixture *fixture)
{
	struct pollfd wake = { .fd = fixture->wake_fd, .events = POLLIN };
	uint64_t count;

	source_serve_commits(fixture->source);
	source_serve_positions(fixture->source);
	if (poll(&wake, 1, 50) > 0)
		assert_int_equal(read(fixture->wake_fd, &count, sizeof count), sizeof count);
	worker_serve(fixture->source->worker);
}

/* What the group has committed, as another client sees it; NOT_COMMITTED. */
static int64_t group_offset(struct fixture *fixture)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t offset;

	rd_kafka_topic_partition_list_add(list, topic_name, 0);
	assert_int_equal(rd_kafka_committed(fixture->onlooker, list, TIMEOUT_MS), 0);
	offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return offset >= 0 ? offset : NOT_COMMITTED;
}

static void take_away(struct fixture *fixture)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, topic_name, 0);
	source_rebalance(fixture->source, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, list);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Else its next owner would begin behind the end of a log that was cut, or, where it has grown since, in its middle. */
static void test_no_older_offset_follows_one_behind_a_gap(void **state)
{
	int64_t until_us = clock_monotonic_us() + 30 * USEC_PER_SEC;
	struct fixture fixture;

	begin(&fixture);
	source_reposition(fixture.source, fixture.source->parts[0], READ_TO);
	while (fixture.gaps == 0 && clock_monotonic_us() < until_us)
		serve(&fixture);
	assert_int_equal(fixture.gaps, 1);
	/* It is committed, and nobody has heard so. */
	while (group_offset(&fixture) == NOT_COMMITTED && clock_monotonic_us() < until_us)
		poll(NULL, 0, 20);
	assert_int_equal(group_offset(&fixture), 0);
	take_away(&fixture);
	while ((!fixture.released || fixture.source->rebalance != REBALANCE_NONE) && clock_monotonic_us() < until_us)
		serve(&fixture);
	assert_true(fixture.released);
	assert_int_equal(fixture.source->rebalance, REBALANCE_NONE);
	assert_int_equal(group_offset(&fixture), 0);
	end(&fixture);
}

/* It does not matter then that its position is not found out any more. */
static void test_what_was_read_is_committed_where_there_is_no_gap(void **state)
{
	int64_t until_us = clock_monotonic_us() + 30 * USEC_PER_SEC;
	struct fixture fixture;

	begin(&fixture);
	take_away(&fixture);
	while ((!fixture.released || fixture.source->rebalance != REBALANCE_NONE) && clock_monotonic_us() < until_us)
		serve(&fixture);
	assert_int_equal(group_offset(&fixture), READ_TO);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_older_offset_follows_one_behind_a_gap),
		cmocka_unit_test(test_what_was_read_is_committed_where_there_is_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
