#include "kafka/client.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/property_list.h"
#include "kafka/commit_answers.h"

static void conf_freep(rd_kafka_conf_t **conf)
{
	if (*conf)
		rd_kafka_conf_destroy(*conf);
}

bool client_library_at_least(int major, int minor, int patch)
{
	return rd_kafka_version() >= (major << 24 | minor << 16 | patch << 8);
}

char *client_setting(const rd_kafka_t *client, const char *name)
{
	const rd_kafka_conf_t *conf = rd_kafka_conf((rd_kafka_t *)client);
	size_t size = 0;
	char *value;

	if (rd_kafka_conf_get(conf, name, NULL, &size) != RD_KAFKA_CONF_OK)
		size = 0;
	value = xcalloc(size + 1, 1);
	if (size > 0)
		rd_kafka_conf_get(conf, name, value, &size);
	return value;
}

int64_t client_setting_us(const rd_kafka_t *client, const char *name)
{
	_cleanup_free_ char *value_ms = client_setting(client, name);

	return strtoll(value_ms, NULL, 10) * USEC_PER_MSEC;
}

/* ---- librdkafka's own log lines ---- */

size_t client_words_without_secret(const char *text)
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
	if (!strcmp(facility, "FAIL") || !strcmp(facility, "ERROR") || !strcmp(facility, "FATAL") ||
	    !strcmp(facility, "GETPID"))
		level = LOG_LEVEL_DEBUG;
	if (!log_enabled(level))
		return;
	log_at(level, pipeline ? &LOG_SETTINGS(pipeline) : &LOG_NOWHERE, "librdkafka: %s: %.*s", facility,
	    (int)client_words_without_secret(text), text);
}

/* ---- settings ---- */

/* The words of librdkafka may hold the value, and are left out where it is a secret. */
static int conf_set(rd_kafka_conf_t *conf, const struct setting *setting, struct error *err)
{
	char text[256];
	rd_kafka_conf_res_t result;

	if (!setting->value)
		return 0;
	result = rd_kafka_conf_set(conf, setting->name, setting->value, text, sizeof text);
	if (result == RD_KAFKA_CONF_OK || (result == RD_KAFKA_CONF_UNKNOWN && setting->optional))
		return 0;
	if (result == RD_KAFKA_CONF_UNKNOWN)
		error_set(err, -ENOENT, REMEDY_PERSON, "librdkafka %s does not know the property \"%s\"",
		    rd_kafka_version_str(), setting->name);
	else if (property_is_secret(setting->name))
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka %s refuses %s", rd_kafka_version_str(), setting->name);
	else
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka %s refuses %s: %s", rd_kafka_version_str(), setting->name,
		    text);
	if (setting->property)
		error_prefix(err, "%s:%d", setting->property->origin.file ? setting->property->origin.file : "defaults",
		    setting->property->origin.line);
	return -EINVAL;
}

int client_set(rd_kafka_conf_t *conf, struct settings *settings, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < settings->count && r == 0; i++)
		r = conf_set(conf, &settings->items[i], err);
	settings_clear(settings);
	return r;
}

static rd_kafka_conf_t *conf_new(const struct config_pipeline *pipeline, struct settings *settings, struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_opaque(conf, (void *)pipeline);
	rd_kafka_conf_set_log_cb(conf, log_line);
	return client_set(conf, settings, err) < 0 ? NULL : TAKE_PTR(conf);
}

/* Takes conf, which may be NULL: then err says why already. */
static rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, int events, struct error *err)
{
	_cleanup_(conf_freep) rd_kafka_conf_t *owned = conf;
	rd_kafka_t *client;
	char text[512];

	if (!owned)
		return NULL;
	rd_kafka_conf_set_events(owned, events);
	client = rd_kafka_new(type, owned, text, sizeof text);
	if (client)
		owned = NULL;
	else
		/* They were right when the configuration was read; certificates may be half replaced since. */
		error_set(err, -EINVAL, REMEDY_RESTART, "librdkafka refuses the settings: %s", text);
	return client;
}

rd_kafka_t *client_new_consumer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *group_instance_id, struct commit_answers *answers, struct error *err)
{
	struct settings settings = { .items = NULL };
	rd_kafka_conf_t *conf;

	settings_of_consumer(&settings, pipeline, sizes, group_instance_id);
	conf = conf_new(pipeline, &settings, err);
	if (conf && answers)
		commit_answers_listen(answers, conf);
	return client_new(RD_KAFKA_CONSUMER, conf,
	    RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT, err);
}

rd_kafka_t *client_new_producer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *transactional_id, struct error *err)
{
	struct settings settings = { .items = NULL };

	settings_of_producer(&settings, pipeline, sizes, transactional_id);
	return client_new(RD_KAFKA_PRODUCER, conf_new(pipeline, &settings, err),
	    RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR, err);
}

static rd_kafka_t *new_asking_client(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    const char *group, struct error *err)
{
	struct settings settings = { .items = NULL };

	settings_of_asker(&settings, pipeline, cluster, group);
	return client_new(RD_KAFKA_CONSUMER, conf_new(pipeline, &settings, err), RD_KAFKA_EVENT_ERROR, err);
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

rd_kafka_resp_err_t client_last_words(rd_kafka_t *client, rd_kafka_resp_err_t code, char *words, size_t size)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
	rd_kafka_event_t *event;

	snprintf(words, size, "%s", rd_kafka_err2str(code));
	while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
		/* A refused login tells most. */
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
		    rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
		    code != RD_KAFKA_RESP_ERR__AUTHENTICATION) {
			code = rd_kafka_event_error(event);
			snprintf(words, size, "%s", rd_kafka_event_error_string(event));
		}
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
	return code;
}
