#include "kafka/sink.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "core/provenance.h"
#include "kafka/error_class.h"
#include "kafka/leaders.h"
#include "kafka/probe.h"
#include "kafka/record.h"
#include "kafka/security.h"
#include "kafka/sink_internal.h"

/* ---- life ---- */

struct sink *sink_new(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *source_cluster_id, const char *transactional_id, int wake_fd, struct worker *worker,
    const struct sink_host *host, struct error *err)
{
	struct sink *sink = xcalloc(1, sizeof *sink);

	sink->pipeline = pipeline;
	sink->sizes = *sizes;
	sink->source_cluster_id = xstrdup(source_cluster_id);
	sink->wake_fd = wake_fd;
	sink->worker = worker;
	sink->host = *host;
	/* Uncompressed, what the producer sends is what the broker measures. But the limits may have been raised since
	 * they were learned: only a person may be told that a record is too large without the broker's word. */
	sink->record_max_bytes = SIZE_MAX;
	if (pipeline->on_error == ON_ERROR_BLOCK && sizes->message_max_bytes > 0 &&
	    !strcmp(pipeline->to.compression, "none"))
		sink->record_max_bytes = sizes->message_max_bytes;
	if (transactional_id) {
		/* Ready once the worker has made a producer and ended what a predecessor has left open. */
		sink->transactional_id = xstrdup(transactional_id);
		sink_recreate(sink);
	} else if (sink_client_open(sink, &sink->client, err) < 0) {
		sink_free(sink);
		return NULL;
	}
	return sink;
}

void sink_set_events(struct sink *sink, const struct sink_events *events, void *owner)
{
	sink->events = events;
	sink->owner = owner;
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	sink_client_close(&sink->client);
	for (size_t i = 0; i < sink->target_count; i++) {
		free(sink->targets[i]->topic);
		free(sink->targets[i]);
	}
	free(sink->targets);
	for (uint32_t i = 0; i < sink->route_count; i++)
		free(sink->routes[i].provenance);
	free(sink->routes);
	free(sink->source_cluster_id);
	free(sink->transactional_id);
	free(sink);
}

bool sink_is_idle(const struct sink *sink)
{
	return sink->running_jobs == 0;
}

uint64_t sink_untimestamped_records(const struct sink *sink)
{
	return sink->untimestamped_records;
}

/* ---- routes ---- */

struct target *sink_target(struct sink *sink, const char *topic)
{
	struct target *target;

	for (size_t i = 0; i < sink->target_count; i++)
		if (!strcmp(sink->targets[i]->topic, topic))
			return sink->targets[i];
	target = xcalloc(1, sizeof *target);
	target->topic = xstrdup(topic);
	sink->targets = xreallocarray(sink->targets, sink->target_count + 1, sizeof *sink->targets);
	sink->targets[sink->target_count++] = target;
	return target;
}

/* Where the records of a source part go, by to.topic and to.partition. */
static void add_route(struct sink *sink, uint32_t part, const rd_kafka_message_t *message)
{
	const struct config_to *to = &sink->pipeline->to;
	_cleanup_free_ char *topic = config_target_topic(sink->pipeline, rd_kafka_topic_name(message->rkt));
	struct route *route;

	if (part >= sink->route_count) {
		sink->routes = xreallocarray(sink->routes, part + 1, sizeof *sink->routes);
		memset(&sink->routes[sink->route_count], 0, (part + 1 - sink->route_count) * sizeof *sink->routes);
		sink->route_count = part + 1;
	}
	route = &sink->routes[part];
	route->target = sink_target(sink, topic);
	if (sink->pipeline->provenance) {
		_cleanup_free_ char *prefix = provenance_prefix(
		    sink->source_cluster_id, rd_kafka_topic_name(message->rkt), message->partition);

		route->provenance_length = strlen(prefix);
		route->provenance = xcalloc(route->provenance_length + PROVENANCE_OFFSET_SIZE, 1);
		memcpy(route->provenance, prefix, route->provenance_length);
	}
	switch (to->partition) {
	case PARTITION_SAME:
		route->partition = message->partition;
		break;
	case PARTITION_KEY:
		route->partition = RD_KAFKA_PARTITION_UA;
		break;
	case PARTITION_FIXED:
		route->partition = to->fixed_partition;
		break;
	}
}

const struct route *sink_route(struct sink *sink, uint32_t part, const rd_kafka_message_t *message)
{
	if (part >= sink->route_count || !sink->routes[part].target)
		add_route(sink, part, message);
	return &sink->routes[part];
}

/* ---- submit ---- */

rd_kafka_topic_t *sink_handle(struct sink *sink, struct target *target)
{
	if (!target->handle)
		target->handle = sink_client_topic(&sink->client, target->topic);
	return target->handle;
}

int sink_not_taken(rd_kafka_resp_err_t code, const char *topic, const rd_kafka_message_t *message,
    enum report_outcome *outcome, struct error *err)
{
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return -EAGAIN;
	*outcome = error_class_outcome(code);
	error_class_set(err, code, "%s [%" PRId32 "] offset %" PRId64 " (%zu bytes) to %s",
	    rd_kafka_topic_name(message->rkt), message->partition, message->offset, message->len, topic);
	return err->code;
}

