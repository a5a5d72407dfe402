/* Where reading begins, from what is known of a partition: from.start and from.on_gap. */
#include <errno.h>
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
#include "base/memory.h"
#include "kafka/positions.h"

enum { LOG_START = 100, LOG_END = 500 };

static struct resolved_position decide_by(const struct config_from *from, int64_t at,
    const struct position_facts *facts)
{
	struct resolved_position item = { .topic = (char *)"orders", .partition = 3, .at = at };

	assert_int_equal(positions_decide(&item, from, facts, NULL), 0);
	return item;
}

static struct resolved_position decide(const struct config_from *from, int64_t at, int64_t committed, bool has_commits,
    int64_t start_offset)
{
	const struct position_facts facts = { .committed = committed, .topic_has_commits = has_commits, .read_id = "",
		.topic_id = "", .log_start = LOG_START, .log_end = LOG_END, .start_offset = start_offset,
		.committed_epoch = -1 };

	return decide_by(from, at, &facts);
}

static void test_committed_offset_is_where_reading_goes_on(void **state)
{
	const struct config_from from = { .start = START_LATEST, .on_gap = GAP_BLOCK };
	static const int64_t inside[] = { LOG_START, 250, LOG_END };

	for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
		struct resolved_position item = decide(&from, -1, inside[i], true, LOG_END);

		assert_int_equal(item.position, inside[i]);
		assert_false(item.commit);
		assert_false(item.blocked);
		assert_int_equal(item.gap_from, -1);
	}
}

static void test_start_applies_only_where_the_group_has_committed_nothing_on_the_topic(void **state)
{
	const struct config_from from = { .start = START_LATEST };
	struct resolved_position first = decide(&from, -1, -1, false, LOG_END);
	struct resolved_position later = decide(&from, -1, -1, true, LOG_END);

	assert_int_equal(first.position, LOG_END);
	assert_int_equal(later.position, LOG_START);
	/* A crash must not move them. */
	assert_true(first.commit);
	assert_true(later.commit);
}

static void test_a_topic_that_is_newer_than_the_groups_first_start_is_read_from_its_beginning(void **state)
{
	static const enum start_policy starts[] = { START_EARLIEST, START_LATEST, START_TIMESTAMP, START_NONE };

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		const struct config_from from = { .start = starts[i], .group = (char *)"g" };
		struct position_facts facts = { .committed = -1, .read_id = "", .topic_id = "",
			.log_start = LOG_START, .log_end = LOG_END, .start_offset = LOG_END };
		struct resolved_position item = { .topic = (char *)"orders", .partition = 3, .at = -1, .later = true };

		assert_int_equal(positions_decide(&item, &from, &facts, NULL), 0);
		assert_int_equal(item.position, LOG_START);
		assert_true(item.commit);
		assert_false(item.blocked);
		/* Only as long as nothing is committed. */
		facts.committed = 250;
		facts.topic_has_commits = true;
		assert_int_equal(positions_decide(&item, &from, &facts, NULL), 0);
		assert_int_equal(item.position, 250);
	}
}

static void test_start_none_blocks(void **state)
{
	const struct config_from from = { .start = START_NONE, .group = (char *)"g" };
	struct resolved_position item = decide(&from, -1, -1, false, -1);

	assert_true(item.blocked);
	assert_false(item.commit);
	assert_non_null(strstr(item.err.message, "from.start"));
}

static void test_start_below_the_log_is_its_start(void **state)
{
	const struct config_from from = { .start = START_TIMESTAMP };

	assert_int_equal(decide(&from, -1, -1, false, LOG_START - 40).position, LOG_START);
}

