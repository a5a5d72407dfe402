#include "kafka/simple_consumer.h"
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include "base/memory.h"
#include "kafka/simple_client.h"

struct simple_consumer {
	rd_kafka_t *client;
	char *topic;
	rd_kafka_message_t *current; /* owns what the caller's record points to */
	bool *ended;                 /* by partition */
	int32_t partitions;
	int32_t ended_count;
};

/* How many partitions the topic has. */
static int count_partitions(struct simple_consumer *consumer, int timeout_ms, struct error *err)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->client, consumer->topic, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(consumer->client, 0, topic, &metadata, timeout_ms);
	int result = 0;

	if (code) {
		result = error_set(err, -ETIMEDOUT, REMEDY_RETRY, "topic %s: the brokers do not answer: %s",
		    consumer->topic, rd_kafka_err2str(code));
	} else if (metadata->topic_cnt != 1 || metadata->topics[0].err ||
		   metadata->topics[0].partition_cnt < 1) {
		result =
		    error_set(err, -ENOENT, REMEDY_PERSON, "topic %s cannot be read: %s", consumer->topic,
			rd_kafka_err2str(metadata->topic_cnt == 1 && metadata->topics[0].err
					     ? metadata->topics[0].err
					     : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
	} else {
		consumer->partitions = metadata->topics[0].partition_cnt;
	}
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(topic);
	return result;
}

static int assign_all(struct simple_consumer *consumer, struct error *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(consumer->partitions);
	rd_kafka_resp_err_t code;

	for (int32_t partition = 0; partition < consumer->partitions; partition++)
		rd_kafka_topic_partition_list_add(list, consumer->topic, partition)->offset =
		    RD_KAFKA_OFFSET_BEGINNING;
	code = rd_kafka_assign(consumer->client, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return error_set(
		    err, -EIO, REMEDY_PERSON, "topic %s: %s", consumer->topic, rd_kafka_err2str(code));
	return 0;
}

struct simple_consumer *simple_consumer_new(
    const char *brokers, const char *topic, int timeout_ms, struct error *err)
{
	const struct simple_setting settings[] = {
		{ "bootstrap.servers", brokers },
		{ "client.id", "aloq-sandbox" },
		/* librdkafka wants a group even of who joins none. */
		{ "group.id", "aloq-sandbox" },
		{ "enable.auto.commit", "false" },
		{ "enable.partition.eof", "true" },
		{ "auto.offset.reset", "error" },
		{ "isolation.level", "read_committed" },
		{ "allow.auto.create.topics", "false" },
		{ "fetch.wait.max.ms", "100" },
	};
	_cleanup_(simple_consumer_freep) struct simple_consumer *consumer = xcalloc(1, sizeof *consumer);

	consumer->topic = xstrdup(topic);
	consumer->client = simple_client_new(
	    RD_KAFKA_CONSUMER, settings, sizeof settings / sizeof *settings, NULL, NULL, err);
	if (!consumer->client)
		return NULL;
	rd_kafka_poll_set_consumer(consumer->client);
	if (count_partitions(consumer, timeout_ms, err) < 0)
		return NULL;
	consumer->ended = xcalloc((size_t)consumer->partitions, sizeof *consumer->ended);
	if (assign_all(consumer, err) < 0)
		return NULL;
	return TAKE_PTR(consumer);
}

static void drop_current(struct simple_consumer *consumer)
{
	if (consumer->current)
		rd_kafka_message_destroy(consumer->current);
	consumer->current = NULL;
}

void simple_consumer_free(struct simple_consumer *consumer)
{
	if (!consumer)
		return;
	drop_current(consumer);
	if (consumer->client)
		rd_kafka_destroy(consumer->client);
	free(consumer->topic);
	free(consumer->ended);
	free(consumer);
}

static void note_end(struct simple_consumer *consumer, int32_t partition)
{
	if (partition < 0 || partition >= consumer->partitions || consumer->ended[partition])
		return;
	consumer->ended[partition] = true;
	consumer->ended_count++;
}

/* What does not heal by waiting. */
static bool is_permanent(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return true;
	default:
		return false;
	}
}

static void fill_record(struct simple_record *record, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
	rd_kafka_headers_t *headers = NULL;

	if (rd_kafka_message_headers(message, &headers))
		headers = NULL;
	*record = (struct simple_record){
		.partition = message->partition,
		.offset = message->offset,
		.timestamp_ms = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? timestamp_ms : -1,
		.key = message->key,
		.key_bytes = message->key_len,
		.value = message->payload,
		.value_bytes = message->len,
		.headers = headers,
	};
}

int simple_consumer_poll(
    struct simple_consumer *consumer, int timeout_ms, struct simple_record *record, struct error *err)
{
	rd_kafka_message_t *message;

	drop_current(consumer);
	message = rd_kafka_consumer_poll(consumer->client, timeout_ms);
	if (!message)
		return 0;
	consumer->current = message;
	if (!message->err) {
		fill_record(record, message);
		return 1;
	}
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		note_end(consumer, message->partition);
	else if (is_permanent(message->err))
		return error_set(err, -EIO, REMEDY_PERSON, "topic %s: %s", consumer->topic,
		    rd_kafka_message_errstr(message));
	return 0;
}

bool simple_consumer_at_end(const struct simple_consumer *consumer)
{
	return consumer->ended_count == consumer->partitions;
}

bool simple_record_header(const struct simple_record *record, size_t index, const char **name,
    const void **value, size_t *value_bytes)
{
	return record->headers && !rd_kafka_header_get_all(record->headers, index, name, value, value_bytes);
}
