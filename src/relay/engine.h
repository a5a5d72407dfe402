/* engine.h: one pipeline's rules of delivery at work.
 *
 * The engine knows no Kafka, no thread and no event loop. It is told the time; it drives a source and a
 * sink through the operations of core/flow.h; no operation blocks, and everything completes as an event: a
 * call of one of the engine_on_* functions, from within the operation `serve` or `fetch` of source or sink
 * (never from within another operation). src/kafka implements source and sink on librdkafka, tests/sim on a
 * simulated cluster.
 *
 * A record's way: source.fetch -> engine_on_chunk -> sink.submit -> engine_on_report -> offset tracker ->
 * commit policy -> source.commit -> engine_on_commit_done. The bytes are never copied: the chunk's payload
 * belongs to the engine from engine_on_chunk() until source.release_chunk(), and is released only when its
 * record is below the low-water mark (exactly_once: below the committed offset), so that it can be sent
 * again in its place.
 *
 * Partitions are known by a small number, `part`, that the source gives: the same number means the same
 * topic and partition for the life of the engine; numbers are dense from 0. An epoch is one continuous read
 * of a partition; events that carry an older epoch than the current one move nothing. */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "core/block.h"
#include "core/delivery.h"
#include "core/flow.h"
#include "core/histogram.h"
#include "core/partition_wait.h"

struct engine;

/* The code with which a source says that it is blocked by a gap. */
#define ENGINE_GAP_CODE (-ENODATA)

/* ---- what the engine tells its owner ---- */

struct engine_host_ops {
	/* A partition stops and waits for a person; the others go on. err says why. */
	void (*partition_blocked)(void *host, uint32_t part, int64_t offset, const struct error *err);
	/* This engine cannot go on with its source and sink: err->remedy says whether new ones may help
	 * (REMEDY_RESTART) or a person must (REMEDY_PERSON). Said once; the owner then drains. */
	void (*failed)(void *host, const struct error *err);
	/* The target refuses this record for ever, and policy (skip or dead_letter) is applied to it: said before
	 * its offset is committed, once for each time that the record is read. */
	void (*refused)(void *host, uint32_t part, int64_t offset, enum error_policy policy, const struct error *err);
	/* What a person has decided (engine_unblock()) is done: the record that was blocked is settled and committed, or
	 * the partition is read on behind a gap; or it never will be. Not said where it is blocked again here. */
	void (*unblocked)(void *host, uint32_t part, int64_t offset, enum unblock how, enum unblock_end end);
	/* For logging: a fault that the engine mends by itself. part UINT32_MAX: concerns no single partition. */
	void (*trouble)(void *host, uint32_t part, int64_t offset, const struct error *err);
	/* Asked of each partition when it is first heard of, or NULL: what engine_sent_until() of the engine before said of it.
	 * What lies below that, and is sent, is a repeat. 0: nothing. */
	int64_t (*sent_before)(void *host, uint32_t part);
	/* Records that are lost by the rules of at_most_once: so many of [first, next). */
	void (*lost)(void *host, uint32_t part, int64_t first, int64_t next, uint64_t records, const struct error *err);
};

struct engine_limits {
	uint64_t window_bytes;		 /* held by the engine, all partitions together */
	uint32_t window_records;	 /* the same in records */
	/* For one partition. Where that is less than the whole window, it may not hold more than is left free either,
	 * so that slow ones hold back only themselves, however many they are. */
	uint64_t partition_window_bytes;
	uint32_t partition_window_records;
	uint32_t fetch_burst; /* records taken of one partition before the next one's turn */
	uint64_t rate_records; /* read in a second at most; 0: no limit */
	uint64_t rate_bytes;   /* the same, of keys and values */
};

struct engine_config {
	enum delivery delivery;
	enum error_policy on_error;
	bool dead_letters; /* there is a topic for them: also without on_error a person may choose it */
	bool idempotent; /* the sink writes nothing behind a record that failed and was not written */
	bool first_goes_alone; /* but for the first one that it sends to a target's partition: so nothing of a partition is
				* sent with the first one, until that is acknowledged */
	bool commit_sync;
	int64_t commit_records;
	int64_t commit_interval_us;
	int64_t revoke_timeout_us;
	bool sink_says_ready; /* nothing is sent before the sink's first `ready`; else it is ready from the start */
	struct engine_limits limits;
	uint64_t seed; /* of the jitter */
};

