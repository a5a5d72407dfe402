/* pipeline_internal.h: what the files of a pipeline share. All of it belongs to the pipeline's thread, but the
 * mailbox and the published snapshot.
 *
 *   pipeline.c           the thread, its loop and its phases
 *   pipeline_clients.c   the sizes of the clients, what they and the engine report
 *   pipeline_losses.c    records that do not arrive at their target, told
 *   pipeline_orders.c    what a person has decided for blocked partitions
 *   pipeline_topics.c    which topics are read, and that this changes
 *   pipeline_calls.c     calls of librdkafka that do not return
 *   pipeline_partitions.c  what each partition waits for, and what was wrong with it last
 *   pipeline_snapshot.c  what can be seen from outside */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <systemd/sd-event.h>
#include "base/log.h"
#include "base/worker.h"
#include "core/backoff.h"
#include "core/call_watch.h"
#include "core/sent_memory.h"
#include "kafka/preflight.h"
#include "kafka/probe.h"
#include "kafka/sink.h"
#include "kafka/source.h"
#include "kafka/topic_memory.h"
#include "relay/engine.h"
#include "relay/pipeline.h"

/* One life of the clients goes from PREFLIGHT to FREE; after a fault there may be another. */
enum pipeline_phase {
	PHASE_PREFLIGHT, /* the worker checks the clusters */
	PHASE_RUN,
	PHASE_DRAIN,	 /* the engine settles and commits */
	PHASE_CLOSE,	 /* the consumer leaves the group */
	PHASE_FREE,	 /* the worker destroys the clients */
	PHASE_WAIT,	 /* back-off before the next life */
	PHASE_FAILED,	 /* until a person acts: here, until it is stopped */
	PHASE_END,
};

/* Does a cluster answer? One that freezes closes no connection, and librdkafka tells nothing for a minute: where
 * nothing comes from it, it is asked. */
struct cluster_watch {
	bool down;
	uint64_t progress; /* records from it, or acknowledged by it, at the last look */
	int64_t heard_us;  /* when it last gave a sign of life */
	uint32_t silent;   /* questions that it has not answered, one after another */
};

/* What is remembered of a partition, to be seen from outside. */
struct part_memory {
	struct partition_watch watch;
	enum part_state state;
	int64_t state_since_ms;
	struct error *last_error; /* NULL: none */
	int64_t last_error_at_ms;
};

/* Neighbours that were lost for one reason. */
struct lost_range {
	uint32_t part;
	int64_t first, next;
	uint64_t records; /* 0: nothing */
	struct error err;
};

struct pipeline {
	const struct config_pipeline *settings;
	const char *instance; /* aloqd.instance */
	uint64_t memory_bytes;
	int owner_fd; /* the supervisor's: state changes */
	int wake_fd;  /* ours: queues, worker, mailbox */

	pthread_t thread;
	atomic_bool ended;
	_Atomic int64_t stop_deadline_us; /* the mailbox; CLOCK_NEVER: run */
	atomic_bool paused;               /* the mailbox too: from one life of the clients to the next */
	pthread_mutex_t orders_lock;
	struct unblock_order *orders; /* the mailbox too, under the lock: the newest first */

	sd_event *loop;
	sd_event_source *timer;
	int64_t armed_us; /* what the timer is set to */
	struct worker *worker;
	struct topic_memory *topic_memory; /* from one life to the next; the worker's */
	struct sent_memory *sent_memory;   /* the same; ours */
	struct worker *sink_worker; /* exactly_once: ends transactions, in this life of the clients; else NULL */

	struct call_watch call, sink_call; /* what the workers are in */
	const char *overstays_in; /* a call that should have returned long ago: what it is for; NULL none */
	const char *hangs_in;	  /* the same, of one that is not waited for any more */
	bool hangs_undrained;	  /* then: the engine works all the same, and has not been drained */

	enum pipeline_phase phase;
	enum pipeline_state state;
	int64_t state_since_ms;
	int64_t ready_us; /* when it was last left running or paused; 0 never */
	char *reason;
	struct error last_error;
	int64_t last_error_at_ms;
	struct log_ratelimit trouble_limit;
	struct log_ratelimit refused_limit, lost_limit;
	struct lost_range lost; /* not logged yet */
	uint64_t lost_unlogged_records; /* of the ranges that got no line */

	struct cluster_ids *cluster_ids; /* all pipelines' */
	struct preflight_result preflight; /* what the clients were made by */
	struct preflight_result fresh;	   /* being found out by the worker */
	bool has_run;		/* clients have been made by it */
	bool group_started;	/* an assignment has been taken up, and so the start positions are committed */
	bool renew;		/* what this life was made by has changed: another one at once */
	bool looking;		/* the worker looks whether topics have come, gone or grown */
	bool look_wanted;	/* ... at once, because one has */
	int64_t look_at_us;
	int64_t look_interval_us;
	uint64_t warned_need_bytes; /* of large records in many partitions; 0: nothing said yet */
	bool preflight_running;
	struct source *source;
	struct sink *sink;
	struct engine *engine;
	bool freeing;
	struct error failure;	  /* why this life ends; code 0: it was asked to */
	int64_t fenced_us;	  /* when another member was last found to have taken our place by our name; 0 never */
	struct backoff backoff;	  /* between lives */
	int64_t wait_until_us;
	int64_t life_began_us;	  /* 0: this life got no further than the preflight */
	int64_t drain_until_us;	  /* when a drain that does not end is abandoned */

