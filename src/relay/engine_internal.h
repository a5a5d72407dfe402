/* engine_internal.h: what the engine's files share. Nothing outside src/relay/engine*.c and strategy_*.c
 * includes it.
 *
 *   engine.c           life cycle, submitting, the step, the drain
 *   engine_events.c    what source and sink say
 *   engine_parts.c     partitions, their epochs, what they hold
 *   engine_views.c     what the owner can see
 *   engine_commit.c    the one commit in flight
 *   engine_recovery.c  the sink's faults: purge, recreate, resend
 *   engine_refusal.c   a refused record: which one it is, and what becomes of it
 *   engine_unblock.c   what a person decides for a blocked partition
 *   strategy_*.c       what differs between the three deliveries */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/backoff.h"
#include "core/commit_policy.h"
#include "core/offset_tracker.h"
#include "core/rate_limit.h"
#include "relay/engine.h"

/* A handle names a slot: the partition's number in the upper 16 bits, the slot's sequence number below. At a
 * million records a second in one partition the numbers last for almost nine years. */
enum { HANDLE_SEQ_BITS = 48 };
#define HANDLE_SEQ_MASK ((UINT64_C(1) << HANDLE_SEQ_BITS) - 1)
#define PARTS_MAX	(UINT32_C(1) << (64 - HANDLE_SEQ_BITS))

/* What on_error makes of a record that the target refuses. It hangs at the slot until that is released, through
 * aborted transactions and new producers: what has been decided once stays so. */
struct fault {
	enum error_policy policy; /* skip or dead_letter */
	bool lost;		  /* at_most_once: the dead letter too; counted as such */
	struct error reason;
};

/* An epoch that has ended while records of it were in flight. Their reports free them and move nothing. */
struct ended_epoch {
	struct offset_tracker *tracker;
	struct ended_epoch *next;
};

/* What a person has decided for a partition that is, or was, blocked. Kept until it is done: the record may be read more
 * than once until it is committed. */
struct order {
	uint64_t number;
	enum unblock how;
	int64_t offset;
	bool of_source; /* there is no record: the source could not read on */
	uint64_t fingerprint; /* of the record */
	bool reading;	/* it has begun: the partition is read again from before the offset */
	bool applied;	/* the record got what was decided; or it had been lost before, and counted */
	struct error reason;
};

struct part {
	uint32_t number;
	enum part_state state;
	uint64_t epoch;
	struct offset_tracker *tracker; /* of the current epoch; NULL while unassigned */
	struct ended_epoch *ended;
	uint64_t next_seq; /* first sequence number of the next epoch */

	int64_t committed;	   /* known to be committed; the position at first */
	int64_t commit_sent;	   /* in the outstanding commit, -1 none */
	int64_t maybe_committed;   /* in one that has failed, as far as we were told, and that no good one has followed; -1
				    * none: the brokers may have taken it */
	bool gone;		   /* it does not exist any more: nothing of it can be committed */
	uint64_t appended_records; /* of this epoch */
	uint64_t settled_records;  /* of this epoch, below commit_offset() */
	uint64_t sent_records;	   /* settled_records when the outstanding commit was sent */
	uint64_t committed_records;
	uint64_t held_records, held_bytes;

	int64_t submitted_end; /* behind the furthest slot that was ever submitted in this epoch, -1 none; or behind what
				* may be written, once the rest was dropped by a block */
	int64_t repeats_until; /* written below it, or maybe, and given up uncommitted: read again if above committed */
	int64_t sent_before;   /* the same of all earlier epochs, and engines: what lies below and is sent again is a repeat */
	int64_t revoke_deadline_us;
	bool purged;	       /* the revoke ran into its bound */
	bool is_acknowledged;  /* a record of it that this producer has sent was */
	int64_t suspect_until; /* a record below it was refused, and which one is being searched for; 0 none */
	struct error *blocked; /* why the partition is blocked, NULL unless it is */
	int64_t blocked_at;    /* then: nothing from this offset on is sent */
	bool blocked_by_source; /* then: until it is assigned anew; else a record waits for a person */
	int64_t given_back_until; /* at_most_once, blocked: offsets below it had been committed; -1: they are known to
				   * be given back, or there were none */
	uint64_t given_back_records; /* of them, those that are not held any more */
	bool is_undecided;	     /* whether they can be given back; what is on its way tells */
	bool is_overtaken;	     /* they cannot: a later one is written */
	bool dirty;	       /* reports came in since the last settle */
	bool blocked_batch;    /* blocked by a record: it is a batch of more than one */
	uint64_t blocked_fingerprint; /* blocked by a record: see source_ops.fingerprint */
	struct order *order;   /* NULL: nothing was decided that is not done */
	uint64_t order_done, order_failed; /* the last of each */
};

