/* What the group takes away, in time and too late, and while a position is being found out: source_assignment.c and
 * source_positions.c on librdkafka's mock cluster. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "kafka/topic_memory.h"
#include "mock_client.h"
#include "mock_source.h"

static char topic_name[] = "orders";
static char *topic_names[] = { topic_name };
enum { READ_TO = 10, NOT_COMMITTED = -1, TIMEOUT_MS = 5000 };

struct fixture {
	struct mock_source mock;
	struct source *source; /* of mock */
	struct topic_memory *memory;
	rd_kafka_t *onlooker;
	unsigned gaps;	   /* that were told */
	int64_t read_to;   /* what the engine commits when the partition is taken away */
	int64_t committed; /* as it knows */
	bool holds;	   /* it does not let go of what is taken away */
	unsigned revoked, lost, blocked, losses_told;
	struct error failure; /* code 0: none */
	bool released;
};

static void on_gap(void *host, const char *topic, int32_t partition, int64_t from, int64_t to, const char *words)
{
	((struct fixture *)host)->gaps++;
}

static void on_place_lost(void *host, const char *why)
{
	assert_non_null(why);
	((struct fixture *)host)->losses_told++;
}

static void on_narrow(void *host)
{
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

	fixture->revoked++;
	if (fixture->holds)
		return;
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

static void on_lost(void *owner, uint32_t part)
{
	((struct fixture *)owner)->lost++;
}

static void on_blocked(void *owner, uint32_t part, int64_t offset, const struct error *err)
{
	((struct fixture *)owner)->blocked++;
}

static void on_failed(void *owner, const struct error *err)
{
	((struct fixture *)owner)->failure = *err;
}

static const struct source_events events = { .assigned = on_assigned,
	.revoke_begin = on_revoke_begin,
	.commit_done = on_commit_done,
	.lost = on_lost,
	.blocked = on_blocked,
	.failed = on_failed };

/* A source that has read one empty partition up to READ_TO, and has not committed that. */
static void begin(struct fixture *fixture)
{
	struct config_pipeline *pipeline = &fixture->mock.pipeline;

	*fixture = (struct fixture){ .read_to = READ_TO, .committed = NOT_COMMITTED };
	mock_source_begin(&fixture->mock, topic_names, 1);
	fixture->mock.config_cluster.brokers = (char *)rd_kafka_mock_cluster_bootstraps(fixture->mock.cluster);
	pipeline->to.cluster = pipeline->from.cluster;
	pipeline->to.topic = (char *)"copies";
	pipeline->from.group = (char *)"group";
	pipeline->from.on_gap = GAP_LATEST;
	fixture->source = fixture->mock.source;
	fixture->memory = topic_memory_new();
	fixture->onlooker = mock_client_new(RD_KAFKA_CONSUMER, pipeline->from.cluster->brokers);
	source_set_events(fixture->source, &events, fixture);
	fixture->source->host = (struct source_host){ .gap = on_gap, .trouble = on_trouble, .lost = on_place_lost,
		.narrow = on_narrow, .host = fixture };
	fixture->source->memory = fixture->memory;
	fixture->source->topics[0]->target_partitions = 1;
	fixture->source->parts[0]->next_offset = READ_TO;
}

static void end(struct fixture *fixture)
{
	rd_kafka_destroy(fixture->onlooker);
	mock_source_end(&fixture->mock);
	topic_memory_free(fixture->memory);
}

static void serve(struct fixture *fixture, int64_t until_us)
{
	source_serve_commits(fixture->source);
	source_serve_positions(fixture->source);
	mock_source_await_worker(&fixture->mock, until_us);
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

static void rebalance(struct fixture *fixture, rd_kafka_resp_err_t code)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, topic_name, 0);
	source_rebalance(fixture->source, code, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static void take_away(struct fixture *fixture)
{
	rebalance(fixture, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
}

static void serve_until_given_up(struct fixture *fixture, int64_t until_us)
{
	while (!fixture->released || fixture->source->rebalance != REBALANCE_NONE)
		serve(fixture, until_us);
}

/* Else its next owner would begin behind the end of a log that was cut, or, where it has grown since, in its middle. */
static void test_no_older_offset_follows_one_behind_a_gap(void **state)
{
	int64_t until_us = clock_monotonic_us() + 30 * USEC_PER_SEC;
	struct fixture fixture;

	begin(&fixture);
	source_reposition(fixture.source, fixture.source->parts[0], READ_TO);
	while (fixture.gaps == 0)
		serve(&fixture, until_us);
	assert_int_equal(fixture.gaps, 1);
	/* It is committed, and nobody has heard so. */
	while (group_offset(&fixture) == NOT_COMMITTED && clock_monotonic_us() < until_us)
		poll(NULL, 0, 20);
	assert_int_equal(group_offset(&fixture), 0);
	take_away(&fixture);
	serve_until_given_up(&fixture, until_us);
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
	serve_until_given_up(&fixture, until_us);
	assert_int_equal(group_offset(&fixture), READ_TO);
	end(&fixture);
}

/* Its target has fewer partitions by now. */
static void test_no_older_offset_follows_where_it_is_blocked_behind_a_gap(void **state)
{
	int64_t until_us = clock_monotonic_us() + 30 * USEC_PER_SEC;
	struct fixture fixture;

	begin(&fixture);
	fixture.source->topics[0]->target_partitions = 0;
	source_reposition(fixture.source, fixture.source->parts[0], READ_TO);
	while (fixture.blocked == 0)
		serve(&fixture, until_us);
	assert_int_equal(fixture.gaps, 1);
	take_away(&fixture);
	serve_until_given_up(&fixture, until_us);
	assert_int_equal(group_offset(&fixture), 0);
	end(&fixture);
}

/* Nobody has looked for events for as long as the group waits for a heartbeat. */
static void stand_still(struct fixture *fixture)
{
	fixture->source->polled_us = clock_monotonic_us() - fixture->source->still_us;
}

/* Its next owner may have begun: nothing that was read is committed, or sent, any more. librdkafka does not call it lost. */
static void test_what_is_taken_away_while_it_stood_still_is_lost(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	stand_still(&fixture);
	take_away(&fixture);
	assert_false(rd_kafka_assignment_lost(fixture.source->consumer));
	assert_int_equal(fixture.lost, 1);
	assert_int_equal(fixture.revoked, 0);
	assert_int_equal(fixture.losses_told, 1);
	assert_int_equal(fixture.source->rebalance, REBALANCE_NONE);
	assert_int_equal(group_offset(&fixture), NOT_COMMITTED);
	end(&fixture);
}

/* It was a member, and librdkafka has dropped its id. */
static void be_expelled(struct fixture *fixture)
{
	fixture->source->member_id = xstrdup("aloqd-1");
}

static void test_what_is_taken_away_from_who_is_no_member_any_more_is_lost(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	be_expelled(&fixture);
	take_away(&fixture);
	assert_int_equal(fixture.lost, 1);
	assert_int_equal(fixture.revoked, 0);
	end(&fixture);
}

/* The engine does not let go of what is taken away, and this happens meanwhile. */
static void lose_while_held(void (*happens)(struct fixture *fixture), bool cooperative)
{
	int64_t polled_us;
	struct fixture fixture;

	begin(&fixture);
	fixture.holds = true;
	fixture.source->cooperative = cooperative;
	polled_us = fixture.source->polled_us;
	take_away(&fixture);
	assert_int_equal(fixture.source->answer_by_us, polled_us + fixture.source->answer_us);
	kafka_source_ops.serve(fixture.source);
	assert_true(fixture.source->polled_us > polled_us);
	assert_int_equal(fixture.revoked, 1);
	assert_int_equal(fixture.lost, 0);
	happens(&fixture);
	fixture.source->member_look_us = 0;
	kafka_source_ops.serve(fixture.source);
	assert_int_equal(fixture.lost, 1);
	assert_int_equal(fixture.losses_told, !cooperative);
	assert_int_equal(fixture.failure.remedy, cooperative ? REMEDY_RESTART : REMEDY_NONE);
	assert_int_equal(fixture.source->rebalance, REBALANCE_NONE);
	kafka_source_ops.serve(fixture.source);
	assert_int_equal(fixture.lost, 1);
	end(&fixture);
}

static void let_time_run_out(struct fixture *fixture)
{
	fixture->source->answer_by_us = clock_monotonic_us();
}

static void test_what_is_not_let_go_of_in_time_is_lost(void **state)
{
	lose_while_held(let_time_run_out, false);
	lose_while_held(let_time_run_out, true);
}

/* As the whole process is after SIGCONT, when librdkafka has not asked the group yet. */
static void test_what_is_held_by_who_stood_still_is_lost(void **state)
{
	lose_while_held(stand_still, false);
	lose_while_held(stand_still, true);
}

static void test_what_is_held_by_who_is_no_member_any_more_is_lost(void **state)
{
	lose_while_held(be_expelled, false);
	lose_while_held(be_expelled, true);
}

/* The engine may have had it before, cooperatively other partitions too; and who was expelled would read as if it were its
 * owner. */
static void test_what_is_heard_of_too_late_is_not_taken(void **state)
{
	for (int cooperative = 0; cooperative < 2; cooperative++) {
		struct fixture fixture;

		begin(&fixture);
		fixture.source->cooperative = cooperative;
		stand_still(&fixture);
		rebalance(&fixture, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
		assert_int_equal(fixture.failure.remedy, REMEDY_RESTART);
		assert_int_equal(fixture.lost, 1);
		assert_int_equal(fixture.source->rebalance, REBALANCE_NONE);
		end(&fixture);
	}
}

/* With its times as librdkafka has them, and a heartbeat's less. */
static void test_an_answer_is_due_before_the_group_goes_on(void **state)
{
	struct fixture fixture;

	begin(&fixture);
	assert_int_equal(fixture.source->answer_us, (300 - 3) * USEC_PER_SEC);
	assert_int_equal(fixture.source->still_us, (45 - 3) * USEC_PER_SEC);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_older_offset_follows_one_behind_a_gap),
		cmocka_unit_test(test_what_was_read_is_committed_where_there_is_no_gap),
		cmocka_unit_test(test_no_older_offset_follows_where_it_is_blocked_behind_a_gap),
		cmocka_unit_test(test_what_is_taken_away_while_it_stood_still_is_lost),
		cmocka_unit_test(test_what_is_taken_away_from_who_is_no_member_any_more_is_lost),
		cmocka_unit_test(test_what_is_not_let_go_of_in_time_is_lost),
		cmocka_unit_test(test_what_is_held_by_who_stood_still_is_lost),
		cmocka_unit_test(test_what_is_held_by_who_is_no_member_any_more_is_lost),
		cmocka_unit_test(test_what_is_heard_of_too_late_is_not_taken),
		cmocka_unit_test(test_an_answer_is_due_before_the_group_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
