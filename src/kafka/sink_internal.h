/* sink_internal.h: what the sink's files share: sink.c (routes, records, reports), sink_headers.c, dead_letter.c
 * (records that the target refuses), sink_client.c (the producer's life) and sink_transaction.c (exactly_once). */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "kafka/record.h"
#include "kafka/sink.h"

/* A target topic, with the handle of the producer at hand. */
struct target {
	char *topic;
	rd_kafka_topic_t *handle;
};

struct route {
	struct target *target;
	int32_t partition; /* RD_KAFKA_PARTITION_UA: by the record's key */
	char *provenance;  /* NULL: none; its prefix, with room for the offset */
	size_t provenance_length; /* of the prefix */
};

/* The producer and what hangs on it: destroyed as one. */
struct sink_client {
	rd_kafka_t *producer;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t **topics;
	size_t topic_count;
};

struct sink {
	const struct config_pipeline *pipeline;
	struct client_sizes sizes;
	char *source_cluster_id; /* "": not known */
	char *transactional_id; /* NULL: no transactions */
	struct sink_host host;
	const struct sink_events *events;
	void *owner;
	int wake_fd;
	struct worker *worker;

	struct sink_client client;
	struct target **targets;
	size_t target_count;
	struct route *routes; /* by part */
	uint32_t route_count;
	uint64_t untimestamped_records;
	size_t record_max_bytes; /* of key and value: what is larger, the targets refuse */

	bool ready;		/* to be told by the next serve */
	struct error broken_by; /* why there is no producer, to be told by the next serve */
	size_t running_jobs;

	/* exactly_once */
	bool judged;	/* this producer has failed for good, and that has been looked at */
	bool txn_ended; /* to be told by the next serve, with its outcome and error */
	enum txn_outcome txn_outcome;
	struct error txn_err;
	int64_t txn_begun_us;
	int64_t fenced_us; /* when another client was last found to have taken our transactional id; 0 never */
};

/* ---- sink.c ---- */

/* The target topic of this name. */
struct target *sink_target(struct sink *sink, const char *topic);
/* Its handle of the producer at hand. */
rd_kafka_topic_t *sink_handle(struct sink *sink, struct target *target);
/* Where the records of a source part go. */
const struct route *sink_route(struct sink *sink, uint32_t part, const rd_kafka_message_t *message);
/* Why the producer, or we, did not take a record for this topic: what submit returns. */
int sink_not_taken(rd_kafka_resp_err_t code, const char *topic, const rd_kafka_message_t *message,
    enum report_outcome *outcome, struct error *err);

/* ---- sink_headers.c ---- */

/* A copy of the record's headers in order, duplicates kept, for the producer to own: the record may have to be sent
 * again; and with provenance = true, ours. NULL: there are none. -EBADMSG with err: they cannot be read, so that the record
 * cannot be written as it is. */
int sink_headers(const struct record *record, const struct route *route, rd_kafka_headers_t **copy, struct error *err);

/* ---- dead_letter.c ---- */

/* sink_ops.dead_letter */
int sink_dead_letter(void *context, uint64_t handle, uint32_t part, void *payload, const struct error *reason,
    enum report_outcome *outcome, struct error *err);

/* ---- sink_client.c ---- */

int sink_client_open(const struct sink *sink, struct sink_client *client, struct error *err);
/* Blocks for a moment. What is not reported yet is given up. */
void sink_client_close(struct sink_client *client);
/* The topic's handle of this client. */
rd_kafka_topic_t *sink_client_topic(struct sink_client *client, const char *topic);
/* sink_ops.purge and recreate */
void sink_purge(void *context, bool in_flight_too);
void sink_recreate(void *context);

/* ---- sink_transaction.c: exactly_once (semantics: Exactly once) ---- */

/* Before the first transaction: ends what a predecessor has left open. Blocks: for a worker's job. */
int sink_transaction_init(const struct sink *sink, rd_kafka_t *producer, struct worker *worker, struct error *err);
/* sink_ops.txn_begin and txn_commit */
int sink_transaction_begin(void *context, struct error *err);
void sink_transaction_commit(void *context, const struct mark *marks, size_t count, void *token);
/* Tells the engine how the transaction has ended, if it has. */
void sink_transaction_serve(struct sink *sink);
/* The producer has failed for good, with this code. Said once of each. Fenced, and not for the first time: then err is
 * made one that needs a person. */
void sink_transaction_judge(struct sink *sink, rd_kafka_resp_err_t code, struct error *err);