enum sink_state {
	SINK_OPEN,
	SINK_PURGING,	 /* gives up its flight; waits for the reports */
	SINK_WAITING,	 /* empty; back-off before the next one is made */
	SINK_RECREATING, /* waits for engine_on_sink_ready() */
	SINK_CLOSED,	 /* it has failed for good, or a drain needs none any more */
};

/* The outcome of the transaction at hand. */
enum txn_state {
	TXN_NONE,	/* none is open */
	TXN_OPEN,	/* takes records */
	TXN_CLOSING,	/* takes none; waits for the reports */
	TXN_COMMITTING, /* waits for engine_on_txn_done() */
};

/* What differs between the deliveries. All run in engine_step() or an event. */
struct strategy {
	/* May this slot be submitted now? */
	bool (*may_submit)(struct engine *engine, struct part *part, const struct offset_slot *slot);
	/* The same, asked without consequence. */
	bool (*could_submit)(const struct engine *engine, const struct part *part, const struct offset_slot *slot);
	/* Records have been appended. */
	void (*on_chunk)(struct engine *engine, struct part *part, const struct offset_slot *slot);
	/* How many records may be read of this partition, at most `room`? */
	uint64_t (*read_room)(const struct engine *engine, const struct part *part, uint64_t room);
	/* Reports came in, or the position moved: release what is safe, count for the commit policy. */
	void (*settle)(struct engine *engine, struct part *part);
	/* A slot was reported with an error (the tracker has it waiting again). */
	void (*on_failed)(struct engine *engine, struct part *part, uint64_t seq, enum report_outcome outcome,
	    const struct error *err);
	/* The same, but its epoch has ended: it will not be sent again from here. */
	void (*on_late_failed)(struct engine *engine, struct part *part, const struct offset_slot *slot,
	    const struct error *err);
	/* This very record is refused by the target, and nothing is left but to stop at it. */
	void (*on_refused)(struct engine *engine, struct part *part, uint64_t seq, const struct error *err);
	/* The partition is to be given up (revoke, drain): drop what need not be sent any more. */
	void (*stop_reading)(struct engine *engine, struct part *part);
	/* A slot has been handed to the sink. */
	void (*on_submitted)(struct engine *engine, struct part *part, const struct offset_slot *slot);
	/* Commits, transactions. */
	void (*tick)(struct engine *engine);
	/* When tick has something to do, if nothing else happens. */
	int64_t (*deadline_us)(const struct engine *engine);
	/* Has this stopped partition nothing left to send, settle or commit? */
	bool (*is_settled)(const struct engine *engine, const struct part *part);
	/* A new producer is there. */
	void (*on_sink_ready)(struct engine *engine);
	/* A partition's epoch ends without a release: lost, or assigned anew. */
	void (*on_epoch_end)(struct engine *engine, struct part *part);
	/* The offset to commit for this partition. */
	int64_t (*commit_offset)(const struct part *part);
	/* A commit of this partition's `records` was answered well. */
	void (*on_committed)(struct engine *engine, struct part *part);
};

struct engine {
	struct engine_config config;
	const struct strategy *strategy;
	const struct source_ops *source_ops;
	void *source;
	const struct sink_ops *sink_ops;
	void *sink;
	const struct engine_host_ops *host_ops;
	void *host;

	int64_t now_us;
	struct part *parts;
	uint32_t part_count, part_capacity;
	uint32_t first_part; /* whose turn it is to be read first */
	struct rate_limit rate; /* of reading; what has been read is sent, settled and committed as fast as it can be */
	bool rate_reached;	/* there was no room in this step */
	struct engine_counters counters;
	struct engine_latencies latencies;
	uint64_t held_records, held_bytes;
	uint64_t in_flight; /* slots, ended epochs included */
	uint64_t in_flight_bytes;
	struct error part_error; /* of a slot that has failed in part and is not reported whole yet */
	bool more;	    /* this step left work behind */
	bool reading_waits; /* in this step a partition had no room in the window */

