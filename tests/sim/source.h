/* source.h: a simulated consumer: the source_ops that the engine drives, and what the group tells it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cluster.h"
#include "core/flow.h"
#include "plan.h"

struct world;
struct instance;

enum { MAX_CHUNK_RECORDS = 16 };

/* What a chunk points to. Kept until the end of the scenario, so that a use after its release is seen. */
struct payload {
	struct payload *next;
	int instance;
	uint32_t part;
	uint64_t epoch;
	uint32_t version; /* of the log */
	uint64_t read; /* the first epoch of the read that it is of */
	uint32_t claim;
	int64_t first, end;
	uint32_t records, bytes;
	int64_t offsets[MAX_CHUNK_RECORDS];
	struct source_record as_read[MAX_CHUNK_RECORDS]; /* a log that is truncated may get others there */
	uint64_t handle;     /* of the last submission */
	uint32_t unreported; /* of the records in flight */
	bool stale;	     /* must be dropped by the guard */
	bool submitted, failed, settled, released;
	bool told_lost;	    /* the engine has said so */
	bool refused;	    /* known to be at fault, and skipped or a dead letter */
	bool maybe_written; /* a part of it, once */
	bool stopped;	    /* the target said once that it takes nothing */
	bool committed;	    /* the brokers have an offset behind it, of its own read */
	bool held_to_death; /* when its process was killed */
};

enum source_part_state { SOURCE_NONE, SOURCE_RESOLVING, SOURCE_READING, SOURCE_REVOKING };

struct source_part {
	enum source_part_state state;
	uint64_t epoch;
	uint32_t claim;
	int64_t position;
	int64_t told_position; /* the last one said to the engine */
	int64_t resolve_us;    /* when its committed offset is known */
	int64_t skip_to;       /* retention has taken what lies before; -1 no */
	int64_t past_end;      /* where it was when it found that the log ends before; -1 not so */
	bool again;	       /* had been reading: waits for the answer of a commit on its way */
	bool cross_gap;	       /* a person has said so */
	bool gap;	       /* says blocked before it reads */
	bool in_gap;	       /* has said so, and waits for a person, or until it heals */
	bool tells_gap;	       /* just now */
	bool asleep;	       /* has nothing; wakes the engine when that changes */
};

enum source_event_kind { SOURCE_REVOKE, SOURCE_ASSIGN, SOURCE_GENERATION, SOURCE_LOST, SOURCE_JOIN };

struct source_event {
	enum source_event_kind kind;
	int64_t due_us;
	uint32_t argument; /* parts to revoke, part, or generation */
	uint32_t claim;
};

enum commit_fate { COMMIT_OK, COMMIT_FAILS, COMMIT_PARTIAL, COMMIT_LOST, COMMIT_ANSWER_LOST };

struct source_commit {
	bool pending, applied;
	enum commit_fate fate;
	int member, generation;
	int64_t apply_us, answer_us;
	struct mark marks[MAX_PARTS];
	size_t count;
};

struct group_token {
	int member, generation;
};

struct source {
	struct world *world;
	struct instance *instance;
	struct source_part parts[MAX_PARTS];
	struct source_event *events;
	size_t event_count;
	int64_t wake_us;
	int generation; /* -1: not a member */
	bool revoking;	/* the group waits for us */
	uint32_t to_revoke;
	struct source_commit commit;
	uint64_t last_epoch;
	struct payload *payloads;
	uint64_t held_records, held_bytes;
	uint32_t part_held_records[MAX_PARTS];
	uint32_t tokens; /* given out and not freed */
};

extern const struct source_ops sim_source_ops;

/* ---- within the source (source.c, source_records.c) ---- */

/* The fetch of sim_source_ops. */
uint32_t source_fetch(void *source, uint32_t part, uint32_t max_records);
/* Retention has taken some records from offset on: reading will go on behind them. */
void source_skip_ahead(struct source *source, uint32_t part, int64_t offset);
/* A new epoch will begin at the committed offset. */
void source_resolve_again(struct source *source, uint32_t part);
/* The log ends before where it reads. */
void source_is_past_end(struct source *source, uint32_t part);
/* Some time from now, at most max_us. */
int64_t source_after(struct source *source, int64_t max_us);

/* ---- for the process and the group ---- */

void source_open(struct source *source, struct world *world, struct instance *instance);
/* The process ends: the engine is gone. killed: without notice. */
void source_close(struct source *source, bool killed);

/* What the group says. */
void source_asked_to_revoke(struct source *source, uint32_t parts);
void source_assigned(struct source *source, uint32_t part, uint32_t claim);
void source_new_generation(struct source *source, int generation);
void source_expelled(struct source *source);

/* Has it a gap that nobody but a person, or who reads it next, crosses? */
bool source_waits_for_person(const struct source *source, uint32_t part);

/* The partition's log has grown. */
void source_wake(struct source *source, uint32_t part);

/* What happens to a commit on the brokers' side, whether the process runs or not. */
void source_run(struct source *source);
int64_t source_run_next_us(const struct source *source);

/* When the process has a reason to serve it. */
int64_t source_next_us(const struct source *source);
