/* Every source topic has a target that holds its partitions. */
#include "kafka/preflight_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "kafka/client.h"
#include "kafka/error_class.h"
#include "kafka/security.h"

enum {
	CREATE_TIMEOUT_MS = 10000,
	ADMIN_SLICE_MS = 250, /* between looks whether we are cancelled */
};

int preflight_no_answer(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_resp_err_t code,
    struct error *err)
{
	char words[512];

	code = client_last_words(client, code, words, sizeof words);
	if (security_explain(err, code, words, cluster))
		return err->code;
	return error_class_set(err, code, "cluster \"%s\" (brokers %s) does not answer, trying again: %s", cluster->name,
	    cluster->brokers, words);
}

int preflight_partitions_of(struct preflight *preflight, rd_kafka_t *client, const struct config_cluster *cluster,
    const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, REQUEST_TIMEOUT_MS);
	int count = 0;

	rd_kafka_topic_destroy(handle);
	preflight->no_answer = code != RD_KAFKA_RESP_ERR_NO_ERROR;
	if (code)
		return preflight_no_answer(client, cluster, code, preflight->err);
	if (metadata->topic_cnt == 1) {
		code = metadata->topics[0].err;
		count = metadata->topics[0].partition_cnt;
	}
	rd_kafka_metadata_destroy(metadata);
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
		return 0;
	if (code && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
		return error_class_set(preflight->err, code, "topic %s on cluster \"%s\"", topic, cluster->name);
	return count;
}

/* ---- admin requests ---- */

rd_kafka_event_t *preflight_admin_wait(struct preflight *preflight, rd_kafka_queue_t *queue, int timeout_ms)
{
	rd_kafka_event_t *event = NULL;

	for (int waited_ms = 0; waited_ms < timeout_ms && !event; waited_ms += ADMIN_SLICE_MS) {
		if (worker_cancelled(preflight->worker))
			break;
		event = rd_kafka_queue_poll(queue, ADMIN_SLICE_MS);
	}
	return event;
}

rd_kafka_AdminOptions_t *preflight_admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation, int timeout_ms)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, operation);
	char text[128];

	rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
	return options;
}

/* The answer to a request for one topic. fine: an error that is none, because another one was quicker. */
static int take_answer(struct preflight *preflight, rd_kafka_event_t *event, const char *what, const char *topic,
    const rd_kafka_topic_result_t **results, size_t count, rd_kafka_resp_err_t fine)
{
	rd_kafka_resp_err_t code;

	if (!event)
		return error_set(preflight->err, -ETIMEDOUT, REMEDY_RETRY, "%s topic %s: no answer; trying again", what,
		    topic);
	code = rd_kafka_event_error(event);
	if (code)
		return error_class_set(preflight->err, code, "%s topic %s: %s", what, topic,
		    rd_kafka_event_error_string(event));
	code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
	if (code && code != fine)
		return error_class_set(preflight->err, code, "%s topic %s: %s", what, topic,
		    count == 1 && rd_kafka_topic_result_error_string(results[0])
			? rd_kafka_topic_result_error_string(results[0])
			: "no answer");
	return 0;
}

