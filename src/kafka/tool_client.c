#include "kafka/tool_client.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kafka/client.h"
#include "kafka/security.h"

enum { DESCRIBE_TIMEOUT_MS = 1000 };

/* For who has asked for it, by the property debug. */
static void log_line(const rd_kafka_t *client, int severity, const char *facility, const char *text)
{
	fprintf(stderr, "librdkafka: %s: %.*s\n", facility, (int)client_words_without_secret(text), text);
}

rd_kafka_t *tool_client_new(rd_kafka_type_t type, struct settings *settings, int events, struct error *err)
{
	bool debug = settings_find(settings, "debug") != NULL;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char why[512];

	rd_kafka_conf_set_log_cb(conf, debug ? log_line : NULL);
	rd_kafka_conf_set_events(conf, events | RD_KAFKA_EVENT_ERROR);
	if (client_set(conf, settings, err) < 0) {
		rd_kafka_conf_destroy(conf);
		if (err)
			err->code = -EINVAL;
		return NULL;
	}
	client = rd_kafka_new(type, conf, why, sizeof why);
	if (!client) {
		rd_kafka_conf_destroy(conf); /* ours again only when rd_kafka_new() has failed */
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka refuses the settings: %s", why);
	}
	return client;
}

static int set(struct error *err, rd_kafka_resp_err_t code, const char *words, const char *context)
{
	int result;

	switch (code) {
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		result = -EACCES;
		break;
	default:
		result = -EIO;
		break;
	}
	error_set(err, result, REMEDY_PERSON, "%s: %s (%s)", context, words, rd_kafka_err2name(code));
	if (err)
		err->name = rd_kafka_err2name(code);
	return result;
}

int tool_client_error(struct error *err, rd_kafka_resp_err_t code, const char *format, ...)
{
	char context[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(context, sizeof context, format, arguments);
	va_end(arguments);
	return set(err, code, rd_kafka_err2str(code), context);
}

int tool_client_error_object(struct error *err, rd_kafka_error_t *object, const char *context)
{
	int result = set(err, rd_kafka_error_code(object), rd_kafka_error_string(object), context);

	rd_kafka_error_destroy(object);
	return result;
}

int tool_client_no_answer(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_resp_err_t code, struct error *err)
{
	char words[512];

	code = client_last_words(client, code, words, sizeof words);
	if (security_explain(err, code, words, cluster))
		return err->code;
	return error_set(err, -ETIMEDOUT, REMEDY_RETRY, "the brokers %s do not answer: %s", cluster->brokers, words);
}

int tool_client_partitions(rd_kafka_t *client, const struct config_cluster *cluster, const char *topic, int timeout_ms,
    int32_t *partitions, struct error *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code;
	int result = 0;

	if (!handle)
		return error_set(err, -EINVAL, REMEDY_PERSON, "\"%s\" is no name of a topic", topic);
	code = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
	if (code) {
		result = tool_client_no_answer(client, cluster, code, err);
	} else {
		code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || (!code && metadata->topics[0].partition_cnt < 1))
			result = error_set(err, -ENOENT, REMEDY_PERSON, "there is no topic \"%s\" at %s, or you may not "
			    "see it; it is not created by asking for it", topic, cluster->brokers);
		else if (code)
			result = tool_client_error(err, code, "topic \"%s\"", topic);
		else
			*partitions = metadata->topics[0].partition_cnt;
	}
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return result;
}

static uint64_t max_message_bytes_in(rd_kafka_event_t *event)
{
	size_t count = 0, entry_count = 0;
	const rd_kafka_ConfigResource_t **resources =
	    rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
	const rd_kafka_ConfigEntry_t **entries =
	    count == 1 ? rd_kafka_ConfigResource_configs(resources[0], &entry_count) : NULL;

	for (size_t i = 0; i < entry_count; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (value && !strcmp(rd_kafka_ConfigEntry_name(entries[i]), "max.message.bytes"))
			return strtoull(value, NULL, 10);
	}
	return 0;
}

uint64_t tool_client_max_message_bytes(rd_kafka_t *client, const char *topic)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_event_t *event;
	uint64_t bytes = 0;
	char why[256];

	rd_kafka_AdminOptions_set_request_timeout(options, DESCRIBE_TIMEOUT_MS, why, sizeof why);
	rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
	event = rd_kafka_queue_poll(queue, DESCRIBE_TIMEOUT_MS);
	if (event && !rd_kafka_event_error(event))
		bytes = max_message_bytes_in(event);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy(resource);
	return bytes;
}

bool tool_client_judge(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_event_t *event, struct error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	char words[512];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		code = rd_kafka_fatal_error(client, words, sizeof words);
		tool_client_error(err, code, "the client has failed: %s", words);
		return true;
	}
	if (security_explain(err, code, rd_kafka_event_error_string(event), cluster))
		return err->remedy == REMEDY_PERSON;
	return false;
}
