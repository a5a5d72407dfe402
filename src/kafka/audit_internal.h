/* audit_internal.h: what the files of the audit share.
 *
 *   audit.c               the run over all pipelines
 *   audit_ask.c           topics, by their metadata, and the way from source to target
 *   audit_ask_configs.c   settings of topics and brokers
 *   audit_ask_access.c    who may do what, and the group
 *   audit_judge.c         the judgement: reach, and the rest
 *   audit_judge_topics.c  of topics one by one, and of source against target
 *   audit_judge_cluster.c of brokers: offsets, sessions, transactions
 *   audit_judge_access.c  of what the user may do
 *   audit_judge_members.c of who is in the group */
#pragma once
#include <librdkafka/rdkafka.h>
#include "kafka/audit_facts.h"
#include "kafka/audit_findings.h"

enum { AUDIT_REQUEST_TIMEOUT_MS = 5000, AUDIT_GLANCE_MS = 1000 };

/* ---- audit_ask.c ---- */

/* Asks both ends. A cluster whose failure is set already is not asked. The ids that the clusters tell are noted. */
struct cluster_ids;
void audit_ask(struct audit_facts *facts, struct cluster_ids *cluster_ids);

/* An admin request: begun, then sent with its options and queue, then ended by taking the answer, which the caller
 * destroys. NULL: none came in time. */
struct audit_request {
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
};
void audit_request_begin(struct audit_request *request, rd_kafka_t *client, rd_kafka_admin_op_t operation);
rd_kafka_event_t *audit_request_end(struct audit_request *request);

/* ---- audit_ask_configs.c ---- */

/* Of the cluster's topics that are present. */
void audit_ask_topic_configs(rd_kafka_t *client, struct audit_cluster *cluster);
void audit_ask_broker_configs(rd_kafka_t *client, struct audit_cluster *cluster, int32_t broker);

/* ---- audit_ask_access.c ---- */

void audit_ask_access(rd_kafka_t *client, struct audit_cluster *cluster);
void audit_ask_group(rd_kafka_t *client, struct audit_facts *facts);

/* ---- judging ---- */

/* Where a topic of the cluster, or a setting of it with the value that it has, is at fault. */
struct audit_place audit_place_of(const struct audit_cluster *cluster, const struct audit_topic *topic);
struct audit_place audit_setting_of(
    const struct audit_cluster *cluster, const struct audit_topic *topic, const char *setting);
/* A setting as a number; or_else: where it is not known. */
int64_t audit_number(const struct audit_configs *configs, const char *setting, int64_t or_else);

void audit_judge_topics(const struct audit_facts *facts, struct audit_findings *findings);
void audit_judge_clusters(const struct audit_facts *facts, struct audit_findings *findings);
void audit_judge_access(const struct audit_facts *facts, struct audit_findings *findings);
void audit_judge_members(const struct audit_facts *facts, struct audit_findings *findings);
