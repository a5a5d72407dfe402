#include "kafka/client.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/property_list.h"
#include "kafka/error_class.h"
#include "kafka/property_sides.h"
#include "kafka/security.h"

enum { DERIVED_MAX = 32 };

static void conf_freep(rd_kafka_conf_t **conf)
{
	if (*conf)
		rd_kafka_conf_destroy(*conf);
}

bool client_library_at_least(int major, int minor, int patch)
{
	return rd_kafka_version() >= (major << 24 | minor << 16 | patch << 8);
}

/* ---- librdkafka's own log lines ---- */

/* The length of a line without the secret at its end, if it has one. With debug=conf librdkafka tells all settings, "NAME =
 * VALUE" each, and hides but some of their secrets (not that of an OAUTHBEARER client, in 2.8). */
static size_t length_without_secret(const char *text)
{
	const char *equals = strstr(text, " = ");
	const char *name = equals;
	_cleanup_free_ char *copy = NULL;

	while (name && name > text && name[-1] != ' ')
		name--;
	if (!name)
		return strlen(text);
	copy = xstrndup(name, (size_t)(equals - name));
	return property_is_secret(copy) ? (size_t)(equals - text) : strlen(text);
}

/* The opaque of every client is the pipeline that it belongs to. */
static void log_line(const rd_kafka_t *client, int severity, const char *facility, const char *text)
{
	const struct config_pipeline *pipeline = client ? rd_kafka_opaque(client) : NULL;
	enum log_level level = LOG_LEVEL_DEBUG;

	/* Said of properties for the other kind of client, and of brokers too old for what is the default. */
	if (!strcmp(facility, "CONFWARN") || !strcmp(facility, "AUTOCREATE"))
		return;
	if (severity <= 3)
		level = LOG_LEVEL_WARNING;
	else if (severity <= 4)
		level = LOG_LEVEL_INFO;
	/* Broken connections and failed producers come to us as events too, and are told by what becomes of them. */
	if (!strcmp(facility, "FAIL") || !strcmp(facility, "ERROR") || !strcmp(facility, "FATAL"))
		level = LOG_LEVEL_DEBUG;
	if (!log_enabled(level))
		return;
	log_at(level, pipeline ? &LOG_SETTINGS(pipeline) : &LOG_NOWHERE, "librdkafka: %s: %.*s", facility,
	    (int)length_without_secret(text), text);
}

/* ---- settings ---- */

static int conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
	char text[256];

	switch (rd_kafka_conf_set(conf, name, value, text, sizeof text)) {
	case RD_KAFKA_CONF_OK:
		return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		return error_set(err, -ENOENT, REMEDY_PERSON, "librdkafka %s does not know the property \"%s\"",
		    rd_kafka_version_str(), name);
	default:
		return error_set(err, -EINVAL, REMEDY_PERSON, "%s", text);
	}
}

static int conf_set_number(rd_kafka_conf_t *conf, const char *name, uint64_t value, struct error *err)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	return conf_set(conf, name, text, err);
}

/* A setting that older versions do not have, and that only makes things better. */
static void conf_set_if_known(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	(void)rd_kafka_conf_set(conf, name, value, text, sizeof text);
}

static int conf_set_properties(rd_kafka_conf_t *conf, const struct config_properties *properties,
    rd_kafka_type_t type, struct error *err)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct config_property *property = &properties->items[i];
		int r;

		if (!property_sides_has(property->name, type))
			continue;
		r = conf_set(conf, property->name, property->value, err);
		if (r < 0) {
			error_prefix(err, "%s:%d", property->origin.file ? property->origin.file : "defaults",
			    property->origin.line);
			return r;
		}
	}
	return 0;
}

