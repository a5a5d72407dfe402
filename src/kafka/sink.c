#include "kafka/sink.h"
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "kafka/error_class.h"
#include "kafka/probe.h"
#include "kafka/record.h"

enum { METADATA_TIMEOUT_MS = 5000 };

/* A target topic, with the handle of the producer at hand. */
struct target {
	char *topic;
	rd_kafka_topic_t *handle;
};

struct route {
	struct target *target;
	int32_t partition; /* RD_KAFKA_PARTITION_UA: by the record's key */
};

/* The producer and what hangs on it: destroyed as one, by the worker. */
struct client {
	rd_kafka_t *producer;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t **topics;
	size_t topic_count;
};

struct sink {
	const struct config_pipeline *pipeline;
	struct client_sizes sizes;
	struct sink_host host;
	const struct sink_events *events;
	void *owner;
	int wake_fd;
	struct worker *worker;

	struct client client;
	struct target **targets;
	size_t target_count;
	struct route *routes; /* by part */
	uint32_t route_count;
	uint64_t untimestamped_records;

	bool ready;		  /* to be told by the next serve */
	struct error recreate_err; /* why there is no new producer, to be told by the next serve */
	size_t running_jobs;
};

/* ---- clients ---- */

static int client_open(struct sink *sink, struct error *err)
{
	static const uint64_t one = 1;
	struct client *client = &sink->client;

	client->producer = client_new_producer(sink->pipeline, &sink->sizes, err);
	if (!client->producer) {
		error_prefix(err, "producer");
		return err->code;
	}
	client->queue = rd_kafka_queue_get_main(client->producer);
	rd_kafka_queue_io_event_enable(client->queue, sink->wake_fd, &one, sizeof one);
	for (size_t i = 0; i < sink->target_count; i++)
		sink->targets[i]->handle = NULL;
	return 0;
}

