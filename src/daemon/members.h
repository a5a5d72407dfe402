/* members.h: a pipeline as a whole, from the snapshots of its members.
 *
 * Counts are sums. The state is that of the member that needs the most attention, with its reason: one that has
 * failed shows, although the others relay its partitions. */
#pragma once
#include <stddef.h>
#include "relay/pipeline.h"

/* Fills `whole` from its members (at least one), to which it refers: they must stay as they are until
 * members_clear(). */
void members_sum(struct pipeline_snapshot *whole, const struct pipeline_snapshot *members, size_t count);

/* Adds what only ever grows: counters and histograms. */
void members_add_counts(struct pipeline_snapshot *sum, const struct pipeline_snapshot *more);

/* Frees what members_sum() has made. One of zeros is fine. */
void members_clear(struct pipeline_snapshot *whole);
