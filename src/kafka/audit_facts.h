/* audit_facts.h: what the clusters have said that matters to one pipeline. Asked for by audit_ask.c, judged by
 * audit_judge.c; knows no librdkafka. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "config/config.h"

/* Settings of a topic or a broker. */
struct audit_configs {
	struct audit_config {
		char *name, *value;
	} *items;
	size_t count;
	char *unknown; /* why they are not known; NULL: they are */
};

/* What the user that asks may do with something, as far as aloqd needs it. */
enum audit_operation {
	AUDIT_READ = 1 << 0,
	AUDIT_WRITE = 1 << 1,
	AUDIT_CREATE = 1 << 2,
	AUDIT_ALTER = 1 << 3,
	AUDIT_IDEMPOTENT_WRITE = 1 << 4,
};

struct audit_operations {
	bool known;
	unsigned int allowed; /* of enum audit_operation */
};

enum audit_presence {
	AUDIT_UNKNOWN, /* not asked for, or not told */
	AUDIT_PRESENT,
	AUDIT_MISSING,
	AUDIT_HIDDEN, /* the user may not see it */
};

struct audit_topic {
	char *name;
	enum audit_presence presence;
	int32_t partitions;
	int32_t replicas;   /* of the partition that has the fewest */
	int32_t in_sync;    /* the same, as of now */
	int32_t leaderless; /* partitions without a leader */
	struct audit_configs configs;
	struct audit_operations operations;
};

/* One end of the pipeline. */
struct audit_cluster {
	const struct config_cluster *cluster;
	struct error failure; /* code != 0: it has not answered, so nothing else is known. REMEDY_PERSON: nor will it */
	int32_t brokers;
	struct audit_configs broker_configs; /* of one of them */
	struct audit_operations operations;
	struct audit_topic internal; /* where the source has committed offsets, the target transactions */
	struct audit_topic *topics;  /* none twice */
	size_t topic_count;
};

/* A source topic and where it goes. */
struct audit_route {
	size_t source, target; /* in the topics of those clusters */
	bool by_pattern;
};

/* One that is in the pipeline's group now, whoever runs it. */
struct audit_member {
	char *client_id, *host;
};

struct audit_facts {
	const struct config *config;
	const struct config_pipeline *pipeline;
	const size_t *cluster_of; /* see cluster_ids_copy() */
	const char *library_version;
	struct audit_cluster source, target;
	struct audit_route *routes;
	size_t route_count;
	size_t dead_letter; /* in the target's topics, if the pipeline has one */
	enum audit_presence group; /* hidden: its committed offsets may not be read */
	char *group_unknown; /* why they could not; NULL: they could, or are hidden */
	struct audit_operations group_operations;
	struct audit_member *members; /* of the group */
	size_t member_count;
	char *members_unknown; /* why they are not known; NULL: they are, or the group is hidden or unknown */
};

/* The topic of that name in the cluster's list, added if it is new. Returns its index. */
size_t audit_topic_add(struct audit_cluster *cluster, const char *name);

void audit_config_add(struct audit_configs *configs, const char *name, const char *value);
/* NULL: the setting is not known. */
const char *audit_config_find(const struct audit_configs *configs, const char *name);

void audit_member_add(struct audit_facts *facts, const char *client_id, const char *host);

/* Do its brokers let everybody do everything? False where that is not known. */
bool audit_is_unguarded(const struct audit_cluster *cluster);

/* Frees all that it owns. */
void audit_facts_clear(struct audit_facts *facts);
