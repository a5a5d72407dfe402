#include "kafka/settings.h"
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/property_list.h"
#include "kafka/client.h"
#include "kafka/property_sides.h"
#include "kafka/security.h"

#define BY_MEMORY "aloqd.memory and the number of source partitions bound what is fetched ahead"

enum { DERIVED_MAX = 32, NUMBER_SIZE = 24 };

/* A default of ours. */
struct default_setting {
	const char *name, *value, *reason;
};

static const struct default_setting common_defaults[] = {
	{ "socket.nagle.disable", "true", "a small request must not wait for the answer to the one before" },
	{ "socket.keepalive.enable", "true", "a connection that was dropped on the way must be noticed" },
	{ "socket.timeout.ms", "15000",
	    "a connection that swallows everything would stall the relay for librdkafka's minute" },
	{ "reconnect.backoff.ms", "100", "most broken connections can be made again at once" },
	{ "reconnect.backoff.max.ms", "1000", "a broker that is back must be found soon" },
	{ "log.connection.close", "false", "brokers close idle connections, which is no fault" },
};

static const struct default_setting consumer_defaults[] = {
	{ "fetch.wait.max.ms", "100", "a pause or a stop must not wait for an idle fetch" },
	{ "fetch.error.backoff.ms", "50", "after a leader has moved, reading must go on soon" },
	{ "session.timeout.ms", "10000",
	    "that long the partitions of a killed instance wait for another one" },
	{ "heartbeat.interval.ms", "1000", "a rebalance is learned of with a heartbeat" },
	{ "topic.metadata.refresh.interval.ms", "30000", "new topics and partitions must be noticed soon" },
	{ "partition.assignment.strategy", "range,roundrobin",
	    "they are safe with members of every version" },
};

static const struct default_setting producer_defaults[] = {
	/* By default longer than a transaction may last: its records would time out, in one transaction after
	 * the other, and nobody would learn that the topic is gone. A restart of the pipeline asks again. */
	{ "topic.metadata.propagation.max.ms", "5000",
	    "a producer must say soon that its topic is gone, and not wait for it in vain" },
};

/* ---- the list ---- */

/* Takes value. */
static struct setting *add(
    struct settings *settings, enum setting_origin origin, const char *name, char *value, const char *reason)
{
	struct setting *setting;

	settings->items = xreallocarray(settings->items, settings->count + 1, sizeof *settings->items);
	setting = &settings->items[settings->count++];
	*setting = (struct setting){ .origin = origin, .name = name, .value = value, .reason = reason };
	return setting;
}

void settings_add(struct settings *settings, const char *name, const char *value, const char *reason)
{
	add(settings, SETTING_FIXED, name, value ? xstrdup(value) : NULL, reason);
}

bool settings_is_cooperative(const char *strategy)
{
	return strcasestr(strategy, "cooperative") != NULL;
}

void settings_add_prompt_fetch(struct settings *settings)
{
	/* 0 would spin. */
	add(settings, SETTING_FIXED, "fetch.queue.backoff.ms", xstrdup("5"),
	    "a full prefetch would park its partition for librdkafka's second")
	    ->optional = true;
}

static void add_number(struct settings *settings, const char *name, uint64_t value, const char *reason)
{
	add(settings, SETTING_FIXED, name, xasprintf("%" PRIu64, value), reason);
}

static void add_defaults(struct settings *settings, const struct default_setting *defaults, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(settings, SETTING_DEFAULT, defaults[i].name, xstrdup(defaults[i].value),
		    defaults[i].reason);
}

#define ADD_DEFAULTS(settings, table) add_defaults(settings, table, sizeof(table) / sizeof((table)[0]))

static void add_common_defaults(struct settings *settings)
{
	ADD_DEFAULTS(settings, common_defaults);
	/* KIP-714, from 2.5 on. */
	add(settings, SETTING_DEFAULT, "enable.metrics.push", xstrdup("false"),
	    "a broker may ask for the client's metrics, and ours go to the operator alone")
	    ->optional = true;
}

static void add_properties(
    struct settings *settings, const struct config_properties *properties, rd_kafka_type_t type)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct config_property *property = &properties->items[i];

		if (property_sides_has(property->name, type))
			add(settings, SETTING_PROPERTY, property->name, xstrdup(property->value), NULL)
			    ->property = property;
	}
}

void settings_clear(struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		char *value = settings->items[i].value;

		if (value && property_is_secret(settings->items[i].name))
			explicit_bzero(value, strlen(value));
		free(value);
	}
	free(settings->items);
	*settings = (struct settings){ .items = NULL };
}

const struct setting *settings_find(const struct settings *settings, const char *name)
{
	for (size_t i = settings->count; i > 0; i--)
		if (!strcasecmp(settings->items[i - 1].name, name))
			return &settings->items[i - 1];
	return NULL;
}

