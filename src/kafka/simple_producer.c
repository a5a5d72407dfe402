#include "kafka/simple_producer.h"
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include "base/memory.h"
#include "kafka/simple_client.h"

struct simple_producer {
	rd_kafka_t *client;
	char *topic;
	struct simple_producer_counters counters;
	const char *last_error; /* librdkafka's static text */
};

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	struct simple_producer *producer = opaque;

	if (message->err) {
		producer->counters.failed++;
		producer->last_error = rd_kafka_err2str(message->err);
	} else {
		producer->counters.delivered++;
	}
}

struct simple_producer *simple_producer_new(const char *brokers, const char *topic, struct error *err)
{
	const struct simple_setting settings[] = {
		{ "bootstrap.servers", brokers },
		{ "client.id", "aloq-sandbox" },
		{ "enable.idempotence", "true" },
		{ "acks", "all" },
		{ "partitioner", "murmur2_random" },
		{ "linger.ms", "5" },
		{ "message.timeout.ms", "60000" },
	};
	_cleanup_(simple_producer_freep) struct simple_producer *producer = xcalloc(1, sizeof *producer);

	producer->topic = xstrdup(topic);
	producer->client = simple_client_new(
	    RD_KAFKA_PRODUCER, settings, sizeof settings / sizeof *settings, on_report, producer, err);
	return producer->client ? TAKE_PTR(producer) : NULL;
}

void simple_producer_free(struct simple_producer *producer)
{
	if (!producer)
		return;
	if (producer->client) {
		rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(producer->client);
	}
	free(producer->topic);
	free(producer);
}

int simple_producer_send(struct simple_producer *producer, const void *key, size_t key_bytes,
    const void *value, size_t value_bytes, struct error *err)
{
	/* librdkafka takes a copy (F_COPY) and does not write to it, though its parameter is not const. */
	rd_kafka_resp_err_t code = rd_kafka_producev(producer->client, RD_KAFKA_V_TOPIC(producer->topic),
	    RD_KAFKA_V_KEY(key, key_bytes), RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_bytes),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return error_set(err, -EAGAIN, REMEDY_RETRY, "the producer's queue is full");
	if (code)
		return error_set(
		    err, -EIO, REMEDY_PERSON, "topic %s: %s", producer->topic, rd_kafka_err2str(code));
	producer->counters.sent++;
	return 0;
}

void simple_producer_poll(struct simple_producer *producer, int timeout_ms)
{
	rd_kafka_poll(producer->client, timeout_ms);
}

int simple_producer_flush(struct simple_producer *producer, int timeout_ms, struct error *err)
{
	if (rd_kafka_flush(producer->client, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return error_set(err, -ETIMEDOUT, REMEDY_RETRY,
	    "topic %s: %d records were not acknowledged within %d ms", producer->topic,
	    rd_kafka_outq_len(producer->client), timeout_ms);
}

const struct simple_producer_counters *simple_producer_counters(const struct simple_producer *producer)
{
	return &producer->counters;
}

const char *simple_producer_last_error(const struct simple_producer *producer)
{
	return producer->last_error;
}