static void test_gap_of_retention_blocks_unless_told_otherwise(void **state)
{
	struct config_from from = { .on_gap = GAP_BLOCK };
	struct resolved_position item = decide(&from, -1, 60, true, -1);

	assert_true(item.blocked);
	assert_false(item.commit);
	assert_int_equal(item.position, 60);
	assert_non_null(strstr(item.err.message, "deleted 40 offsets from 60 on"));

	from.on_gap = GAP_EARLIEST;
	item = decide(&from, -1, 60, true, -1);
	assert_false(item.blocked);
	assert_int_equal(item.position, LOG_START);
	assert_int_equal(item.gap_from, 60);
	assert_int_equal(item.gap_to, LOG_START);
	assert_true(item.commit);

	from.on_gap = GAP_LATEST;
	item = decide(&from, -1, 60, true, -1);
	assert_int_equal(item.position, LOG_END);
	assert_int_equal(item.gap_to, LOG_END);
}

static void test_truncated_log_is_a_case_of_its_own(void **state)
{
	struct config_from from = { .on_gap = GAP_BLOCK };
	struct resolved_position item = decide(&from, -1, 501, true, -1);

	assert_true(item.blocked);
	assert_non_null(strstr(item.err.message, "truncated"));

	from.on_gap = GAP_LATEST;
	item = decide(&from, -1, 501, true, -1);
	assert_int_equal(item.position, LOG_END);
	assert_int_equal(item.gap_from, item.gap_to);
	assert_true(item.commit);
}

/* What lies between may be on its way, and is given up when reading begins anew. */
static void test_a_log_truncated_while_it_is_read_is_read_again_from_what_is_committed(void **state)
{
	const struct config_from from = { .on_gap = GAP_LATEST };
	struct resolved_position item = decide(&from, LOG_END + 5, LOG_END - 7, true, -1);

	assert_false(item.blocked);
	assert_int_equal(item.position, LOG_END - 7);
	assert_int_equal(item.gap_from, item.gap_to);
	assert_non_null(strstr(item.gap_words, "truncated"));
	/* Nothing that is committed is there any more, or all of it is gone. */
	assert_int_equal(decide(&from, LOG_END + 5, LOG_END + 1, true, -1).position, LOG_END);
	assert_int_equal(decide(&from, LOG_END + 5, LOG_START - 1, true, -1).position, LOG_END);
}

/* Only who was told at the time knows of it. */
static void test_a_log_that_has_grown_again_since_it_was_cut_goes_on_where_it_was_cut(void **state)
{
	struct config_from from = { .on_gap = GAP_BLOCK };
	struct position_facts facts = { .committed = 450, .topic_has_commits = true, .read_id = "", .topic_id = "",
		.log_start = LOG_START, .log_end = LOG_END, .cut = true, .cut_at = 300, .committed_epoch = 7 };
	struct resolved_position item = decide_by(&from, -1, &facts);

	assert_true(item.blocked);
	assert_true(item.cut);
	assert_int_equal(item.cut_at, 300);
	assert_non_null(strstr(item.err.message, "ended at 300, before offset 450, and has grown to 500"));
	assert_non_null(strstr(item.err.message, "go on at 300"));
	from.on_gap = GAP_LATEST;
	item = decide_by(&from, -1, &facts);
	assert_int_equal(item.position, 300);
	assert_int_equal(item.leader_epoch, -1);
	assert_true(item.commit);
	from.on_gap = GAP_EARLIEST;
	assert_int_equal(decide_by(&from, -1, &facts).position, LOG_START);
	/* Retention has passed it since. */
	from.on_gap = GAP_LATEST;
	facts.cut_at = LOG_START - 1;
	assert_int_equal(decide_by(&from, -1, &facts).position, LOG_START);
	/* Nobody knows where: what is committed is the least that is left out. */
	facts.cut_at = -1;
	item = decide_by(&from, 480, &facts);
	assert_int_equal(item.position, 450);
	assert_non_null(strstr(item.gap_words, "ended before offset 480, and has grown to 500"));
	/* Back to what is committed, and that was not cut off. */
	facts.cut_at = 450;
	item = decide_by(&from, -1, &facts);
	assert_int_equal(item.position, 450);
	assert_int_equal(item.leader_epoch, 7);
	assert_false(item.cut);
	assert_false(item.commit);
	assert_int_equal(item.gap_from, -1);
}