static void client_close(struct client *client)
{
	for (size_t i = 0; i < client->topic_count; i++)
		rd_kafka_topic_destroy(client->topics[i]);
	free(client->topics);
	if (client->queue)
		rd_kafka_queue_destroy(client->queue);
	if (client->producer) {
		/* Nothing of it is awaited any more; without this, destroy would keep what is still queued. */
		rd_kafka_purge(client->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(client->producer);
	}
}

static rd_kafka_topic_t *handle_of(struct sink *sink, struct target *target)
{
	struct client *client = &sink->client;

	if (!target->handle) {
		target->handle = rd_kafka_topic_new(client->producer, target->topic, NULL);
		client->topics = xreallocarray(client->topics, client->topic_count + 1, sizeof *client->topics);
		client->topics[client->topic_count++] = target->handle;
	}
	return target->handle;
}

struct sink *sink_new(const struct config_pipeline *pipeline, const struct client_sizes *sizes, int wake_fd,
    struct worker *worker, const struct sink_host *host, struct error *err)
{
	struct sink *sink = xcalloc(1, sizeof *sink);

	sink->pipeline = pipeline;
	sink->sizes = *sizes;
	sink->wake_fd = wake_fd;
	sink->worker = worker;
	sink->host = *host;
	if (client_open(sink, err) < 0) {
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
	client_close(&sink->client);
	for (size_t i = 0; i < sink->target_count; i++) {
		free(sink->targets[i]->topic);
		free(sink->targets[i]);
	}
	free(sink->targets);
	free(sink->routes);
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

static struct target *target_of(struct sink *sink, const char *source_topic)
{
	char *topic = config_target_topic(sink->pipeline, source_topic);
	struct target *target;

	for (size_t i = 0; i < sink->target_count; i++) {
		if (strcmp(sink->targets[i]->topic, topic))
			continue;
		free(topic);
		return sink->targets[i];
	}
	target = xcalloc(1, sizeof *target);
	target->topic = topic;
	sink->targets = xreallocarray(sink->targets, sink->target_count + 1, sizeof *sink->targets);
	sink->targets[sink->target_count++] = target;
	return target;
}

/* Where the records of a source part go, by to.topic and to.partition. */
static void add_route(struct sink *sink, uint32_t part, const rd_kafka_message_t *message)
{
	const struct config_to *to = &sink->pipeline->to;
	struct route *route;

	if (part >= sink->route_count) {
		sink->routes = xreallocarray(sink->routes, part + 1, sizeof *sink->routes);
		memset(&sink->routes[sink->route_count], 0, (part + 1 - sink->route_count) * sizeof *sink->routes);
		sink->route_count = part + 1;
	}
	route = &sink->routes[part];
	route->target = target_of(sink, rd_kafka_topic_name(message->rkt));
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

static const struct route *route_of(struct sink *sink, uint32_t part, const rd_kafka_message_t *message)
{
	if (part >= sink->route_count || !sink->routes[part].target)
		add_route(sink, part, message);
	return &sink->routes[part];
}

/* ---- submit ---- */

/* The record's headers in order, duplicates kept, for the producer to own; NULL: it has none. A copy, because
 * the record may have to be sent again. */
static rd_kafka_headers_t *headers_of(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = NULL;

	if (rd_kafka_message_headers(message, &headers) || rd_kafka_header_cnt(headers) == 0)
		return NULL;
	return rd_kafka_headers_copy(headers);
}

static int refused(rd_kafka_resp_err_t code, const struct route *route, const rd_kafka_message_t *message,
    enum report_outcome *outcome, struct error *err)
{
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return -EAGAIN;
	*outcome = error_class_outcome(code);
	error_class_set(err, code, "%s [%" PRId32 "] offset %" PRId64 " (%zu bytes) to %s",
	    rd_kafka_topic_name(message->rkt), message->partition, message->offset, message->len,
	    route->target->topic);
	return err->code;
}

static int op_submit(void *context, uint64_t handle, uint32_t part, void *payload, enum report_outcome *outcome,
    struct error *err)
{
	struct sink *sink = context;
	const struct record *record = payload;
	const rd_kafka_message_t *message = record->message;
	const struct route *route = route_of(sink, part, message);
	rd_kafka_headers_t *headers = headers_of(message);
	rd_kafka_timestamp_type_t timestamp_type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(message, &timestamp_type);
	rd_kafka_vu_t fields[7];
	size_t count = 0;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	fields[count].vtype = RD_KAFKA_VTYPE_RKT;
	fields[count++].u.rkt = handle_of(sink, route->target);
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
		fields[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
		fields[count++].u.i64 = timestamp_ms;
	} else {
		sink->untimestamped_records++;
	}
	if (headers) {
		fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
		fields[count++].u.headers = headers;
	}
	error = rd_kafka_produceva(sink->client.producer, fields, count);
	if (!error)
		return 0;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	return refused(code, route, message, outcome, err);
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
		sink->events->fatal(sink->owner, &err);
		return;
	}
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
	if (sink->recreate_err.code) {
		struct error err = sink->recreate_err;

		error_clear(&sink->recreate_err);
		sink->events->fatal(sink->owner, &err);
	}
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

/* ---- purge and recreate ---- */

static void op_purge(void *context)
{
	struct sink *sink = context;

	rd_kafka_purge(sink->client.producer,
	    RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void sink_probe(struct sink *sink, struct probe *probe)
{
	probe->client = sink->client.producer;
}

/* The old producer is destroyed and the new one's leaders are asked for in the worker: both may block. */
struct replace_job {
	struct sink *sink;
	struct client old;
	rd_kafka_t *producer;
	rd_kafka_topic_t **topics;
	size_t topic_count;
};

static void replace_run(struct worker *worker, void *argument)
{
	struct replace_job *job = argument;

	client_close(&job->old);
	job->old = (struct client){ .producer = NULL };
	/* Not knowing them yet only costs time: records wait in the producer until it does. */
	for (size_t i = 0; i < job->topic_count && !worker_cancelled(worker); i++) {
		const struct rd_kafka_metadata *metadata;

		if (!rd_kafka_metadata(job->producer, 0, job->topics[i], &metadata, METADATA_TIMEOUT_MS))
			rd_kafka_metadata_destroy(metadata);
		else
			break;
	}
}

static void replace_done(void *argument, bool cancelled)
{
	struct replace_job *job = argument;

	job->sink->running_jobs--;
	client_close(&job->old); /* if it has not run */
	if (!cancelled)
		job->sink->ready = true;
	free(job->topics);
	free(job);
}

static void op_recreate(void *context)
{
	struct sink *sink = context;
	struct replace_job *job;
	struct client old = sink->client;

	sink->client = (struct client){ .producer = NULL };
	if (client_open(sink, &sink->recreate_err) < 0) {
		sink->client = old;
		return;
	}
	for (uint32_t i = 0; i < sink->route_count; i++)
		if (sink->routes[i].target)
			handle_of(sink, sink->routes[i].target);
	job = xcalloc(1, sizeof *job);
	job->sink = sink;
	job->old = old;
	job->producer = sink->client.producer;
	job->topic_count = sink->client.topic_count;
	job->topics = xcalloc(job->topic_count, sizeof *job->topics);
	for (size_t i = 0; i < job->topic_count; i++)
		job->topics[i] = sink->client.topics[i];
	sink->running_jobs++;
	worker_submit(sink->worker, replace_run, replace_done, job);
}

const struct sink_ops kafka_sink_ops = {
	.serve = op_serve,
	.submit = op_submit,
	.purge = op_purge,
	.recreate = op_recreate,
};
