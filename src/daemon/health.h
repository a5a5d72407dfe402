/* health.h: what the health pages and the status line say. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "relay/pipeline.h"

/* A pipeline that was running, and starts, backs off or drains since, is ready for this long: brokers restart, and
 * coordinators move. */
#define READY_AWAY_MS 10000
/* A partition that has stood still for longer, though there is something to do, makes its pipeline not ready: more than
 * an unclean restart of a broker takes, and far more than its records take. */
#define READY_STILL_MS 60000

/* Does the pipeline do its work? */
bool health_is_ready(const struct pipeline_snapshot *snapshot);

/* Does every pipeline do its work? Writes "ready", or a line for each that does not, with its state and its reason: one
 * that is blocked or failed, one that is not running or paused (for READY_AWAY_MS, or since its start), and one that
 * has a partition that stands still (READY_STILL_MS). */
bool health_write_readiness(FILE *out, const struct pipeline_snapshot *snapshots, size_t count);

/* "3 pipelines: 2 running, 1 backing_off; 12034 records/s" or "no pipeline runs" (all are stopped), and then perhaps
 * "; the last reload was refused", cut to size. */
void health_status_line(char *line, size_t size, const struct pipeline_snapshot *snapshots, size_t count,
    uint64_t records_per_s, bool reload_refused);
