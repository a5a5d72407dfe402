/* source.h: a member of a consumer group as the engine sees it: struct source_ops over librdkafka.
 *
 * Every assigned partition has its own queue, so that control events never wait behind records and a
 * partition whose window is full holds back only itself. Positions are resolved by the source (see
 * positions.h) before it assigns with explicit offsets. All functions: the pipeline's thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"
#include "core/flow.h"
#include "kafka/client.h"
#include "kafka/preflight.h"
#include "kafka/topic_memory.h"

struct source;

/* What the source says besides the engine's events. */
struct source_host {
	/* A fault that heals by itself; -ENETDOWN: no broker can be reached. part UINT32_MAX: of no single partition. */
	void (*trouble)(void *host, uint32_t part, const struct error *err);
	/* A gap of the source is crossed on purpose (on_gap): records [from, to) will not be relayed. Said before anything
	 * behind it is committed, and again if that came to nothing. */
	void (*gap)(void *host, const char *topic, int32_t partition, int64_t from, int64_t to, const char *words);
	/* A gap of the source stops a partition (on_gap = block). Said each time that its position is decided. */
	void (*gap_stops)(void *host);
	/* librdkafka does not fetch a partition any more: it stands at offset, and its log ends at log_end. It is
	 * read anew. before: how often that was said already, with nothing in between. */
	void (*stalled)(void *host, uint32_t part, int64_t offset, int64_t log_end, int64_t silent_us, unsigned before);
	/* The group has given this member an assignment (of any size). */
	void (*assignment)(void *host, size_t partitions);
	/* This member has lost its place in the group, and joins it again. why: words for it; NULL: nothing is known. */
	void (*lost)(void *host, const char *why);
	/* A partition was assigned for which its target has none: it is blocked. */
	void (*narrow)(void *host);
	void *host;
};

/* Makes the consumer; it reads nothing before source_subscribe(). group_instance_id: NULL, or with static membership the
 * name by which the group knows this member again. wake_fd (an eventfd) becomes readable when there is
 * something to serve; worker runs what would block, and alone uses memory. All of them, pipeline and events outlive the
 * source. NULL and err on failure. */
struct source *source_new(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *group_instance_id, int wake_fd, struct worker *worker, struct topic_memory *memory,
    const struct source_host *host, struct error *err);

/* Reads these topics and no others, but for those that are held; all that were read are revoked first, and assigned
 * anew. With cooperative rebalances those alone that are read no more are revoked. */
int source_subscribe(struct source *source, const struct read_topic *topics, size_t count, struct error *err);

/* Where its events go; before the first step. */
void source_set_events(struct source *source, const struct source_events *events, void *owner);

extern const struct source_ops kafka_source_ops;

/* How often the topics of the cluster are looked at again: topic.metadata.refresh.interval.ms; CLOCK_NEVER: not. */
int64_t source_look_interval_us(const struct source *source);

/* The topic (valid as long as the source) and number of a part. */
void source_part_name(const struct source *source, uint32_t part, const char **topic, int32_t *partition);

/* Are its records taken, as they come? Not while its position is being found out, nor while it is given up. */
bool source_part_is_read(const struct source *source, uint32_t part);

/* Was its topic found to be deleted? Then it is as long as this source lives. */
bool source_part_is_gone(const struct source *source, uint32_t part);

/* The end of the partition's log as the last fetch saw it, or a question since, where nothing came; or -1. */
int64_t source_log_end(const struct source *source, uint32_t part);

/* The marks as librdkafka takes offsets to commit; the caller destroys the list. */
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_topic_partition_list_s *source_offsets(const struct source *source, const struct mark *marks,
    size_t count);

/* Prepares a question to the source cluster, see probe.h. */
struct probe;
void source_probe(struct source *source, struct probe *probe);

/* Leaves the group. Call when the engine has drained; then serve until source_is_closed(). */
void source_close(struct source *source);
bool source_is_closed(const struct source *source);

/* No job of it is running in the worker: it may be freed. */
bool source_is_idle(const struct source *source);

/* Destroys the consumer, which may block for a moment: from a worker's job. All chunks must have been
 * released. Accepts NULL. */
void source_free(struct source *source);
