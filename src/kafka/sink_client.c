/* The producer: made, purged, and replaced in the worker, because destroying one, asking for its leaders and ending
 * transactions block. */
#include "kafka/sink_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

enum { METADATA_TIMEOUT_MS = 5000 };

int sink_client_open(const struct sink *sink, struct sink_client *client, struct error *err)
{
	static const uint64_t one = 1;

	*client = (struct sink_client){ .producer = NULL };
	client->producer = client_new_producer(sink->pipeline, &sink->sizes, sink->transactional_id, err);
	if (!client->producer) {
		error_prefix(err, "producer");
		return err->code;
	}
	client->queue = rd_kafka_queue_get_main(client->producer);
	rd_kafka_queue_io_event_enable(client->queue, sink->wake_fd, &one, sizeof one);
	return 0;
}

void sink_client_close(struct sink_client *client)
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
	*client = (struct sink_client){ .producer = NULL };
}

rd_kafka_topic_t *sink_client_topic(struct sink_client *client, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client->producer, topic, NULL);

	client->topics = xreallocarray(client->topics, client->topic_count + 1, sizeof *client->topics);
	client->topics[client->topic_count++] = handle;
	return handle;
}

void sink_purge(void *context, bool in_flight_too)
{
	struct sink *sink = context;

	rd_kafka_purge(sink->client.producer,
	    RD_KAFKA_PURGE_F_QUEUE | (in_flight_too ? RD_KAFKA_PURGE_F_INFLIGHT : 0) | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* ---- another producer ---- */

/* Also where a transaction could be aborted and its producer kept: a request that was purged may still be on its way,
 * and would be taken for a part of the next transaction. Only the new producer's epoch refuses it. */
struct replace_job {
	struct sink *sink;
	struct sink_client client; /* to be given up; then the one to go on with */
	rd_kafka_resp_err_t fatal_code; /* of the old one: its event may not have been served */
	struct error err;
};

/* Not knowing the leaders yet only costs time: records wait in the producer until it does. */
static void ask_for_leaders(struct replace_job *job, struct worker *worker)
{
	for (size_t i = 0; i < job->client.topic_count && !worker_cancelled(worker); i++) {
		const struct rd_kafka_metadata *metadata;

		if (rd_kafka_metadata(job->client.producer, 0, job->client.topics[i], &metadata,
			METADATA_TIMEOUT_MS))
			return;
		rd_kafka_metadata_destroy(metadata);
	}
}

static void replace_run(struct worker *worker, void *argument)
{
	struct replace_job *job = argument;
	const struct sink *sink = job->sink;

	if (job->client.producer)
		job->fatal_code = rd_kafka_fatal_error(job->client.producer, NULL, 0);
	sink_client_close(&job->client);
	if (sink_client_open(sink, &job->client, &job->err) < 0)
		return;
	/* Nothing is submitted meanwhile, so the targets stay as they are. */
	for (size_t i = 0; i < sink->target_count; i++)
		sink_client_topic(&job->client, sink->targets[i]->topic);
	worker_doing(worker, "asking for the leaders of the targets");
	ask_for_leaders(job, worker);
	if (sink->transactional_id)
		sink_transaction_init(sink, job->client.producer, worker, &job->err);
}

static void replace_done(void *argument, bool cancelled)
{
	struct replace_job *job = argument;
	struct sink *sink = job->sink;

	sink->running_jobs--;
	sink->client = job->client;
	for (size_t i = 0; i < sink->target_count; i++)
		sink->targets[i]->handle = i < job->client.topic_count ? job->client.topics[i] : NULL;
	if (job->fatal_code)
		sink_transaction_judge(sink, job->fatal_code, &job->err);
	sink->judged = false;
	sink->broken_by = job->err;
	sink->ready = !cancelled && !job->err.code;
	free(job);
}

void sink_recreate(void *context)
{
	struct sink *sink = context;
	struct replace_job *job = xcalloc(1, sizeof *job);

	job->sink = sink;
	job->client = sink->client;
	sink->client = (struct sink_client){ .producer = NULL };
	sink->running_jobs++;
	worker_submit(sink->worker, "ending a producer, for another one", replace_run, replace_done, job);
}