/* What every client of a pipeline has. */
static rd_kafka_conf_t *conf_new(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    rd_kafka_type_t type, struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *conf = rd_kafka_conf_new();
	_cleanup_free_ char *client_id = NULL;
	char hash[9];

	config_pipeline_hash(pipeline, hash);
	/* Members of one process must be told apart, too. */
	client_id = pipeline->member > 0 ? xasprintf("aloqd-%s-%s-%" PRId32, pipeline->name, hash, pipeline->member)
					 : xasprintf("aloqd-%s-%s", pipeline->name, hash);
	rd_kafka_conf_set_opaque(conf, (void *)pipeline);
	rd_kafka_conf_set_log_cb(conf, log_line);
	if (conf_set(conf, "client.id", client_id, err) < 0 ||
	    conf_set(conf, "bootstrap.servers", cluster->brokers, err) < 0 ||
	    conf_set(conf, "socket.nagle.disable", "true", err) < 0 ||
	    conf_set(conf, "socket.keepalive.enable", "true", err) < 0 ||
	    conf_set(conf, "reconnect.backoff.ms", "100", err) < 0 ||
	    /* Its default of a minute is how long a connection that swallows everything would stall the relay. */
	    conf_set(conf, "socket.timeout.ms", "15000", err) < 0 ||
	    conf_set(conf, "reconnect.backoff.max.ms", "1000", err) < 0 ||
	    conf_set(conf, "log.connection.close", "false", err) < 0)
		return NULL;
	/* KIP-714: a broker may ask newer clients for their metrics; ours go to the operator alone. */
	conf_set_if_known(conf, "enable.metrics.push", "false");
	if (security_apply(conf, cluster, err) < 0 ||
	    conf_set_properties(conf, &cluster->properties, type, err) < 0) {
		error_prefix(err, "cluster %s", cluster->name);
		return NULL;
	}
	return TAKE_PTR(conf);
}

static int conf_set_derived(rd_kafka_conf_t *conf, const struct config_pipeline *pipeline, enum client_side side,
    struct error *err)
{
	const struct delivery_choice choice = { .delivery = pipeline->delivery, .acks = pipeline->to.acks,
		.isolation = pipeline->from.isolation };
	struct derived_setting settings[DERIVED_MAX];
	size_t count = delivery_derive(&choice, settings, DERIVED_MAX);

	for (size_t i = 0; i < count && i < DERIVED_MAX; i++)
		if (settings[i].side == side && conf_set(conf, settings[i].property, settings[i].value, err) < 0)
			return err->code;
	return 0;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err)
{
	char text[512];
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);

	if (!client)
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka refuses the settings: %s", text);
	return client;
}

rd_kafka_t *client_new_consumer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *conf =
	    conf_new(pipeline, pipeline->from.cluster, RD_KAFKA_CONSUMER, err);
	rd_kafka_t *client;

	if (!conf)
		return NULL;
	/* Defaults of ours that the operator may change. */
	if (conf_set(conf, "fetch.wait.max.ms", "100", err) < 0 ||
	    conf_set(conf, "fetch.error.backoff.ms", "50", err) < 0 ||
	    conf_set(conf, "session.timeout.ms", "10000", err) < 0 ||
	    conf_set(conf, "heartbeat.interval.ms", "1000", err) < 0 ||
	    conf_set(conf, "topic.metadata.refresh.interval.ms", "30000", err) < 0 ||
	    conf_set(conf, "partition.assignment.strategy", "range,roundrobin", err) < 0)
		return NULL;
	if (conf_set_properties(conf, &pipeline->from.cluster->properties, RD_KAFKA_CONSUMER, err) < 0 ||
	    conf_set_properties(conf, &pipeline->from.properties, RD_KAFKA_CONSUMER, err) < 0)
		return NULL;
	/* What the guarantee and the memory bound decide. */
	if (conf_set(conf, "group.id", pipeline->from.group, err) < 0 ||
	    conf_set_derived(conf, pipeline, CLIENT_CONSUMER, err) < 0 ||
	    conf_set_number(conf, "queued.min.messages", sizes->partition_prefetch_records, err) < 0 ||
	    conf_set_number(conf, "queued.max.messages.kbytes", sizes->partition_prefetch_kbytes, err) < 0 ||
	    conf_set_number(conf, "fetch.message.max.bytes", sizes->partition_fetch_max_bytes, err) < 0 ||
	    conf_set_number(conf, "fetch.max.bytes", sizes->fetch_max_bytes, err) < 0)
		return NULL;
	/* A full prefetch must not park the partition for its default of a second (from 2.2 on; before, the
	 * source wakes the broker threads itself). 0 would spin. */
	conf_set_if_known(conf, "fetch.queue.backoff.ms", "5");
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT);
	client = client_new(RD_KAFKA_CONSUMER, conf, err);
	if (client)
		conf = NULL;
	return client;
}

