#include "core/pipeline_state.h"
#include <stddef.h>

#define TO(state) (1U << PIPELINE_##state)

/* A pipeline leaves through DRAINING wherever it may hold records; only where it holds none may it go
 * straight to STOPPED. FAILED is left by a person's act alone. */
static const struct {
	const char *name;
	unsigned next;
} states[PIPELINE_STATE_COUNT] = {
	[PIPELINE_STARTING] = { "starting", TO(RUNNING) | TO(PAUSED) | TO(BLOCKED) | TO(BACKING_OFF) |
						TO(DRAINING) | TO(STOPPED) | TO(FAILED) },
	[PIPELINE_RUNNING] = { "running",
	    TO(PAUSED) | TO(BLOCKED) | TO(BACKING_OFF) | TO(DRAINING) | TO(FAILED) },
	[PIPELINE_PAUSED] = { "paused", TO(STARTING) | TO(RUNNING) | TO(BLOCKED) | TO(BACKING_OFF) |
					    TO(DRAINING) | TO(STOPPED) | TO(FAILED) },
	[PIPELINE_BLOCKED] = { "blocked",
	    TO(RUNNING) | TO(PAUSED) | TO(BACKING_OFF) | TO(DRAINING) | TO(FAILED) },
	[PIPELINE_BACKING_OFF] = { "backing_off",
	    TO(STARTING) | TO(RUNNING) | TO(PAUSED) | TO(BLOCKED) | TO(DRAINING) | TO(STOPPED) | TO(FAILED) },
	[PIPELINE_DRAINING] = { "draining", TO(STARTING) | TO(BACKING_OFF) | TO(STOPPED) | TO(FAILED) },
	[PIPELINE_STOPPED] = { "stopped", TO(STARTING) },
	[PIPELINE_FAILED] = { "failed", TO(STARTING) | TO(DRAINING) | TO(STOPPED) },
};

const char *pipeline_state_name(enum pipeline_state state)
{
	return states[state].name;
}

bool pipeline_state_move_allowed(enum pipeline_state from, enum pipeline_state to)
{
	return from == to || (states[from].next & 1U << to) != 0;
}

bool pipeline_state_is_ready(enum pipeline_state state)
{
	return state == PIPELINE_RUNNING || state == PIPELINE_PAUSED || state == PIPELINE_STOPPED;
}
