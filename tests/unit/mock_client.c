#include "mock_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

rd_kafka_t *mock_client_new(rd_kafka_type_t type, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[256];
	rd_kafka_t *client;

	rd_kafka_conf_set(conf, "log_level", "0", words, sizeof words);
	if (brokers)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, words, sizeof words);
	if (type == RD_KAFKA_CONSUMER) {
		rd_kafka_conf_set(conf, "group.id", "group", words, sizeof words);
		rd_kafka_conf_set(conf, "auto.offset.reset", "error", words, sizeof words);
	}
	client = rd_kafka_new(type, conf, words, sizeof words);
	assert_non_null(client);
	return client;
}
