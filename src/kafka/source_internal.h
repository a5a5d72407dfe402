/* source_internal.h: what the source's files share: source.c (records, control events, life), source_commits.c (offsets),
 * source_assignment.c (rebalances), source_positions.c (where reading begins), source_reading.c (what librdkafka reads),
 * source_doubts.c (what is fetched again), source_prefetch.c (the bound of what is fetched ahead), source_stalls.c (what is
 * not fetched any more) and source_topics.c (topics that are gone). */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "core/prefetch_turns.h"
#include "kafka/fetch_waker.h"
#include "kafka/leader_epoch.h"
#include "kafka/record.h"
#include "kafka/source.h"
#include "kafka/topic_id.h"

struct commit_answers;
struct positions;
struct record_block;

struct source_topic {
	char *name;
	struct source_part **parts; /* by partition; NULL: never seen */
	size_t part_count;
	bool later;		   /* newer than the group's first start */
	int32_t target_partitions; /* a partition from this number on has none to go to */
	bool subscribed;	   /* it is one of those that are read */
	bool declined;		   /* cooperative: the group has given partitions of it that are not read, and gives them once */
	unsigned missed;	   /* looks in a row that have not found it */
	bool gone;		   /* deleted while it was read: if there is one of its name again, our offsets are not for it */
};

/* Of a partition of which nothing comes. */
struct fetch_watch {
	uint64_t epoch;
	int64_t position;	  /* its next_offset, when something was last heard of it */
	int64_t quiet_since_us;
	int64_t patient_since_us; /* the same, or since brokers last did not answer */
	int64_t asked_us;
	bool asked_apart;	  /* the last question had no answer for it: see log_ends.h */
	int64_t failed_us;	  /* when it last had none, asked apart; 0: not since it had one */
	int64_t log_end;	  /* as answered; -1: not asked since something came */
	int64_t behind_since_us;  /* the first answer that lies beyond the position; 0: none does */
	unsigned stalls;	  /* told, one after another, while nothing came */
};

struct source_part {
	uint32_t number;
	struct source_topic *topic;
	int32_t partition;
	rd_kafka_queue_t *queue; /* its own, of the last time it was read; NULL: never read */
	bool reading;		 /* records are taken from the queue */
	uint64_t epoch;
	int64_t next_offset; /* what the next record has at least */
	char topic_id[TOPIC_ID_SIZE]; /* of the topic in which it is read; "" unknown */
	int32_t leader_epoch; /* of the record before next_offset; -1 unknown */
	bool validated; /* since it was read from next_offset on, the leader was asked whether its log has that record */
	bool cut;	/* librdkafka was told that it has not */
	int64_t cut_at; /* then: where it ends instead; -1 unknown */
	int64_t cut_read_to; /* then: what next_offset was */
	int32_t broker;	 /* from which the last record came; -1: none yet, or unknown */
	bool at_end;	 /* the last thing said of it was an end */
	bool doubted;	 /* to be read again from next_offset on */
	bool stall_doubted; /* then: since it is stalled */
	bool read_again; /* what comes next was fetched since, and is believed */
	unsigned damages; /* batches that could not be read, since something could */
	struct fetch_watch watch;
	bool assigned;	     /* by the group, even if blocked and so not read */
	bool taken_up;	     /* librdkafka has it in its assignment */
	bool revoking;	     /* the engine has been asked to let it go */
	bool reposition;       /* its position is to be resolved anew */
	int64_t reposition_at; /* then: from this offset; -1: from what the group has committed */
	bool cross_gap;	       /* a gap that is found then is crossed: a person has decided so */
	bool moving_on;	  /* the group was told where it goes on, or may have been, and the engine was not yet */
	int64_t moves_to; /* then: to there */
};

enum rebalance_state {
	REBALANCE_NONE,
	REBALANCE_RESOLVING, /* an assignment waits for its positions */
	REBALANCE_REVOKING,  /* partitions wait for the engine's release */
};

struct source {
	const struct config_pipeline *pipeline;
	rd_kafka_t *consumer;
	rd_kafka_queue_t *queue, *commit_queue;
	struct commit_answers *commit_answers;
	int wake_fd;
	struct worker *worker;
	struct topic_memory *memory;
	struct source_host host;
	const struct source_events *events;
	void *owner;
	struct leader_epochs epochs;
	bool validates; /* the leader is asked about the epochs of what was read */