/* What was read of the lost end is committed before anybody can skip: but not what has taken its place. */
static void test_who_blocks_at_a_cut_says_where_skipping_goes_on_with_all_in_flight_settled(void **state)
{
	const struct config_from from = { .on_gap = GAP_BLOCK };
	struct position_facts facts = { .committed = 200, .topic_has_commits = true, .read_id = "", .topic_id = "",
		.log_start = LOG_START, .log_end = LOG_END, .cut = true, .cut_at = 300, .committed_epoch = 7 };

	assert_non_null(strstr(decide_by(&from, 450, &facts).err.message, "go on at 300 "));
	facts.cut = false;
	assert_non_null(strstr(decide_by(&from, LOG_END + 5, &facts).err.message, "go on at 500 "));
	facts.cut = true;
	facts.cut_at = -1;
	assert_non_null(strstr(decide_by(&from, 450, &facts).err.message, "go on at 450 "));
}

/* All that is left was relayed. */
static void test_who_skips_a_truncation_goes_on_at_the_new_end(void **state)
{
	const struct config_from from = { .on_gap = GAP_BLOCK };
	struct position_facts facts = { .committed = 501, .topic_has_commits = true, .read_id = "", .topic_id = "",
		.log_start = LOG_START, .log_end = LOG_END };
	struct resolved_position item = { .topic = (char *)"orders", .partition = 3, .at = -1, .cross_gap = true };

	assert_int_equal(positions_decide(&item, &from, &facts, NULL), 0);
	assert_int_equal(item.position, LOG_END);
	/* The group's offset went with the topic. */
	facts.committed = -1;
	item.at = 501;
	assert_int_equal(positions_decide(&item, &from, &facts, NULL), 0);
	assert_int_equal(item.position, LOG_START);
}

static void test_a_cut_is_remembered_as_long_as_nothing_else_is_committed_than_what_was_read(void **state)
{
	struct topic_memory *memory = topic_memory_new();
	int64_t cut_at = 0;

	assert_false(topic_memory_has_cut(memory, "orders", 3, 450, &cut_at));
	topic_memory_forget_cut(memory, "orders", 3);
	topic_memory_note_cut(memory, "orders", 3, 450, 480, 300);
	assert_true(topic_memory_has_cut(memory, "orders", 3, 450, &cut_at));
	assert_int_equal(cut_at, 300);
	/* What was on its way. */
	assert_true(topic_memory_has_cut(memory, "orders", 3, 480, &cut_at));
	assert_false(topic_memory_has_cut(memory, "orders", 3, 449, &cut_at));
	assert_false(topic_memory_has_cut(memory, "orders", 3, 481, &cut_at));
	assert_false(topic_memory_has_cut(memory, "orders", 2, 450, &cut_at));
	assert_false(topic_memory_has_commit(memory, "orders", 3));
	topic_memory_forget_cut(memory, "orders", 3);
	assert_false(topic_memory_has_cut(memory, "orders", 3, 450, &cut_at));
	topic_memory_free(memory);
}

static void test_gap_met_while_reading_is_not_committed_past_records_in_flight(void **state)
{
	const struct config_from from = { .on_gap = GAP_EARLIEST };
	struct resolved_position item = decide(&from, 60, 20, true, -1);

	assert_int_equal(item.position, LOG_START);
	assert_int_equal(item.gap_from, 60);
	assert_false(item.commit);
}

static void test_another_topic_of_the_name_is_a_gap_although_the_offset_exists(void **state)
{
	struct config_from from = { .on_gap = GAP_BLOCK };
	const struct position_facts facts = { .committed = 250, .topic_has_commits = true, .read_id = "old",
		.topic_id = "new", .log_start = LOG_START, .log_end = LOG_END, .start_offset = -1 };
	struct resolved_position item = decide_by(&from, -1, &facts);

	assert_true(item.blocked);
	assert_true(item.recreated);
	assert_false(item.commit);
	assert_int_equal(item.position, 250);
	assert_non_null(strstr(item.err.message, "recreated"));

	from.on_gap = GAP_EARLIEST;
	for (int64_t at = -1; at < 500; at += 500) {
		item = decide_by(&from, at, &facts);
		assert_false(item.blocked);
		assert_int_equal(item.position, LOG_START);
		/* What is gone is of another log: it cannot be counted. */
		assert_int_equal(item.gap_from, LOG_START);
		assert_int_equal(item.gap_to, LOG_START);
		assert_true(item.commit);
	}
	from.on_gap = GAP_LATEST;
	assert_int_equal(decide_by(&from, -1, &facts).position, LOG_END);
}

