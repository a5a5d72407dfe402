#include "base/worker.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"

struct job {
	void (*run)(struct worker *worker, void *argument);
	void (*done)(void *argument, bool cancelled);
	void *argument;
	const char *doing;
	struct job *next;
};

struct job_list {
	struct job *head;
	struct job **tail;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	bool stopping;  /* run no further job */
	bool cancelled; /* what runs ends soon */
	struct job_list waiting;
	struct job_list finished;
	struct worker_view view;
	int notify_fd; /* constant */
};

static void list_init(struct job_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void list_append(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->tail = job;
	list->tail = &job->next;
}

static struct job *list_take_first(struct job_list *list)
{
	struct job *job = list->head;

	if (!job)
		return NULL;
	list->head = job->next;
	if (!list->head)
		list->tail = &list->head;
	return job;
}

static void notify(int fd)
{
	const uint64_t one = 1;
	ssize_t written;

	do
		written = write(fd, &one, sizeof one);
	while (written < 0 && errno == EINTR);
	/* EAGAIN: the counter is full, so the owner has been woken long ago. */
}

/* Under the lock. */
static void give_sign(struct worker *worker, const char *doing)
{
	worker->view.doing = doing;
	worker->view.signs++;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;

	/* Else it bore the name of the thread that it works for. */
	(void)pthread_setname_np(pthread_self(), "worker");
	pthread_mutex_lock(&worker->lock);
	for (;;) {
		struct job *job;

		while (!worker->stopping && !worker->waiting.head)
			pthread_cond_wait(&worker->changed, &worker->lock);
		if (worker->stopping)
			break;
		job = list_take_first(&worker->waiting);
		give_sign(worker, job->doing);
		pthread_mutex_unlock(&worker->lock);
		job->run(worker, job->argument);
		pthread_mutex_lock(&worker->lock);
		give_sign(worker, NULL);
		list_append(&worker->finished, job);
		notify(worker->notify_fd);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* The process's signals belong to the main thread's loop. */
static int create_thread_without_signals(pthread_t *thread, void *(*start)(void *), void *argument)
{
	sigset_t all;
	sigset_t before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(thread, NULL, start, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

struct worker *worker_new(int notify_fd)
{
	struct worker *worker = xcalloc(1, sizeof *worker);
	pthread_condattr_t attributes;

	worker->notify_fd = notify_fd;
	list_init(&worker->waiting);
	list_init(&worker->finished);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (create_thread_without_signals(&worker->thread, worker_main, worker) != 0) {
		pthread_cond_destroy(&worker->changed);
		pthread_mutex_destroy(&worker->lock);
		free(worker);
		return NULL;
	}
	return worker;
}

void worker_free(struct worker *worker)
{
	struct job *job;

	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = worker->cancelled = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);

	/* No lock any more: the other thread is gone. */
	while ((job = list_take_first(&worker->finished)) || (job = list_take_first(&worker->waiting))) {
		job->done(job->argument, true);
		free(job);
	}
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

void worker_submit(struct worker *worker, const char *doing, void (*run)(struct worker *worker, void *argument),
    void (*done)(void *argument, bool cancelled), void *argument)
{
	struct job *job = xcalloc(1, sizeof *job);

	*job = (struct job){ .run = run, .done = done, .argument = argument, .doing = doing };
	pthread_mutex_lock(&worker->lock);
	list_append(&worker->waiting, job);
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

static struct job *take_finished(struct worker *worker)
{
	struct job *job;

	pthread_mutex_lock(&worker->lock);
	job = list_take_first(&worker->finished);
	pthread_mutex_unlock(&worker->lock);
	return job;
}

void worker_serve(struct worker *worker)
{
	struct job *job;

	while ((job = take_finished(worker))) {
		job->done(job->argument, false);
		free(job);
	}
}

void worker_cancel(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->cancelled = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

bool worker_cancelled(struct worker *worker)
{
	bool cancelled;

	pthread_mutex_lock(&worker->lock);
	cancelled = worker->cancelled;
	give_sign(worker, worker->view.doing);
	pthread_mutex_unlock(&worker->lock);
	return cancelled;
}

void worker_doing(struct worker *worker, const char *doing)
{
	pthread_mutex_lock(&worker->lock);
	give_sign(worker, doing);
	pthread_mutex_unlock(&worker->lock);
}

struct worker_view worker_look(struct worker *worker)
{
	struct worker_view view;

	pthread_mutex_lock(&worker->lock);
	view = worker->view;
	pthread_mutex_unlock(&worker->lock);
	return view;
}

void worker_wait_us(struct worker *worker, long delay_us)
{
	int64_t deadline_us = clock_after_us(clock_monotonic_us(), delay_us);
	struct timespec deadline = {
		.tv_sec = deadline_us / USEC_PER_SEC,
		.tv_nsec = deadline_us % USEC_PER_SEC * 1000,
	};

	pthread_mutex_lock(&worker->lock);
	while (!worker->cancelled) {
		if (pthread_cond_timedwait(&worker->changed, &worker->lock, &deadline) == ETIMEDOUT)
			break;
	}
	give_sign(worker, worker->view.doing);
	pthread_mutex_unlock(&worker->lock);
}
