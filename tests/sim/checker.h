/* checker.h: the rules, as the brokers see them. Sources, sinks and the cluster tell it what happens; the
 * first broken rule ends the scenario.
 *
 * Order, precisely. Let the records of one source partition for one target partition be r1, r2, ... in source
 * order.
 *   first time: when rk is written for the first time, r1 .. rk-1 have been written before.
 *   runs:       what is written next after rk is rk+1, or a repeat: rk or an earlier one.
 * Strays are exempt from the second: writes of a producer that was given up or killed, or of an owner that
 * has lost the partition (semantics: the stalled owner's last request). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/flow.h"
#include "relay/engine.h"
#include "plan.h"

struct world;
struct payload;
struct source;
struct sink;
struct request;
struct item;
struct target_entry;

/* One instance's current epoch of one partition. */
struct checked_epoch {
	bool active;	/* from assigned to given up, lost or read again */
	bool revoking;
	bool given_up; /* by a revoke */
	bool blocked; /* at blocked_at */
	bool cut;     /* the log was truncated before where it reads: what is there now is not its */
	int64_t blocked_at;
	uint32_t blocked_version; /* of the log, since which the record there is the one that it is blocked by */
	uint64_t first_epoch, epoch; /* more than one, where reading went on further ahead */
	int64_t start;
	int64_t end;	/* behind what was delivered, or the position */
	int64_t told_committed; /* the last commit that the engine knows of */
	int64_t revoked_us, lost_us;
	int64_t uncommitted_us; /* since when something settled waits for a commit to be sent; 0 nothing */
	uint32_t delivered_records, committed_records;
	bool may_commit[MAX_OFFSETS + 1]; /* where chunks begin and end, and positions */
	bool delivered[MAX_OFFSETS];	  /* to this epoch, whatever has become of the source's log since */
	bool settled[MAX_OFFSETS];	  /* acknowledged to this epoch */
	int64_t repeat_from;		  /* a record there failed and may be written, under this producer; -1 none */
	bool overtaken[MAX_OFFSETS];	  /* settled behind such a record: to be sent again, after it */
	bool skipped[MAX_OFFSETS];	  /* not read: it went on further ahead */
	bool passed[MAX_OFFSETS];	  /* known to be at fault, and on_error = skip */
	int64_t prefix; /* all records from start to here are settled */
};

struct checked_pair {
	int64_t first_missing; /* the first record that was never written */
	int64_t last;	       /* written, strays apart; -1 none */
};

/* What an instance may still read now, by the limit of the rate. */
struct checked_rate {
	double records, bytes;
	int64_t at_us;
};

/* What one process has sent: what it counts as sent again is compared with it. */
struct checked_sending {
	bool sent[MAX_PARTS][MAX_OFFSETS];
	int64_t sent_until[MAX_PARTS];
	uint64_t sent_again; /* records of chunks of which a part had been sent before, or may have been, as far as their
			      * ranges tell */
	bool written[MAX_PARTS][MAX_OFFSETS][2]; /* in the target, as a dead letter */
	uint64_t written_again;
};

struct checker {
	struct checked_sending sendings[MAX_INSTANCES];
	struct checked_rate rates[MAX_INSTANCES];
	struct checked_epoch epochs[MAX_INSTANCES][MAX_PARTS];
	struct checked_pair pairs[MAX_PARTS][MAX_PARTS]; /* source, target */
	uint32_t written[MAX_PARTS][MAX_OFFSETS];
	uint32_t committed_view[MAX_PARTS][MAX_OFFSETS]; /* by committed transactions */
	bool refused[MAX_PARTS][MAX_OFFSETS];		 /* as the engine says: known to be at fault */
	bool skipped[MAX_PARTS][MAX_OFFSETS];		 /* of those: and skipped */
	uint64_t told[MAX_PARTS][MAX_OFFSETS + 1][3]; /* a person has decided so, once: a bit for each version of the log since
						       * which it was this record */
	uint32_t dead_letters[MAX_PARTS][MAX_OFFSETS];	 /* in their topic */
	uint32_t dead_letters_view[MAX_PARTS][MAX_OFFSETS]; /* by committed transactions */
	bool lost[MAX_PARTS][MAX_OFFSETS];		 /* as the engine says */
	struct payload *reporting;			 /* whose report comes in, NULL none */
	bool unordered[MAX_PARTS];			 /* without idempotence a failure breaks the order */
	int64_t relayed_to[MAX_PARTS];		    /* by the end: the log's end, or a block */
	uint32_t lost_with[MAX_INSTANCES]; /* the producer that held records of a lost partition; 0 none */
	bool commit_pending[MAX_INSTANCES];
	uint64_t commit_reads[MAX_INSTANCES][MAX_PARTS]; /* of the commit in flight: the first epoch of each read */
	bool killed[MAX_PARTS][MAX_OFFSETS]; /* lost with a process that was killed: it had committed, and not produced */
};