	bool assigned;	      /* the group has given us an assignment in this life */
	struct cluster_watch source_watch, sink_watch;
	int64_t closing_heard_us; /* when the source's cluster last answered since the consumer is being closed; 0 never */
	int64_t sink_closed_us; /* since when the engine has been seen without a producer; 0: it has one */
	bool probing;
	int64_t probe_at_us;
	size_t blocked_parts; /* as of the last look */
	struct leaders *leaders; /* of the targets, as last answered; NULL: nobody has waited long enough to ask */
	bool leaders_wanted;	 /* somebody has */
	bool asking_leaders;
	int64_t leaders_asked_us; /* when that answer, or none, came */
	struct part_memory *parts; /* by number, of this life of the clients */
	uint32_t part_capacity;

	uint64_t heartbeats, restarts, rebalances, log_gaps, log_gap_records, blocked_gaps, source_stalls, past_untimestamped;
	bool drain_was_clean;
	size_t left_blocked; /* partitions, by the last drain */
	struct engine_counters past; /* of earlier lives */
	struct engine_latencies past_latencies;

	pthread_mutex_t snapshot_lock;
	struct pipeline_snapshot published; /* under the lock */
	int64_t published_us;
	bool changed; /* something happened since */
};

/* ---- pipeline.c ---- */

/* The one place where the state changes. reason may be NULL. */
void pipeline_set_state(struct pipeline *pipeline, enum pipeline_state state, const char *reason);

/* ---- pipeline_clients.c ---- */

/* Makes source, sink and engine, by what the preflight has learned. */
int pipeline_open_clients(struct pipeline *pipeline, struct error *err);
/* Would the clients be made with much smaller bounds by what this one has learned? */
bool pipeline_sizes_shrink(const struct pipeline *pipeline, const struct preflight_result *preflight);
/* Remembers a fault that heals, and logs it, not too often. */
void pipeline_note_trouble(struct pipeline *pipeline, const struct log_place *place, const struct error *err);
/* Asks whether clusters answer, of which nothing is heard, or that were down, where it matters. At every turn. */
void pipeline_probe(struct pipeline *pipeline, int64_t now_us);

/* The place of a part, for the log; UINT32_MAX: no certain one. */
struct log_place pipeline_place_of(const struct pipeline *pipeline, uint32_t part, int64_t offset);

/* ---- pipeline_losses.c ---- */

/* engine_host_ops.refused and lost */
void pipeline_on_refused(
    void *host, uint32_t part, int64_t offset, enum error_policy policy, const struct error *err);
void pipeline_on_lost(
    void *host, uint32_t part, int64_t first, int64_t next, uint64_t records, const struct error *err);
/* Logs what has been gathered. */
void pipeline_tell_lost(struct pipeline *pipeline);

/* ---- pipeline_orders.c ---- */

/* Tells the engine what has come. */
void pipeline_take_orders(struct pipeline *pipeline);
/* engine_host_ops.unblocked */
void pipeline_on_unblocked(void *host, uint32_t part, int64_t offset, enum unblock how, enum unblock_end end);
void pipeline_free_orders(struct pipeline *pipeline);

/* ---- pipeline_topics.c ---- */

/* The worker finds out what there is; finished() follows in the pipeline's thread, with pipeline->fresh filled. */
void pipeline_begin_preflight(struct pipeline *pipeline, void (*finished)(void *pipeline, bool cancelled));
/* Looks again, now and then, whether topics have come, gone or grown. Returns when to come again. */
int64_t pipeline_look(struct pipeline *pipeline, int64_t now_us);
/* pipeline->fresh becomes what the clients are made by. */
void pipeline_take_fresh(struct pipeline *pipeline);
/* Is there any topic to read? */
bool pipeline_reads_any(const struct pipeline *pipeline);
/* Why a topic is not read, in a sentence; NULL: all are. The caller frees. */
char *pipeline_held_topics(const struct pipeline *pipeline);

/* ---- pipeline_calls.c ---- */

/* Looks whether a worker is in a call that does not return, and tells it. At every turn. */
void pipeline_watch_calls(struct pipeline *pipeline, int64_t now_us);

/* ---- pipeline_partitions.c ---- */

/* A fault concerns this partition; UINT32_MAX: no single one. */
void pipeline_note_partition(struct pipeline *pipeline, uint32_t part, const struct error *err);
/* The partitions that are assigned now, into the snapshot, with their sums. */
void pipeline_add_partitions(struct pipeline *pipeline, struct pipeline_snapshot *snapshot, int64_t now_us);
/* Asks who leads the targets' partitions, while somebody waits for a report. At every turn. */
void pipeline_ask_leaders(struct pipeline *pipeline, int64_t now_us);
/* The numbers of the partitions are about to lose their meaning. */
void pipeline_forget_partitions(struct pipeline *pipeline);

/* ---- pipeline_snapshot.c ---- */

void pipeline_publish(struct pipeline *pipeline, int64_t now_us);
/* The engine is about to be freed: keep its counts, and what the next one needs for its own. */
void pipeline_keep_counts(struct pipeline *pipeline);