	enum sink_state sink_state;
	bool sink_full; /* the last submit got -EAGAIN; cleared by reports */
	int64_t sink_retry_us;
	int64_t purge_deadline_us; /* while purging: what is in flight is given up then; CLOCK_NEVER: it has been */
	struct backoff sink_backoff;
	struct part *isolating; /* the partition whose record at fault is searched for; NULL none */
	uint64_t group_size;	/* how many of its suspects are sent at once; 0: the search begins */
	uint64_t group_room;	/* how many more of them may join those in flight */
	int64_t refused_until;	/* the last group was refused up to here; 0: none yet */
	uint64_t alone;		/* handle of the record that is in flight alone, 0 none */
	uint64_t doubted;	/* of one that was refused alone, and maybe not by its own fault: asked once more */

	struct commit_policy commit_policy;
	bool commit_outstanding;
	int64_t commit_sent_us;
	int64_t commit_records; /* in the outstanding one, all partitions */
	struct mark *marks;
	size_t mark_capacity;

	enum txn_state txn_state;
	void *txn_token;
	int64_t txn_deadline_us; /* when it is closed at the latest */
	int64_t txn_records;
	size_t txn_mark_count; /* of marks, while it is being committed */
	bool txn_rewind;   /* outcome unknown: read the committed offsets again, never go on from memory */

	bool paused; /* nothing is read */
	uint32_t orders; /* partitions that have one */
	bool draining, drained, drain_clean;
	uint32_t left_blocked; /* partitions that the drain has released while they were blocked */
	bool failed;	  /* the owner has been told */
	bool sink_failed; /* no new producer is made */
	int64_t drain_deadline_us;
};

extern const struct strategy strategy_at_most_once;
extern const struct strategy strategy_at_least_once;
extern const struct strategy strategy_exactly_once;

/* ---- engine_parts.c ---- */

/* The partition with this number, made if it is new; NULL: the number is too high. Moves the others. */
struct part *engine_part_at(struct engine *engine, uint32_t number);
/* The same, NULL if it is new. */
struct part *engine_known_part(struct engine *engine, uint32_t number);
/* It is not blocked any more. */
void engine_clear_blocked(struct part *part);
/* An epoch that nothing is known of yet. The one before has ended. */
void engine_begin_epoch(struct part *part, uint64_t epoch, int64_t position);
/* Releases every slot of a tracker that has nothing in flight, settled or not. */
void engine_release_all(struct engine *engine, struct part *part, struct offset_tracker *tracker);

/* ---- engine.c ---- */

/* Does it hold as much as it may? Nothing more is read then. */
bool engine_window_is_full(const struct engine *engine, const struct part *part);

/* Submits waiting slots of a partition until the sink is full or the strategy objects. */
void engine_pump(struct engine *engine, struct part *part);

/* offset_tracker release callbacks: gives the payload back and takes it off the account. context: a
 * struct release_context. */
struct release_context {
	struct engine *engine;
	struct part *part;
	bool for_good; /* settled for good: will not be read again */
	uint64_t records;
};
void engine_release_slot(void *context, struct offset_slot *slot);

/* Ends the current epoch: what waits is dropped, what is in flight is kept until it is reported. */
void engine_end_epoch(struct engine *engine, struct part *part);

/* The partition stops and waits for a person. */
void engine_block(struct engine *engine, struct part *part, int64_t offset, const struct error *err);

/* Nothing more can be done with this sink: gives up what is in flight and tells the owner, once. */
void engine_fail(struct engine *engine, const struct error *err);
/* The same of the source: what is in flight is still settled. */
void engine_fail_source(struct engine *engine, const struct error *err);

/* Drops the slots at the tail that begin at or after `from` and are not in flight. Returns their records. */
uint64_t engine_drop_tail(struct engine *engine, struct part *part, int64_t from);

/* ---- engine_commit.c ---- */

/* Fills engine->marks with what a commit would carry now, notes it as sent, and returns the count. */
size_t engine_collect_marks(struct engine *engine);
/* Takes the answer to such marks. Returns whether all went well. */
bool engine_take_answers(struct engine *engine, const struct mark *marks, size_t count);
/* struct strategy's tick and deadline_us, for those who commit through the source. */
void engine_commit_when_due(struct engine *engine);
int64_t engine_commit_deadline_us(const struct engine *engine);

/* ---- engine_recovery.c ---- */

/* The sink has failed: give up what is queued, wait for the reports of what is in flight (not for long), make a new
 * one, resend. */
