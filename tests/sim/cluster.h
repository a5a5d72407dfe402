/* cluster.h: the brokers of a scenario: source logs, committed offsets, target logs, produce requests on
 * their way, transactions. It is the truth that the checker compares with; clients see only what reaches
 * them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "plan.h"

struct world;
struct payload;

enum poison {
	POISON_NONE,
	POISON_ALONE, /* the broker names it; the rest of its batch is not at fault */
	POISON_BATCH, /* the broker refuses the whole batch */
	POISON_LOCAL, /* the client refuses it at once */
};

/* One offset of a source log. */
struct source_record {
	bool data;    /* else a marker, aborted, or compacted away */
	bool expired; /* retention has taken it before it was read */
	enum poison poison;
	bool poison_too; /* as a dead letter it is refused as well */
	uint32_t target;
	uint32_t version; /* of the log, since which it is this record */
};

struct source_log {
	struct source_record records[MAX_OFFSETS];
	int64_t start, end;
	int64_t first_committed; /* where the scenario began */
	int64_t committed;	 /* the group's */
	uint32_t pending_txns;	 /* transactions that have sent offsets and are not decided */
	uint32_t version;	 /* grows with each truncation */
};

/* What a target makes of a record. */
static inline enum poison source_record_poison(const struct source_record *record, uint32_t target)
{
	if (target == DEAD_LETTERS && !record->poison_too)
		return POISON_NONE;
	return record->poison;
}

/* Is there a record for us? */
static inline bool source_log_has(const struct source_log *log, int64_t offset)
{
	return log->records[offset].data && !log->records[offset].expired;
}

/* Is what was read there in this version of the log still the record at that offset? */
static inline bool source_log_is_current(const struct source_log *log, int64_t offset, uint32_t version)
{
	return version >= log->records[offset].version;
}

struct target_entry {
	uint32_t part;
	int64_t offset;
	uint32_t version; /* of the source's log, where it was read */
	uint32_t txn; /* index, 0 none */
	bool stray;   /* its owner had given it up, or lost the partition */
};

struct target_log {
	struct target_entry *entries;
	size_t count, capacity;
};

/* A producer session. Indexes start at 1. */
struct producer {
	int instance;
	uint32_t life; /* of the process that made it */
	bool retired; /* purged, killed or replaced: what arrives now is stray */
	bool fenced;  /* the brokers refuse what it asks for (transactions) */
	bool broken[MAX_TARGETS]; /* a request to this partition is missing: later ones do not fit on */
	bool known[MAX_TARGETS];  /* something of it is in this partition: before, any request fits */
	uint32_t txn; /* that it has open; 0 none */
};

enum txn_status { TXN_STATUS_OPEN, TXN_STATUS_PENDING, TXN_STATUS_COMMITTED, TXN_STATUS_ABORTED };

struct txn_mark {
	uint32_t part;
	int64_t offset;
};

struct txn {
	enum txn_status status;
	uint32_t producer;
	struct txn_mark marks[MAX_PARTS];
	size_t mark_count;
	bool unasked; /* nobody has asked to commit it, or will: whoever ends it aborts it */
	bool started; /* the coordinator knows of it */
	int64_t timeout_us; /* when the coordinator ends it; INT64_MAX: not at all */
};

/* A request to end a transaction that comes when its client has given up to wait for the answer. */
struct late_end {
	uint32_t producer;
	bool commit;
	int64_t due_us; /* CLOCK_NEVER: it has come */
};

/* One record in a produce request. */
struct item {
	uint64_t handle;
	struct payload *payload;
	uint32_t part;
	int64_t offset;
	const struct source_record *record; /* as it was read */
	uint32_t claim;
};

enum request_fate {
	FATE_WRITTEN,
	FATE_REFUSED_BATCH,
	FATE_REFUSED_ALONE,
	FATE_FAILED,	     /* for good, and nothing was written */
	FATE_FAILED_WRITTEN, /* for good, as far as the client knows */
	FATE_STOP,
};

struct request {
	uint32_t producer, target, txn;
	struct item *items;
	size_t count;
	enum request_fate fate;
	bool twice;
	int64_t write_us; /* when it reaches the log */
	int64_t ack_us;	  /* when its answer reaches the client */
	bool done;	  /* reached the log, or never will */
	bool given_up;	  /* by its client */
};

struct cluster {
	struct source_log sources[MAX_PARTS];
	struct target_log targets[MAX_TARGETS];
	struct producer *producers;
	uint32_t producer_count;
	struct txn *txns;
	uint32_t txn_count;
	struct late_end *late_ends;
	size_t late_end_count;
	struct request **requests;
	size_t request_count, first_open; /* requests before first_open are done */
	int64_t next_append_us;
};

void cluster_init(struct world *world);
void cluster_clear(struct world *world);

/* Lets happen what is due, and says when something is next (CLOCK_NEVER: nothing). */
void cluster_run(struct world *world);
int64_t cluster_next_us(const struct world *world);

/* The end of a source log is lost, as with an unclean election. */
void cluster_truncate(struct world *world, uint32_t part);

/* Is every source log as long as it will be? */
bool cluster_is_complete(const struct world *world);

uint32_t cluster_new_producer(struct world *world, int instance);
/* The producer's client is gone or has given it up: what is on its way arrives as a stray, or never. */
void cluster_retire_producer(struct world *world, uint32_t producer);
/* Takes ownership of the items. write_us and ack_us are set by the caller. */
struct request *cluster_send(struct world *world, const struct request *request);

uint32_t cluster_begin_txn(struct world *world, uint32_t producer);
/* Its first records or offsets are sent: from here on the coordinator waits for its end, and not for ever. */
void cluster_start_txn(struct world *world, uint32_t txn);
/* The coordinator holds the offsets of the transaction from now on until it is decided. */
void cluster_add_offsets(struct world *world, uint32_t txn, const struct txn_mark *marks, size_t count);
void cluster_end_txn(struct world *world, uint32_t txn, bool commit);
/* The brokers know whose request it is and not for which transaction (before the second part of KIP-890): it ends
 * whichever that producer has open when it comes, unless a new one has fenced it. */
void cluster_end_late(struct world *world, uint32_t producer, bool commit, int64_t due_us);
/* A new producer with the same transactional id: the old one's transaction ends either way. */
void cluster_fence(struct world *world, uint32_t producer);

/* Moves the group's committed offset. */
void cluster_commit(struct world *world, uint32_t part, int64_t offset);
