#include "mock_source.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "core/prefetch_turns.h"
#include "kafka/commit_answers.h"
#include "mock_client.h"

static void on_stalled(
    void *host, uint32_t part, int64_t offset, int64_t log_end, int64_t silent_us, unsigned before)
{
	((struct mock_source *)host)->stalls[part]++;
}

static void on_failed(void *owner, const struct error *err)
{
	((struct mock_source *)owner)->failure = *err;
}

static const struct source_events events = { .failed = on_failed };

void mock_source_begin(struct mock_source *mock, char **topics, int count)
{
	struct source *source = xcalloc(1, sizeof *source);

	*mock = (struct mock_source){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .source = source,
		.config_cluster = { .name = (char *)"main" },
		.pipeline = { .name = (char *)"relay", .from = { .topics = topics, .topic_count = (size_t)count } } };
	mock->pipeline.from.cluster = &mock->config_cluster;
	mock->host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	mock->cluster = rd_kafka_mock_cluster_new(mock->host, count);
	source->pipeline = &mock->pipeline;
	source->host = (struct source_host){ .stalled = on_stalled, .host = mock };
	source_set_events(source, &events, mock);
	source->wake_fd = mock->wake_fd;
	source->worker = worker_new(mock->wake_fd);
	source->consumer = mock_client_new(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(mock->cluster));
	source->queue = rd_kafka_queue_get_consumer(source->consumer);
	source->commit_queue = rd_kafka_queue_new(source->consumer);
	source->commit_answers = commit_answers_new();
	prefetch_turns_init(&source->turns, UINT64_MAX);
	source_prepare_stalls(source);
	source_prepare_answers(source);
	for (int t = 0; t < count; t++) {
		assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, topics[t], 1, count), 0);
		rd_kafka_mock_partition_set_leader(mock->cluster, topics[t], 0, t + 1);
		source_part_of(source, topics[t], 0)->assigned = true;
	}
}

void mock_source_assign(const struct mock_source *mock)
{
	int count = (int)mock->pipeline.from.topic_count;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

	for (int t = 0; t < count; t++)
		rd_kafka_topic_partition_list_add(list, mock->pipeline.from.topics[t], 0)->offset = 0;
	source_assign(mock->source, list);
	rd_kafka_topic_partition_list_destroy(list);
}

void mock_source_await_worker(struct mock_source *mock, int64_t until_us)
{
	struct pollfd wake = { .fd = mock->wake_fd, .events = POLLIN };
	uint64_t count;

	assert_true(clock_monotonic_us() < until_us);
	if (poll(&wake, 1, 50) > 0)
		assert_int_equal(read(mock->wake_fd, &count, sizeof count), sizeof count);
	worker_serve(mock->source->worker);
}

void mock_source_end(struct mock_source *mock)
{
	worker_free(mock->source->worker);
	source_free(mock->source);
	rd_kafka_mock_cluster_destroy(mock->cluster);
	rd_kafka_destroy(mock->host);
	close(mock->wake_fd);
}
