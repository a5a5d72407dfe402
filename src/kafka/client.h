/* client.h: librdkafka clients, set up from the configuration and the derivation of the guarantee. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include "base/error.h"
#include "config/config.h"

/* What a client may keep in memory. */
struct client_sizes {
	uint32_t partition_prefetch_records; /* of one source partition, fetched and not yet read */
	uint32_t partition_prefetch_kbytes;
	uint64_t prefetch_bound_bytes;	    /* of all source partitions together */
	uint32_t fetch_max_bytes;	    /* one fetch answer */
	uint32_t partition_fetch_max_bytes; /* one partition's share of it */
	uint32_t produce_queue_records;
	uint32_t produce_queue_kbytes;
	uint32_t batch_max_bytes;   /* what each target takes in one batch, at least; 0: unknown */
	uint32_t message_max_bytes; /* what one of them takes at most; 0: unknown */
	uint32_t dead_letter_max_bytes; /* the same of the topic for dead letters; 0: unknown, or there is none */
	uint32_t dead_letter_partitions;
};

/* A consumer of the pipeline's group; not subscribed yet. events on its queue: rebalance, error, commit. */
rd_kafka_t *client_new_consumer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    struct error *err);

/* A producer to the pipeline's target cluster; delivery reports and errors as events. transactional_id: NULL but with
 * exactly_once. */
rd_kafka_t *client_new_producer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *transactional_id, struct error *err);

/* A client of a cluster that only asks questions and creates topics: in no group, never creates by asking, and
 * told the true end of a log, open transactions or not. */
rd_kafka_t *client_new_admin(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    struct error *err);

/* The same of the source's cluster, by the name of the pipeline's group: asks for committed offsets, and never joins. */
rd_kafka_t *client_new_group_reader(const struct config_pipeline *pipeline, struct error *err);

/* Is librdkafka, as it runs, at least this version? */
bool client_library_at_least(int major, int minor, int patch);
