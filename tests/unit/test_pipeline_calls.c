/* What is taken for a call that does not return, and what for a cluster that does not answer: pipeline_calls.c, and the
 * question of pipeline_clients.c, on librdkafka's mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "mock_source.h"
#include "relay/pipeline_internal.h"

enum { OVERSTAYS_S = 20, HANGS_S = 300 };

static char topic_name[] = "orders";
static char *topic_names[] = { topic_name };

struct fixture {
	struct mock_source mock;
	struct pipeline pipeline; /* of exactly_once: both are one cluster */
	int64_t now_us;
	atomic_bool returns, sink_returns; /* the calls that the workers are in */
};

static void run_call(struct worker *worker, void *argument)
{
	while (!atomic_load((atomic_bool *)argument))
		usleep(1000);
}

static void done_nothing(void *argument, bool cancelled)
{
}

static void begin(struct fixture *fixture)
{
	struct pipeline *pipeline = &fixture->pipeline;
	const struct engine_config config = { .delivery = DELIVERY_EXACTLY_ONCE };
	static const struct source_ops source_ops;
	static const struct sink_ops sink_ops;
	static const struct engine_host_ops host_ops;

	*fixture = (struct fixture){ .now_us = clock_monotonic_us() };
	mock_source_begin(&fixture->mock, topic_names, 1);
	pipeline->settings = &fixture->mock.pipeline;
	pipeline->phase = PHASE_RUN;
	pipeline->wake_fd = fixture->mock.wake_fd;
	pipeline->source = fixture->mock.source;
	pipeline->engine = engine_new(&config, &source_ops, NULL, &sink_ops, NULL, &host_ops, NULL);
	pipeline->worker = fixture->mock.source->worker;
	pipeline->sink_worker = worker_new(pipeline->wake_fd);
	pipeline->source_watch.heard_us = pipeline->sink_watch.heard_us = fixture->now_us;
}

static void end(struct fixture *fixture)
{
	atomic_store(&fixture->returns, true);
	atomic_store(&fixture->sink_returns, true);
	worker_free(fixture->pipeline.sink_worker);
	mock_source_end(&fixture->mock);
	engine_free(fixture->pipeline.engine);
}

static void enter_call(struct worker *worker, atomic_bool *returns)
{
	int64_t until_us = clock_monotonic_us() + 10 * USEC_PER_SEC;

	worker_submit(worker, "testing", run_call, done_nothing, returns);
	while (!worker_look(worker).doing && clock_monotonic_us() < until_us)
		usleep(1000);
	assert_non_null(worker_look(worker).doing);
}

/* Looks every second, for so long. */
static void watch(struct fixture *fixture, int seconds)
{
	for (int i = 0; i < seconds; i++)
		pipeline_watch_calls(&fixture->pipeline, fixture->now_us += USEC_PER_SEC);
}

/* Asks the cluster, if it is time to, and takes the answer. */
static void probe(struct fixture *fixture)
{
	int64_t until_us = clock_monotonic_us() + 30 * USEC_PER_SEC;

	pipeline_probe(&fixture->pipeline, fixture->now_us += 10 * USEC_PER_SEC);
	while (fixture->pipeline.probing)
		mock_source_await_worker(&fixture->mock, until_us);
}

static void test_no_call_hangs_because_the_cluster_is_down(void **state)
{
	struct fixture fixture;
	struct pipeline *pipeline = &fixture.pipeline;

	begin(&fixture);
	pipeline->source_watch.down = pipeline->sink_watch.down = true;
	enter_call(pipeline->sink_worker, &fixture.sink_returns);
	watch(&fixture, 2 * HANGS_S);
	assert_null(pipeline->overstays_in);
	pipeline->source_watch.down = pipeline->sink_watch.down = false;
	watch(&fixture, OVERSTAYS_S + 1);
	assert_string_equal(pipeline->overstays_in, "testing");
	assert_null(pipeline->hangs_in);
	watch(&fixture, HANGS_S);
	assert_string_equal(pipeline->hangs_in, "testing");
	end(&fixture);
}

