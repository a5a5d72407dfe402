#include "kafka/preflight.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/error_class.h"

enum {
	REQUEST_TIMEOUT_MS = 5000,
	CREATE_TIMEOUT_MS = 10000,
	DESCRIBE_TIMEOUT_MS = 2000,
	CLUSTER_ID_TIMEOUT_MS = 500,
	ADMIN_SLICE_MS = 250, /* between looks whether we are cancelled */
};

/* Both ends of the pipeline; the same client twice when the cluster is the same. */
struct preflight {
	const struct config_pipeline *pipeline;
	struct worker *worker;
	rd_kafka_t *source, *target;
	bool same_cluster;
	struct preflight_result *result;
	struct error *err;
};

static void client_freep(rd_kafka_t **client)
{
	if (*client)
		rd_kafka_destroy(*client);
}

/* Nobody answers. What the client itself knows of why, its last error event, tells more than "timed out". */
static int no_answer(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_resp_err_t code,
    struct error *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
	rd_kafka_event_t *event;
	char words[256];

	snprintf(words, sizeof words, "%s", rd_kafka_err2str(code));
	while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
		    rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
			code = rd_kafka_event_error(event);
			snprintf(words, sizeof words, "%s", rd_kafka_event_error_string(event));
		}
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	return error_class_set(err, code, "cluster \"%s\" (brokers %s) does not answer, trying again: %s", cluster->name,
	    cluster->brokers, words);
}

/* Partitions of a topic; 0: it does not exist; negative errno. */
static int partitions_of(struct preflight *preflight, rd_kafka_t *client, const struct config_cluster *cluster,
    const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, REQUEST_TIMEOUT_MS);
	int count = 0;

	rd_kafka_topic_destroy(handle);
	if (code)
		return no_answer(client, cluster, code, preflight->err);
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

/* ---- the targets ---- */

static rd_kafka_event_t *admin_wait(struct preflight *preflight, rd_kafka_queue_t *queue, int timeout_ms)
{
	rd_kafka_event_t *event = NULL;

	for (int waited_ms = 0; waited_ms < timeout_ms && !event; waited_ms += ADMIN_SLICE_MS) {
		if (worker_cancelled(preflight->worker))
			break;
		event = rd_kafka_queue_poll(queue, ADMIN_SLICE_MS);
	}
	return event;
}

static rd_kafka_AdminOptions_t *admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation, int timeout_ms)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, operation);
	char text[128];

	rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
	return options;
}

static int created(struct preflight *preflight, rd_kafka_event_t *event, const char *topic)
{
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code;
	size_t count = 0;

	if (!event)
		return error_set(preflight->err, -ETIMEDOUT, REMEDY_RETRY,
		    "creating target topic %s: no answer; trying again", topic);
	code = rd_kafka_event_error(event);
	if (code)
		return error_class_set(preflight->err, code, "creating target topic %s: %s", topic,
		    rd_kafka_event_error_string(event));
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
	code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
	if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return error_class_set(preflight->err, code, "creating target topic %s: %s", topic,
		    count == 1 && rd_kafka_topic_result_error_string(results[0])
			? rd_kafka_topic_result_error_string(results[0])
			: "no answer");
	return 0;
}

static int create_target(struct preflight *preflight, const char *topic, int partitions)
{
	const struct config_create *create = &preflight->pipeline->to.create;
	char text[256];
	rd_kafka_NewTopic_t *new_topic =
	    rd_kafka_NewTopic_new(topic, partitions, create->replication_factor, text, sizeof text);
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;
	int r;

	if (!new_topic)
		return error_set(preflight->err, -EINVAL, REMEDY_PERSON, "creating target topic %s: %s", topic, text);
	for (size_t i = 0; i < create->properties.count; i++)
		rd_kafka_NewTopic_set_config(new_topic, create->properties.items[i].name,
		    create->properties.items[i].value);
	options = admin_options(preflight->target, RD_KAFKA_ADMIN_OP_CREATETOPICS, CREATE_TIMEOUT_MS);
	queue = rd_kafka_queue_new(preflight->target);
	rd_kafka_CreateTopics(preflight->target, &new_topic, 1, options, queue);
	event = admin_wait(preflight, queue, CREATE_TIMEOUT_MS);
	r = created(preflight, event, topic);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(new_topic);
	if (r == 0)
		log_notice(&LOG_SETTINGS(preflight->pipeline),
		    "created target topic %s with %d partitions on cluster \"%s\", as to.create says", topic, partitions,
		    preflight->pipeline->to.cluster->name);
	return r;
}

