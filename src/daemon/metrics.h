/* metrics.h: the pipelines' snapshots as Prometheus text, format 0.0.4. Pure.
 *
 * Names and labels are an interface: rules and dashboards are built on them (aloqd(8) lists them). Counters
 * never fall while the process lives and their pipeline is configured, however often a reload starts it anew;
 * process_start_time_seconds tells its restarts. What is unknown (a lag
 * before the first look at the log's end) is left out, not shown as a number. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "daemon/identity.h"
#include "daemon/reload_status.h"
#include "relay/pipeline.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* So many partitions have series of their own in a page; with more, each pipeline has as many as fit, the first ones,
 * and aloqd_partitions_left_out tells how many have none. */
enum { METRICS_PARTITIONS_MAX = 2000 };

/* Writes the whole page. started_ms: when the process started, wall clock. */
void metrics_write(FILE *out, const struct identity *identity, int64_t started_ms,
    const struct reload_status *reload, const struct pipeline_snapshot *snapshots, size_t count);