/* ---- what sources, sinks and cluster tell ---- */

void checker_init(struct world *world);
void checker_started(struct world *world, int instance, bool renewed);
void checker_assigned(struct world *world, int instance, uint32_t part, uint64_t epoch, int64_t position);
void checker_revoke_begin(struct world *world, int instance, uint32_t part);
void checker_lost(struct world *world, int instance, uint32_t part);
void checker_fetch(struct world *world, int instance, uint32_t part);
void checker_chunk(struct world *world, struct payload *payload);
void checker_position(struct world *world, int instance, uint32_t part, int64_t next);
void checker_rewind(struct world *world, int instance, uint32_t part);
void checker_commit(struct world *world, int instance, const struct mark *marks, size_t count);
/* The brokers have taken it. */
void checker_commit_taken(struct world *world, int instance, uint32_t part, int64_t offset);
void checker_commit_answered(struct world *world, int instance, const struct mark *marks, size_t count);
void checker_release_partition(struct world *world, int instance, uint32_t part);
void checker_release_chunk(struct world *world, struct payload *payload);
void checker_source_closed(struct world *world, const struct source *source, bool killed);

void checker_submit(struct world *world, const struct sink *sink, const struct payload *payload);
void checker_dead_letter(struct world *world, const struct sink *sink, const struct payload *payload);
void checker_submitted(struct world *world, struct payload *payload, uint64_t handle);
void checker_report(
    struct world *world, struct payload *payload, uint32_t records, enum report_outcome outcome);
void checker_failed(struct world *world, const struct request *request);
void checker_recreate(struct world *world, const struct sink *sink);
void checker_sink_ready(struct world *world, int instance);
void checker_txn_begin(struct world *world, const struct sink *sink);
void checker_txn_commit(struct world *world, const struct sink *sink, const struct mark *marks, size_t count);
void checker_txn_done(struct world *world, int instance, enum txn_outcome outcome);
void checker_sink_closed(struct world *world, const struct sink *sink, bool killed);

void checker_written(struct world *world, uint32_t target, const struct target_entry *entry);
/* The same, of the producer that has sent it. */
void checker_written_by(struct world *world, const struct request *request, const struct item *item);
void checker_committed(struct world *world, uint32_t part, int64_t offset);
void checker_txn_committed(struct world *world, uint32_t txn);

/* ---- what the engine tells its owner ---- */

void checker_blocked(struct world *world, int instance, uint32_t part, int64_t offset);
/* A person decides, before the engine hears of it. */
void checker_told(struct world *world, int instance, uint32_t part, int64_t offset, enum unblock how);
void checker_unblocked(struct world *world, int instance, uint32_t part, int64_t offset, enum unblock how);
/* From there on the log holds other records than before. */
void checker_begun_anew(struct world *world, uint32_t part, int64_t offset);
/* The source has a gap there. */
void checker_gap(struct world *world, int instance, uint32_t part, int64_t offset);
void checker_refused(struct world *world, int instance, uint32_t part, int64_t offset, enum error_policy policy);
void checker_records_lost(struct world *world, int instance, uint32_t part, int64_t first, int64_t next);
void checker_stepped(struct world *world, int instance);
/* clean: what the engine says of its drain. */
void checker_drained(struct world *world, int instance, bool clean);

/* ---- the end ---- */

/* Has everything arrived and been committed, as far as it can? */
bool checker_is_complete(const struct world *world);
/* It is: what follows is only the drain of all. */
void checker_calm(struct world *world);
void checker_final(struct world *world);
