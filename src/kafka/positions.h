/* positions.h: where to begin to read: committed offset, log start and log end of each partition, and what
 * from.start and from.on_gap make of them (semantics: Start, Gap). Blocks: for a worker's job. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"
#include "kafka/topic_id.h"
#include "kafka/topic_memory.h"

struct resolved_position {
	char *topic;
	int32_t partition;
	int64_t at;	   /* in: continue here, whatever is committed; -1: from the group's committed offset */
	char read_id[TOPIC_ID_SIZE];  /* in, with at: of the topic that it belongs to; "" unknown */
	char topic_id[TOPIC_ID_SIZE]; /* out: of the topic as it is now; "" unknown */
	int32_t leader_epoch; /* in with at, and out: of the record before the position; -1 unknown */
	bool cut;	   /* in: its reader was told that the log was cut before where it was */
	int64_t cut_read_to; /* in, then: up to where it had read. What is committed beyond is of somebody who knows the new log */
	int64_t cut_at;	   /* in, then: where the log ended; -1 unknown. out, of a log that was cut: the same, as far as known */
	bool cross_gap;	   /* in: a gap is crossed, whatever on_gap is: to the next record that was not read yet */
	bool later;	   /* in: the topic is newer than the group's first start */
	int64_t position;  /* out: read from here */
	bool foreign;	   /* out: another member's, committed along with ours on the group's first start */
	bool blocked;	   /* out: do not read; err says why */
	bool commit;	   /* out: not what the group has committed */
	bool started;	   /* out: from.start was asked, as the group has committed nothing on the topic */
	bool recreated;	   /* out: the topic is another one of the same name */
	int64_t gap_from;  /* out: [gap_from, gap_to) is crossed on purpose; -1 none */
	int64_t gap_to;
	char gap_words[256]; /* out: what is gone, crossed or not; "" no gap */
	bool told;	   /* the caller's: of [told_from, told_to) it has told, also when they are resolved again */
	int64_t told_from, told_to;
	struct error err;
};

struct positions {
	struct resolved_position *items;
	size_t count;
	struct topic_memory *memory; /* in: not ours; read and added to */
	const atomic_bool *outdated; /* in: once true they are not wanted any more, and nothing may be committed */
	int64_t await_owner_until_us; /* in: so long the owner of partition 0 may take to begin; 0: is not awaited */
	bool awaits_owner;	      /* out: nothing is wrong but that it has not begun */
	const char *committed_topic; /* out: one on which the group has committed; NULL: none of these */
	struct error err; /* code != 0: nothing could be resolved */
};

/* What is known of a partition. */
struct position_facts {
	int64_t committed;	/* by the group; -1 none */
	int32_t committed_epoch; /* the leader epoch that was committed with it; -1 none, or unknown */
	bool topic_has_commits; /* the group has committed something on this topic, or once had */
	bool had_commit;	/* it once had on this partition, as this process has seen */
	const char *read_id;	/* of the topic in which `at`, or the committed offset, was reached; "" unknown */
	const char *topic_id;	/* of the topic as it is now; "" unknown */
	bool id_untold;		/* it may have one, but nobody has told */
	bool cut;		/* the log was cut before where reading was, or before what is committed */
	int64_t cut_at;		/* then: where it ended; it may have grown since. -1 unknown */
	int64_t log_start, log_end;
	int64_t start_offset; /* what from.start means here (-1 with START_NONE) */
};

/* From what is known of a partition to where to read. Pure; used by positions_resolve() and its test. Negative errno:
 * too little is known to decide, and asking again may help. */
int positions_decide(struct resolved_position *item, const struct config_from *from,
    const struct position_facts *facts, struct error *err);

/* Resolves all items. Where the group has committed nothing on a topic at all and from.start is not the
 * beginning, the owner of its partition 0 commits the positions of the topic's other partitions too (as foreign
 * items at the end): else a member that comes later would take them for newer than the first start. All others wait
 * for that. One attempt: each question waits 5 s at most. err.code -ECANCELED when the worker is cancelled, or they are
 * outdated. May be called again with the same positions. */
void positions_resolve(struct positions *positions, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    struct worker *worker);

/* After that: commits those positions that the group has not committed yet, so that a crash cannot move them. Tell of
 * the gaps of those with `commit` before: a commit whose answer is not awaited, or is lost, may have been taken all the
 * same, and behind it there is no gap. It waits as long as librdkafka tries (session.timeout.ms without a coordinator).
 * err.code -EAGAIN with awaits_owner when there was nothing, or no more, to commit, and some wait; -ECANCELED as above. */
void positions_commit(struct positions *positions, rd_kafka_t *consumer, const struct config_pipeline *pipeline,
    struct worker *worker);

void positions_clear(struct positions *positions);

/* What a commit came to: the error of the whole (code), or that of any of its partitions. */
rd_kafka_resp_err_t positions_commit_error(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *answers);