static int create_topic(struct preflight *preflight, const char *topic, int partitions)
{
	const struct config_create *create = &preflight->pipeline->to.create;
	char text[256];
	rd_kafka_NewTopic_t *new_topic =
	    rd_kafka_NewTopic_new(topic, partitions, create->replication_factor, text, sizeof text);
	rd_kafka_AdminOptions_t *options;
	const rd_kafka_topic_result_t **results = NULL;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;
	size_t count = 0;
	int r;

	if (!new_topic)
		return error_set(preflight->err, -EINVAL, REMEDY_PERSON, "creating topic %s: %s", topic, text);
	for (size_t i = 0; i < create->properties.count; i++)
		rd_kafka_NewTopic_set_config(new_topic, create->properties.items[i].name,
		    create->properties.items[i].value);
	options = preflight_admin_options(preflight->target, RD_KAFKA_ADMIN_OP_CREATETOPICS, CREATE_TIMEOUT_MS);
	queue = rd_kafka_queue_new(preflight->target);
	rd_kafka_CreateTopics(preflight->target, &new_topic, 1, options, queue);
	event = preflight_admin_wait(preflight, queue, CREATE_TIMEOUT_MS);
	if (event)
		results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
	r = take_answer(preflight, event, "creating", topic, results, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(new_topic);
	if (r == 0)
		log_notice(&LOG_SETTINGS(preflight->pipeline),
		    "created topic %s with %d partitions on cluster \"%s\", as to.create says", topic, partitions,
		    preflight->pipeline->to.cluster->name);
	return r;
}

/* The source has grown. */
static int widen_target(struct preflight *preflight, const char *topic, int partitions)
{
	const rd_kafka_topic_result_t **results = NULL;
	char text[256];
	rd_kafka_NewPartitions_t *wider = rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof text);
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;
	size_t count = 0;
	int r;

	if (!wider)
		return error_set(preflight->err, -EINVAL, REMEDY_PERSON, "widening target topic %s: %s", topic, text);
	options = preflight_admin_options(preflight->target, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, CREATE_TIMEOUT_MS);
	queue = rd_kafka_queue_new(preflight->target);
	rd_kafka_CreatePartitions(preflight->target, &wider, 1, options, queue);
	event = preflight_admin_wait(preflight, queue, CREATE_TIMEOUT_MS);
	if (event)
		results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
	r = take_answer(preflight, event, "widening", topic, results, count, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewPartitions_destroy(wider);
	if (r == 0)
		log_notice(&LOG_SETTINGS(preflight->pipeline),
		    "target topic %s now has %d partitions on cluster \"%s\", as its source has (to.create)", topic,
		    partitions, preflight->pipeline->to.cluster->name);
	return r;
}

/* role: what the topic is to the pipeline. */
static int missing_topic(struct preflight *preflight, const char *role, const char *topic, int partitions)
{
	const struct config_cluster *cluster = preflight->pipeline->to.cluster;

	return error_set(preflight->err, -ENOENT, REMEDY_RETRY,
	    "%s %s does not exist on cluster \"%s\"; create it (kafka-topics.sh --bootstrap-server %s --create "
	    "--topic %s --partitions %d) or let aloqd do so with to.create; trying again",
	    role, topic, cluster->name, cluster->brokers, topic, partitions);
}

static int narrow_target(struct preflight *preflight, const char *target, int count, int needed,
    const struct read_topic *topic)
{
	const struct config_to *to = &preflight->pipeline->to;

	return error_set(preflight->err, -EINVAL, REMEDY_PERSON,
	    "target topic %s has %d partition%s, but %d are needed (to.partition = \"%s\", source topic %s has %d); add "
	    "partitions (kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %d), then run \"aloqctl "
	    "start %s\"; or choose to.partition = \"key\", then reload aloqd",
	    target, count, count == 1 ? "" : "s", needed, to->partition == PARTITION_SAME ? "same" : "fixed",
	    topic->name, topic->partitions, to->cluster->brokers, target, needed, preflight->pipeline->name);
}

int preflight_partitions_needed(const struct config_to *to, int source_partitions)
{
	switch (to->partition) {
	case PARTITION_SAME:
		return source_partitions;
	case PARTITION_FIXED:
		return to->fixed_partition + 1;
	case PARTITION_KEY:
		break;
	}
	return 1;
}

/* Makes the target with as many partitions as to.create says. Returns how many, or a negative errno. */
static int make_target(struct preflight *preflight, const char *target, const struct read_topic *topic)
{
	const struct config_to *to = &preflight->pipeline->to;
	int wanted = topic->partitions;

	if (to->partition == PARTITION_FIXED && wanted <= to->fixed_partition)
		wanted = to->fixed_partition + 1;
	if (to->create.enabled && to->create.partitions > 0)
		wanted = to->create.partitions;
	if (!to->create.enabled)
		return missing_topic(preflight, "target topic", target, wanted);
	return create_topic(preflight, target, wanted) < 0 ? preflight->err->code : wanted;
}

static int find_target(struct preflight *preflight, struct read_topic *topic)
{
	const struct config_to *to = &preflight->pipeline->to;
	_cleanup_free_ char *target = config_target_topic(preflight->pipeline, topic->name);
	int needed = preflight_partitions_needed(to, topic->partitions);
	int count = preflight_partitions_of(preflight, preflight->target, to->cluster, target);

	if (count == 0)
		count = make_target(preflight, target, topic);
	if (count < 0)
		return count;
	if (count < needed && to->partition == PARTITION_SAME && to->create.enabled && to->create.partitions == 0) {
		if (widen_target(preflight, target, needed) < 0)
			return preflight->err->code;
		count = needed;
	}
	if (to->partition == PARTITION_SAME)
		topic->target_partitions = count;
	if (count >= needed || (to->partition == PARTITION_SAME && preflight->context->before))
		return 0;
	return narrow_target(preflight, target, count, needed, topic);
}

int preflight_check_target(struct preflight *preflight, struct read_topic *topic)
{
	if (find_target(preflight, topic) == 0)
		return 0;
	if (!topic->by_pattern || preflight->no_answer || worker_cancelled(preflight->worker))
		return preflight->err->code;
	topic->held = *preflight->err;
	error_clear(preflight->err);
	return 0;
}

int preflight_check_dead_letter(struct preflight *preflight)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	const struct preflight_result *result = preflight->result;
	int wanted = pipeline->to.create.partitions > 0 ? pipeline->to.create.partitions : 1;
	int count;

	if (!pipeline->dead_letter)
		return 0;
	for (size_t i = 0; i < result->topic_count && pipeline->to.create.partitions == 0; i++)
		if (result->topics[i].partitions > wanted)
			wanted = result->topics[i].partitions;
	count = preflight_partitions_of(preflight, preflight->target, pipeline->to.cluster, pipeline->dead_letter);
	if (count < 0)
		return count;
	if (count == 0) {
		if (!pipeline->to.create.enabled)
			return missing_topic(preflight, "topic for dead letters", pipeline->dead_letter, wanted);
		if (create_topic(preflight, pipeline->dead_letter, wanted) < 0)
			return preflight->err->code;
		count = wanted;
	}
	preflight->result->dead_letter_partitions = (uint32_t)count;
	return 0;
}
