/* settings.h: every librdkafka setting that aloqd gives a client, with its reason.
 *
 * The one source of what the clients get (client.c) and of what the operator is shown (daemon/explain.c). A list is in
 * the order in which it is applied: of several settings of one name the last one holds. Thread: any. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"

/* What a client may keep in memory, and what follows from its topics. */
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

enum setting_origin {
	SETTING_DEFAULT,  /* aloqd's choice, which the operator's properties may change */
	SETTING_PROPERTY, /* the operator's choice */
	SETTING_FIXED,	  /* follows from the guarantee, from keys of the configuration, or from aloqd.memory */
};

struct setting {
	enum setting_origin origin;
	const char *name; /* the configuration's, or static */
	char *value;	  /* NULL: decided when the pipeline starts, by its topics or a credential */
	const char *reason; /* static: a clause that completes "because ..."; NULL with SETTING_PROPERTY */
	const struct config_property *property; /* with SETTING_PROPERTY; the configuration's */
	bool optional; /* a librdkafka that does not know it does without */
};

struct settings {
	struct setting *items;
	size_t count;
};

/* Fill a list of zeros with the settings of a member of the pipeline's group, and of a producer to its target. sizes
 * may be NULL: then what depends on them has no value. group_instance_id: NULL but with from.static_membership;
 * transactional_id: NULL but with exactly_once. */
void settings_of_consumer(struct settings *settings, const struct config_pipeline *pipeline,
    const struct client_sizes *sizes, const char *group_instance_id);
void settings_of_producer(struct settings *settings, const struct config_pipeline *pipeline,
    const struct client_sizes *sizes, const char *transactional_id);

/* The same of a client that only asks the pipeline's source or target cluster. group: in whose name, or NULL. */
void settings_of_asker(struct settings *settings, const struct config_pipeline *pipeline,
    const struct config_cluster *cluster, const char *group);

/* The same of a client of aloqctl's: what reaches the cluster, and its properties. What the client is for is added. */
void settings_of_tool(
    struct settings *settings, const struct config_cluster *cluster, bool is_producer, const char *client_id);

/* Adds a fixed one; value is copied. */
void settings_add(struct settings *settings, const char *name, const char *value, const char *reason);

/* A consumer whose prefetch is full asks for more as soon as there is room. From librdkafka 2.2 on; before, see
 * kafka/fetch_waker.h. */
void settings_add_prompt_fetch(struct settings *settings);

/* Zeros it. */
void settings_clear(struct settings *settings);

/* Is this value of partition.assignment.strategy one with which rebalances move single partitions (KIP-429)? librdkafka
 * takes none that is so in part. */
bool settings_is_cooperative(const char *strategy);

/* The one of this name that holds, or NULL. */
const struct setting *settings_find(const struct settings *settings, const char *name);

/* Names this member among all clients of its clusters, for as long as it is configured so: its successor after a
 * crash must be taken for the same one, and another host for another. The caller frees. */
char *settings_member_id(const struct config_pipeline *pipeline, const char *instance);

/* The same for the group, with static membership, which also holds what is read: the group gives a member that it knows
 * again what it had before, whatever it subscribes to (KAFKA-12759). The caller frees. */
char *settings_group_instance_id(const struct config_pipeline *pipeline, const char *instance,
    const char *const *topics, size_t topic_count);
