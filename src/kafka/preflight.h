/* preflight.h: what must be true of the clusters before the first record is read (semantics: Targets).
 *
 * Looks up the source topics, checks or creates their targets, and learns what the clients are sized by.
 * Blocks: for a worker's job. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"

struct preflight_result {
	uint32_t source_partitions;   /* of all source topics together */
	uint32_t target_max_bytes;    /* the smallest max.message.bytes among the targets; 0 unknown */
	uint32_t dead_letter_partitions; /* 0: there is no topic for dead letters */
	uint32_t dead_letter_max_bytes; /* its max.message.bytes; 0 unknown */
	uint32_t source_max_bytes;    /* the greatest among the sources; 0 unknown */
	struct error err;	      /* code != 0: it cannot start; the remedy says whether trying again helps */
};

/* One try. -ECANCELED in err when the worker is being freed. */
void preflight_run(const struct config_pipeline *pipeline, struct worker *worker, struct preflight_result *result);