	struct source_topic **topics;
	size_t topic_count;
	struct source_part **parts;
	uint32_t part_count;
	uint64_t last_epoch;

	bool cooperative; /* a rebalance gives and takes single partitions (KIP-429), and the others are read on */
	enum rebalance_state rebalance;
	rd_kafka_topic_partition_list_t *pending; /* given by the group, and not taken up yet; NULL: none */
	size_t unreleased;			  /* partitions that a revoke takes away and that are not released yet */
	int64_t polled_us;    /* no rebalance had begun by then that has not been heard of */
	int64_t still_us;     /* after that long without a look for events the group may have gone on without us */
	int64_t answer_us;    /* how long a rebalance may wait for its answer */
	int64_t answer_by_us; /* REBALANCE_REVOKING: when the group may have gone on without it */
	int64_t member_look_us; /* then: when to look again whether it still counts us among its members */
	char *member_id; /* in the group, at the last assignment, or with cooperative any event; NULL: there was none */
	bool moved;	 /* cooperative: partitions were repositioned since control events were last taken */
	struct resolve_job *job;		  /* running, or finished and not applied yet */
	bool reposition_wanted;
	uint32_t subscriptions; /* how often the topics have been named */
	bool closing;

	bool asking_ends;      /* the worker asks where logs end */
	int64_t silence_us;    /* of a partition, after which it is asked for */
	int64_t stall_us;      /* after which it is repositioned, where it is not at its end */
	int64_t stall_look_us; /* when to look at the partitions again */
	int64_t stall_hold_us; /* when partitions may be repositioned again for it */
	unsigned stall_rounds; /* in which they were, close together */

	bool has_doubts;     /* partitions are to be read again */
	bool topics_doubted; /* something was said as if a topic did not exist */
	bool looking_up;     /* the worker asks for them */
	int64_t looked_up_us;

	struct mark *marks; /* of the outstanding commit */
	size_t mark_count;
	bool commit_outstanding;
	rd_kafka_resp_err_t commit_refused;
	bool commit_held; /* nothing of it was sent: to be answered so */
	size_t tokens;	  /* of transactions that may be about to end */

	int64_t wall_ms; /* of our clock, at the last serve: each step has one */
	struct prefetch_turns turns; /* by the parts' numbers */
	int64_t look_us;	     /* when to look at what is held again */
	bool turns_told;

	struct record *free_records;
	struct record_block *record_blocks;
	struct fetch_waker waker;
};

/* ---- source.c ---- */
struct source_topic *source_topic_of(struct source *source, const char *name);
struct source_part *source_part_of(struct source *source, const char *topic, int32_t partition);
void source_watch_queue(struct source *source, rd_kafka_queue_t *queue);
/* Takes what the partition's queue holds, up to so many records, and tells the engine. Returns how many. */
uint32_t source_take_events(struct source *source, struct source_part *part, uint32_t max_records);

/* ---- source_doubts.c ---- */

/* A broker's number for source_believes(): not a record, the end of the partition. */
enum { SOURCE_END = -2 };
/* It is being read from next_offset on, by a new fetch. */
void source_trust(struct source_part *part);
/* It is read again from next_offset on with the next serve, and what comes until then is dropped. */
void source_doubt(struct source *source, struct source_part *part);
/* Is what comes at this offset, from this broker and of this leader epoch (-1 unknown), to be taken? Else it is not, and
 * will come again, once doubts have been served. */
bool source_believes(
    struct source *source, struct source_part *part, int64_t offset, int32_t broker, int32_t leader_epoch);
/* librdkafka has stopped reading it: it cannot where it was. The positions say what becomes of it. */
void source_take_reset(struct source *source, struct source_part *part, rd_kafka_event_t *event);
void source_serve_doubts(struct source *source);
/* Does it say that a batch cannot be read? */
bool source_error_means_damage(rd_kafka_resp_err_t code);
/* A batch cannot be read: it is fetched again, and blocks the partition if that does not help. */
void source_take_damage(struct source *source, struct source_part *part, rd_kafka_resp_err_t code, struct error *err);

/* ---- source_commits.c ---- */

/* source_ops.commit, group_token and free_group_token */
void source_commit(void *source, const struct mark *marks, size_t count);
void *source_group_token(void *source);
void source_free_group_token(void *source, void *token);
/* Tells the engine the answers that have come. */
void source_serve_commits(struct source *source);

