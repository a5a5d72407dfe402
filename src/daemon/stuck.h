/* stuck.h: which partition stands still though it should not, and why, in a sentence. Pure. */
#pragma once
#include <stdint.h>
#include "relay/pipeline.h"

/* The partition of the pipeline that has stood still the longest, and for longer than so, though there is something to
 * do: NULL, there is none. What waits for a person, for the limit of the rate or for nothing is not meant: those may
 * last, and have states and numbers of their own. */
const struct partition_snapshot *stuck_partition(const struct pipeline_snapshot *snapshot, int64_t longer_than_ms);

/* "orders [3] stands still at offset 1234 for 1m33s: it waits for the delivery report from the target". The caller
 * frees. */
char *stuck_sentence(const struct partition_snapshot *partition);

/* "the delivery report from the target, where broker 3 leads the partition": what the partition waits for, with
 * all that is known. The caller frees. */
char *stuck_words(const struct partition_snapshot *partition);

/* From here on status tells it. */
#define STUCK_TOLD_MS 10000
