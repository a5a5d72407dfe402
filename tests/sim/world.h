/* world.h: one scenario: its generator, its clock, its plan, and all that takes part. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "checker.h"
#include "cluster.h"
#include "group.h"
#include "instance.h"
#include "mutant.h"
#include "plan.h"
#include "random.h"

enum { TRACE_LINES = 120, TRACE_WIDTH = 160 };

struct world {
	uint64_t seed;
	struct random random;
	struct random later; /* for what was added later, see plan_draw() */
	struct plan plan;
	enum mutant mutant;
	int64_t now_us;
	uint64_t steps;	    /* of engines */
	uint64_t steps_now; /* since time last moved */
	bool ending;	    /* who ends now is not started again */
	struct cluster cluster;
	struct group group;
	struct instance instances[MAX_INSTANCES];
	struct checker checker;
	struct payload *old_payloads; /* of processes that have ended */

	bool failed;
	char rule[256]; /* the one that was broken */
	bool tracing;
	bool verbose; /* the trace goes to stdout at once */
	char (*lines)[TRACE_WIDTH];
	uint64_t line_count;
};

/* One line of what happens; kept only while tracing. */
void trace(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A rule is broken. The first one counts. */
void broken(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