static void test_ids_that_are_equal_or_unknown_tell_nothing(void **state)
{
	const struct config_from from = { .on_gap = GAP_BLOCK };
	static const char *const ids[][2] = { { "same", "same" }, { "", "new" }, { "old", "" }, { "", "" } };

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		const struct position_facts facts = { .committed = 250, .topic_has_commits = true,
			.read_id = ids[i][0], .topic_id = ids[i][1], .log_start = LOG_START, .log_end = LOG_END };

		assert_false(decide_by(&from, -1, &facts).blocked);
		assert_int_equal(decide_by(&from, -1, &facts).position, 250);
	}
}

static void test_offsets_that_are_gone_are_a_gap_and_no_first_start(void **state)
{
	struct config_from from = { .start = START_LATEST, .on_gap = GAP_BLOCK };
	const struct position_facts facts = { .committed = -1, .had_commit = true, .read_id = "", .topic_id = "",
		.log_start = LOG_START, .log_end = LOG_END, .start_offset = LOG_END };
	struct resolved_position item = decide_by(&from, -1, &facts);

	assert_true(item.blocked);
	assert_false(item.commit);
	assert_int_equal(item.position, LOG_START);
	assert_non_null(strstr(item.err.message, "offset is gone"));

	from.on_gap = GAP_EARLIEST;
	item = decide_by(&from, -1, &facts);
	assert_int_equal(item.position, LOG_START);
	assert_int_equal(item.gap_from, LOG_START);
	assert_true(item.commit);
	/* Where reading is under way it goes on, and its next commit is one again. */
	item = decide_by(&from, 250, &facts);
	assert_int_equal(item.position, 250);
	assert_int_equal(item.gap_from, -1);
}

static void test_where_an_id_is_known_and_none_is_told_nothing_is_decided(void **state)
{
	const struct config_from from = { .on_gap = GAP_BLOCK };
	struct position_facts facts = { .committed = 250, .topic_has_commits = true, .topic_id = "", .id_untold = true,
		.read_id = "AAAAAAAAAAAAAAAAAAAAAA", .log_start = LOG_START, .log_end = LOG_END };
	struct resolved_position item = { .topic = (char *)"orders", .partition = 3, .at = -1 };
	struct error err;

	error_clear(&err);
	assert_int_equal(positions_decide(&item, &from, &facts, &err), -EAGAIN);
	assert_int_equal(err.remedy, REMEDY_RETRY);
	item.at = 250;
	assert_int_equal(positions_decide(&item, &from, &facts, &err), -EAGAIN);
	/* A cluster or a library without ids, and offsets of before there were any. */
	facts.id_untold = false;
	assert_int_equal(positions_decide(&item, &from, &facts, &err), 0);
	facts.id_untold = true;
	facts.read_id = "";
	assert_int_equal(positions_decide(&item, &from, &facts, &err), 0);
	assert_int_equal(item.position, 250);
}

