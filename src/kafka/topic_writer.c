#include "kafka/topic_writer.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "kafka/client.h"
#include "kafka/tool_client.h"

enum { QUEUE_RECORDS = 100000, QUEUE_KBYTES = 128 * 1024 };

struct topic_writer {
	const struct config_cluster *cluster;
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t *topic;
	int32_t partitions;
	int timeout_ms;
	struct write_counts counts;
	struct error broken_by; /* code 0: it works */
};

/* ---- life ---- */

static void add_number(struct settings *settings, const char *name, int64_t number, const char *reason)
{
	_cleanup_free_ char *text = xasprintf("%" PRId64, number);

	settings_add(settings, name, text, reason);
}

/* librdkafka refuses one that is longer than a transaction may be open; who has chosen it himself is told. */
static void fit_socket_timeout(struct settings *settings, int64_t transaction_timeout_ms)
{
	const struct setting *set = settings_find(settings, "socket.timeout.ms");

	if (set && set->origin == SETTING_DEFAULT && strtoll(set->value, NULL, 10) > transaction_timeout_ms)
		add_number(settings, "socket.timeout.ms", transaction_timeout_ms,
		    "no request may outlast its transaction");
}

/* batch_bytes: 0: as librdkafka has it. */
static rd_kafka_t *client_of(const struct topic_writer_options *options, uint64_t batch_bytes, struct error *err)
{
	static const char asked[] = "aloqctl was asked to";
	int64_t timeout_ms = options->timeout_ms;
	struct settings settings = { .items = NULL };

	settings_of_tool(&settings, options->cluster, true, "aloqctl-produce");
	settings_add(&settings, "acks", acks_name(options->acks), asked);
	settings_add(&settings, "enable.idempotence", options->acks == ACKS_ALL ? "true" : "false", asked);
	settings_add(&settings, "partitioner", "murmur2_random", "a key goes where Java's client puts it");
	add_number(&settings, "queue.buffering.max.messages", QUEUE_RECORDS, "memory is bounded");
	add_number(&settings, "queue.buffering.max.kbytes", QUEUE_KBYTES, "memory is bounded");
	add_number(&settings, "message.max.bytes", 1000000000, "the topic decides what is too large");
	if (batch_bytes > 0)
		add_number(&settings, "batch.size", (int64_t)batch_bytes, "a batch must not be larger than the topic takes");
	if (options->transactional_id) {
		settings_add(&settings, "transactional.id", options->transactional_id, asked);
		add_number(&settings, "transaction.timeout.ms", options->transaction_timeout_ms, asked);
		/* librdkafka wants it so */
		if (timeout_ms > options->transaction_timeout_ms)
			timeout_ms = options->transaction_timeout_ms;
		fit_socket_timeout(&settings, options->transaction_timeout_ms);
	}
	add_number(&settings, "message.timeout.ms", timeout_ms, asked);
	return tool_client_new(RD_KAFKA_PRODUCER, &settings, RD_KAFKA_EVENT_DR, err);
}

static int init_transactions(struct topic_writer *writer, struct error *err)
{
	rd_kafka_error_t *error = rd_kafka_init_transactions(writer->client, writer->timeout_ms);

	return error ? tool_client_error_object(err, error, "the transactional id cannot be taken") : 0;
}

/* The brokers refuse a batch as a whole: one that is too large for the topic would take good records along. Where the topic
 * takes less than the usual batch, another client is made. */
static int fit_batches(struct topic_writer *writer, const struct topic_writer_options *options, struct error *err)
{
	_cleanup_free_ char *usual = client_setting(writer->client, "batch.size");
	uint64_t limit = tool_client_max_message_bytes(writer->client, options->topic);
	uint64_t batch_bytes = limit > 2048 ? limit - 1024 : limit / 2;

	if (limit == 0 || batch_bytes >= strtoull(usual, NULL, 10))
		return 0;
	rd_kafka_destroy(writer->client);
	writer->client = client_of(options, batch_bytes, err);
	return writer->client ? 0 : err->code;
}

struct topic_writer *topic_writer_new(const struct topic_writer_options *options, struct error *err)
{
	_cleanup_(topic_writer_freep) struct topic_writer *writer = xcalloc(1, sizeof *writer);

	writer->cluster = options->cluster;
	writer->timeout_ms = options->timeout_ms > INT_MAX ? INT_MAX : (int)options->timeout_ms;
	writer->client = client_of(options, 0, err);
	if (!writer->client || tool_client_partitions(writer->client, options->cluster, options->topic,
				   writer->timeout_ms, &writer->partitions, err) < 0 ||
	    fit_batches(writer, options, err) < 0)
		return NULL;
	writer->queue = rd_kafka_queue_get_main(writer->client);
	writer->topic = rd_kafka_topic_new(writer->client, options->topic, NULL);
	if (options->transactional_id && init_transactions(writer, err) < 0)
		return NULL;
	return TAKE_PTR(writer);
}

