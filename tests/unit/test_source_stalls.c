/* When a partition is said to be stalled, and what is said of its log's end: source_stalls.c on librdkafka's mock cluster. */
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
#include "core/prefetch_turns.h"
#include "kafka/commit_answers.h"
#include "kafka/source_internal.h"
#include "mock_client.h"

static char invoices[] = "invoices";
static char orders[] = "orders";
static char *topic_names[] = { invoices, orders };
enum { INVOICES, ORDERS, TOPICS }; /* the numbers of their partitions, too: each has one */
static const int64_t long_ago_us = 3600 * USEC_PER_SEC;

struct fixture {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	struct config_pipeline pipeline;
	struct config_cluster config_cluster;
	struct source *source;
	unsigned stalls[TOPICS]; /* as told */
	int wake_fd;
};

static void on_stalled(
    void *host, uint32_t part, int64_t offset, int64_t log_end, int64_t silent_us, unsigned before)
{
	((struct fixture *)host)->stalls[part]++;
}

/* A source that reads two topics of one empty partition each, led by a broker each. */
static void begin(struct fixture *fixture)
{
	struct source *source = xcalloc(1, sizeof *source);

	*fixture = (struct fixture){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .source = source,
		.config_cluster = { .name = (char *)"main" },
		.pipeline = { .name = (char *)"relay", .from = { .topics = topic_names, .topic_count = TOPICS } } };
	fixture->pipeline.from.cluster = &fixture->config_cluster;
	fixture->host = mock_client_new(RD_KAFKA_PRODUCER, NULL);
	fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, TOPICS);
	source->pipeline = &fixture->pipeline;
	source->host = (struct source_host){ .stalled = on_stalled, .host = fixture };
	source->owner = fixture;
	source->wake_fd = fixture->wake_fd;
	source->worker = worker_new(fixture->wake_fd);
	source->consumer = mock_client_new(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(fixture->cluster));
	source->queue = rd_kafka_queue_get_consumer(source->consumer);
	source->commit_queue = rd_kafka_queue_new(source->consumer);
	source->commit_answers = commit_answers_new();
	prefetch_turns_init(&source->turns, UINT64_MAX);
	source_prepare_stalls(source);
	for (int t = 0; t < TOPICS; t++) {
		assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, topic_names[t], 1, TOPICS), 0);
		rd_kafka_mock_partition_set_leader(fixture->cluster, topic_names[t], 0, t + 1);
		source_part_of(source, topic_names[t], 0)->assigned = true;
	}
}

