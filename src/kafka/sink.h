/* sink.h: the producer as the engine sees it: struct sink_ops over librdkafka.
 *
 * Values are not copied: a record's event owns the bytes until its report. All functions: the pipeline's
 * thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/worker.h"
#include "config/config.h"
#include "core/flow.h"
#include "kafka/client.h"

struct sink;

struct sink_host {
	/* A fault that heals by itself; -ENETDOWN: no broker can be reached. */
	void (*trouble)(void *host, const struct error *err);
	/* One that needs a person (wrong password, ...). */
	void (*failed)(void *host, const struct error *err);
	void *host;
};

/* Makes the producer. source_cluster_id: for the pipeline's provenance, "" where it is not known. transactional_id: NULL,
 * or with exactly_once the id that names this member of the pipeline among all clients of the target cluster; the sink
 * is ready then only when it says so, once a predecessor's transaction has ended. wake_fd (an eventfd) becomes readable when there is something to serve; worker runs what would block, a
 * transaction's end for seconds: with exactly_once it is the sink's alone. Both, pipeline and events outlive the
 * sink. */
struct sink *sink_new(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *source_cluster_id, const char *transactional_id, int wake_fd, struct worker *worker,
    const struct sink_host *host, struct error *err);

void sink_set_events(struct sink *sink, const struct sink_events *events, void *owner);

extern const struct sink_ops kafka_sink_ops;

/* Records sent with the time of their relay, because theirs was absent or not after 1970. One that is sent again
 * from memory counts once. */
uint64_t sink_untimestamped_records(const struct sink *sink);

/* A question to the target cluster, which brokers lead the partitions that records have gone to; on the same terms as
 * sink_probe(). NULL: there is nobody to ask. The caller frees. */
struct leaders;
struct leaders *sink_ask_leaders(const struct sink *sink);

/* The broker to which the records of a source part go, by that answer; -1: it is not known, or each record's key
 * decides. */
int32_t sink_leader_of(const struct sink *sink, uint32_t part, const struct leaders *leaders);

/* Prepares a question to the target cluster, see probe.h. Not while it has no producer, and not with exactly_once: the
 * worker may replace the producer at any time then. */
struct probe;
void sink_probe(struct sink *sink, struct probe *probe);

/* No job of it is running in the worker: it may be freed. */
bool sink_is_idle(const struct sink *sink);

/* Destroys the producer, which may block for a moment: from a worker's job. What is not reported yet is given
 * up. Accepts NULL. */
void sink_free(struct sink *sink);