/* ---- source_prefetch.c ---- */

/* Pauses and resumes partitions, so that not too much is fetched ahead. */
void source_bound_prefetch(struct source *source);

/* ---- source_stalls.c ---- */

/* The consumer is there: how long a silence is. */
void source_prepare_stalls(struct source *source);
/* Looks of which partitions nothing comes, asks where their logs end, and reads those anew that stand before it. */
void source_serve_stalls(struct source *source);
/* It has been assigned, and is about to be fetched: no order overtakes that before it has had its time. */
void source_begin_patience(const struct source *source, struct source_part *part);
/* These could not be read again from where they are: they are repositioned, but for those that only a stall brings, as
 * long as the last repositioning for one is not long ago enough. */
void source_cannot_seek(struct source *source, const rd_kafka_topic_partition_list_t *list);

/* ---- source_topics.c ---- */

/* Does it say that a topic or partition does not exist? */
bool source_error_means_gone(rd_kafka_resp_err_t code);
/* Something was said as if a topic did not exist: find out. */
void source_doubt_topics(struct source *source);
/* Asks where there are doubts, and now and then for the ids. A topic that does not exist fails the source, which is to
 * be made anew; the partitions of one that was recreated are repositioned. */
void source_serve_topics(struct source *source);

/* ---- source_reading.c ---- */

/* The i-th of the list. */
struct source_part *source_part_at(struct source *source, const rd_kafka_topic_partition_list_t *list, int i);
/* Its records are not taken any more; librdkafka may still fetch them. */
void source_stop_reading(struct source_part *part);
/* Drops what its queue holds. */
void source_empty_queue(struct source_part *part);
/* The consumer is closed, and about to be destroyed: no queue may hold anything. */
void source_give_up_queues(struct source *source);
/* Reads these partitions, each from its offset; with the eager protocol, these and no others. A failure is told as one
 * that needs the clients made anew. */
void source_assign(struct source *source, const rd_kafka_topic_partition_list_t *list);
/* Cooperative: of these partitions librdkafka gives up those that it has. */
rd_kafka_resp_err_t source_take_out(struct source *source, const rd_kafka_topic_partition_list_t *list);

/* ---- source_assignment.c ---- */

/* The consumer is there: how long the group waits for its answers. */
void source_prepare_answers(struct source *source);
/* A rebalance event: ASSIGN or REVOKE. */
void source_rebalance(struct source *source, rd_kafka_resp_err_t code,
    const rd_kafka_topic_partition_list_t *partitions);
/* What a revoke takes away is lost where the group has gone on, or may have, before the engine has let go of it. */
void source_serve_answers(struct source *source);
/* source_ops.release_partition */
void source_release_partition(void *source, uint32_t part);
/* Answers a revoke once the engine has let go of all that is taken away, and no job is left that could still commit: a
 * position that it commits after the next owner has begun to read would take that one's offset back. */
void source_finish_revoke_if_released(struct source *source);
/* No rebalance is at hand any more. */
void source_rebalance_finished(struct source *source);
size_t source_assigned_count(const struct source *source);
/* The consumer is about to be closed: complete what a rebalance has begun. */
void source_abandon_rebalance(struct source *source);

/* ---- source_positions.c ---- */

/* Resolve a partition's position anew (gap), expecting to continue at this offset. */
void source_reposition(struct source *source, struct source_part *part, int64_t offset);
/* source_ops.rewind */
void source_rewind(void *source, uint32_t part, bool cross_gap);
/* Its position is not asked for any more. That its log was cut stands until it is: also where the partition comes back
 * before. */
void source_drop_question(struct source_part *part);
/* What the worker is finding out is not used any more. */
void source_outdate_positions(struct source *source);
/* For the partitions that stay, what was outdated is asked again. */
void source_ask_again(struct source *source);
/* Is the position of a partition being resolved anew? What was read before must not be committed meanwhile. */
bool source_is_moving(const struct source *source);
/* Resolves positions, and applies those that have been. */
void source_serve_positions(struct source *source);
/* Takes up what the group has given, where it is to be read from. */
void source_apply_assignment(struct source *source, struct positions *positions);
/* The engine reads it from there, in a new epoch. */
void source_begin_epoch(struct source *source, struct source_part *part, int64_t position);
