/* Settings of topics and brokers, as DescribeConfigs tells them: with the defaults of the broker that
 * answers. */
#include "kafka/audit_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"

static void take_configs(struct audit_configs *configs, const rd_kafka_ConfigResource_t *resource)
{
	rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
	size_t count = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

	configs->unknown = code ? xstrdup(rd_kafka_err2str(code)) : NULL;
	for (size_t i = 0; i < count; i++)
		if (rd_kafka_ConfigEntry_value(entries[i]))
			audit_config_add(configs, rd_kafka_ConfigEntry_name(entries[i]),
			    rd_kafka_ConfigEntry_value(entries[i]));
}

/* Those of a broker, by its id, or of the cluster's topics. */
static void take_answer(struct audit_cluster *cluster, rd_kafka_ResourceType_t type, rd_kafka_event_t *event)
{
	size_t count = 0;
	const rd_kafka_ConfigResource_t **resources =
	    rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);

	for (size_t i = 0; i < count; i++) {
		const char *name = rd_kafka_ConfigResource_name(resources[i]);

		if (type == RD_KAFKA_RESOURCE_BROKER)
			take_configs(&cluster->broker_configs, resources[i]);
		for (size_t k = 0; k < cluster->topic_count && type == RD_KAFKA_RESOURCE_TOPIC; k++)
			if (!strcmp(cluster->topics[k].name, name))
				take_configs(&cluster->topics[k].configs, resources[i]);
	}
}

/* Takes resources. Returns librdkafka's words when there is no answer, else NULL. */
static const char *ask(rd_kafka_t *client, struct audit_cluster *cluster, rd_kafka_ResourceType_t type,
    rd_kafka_ConfigResource_t **resources, size_t count)
{
	struct audit_request request;
	rd_kafka_event_t *event;
	const char *words = NULL;

	audit_request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_DescribeConfigs(client, resources, count, request.options, request.queue);
	event = audit_request_end(&request);
	if (!event || rd_kafka_event_error(event))
		words = event ? rd_kafka_err2str(rd_kafka_event_error(event)) : "no answer";
	else
		take_answer(cluster, type, event);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy_array(resources, count);
	return words;
}

void audit_ask_topic_configs(rd_kafka_t *client, struct audit_cluster *cluster)
{
	_cleanup_free_ rd_kafka_ConfigResource_t **resources =
	    xcalloc(cluster->topic_count, sizeof *resources);
	const char *words;
	size_t count = 0;

	/* None is asked for twice, which would make the whole answer an error. */
	for (size_t i = 0; i < cluster->topic_count; i++)
		if (cluster->topics[i].presence == AUDIT_PRESENT)
			resources[count++] =
			    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, cluster->topics[i].name);
	if (count == 0)
		return;
	words = ask(client, cluster, RD_KAFKA_RESOURCE_TOPIC, resources, count);
	for (size_t i = 0; i < cluster->topic_count && words; i++)
		if (cluster->topics[i].presence == AUDIT_PRESENT)
			cluster->topics[i].configs.unknown = xstrdup(words);
}

void audit_ask_broker_configs(rd_kafka_t *client, struct audit_cluster *cluster, int32_t broker)
{
	rd_kafka_ConfigResource_t *resource;
	const char *words;
	char id[16];

	snprintf(id, sizeof id, "%" PRId32, broker);
	resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
	words = ask(client, cluster, RD_KAFKA_RESOURCE_BROKER, &resource, 1);
	if (words)
		cluster->broker_configs.unknown = xstrdup(words);
}
