/* flow.h: the seam between the engine and what it drives: the words and operations that a source, a sink and
 * the engine share. Types only.
 *
 * The engine calls the operations; source and sink answer with events, only from within `serve` or `fetch`.
 * Partitions are known by a small number, `part`, that the source gives: dense from 0, and the same number
 * means the same topic and partition for the life of the source. An epoch is one continuous read of a
 * partition; what carries an older epoch than the current one moves nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* ---- the source ---- */

/* A contiguous delivery of records of one partition, in source order: offsets [first, next). */
struct chunk {
	uint32_t part;
	uint64_t epoch;
	int64_t first;
	int64_t next;
	uint32_t records;
	uint32_t bytes; /* memory that it pins, overhead included */
	uint32_t payload_bytes; /* of keys and values: what a limit of the rate counts, and the counters */
	int32_t leader_epoch; /* -1 unknown */
	uint32_t age_ms; /* by the timestamp of its first record, when it was fetched; AGE_UNKNOWN: it has none. 0: also one
			  * that is ahead of our clock */
	void *payload;
};

#define AGE_UNKNOWN UINT32_MAX

/* One partition's offset to commit. */
struct mark {
	uint32_t part;
	uint64_t epoch;
	int64_t offset;
	int32_t leader_epoch;
	int error; /* in the answer: 0 or negative errno for this partition. -ENOENT: it does not exist any more, and no offset
		    * of what was read of it can be committed */
};

/* group_token and free_group_token are needed for exactly_once alone; else they may be NULL. */
struct source_ops {
	/* Control events: emits assigned, revoke_begin, lost, commit_done, blocked. Called every step. */
	void (*serve)(void *source);
	/* Emits at most max_records records of the partition as chunks, and position at its end. Returns the
	 * records emitted; fewer than max_records means that the partition has none ready. */
	uint32_t (*fetch)(void *source, uint32_t part, uint32_t max_records);
	/* Commits these offsets. One at a time; answered by commit_done, also on failure. The array
	 * is the caller's. */
	void (*commit)(void *source, const struct mark *marks, size_t count);
	/* Read this partition again from the group's committed offset (a stable one: KIP-447). Answered by
	 * assigned with a new epoch, or by blocked. cross_gap: a gap of the source that is found there is crossed,
	 * and reading goes on behind it, whatever else would become of it. */
	void (*rewind)(void *source, uint32_t part, bool cross_gap);
	/* The engine is done with a revoked partition: nothing of it is in flight and its last commit has been
	 * answered (or given up). */
	void (*release_partition)(void *source, uint32_t part);
	/* The bytes are not needed any more. */
	void (*release_chunk)(void *source, void *payload);
	/* A number of what a chunk holds: the same each time that it is read. Another record at its offset, where the log
	 * was truncated or its topic created anew, hardly has it. Not cheap: it looks at every byte. */
	uint64_t (*fingerprint)(void *source, const void *payload);
	/* The group's metadata for a transaction (KIP-447), or NULL while there is none that a broker would
	 * validate (not a member), or while offsets of what was read may not be committed (positions are being
	 * resolved anew, a topic is gone). Freed by free_group_token. */
	void *(*group_token)(void *source);
	void (*free_group_token)(void *source, void *token);
};

/* What a source says, to the owner it was given. Contracts: the engine_on_* functions of relay/engine.h. */
struct source_events {
	void (*assigned)(void *owner, uint32_t part, uint64_t epoch, int64_t position);
	void (*chunk)(void *owner, const struct chunk *chunk);
	void (*position)(void *owner, uint32_t part, uint64_t epoch, int64_t next);
	void (*revoke_begin)(void *owner, uint32_t part);
	void (*lost)(void *owner, uint32_t part);
	void (*blocked)(void *owner, uint32_t part, int64_t offset, const struct error *err);
	void (*commit_done)(void *owner, const struct mark *marks, size_t count, const struct error *err);
	void (*failed)(void *owner, const struct error *err);
};

/* ---- the sink ---- */

enum report_outcome {
	REPORT_ACKED,	/* written, as acks demands */
	REPORT_RETRY,	/* not known to be written, for a reason that is not the record's: purged, timed out, or
			 * taken along by another one's failure */
	REPORT_REFUSED, /* the target refuses this record (or its batch): the record is at fault; with REMEDY_RETRY it
			 * may be that it came to harm on its way, and it is asked again */
	REPORT_STOP,	/* the target refuses all: gone, or not authorised; err->remedy says what helps */
};

enum txn_outcome {
	TXN_COMMITTED,
	TXN_ABORTED, /* not committed, and never will be: the next producer ends it, if it is still open */
	TXN_UNKNOWN,
};

/* txn_begin and txn_commit are needed for exactly_once alone; else they may be NULL. */
struct sink_ops {
	/* Emits the reports that are there, ready, fatal and txn_done. Called every step. */
	void (*serve)(void *sink);
	/* Sends the chunk of a slot. handle comes back in the report, once, whatever happens, if 0 was returned.
	 * -EAGAIN: no room now, try again after the next reports. Any other error: nothing was taken and err says
	 * why; outcome says REPORT_REFUSED (this record) or REPORT_STOP or REPORT_RETRY (the sink must be
	 * recreated). */
	int (*submit)(void *sink, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
	    struct error *err);
	/* Sends the chunk of a slot, which the target refuses for that reason, to the topic for dead letters instead.
	 * In all else like submit. Needed with on_error = dead_letter alone; else it may be NULL. */
	int (*dead_letter)(void *sink, uint64_t handle, uint32_t part, void *payload, const struct error *reason,
	    enum report_outcome *outcome, struct error *err);
	/* Gives up what is queued, or also what is in flight; every handle is still reported. */
	void (*purge)(void *sink, bool in_flight_too);
	/* Makes a new producer. Only when nothing is in flight. Answered by ready. With
	 * exactly_once the new producer ends the old one's transaction either way before it is ready. */
	void (*recreate)(void *sink);
	/* Transactions, exactly_once only. begin does not block and returns 0 or an error. */
	int (*txn_begin)(void *sink, struct error *err);
	/* Adds the offsets and commits. Only when nothing is in flight. token is the source's group token and
	 * stays the engine's until it is answered by txn_done. A transaction is given up by recreate. */
	void (*txn_commit)(void *sink, const struct mark *marks, size_t count, void *token);
};

/* What a sink says, to the owner it was given. */
struct sink_events {
	void (*report)(void *owner, uint64_t handle, uint32_t records, enum report_outcome outcome,
	    bool possibly_written, const struct error *err);
	void (*ready)(void *owner);
	void (*fatal)(void *owner, const struct error *err);
	void (*txn_done)(void *owner, enum txn_outcome outcome, const struct error *err);
};