/* ---- what all have ---- */

static void add_identity(
    struct settings *settings, const struct config_pipeline *pipeline, const struct config_cluster *cluster)
{
	char hash[9];

	config_pipeline_hash(pipeline, hash);
	/* Members of one process must be told apart, too. */
	add(settings, SETTING_FIXED, "client.id",
	    pipeline->member > 0 ? xasprintf("aloqd-%s-%s-%" PRId32, pipeline->name, hash, pipeline->member)
				 : xasprintf("aloqd-%s-%s", pipeline->name, hash),
	    "the brokers' logs must tell pipelines apart, and hosts whose settings differ");
	settings_add(settings, "bootstrap.servers", cluster->brokers, "clusters.NAME.brokers says so");
}

static void add_derived(
    struct settings *settings, const struct config_pipeline *pipeline, enum client_side side)
{
	const struct delivery_choice choice = { .delivery = pipeline->delivery,
		.acks = pipeline->to.acks,
		.isolation = pipeline->from.isolation };
	struct derived_setting derived[DERIVED_MAX];
	size_t count = delivery_derive(&choice, derived, DERIVED_MAX);

	for (size_t i = 0; i < count && i < DERIVED_MAX; i++)
		if (derived[i].side == side)
			settings_add(settings, derived[i].property, derived[i].value, derived[i].reason);
}

/* ---- consumer ---- */

static void add_fetch_sizes(struct settings *settings, const struct client_sizes *sizes)
{
	const struct {
		const char *name;
		uint32_t value;
	} bounds[] = {
		{ "queued.min.messages", sizes ? sizes->partition_prefetch_records : 0 },
		{ "queued.max.messages.kbytes", sizes ? sizes->partition_prefetch_kbytes : 0 },
		{ "fetch.message.max.bytes", sizes ? sizes->partition_fetch_max_bytes : 0 },
		{ "fetch.max.bytes", sizes ? sizes->fetch_max_bytes : 0 },
	};

	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
		if (sizes)
			add_number(settings, bounds[i].name, bounds[i].value, BY_MEMORY);
		else
			settings_add(settings, bounds[i].name, NULL, BY_MEMORY);
	}
}

void settings_of_consumer(
    struct settings *settings, const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *group_instance_id)
{
	add_common_defaults(settings);
	ADD_DEFAULTS(settings, consumer_defaults);
	security_settings(settings, pipeline->from.cluster);
	add_properties(settings, &pipeline->from.cluster->properties, RD_KAFKA_CONSUMER);
	add_properties(settings, &pipeline->from.properties, RD_KAFKA_CONSUMER);
	add_identity(settings, pipeline, pipeline->from.cluster);
	settings_add(settings, "group.id", pipeline->from.group, "from.group says so");
	if (group_instance_id)
		settings_add(settings, "group.instance.id", group_instance_id,
		    "with from.static_membership the group keeps its place while it restarts");
	add_derived(settings, pipeline, CLIENT_CONSUMER);
	add_fetch_sizes(settings, sizes);
	settings_add_prompt_fetch(settings);
}

/* ---- producer ---- */

/* The smaller of two limits, of which 0 is unknown. */
static uint32_t smaller_known(uint32_t a, uint32_t b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

/* What librdkafka takes when nobody sets it. */
static uint64_t library_default(const char *name)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char value[NUMBER_SIZE] = "";
	size_t size = sizeof value;

	if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
		value[0] = '\0';
	rd_kafka_conf_destroy(conf);
	return strtoull(value, NULL, 10);
}

/* One batch must never turn good records into poison: no batch of several records is larger than any target
 * takes. */
static void add_batch_size(struct settings *settings, const struct client_sizes *sizes)
{
	static const char reason[] =
	    "a batch of several records must not be larger than the targets take: at most "
	    "1 KiB below their max.message.bytes, and below their segment.bytes";
	uint32_t limit = sizes ? smaller_known(sizes->batch_max_bytes, sizes->dead_letter_max_bytes) : 0;
	uint64_t batch_bytes = limit > 2048 ? limit - 1024 : limit / 2;
	const struct setting *set = settings_find(settings, "batch.size");

	if (!sizes)
		settings_add(settings, "batch.size", NULL, reason);
	else if (limit > 0 &&
		 batch_bytes < (set ? strtoull(set->value, NULL, 10) : library_default("batch.size")))
		add_number(settings, "batch.size", batch_bytes, reason);
}

static void add_queue_sizes(struct settings *settings, const struct client_sizes *sizes)
{
	static const char reason[] =
	    "aloqd bounds what is in flight itself; a full queue of the producer would stall it";

	if (sizes) {
		add_number(settings, "queue.buffering.max.messages", sizes->produce_queue_records, reason);
		add_number(settings, "queue.buffering.max.kbytes", sizes->produce_queue_kbytes, reason);
	} else {
		settings_add(settings, "queue.buffering.max.messages", NULL, reason);
		settings_add(settings, "queue.buffering.max.kbytes", NULL, reason);
	}
}

