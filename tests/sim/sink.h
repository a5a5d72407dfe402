/* sink.h: a simulated producer: the sink_ops that the engine drives.
 *
 * Records queue per target partition and travel in requests. An idempotent producer keeps their order, and
 * dies of the first one that fails for good: all that it holds is then reported with errors. Without
 * idempotence one request is in flight at a time, and the later ones go on when one fails. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cluster.h"
#include "core/flow.h"
#include "source.h"

struct instance;

enum { MAX_REQUESTS = 8 };

struct report {
	struct payload *payload;
	uint64_t handle;
	uint32_t records;
	enum report_outcome outcome;
	bool possibly_written;
	int64_t due_us;
};

enum sink_model_state {
	SINK_MODEL_READY,
	SINK_MODEL_DEAD,   /* of a failure; takes nothing */
	SINK_MODEL_PURGED, /* by the engine; takes nothing */
	SINK_MODEL_MAKING,
};

struct sink_queue {
	struct item *items;
	size_t count;
	struct request *flight[MAX_REQUESTS];
	uint32_t flight_count;
	int64_t linger_us; /* when the next request may be made */
};

struct sink_txn {
	bool pending, offsets_sent, ended;
	enum txn_outcome outcome;
	struct group_token token;
	struct txn_mark marks[MAX_PARTS];
	size_t count;
	int64_t offsets_us, end_us, done_us;
};

struct sink {
	struct world *world;
	struct instance *instance;
	enum sink_model_state state;
	uint32_t producer;
	uint32_t held; /* records that are queued or in flight, or whose reports are not emitted */
	struct sink_queue queues[MAX_TARGETS];
	struct report *reports;
	size_t report_count;
	bool fatal; /* to be said */
	int64_t ready_us;
	struct sink_txn txn;
};

extern const struct sink_ops sim_sink_ops;

void sink_open(struct sink *sink, struct world *world, struct instance *instance);
/* The process ends. killed: what it has sent may arrive or not, and nobody aborts its transaction. */
void sink_close(struct sink *sink, bool killed);

/* What a mutant does in the place of recreate: aborts what is open, and the same producer goes on. */
void sink_keep_producer(struct sink *sink);

/* What happens on the brokers' side, whether the process runs or not. */
void sink_run(struct sink *sink);
int64_t sink_run_next_us(const struct sink *sink);

/* When the process has a reason to serve it. */
int64_t sink_next_us(const struct sink *sink);