/* It is this worker that asks whether the cluster answers: while it hangs nobody would hear that it does again. */
static void test_who_hangs_while_the_cluster_is_down_is_told_although_nobody_asks_it_any_more(void **state)
{
	struct fixture fixture;
	struct pipeline *pipeline = &fixture.pipeline;

	begin(&fixture);
	pipeline->source_watch.down = pipeline->sink_watch.down = true;
	enter_call(pipeline->worker, &fixture.returns);
	enter_call(pipeline->sink_worker, &fixture.sink_returns);
	watch(&fixture, OVERSTAYS_S + 1);
	assert_true(pipeline->call.told);
	assert_false(pipeline->sink_call.told);
	watch(&fixture, HANGS_S);
	assert_true(pipeline->sink_call.told);
	assert_non_null(pipeline->hangs_in);
	end(&fixture);
}

static void test_what_hangs_is_to_be_drained_where_no_transaction_does(void **state)
{
	struct fixture fixture;
	struct pipeline *pipeline = &fixture.pipeline;

	begin(&fixture);
	enter_call(pipeline->worker, &fixture.returns);
	watch(&fixture, HANGS_S);
	assert_null(pipeline->hangs_in);
	assert_false(pipeline->hangs_undrained);
	watch(&fixture, 1);
	assert_non_null(pipeline->hangs_in);
	assert_true(pipeline->hangs_undrained);
	pipeline->phase = PHASE_CLOSE;
	watch(&fixture, 1);
	assert_non_null(pipeline->hangs_in);
	assert_false(pipeline->hangs_undrained);
	pipeline->phase = PHASE_RUN;
	enter_call(pipeline->sink_worker, &fixture.sink_returns);
	watch(&fixture, HANGS_S + 1);
	assert_non_null(pipeline->hangs_in);
	assert_false(pipeline->hangs_undrained);
	end(&fixture);
}

/* Else a pipeline that is to start anew would wait for ever, as its cluster was down when it began to drain. */
static void test_a_cluster_is_asked_also_in_a_drain_as_long_as_a_call_lasts(void **state)
{
	static const enum pipeline_phase phases[] = { PHASE_DRAIN, PHASE_CLOSE };

	for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
		struct fixture fixture;
		struct pipeline *pipeline = &fixture.pipeline;

		begin(&fixture);
		pipeline->phase = phases[i];
		pipeline->source_watch.down = pipeline->sink_watch.down = true;
		watch(&fixture, 1);
		probe(&fixture);
		/* Nothing waits for it, but a consumer that is not closed yet. */
		assert_int_equal(pipeline->source_watch.down, phases[i] == PHASE_DRAIN);
		pipeline->source_watch.down = pipeline->sink_watch.down = true;
		enter_call(pipeline->sink_worker, &fixture.sink_returns);
		watch(&fixture, 1);
		probe(&fixture);
		assert_false(pipeline->source_watch.down);
		assert_false(pipeline->sink_watch.down);
		end(&fixture);
	}
}

/* One that no broker answers is kept, to be asked whether one does: an offset commit that is on its way holds it up. */
static void test_a_cluster_is_asked_while_its_consumer_is_being_closed(void **state)
{
	struct fixture fixture;
	struct pipeline *pipeline = &fixture.pipeline;

	begin(&fixture);
	pipeline->phase = PHASE_CLOSE;
	assert_int_equal(pipeline->closing_heard_us, 0);
	pipeline->source_watch.down = true;
	probe(&fixture);
	assert_false(pipeline->source_watch.down);
	assert_true(pipeline->closing_heard_us > 0);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_call_hangs_because_the_cluster_is_down),
		cmocka_unit_test(test_who_hangs_while_the_cluster_is_down_is_told_although_nobody_asks_it_any_more),
		cmocka_unit_test(test_what_hangs_is_to_be_drained_where_no_transaction_does),
		cmocka_unit_test(test_a_cluster_is_asked_also_in_a_drain_as_long_as_a_call_lasts),
		cmocka_unit_test(test_a_cluster_is_asked_while_its_consumer_is_being_closed),
	};

	return cmocka_run_group_tests_name("pipeline_calls", tests, NULL, NULL);
}