static void test_a_commit_that_failed_for_one_partition_has_failed(void **state)
{
	rd_kafka_topic_partition_list_t *answers = rd_kafka_topic_partition_list_new(2);

	rd_kafka_topic_partition_list_add(answers, "orders", 0);
	rd_kafka_topic_partition_list_add(answers, "orders", 1);
	assert_int_equal(positions_commit_error(RD_KAFKA_RESP_ERR_NO_ERROR, NULL), 0);
	assert_int_equal(positions_commit_error(RD_KAFKA_RESP_ERR_NO_ERROR, answers), 0);
	answers->elems[1].err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	assert_int_equal(positions_commit_error(RD_KAFKA_RESP_ERR_NO_ERROR, answers),
	    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	assert_int_equal(positions_commit_error(RD_KAFKA_RESP_ERR_NOT_COORDINATOR, answers),
	    RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	rd_kafka_topic_partition_list_destroy(answers);
}

/* ---- on librdkafka's mock cluster ---- */

enum { COMMITTED = 1, SLOW_MS = 150, METADATA_REQUEST = 3 };

/* Of the topic "orders", which the first answers do not know. */
struct fixture {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *consumer;
	atomic_int unknown_answers; /* so many, then it is known */
	struct worker *worker;
	int wake_fd;
};

static rd_kafka_resp_err_t on_response(rd_kafka_t *client, int socket_fd, const char *name, int32_t broker,
    int16_t request, int16_t version, int32_t id, size_t size, int64_t rtt_us, rd_kafka_resp_err_t code, void *context)
{
	struct fixture *fixture = context;

	if (request == METADATA_REQUEST && atomic_load(&fixture->unknown_answers) > 0 &&
	    atomic_fetch_sub(&fixture->unknown_answers, 1) == 1)
		rd_kafka_mock_topic_set_error(fixture->cluster, "orders", RD_KAFKA_RESP_ERR_NO_ERROR);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(
    rd_kafka_t *client, const rd_kafka_conf_t *conf, void *context, char *words, size_t size)
{
	return rd_kafka_interceptor_add_on_response_received(client, "answers", on_response, context);
}

static rd_kafka_t *new_client(struct fixture *fixture, rd_kafka_type_t type)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[256];
	rd_kafka_t *client;

	rd_kafka_conf_set(conf, "log_level", "0", words, sizeof words);
	if (fixture->cluster)
		rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster), words,
		    sizeof words);
	if (type == RD_KAFKA_CONSUMER) {
		rd_kafka_conf_set(conf, "group.id", "group", words, sizeof words);
		rd_kafka_conf_set(conf, "enable.auto.commit", "false", words, sizeof words);
		rd_kafka_conf_interceptor_add_on_new(conf, "answers", on_new, fixture);
	}
	client = rd_kafka_new(type, conf, words, sizeof words);
	assert_non_null(client);
	return client;
}

static void produce(struct fixture *fixture, int records)
{
	rd_kafka_t *producer = new_client(fixture, RD_KAFKA_PRODUCER);

	for (int i = 0; i < records; i++)
		assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("orders"), RD_KAFKA_V_PARTITION(0),
				     RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_END), 0);
	assert_int_equal(rd_kafka_flush(producer, 10000), 0);
	rd_kafka_destroy(producer);
}

/* The group has committed on the one partition of the topic, whose log ends later. */
static void begin(struct fixture *fixture)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_t *before;

	*fixture = (struct fixture){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	fixture->worker = worker_new(fixture->wake_fd);
	fixture->host = new_client(fixture, RD_KAFKA_PRODUCER);
	fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, 1);
	assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "orders", 1, 1), 0);
	produce(fixture, 2 * COMMITTED);
	before = new_client(fixture, RD_KAFKA_CONSUMER);
	rd_kafka_topic_partition_list_add(list, "orders", 0)->offset = COMMITTED;
	assert_int_equal(rd_kafka_commit(before, list, 0), 0);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(before);
	/* One that has asked for nothing of the topic, nor for the group's coordinator, but is connected. */
	fixture->consumer = new_client(fixture, RD_KAFKA_CONSUMER);
	rd_kafka_mock_broker_set_rtt(fixture->cluster, 1, SLOW_MS);
	free(rd_kafka_clusterid(fixture->consumer, 10000));
}

static void end(struct fixture *fixture)
{
	rd_kafka_destroy(fixture->consumer);
	rd_kafka_mock_cluster_destroy(fixture->cluster);
	rd_kafka_destroy(fixture->host);
	worker_free(fixture->worker);
	close(fixture->wake_fd);
}

