/* positions.h: where to begin to read: committed offset, log start and log end of each partition, and what
 * from.start and from.on_gap make of them (semantics: Start, Gap). Blocks: for a worker's job. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"

struct resolved_position {
	char *topic;
	int32_t partition;
	int64_t at;	   /* in: continue here, whatever is committed; -1: from the group's committed offset */
	int64_t position;  /* out: read from here */
	bool foreign;	   /* out: another member's, committed along with ours on the group's first start */
	bool blocked;	   /* out: do not read; err says why */
	bool commit;	   /* out: not what the group has committed */
	int64_t gap_from;  /* out: [gap_from, gap_to) is crossed on purpose; -1 none */
	int64_t gap_to;
	char gap_words[160];
	struct error err;
};

struct positions {
	struct resolved_position *items;
	size_t count;
	struct error err; /* code != 0: nothing could be resolved */
};

/* From what is known of a partition to where to read. Pure; used by positions_resolve() and its test.
 * committed: -1 none; topic_has_commits: the group has committed something on this topic; start_offset: what
 * from.start means here (-1 with START_NONE). */
void positions_decide(struct resolved_position *item, const struct config_from *from, int64_t committed,
    bool topic_has_commits, int64_t log_start, int64_t log_end, int64_t start_offset);

/* Resolves all items, and commits those positions that the group has not committed yet, so that a crash
 * cannot move them. Where the group has committed nothing on a topic at all and from.start is not the
 * beginning, the owner of its partition 0 commits the positions of the topic's other partitions too (as foreign
 * items at the end): else a member that comes later would take them for newer than the first start. One
 * attempt, each request of 5 s at most; err.code -ECANCELED when the worker is cancelled. May be called again
 * with the same positions. */
void positions_resolve(struct positions *positions, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    struct worker *worker);

void positions_clear(struct positions *positions);
