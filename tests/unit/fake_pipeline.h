/* fake_pipeline.h: relay/pipeline.h without threads: pipelines that do what the test says. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "core/pipeline_state.h"

enum { FAKE_PIPELINES = 3 };

/* When a pipeline ends that is told to stop. */
enum fake_stop {
	STOP_AS_TOLD,     /* when the test sets `ended` */
	STOP_AT_ONCE,     /* drained */
	STOP_AT_DEADLINE, /* not drained */
	STOP_NEVER,
};

/* What the test says, and what the owner has done. */
struct fake_script {
	bool cannot_start;
	bool ended;
	bool clean;
	bool turns; /* each snapshot shows another heartbeat */
	enum fake_stop stop;
	enum pipeline_state state;
	uint64_t heartbeats;
	int64_t unready_ms;

	const char *hangs_in; /* a call that does not return; NULL: none */
	bool drains;	      /* all the same, until its deadline */

	uint64_t memory_bytes;
	int64_t stop_deadline_us; /* 0: not told to stop, in this life */
	unsigned starts;
	bool paused;
	bool has_partition;	  /* "in" [3], as said here: */
	int64_t blocked_at;	  /* -1: it is not */
	int blocked_by;
	uint64_t carried_out;	  /* the order that is being carried out; 0 none */
	int64_t unblocked_at;
	int unblocked_how;
	uint64_t order;
	unsigned freed;
};

/* By the last digit of the pipeline's name, and so by place in fake_config, where the third is disabled. The
 * caller of pipeline.h cannot carry them. */
extern struct fake_script fake_scripts[FAKE_PIPELINES];
extern struct config fake_config;

/* All run, and none ends by itself. A cmocka set-up. */
int fake_reset(void **state);
