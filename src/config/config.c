#include "config/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/dump.h"
#include "config/keys.h"
#include "config/values.h"

struct config *config_hold(struct config *config)
{
	atomic_fetch_add(&config->holders, 1);
	return config;
}

void config_free(struct config *config)
{
	if (!config || atomic_fetch_sub(&config->holders, 1) > 1)
		return;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		free(config->pipelines[i].name);
		values_clear(PLACE_PIPELINE, &config->pipelines[i]);
	}
	for (size_t i = 0; i < config->cluster_count; i++) {
		free(config->clusters[i].name);
		values_clear(PLACE_CLUSTER, &config->clusters[i]);
	}
	values_clear(PLACE_ALOQD, config);
	for (size_t i = 0; i < config->file_count; i++)
		free(config->files[i]);
	free(config->files);
	free(config->pipelines);
	free(config->clusters);
	free(config);
}

/* The caller frees the array, and not what is in it. */
static struct config_properties without_rack(const struct config_properties *properties)
{
	struct config_properties rest = { .items = xcalloc(properties->count, sizeof *rest.items) };

	for (size_t i = 0; i < properties->count; i++)
		if (strcasecmp(properties->items[i].name, "client.rack") != 0)
			rest.items[rest.count++] = properties->items[i];
	return rest;
}

/* What decides what becomes of a record, as text. The caller frees. */
static char *common_settings(const struct config_pipeline *pipeline)
{
	struct config_pipeline common = *pipeline;
	struct config_cluster source = *pipeline->from.cluster;
	struct config_cluster target = *pipeline->to.cluster;
	struct config_properties *lists[] = { &source.properties, &target.properties, &common.from.properties,
		&common.to.properties };
	char *text;

	common.enabled = true;
	common.members = 1;
	common.from.cluster = &source;
	common.to.cluster = &target;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		*lists[i] = without_rack(lists[i]);
	text = dump_pipeline_settings(&common);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		free(lists[i]->items);
	return text;
}

void config_pipeline_hash(const struct config_pipeline *pipeline, char *buffer)
{
	_cleanup_free_ char *text = common_settings(pipeline);
	uint32_t hash = 2166136261u; /* FNV-1a: it has to tell apart, not to withstand */

	for (const char *p = text; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	snprintf(buffer, 9, "%08x", hash);
}

char *config_target_topic(const struct config_pipeline *pipeline, const char *source_topic)
{
	static const char placeholder[] = "{topic}";
	const size_t placeholder_length = sizeof placeholder - 1;
	size_t source_length = strlen(source_topic);
	const char *from = pipeline->to.topic;
	size_t used = 0;
	char *target;

	/* Every placeholder may be replaced by the name. */
	target = xcalloc(strlen(from) / placeholder_length * source_length + strlen(from) + 1, 1);
	while (*from) {
		if (strncmp(from, placeholder, placeholder_length) == 0) {
			memcpy(target + used, source_topic, source_length);
			used += source_length;
			from += placeholder_length;
		} else {
			target[used++] = *from++;
		}
	}
	return target;
}
