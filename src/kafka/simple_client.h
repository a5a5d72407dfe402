/* simple_client.h: what the tools' clients have in common. Only for src/kafka/simple_*.c and mock_cluster.c:
 * the relay's own clients are made elsewhere, from the derivation of the delivery guarantee. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include "base/error.h"

/* One librdkafka setting. */
struct simple_setting {
	const char *name;
	const char *value;
};

/* Makes a client that logs nothing. on_report and opaque are for producers and may be NULL. Returns NULL
 * with err set when librdkafka refuses. */
rd_kafka_t *simple_client_new(rd_kafka_type_t type, const struct simple_setting *settings, size_t count,
    void (*on_report)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque), void *opaque,
    struct error *err);
