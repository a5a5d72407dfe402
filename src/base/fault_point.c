/* Compiled into tests/integration/aloqd-faults alone. */
#include "base/fault_point.h"
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static const char variable[] = "ALOQD_FAULT_POINT";
static const char passed_variable[] = "ALOQD_FAULT_POINTS_PASSED";

/* Set before main, then only read. */
static const char *passed_path; /* NULL: nobody asks */
static char wanted_name[64];
static enum { DIES, DIES_LATER, IS_FROZEN, HANGS } wanted;
static struct timespec delay;
static atomic_long passings_left; /* 0: none is asked for */

/* A wrong wish would be a test that proves nothing. */
__attribute__((noreturn)) static void refuse(const char *wish)
{
	fprintf(stderr,
	    "%s=%s: want NAME:NTH, NAME:NTH:WAIT_MS, NAME:NTH:+RUN_US, NAME:NTH:stop or NAME:NTH:hang\n", variable,
	    wish);
	_Exit(EX_USAGE);
}

__attribute__((constructor)) static void read_wish(void)
{
	const char *wish = getenv(variable);
	char *end;
	long nth;
	long wait_us = 0;
	int length = 0;

	passed_path = getenv(passed_variable);
	if (!wish)
		return;
	if (sscanf(wish, "%63[a-z-]:%n", wanted_name, &length) != 1 || length == 0)
		refuse(wish);
	nth = strtol(wish + length, &end, 10);
	if (!strcmp(end, ":stop")) {
		wanted = IS_FROZEN;
	} else if (!strcmp(end, ":hang")) {
		wanted = HANGS;
	} else if (!strncmp(end, ":+", 2)) {
		wanted = DIES_LATER;
		wait_us = strtol(end + 2, &end, 10);
	} else if (*end == ':') {
		wait_us = strtol(end + 1, &end, 10) * 1000;
	}
	if (nth < 1 || wait_us < 0 || (*end && wanted != IS_FROZEN && wanted != HANGS) || (wanted == DIES_LATER && wait_us == 0))
		refuse(wish);
	delay = (struct timespec){ .tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000 };
	atomic_store(&passings_left, nth);
}

/* A timer's signal can be the one that cannot be caught. */
static void die_later(void)
{
	struct sigevent end = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec when = { .it_value = delay };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &end, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
		abort();
}

/* More than there are; a name that finds no place is noted again and again. */
enum { NAMES_MAX = 64 };

/* Names are literals: one place has one address, and a name at two places is noted twice. */
static void note_passed(const char *name)
{
	static _Atomic(const char *) noted[NAMES_MAX];
	char line[80];
	int length;
	int fd;

	for (int i = 0; i < NAMES_MAX; i++) {
		const char *there = NULL;

		if (atomic_compare_exchange_strong(&noted[i], &there, name))
			break;
		if (there == name)
			return;
	}
	length = snprintf(line, sizeof line, "%s\n", name);
	fd = open(passed_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)length) != length)
		abort();
	close(fd);
}

void fault_point_pass(const char *name)
{
	if (passed_path)
		note_passed(name);
	if (strcmp(name, wanted_name) != 0 || atomic_fetch_sub(&passings_left, 1) != 1)
		return;
	fprintf(stderr, "fault point %s: %s here\n", name,
	    wanted == HANGS ? "a thread stays" : wanted == IS_FROZEN ? "the process is frozen" : "the process ends");
	switch (wanted) {
	case DIES:
		nanosleep(&delay, NULL);
		raise(SIGKILL);
		break;
	case DIES_LATER:
		die_later();
		break;
	case IS_FROZEN:
		raise(SIGSTOP);
		break;
	case HANGS:
		for (;;)
			pause();
	}
}

int64_t fault_point_bound_us(int64_t us)
{
	const char *hurry = getenv("ALOQD_FAULT_HURRY");

	return hurry ? us / strtol(hurry, NULL, 10) : us;
}
