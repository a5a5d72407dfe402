/* reload_status.h: how the reloads of the configuration have gone: shown by the pages. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"

struct reload_status {
	uint64_t ok, refused;
	int64_t config_ms; /* when the configuration that holds was read; wall clock */
	/* of the last one: */
	int64_t at_ms; /* when it was asked for, wall clock; 0: there was none yet */
	bool was_refused;
	bool finished; /* what it has changed runs, or is not waited for any longer */
	size_t late;   /* once finished: pipelines that still drained then */
	char *summary; /* a sentence; NULL: there was none yet */
	struct config_findings findings;
};
