/* Transactions. librdkafka's calls block: they run in the worker, in slices, and a slice that has timed out is resumed
 * with the same call, as librdkafka wants it; but for the sending of offsets, which is asked for anew, and which librdkafka
 * may make an error to abort for, when the group's coordinator is away for longer than a slice. The consumer is polled by
 * the pipeline's thread meanwhile. */
#include "kafka/sink_internal.h"
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/memory.h"
#include "kafka/error_class.h"
#include "kafka/group_token.h"
#include "kafka/source.h"

/* A shorter slice is no quicker end: what has come of a call that timed out is only known by calling again. */
enum { SLICE_MS = 1000, RETRY_WAIT_US = 50000 };

/* What takes longer is given up, and a new producer made. Coordinators move within seconds; a transaction itself ends
 * after transaction.timeout.ms. */
static const int64_t init_bound_us = 30 * USEC_PER_SEC;
static const int64_t commit_bound_us = 30 * USEC_PER_SEC;

/* A transaction that is younger cannot have been ended by the coordinator's timeout (transaction.timeout.ms as derived):
 * who finds it fenced has met another client. */
static const int64_t transaction_timeout_us = 15 * USEC_PER_SEC;
/* Two clients that share a transactional id fence each other again within this. */
static const int64_t fenced_again_us = 60 * USEC_PER_SEC;

/* ---- blocking calls in slices ---- */

struct call {
	rd_kafka_error_t *(*run)(const struct call *call, int timeout_ms);
	const char *doing; /* for people */
	rd_kafka_t *producer;
	const rd_kafka_topic_partition_list_t *offsets;
	const rd_kafka_consumer_group_metadata_t *group;
};

static rd_kafka_error_t *call_init(const struct call *call, int timeout_ms)
{
	return rd_kafka_init_transactions(call->producer, timeout_ms);
}

static rd_kafka_error_t *call_send_offsets(const struct call *call, int timeout_ms)
{
	return rd_kafka_send_offsets_to_transaction(call->producer, call->offsets, call->group, timeout_ms);
}

static rd_kafka_error_t *call_commit(const struct call *call, int timeout_ms)
{
	return rd_kafka_commit_transaction(call->producer, timeout_ms);
}

static bool may_be_called_again(const rd_kafka_error_t *error)
{
	return rd_kafka_error_is_retriable(error) && !rd_kafka_error_is_fatal(error) &&
	       !rd_kafka_error_txn_requires_abort(error);
}

/* NULL: done. Else why not; the caller destroys it. */
static rd_kafka_error_t *call_until_done(const struct call *call, struct worker *worker, int64_t bound_us)
{
	int64_t end_us = clock_after_us(clock_monotonic_us(), bound_us);

	for (;;) {
		int64_t began_us = clock_monotonic_us();
		rd_kafka_error_t *error;

		worker_doing(worker, call->doing);
		error = call->run(call, SLICE_MS);
		if (!error || !may_be_called_again(error) || worker_cancelled(worker) || began_us >= end_us)
			return error;
		rd_kafka_error_destroy(error);
		if (clock_monotonic_us() - began_us < RETRY_WAIT_US)
			worker_wait_us(worker, RETRY_WAIT_US);
	}
}

int sink_transaction_init(const struct sink *sink, rd_kafka_t *producer, struct worker *worker, struct error *err)
{
	const struct call call = { .run = call_init, .doing = "taking up the transactional id",
		.producer = producer };
	rd_kafka_error_t *error = call_until_done(&call, worker, init_bound_us);

	FAULT_POINT("after-txn-init");
	return error ? error_class_set_object(err, error, "taking up the transactional id \"%s\" on cluster \"%s\"",
			   sink->transactional_id, sink->pipeline->to.cluster->name)
		     : 0;
}

/* ---- one transaction ---- */

int sink_transaction_begin(void *context, struct error *err)
{
	struct sink *sink = context;
	rd_kafka_error_t *error = rd_kafka_begin_transaction(sink->client.producer);

	if (error)
		return error_class_set_object(err, error, "beginning a transaction");
	sink->txn_begun_us = clock_monotonic_us();
	return 0;
}

static const char adding_offsets[] = "adding the offsets to a transaction";

