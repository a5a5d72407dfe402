/* Jobs run in order in another thread; their completions run in the owner's, all of them, also when it ends.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/worker.h"

#define JOBS     100
#define BOUND_MS 10000

struct job {
	int *order; /* counts completions */
	int done_as;
	pthread_t ran_in;
	bool ran;
	bool cancelled;
	atomic_bool started;
	pthread_t done_in;
};

static void run(struct worker *worker, void *argument)
{
	struct job *job = argument;

	job->ran = true;
	job->ran_in = pthread_self();
	atomic_store(&job->started, true);
}

static void run_until_cancelled(struct worker *worker, void *argument)
{
	run(worker, argument);
	while (!worker_cancelled(worker))
		worker_wait_us(worker, 60 * USEC_PER_SEC);
}

static void done(void *argument, bool cancelled)
{
	struct job *job = argument;

	job->done_as = (*job->order)++;
	job->cancelled = cancelled;
	job->done_in = pthread_self();
}

static void wait_for_notice(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	uint64_t count;

	assert_int_equal(poll(&waiting, 1, BOUND_MS), 1);
	assert_int_equal(read(fd, &count, sizeof count), sizeof count);
}

static void test_jobs_run_in_order_and_complete_in_the_owners_thread(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct worker *worker = worker_new(fd);
	static struct job jobs[JOBS];
	int order = 0;

	assert_non_null(worker);
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){ .order = &order };
		worker_submit(worker, "testing", run, done, &jobs[i]);
	}
	while (order < JOBS) {
		wait_for_notice(fd);
		worker_serve(worker);
	}
	for (int i = 0; i < JOBS; i++) {
		assert_true(jobs[i].ran);
		assert_false(jobs[i].cancelled);
		assert_int_equal(jobs[i].done_as, i);
		assert_false(pthread_equal(jobs[i].ran_in, pthread_self()));
		assert_true(pthread_equal(jobs[i].done_in, pthread_self()));
	}
	worker_free(worker);
	close(fd);
}

static void test_freeing_ends_the_running_job_and_drops_the_waiting_ones(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct worker *worker = worker_new(fd);
	static struct job jobs[3];
	int64_t start_us = clock_monotonic_us();
	int order = 0;

	for (int i = 0; i < 3; i++)
		jobs[i] = (struct job){ .order = &order };
	worker_submit(worker, "testing", run, done, &jobs[0]);
	worker_submit(worker, "testing", run_until_cancelled, done, &jobs[1]);
	worker_submit(worker, "testing", run, done, &jobs[2]);
	while (!atomic_load(&jobs[1].started) && clock_monotonic_us() - start_us < BOUND_MS * USEC_PER_MSEC)
		usleep(100);
	assert_true(atomic_load(&jobs[1].started));
	worker_free(worker);
	assert_true(clock_monotonic_us() - start_us < 30 * USEC_PER_SEC); /* the wait of a minute was cut */
	assert_int_equal(order, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(jobs[i].cancelled); /* nobody served them, so they may only clean up */
		assert_int_equal(jobs[i].done_as, i);
	}
	assert_true(jobs[0].ran);
	assert_true(jobs[1].ran);
	assert_false(jobs[2].ran);
	close(fd);
}

struct chain {
	struct worker *worker;
	int left;
};

static void run_nothing(struct worker *worker, void *argument)
{
}

static void submit_next(void *argument, bool cancelled)
{
	struct chain *chain = argument;

	if (--chain->left > 0)
		worker_submit(chain->worker, "testing", run_nothing, submit_next, chain);
}

static void test_a_completion_may_submit(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct chain chain = { .worker = worker_new(fd), .left = 5 };

	worker_submit(chain.worker, "testing", run_nothing, submit_next, &chain);
	while (chain.left > 0) {
		wait_for_notice(fd);
		worker_serve(chain.worker);
	}
	worker_free(chain.worker);
	close(fd);
}

static void run_short_wait(struct worker *worker, void *argument)
{
	int64_t start_us = clock_monotonic_us();

	worker_wait_us(worker, 20000);
	*(int64_t *)argument = clock_monotonic_us() - start_us;
}

static void done_nothing(void *argument, bool cancelled)
{
}

static void test_a_wait_lasts_as_long_as_asked(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct worker *worker = worker_new(fd);
	int64_t waited_us = 0;
	int64_t other_us = 0;

	worker_submit(worker, "testing", run_short_wait, done_nothing, &waited_us);
	worker_submit(
	    worker, "testing", run_short_wait, done_nothing, &other_us); /* its arrival must not end the wait */
	wait_for_notice(fd);
	worker_serve(worker);
	assert_true(waited_us >= 20000);
	worker_free(worker);
	close(fd);
}

/* A job in a call: until the owner lets it go on, and then until it is cancelled. */
struct call {
	atomic_bool in_it, returns;
};

static void run_call(struct worker *worker, void *argument)
{
	struct call *call = argument;

	worker_doing(worker, "calling");
	atomic_store(&call->in_it, true);
	while (!atomic_load(&call->returns))
		usleep(100);
	while (!worker_cancelled(worker))
		worker_wait_us(worker, USEC_PER_MSEC);
}

static void await_true(atomic_bool *flag)
{
	int64_t end_us = clock_monotonic_us() + BOUND_MS * USEC_PER_MSEC;

	while (!atomic_load(flag) && clock_monotonic_us() < end_us)
		usleep(100);
	assert_true(atomic_load(flag));
}

static void test_a_call_that_does_not_return_gives_no_sign_of_life(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct worker *worker = worker_new(fd);
	int64_t end_us = clock_monotonic_us() + BOUND_MS * USEC_PER_MSEC;
	struct call call = { false, false };
	uint64_t signs;

	assert_null(worker_look(worker).doing);
	worker_submit(worker, "testing", run_call, done_nothing, &call);
	await_true(&call.in_it);
	assert_string_equal(worker_look(worker).doing, "calling");
	signs = worker_look(worker).signs;
	usleep(20000);
	assert_int_equal(worker_look(worker).signs, signs);
	atomic_store(&call.returns, true);
	while (worker_look(worker).signs < signs + 3 && clock_monotonic_us() < end_us)
		usleep(100);
	assert_true(worker_look(worker).signs >= signs + 3); /* it waits and looks, which is no call */
	worker_cancel(worker);
	wait_for_notice(fd);
	worker_serve(worker);
	assert_null(worker_look(worker).doing);
	worker_free(worker);
	close(fd);
}

static void test_freeing_nothing_is_allowed(void **state)
{
	worker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs_run_in_order_and_complete_in_the_owners_thread),
		cmocka_unit_test(test_freeing_ends_the_running_job_and_drops_the_waiting_ones),
		cmocka_unit_test(test_a_completion_may_submit),
		cmocka_unit_test(test_a_wait_lasts_as_long_as_asked),
		cmocka_unit_test(test_a_call_that_does_not_return_gives_no_sign_of_life),
		cmocka_unit_test(test_freeing_nothing_is_allowed),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
