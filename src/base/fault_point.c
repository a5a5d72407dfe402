/* Compiled into tests/integration/aloqd-faults alone. */
#include "base/fault_point.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char variable[] = "ALOQD_FAULT_POINT";

/* Set before main, then only read. */
static char wanted_name[64];
static long wait_ms;
static atomic_long passings_left; /* 0: none is asked for */

/* A wrong wish would be a test that proves nothing. */
__attribute__((constructor)) static void read_wish(void)
{
	const char *wish = getenv(variable);
	char rest[2];
	long nth;
	int fields;

	if (!wish)
		return;
	fields = sscanf(wish, "%63[a-z0-9-]:%ld:%ld%1s", wanted_name, &nth, &wait_ms, rest);
	if (fields < 2 || fields > 3 || nth < 1 || wait_ms < 0) {
		fprintf(stderr, "%s=%s: want NAME:NTH or NAME:NTH:WAIT_MS\n", variable, wish);
		_Exit(EX_USAGE);
	}
	atomic_store(&passings_left, nth);
}

void fault_point_pass(const char *name)
{
	const struct timespec wait = { .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000 };

	if (strcmp(name, wanted_name) != 0 || atomic_fetch_sub(&passings_left, 1) != 1)
		return;
	fprintf(stderr, "fault point %s: the process ends here\n", name);
	nanosleep(&wait, NULL);
	raise(SIGKILL);
}