void engine_recover(struct engine *engine, bool backing_off);
/* The same, and what is in flight is not waited for. */
void engine_give_up_flight(struct engine *engine);
/* Drives it. */
void engine_recovery_step(struct engine *engine);
/* Has the sink given up all it had? No report may be left that would wake the engine up. */
bool engine_recovery_is_due(const struct engine *engine);

/* struct strategy's on_failed and stop_reading, for those who may send a record twice: recover and send it again; drop
 * only what has never been sent. */
void engine_send_again(struct engine *engine, struct part *part, uint64_t seq, enum report_outcome outcome,
    const struct error *err);
void engine_keep_submitted(struct engine *engine, struct part *part);

/* ---- engine_refusal.c ---- */

/* A record, or the batch that it was in, was refused: search for the one at fault. One that was alone is it. */
void engine_suspect(struct engine *engine, struct part *part, uint64_t seq, const struct error *err);
/* This very record is refused: on_error. */
void engine_refused(struct engine *engine, struct part *part, uint64_t seq, const struct error *err);
/* Nothing can be written where this slot goes: the pipeline stops, but for a dead letter only its partition. */
void engine_stopped(struct engine *engine, struct part *part, uint64_t seq, const struct error *err);
/* struct strategy's on_refused: blocks the partition at it. */
void engine_block_refused(struct engine *engine, struct part *part, uint64_t seq, const struct error *err);
/* This record is refused for that reason, and policy is applied to it when its turn comes. */
void engine_set_fault(struct engine *engine, struct part *part, struct offset_slot *slot, enum error_policy policy,
    const struct error *reason);
/* The slot of a refused record is released: forgets the fault, and counts it if it is settled for good. */
void engine_release_fault(struct engine *engine, struct offset_slot *slot, bool for_good);

/* The partition whose record at fault is searched for, when another one's turn may have come. */
void engine_isolation_choose(struct engine *engine);
/* Ends the search in a partition once the mark has passed its suspects. */
void engine_isolation_step(struct engine *engine);
/* May this partition's next slot be sent, with regard to the search? */
bool engine_isolation_allows(const struct engine *engine, const struct part *part);
/* A slot of the partition that is searched has been sent. */
void engine_isolation_submitted(struct engine *engine, const struct offset_slot *slot, uint64_t handle);

/* ---- engine_unblock.c ---- */

/* Carries out what was decided, as far as it can be now. */
void engine_unblock_step(struct engine *engine);
/* A slot has been appended: is it the one that was decided about? */
void engine_unblock_on_slot(struct engine *engine, struct part *part, struct offset_slot *slot);
/* The partition is blocked, also again: what was decided is done, or meant another offset. */
void engine_unblock_on_block(struct engine *engine, struct part *part);
/* The partition is about to be read from position on. */
void engine_unblock_on_assigned(struct engine *engine, struct part *part, int64_t position);
/* What was decided will not be carried out. */
void engine_unblock_drop(struct engine *engine, struct part *part, enum unblock_end end);
enum block engine_blocked_by(const struct part *part);
/* Does what was decided wait for a commit? */
static inline bool part_hurries(const struct engine *engine, const struct part *part)
{
	return part->order && part->tracker && !engine->strategy->is_settled(engine, part);
}

static inline uint64_t handle_make(uint32_t part, uint64_t seq)
{
	return (uint64_t)part << HANDLE_SEQ_BITS | (seq & HANDLE_SEQ_MASK);
}

/* Does the slot lie where the partition waits for a person? */
static inline bool part_is_blocked_at(const struct part *part, const struct offset_slot *slot)
{
	return part->blocked && slot->first >= part->blocked_at;
}

/* A broker that knows nothing of a producer in a partition takes any number as its first one (KIP-360). So where the
 * first request of a new producer is refused, the next one is written, if librdkafka has made it already: with the
 * gapless guarantee, too, and with one request on its way. What was refused would come behind it, out of order, or be
 * lost. So until a record of the partition is acknowledged, one slot is on its way. */
static inline bool part_goes_singly(const struct engine *engine, const struct part *part)
{
	return engine->config.first_goes_alone && !part->is_acknowledged;
}

static inline bool part_is_stopping(const struct engine *engine, const struct part *part)
{
	return part->state == PART_REVOKING || (engine->draining && part->state != PART_UNASSIGNED);
}
