/* Compiled into tests/integration/aloqd-faults alone. */
#include "base/fault_point.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char variable[] = "ALOQD_FAULT_POINT";

/* Set before main, then only read. */
static char wanted_name[64];
static bool goes_on;
static struct timespec delay;
static atomic_long passings_left; /* 0: none is asked for */

/* A wrong wish would be a test that proves nothing. */
__attribute__((noreturn)) static void refuse(const char *wish)
{
	fprintf(stderr, "%s=%s: want NAME:NTH, NAME:NTH:WAIT_MS or NAME:NTH:+RUN_US\n", variable, wish);
	_Exit(EX_USAGE);
}

__attribute__((constructor)) static void read_wish(void)
{
	const char *wish = getenv(variable);
	char sign[2] = "", rest[2];
	long nth;
	long wait = 0;
	int fields;

	if (!wish)
		return;
	fields = sscanf(wish, "%63[a-z0-9-]:%ld:%1[+]%ld%1s", wanted_name, &nth, sign, &wait, rest);
	goes_on = fields == 4;
	if (!goes_on)
		fields = sscanf(wish, "%63[a-z0-9-]:%ld:%ld%1s", wanted_name, &nth, &wait, rest);
	if (fields < 2 || fields > (goes_on ? 4 : 3) || nth < 1 || wait < 0)
		refuse(wish);
	if (!goes_on)
		wait *= 1000;
	delay = (struct timespec){ .tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000 };
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

void fault_point_pass(const char *name)
{
	if (strcmp(name, wanted_name) != 0 || atomic_fetch_sub(&passings_left, 1) != 1)
		return;
	fprintf(stderr, "fault point %s: the process ends here\n", name);
	if (goes_on && (delay.tv_sec > 0 || delay.tv_nsec > 0)) {
		die_later();
		return;
	}
	nanosleep(&delay, NULL);
	raise(SIGKILL);
}
