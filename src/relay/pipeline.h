/* pipeline.h: one running pipeline: a thread, its event loop, its clients and its engine.
 *
 * Nothing is shared with the thread but a mailbox in (stop, pause), a snapshot out, and the clusters' ids.
 * All functions here are for the owner's thread (the supervisor), and none of them blocks, but
 * pipeline_free(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "config/config.h"
#include "core/histogram.h"
#include "core/partition_wait.h"
#include "core/pipeline_state.h"
#include "relay/engine.h"

/* The clients of one cannot do with less memory than about this, whatever their sizes are set to. */
#define PIPELINE_COMFORTABLE_BYTES (UINT64_C(16) << 20)

struct cluster_ids;
struct pipeline;

/* What one partition looks like from outside. */
struct partition_snapshot {
	char *topic;
	int32_t partition;
	enum part_state state;
	int64_t committed;	  /* -1: none in this epoch yet */
	int64_t mark;		  /* the low-water mark */
	int64_t end;		  /* next offset to read */
	int64_t log_end;	  /* of the source's log, as last fetched, or asked for where nothing comes; -1 unknown */
	int64_t lag;		  /* log_end - mark; -1 unknown */
	uint64_t in_flight;	  /* records */
	int64_t oldest_unsettled; /* offset; -1 none */
	int64_t oldest_unsettled_age_ms; /* -1 none */
	char *error;		  /* why it is blocked; NULL unless it is */
	int64_t blocked_at;	  /* then: the offset that waits for a person; else -1 */
	enum block blocked_by;
	uint64_t order, order_done, order_failed; /* of pipeline_unblock(): being carried out, and the last that is done,
						   * and that came to nothing; 0 none */
	int64_t state_since_ms;	  /* wall clock */
	enum partition_wait waits_for;
	int32_t waits_for_broker; /* with WAIT_REPORT: which has it, as the cluster said lately; -1 not known */
	int64_t waits_ms;	  /* how long it has not moved; 0 while it relays */
	char *last_error;	  /* the last fault of this partition alone, also one that healed; NULL none */
	int64_t last_error_at_ms; /* wall clock; 0 none */
	int32_t member;		  /* that reads it; 0: the pipeline has only one */
};

struct pipeline_snapshot {
	char *name;
	int32_t member;		  /* from 1 on, where the pipeline has several; else 0 */
	enum delivery delivery;
	enum pipeline_state state;
	int64_t state_since_ms;	  /* wall clock, ms since the epoch */
	int64_t unready_ms;	  /* since it was last running or paused; 0: it is; -1: it has not been yet */
	char *reason;		  /* a sentence: why it is backing off, blocked or failed; NULL none */
	char *last_error;	  /* the last fault, also one that healed; NULL none */
	int64_t last_error_at_ms; /* wall clock; 0 none */
	uint64_t heartbeats;	  /* turns of the thread's loop: the watchdog looks at it */
	uint64_t restarts;	  /* times that the clients were made anew after a fault */
	uint64_t rebalances;	  /* times that the group has given it an assignment, of any size */
	uint64_t log_gaps;	  /* gaps in the source crossed (on_gap) */
	uint64_t log_gap_records; /* offsets in them */
	uint64_t blocked_gaps;	  /* times that a gap in the source stopped a partition (on_gap) */
	uint64_t source_stalls;	  /* times that librdkafka did not fetch a partition any more, and it was read anew */
	uint64_t untimestamped_records; /* sent with a new timestamp: theirs was <= 0 or of no type */
	struct engine_counters counters; /* summed over restarts */
	struct engine_latencies latencies; /* the same */
	uint64_t held_bytes, held_records, in_flight_bytes, in_flight_records;
	const char *hangs_in;	  /* a call of librdkafka that is not waited for any more, and that only another process
				   * ends: what it is for; a constant, NULL none */
	bool hangs_undrained;	  /* then: it still settles or commits what it has in hand */
	bool drain_was_clean;	  /* once stopped: nothing will be read again */
	size_t left_blocked;	  /* once stopped: partitions that were blocked, and are so at the next start */
	struct partition_snapshot *partitions; /* those assigned to this member, by topic and number */
	size_t partition_count;
	int64_t lag;		  /* sum; -1 when one is unknown or none is assigned */
	int64_t oldest_unsettled_age_ms; /* the greatest of its partitions; -1 none */
	size_t waiting[WAIT_COUNT]; /* how many of its partitions wait for what */
	int64_t records_per_s;	  /* acknowledged, over about the last 10 s, of a pipeline as a whole; -1 unknown */
	bool starts_anew;	  /* of a pipeline as a whole: another run follows once this one has ended */
	const struct pipeline_snapshot *members; /* of a pipeline as a whole, see daemon/members.h; else NULL */
	size_t member_count;
};

/* Starts the thread. config, pipeline (its settings, or a member's copy of them) and cluster_ids (all
 * pipelines') outlive it: the owner holds config for it. memory_bytes is this one's share. paused: as by
 * pipeline_pause(), before anything is read. wake_fd (an eventfd) is written when the state has changed.
 * Returns NULL when no thread could be made. */
struct pipeline *pipeline_start(const struct config *config, const struct config_pipeline *pipeline,
    struct cluster_ids *cluster_ids, uint64_t memory_bytes, bool paused, int wake_fd, struct error *err);

/* Reads nothing more, or reads on. Once all that was read is settled and committed, the state is paused. It
 * stays in the group, and what the group gives it meanwhile is not read either. Kept when its clients are
 * made anew. */
void pipeline_pause(struct pipeline *pipeline, bool paused);

/* What a person has decided for a partition that is blocked at this offset, see engine_unblock(). order is not 0, and
 * greater than any before. What the pipeline cannot do it logs. */
void pipeline_unblock(struct pipeline *pipeline, const char *topic, int32_t partition, int64_t offset,
    enum unblock how, uint64_t order);

/* Asks it to drain and stop by deadline_us (monotonic). May be repeated with an earlier deadline. */
void pipeline_stop(struct pipeline *pipeline, int64_t deadline_us);

/* Has its thread ended? */
bool pipeline_has_ended(const struct pipeline *pipeline);

/* A copy of the last snapshot, at most 100 ms old while something happens. Free with
 * pipeline_snapshot_clear(). */
void pipeline_snapshot(struct pipeline *pipeline, struct pipeline_snapshot *snapshot);
void pipeline_snapshot_clear(struct pipeline_snapshot *snapshot);

/* Joins the thread (which must have ended, or this waits for it). Accepts NULL. */
void pipeline_free(struct pipeline *pipeline);
