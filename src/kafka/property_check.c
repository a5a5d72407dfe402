#include "kafka/property_check.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/library.h"
#include "kafka/property_sides.h"
#include "kafka/security.h"
#include "kafka/settings.h"

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

/* The leader of the group runs the assignor for all. Its other members refuse it likewise, or have a version that has been
 * mended. */
static bool needs_newer_library(const struct config_property *property)
{
	return strcasecmp(property->name, "partition.assignment.strategy") == 0 &&
	       settings_is_cooperative(property->value) && library_number() < COOPERATES_SINCE;
}

enum verdict {
	TAKEN,
	REFUSED, /* by the config layer, which has said so */
	WRONG,
};

/* words: with WRONG, what is wrong. */
static enum verdict judge(const struct checked *checked, const struct config_property *property, char *words, size_t size)
{
	if (is_refused(checked, property))
		return REFUSED;
	switch (try_set(property, words, size)) {
	case RD_KAFKA_CONF_OK:
		if (needs_newer_library(property)) {
			snprintf(words, size,
			    "\"%s=%s\" needs librdkafka 2.4, better 2.10: with %s, which is loaded here, the process can crash, or "
			    "hang at its end; remove it: the default, range,roundrobin, is safe",
			    property->name, property->value, rd_kafka_version_str());
			break;
		}
		if ((checked->consumer && property_sides_has(property->name, RD_KAFKA_CONSUMER)) ||
		    (checked->producer && property_sides_has(property->name, RD_KAFKA_PRODUCER)))
			return TAKEN;
		snprintf(words, size, "\"%s\" is a %s property; it belongs into %s.properties", property->name,
		    checked->consumer ? "producer" : "consumer", checked->consumer ? "to" : "from");
		break;
	case RD_KAFKA_CONF_UNKNOWN:
		snprintf(words, size, "librdkafka %s does not know the property \"%s\"; remove it, or correct its name",
		    rd_kafka_version_str(), property->name);
		break;
	default:
		break; /* the words are librdkafka's */
	}
	return WRONG;
}

static void check_properties(const struct checked *checked)
{
	char words[256];

	for (size_t i = 0; i < checked->properties->count; i++) {
		const struct config_property *property = &checked->properties->items[i];

		if (judge(checked, property, words, sizeof words) == WRONG)
			checked->report(checked->context, &property->origin, checked->path, words);
	}
}

static bool are_taken(const struct checked *checked)
{
	char words[256];

	for (size_t i = 0; i < checked->properties->count; i++) {
		if (judge(checked, &checked->properties->items[i], words, sizeof words) != TAKEN)
			return false;
	}
	return true;
}

/* ---- properties together ---- */

/* What security_check() judges, and what a start alone has, is left out: secrets may be missing here, and brokers would be
 * connected to. */
static bool is_left_out(const char *name)
{
	static const char *const prefixes[] = { "security.", "ssl.", "sasl.", "enable.ssl.", "enable.sasl." };
	static const char *const names[] = { "bootstrap.servers", "metadata.broker.list", "debug", "statistics.interval.ms" };

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Does a client take these settings? Whose words say why not: of each one alone they have said it. settings is cleared. */
static bool try_client(rd_kafka_type_t type, struct settings *settings, char *words, size_t size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char ignored[256];

	rd_kafka_conf_set_log_cb(conf, NULL);
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = &settings->items[i];

		if (setting->value && !is_left_out(setting->name))
			rd_kafka_conf_set(conf, setting->name, setting->value, ignored, sizeof ignored);
	}
	settings_clear(settings);
	client = rd_kafka_new(type, conf, words, size);
	if (!client) {
		rd_kafka_conf_destroy(conf); /* ours again when no client was made of it */
		return false;
	}
	rd_kafka_destroy(client);
	return true;
}

/* Where properties first stand that may be at fault: the pipeline's own, else the cluster's. NULL: there are none, and
 * what aloqd chooses itself goes together. */
static const struct config_origin *origin_of(
    const struct config_properties *own, const struct config_properties *of_cluster)
{
	if (own->count > 0)
		return &own->items[0].origin;
	return of_cluster->count > 0 ? &of_cluster->items[0].origin : NULL;
}

/* A cluster's properties go to clients of both sides. */
static struct checked of_cluster(const struct config_cluster *cluster, struct checked checked)
{
	checked.properties = &cluster->properties;
	checked.choice = (struct delivery_choice){ DELIVERY_AT_LEAST_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };
	checked.consumer = checked.producer = true;
	return checked;
}

/* checked: the pipeline's own properties for a client of this type. */
static void check_together(
    const struct checked *checked, const struct config_pipeline *pipeline, rd_kafka_type_t type)
{
	const struct config_cluster *cluster = type == RD_KAFKA_CONSUMER ? pipeline->from.cluster : pipeline->to.cluster;
	bool is_transactional = type == RD_KAFKA_PRODUCER && pipeline->delivery == DELIVERY_EXACTLY_ONCE;
	struct settings settings = { .items = NULL };
	struct checked clusters;
	const struct config_origin *origin;
	char words[512];

	if (!cluster)
		return;
	origin = origin_of(checked->properties, &cluster->properties);
	clusters = of_cluster(cluster, *checked);
	if (!origin || !are_taken(checked) || !are_taken(&clusters))
		return;
	if (type == RD_KAFKA_CONSUMER)
		settings_of_consumer(&settings, pipeline, NULL, NULL);
	else
		settings_of_producer(&settings, pipeline, NULL, is_transactional ? "check" : NULL);
	if (!try_client(type, &settings, words, sizeof words)) {
		_cleanup_free_ char *text = xasprintf(
		    "librdkafka refuses what these properties, the cluster's and aloqd's own settings make together: %s; "
		    "change or remove one of them (aloqd --explain tells aloqd's own)",
		    words);

		checked->report(checked->context, origin, checked->path, text);
	}
}

static void check_cluster(const struct config_cluster *cluster, struct checked checked)
{
	_cleanup_free_ char *path = xasprintf("clusters.%s.properties", cluster->name);

	checked = of_cluster(cluster, checked);
	checked.path = path;
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
	check_together(&checked, pipeline, RD_KAFKA_CONSUMER);
	checked.properties = &pipeline->to.properties;
	checked.path = to_path;
	checked.consumer = false;
	checked.producer = true;
	check_properties(&checked);
	check_together(&checked, pipeline, RD_KAFKA_PRODUCER);
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
