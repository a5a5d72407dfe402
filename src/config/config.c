#include "config/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/dump.h"
#include "config/keys.h"
#include "config/values.h"

void config_free(struct config *config)
{
	if (!config)
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

void config_pipeline_hash(const struct config_pipeline *pipeline, char *buffer)
{
	_cleanup_free_ char *text = dump_pipeline_settings(pipeline);
	uint32_t hash = 2166136261u; /* FNV-1a: it has to tell apart, not to withstand */

	for (const char *p = text; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	snprintf(buffer, 9, "%08x", hash);
}

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool properties_equal(const struct config_properties *a, const struct config_properties *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; i < a->count && equal; i++)
		equal = texts_equal(a->items[i].name, b->items[i].name) &&
			texts_equal(a->items[i].value, b->items[i].value);
	return equal;
}

bool config_secrets_equal(const struct config_cluster *a, const struct config_cluster *b)
{
	return texts_equal(a->sasl.password.value, b->sasl.password.value) &&
	       texts_equal(a->tls.key_password.value, b->tls.key_password.value) &&
	       a->tls.ca.contents_hash == b->tls.ca.contents_hash &&
	       a->tls.certificate.contents_hash == b->tls.certificate.contents_hash &&
	       a->tls.key.contents_hash == b->tls.key.contents_hash &&
	       properties_equal(&a->properties, &b->properties);
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
