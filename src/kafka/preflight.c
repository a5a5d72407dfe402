#include "kafka/preflight_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/loops.h"
#include "kafka/client.h"
#include "kafka/error_class.h"

DEFINE_CLEANUP(struct config *, config_free)

enum { DESCRIBE_TIMEOUT_MS = 2000, CLUSTER_ID_TIMEOUT_MS = 500 };

static void client_freep(rd_kafka_t **client)
{
	if (*client)
		rd_kafka_destroy(*client);
}

/* What some topics take. 0: unknown. A batch must fit into one segment of the log, too (RECORD_LIST_TOO_LARGE). */
struct max_bytes {
	uint32_t smallest; /* max.message.bytes or segment.bytes: what all of them take */
	uint32_t greatest; /* max.message.bytes: what one of them takes */
};

static void take_config(struct max_bytes *found, const rd_kafka_ConfigEntry_t *entry)
{
	bool is_max = !strcmp(rd_kafka_ConfigEntry_name(entry), "max.message.bytes");
	const char *value = rd_kafka_ConfigEntry_value(entry);
	unsigned long bytes = value ? strtoul(value, NULL, 10) : 0;

	if ((!is_max && strcmp(rd_kafka_ConfigEntry_name(entry), "segment.bytes")) || bytes == 0 || bytes > UINT32_MAX)
		return;
	if (!found->smallest || bytes < found->smallest)
		found->smallest = (uint32_t)bytes;
	if (is_max && bytes > found->greatest)
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
			take_config(found, entries[k]);
	}
}

/* Static, whatever the answer is; a topic that was just made may not be known to the broker that was asked. */
static const char *why_unknown(rd_kafka_event_t *event)
{
	const rd_kafka_ConfigResource_t **resources;
	size_t count = 0;

	if (!event)
		return "no answer";
	if (rd_kafka_event_error(event))
		return rd_kafka_err2str(rd_kafka_event_error(event));
	resources = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(event), &count);
	for (size_t i = 0; i < count; i++) {
		if (rd_kafka_ConfigResource_error(resources[i]))
			return rd_kafka_err2str(rd_kafka_ConfigResource_error(resources[i]));
	}
	return "the broker does not tell";
}

/* Asks what the topics take. Who may not ask, or asks a broker that does not know the request, goes
 * without; words then says why. */
static struct max_bytes ask_max_bytes(
    struct preflight *preflight, rd_kafka_t *client, char *const *topics, size_t topic_count, const char **words)
{
	_cleanup_free_ rd_kafka_ConfigResource_t **resources = xcalloc(topic_count, sizeof *resources);
	rd_kafka_AdminOptions_t *options =
	    preflight_admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, DESCRIBE_TIMEOUT_MS);
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
	event = preflight_admin_wait(preflight, queue, DESCRIBE_TIMEOUT_MS);
	if (event && !rd_kafka_event_error(event))
		read_max_bytes(&found, event);
	*words = why_unknown(event);
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
	struct max_bytes found;
	const char *words;

	if (!pipeline->dead_letter)
		return;
	found = ask_max_bytes(preflight, preflight->target, &pipeline->dead_letter, 1, &words);
	result->dead_letter_max_bytes = found.smallest;
	if (found.greatest > 0 && found.greatest <= result->target_most_max_bytes &&
	    !preflight->context->before)
		log_warning(&LOG_SETTINGS(pipeline),
		    "the topic for dead letters, %s, takes %" PRIu32 " bytes and a target takes %" PRIu32 ": what is "
		    "too large for that would be too large for it and block its partition; raise its "
		    "max.message.bytes",
		    pipeline->dead_letter, found.greatest, result->target_most_max_bytes);
}

/* A batch must not be larger than the target takes; where that is unknown, too large a one is found when the broker
 * refuses it. The source's tell how much memory its partitions may need; where they are unknown, no one is warned. */
