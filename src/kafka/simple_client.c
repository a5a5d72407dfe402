#include "kafka/simple_client.h"
#include <errno.h>

rd_kafka_t *simple_client_new(rd_kafka_type_t type, const struct simple_setting *settings, size_t count,
    void (*on_report)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque), void *opaque,
    struct error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *client;
	char why[512];

	/* The caller says what went wrong, once; librdkafka would say it in its own form again and again. */
	rd_kafka_conf_set_log_cb(conf, NULL);
	for (size_t i = 0; i < count; i++) {
		if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why, sizeof why) !=
		    RD_KAFKA_CONF_OK) {
			error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka refuses %s=%s: %s",
			    settings[i].name, settings[i].value, why);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	if (on_report) {
		rd_kafka_conf_set_dr_msg_cb(conf, on_report);
		rd_kafka_conf_set_opaque(conf, opaque);
	}
	client = rd_kafka_new(type, conf, why, sizeof why);
	if (!client) {
		/* conf is ours again only when rd_kafka_new() has failed. */
		rd_kafka_conf_destroy(conf);
		error_set(err, -EINVAL, REMEDY_PERSON, "librdkafka makes no client: %s", why);
	}
	return client;
}
