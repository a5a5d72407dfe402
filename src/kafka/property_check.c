#include "kafka/property_check.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/property_sides.h"
#include "kafka/security.h"

/* Properties of one list, and whose they are. */
struct checked {
	const struct config_properties *properties;
	const char *path;
	struct delivery_choice choice;
	bool consumer, producer; /* the clients that they may be for */
	config_report report;
	void *context;
};

static rd_kafka_conf_res_t try_set(const struct config_property *property, char *words, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, property->name, property->value, words, size);

	rd_kafka_conf_destroy(conf);
	return result;
}

static bool is_refused(const struct checked *checked, const struct config_property *property)
{
	return delivery_property_refusal(&checked->choice, checked->consumer ? CLIENT_CONSUMER : CLIENT_PRODUCER,
	    property->name, property->value);
}

static void check_property(const struct checked *checked, const struct config_property *property)
{
	char words[256];

	if (is_refused(checked, property))
		return;
	switch (try_set(property, words, sizeof words)) {
	case RD_KAFKA_CONF_OK:
		if ((checked->consumer && property_sides_has(property->name, RD_KAFKA_CONSUMER)) ||
		    (checked->producer && property_sides_has(property->name, RD_KAFKA_PRODUCER)))
			return;
		snprintf(words, sizeof words, "\"%s\" is a %s property; it belongs into %s.properties", property->name,
		    checked->consumer ? "producer" : "consumer", checked->consumer ? "to" : "from");
		break;
	case RD_KAFKA_CONF_UNKNOWN:
		snprintf(words, sizeof words,
		    "librdkafka %s does not know the property \"%s\"; remove it, or correct its name",
		    rd_kafka_version_str(), property->name);
		break;
	default:
		break; /* the words are librdkafka's */
	}
	checked->report(checked->context, &property->origin, checked->path, words);
}

static void check_properties(const struct checked *checked)
{
	for (size_t i = 0; i < checked->properties->count; i++)
		check_property(checked, &checked->properties->items[i]);
}

static void check_cluster(const struct config_cluster *cluster, struct checked checked)
{
	_cleanup_free_ char *path = xasprintf("clusters.%s.properties", cluster->name);

	checked.properties = &cluster->properties;
	checked.path = path;
	checked.choice = (struct delivery_choice){ DELIVERY_AT_LEAST_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };
	checked.consumer = checked.producer = true;
	check_properties(&checked);
}

static void check_pipeline(const struct config_pipeline *pipeline, struct checked checked)
{
	_cleanup_free_ char *from_path = xasprintf("pipelines.%s.from.properties", pipeline->name);
	_cleanup_free_ char *to_path = xasprintf("pipelines.%s.to.properties", pipeline->name);

	checked.choice = (struct delivery_choice){ pipeline->delivery, pipeline->to.acks, pipeline->from.isolation };
	checked.properties = &pipeline->from.properties;
	checked.path = from_path;
	checked.consumer = true;
	check_properties(&checked);
	checked.properties = &pipeline->to.properties;
	checked.path = to_path;
	checked.consumer = false;
	checked.producer = true;
	check_properties(&checked);
}

void property_check(const struct config *config, config_report report, void *context)
{
	const struct checked checked = { .report = report, .context = context };

	for (size_t i = 0; i < config->cluster_count; i++) {
		check_cluster(&config->clusters[i], checked);
		security_check(&config->clusters[i], report, context);
	}
	for (size_t i = 0; i < config->pipeline_count; i++)
		check_pipeline(&config->pipelines[i], checked);
}