static int missing_target(struct preflight *preflight, const char *topic, int partitions)
{
	const struct config_cluster *cluster = preflight->pipeline->to.cluster;

	return error_set(preflight->err, -ENOENT, REMEDY_RETRY,
	    "target topic %s does not exist on cluster \"%s\"; create it (kafka-topics.sh --bootstrap-server %s --create "
	    "--topic %s --partitions %d) or let aloqd do so with to.create; trying again",
	    topic, cluster->name, cluster->brokers, topic, partitions);
}

static int check_partition_count(struct preflight *preflight, const char *topic, int count, const char *source_topic,
    int source_count)
{
	const struct config_to *to = &preflight->pipeline->to;
	int needed = to->partition == PARTITION_SAME ? source_count : 1;

	if (to->partition == PARTITION_FIXED)
		needed = to->fixed_partition + 1;
	if (count >= needed)
		return 0;
	return error_set(preflight->err, -EINVAL, REMEDY_PERSON,
	    "target topic %s has %d partitions, but %d are needed (to.partition = \"%s\", source topic %s has %d); add "
	    "partitions (kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %d) or choose "
	    "to.partition = \"key\", then restart aloqd",
	    topic, count, needed, to->partition == PARTITION_SAME ? "same" : "fixed", source_topic, source_count,
	    to->cluster->brokers, topic, needed);
}

/* max.message.bytes of some topics. 0: unknown. */
struct max_bytes {
	uint32_t smallest, greatest;
};

static void take_max_bytes(struct max_bytes *found, const char *value)
{
	unsigned long bytes = value ? strtoul(value, NULL, 10) : 0;

	if (bytes == 0 || bytes > UINT32_MAX)
		return;
	if (!found->smallest || bytes < found->smallest)
		found->smallest = (uint32_t)bytes;
	if (bytes > found->greatest)
		found->greatest = (uint32_t)bytes;
}

static void read_max_bytes(struct max_bytes *found, rd_kafka_event_t *event)
{
	size_t count = 0;
	const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(event), &count);

	for (size_t i = 0; i < count; i++) {
		size_t entry_count = 0;
		const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[i], &entry_count);

		for (size_t k = 0; k < entry_count; k++)
			if (!strcmp(rd_kafka_ConfigEntry_name(entries[k]), "max.message.bytes"))
				take_max_bytes(found, rd_kafka_ConfigEntry_value(entries[k]));
	}
}

/* Asks for the topics' max.message.bytes. Who may not ask, or asks a broker that does not know the request, goes
 * without; words then says why. */
static struct max_bytes ask_max_bytes(
    struct preflight *preflight, rd_kafka_t *client, char *const *topics, size_t topic_count, const char **words)
{
	_cleanup_free_ rd_kafka_ConfigResource_t **resources = xcalloc(topic_count, sizeof *resources);
	rd_kafka_AdminOptions_t *options =
	    admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, DESCRIBE_TIMEOUT_MS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	struct max_bytes found = { 0 };
	rd_kafka_event_t *event;
	size_t count = 0;

	for (size_t i = 0; i < topic_count; i++) {
		bool asked = false;

		/* Asked for twice, the whole answer is an error. */
		for (size_t k = 0; k < count && !asked; k++)
			asked = !strcmp(rd_kafka_ConfigResource_name(resources[k]), topics[i]);
		if (!asked)
			resources[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i]);
	}
	rd_kafka_DescribeConfigs(client, resources, count, options, queue);
	event = admin_wait(preflight, queue, DESCRIBE_TIMEOUT_MS);
	if (event && !rd_kafka_event_error(event))
		read_max_bytes(&found, event);
	*words = event ? rd_kafka_err2str(rd_kafka_event_error(event)) : "no answer";
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy_array(resources, count);
	return found;
}