static int op_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct sink *sink = context;
	struct record *record = payload;
	const rd_kafka_message_t *message = record->message;
	const struct route *route = sink_route(sink, part, message);
	rd_kafka_headers_t *headers;
	rd_kafka_timestamp_type_t timestamp_type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &timestamp_type);
	rd_kafka_vu_t fields[7];
	size_t count = 0;
	bool is_stamped = false;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	/* The offset is part of the provenance: a byte of it at least. */
	if (message->len + message->key_len + route->provenance_length > sink->record_max_bytes)
		return sink_not_taken(
		    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, route->target->topic, message, outcome, err);
	if (sink_headers(record, route, &headers, err)) {
		*outcome = REPORT_REFUSED;
		return -EBADMSG;
	}
	fields[count].vtype = RD_KAFKA_VTYPE_RKT;
	fields[count++].u.rkt = sink_handle(sink, route->target);
	fields[count].vtype = RD_KAFKA_VTYPE_PARTITION;
	fields[count++].u.i32 = route->partition;
	fields[count].vtype = RD_KAFKA_VTYPE_VALUE;
	fields[count].u.mem.ptr = message->payload;
	fields[count++].u.mem.size = message->len;
	fields[count].vtype = RD_KAFKA_VTYPE_KEY;
	fields[count].u.mem.ptr = message->key;
	fields[count++].u.mem.size = message->key_len;
	fields[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
	fields[count++].u.ptr = (void *)(uintptr_t)handle;
	if (timestamp_ms > 0 && timestamp_type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
		is_stamped = true;
		fields[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
		fields[count++].u.i64 = timestamp_ms;
	}
	if (headers) {
		fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
		fields[count++].u.headers = headers;
	}
	error = rd_kafka_produceva(sink->client.producer, fields, count);
	if (!error) {
		/* Once, however often it has to be sent. */
		sink->untimestamped_records += !is_stamped && !record->stamped_anew;
		record->stamped_anew = !is_stamped;
		return 0;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	return sink_not_taken(code, route->target->topic, message, outcome, err);
}

/* ---- reports ---- */

static void take_report(struct sink *sink, const rd_kafka_message_t *message)
{
	uint64_t handle = (uint64_t)(uintptr_t)message->_private;
	enum report_outcome outcome;
	bool possibly_written;
	struct error err;

	if (!message->err) {
		sink->events->report(sink->owner, handle, 1, REPORT_ACKED, false, NULL);
		return;
	}
	error_clear(&err);
	outcome = error_class_outcome(message->err);
	possibly_written = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
	error_class_set(&err, message->err, "producing to %s [%" PRId32 "]", rd_kafka_topic_name(message->rkt),
	    message->partition);
	sink->events->report(sink->owner, handle, 1, outcome, possibly_written, &err);
}

static void take_error(struct sink *sink, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	char words[256];
	struct error err;

	error_clear(&err);
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		code = rd_kafka_fatal_error(sink->client.producer, words, sizeof words);
		error_class_set(&err, code, "the producer to cluster \"%s\" has failed: %s",
		    sink->pipeline->to.cluster->name, words);
		sink_transaction_judge(sink, code, &err);
		sink->events->fatal(sink->owner, &err);
		return;
	}
	if (!security_explain(&err, code, rd_kafka_event_error_string(event), sink->pipeline->to.cluster))
		error_class_set(&err, code, "target cluster \"%s\": %s", sink->pipeline->to.cluster->name,
		    rd_kafka_event_error_string(event));
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		err.code = -ENETDOWN;
	if (err.remedy == REMEDY_PERSON) {
		sink->host.failed(sink->host.host, &err);
		return;
	}
	sink->host.trouble(sink->host.host, &err);
}

static void op_serve(void *context)
{
	struct sink *sink = context;
	rd_kafka_event_t *event;

	if (sink->ready) {
		sink->ready = false;
		sink->events->ready(sink->owner);
	}
	if (sink->broken_by.code) {
		struct error err = sink->broken_by;

		error_clear(&sink->broken_by);
		sink->events->fatal(sink->owner, &err);
	}
	sink_transaction_serve(sink);
	while (sink->client.queue && (event = rd_kafka_queue_poll(sink->client.queue, 0)) != NULL) {
		const rd_kafka_message_t *message;

		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			while ((message = rd_kafka_event_message_next(event)) != NULL)
				take_report(sink, message);
		else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
			take_error(sink, event);
		rd_kafka_event_destroy(event);
	}
}

void sink_probe(struct sink *sink, struct probe *probe)
{
	probe->client = sink->client.producer;
}

struct leaders *sink_ask_leaders(const struct sink *sink)
{
	struct leaders *leaders;

	if (!sink->client.producer || sink->transactional_id)
		return NULL;
	leaders = leaders_new(sink->client.producer);
	for (size_t i = 0; i < sink->target_count; i++)
		if (sink->targets[i]->handle)
			leaders_add(leaders, sink->targets[i]->handle);
	return leaders;
}

int32_t sink_leader_of(const struct sink *sink, uint32_t part, const struct leaders *leaders)
{
	const struct route *route = part < sink->route_count ? &sink->routes[part] : NULL;

	if (!route || !route->target || route->partition == RD_KAFKA_PARTITION_UA)
		return -1;
	return leaders_of(leaders, route->target->topic, route->partition);
}

const struct sink_ops kafka_sink_ops = {
	.serve = op_serve,
	.submit = op_submit,
	.dead_letter = sink_dead_letter,
	.purge = sink_purge,
	.recreate = sink_recreate,
	.txn_begin = sink_transaction_begin,
	.txn_commit = sink_transaction_commit,
};
