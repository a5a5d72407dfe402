/* plan.h: what a scenario is made of and which faults may happen in it.
 *
 * Each kind of fault is switched on or off for a whole scenario: one that has only a few kinds reaches deeper
 * than one that has them all, and one without any shows that nothing is repeated without a reason. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/delivery.h"
#include "random.h"

enum {
	MAX_PARTS = 4,	   /* source partitions, and target partitions */
	MAX_INSTANCES = 3, /* processes that share the group */
	MAX_OFFSETS = 384, /* in one source partition */
	MAX_TARGETS = MAX_PARTS + 1,
	DEAD_LETTERS = MAX_PARTS, /* the target where dead letters go */
};

struct plan {
	enum delivery delivery;
	enum error_policy on_error;
	bool idempotent;
	bool keyed; /* the target partition follows the record, not the source partition */
	bool commit_sync;
	bool cooperative; /* a rebalance takes away only what moves */
	uint32_t parts, targets, instances;
	int64_t offsets_each; /* the source partitions grow to about this */

	uint32_t chunk_max;	/* records in a chunk */
	uint32_t batch_max;	/* records in a produce request */
	uint32_t requests_max;	/* in flight, per target partition */
	uint32_t queue_max;	/* records that the sink takes */
	uint32_t gaps;		/* permille of the offsets hold no record for us */
	int64_t net_max_us;	/* longest ordinary way to a broker or back */
	int64_t append_max_us;	/* longest pause between appends to the source */
	int64_t chaos_us;	/* how long faults happen */
	int64_t action_max_us;	/* longest pause between actions */
	int64_t session_timeout_us, rebalance_timeout_us, txn_timeout_us;

	int64_t commit_records, commit_interval_us, revoke_timeout_us;
	uint64_t window_bytes, partition_window_bytes;
	uint32_t window_records, partition_window_records, fetch_burst;
	uint64_t rate_records, rate_bytes; /* in a second; 0: no limit */

	/* Chances in permille, per occasion; 0: does not happen in this scenario. */
	uint32_t poison;	   /* of records: the target refuses them */
	uint32_t poison_too;	   /* of those: the topic for dead letters refuses them too */
	uint32_t request_failure;  /* a produce request fails for good, not by its records' fault */
	uint32_t request_slow;	   /* takes long: retried, its leader moved */
	uint32_t request_twice;	   /* without idempotence: retried although it had been written */
	uint32_t request_stop;	   /* the target refuses everything */
	uint32_t zombie;	   /* what was purged on the wire still arrives */
	uint32_t recreate_failure;
	uint32_t sink_failure;	   /* of fatal ones: no new producer helps */
	uint32_t fetch_empty;	   /* records are there, but not yet here */
	uint32_t fetch_stale;	   /* repeats an offset, or carries an old epoch */
	uint32_t source_gap;	   /* assigned, but blocked at first */
	uint32_t source_reset;	   /* loses its position and reads on from the committed offset */
	uint32_t truncate;	   /* at an action: a source log loses its end, and other records come there */
	bool truncate_blocks;	   /* on_gap, then: block; else latest */
	bool truncate_at_commit;   /* it ends at the committed offset then, where it can: nothing that was committed is gone */
	uint32_t source_failure;   /* cannot go on: a new client may */
	uint32_t commit_failure, commit_timeout, commit_partial, commit_slow;
	uint32_t txn_abort, txn_unknown, txn_begin_failure;
	uint32_t txn_late; /* of those not committed: a request to end it is still under way when its client has given up */
	bool txn_expires; /* the coordinator aborts one that takes longer than its timeout, also while its owner lives */
	int64_t unblock_max_us; /* what blocks a partition is decided by a person, each time after so long at most; 0: never */
	int64_t pause_max_us; /* instances are paused and resumed, each time after so long at most; 0: never */
	/* Weights of the actions; 0: does not happen. */
	uint32_t rebalance, kick, freeze, kill, drain;
	bool faultless;		   /* nothing but orderly rebalances and drains: nothing may be repeated */
};

/* What was added later is drawn from `later`, so that a seed still means the same in all else. */
void plan_draw(struct plan *plan, struct random *random, struct random *later, enum delivery delivery);

/* From now on all goes well. */
void plan_calm(struct plan *plan);
