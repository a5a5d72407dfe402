#include "kafka/audit_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "core/topic_pattern.h"
#include "kafka/client.h"
#include "kafka/cluster_ids.h"
#include "kafka/error_class.h"
#include "kafka/security.h"
#include "kafka/topic_match.h"

/* ---- admin requests ---- */

void audit_request_begin(struct audit_request *request, rd_kafka_t *client, rd_kafka_admin_op_t operation)
{
	char text[128];

	request->options = rd_kafka_AdminOptions_new(client, operation);
	rd_kafka_AdminOptions_set_request_timeout(
	    request->options, AUDIT_REQUEST_TIMEOUT_MS, text, sizeof text);
	request->queue = rd_kafka_queue_new(client);
}

rd_kafka_event_t *audit_request_end(struct audit_request *request)
{
	/* A little longer, so that the library's own word on it comes in time. */
	rd_kafka_event_t *event = rd_kafka_queue_poll(request->queue, AUDIT_REQUEST_TIMEOUT_MS + 500);

	rd_kafka_queue_destroy(request->queue);
	rd_kafka_AdminOptions_destroy(request->options);
	return event;
}

/* ---- topics ---- */

/* It has answered nothing. What it has said of that before is kept, unless there is news. */
static void note_failure(rd_kafka_t *client, struct audit_cluster *cluster, rd_kafka_resp_err_t code)
{
	char words[512];
	rd_kafka_resp_err_t told = client_last_words(client, code, words, sizeof words);
	struct error refused = { 0 };

	if (cluster->failure.code && told == code)
		return;
	/* Of what the pipeline would try again this is not the place to say so. */
	if (security_explain(&refused, told, words, cluster->cluster) && refused.remedy == REMEDY_PERSON)
		cluster->failure = refused;
	else
		error_class_set(&cluster->failure, told, "the brokers %s do not answer: %s",
		    cluster->cluster->brokers, words);
}

static enum audit_presence presence_of(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
		return AUDIT_PRESENT;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		return AUDIT_MISSING;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return AUDIT_HIDDEN;
	default:
		return AUDIT_UNKNOWN;
	}
}

static void take_topic(struct audit_topic *topic, const struct rd_kafka_metadata_topic *metadata)
{
	topic->presence = presence_of(metadata->err);
	topic->partitions = metadata->partition_cnt;
	topic->replicas = topic->in_sync = INT32_MAX;
	for (int i = 0; i < metadata->partition_cnt; i++) {
		const struct rd_kafka_metadata_partition *partition = &metadata->partitions[i];

		if (partition->replica_cnt < topic->replicas)
			topic->replicas = partition->replica_cnt;
		if (partition->isr_cnt < topic->in_sync)
			topic->in_sync = partition->isr_cnt;
		topic->leaderless += partition->leader < 0;
	}
	if (metadata->partition_cnt == 0 && topic->presence == AUDIT_PRESENT)
		topic->presence = AUDIT_MISSING;
}

static void ask_topic(rd_kafka_t *client, struct audit_cluster *cluster, struct audit_topic *topic)
{
	rd_kafka_topic_t *handle;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;

	if (cluster->failure.code || topic->presence != AUDIT_UNKNOWN)
		return;
	handle = rd_kafka_topic_new(client, topic->name, NULL);
	code = rd_kafka_metadata(client, 0, handle, &metadata, AUDIT_REQUEST_TIMEOUT_MS);
	rd_kafka_topic_destroy(handle);
	if (code) {
		note_failure(client, cluster, code);
		return;
	}
	if (metadata->topic_cnt == 1)
		take_topic(topic, &metadata->topics[0]);
	rd_kafka_metadata_destroy(metadata);
}

static void ask_internal_topic(rd_kafka_t *client, struct audit_cluster *cluster, const char *name)
{
	cluster->internal.name = xstrdup(name);
	ask_topic(client, cluster, &cluster->internal);
}

/* Which brokers there are. Returns the id of one of them; -1: nobody answers. */
static int32_t ask_brokers(rd_kafka_t *client, struct audit_cluster *cluster)
{
	/* A client that is turned away goes on trying for as long as it may: the first look is a short one.
	 */
	static const int timeouts_ms[] = { AUDIT_GLANCE_MS, AUDIT_REQUEST_TIMEOUT_MS };
	const struct rd_kafka_metadata *metadata = NULL;
	int32_t broker = -1;

	for (size_t i = 0; i < 2 && !metadata && cluster->failure.remedy != REMEDY_PERSON; i++) {
		rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, timeouts_ms[i]);

		if (code) {
			metadata = NULL;
			note_failure(client, cluster, code);
		}
	}
	if (!metadata)
		return -1;
	error_clear(&cluster->failure);
	cluster->brokers = metadata->broker_cnt;
	if (metadata->broker_cnt > 0)
		broker = metadata->brokers[0].id;
	rd_kafka_metadata_destroy(metadata);
	return broker;
}