/* The smaller of two limits, of which 0 is unknown. */
static uint32_t smaller_known(uint32_t a, uint32_t b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

/* One batch must never turn good records into poison: no batch of several records is larger than any target takes. A
 * single record that is too large is refused by itself, by its own target's broker. */
static int conf_set_batch_limits(rd_kafka_conf_t *conf, const struct client_sizes *sizes, struct error *err)
{
	uint32_t limit = smaller_known(sizes->batch_max_bytes, sizes->dead_letter_max_bytes);
	uint64_t batch_bytes = limit > 2048 ? limit - 1024 : limit / 2;
	char value[32] = "";
	size_t size = sizeof value;

	if (limit > 0 && rd_kafka_conf_get(conf, "batch.size", value, &size) == RD_KAFKA_CONF_OK &&
	    batch_bytes < strtoull(value, NULL, 10) && conf_set_number(conf, "batch.size", batch_bytes, err) < 0)
		return err->code;
	return conf_set_number(conf, "message.max.bytes", 1000000000, err);
}

rd_kafka_t *client_new_producer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *transactional_id, struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *conf = conf_new(pipeline, pipeline->to.cluster, RD_KAFKA_PRODUCER, err);
	char linger_ms[32];
	rd_kafka_t *client;

	if (!conf)
		return NULL;
	snprintf(linger_ms, sizeof linger_ms, "%.3f", (double)pipeline->to.linger_us / 1000.0);
	/* How long a new producer waits for a topic that the cluster does not know before it says so. By default that
	 * is longer than a transaction may last: its records would time out, in one transaction after the other, and
	 * nobody would learn that the topic is gone. A restart of the pipeline asks again. */
	if (conf_set(conf, "topic.metadata.propagation.max.ms", "5000", err) < 0 ||
	    conf_set_properties(conf, &pipeline->to.properties, RD_KAFKA_PRODUCER, err) < 0 ||
	    conf_set(conf, "linger.ms", linger_ms, err) < 0 ||
	    conf_set(conf, "compression.codec", pipeline->to.compression, err) < 0 ||
	    conf_set(conf, "partitioner", "murmur2_random", err) < 0 ||
	    conf_set_derived(conf, pipeline, CLIENT_PRODUCER, err) < 0 ||
	    conf_set_number(conf, "queue.buffering.max.messages", sizes->produce_queue_records, err) < 0 ||
	    conf_set_number(conf, "queue.buffering.max.kbytes", sizes->produce_queue_kbytes, err) < 0)
		return NULL;
	if (conf_set_batch_limits(conf, sizes, err) < 0)
		return NULL;
	if (transactional_id && conf_set(conf, "transactional.id", transactional_id, err) < 0)
		return NULL;
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	client = client_new(RD_KAFKA_PRODUCER, conf, err);
	if (client)
		conf = NULL;
	return client;
}

static rd_kafka_t *new_asking_client(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    const char *group, struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *conf = conf_new(pipeline, cluster, RD_KAFKA_CONSUMER, err);
	const struct config_properties *own =
	    cluster == pipeline->from.cluster ? &pipeline->from.properties : &pipeline->to.properties;
	rd_kafka_t *client;

	if (!conf)
		return NULL;
	/* What reaches the cluster (security, timeouts) may stand with the pipeline too. */
	if (conf_set_properties(conf, own, RD_KAFKA_CONSUMER, err) < 0 ||
	    conf_set(conf, "allow.auto.create.topics", "false", err) < 0 ||
	    conf_set(conf, "isolation.level", "read_uncommitted", err) < 0 ||
	    (group && conf_set(conf, "group.id", group, err) < 0))
		return NULL;
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
	client = client_new(RD_KAFKA_CONSUMER, conf, err);
	if (client)
		conf = NULL;
	return client;
}

rd_kafka_t *client_new_admin(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    struct error *err)
{
	return new_asking_client(pipeline, cluster, NULL, err);
}

rd_kafka_t *client_new_group_reader(const struct config_pipeline *pipeline, struct error *err)
{
	return new_asking_client(pipeline, pipeline->from.cluster, pipeline->from.group, err);
}
