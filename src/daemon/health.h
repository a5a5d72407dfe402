/* health.h: what the health pages and the status line say. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "relay/pipeline.h"

/* Does every pipeline do its work? Writes "ready", or a line for each that does not, with its state and its
 * reason. */
bool health_write_readiness(FILE *out, const struct pipeline_snapshot *snapshots, size_t count);

/* "3 pipelines: 2 running, 1 backing_off; 12034 records/s" or "no pipeline is enabled", and then perhaps
 * "; the last reload was refused", cut to size. */
void health_status_line(char *line, size_t size, const struct pipeline_snapshot *snapshots, size_t count,
    uint64_t records_per_s, bool reload_refused);
