#include "kafka/property_check.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/property_sides.h"

static rd_kafka_conf_res_t try_set(const struct config_property *property, char *words, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, property->name, property->value, words, size);

	rd_kafka_conf_destroy(conf);
	return result;
}

static int check_property(const struct config_property *property, const char *path, bool consumer, bool producer,
    struct config_findings *findings)
{
	char words[256];
	struct config_finding *finding;

	switch (try_set(property, words, sizeof words)) {
	case RD_KAFKA_CONF_OK:
		if ((consumer && property_sides_has(property->name, RD_KAFKA_CONSUMER)) ||
		    (producer && property_sides_has(property->name, RD_KAFKA_PRODUCER)))
			return 0;
		snprintf(words, sizeof words, "\"%s\" is a %s property; it belongs into %s.properties", property->name,
		    consumer ? "producer" : "consumer", consumer ? "to" : "from");
		break;
	case RD_KAFKA_CONF_UNKNOWN:
		snprintf(words, sizeof words, "librdkafka %s does not know the property \"%s\"",
		    rd_kafka_version_str(), property->name);
		break;
	default:
		break; /* the words are librdkafka's */
	}
	findings->items = xreallocarray(findings->items, findings->count + 1, sizeof *findings->items);
	finding = &findings->items[findings->count++];
	finding->is_error = true;
	finding->text = xasprintf("%s:%d: %s: %s", property->origin.file ? property->origin.file : "defaults",
	    property->origin.line, path, words);
	findings->error_count++;
	return 1;
}

static int check_properties(const struct config_properties *properties, const char *owner, const char *name,
    const char *key, bool consumer, bool producer, struct config_findings *findings)
{
	_cleanup_free_ char *path = xasprintf("%s.%s.%s", owner, name, key);
	int errors = 0;

	for (size_t i = 0; i < properties->count; i++)
		errors += check_property(&properties->items[i], path, consumer, producer, findings);
	return errors;
}

int property_check(const struct config *config, struct config_findings *findings)
{
	int errors = 0;

	for (size_t i = 0; i < config->cluster_count; i++)
		errors += check_properties(&config->clusters[i].properties, "clusters", config->clusters[i].name,
		    "properties", true, true, findings);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		errors += check_properties(&pipeline->from.properties, "pipelines", pipeline->name, "from.properties",
		    true, false, findings);
		errors += check_properties(&pipeline->to.properties, "pipelines", pipeline->name, "to.properties",
		    false, true, findings);
	}
	return errors;
}