void topic_writer_free(struct topic_writer *writer)
{
	if (!writer)
		return;
	if (writer->topic)
		rd_kafka_topic_destroy(writer->topic);
	if (writer->queue)
		rd_kafka_queue_destroy(writer->queue);
	if (writer->client) {
		rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(writer->client);
	}
	free(writer);
}

int32_t topic_writer_partitions(const struct topic_writer *writer)
{
	return writer->partitions;
}

/* ---- records ---- */

static rd_kafka_headers_t *headers_of(const struct written_record *record)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

	for (size_t i = 0; i < record->header_count; i++) {
		const struct written_header *header = &record->headers[i];

		rd_kafka_header_add(headers, header->name, (ssize_t)header->name_bytes, header->value,
		    (ssize_t)header->value_bytes);
	}
	return headers;
}

int topic_writer_send(struct topic_writer *writer, const struct written_record *record, struct error *err)
{
	rd_kafka_headers_t *headers = record->header_count > 0 ? headers_of(record) : NULL;
	/* librdkafka takes a copy (F_COPY) and does not write to it, though its parameter is not const. */
	rd_kafka_vu_t fields[8] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = writer->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		    .u.mem = { (void *)(uintptr_t)record->value, record->value_bytes } },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)record->key, record->key_bytes } },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms },
	};
	size_t count = 6;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	if (headers) {
		fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
		fields[count++].u.headers = headers;
	}
	error = rd_kafka_produceva(writer->client, fields, count);
	if (!error) {
		writer->counts.sent++;
		return 0;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return error_set(err, -EAGAIN, REMEDY_RETRY, "the producer's queue is full");
	return tool_client_error(err, code, "topic \"%s\"", rd_kafka_topic_name(writer->topic));
}

static void note_failure(struct write_counts *counts, rd_kafka_resp_err_t code)
{
	const char *reason = rd_kafka_err2str(code);
	size_t i = 0;

	counts->failed++;
	while (i < counts->failure_count && strcmp(counts->failures[i].reason, reason) != 0)
		i++;
	if (i == WRITE_FAILURES_MAX)
		counts->failures[--i].reason = "other reasons";
	else if (i == counts->failure_count)
		counts->failures[counts->failure_count++].reason = reason;
	counts->failures[i].records++;
}

static void take_reports(struct topic_writer *writer, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event)) != NULL) {
		if (message->err)
			note_failure(&writer->counts, message->err);
		else
			writer->counts.delivered++;
	}
}

int topic_writer_poll(struct topic_writer *writer, int timeout_ms, struct error *err)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(writer->queue, timeout_ms)) != NULL) {
		struct error judged = { 0 };

		timeout_ms = 0;
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			take_reports(writer, event);
		else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
			 tool_client_judge(writer->client, writer->cluster, event, &judged) && !writer->broken_by.code)
			writer->broken_by = judged;
		rd_kafka_event_destroy(event);
	}
	if (writer->broken_by.code && err)
		*err = writer->broken_by;
	return writer->broken_by.code;
}

size_t topic_writer_pending(const struct topic_writer *writer)
{
	return (size_t)(writer->counts.sent - writer->counts.delivered - writer->counts.failed);
}

const struct write_counts *topic_writer_counts(const struct topic_writer *writer)
{
	return &writer->counts;
}

/* ---- transactions ---- */

int topic_writer_begin(struct topic_writer *writer, struct error *err)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(writer->client);

	return error ? tool_client_error_object(err, error, "a transaction cannot begin") : 0;
}

int topic_writer_commit(struct topic_writer *writer, struct error *err)
{
	rd_kafka_error_t *error = rd_kafka_commit_transaction(writer->client, writer->timeout_ms);

	return error ? tool_client_error_object(err, error, "the transaction is not committed") : 0;
}

int topic_writer_abort(struct topic_writer *writer, struct error *err)
{
	rd_kafka_error_t *error;

	/* Its first act is to give up what is not sent, and it waits until that is reported. */
	rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (rd_kafka_outq_len(writer->client) > 0 && topic_writer_poll(writer, 100, NULL) == 0)
		;
	error = rd_kafka_abort_transaction(writer->client, writer->timeout_ms);
	return error ? tool_client_error_object(err, error, "the transaction is not aborted") : 0;
}
