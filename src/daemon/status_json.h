/* status_json.h: the pipelines' snapshots as JSON. Pure.
 *
 * The members are those of struct pipeline_snapshot, partition_snapshot and engine_counters, by name; states
 * and the guarantee by their names; -1 where a number is unknown; null where there is no text. A latency is
 * {"p50_us", "p99_us", "count"}. Members may be added, none is renamed. */
#pragma once
#include <stddef.h>
#include "daemon/identity.h"
#include "relay/pipeline.h"

/* {"version": ..., "librdkafka": ..., "instance": ..., "pipelines": [...]}. The caller frees; *length is
 * without the terminator. NULL when there is no memory. */
char *status_json_all(
    const struct identity *identity, const struct pipeline_snapshot *snapshots, size_t count, size_t *length);

/* One pipeline's object. The same terms. */
char *status_json_one(const struct pipeline_snapshot *snapshot, size_t *length);