static void learn_dead_letter_max_bytes(struct preflight *preflight)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	struct preflight_result *result = preflight->result;
	const char *words;

	if (pipeline->on_error != ON_ERROR_DEAD_LETTER)
		return;
	result->dead_letter_max_bytes =
	    ask_max_bytes(preflight, preflight->target, &pipeline->dead_letter, 1, &words).smallest;
	if (result->dead_letter_max_bytes > 0 && result->dead_letter_max_bytes <= result->target_max_bytes)
		log_warning(&LOG_PIPELINE(pipeline->name),
		    "the topic for dead letters, %s, takes %" PRIu32 " bytes and the targets take %" PRIu32 ": what is "
		    "too large for them would be too large for it and block its partition; raise its "
		    "max.message.bytes",
		    pipeline->dead_letter, result->dead_letter_max_bytes, result->target_max_bytes);
}

/* A batch must not be larger than the target takes; where that is unknown, too large a one is found when the broker
 * refuses it. The source's tell how much memory its partitions may need; where they are unknown, no one is warned. */
static void learn_max_bytes(struct preflight *preflight)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	_cleanup_free_ char **targets = xcalloc(pipeline->from.topic_count, sizeof *targets);
	const char *words;

	for (size_t i = 0; i < pipeline->from.topic_count; i++)
		targets[i] = config_target_topic(pipeline, pipeline->from.topics[i]);
	preflight->result->target_max_bytes =
	    ask_max_bytes(preflight, preflight->target, targets, pipeline->from.topic_count, &words).smallest;
	if (!preflight->result->target_max_bytes)
		log_info(&LOG_SETTINGS(pipeline),
		    "max.message.bytes of the targets is unknown (%s): a batch that is too large for them would have to be "
		    "sent again record by record",
		    words);
	preflight->result->source_max_bytes = ask_max_bytes(preflight, preflight->source, pipeline->from.topics,
	    pipeline->from.topic_count, &words)
						  .greatest;
	for (size_t i = 0; i < pipeline->from.topic_count; i++)
		free(targets[i]);
	learn_dead_letter_max_bytes(preflight);
}

static int check_target(struct preflight *preflight, const char *source_topic, int source_count)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	_cleanup_free_ char *topic = config_target_topic(pipeline, source_topic);
	int wanted = source_count;
	int count = partitions_of(preflight, preflight->target, pipeline->to.cluster, topic);

	if (count < 0)
		return count;
	if (pipeline->to.partition == PARTITION_FIXED && wanted <= pipeline->to.fixed_partition)
		wanted = pipeline->to.fixed_partition + 1;
	if (pipeline->to.create.enabled && pipeline->to.create.partitions > 0)
		wanted = pipeline->to.create.partitions;
	if (count == 0) {
		if (!pipeline->to.create.enabled)
			return missing_target(preflight, topic, wanted);
		if (create_target(preflight, topic, wanted) < 0)
			return preflight->err->code;
		count = wanted;
	}
	return check_partition_count(preflight, topic, count, source_topic, source_count);
}

static int check_dead_letter(struct preflight *preflight, int most_partitions)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	int wanted = pipeline->to.create.partitions > 0 ? pipeline->to.create.partitions : most_partitions;
	int count;

	if (pipeline->on_error != ON_ERROR_DEAD_LETTER)
		return 0;
	count = partitions_of(preflight, preflight->target, pipeline->to.cluster, pipeline->dead_letter);
	if (count < 0)
		return count;
	if (count == 0) {
		if (!pipeline->to.create.enabled)
			return missing_target(preflight, pipeline->dead_letter, wanted);
		if (create_target(preflight, pipeline->dead_letter, wanted) < 0)
			return preflight->err->code;
		count = wanted;
	}
	preflight->result->dead_letter_partitions = (uint32_t)count;
	return 0;
}

