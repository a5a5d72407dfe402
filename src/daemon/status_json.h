/* status_json.h: the pipelines' snapshots as JSON. Pure.
 *
 * The members are those of struct pipeline_snapshot, partition_snapshot and engine_counters, by name; states,
 * the guarantee and what is waited for by their names, the last also in words; -1 where a number is unknown; null
 * where there is no text. A latency is {"p50_us", "p99_us", "count"}. "stuck" is a sentence of stuck.h, or null.
 * Those of a reload are of struct reload_status; "result" is "ok" or "refused", null before the first. Members may be added, none is renamed. */
#pragma once
#include <stddef.h>
#include "daemon/identity.h"
#include "daemon/reload_status.h"
#include "relay/pipeline.h"

/* How much of a reload is told. The summary and the findings hold paths, names of credentials and values from
 * the files: they are for those who may read these. Who may not is told the result, counts and times; the two
 * members are not there then. */
enum reload_detail { RELOAD_OUTCOME, RELOAD_WHOLE };

/* Thousands of partitions are no part of a list that is looked at every few seconds: there "partitions" is not there,
 * only their number, their sums and what they wait for. */
enum pipeline_detail { PIPELINE_SUMS, PIPELINE_WHOLE };

/* {"version": ..., "librdkafka": ..., "instance": ..., "reload": {...}, "pipelines": [...]}. The caller
 * frees; *length is without the terminator. NULL when there is no memory. */
char *status_json_all(const struct identity *identity, const struct reload_status *reload,
    enum reload_detail detail, enum pipeline_detail pipeline_detail, const struct pipeline_snapshot *snapshots,
    size_t count, size_t *length);

/* The last reload's object. The same terms. */
char *status_json_reload(const struct reload_status *reload, enum reload_detail detail, size_t *length);

/* As "state" of a partition: "reading". */
const char *status_json_part_state(enum part_state state);

/* One pipeline's object. The same terms. */
char *status_json_one(const struct pipeline_snapshot *snapshot, size_t *length);