/* The broker is told that it does not know the topic, and knows it again after so many answers. */
static void forget_topic(struct fixture *fixture, int answers)
{
	rd_kafka_mock_topic_set_error(fixture->cluster, "orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	atomic_store(&fixture->unknown_answers, answers);
}

/* As often as it says that this may help, for a while. */
static void resolve(struct fixture *fixture, struct positions *positions, int32_t partition)
{
	struct config_pipeline pipeline = { .name = (char *)"relay",
		.from = { .group = (char *)"group", .start = START_LATEST, .on_gap = GAP_BLOCK } };
	int64_t until_us = clock_monotonic_us() + 10 * USEC_PER_SEC;

	*positions = (struct positions){ .items = xcalloc(1, sizeof *positions->items), .count = 1,
		.memory = topic_memory_new() };
	positions->items[0] =
	    (struct resolved_position){ .topic = xstrdup("orders"), .partition = partition, .at = -1 };
	do {
		positions_resolve(positions, fixture->consumer, &pipeline, fixture->worker);
	} while (positions->err.code == -EAGAIN && atomic_load(&fixture->unknown_answers) >= 0 &&
		 clock_monotonic_us() < until_us && partition == 0);
	topic_memory_free(positions->memory);
}

static void test_a_broker_that_does_not_know_the_topic_yet_says_nothing_of_what_is_committed(void **state)
{
	struct fixture fixture;
	struct positions positions;

	begin(&fixture);
	forget_topic(&fixture, 1);
	resolve(&fixture, &positions, 0);
	assert_int_equal(positions.err.code, 0);
	assert_int_equal(positions.items[0].position, COMMITTED);
	assert_false(positions.items[0].commit);
	positions_clear(&positions);
	end(&fixture);
}

static void test_an_answer_without_a_partition_that_was_assigned_is_none(void **state)
{
	struct fixture fixture;
	struct positions positions;

	begin(&fixture);
	resolve(&fixture, &positions, 7);
	assert_int_equal(positions.err.code, -EAGAIN);
	assert_int_equal(positions.err.remedy, REMEDY_RETRY);
	assert_non_null(strstr(positions.err.message, "orders"));
	positions_clear(&positions);
	end(&fixture);
}

/* Resolves the one partition; crossing: a person has decided so. */
static struct resolved_position *resolve_cut(
    struct fixture *fixture, struct positions *positions, const struct resolved_position *asked)
{
	struct config_pipeline pipeline = { .name = (char *)"relay",
		.from = { .group = (char *)"group", .start = START_LATEST, .on_gap = GAP_BLOCK } };

	positions_clear(positions);
	positions->items = xcalloc(1, sizeof *positions->items);
	positions->count = 1;
	positions->items[0] = *asked;
	positions->items[0].topic = xstrdup("orders");
	positions_resolve(positions, fixture->consumer, &pipeline, fixture->worker);
	assert_int_equal(positions->err.code, 0);
	if (asked->cross_gap)
		positions_commit(positions, fixture->consumer, &pipeline, fixture->worker);
	assert_int_equal(positions->err.code, 0);
	return &positions->items[0];
}

static void commit(struct fixture *fixture, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, "orders", 0)->offset = offset;
	assert_int_equal(rd_kafka_commit(fixture->consumer, list, 0), 0);
	rd_kafka_topic_partition_list_destroy(list);
}

static void assert_stops_at_the_cut(const struct resolved_position *item)
{
	assert_true(item->blocked);
	assert_non_null(strstr(item->err.message, "ended at 3, before offset 6, and has grown to 8"));
	assert_non_null(strstr(item->err.message, "go on at 3 "));
}

