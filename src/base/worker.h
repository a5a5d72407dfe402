/* worker.h: a thread that does what would block its owner.
 *
 * The owner's event loop gives it jobs; they run one after another in the worker's thread; each one's
 * completion runs in the owner's thread, from worker_serve(), after notify_fd (an eventfd) has become
 * readable. A job must look at worker_cancelled() between slices of a few seconds at most: each look is a sign of
 * life, by which the owner sees that a call in it does not return (worker_look). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct worker;

/* notify_fd stays the owner's; a finished job adds 1 to it. NULL when no thread could be made. */
struct worker *worker_new(int notify_fd);

/* Asks a running job to end, waits for it, drops the jobs that wait (run is not called). The completions
 * that have not run yet then run from here, in the order of submission and all with cancelled = true, so
 * that they can free their arguments. Accepts NULL. Thread: the owner's, not from a completion. */
void worker_free(struct worker *worker);

/* Runs run(argument) in the worker's thread and then, from worker_serve(), done(argument, cancelled). doing: what the
 * job does, for people: "asking for the topics", a literal. */
void worker_submit(struct worker *worker, const char *doing, void (*run)(struct worker *worker, void *argument),
    void (*done)(void *argument, bool cancelled), void *argument);

/* Runs the completions of the jobs that have finished; they may submit further jobs. Does not read
 * notify_fd: reset it before, so that nothing is missed. Thread: the owner's. */
void worker_serve(struct worker *worker);

/* Asks the running job, and all that come, to end soon: worker_cancelled() is true from now on. They still run,
 * and complete as usual. Thread: the owner's. */
void worker_cancel(struct worker *worker);

/* Is the worker cancelled or being freed? A sign of life. Thread: the worker's. */
bool worker_cancelled(struct worker *worker);

/* What the running job does from here on, in place of what was said with it: a literal. A sign of life. Thread: the
 * worker's. */
void worker_doing(struct worker *worker, const char *doing);

struct worker_view {
	const char *doing; /* NULL: no job runs */
	uint64_t signs;	   /* of life, ever: as long as they stay the same, the job is in one call */
};

/* Where the worker is. Thread: any. */
struct worker_view worker_look(struct worker *worker);

/* Waits until delay_us have passed or the worker is cancelled. Thread: the worker's. */
void worker_wait_us(struct worker *worker, long delay_us);
