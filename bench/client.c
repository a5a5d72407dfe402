#include "client.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { METADATA_MS = 30 * 1000 };

void die(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(code);
}

rd_kafka_t *client_new(rd_kafka_type_t type, const struct setting *settings,
    void (*on_report)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque), void *opaque)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char why[512];

	for (; settings->name; settings++)
		if (rd_kafka_conf_set(conf, settings->name, settings->value, why, sizeof why))
			die(EX_SOFTWARE, "%s", why);
	if (on_report)
		rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rd_kafka_conf_set_opaque(conf, opaque);
	client = rd_kafka_new(type, conf, why, sizeof why);
	if (!client)
		die(EX_SOFTWARE, "%s", why);
	return client;
}

int32_t client_partitions(rd_kafka_t *client, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, METADATA_MS);
	int32_t count;

	if (!code)
		code = metadata->topics[0].err;
	if (code)
		die(EX_UNAVAILABLE, "%s: %s", topic, rd_kafka_err2str(code));
	count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return count;
}

int64_t parse_number(const char *option, const char *text, int64_t min)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < min)
		die(EX_USAGE, "--%s takes a whole number of at least %" PRId64 ", not '%s'", option, min,
		    text);
	return value;
}