struct commit_job {
	struct sink *sink;
	rd_kafka_t *producer;
	rd_kafka_topic_partition_list_t *offsets;
	const struct group_token *token; /* the engine's until it is told */
	enum txn_outcome outcome;
	rd_kafka_resp_err_t fatal_code;
	struct error err;
};

static void commit_run(struct worker *worker, void *argument)
{
	struct commit_job *job = argument;
	const struct call send_offsets = { .run = call_send_offsets, .doing = adding_offsets,
		.producer = job->producer, .offsets = job->offsets, .group = job->token->metadata };
	const struct call commit = { .run = call_commit, .doing = "committing a transaction",
		.producer = job->producer };
	rd_kafka_error_t *error;

	job->outcome = TXN_UNKNOWN;
	FAULT_POINT("before-send-offsets");
	error = call_until_done(&send_offsets, worker, commit_bound_us);
	FAULT_POINT("after-send-offsets");
	if (error) {
		/* Its end has not been asked for, and the next producer aborts it. Who is fenced knows less. */
		if (rd_kafka_error_txn_requires_abort(error))
			job->outcome = TXN_ABORTED;
		error_class_set_object(&job->err, error, "adding the offsets to the transaction");
	} else if ((error = call_until_done(&commit, worker, commit_bound_us)) != NULL) {
		/* Whatever it says: the request may have been carried out before its answer was lost, and librdkafka
		 * may have sent it twice. Only the brokers know. */
		error_class_set_object(&job->err, error, "committing the transaction");
	} else {
		FAULT_POINT("after-txn-commit");
		job->outcome = TXN_COMMITTED;
	}
	if (job->outcome == TXN_UNKNOWN)
		job->fatal_code = rd_kafka_fatal_error(job->producer, NULL, 0);
}

static void commit_done(void *argument, bool cancelled)
{
	struct commit_job *job = argument;
	struct sink *sink = job->sink;

	sink->running_jobs--;
	if (!cancelled) {
		sink->txn_ended = true;
		sink->txn_outcome = job->outcome;
		sink->txn_err = job->err;
		if (job->fatal_code)
			sink_transaction_judge(sink, job->fatal_code, &sink->txn_err);
	}
	rd_kafka_topic_partition_list_destroy(job->offsets);
	free(job);
}

void sink_transaction_commit(void *context, const struct mark *marks, size_t count, void *token)
{
	struct sink *sink = context;
	const struct group_token *group = token;
	struct commit_job *job = xcalloc(1, sizeof *job);

	job->sink = sink;
	job->producer = sink->client.producer;
	job->offsets = source_offsets(group->source, marks, count);
	job->token = group;
	sink->running_jobs++;
	worker_submit(sink->worker, adding_offsets, commit_run, commit_done, job);
}

void sink_transaction_serve(struct sink *sink)
{
	struct error err = sink->txn_err;

	if (!sink->txn_ended)
		return;
	sink->txn_ended = false;
	error_clear(&sink->txn_err);
	/* A person must act, or the source has to be looked at anew: to begin the next transaction would not help. */
	if (err.remedy == REMEDY_PERSON)
		sink->events->fatal(sink->owner, &err);
	else if (err.remedy == REMEDY_RESTART && sink->txn_outcome == TXN_ABORTED)
		sink->host.failed(sink->host.host, &err);
	sink->events->txn_done(sink->owner, sink->txn_outcome, sink->txn_outcome == TXN_COMMITTED ? NULL : &err);
}

void sink_transaction_judge(struct sink *sink, rd_kafka_resp_err_t code, struct error *err)
{
	int64_t now_us = clock_monotonic_us();
	bool again = sink->fenced_us > 0 && now_us - sink->fenced_us < fenced_again_us;

	if (!sink->transactional_id || sink->judged)
		return;
	sink->judged = true;
	if (code != RD_KAFKA_RESP_ERR__FENCED || now_us - sink->txn_begun_us >= transaction_timeout_us)
		return;
	sink->fenced_us = now_us;
	if (again)
		error_set(err, -EBUSY, REMEDY_PERSON,
		    "another client keeps taking the transactional id \"%s\": two instances run this pipeline with the "
		    "same aloqd.instance; give each its own, then restart aloqd",
		    sink->transactional_id);
}