struct engine *engine_new(const struct engine_config *config, const struct source_ops *source_ops, void *source,
    const struct sink_ops *sink_ops, void *sink, const struct engine_host_ops *host_ops, void *host);

/* After the sink is gone, and before the source goes: every chunk still held is released, also what the sink
 * has never reported. Accepts NULL. */
void engine_free(struct engine *engine);

/* Does what there is to do now and returns when to call again at the latest (us, CLOCK_NEVER: when source or
 * sink have something). A return value <= now_us means that there is more to do at once; the owner may look
 * at its other duties first. */
int64_t engine_step(struct engine *engine, int64_t now_us);

/* While paused, nothing is read of any partition, also of those that are assigned meanwhile. What was read is
 * settled, and committed as soon as it is. Rebalances and the drain go on as always. */
void engine_pause(struct engine *engine, bool paused);

/* Is it paused, with nothing left of what was read that waits to be sent, settled or committed? */
bool engine_is_at_rest(const struct engine *engine);

/* A person has decided for the partition that is blocked at this offset. All before it is settled and committed first;
 * then it is read again from there, and the record gets what was decided as if on_error had said it, in its place and
 * within its transaction. It is done when that is settled and committed, or the partition is blocked again: then
 * part_view.order_done is order, a number of the owner's that is not 0 and above those before. When the partition is given
 * up, or the record is not there any more, it is forgotten, and part_view.order_failed is order: what lies at its offset
 * now is relayed as any other. Returns 0; or, with why in err and order failed: -ESTALE, it is not blocked there;
 * -EALREADY, something else was decided just now; -EOPNOTSUPP, this cannot be decided for what it is blocked by. */
int engine_unblock(struct engine *engine, uint32_t part, int64_t offset, enum unblock how, uint64_t order,
    struct error *err);

/* Stop reading, settle what is in flight, commit, until deadline_us; then purge. Every assigned partition is
 * released. May be called again with an earlier deadline. */
void engine_drain(struct engine *engine, int64_t deadline_us);

/* After engine_drain(): nothing is in flight and no commit is outstanding. */
bool engine_is_drained(const struct engine *engine);

/* Did the drain settle and commit all that it had submitted? If not, records will be read again. */
bool engine_drain_was_clean(const struct engine *engine);

/* Partitions that the drain has left where they were blocked: what waits there is neither settled nor sent. */
uint32_t engine_left_blocked(const struct engine *engine);

/* ---- events, see core/flow.h; the tables take a struct engine as their owner ---- */

extern const struct source_events engine_source_events;
extern const struct sink_events engine_sink_events;

/* The source reads this partition from position on, in a new epoch. ends the epoch before, if any. */
void engine_on_assigned(struct engine *engine, uint32_t part, uint64_t epoch, int64_t position);
/* The group has given out its partitions, and all that are ours have been announced: what this member once lost
 * and has not got back is another one's, and not read again by this one. */
void engine_on_assignment_complete(struct engine *engine);
void engine_on_chunk(struct engine *engine, const struct chunk *chunk);
void engine_on_position(struct engine *engine, uint32_t part, uint64_t epoch, int64_t next);
/* Settle and commit this partition, then release_partition(). */
void engine_on_revoke_begin(struct engine *engine, uint32_t part);
/* The partition is another member's already: purge, commit nothing. Not answered. */
void engine_on_lost(struct engine *engine, uint32_t part);
/* The source cannot read on (a gap with on_gap = block, ...). Held until assigned anew or revoked. */
void engine_on_source_blocked(struct engine *engine, uint32_t part, int64_t offset, const struct error *err);
/* Each mark carries its partition's own error: those without are committed, whatever befell the others. err tells the gravest
 * of what went wrong, and may be NULL. Its remedy REMEDY_PERSON or REMEDY_RESTART makes the engine fail; anything else is
 * tried again. */
void engine_on_commit_done(struct engine *engine, const struct mark *marks, size_t count, const struct error *err);
/* The source as a whole cannot go on. */
void engine_on_source_failed(struct engine *engine, const struct error *err);

/* `records` of a submitted slot are settled or not. err is NULL with REPORT_ACKED. possibly_written: the
 * target may hold it although it was not acknowledged. */
void engine_on_report(struct engine *engine, uint64_t handle, uint32_t records, enum report_outcome outcome,
    bool possibly_written, const struct error *err);