/* The group had committed less than what was cut off; all that was read is committed while the partition is blocked. */
static void test_a_cut_is_not_forgotten_when_what_was_in_flight_is_committed(void **state)
{
	const struct resolved_position told = { .at = 6, .leader_epoch = -1, .cut = true, .cut_at = 3, .cut_read_to = 6 };
	const struct resolved_position retry = { .at = -1 };
	const struct resolved_position skip = { .at = -1, .cross_gap = true };
	struct positions positions = { .memory = topic_memory_new() };
	struct resolved_position *item;
	struct fixture fixture;

	begin(&fixture);
	produce(&fixture, 8 - 2 * COMMITTED);
	assert_stops_at_the_cut(resolve_cut(&fixture, &positions, &told));
	commit(&fixture, 6);
	assert_stops_at_the_cut(resolve_cut(&fixture, &positions, &retry));
	item = resolve_cut(&fixture, &positions, &skip);
	assert_false(item->blocked);
	assert_int_equal(item->position, 3);
	assert_int_equal(item->gap_from, 3);
	assert_true(item->commit);
	/* It is crossed: what is committed now is of the new log. */
	item = resolve_cut(&fixture, &positions, &retry);
	assert_false(item->blocked);
	assert_int_equal(item->position, 3);
	commit(&fixture, 6);
	assert_int_equal(resolve_cut(&fixture, &positions, &retry)->position, 6);
	positions_clear(&positions);
	topic_memory_free(positions.memory);
	end(&fixture);
}

/* It went away, and what was read of it was committed, before the position was found. */
static void test_a_cut_is_not_forgotten_when_a_rebalance_comes_before_it_is_looked_at(void **state)
{
	const struct resolved_position back = { .at = -1, .cut = true, .cut_at = 3, .cut_read_to = 6 };
	struct positions positions = { .memory = topic_memory_new() };
	struct resolved_position *item;
	struct fixture fixture;

	begin(&fixture);
	produce(&fixture, 8 - 2 * COMMITTED);
	/* Nothing of what was cut off was committed: it is read again. */
	item = resolve_cut(&fixture, &positions, &back);
	assert_false(item->blocked);
	assert_int_equal(item->position, COMMITTED);
	commit(&fixture, 6);
	assert_stops_at_the_cut(resolve_cut(&fixture, &positions, &back));
	/* Somebody else has gone on behind it. */
	commit(&fixture, 7);
	item = resolve_cut(&fixture, &positions, &back);
	assert_false(item->blocked);
	assert_int_equal(item->position, 7);
	positions_clear(&positions);
	topic_memory_free(positions.memory);
	end(&fixture);
}

/* What is written to it before it is looked at comes later than the group's first start. */
static void test_a_partition_that_a_topic_has_gained_as_it_was_created_anew_is_read_from_its_beginning(void **state)
{
	struct config_pipeline pipeline = { .name = (char *)"relay",
		.from = { .group = (char *)"group", .start = START_LATEST, .on_gap = GAP_EARLIEST } };
	struct positions positions = { .items = xcalloc(2, sizeof *positions.items), .count = 2, .memory = topic_memory_new() };
	struct fixture fixture;
	rd_kafka_t *producer;

	begin(&fixture);
	rd_kafka_mock_broker_set_rtt(fixture.cluster, 1, 0);
	assert_int_equal(rd_kafka_mock_topic_create(fixture.cluster, "wider", 2, 1), 0);
	producer = new_client(&fixture, RD_KAFKA_PRODUCER);
	assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("wider"), RD_KAFKA_V_PARTITION(1),
			     RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_END), 0);
	assert_int_equal(rd_kafka_flush(producer, 10000), 0);
	rd_kafka_destroy(producer);
	topic_memory_note_commit(positions.memory, "wider", 0);
	for (int i = 0; i < 2; i++)
		positions.items[i] = (struct resolved_position){ .topic = xstrdup("wider"), .partition = i, .at = -1 };
	positions_resolve(&positions, fixture.consumer, &pipeline, fixture.worker);
	assert_int_equal(positions.err.code, 0);
	assert_true(positions.items[0].gap_words[0]);
	assert_int_equal(positions.items[1].position, 0);
	assert_true(positions.items[1].commit);
	assert_false(positions.items[1].started);
	topic_memory_free(positions.memory);
	positions_clear(&positions);
	end(&fixture);
}