/* From 2.10 on librdkafka ends its thread for a broker that the metadata leave out, and goes on waiting for it where it was
 * the group's coordinator: rd_kafka_send_offsets_to_transaction() asks for another one only when a connection to any broker
 * opens or closes (librdkafka issue 5511), and its timeout does not hold (5456). Nothing is sent meanwhile, so that closing
 * what is idle is such a moment. Before 2.10 that thread tries to connect for ever, which is one too; and idle connections
 * that were closed would count as brokers that are down. */
static void add_idle_bound(struct settings *settings)
{
	if (client_library_at_least(2, 10, 0))
		add(settings, SETTING_DEFAULT, "connections.max.idle.ms", xstrdup("5000"),
		    "librdkafka looks for the group's next coordinator when a connection opens or closes, and not before");
}

void settings_of_producer(struct settings *settings, const struct config_pipeline *pipeline,
    const struct client_sizes *sizes, const char *transactional_id)
{
	add_common_defaults(settings);
	ADD_DEFAULTS(settings, producer_defaults);
	if (pipeline->delivery == DELIVERY_EXACTLY_ONCE)
		add_idle_bound(settings);
	security_settings(settings, pipeline->to.cluster);
	add_properties(settings, &pipeline->to.cluster->properties, RD_KAFKA_PRODUCER);
	add_properties(settings, &pipeline->to.properties, RD_KAFKA_PRODUCER);
	add_identity(settings, pipeline, pipeline->to.cluster);
	add(settings, SETTING_FIXED, "linger.ms", xasprintf("%.3f", (double)pipeline->to.linger_us / 1000.0),
	    "to.linger says so");
	settings_add(settings, "compression.codec", pipeline->to.compression, "to.compression says so");
	settings_add(settings, "partitioner", "murmur2_random",
	    "with to.partition = \"key\" it puts a key where Java's default does; else aloqd names the "
	    "partition");
	add_derived(settings, pipeline, CLIENT_PRODUCER);
	add_queue_sizes(settings, sizes);
	add_batch_size(settings, sizes);
	settings_add(settings, "message.max.bytes", "1000000000",
	    "a record that is too large is refused by itself, by its own target, and on_error decides");
	if (transactional_id)
		settings_add(settings, "transactional.id", transactional_id,
		    "it fences the instance that this one follows, and no other");
}

/* ---- a client that asks ---- */

void settings_of_asker(struct settings *settings, const struct config_pipeline *pipeline,
    const struct config_cluster *cluster, const char *group)
{
	add_common_defaults(settings);
	security_settings(settings, cluster);
	add_properties(settings, &cluster->properties, RD_KAFKA_CONSUMER);
	/* What reaches the cluster (security, timeouts) may stand with the pipeline too. */
	add_properties(settings,
	    cluster == pipeline->from.cluster ? &pipeline->from.properties : &pipeline->to.properties,
	    RD_KAFKA_CONSUMER);
	add_identity(settings, pipeline, cluster);
	settings_add(settings, "allow.auto.create.topics", "false", "asking must not create");
	settings_add(settings, "isolation.level", "read_uncommitted", "the true end of a log is asked for");
	if (group)
		settings_add(settings, "group.id", group, "committed offsets are those of a group");
}

void settings_of_tool(
    struct settings *settings, const struct config_cluster *cluster, bool is_producer, const char *client_id)
{
	rd_kafka_type_t type = is_producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;

	add_common_defaults(settings);
	if (is_producer)
		ADD_DEFAULTS(settings, producer_defaults);
	security_settings(settings, cluster);
	add_properties(settings, &cluster->properties, type);
	settings_add(settings, "client.id", client_id, "the brokers' logs must tell who it is");
	settings_add(settings, "bootstrap.servers", cluster->brokers, "the cluster is there");
	settings_add(settings, "allow.auto.create.topics", "false", "asking must not create");
}

char *settings_member_id(const struct config_pipeline *pipeline, const char *instance)
{
	return xasprintf("aloqd.%s.%s.%" PRId32, pipeline->name, instance, pipeline->member);
}

/* FNV-1a, of names in any order. */
static uint32_t hash_of_names(const char *const *names, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t hash = UINT32_C(2166136261);

		for (const char *c = names[i]; *c; c++)
			hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
		sum += hash;
	}
	return sum;
}

char *settings_group_instance_id(const struct config_pipeline *pipeline, const char *instance,
    const char *const *topics, size_t topic_count)
{
	_cleanup_free_ char *member_id = settings_member_id(pipeline, instance);

	return xasprintf("%s.%08" PRIx32, member_id, hash_of_names(topics, topic_count));
}
