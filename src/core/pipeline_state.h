/* pipeline_state.h: the states of a pipeline and the moves between them. Pure. */
#pragma once
#include <stdbool.h>

enum pipeline_state {
	PIPELINE_STARTING,    /* checks the clusters, joins the group */
	PIPELINE_RUNNING,
	PIPELINE_PAUSED,      /* by command: reads nothing, and all that was read is settled and committed */
	PIPELINE_BLOCKED,     /* at least one partition needs a person; the rest runs */
	PIPELINE_BACKING_OFF, /* a transient fault; tries again by itself */
	PIPELINE_DRAINING,    /* stops reading, settles what is in flight, commits */
	PIPELINE_STOPPED,     /* by command, or not enabled: nothing of it runs until it is told to start */
	PIPELINE_FAILED,      /* nothing runs until a person acts */
	PIPELINE_STATE_COUNT,
};

/* As status and metrics show it: "backing_off". */
const char *pipeline_state_name(enum pipeline_state state);

/* May a pipeline go from one state to the other? A state may always stay. */
bool pipeline_state_move_allowed(enum pipeline_state from, enum pipeline_state to);

/* Does the pipeline do what it has been told to (readyz)? Paused or stopped by command counts, and not enabled. */
bool pipeline_state_is_ready(enum pipeline_state state);