/* ---- the run ---- */

static int check_loop(struct preflight *preflight)
{
	const struct config_pipeline *pipeline = preflight->pipeline;

	for (size_t i = 0; i < pipeline->from.topic_count && preflight->same_cluster; i++) {
		_cleanup_free_ char *target = config_target_topic(pipeline, pipeline->from.topics[i]);

		for (size_t k = 0; k < pipeline->from.topic_count; k++) {
			const char *source = pipeline->from.topics[k];

			if (pipeline->on_error == ON_ERROR_DEAD_LETTER && !strcmp(pipeline->dead_letter, source))
				return error_set(preflight->err, -ELOOP, REMEDY_PERSON,
				    "the topic for dead letters %s is a source of the same pipeline, and clusters "
				    "\"%s\" and \"%s\" are the same cluster: records would go round for ever; choose "
				    "another dead_letter",
				    source, pipeline->from.cluster->name, pipeline->to.cluster->name);
			if (!strcmp(target, source))
				return error_set(preflight->err, -ELOOP, REMEDY_PERSON,
				    "the target topic %s is a source of the same pipeline, and clusters \"%s\" and "
				    "\"%s\" are the same cluster: records would go round for ever; choose another "
				    "to.topic",
				    target, pipeline->from.cluster->name, pipeline->to.cluster->name);
		}
	}
	return 0;
}

static bool same_cluster(struct preflight *preflight)
{
	char *source_id;
	char *target_id;
	bool same;

	if (preflight->source == preflight->target)
		return true;
	/* Both have answered already: who has an id has it by now. */
	source_id = rd_kafka_clusterid(preflight->source, CLUSTER_ID_TIMEOUT_MS);
	target_id = rd_kafka_clusterid(preflight->target, CLUSTER_ID_TIMEOUT_MS);
	same = source_id && target_id && !strcmp(source_id, target_id);
	if (source_id)
		rd_kafka_mem_free(preflight->source, source_id);
	if (target_id)
		rd_kafka_mem_free(preflight->target, target_id);
	return same;
}

static int check_all(struct preflight *preflight)
{
	const struct config_from *from = &preflight->pipeline->from;
	int most_partitions = 0;

	for (size_t i = 0; i < from->topic_count; i++) {
		int count;

		if (worker_cancelled(preflight->worker))
			return error_set(preflight->err, -ECANCELED, REMEDY_NONE, "cancelled");
		count = partitions_of(preflight, preflight->source, from->cluster, from->topics[i]);
		if (count < 0)
			return count;
		if (count == 0)
			return error_set(preflight->err, -ENOENT, REMEDY_RETRY,
			    "source topic %s does not exist on cluster \"%s\"; create it or correct from.topics; trying again",
			    from->topics[i], from->cluster->name);
		preflight->result->source_partitions += (uint32_t)count;
		if (count > most_partitions)
			most_partitions = count;
		if (check_target(preflight, from->topics[i], count) < 0)
			return preflight->err->code;
	}
	if (check_dead_letter(preflight, most_partitions) < 0)
		return preflight->err->code;
	preflight->same_cluster = same_cluster(preflight);
	if (check_loop(preflight) < 0)
		return preflight->err->code;
	learn_max_bytes(preflight);
	return 0;
}

void preflight_run(const struct config_pipeline *pipeline, struct worker *worker, struct preflight_result *result)
{
	_cleanup_(client_freep) rd_kafka_t *source = NULL;
	_cleanup_(client_freep) rd_kafka_t *target = NULL;
	struct preflight preflight = { .pipeline = pipeline, .worker = worker, .result = result, .err = &result->err };

	memset(result, 0, sizeof *result);
	source = client_new_admin(pipeline, pipeline->from.cluster, &result->err);
	if (!source)
		return;
	if (pipeline->to.cluster != pipeline->from.cluster) {
		target = client_new_admin(pipeline, pipeline->to.cluster, &result->err);
		if (!target)
			return;
	}
	preflight.source = source;
	preflight.target = target ? target : source;
	check_all(&preflight);
}