static void ask_id(rd_kafka_t *client, const struct audit_cluster *cluster, struct cluster_ids *cluster_ids)
{
	char *id = rd_kafka_clusterid(client, 0); /* it has come with the metadata, from those who have one */

	if (!id)
		return;
	cluster_ids_note(cluster_ids, cluster->cluster, id);
	rd_kafka_mem_free(client, id);
}

/* ---- routes ---- */

static void add_route(struct audit_facts *facts, const char *source, bool by_pattern)
{
	_cleanup_free_ char *target = config_target_topic(facts->pipeline, source);

	facts->routes = xreallocarray(facts->routes, facts->route_count + 1, sizeof *facts->routes);
	facts->routes[facts->route_count++] = (struct audit_route){
		.source = audit_topic_add(&facts->source, source),
		.target = audit_topic_add(&facts->target, target),
		.by_pattern = by_pattern,
	};
}

static void add_matching_routes(rd_kafka_t *client, struct audit_facts *facts)
{
	const struct config_from *from = &facts->pipeline->from;
	const struct rd_kafka_metadata *metadata;
	struct topic_match *match;
	rd_kafka_resp_err_t code;

	if (facts->source.failure.code || !topic_match_has_patterns(from))
		return;
	code = rd_kafka_metadata(client, 1, NULL, &metadata, AUDIT_REQUEST_TIMEOUT_MS);
	if (code) {
		note_failure(client, &facts->source, code);
		return;
	}
	match = topic_match_new(from);
	for (int i = 0; i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

		if (topic->partition_cnt > 0 && topic_match_by_pattern(match, topic->topic))
			add_route(facts, topic->topic, true);
	}
	topic_match_free(match);
	rd_kafka_metadata_destroy(metadata);
}

static void find_routes(rd_kafka_t *client, struct audit_facts *facts)
{
	const struct config_pipeline *pipeline = facts->pipeline;

	for (size_t i = 0; i < pipeline->from.topic_count; i++)
		if (!topic_pattern_is(pipeline->from.topics[i]))
			add_route(facts, pipeline->from.topics[i], false);
	add_matching_routes(client, facts);
	if (pipeline->dead_letter)
		facts->dead_letter = audit_topic_add(&facts->target, pipeline->dead_letter);
}

/* ---- both ends ---- */

static void ask_cluster(
    rd_kafka_t *client, struct audit_cluster *cluster, struct cluster_ids *cluster_ids, int32_t broker)
{
	for (size_t i = 0; i < cluster->topic_count; i++)
		ask_topic(client, cluster, &cluster->topics[i]);
	if (cluster->failure.code)
		return;
	ask_id(client, cluster, cluster_ids);
	audit_ask_topic_configs(client, cluster);
	audit_ask_broker_configs(client, cluster, broker);
	audit_ask_access(client, cluster);
}

/* NULL when it cannot be asked. */
static rd_kafka_t *open_client(
    const struct config_pipeline *pipeline, struct audit_cluster *cluster, int32_t *broker)
{
	rd_kafka_t *client;

	if (cluster->failure.code)
		return NULL;
	client = client_new_admin(pipeline, cluster->cluster, &cluster->failure);
	if (!client)
		return NULL;
	*broker = ask_brokers(client, cluster);
	if (!cluster->failure.code)
		return client;
	rd_kafka_destroy(client);
	return NULL;
}

static void ask_source(
    rd_kafka_t *client, struct audit_facts *facts, struct cluster_ids *cluster_ids, int32_t broker)
{
	ask_cluster(client, &facts->source, cluster_ids, broker);
	/* The group before its topic, which the first group of a cluster makes. */
	if (!facts->source.failure.code)
		audit_ask_group(client, facts);
	ask_internal_topic(client, &facts->source, "__consumer_offsets");
}

static void ask_target(
    rd_kafka_t *client, struct audit_facts *facts, struct cluster_ids *cluster_ids, int32_t broker)
{
	ask_cluster(client, &facts->target, cluster_ids, broker);
	if (facts->pipeline->delivery == DELIVERY_EXACTLY_ONCE)
		ask_internal_topic(client, &facts->target, "__transaction_state");
}

void audit_ask(struct audit_facts *facts, struct cluster_ids *cluster_ids)
{
	bool one_cluster = facts->source.cluster == facts->target.cluster;
	int32_t source_broker = -1;
	int32_t target_broker = -1;
	rd_kafka_t *source = open_client(facts->pipeline, &facts->source, &source_broker);
	rd_kafka_t *target;

	find_routes(source, facts);
	if (source)
		ask_source(source, facts, cluster_ids, source_broker);
	/* Within one cluster one client serves both ends, as it does for the daemon. */
	if (one_cluster) {
		target = source;
		target_broker = source_broker;
		facts->target.failure = facts->source.failure;
		facts->target.brokers = facts->source.brokers;
	} else {
		target = open_client(facts->pipeline, &facts->target, &target_broker);
	}
	if (target && !facts->target.failure.code)
		ask_target(target, facts, cluster_ids, target_broker);
	if (target && !one_cluster)
		rd_kafka_destroy(target);
	if (source)
		rd_kafka_destroy(source);
}