static void learn_max_bytes(struct preflight *preflight)
{
	const struct config_pipeline *pipeline = preflight->pipeline;
	struct preflight_result *result = preflight->result;
	_cleanup_free_ char **sources = xcalloc(result->topic_count, sizeof *sources);
	_cleanup_free_ char **targets = xcalloc(result->topic_count, sizeof *targets);
	struct max_bytes found;
	const char *words;
	size_t count = 0;

	for (size_t i = 0; i < result->topic_count; i++) {
		if (result->topics[i].held.code)
			continue;
		sources[count] = result->topics[i].name;
		targets[count++] = config_target_topic(pipeline, result->topics[i].name);
	}
	if (count == 0)
		return; /* no topic yet */
	found = ask_max_bytes(preflight, preflight->target, targets, count, &words);
	result->target_least_max_bytes = found.smallest;
	result->target_most_max_bytes = found.greatest;
	if (!found.smallest && !preflight->context->before)
		log_info(&LOG_SETTINGS(pipeline),
		    "max.message.bytes of the targets is unknown (%s): a batch that is too large for them would have to be "
		    "sent again record by record",
		    words);
	result->source_max_bytes = ask_max_bytes(preflight, preflight->source, sources, count, &words).greatest;
	for (size_t i = 0; i < count; i++)
		free(targets[i]);
	learn_dead_letter_max_bytes(preflight);
}

/* ---- loops ---- */

static void note_cluster_id(struct preflight *preflight, rd_kafka_t *client, const struct config_cluster *cluster)
{
	/* It has answered already: who has an id has it by now. */
	char *id = rd_kafka_clusterid(client, CLUSTER_ID_TIMEOUT_MS);

	if (!id)
		return;
	cluster_ids_note(preflight->context->cluster_ids, cluster, id);
	if (client == preflight->source)
		snprintf(preflight->result->source_cluster_id, sizeof preflight->result->source_cluster_id, "%s", id);
	rd_kafka_mem_free(client, id);
}

/* By its name: the settings may be a member's copy, or those of an older configuration. pipeline_count: a
 * reload has removed it, and it ends. */
static size_t index_of(const struct preflight *preflight, const struct config *config)
{
	size_t i = 0;

	while (
	    i < config->pipeline_count && strcmp(config->pipelines[i].name, preflight->pipeline->name) != 0)
		i++;
	return i;
}

/* What the configuration could not see: clusters that are the same under two names, and what the regular expressions
 * do match. */
static int check_loops(struct preflight *preflight)
{
	_cleanup_free_ size_t *cluster_of = NULL;
	_cleanup_(config_freep) struct config *config = NULL;
	struct loops *loops;
	size_t index;
	char way[512];

	note_cluster_id(preflight, preflight->source, preflight->pipeline->from.cluster);
	note_cluster_id(preflight, preflight->target, preflight->pipeline->to.cluster);
	config = cluster_ids_copy(preflight->context->cluster_ids, &cluster_of);
	index = index_of(preflight, config);
	if (index == config->pipeline_count)
		return 0;
	loops = loops_new(config, cluster_of);
	for (size_t i = 0; i < preflight->result->topic_count && !preflight->err->code; i++)
		if (loops_close_with(loops, index, preflight->result->topics[i].name, way, sizeof way))
			error_set(preflight->err, -ELOOP, REMEDY_PERSON,
			    "records of topic %s would go round for ever (by the ids of the clusters, some of which may be "
			    "one and the same): %s; choose another target, or narrower sources, for this pipeline, then "
			    "reload aloqd",
			    preflight->result->topics[i].name, way);
	loops_free(loops);
	return preflight->err->code;
}

/* ---- the run ---- */

static int check_all(struct preflight *preflight)
{
	struct preflight_result *result = preflight->result;

	/* The loops first: no target is made for one. */
	if (preflight_find_topics(preflight) < 0 || check_loops(preflight) < 0)
		return preflight->err->code;
	for (size_t i = 0; i < result->topic_count; i++) {
		if (worker_cancelled(preflight->worker))
			return error_set(preflight->err, -ECANCELED, REMEDY_NONE, "cancelled");
		if (preflight_check_target(preflight, &result->topics[i]) < 0)
			return preflight->err->code;
	}
	if (preflight_check_dead_letter(preflight) < 0)
		return preflight->err->code;
	learn_max_bytes(preflight);
	return 0;
}

void preflight_clear(struct preflight_result *result)
{
	for (size_t i = 0; i < result->topic_count; i++)
		free(result->topics[i].name);
	free(result->topics);
	memset(result, 0, sizeof *result);
}

void preflight_run(const struct preflight_context *context, struct worker *worker, struct preflight_result *result)
{
	const struct config_pipeline *pipeline = context->pipeline;
	_cleanup_(client_freep) rd_kafka_t *source = NULL;
	_cleanup_(client_freep) rd_kafka_t *target = NULL;
	struct preflight preflight = { .context = context, .pipeline = pipeline, .worker = worker, .result = result,
		.err = &result->err };

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