/* Else the questions for many topics would look like one call that does not return, and a stop would wait for them. */
static void test_a_sign_of_life_is_given_for_each_topic_that_is_asked_for(void **state)
{
	static const char *const names[] = { "first", "second", "third" };
	enum { TOPICS = sizeof names / sizeof names[0] };
	struct config_pipeline pipeline = { .name = (char *)"relay",
		.from = { .group = (char *)"group", .start = START_LATEST, .on_gap = GAP_BLOCK } };
	struct positions positions = { .items = xcalloc(TOPICS, sizeof *positions.items), .count = TOPICS,
		.memory = topic_memory_new(), .await_owner_until_us = INT64_MAX };
	struct fixture fixture;
	uint64_t signs;

	begin(&fixture);
	rd_kafka_mock_broker_set_rtt(fixture.cluster, 1, 0);
	for (int i = 0; i < TOPICS; i++) {
		assert_int_equal(rd_kafka_mock_topic_create(fixture.cluster, names[i], 2, 1), 0);
		/* The owner of partition 0, another member, is waited for. */
		positions.items[i] = (struct resolved_position){ .topic = xstrdup(names[i]), .partition = 1, .at = -1 };
	}
	signs = worker_look(fixture.worker).signs;
	positions_resolve(&positions, fixture.consumer, &pipeline, fixture.worker);
	assert_int_equal(positions.err.code, 0);
	assert_true(positions.awaits_owner);
	assert_true(worker_look(fixture.worker).signs >= signs + TOPICS);
	topic_memory_free(positions.memory);
	positions_clear(&positions);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_committed_offset_is_where_reading_goes_on),
		cmocka_unit_test(test_start_applies_only_where_the_group_has_committed_nothing_on_the_topic),
		cmocka_unit_test(test_a_topic_that_is_newer_than_the_groups_first_start_is_read_from_its_beginning),
		cmocka_unit_test(test_start_none_blocks),
		cmocka_unit_test(test_start_below_the_log_is_its_start),
		cmocka_unit_test(test_gap_of_retention_blocks_unless_told_otherwise),
		cmocka_unit_test(test_truncated_log_is_a_case_of_its_own),
		cmocka_unit_test(test_a_log_truncated_while_it_is_read_is_read_again_from_what_is_committed),
		cmocka_unit_test(test_a_log_that_has_grown_again_since_it_was_cut_goes_on_where_it_was_cut),
		cmocka_unit_test(test_who_blocks_at_a_cut_says_where_skipping_goes_on_with_all_in_flight_settled),
		cmocka_unit_test(test_who_skips_a_truncation_goes_on_at_the_new_end),
		cmocka_unit_test(test_a_cut_is_remembered_as_long_as_nothing_else_is_committed_than_what_was_read),
		cmocka_unit_test(test_gap_met_while_reading_is_not_committed_past_records_in_flight),
		cmocka_unit_test(test_another_topic_of_the_name_is_a_gap_although_the_offset_exists),
		cmocka_unit_test(test_ids_that_are_equal_or_unknown_tell_nothing),
		cmocka_unit_test(test_offsets_that_are_gone_are_a_gap_and_no_first_start),
		cmocka_unit_test(test_where_an_id_is_known_and_none_is_told_nothing_is_decided),
		cmocka_unit_test(test_a_commit_that_failed_for_one_partition_has_failed),
		cmocka_unit_test(test_a_broker_that_does_not_know_the_topic_yet_says_nothing_of_what_is_committed),
		cmocka_unit_test(test_an_answer_without_a_partition_that_was_assigned_is_none),
		cmocka_unit_test(test_a_cut_is_not_forgotten_when_what_was_in_flight_is_committed),
		cmocka_unit_test(
		    test_a_partition_that_a_topic_has_gained_as_it_was_created_anew_is_read_from_its_beginning),
		cmocka_unit_test(test_a_cut_is_not_forgotten_when_a_rebalance_comes_before_it_is_looked_at),
		cmocka_unit_test(test_a_sign_of_life_is_given_for_each_topic_that_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