static void assign(const struct fixture *fixture)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPICS);

	for (int t = 0; t < TOPICS; t++)
		rd_kafka_topic_partition_list_add(list, topic_names[t], 0)->offset = 0;
	source_assign(fixture->source, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static void end(struct fixture *fixture)
{
	worker_free(fixture->source->worker);
	source_free(fixture->source);
	rd_kafka_mock_cluster_destroy(fixture->cluster);
	rd_kafka_destroy(fixture->host);
	close(fixture->wake_fd);
}

/* Nothing has come of it for long, and nobody has asked for it since. */
static void be_silent(struct fetch_watch *watch)
{
	watch->quiet_since_us = watch->patient_since_us = watch->asked_us = clock_monotonic_us() - long_ago_us;
}

static void serve(struct fixture *fixture)
{
	/* It looks twice a second, and the engine takes what comes: nothing does, but librdkafka's own. */
	fixture->source->stall_look_us = 0;
	for (uint32_t i = 0; i < fixture->source->part_count; i++)
		source_empty_queue(fixture->source->parts[i]);
	source_serve_stalls(fixture->source);
}

/* Serves until a question has been answered. */
static void ask(struct fixture *fixture)
{
	int64_t until_us = clock_monotonic_us() + 20 * USEC_PER_SEC;

	serve(fixture);
	assert_true(fixture->source->asking_ends);
	while (fixture->source->asking_ends) {
		struct pollfd wake = { .fd = fixture->wake_fd, .events = POLLIN };
		uint64_t count;

		assert_true(clock_monotonic_us() < until_us);
		if (poll(&wake, 1, 50) > 0)
			assert_int_equal(read(fixture->wake_fd, &count, sizeof count), sizeof count);
		worker_serve(fixture->source->worker);
	}
}

static void test_a_leader_without_answer_does_not_hide_the_stall_of_others(void **state)
{
	struct fixture fixture;
	struct fetch_watch *unanswered, *answered;
	int64_t start_us = clock_monotonic_us();

	begin(&fixture);
	assign(&fixture);
	unanswered = &fixture.source->parts[INVOICES]->watch;
	answered = &fixture.source->parts[ORDERS]->watch;
	/* The client knows who leads. */
	for (int asked = 0; asked < 8 && (answered->log_end < 0 || unanswered->log_end < 0); asked++) {
		be_silent(unanswered);
		be_silent(answered);
		ask(&fixture);
	}
	unanswered->log_end = answered->log_end = -1;
	rd_kafka_mock_broker_set_rtt(fixture.cluster, INVOICES + 1, 30000);
	for (int asked = 0; asked < 8 && (answered->log_end < 0 || unanswered->failed_us == 0); asked++) {
		be_silent(unanswered);
		be_silent(answered);
		ask(&fixture);
	}
	assert_int_equal(answered->log_end, 0);
	assert_true(answered->patient_since_us < start_us);
	assert_int_equal(unanswered->log_end, -1);
	assert_true(unanswered->patient_since_us >= start_us);
	rd_kafka_mock_broker_set_rtt(fixture.cluster, INVOICES + 1, 0);
	end(&fixture);
}

/* Stands before the end of its log for long. */
static void be_stalled(const struct source *source, struct fetch_watch *watch)
{
	be_silent(watch);
	watch->behind_since_us = clock_monotonic_us() - source->stall_us;
	watch->log_end = 1;
}

/* An order to resume it could overtake the one to fetch it. */
static void test_who_is_assigned_anew_where_it_stands_is_not_stalled_yet(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	assign(&fixture);
	be_stalled(fixture.source, &fixture.source->parts[INVOICES]->watch);
	serve(&fixture);
	assert_int_equal(fixture.stalls[INVOICES], 1);
	be_stalled(fixture.source, &fixture.source->parts[ORDERS]->watch);
	assign(&fixture);
	serve(&fixture);
	assert_int_equal(fixture.stalls[ORDERS], 0);
	be_stalled(fixture.source, &fixture.source->parts[ORDERS]->watch);
	serve(&fixture);
	assert_int_equal(fixture.stalls[ORDERS], 1);
	end(&fixture);
}

/* All would be assigned anew for it again and again. */
static void test_a_stall_whose_seek_fails_waits_for_its_turn_to_be_repositioned(void **state)
{
	struct fixture fixture;
	struct source_part *part;

	begin(&fixture);
	assign(&fixture);
	part = fixture.source->parts[INVOICES];
	be_stalled(fixture.source, &part->watch);
	serve(&fixture);
	assert_int_equal(fixture.stalls[INVOICES], 1);
	assert_true(part->doubted);
	/* What is not assigned cannot be read from anywhere. */
	assert_int_equal(rd_kafka_assign(fixture.source->consumer, NULL), 0);
	fixture.source->stall_hold_us = clock_monotonic_us() + long_ago_us;
	source_serve_doubts(fixture.source);
	assert_false(part->reposition);
	/* What is doubted for another reason does not wait. */
	source_doubt(fixture.source, part);
	source_serve_doubts(fixture.source);
	assert_true(part->reposition);
	assert_false(fixture.source->parts[ORDERS]->reposition);
	/* Nor does a stall, once it is its turn; and then the next one waits. */
	assign(&fixture);
	part->reposition = false;
	fixture.source->stall_hold_us = 0;
	be_stalled(fixture.source, &part->watch);
	part->watch.stalls = 0;
	serve(&fixture);
	assert_int_equal(rd_kafka_assign(fixture.source->consumer, NULL), 0);
	source_serve_doubts(fixture.source);
	assert_true(part->reposition);
	assert_true(fixture.source->stall_hold_us > clock_monotonic_us());
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_leader_without_answer_does_not_hide_the_stall_of_others),
		cmocka_unit_test(test_who_is_assigned_anew_where_it_stands_is_not_stalled_yet),
		cmocka_unit_test(test_a_stall_whose_seek_fails_waits_for_its_turn_to_be_repositioned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