void engine_on_sink_ready(struct engine *engine);
/* The producer as a whole is of no use any more: purge, recreate, resend. */
void engine_on_sink_fatal(struct engine *engine, const struct error *err);
/* COMMITTED: the sink is ready for the next txn_begin. ABORTED: known not to be committed, though it may be open until the
 * next producer ends it: the engine recreates the sink and sends all of it again. UNKNOWN: the engine recreates the sink
 * and reads the committed offsets again. */
void engine_on_txn_done(struct engine *engine, enum txn_outcome outcome, const struct error *err);

/* ---- what the owner can see; cheap, same thread ---- */

struct engine_counters {
	uint64_t consumed_records, consumed_bytes; /* bytes: of keys and values */
	uint64_t submitted_records;
	uint64_t acked_records, acked_bytes;
	uint64_t failed_reports;  /* reports with an error */
	uint64_t repeated_records; /* sent again although they may have been written */
	uint64_t lost_records;	  /* at_most_once */
	uint64_t skipped_records, dead_lettered_records; /* settled so by on_error; not among the acked */
	uint64_t late_reports;	  /* of an epoch that had ended */
	uint64_t dropped_records; /* by the monotonic guard */
	uint64_t commits, commit_failures;
	uint64_t revoked_partitions, lost_partitions, assigned_partitions;
	uint64_t revoke_timeouts;
	uint64_t sink_recreations;
	uint64_t transactions_committed, transactions_aborted, transactions_unknown;
};

/* Adds more to sum. */
static inline void engine_counters_add(struct engine_counters *sum, const struct engine_counters *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	_Static_assert(sizeof(struct engine_counters) % sizeof(uint64_t) == 0, "holds nothing but uint64_t");
	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

struct engine_latencies {
	struct histogram report;      /* from a chunk to its report */
	struct histogram end_to_end;  /* from a record's timestamp to its report, where it has one; with exactly_once it
				       * is seen by others only when its transaction has ended */
	struct histogram commit;      /* from an offset commit to its answer, if that is good */
	struct histogram transaction; /* from the commit of a transaction to its end, if that is known to be good */
};

/* Adds more to sum. */
static inline void engine_latencies_add(struct engine_latencies *sum, const struct engine_latencies *more)
{
	histogram_merge(&sum->report, &more->report);
	histogram_merge(&sum->end_to_end, &more->end_to_end);
	histogram_merge(&sum->commit, &more->commit);
	histogram_merge(&sum->transaction, &more->transaction);
}

enum part_state { PART_UNASSIGNED, PART_READING, PART_REVOKING, PART_BLOCKED };

struct part_view {
	enum part_state state;
	int64_t committed; /* last offset committed in this epoch, -1 none yet */
	int64_t mark;
	int64_t end; /* next offset to read */
	uint64_t kept, in_flight; /* slots */
	int64_t oldest_unsettled; /* offset, -1 none */
	int64_t oldest_unsettled_us; /* when it came, CLOCK_NEVER none */
	const struct error *blocked; /* NULL unless blocked */
	int64_t blocked_at;	     /* then: the offset that waits for a person; else -1 */
	enum block blocked_by;
	uint64_t order;		     /* of engine_unblock(), that is being carried out; 0 none */
	uint64_t order_done;	     /* the last one that is done; 0 none yet */
	uint64_t order_failed;	     /* the last one that was refused or forgotten; 0 none yet */
};

const struct engine_counters *engine_counters(const struct engine *engine);
const struct engine_latencies *engine_latencies(const struct engine *engine);
uint32_t engine_part_count(const struct engine *engine); /* numbers seen so far: 0 .. count-1 */
void engine_part_view(const struct engine *engine, uint32_t part, struct part_view *view);
/* Behind the last record that was sent of it, by this engine or before; 0 none. Committed or not: a log that was truncated
 * may be read again from anywhere. Also when the partition has been given up. */
int64_t engine_sent_until(const struct engine *engine, uint32_t part);
/* What the engine knows of why a partition that is assigned stands where it does; the rest of the facts is the
 * owner's: positioned, source_down, target_down, lag, still_us and uncommitted_us. */
void engine_part_facts(const struct engine *engine, uint32_t part, struct partition_facts *facts);
/* Does it send? Not while a producer that has failed is being replaced. */
bool engine_sink_is_open(const struct engine *engine);
uint64_t engine_held_bytes(const struct engine *engine);
uint64_t engine_held_records(const struct engine *engine);
uint64_t engine_in_flight_records(const struct engine *engine);
uint64_t engine_in_flight_bytes(const struct engine *engine); /* the memory that these pin */
