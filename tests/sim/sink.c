#include "sink.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "shim.h"
#include "world.h"

static int64_t delay(struct sink *sink)
{
	return random_between(&sink->world->random, 0, sink->world->plan.net_max_us);
}

void sink_open(struct sink *sink, struct world *world, struct instance *instance)
{
	uint32_t last_producer = sink->producer;

	*sink = (struct sink){ .world = world, .instance = instance, .ready_us = CLOCK_NEVER };
	sink->producer = last_producer ? last_producer : cluster_new_producer(world, instance->number);
	if (world->plan.delivery == DELIVERY_EXACTLY_ONCE) {
		/* The same transactional id as the process before: what that has left behind ends when this one is ready,
		 * and no sooner. */
		sink->state = SINK_MODEL_MAKING;
		sink->ready_us = world->now_us + delay(sink);
	} else if (last_producer) {
		sink->producer = cluster_new_producer(world, instance->number);
	}
}

static void leave_txn(const struct world *world, struct txn *txn, bool killed)
{
	int64_t timeout_us = world->now_us + (killed ? world->plan.txn_timeout_us : 0);

	if (timeout_us < txn->timeout_us)
		txn->timeout_us = timeout_us;
}

void sink_close(struct sink *sink, bool killed)
{
	struct world *world = sink->world;
	/* While it is being made, the number is still its predecessor's. */
	uint32_t txn = sink->state == SINK_MODEL_MAKING ? 0 : world->cluster.producers[sink->producer].txn;

	checker_sink_closed(world, sink, killed);
	cluster_retire_producer(world, sink->producer);
	if (txn)
		leave_txn(world, &world->cluster.txns[txn], killed);
	for (uint32_t target = 0; target < MAX_TARGETS; target++)
		free(sink->queues[target].items);
	free(sink->reports);
	memset(sink->queues, 0, sizeof sink->queues);
	sink->reports = NULL;
	sink->report_count = 0;
	sink->txn.pending = false;
}

/* ---- reports ---- */

static void add_report(struct sink *sink, const struct item *item, enum report_outcome outcome,
    bool possibly_written, int64_t due_us)
{
	struct report *last = sink->report_count ? &sink->reports[sink->report_count - 1] : NULL;

	if (last && last->handle == item->handle && last->outcome == outcome &&
	    last->possibly_written == possibly_written && last->due_us == due_us) {
		last->records++;
		return;
	}
	sink->reports = xreallocarray(sink->reports, sink->report_count + 1, sizeof *sink->reports);
	sink->reports[sink->report_count++] = (struct report){ .payload = item->payload,
		.handle = item->handle, .records = 1, .outcome = outcome,
		.possibly_written = possibly_written, .due_us = due_us };
}

static void report_request(struct sink *sink, const struct request *request, int64_t due_us)
{
	for (size_t i = 0; i < request->count; i++) {
		const struct item *item = &request->items[i];
		bool at_fault = source_record_poison(item->record, request->target) == POISON_ALONE;

		switch (request->fate) {
		case FATE_WRITTEN:
			add_report(sink, item, REPORT_ACKED, false, due_us);
			break;
		case FATE_REFUSED_BATCH:
			add_report(sink, item, REPORT_REFUSED, false, due_us);
			break;
		case FATE_REFUSED_ALONE:
			add_report(sink, item, at_fault ? REPORT_REFUSED : REPORT_RETRY, false, due_us);
			break;
		case FATE_FAILED:
		case FATE_FAILED_WRITTEN:
			add_report(sink, item, REPORT_RETRY, true, due_us);
			break;
		case FATE_STOP:
			add_report(sink, item, REPORT_STOP, false, due_us);
			break;
		}
	}
}

/* What is on its way to one target is reported with errors; it may still arrive. */
static void give_up_flight(struct sink *sink, uint32_t target, int64_t due_us)
{
	struct sink_queue *queue = &sink->queues[target];

	for (uint32_t i = 0; i < queue->flight_count; i++) {
		queue->flight[i]->given_up = true;
		for (size_t k = 0; k < queue->flight[i]->count; k++)
			add_report(sink, &queue->flight[i]->items[k], REPORT_RETRY, true, due_us);
	}
	queue->flight_count = 0;
}

static void give_up_queues(struct sink *sink, int64_t due_us)
{
	for (uint32_t target = 0; target < MAX_TARGETS; target++) {
		struct sink_queue *queue = &sink->queues[target];

		for (size_t i = 0; i < queue->count; i++)
			add_report(sink, &queue->items[i], REPORT_RETRY, false, due_us);
		queue->count = 0;
	}
}

static void give_up_all(struct sink *sink)
{
	int64_t due_us = sink->world->now_us + delay(sink);

	cluster_retire_producer(sink->world, sink->producer);
	for (uint32_t target = 0; target < MAX_TARGETS; target++)
		give_up_flight(sink, target, due_us);
	give_up_queues(sink, due_us);
}

static bool is_failure(enum request_fate fate)
{
	return fate != FATE_WRITTEN;
}

/* The answers that have arrived become reports. */
static void take_answers(struct sink *sink, uint32_t target)
{
	struct sink_queue *queue = &sink->queues[target];

	while (queue->flight_count > 0 && queue->flight[0]->ack_us <= sink->world->now_us) {
		struct request *request = queue->flight[0];

		queue->flight_count--;
		memmove(queue->flight, queue->flight + 1, queue->flight_count * sizeof queue->flight[0]);
		report_request(sink, request, sink->world->now_us);
		if (is_failure(request->fate))
			checker_failed(sink->world, request);
		if (is_failure(request->fate) && sink->world->plan.idempotent) {
			trace(sink->world, "producer %" PRIu32 " dies", sink->producer);
			/* The requests behind it do not fit on. Those to other partitions are answered. */
			give_up_flight(sink, target, sink->world->now_us + delay(sink));
			give_up_queues(sink, sink->world->now_us + delay(sink));
			if (request->fate != FATE_REFUSED_ALONE && request->fate != FATE_REFUSED_BATCH)
				give_up_all(sink);
			sink->state = SINK_MODEL_DEAD;
			sink->fatal = sink->world->plan.delivery != DELIVERY_EXACTLY_ONCE ||
				      random_chance(&sink->world->random, 500);
		}
	}
}

static void emit_reports(struct sink *sink)
{
	for (size_t i = 0; i < sink->report_count;) {
		struct report report = sink->reports[i];
		struct error err;

		if (report.due_us > sink->world->now_us) {
			i++;
			continue;
		}
		sink->report_count--;
		memmove(sink->reports + i, sink->reports + i + 1,
		    (sink->report_count - i) * sizeof *sink->reports);
		sink->held -= report.records;
		error_clear(&err);
		if (report.outcome == REPORT_STOP)
			error_set(&err, -EPERM, REMEDY_PERSON, "not authorised");
		else if (report.outcome == REPORT_REFUSED)
			error_set(&err, -EIO, REMEDY_SKIP, "refused");
		else if (report.outcome != REPORT_ACKED)
			error_set(&err, -EIO, REMEDY_RETRY, "not delivered");
		if (report.possibly_written || report.outcome == REPORT_ACKED)
			report.payload->maybe_written = true;
		if (report.outcome == REPORT_STOP)
			report.payload->stopped = true;
		checker_report(sink->world, report.payload, report.records, report.outcome);
		shim_report(sink->instance, &report, report.outcome == REPORT_ACKED ? NULL : &err);
		/* The engine may have purged meanwhile: what it added stands behind. */
	}
}

/* ---- requests ---- */

static enum request_fate draw_fate(struct sink *sink, const struct item *items, size_t count, uint32_t target)
{
	struct random *random = &sink->world->random;
	const struct plan *plan = &sink->world->plan;
	bool refused = false;

	for (size_t i = 0; i < count; i++) {
		enum poison poison = source_record_poison(items[i].record, target);

		if (poison == POISON_BATCH)
			return FATE_REFUSED_BATCH;
		refused = refused || poison == POISON_ALONE;
	}
	if (refused)
		return FATE_REFUSED_ALONE;
	if (random_chance(random, plan->request_stop))
		return FATE_STOP;
	if (random_chance(random, plan->request_failure))
		return random_chance(random, 500) ? FATE_FAILED : FATE_FAILED_WRITTEN;
	return FATE_WRITTEN;
}

/* A batch that holds the end of one epoch and the beginning of the next repeats in itself already. */
static bool is_ascending(const struct request *request)
{
	int64_t last[MAX_PARTS] = { 0 };

	for (size_t i = 0; i < request->count; i++) {
		const struct item *item = &request->items[i];

		if (item->offset < last[item->part])
			return false;
		last[item->part] = item->offset;
	}
	return true;
}

static void make_request(struct sink *sink, uint32_t target)
{
	struct world *world = sink->world;
	struct sink_queue *queue = &sink->queues[target];
	struct request *before = queue->flight_count ? queue->flight[queue->flight_count - 1] : NULL;
	struct request request = { .producer = sink->producer, .target = target };

	request.count = 1 + random_below(&world->random, world->plan.batch_max);
	if (request.count > queue->count)
		request.count = queue->count;
	request.items = xcalloc(request.count, sizeof *request.items);
	memcpy(request.items, queue->items, request.count * sizeof *request.items);
	queue->count -= request.count;
	memmove(queue->items, queue->items + request.count, queue->count * sizeof *queue->items);
	request.txn = world->cluster.producers[sink->producer].txn;
	if (request.txn)
		cluster_start_txn(world, request.txn);
	request.fate = draw_fate(sink, request.items, request.count, target);
	request.twice = !world->plan.idempotent && is_ascending(&request) &&
			random_chance(&world->random, world->plan.request_twice);
	request.write_us = world->now_us + delay(sink);
	if (random_chance(&world->random, world->plan.request_slow))
		request.write_us += random_between(&world->random, 0, 10 * USEC_PER_SEC);
	if (before && request.write_us < before->write_us)
		request.write_us = before->write_us;
	request.ack_us = request.write_us + delay(sink);
	if (before && request.ack_us < before->ack_us)
		request.ack_us = before->ack_us;
	queue->flight[queue->flight_count++] = cluster_send(world, &request);
	queue->linger_us = world->now_us + delay(sink);
}

static void make_requests(struct sink *sink)
{
	for (uint32_t target = 0; target < MAX_TARGETS; target++) {
		struct sink_queue *queue = &sink->queues[target];

		while (sink->state == SINK_MODEL_READY && queue->count > 0 &&
		       queue->flight_count < sink->world->plan.requests_max &&
		       queue->linger_us <= sink->world->now_us)
			make_request(sink, target);
	}
}

/* ---- serve ---- */

static void become_ready(struct sink *sink)
{
	struct world *world = sink->world;
	struct error err;

	if (random_chance(&world->random, world->plan.recreate_failure)) {
		error_set(&err, -EHOSTUNREACH, REMEDY_RETRY, "no new producer");
		sink->state = SINK_MODEL_DEAD;
		shim_sink_fatal(sink->instance, &err);
		return;
	}
	if (world->plan.delivery == DELIVERY_EXACTLY_ONCE)
		cluster_fence(world, sink->producer);
	sink->producer = cluster_new_producer(world, sink->instance->number);
	sink->state = SINK_MODEL_READY;
	trace(world, "instance %d has producer %" PRIu32, sink->instance->number, sink->producer);
	shim_sink_ready(sink->instance);
}

static void say_fatal(struct sink *sink)
{
	struct error err;

	sink->fatal = false;
	error_set(&err, -EIO,
	    random_chance(&sink->world->random, sink->world->plan.sink_failure) ? REMEDY_PERSON
										: REMEDY_RETRY,
	    "the producer has failed");
	shim_sink_fatal(sink->instance, &err);
}

static void end_commit(struct sink *sink)
{
	enum txn_outcome outcome = sink->txn.outcome;
	struct error err;

	sink->txn.pending = false;
	error_set(&err, -EIO, REMEDY_RETRY, "the transaction was not committed");
	checker_txn_done(sink->world, sink->instance->number, outcome);
	shim_txn_done(sink->instance, outcome, outcome == TXN_COMMITTED ? NULL : &err);
}

static void sim_serve(void *opaque)
{
	struct sink *sink = opaque;
	struct world *world = sink->world;

	if (instance_is_dead(sink->instance))
		return;
	if (sink->state == SINK_MODEL_MAKING && sink->ready_us <= world->now_us)
		become_ready(sink);
	if (sink->fatal && random_chance(&world->random, 500))
		say_fatal(sink);
	emit_reports(sink);
	if (sink->fatal)
		say_fatal(sink);
	if (sink->txn.pending && sink->txn.done_us <= world->now_us)
		end_commit(sink);
}

int64_t sink_next_us(const struct sink *sink)
{
	int64_t next_us = sink->state == SINK_MODEL_MAKING ? sink->ready_us : CLOCK_NEVER;

	for (size_t i = 0; i < sink->report_count; i++)
		if (sink->reports[i].due_us < next_us)
			next_us = sink->reports[i].due_us;
	if (sink->txn.pending && sink->txn.done_us < next_us)
		next_us = sink->txn.done_us;
	return next_us;
}

/* ---- the brokers' side ---- */

/* The client knows that it will not be committed; the brokers may keep it open until they hear of the next producer. */
static void abort_txn(struct world *world, uint32_t number)
{
	world->cluster.txns[number].unasked = true;
	if (world->plan.txn_late == 0 || random_chance(&world->later, 500))
		cluster_end_txn(world, number, false);
}

/* The coordinator has ended it, for its time had run out, and knows its producer no more: the client learns that it is
 * fenced, and not what became of the transaction. */
static bool meets_fence(struct sink *sink)
{
	struct world *world = sink->world;

	if (!world->cluster.producers[sink->producer].fenced)
		return false;
	sink->txn.ended = true;
	sink->txn.outcome = TXN_UNKNOWN;
	sink->fatal = random_chance(&world->later, 500);
	return true;
}

static void send_offsets(struct sink *sink)
{
	struct sink_txn *txn = &sink->txn;
	uint32_t number = sink->world->cluster.producers[sink->producer].txn;

	txn->offsets_sent = true;
	if (meets_fence(sink))
		return;
	if (number)
		cluster_start_txn(sink->world, number);
	if (number && group_accepts(sink->world, txn->token.member, txn->token.generation)) {
		cluster_add_offsets(sink->world, number, txn->marks, txn->count);
		return;
	}
	/* KIP-447: the group has moved on. */
	txn->ended = true;
	if (txn->outcome == TXN_COMMITTED)
		txn->outcome = TXN_ABORTED;
	if (txn->outcome == TXN_ABORTED && number)
		abort_txn(sink->world, number);
}

static void end_txn(struct sink *sink)
{
	struct sink_txn *txn = &sink->txn;
	struct world *world = sink->world;
	uint32_t number = world->cluster.producers[sink->producer].txn;

	if (meets_fence(sink))
		return;
	txn->ended = true;
	/* What becomes of an unknown one shows now, or not before the next producer ends it. */
	if (txn->outcome == TXN_COMMITTED)
		cluster_end_txn(world, number, true);
	else if (txn->outcome == TXN_ABORTED)
		abort_txn(world, number);
	else if (random_chance(&world->random, 600))
		cluster_end_txn(world, number, random_chance(&world->random, 500));
	/* The same request once more, or the first that gets through. */
	if (txn->outcome != TXN_COMMITTED && world->plan.txn_late > 0 && random_chance(&world->later, world->plan.txn_late))
		cluster_end_late(world, sink->producer, txn->outcome == TXN_UNKNOWN && random_chance(&world->later, 500),
		    world->now_us + random_between(&world->later, 0, 5 * USEC_PER_SEC));
}

/* The client's own threads take answers and send what has lingered, whether the engine looks or not. */
void sink_run(struct sink *sink)
{
	struct sink_txn *txn = &sink->txn;
	uint32_t first;

	if (!sink->instance || !sink->instance->is_running)
		return;
	first = random_below(&sink->world->random, MAX_PARTS);
	for (uint32_t i = 0; i < MAX_PARTS; i++)
		take_answers(sink, (first + i) % MAX_PARTS);
	take_answers(sink, DEAD_LETTERS);
	make_requests(sink);
	if (txn->pending && !txn->offsets_sent && txn->offsets_us <= sink->world->now_us)
		send_offsets(sink);
	if (txn->pending && !txn->ended && txn->end_us <= sink->world->now_us)
		end_txn(sink);
}

int64_t sink_run_next_us(const struct sink *sink)
{
	int64_t next_us = CLOCK_NEVER;

	if (!sink->instance || !sink->instance->is_running)
		return CLOCK_NEVER;
	if (sink->txn.pending && !sink->txn.ended)
		next_us = sink->txn.offsets_sent ? sink->txn.end_us : sink->txn.offsets_us;
	for (uint32_t target = 0; target < MAX_TARGETS; target++) {
		const struct sink_queue *queue = &sink->queues[target];

		if (sink->state == SINK_MODEL_READY && queue->count > 0 &&
		    queue->flight_count < sink->world->plan.requests_max && queue->linger_us < next_us)
			next_us = queue->linger_us;
		if (queue->flight_count > 0 && queue->flight[0]->ack_us < next_us)
			next_us = queue->flight[0]->ack_us;
	}
	return next_us;
}

/* ---- operations ---- */

static int refuse(struct error *err, int code, enum report_outcome *outcome, enum report_outcome why)
{
	*outcome = why;
	return error_set(err, code, why == REPORT_REFUSED ? REMEDY_SKIP : REMEDY_RETRY, "not taken");
}

static void enqueue(struct sink *sink, uint64_t handle, const struct item *item, uint32_t target)
{
	struct sink_queue *queue = &sink->queues[target];

	queue->items = xreallocarray(queue->items, queue->count + 1, sizeof *queue->items);
	queue->items[queue->count] = *item;
	queue->items[queue->count++].handle = handle;
}

/* To the targets of its records, or as dead letters. */
static int take(struct sink *sink, uint64_t handle, struct payload *payload, bool dead_letter,
    enum report_outcome *outcome, struct error *err)
{
	if (sink->state != SINK_MODEL_READY)
		return refuse(err, -EIO, outcome, REPORT_RETRY);
	for (uint32_t i = 0; i < payload->records; i++)
		if (source_record_poison(&payload->as_read[i], dead_letter ? DEAD_LETTERS : 0) == POISON_LOCAL)
			return refuse(err, -EMSGSIZE, outcome, REPORT_REFUSED);
	if (sink->held > 0 && sink->held + payload->records > sink->world->plan.queue_max)
		return -EAGAIN;
	checker_submitted(sink->world, payload, handle);
	sink->held += payload->records;
	for (uint32_t i = 0; i < payload->records; i++) {
		const struct item item = { .payload = payload, .part = payload->part, .offset = payload->offsets[i],
			.record = &payload->as_read[i], .claim = payload->claim };

		enqueue(sink, handle, &item, dead_letter ? DEAD_LETTERS : item.record->target);
	}
	return 0;
}

static int sim_submit(void *opaque, uint64_t handle, uint32_t part, void *chunk, enum report_outcome *outcome,
    struct error *err)
{
	struct sink *sink = opaque;

	if (instance_is_dead(sink->instance))
		return 0;
	checker_submit(sink->world, sink, chunk);
	return take(sink, handle, chunk, false, outcome, err);
}

static int sim_dead_letter(void *opaque, uint64_t handle, uint32_t part, void *chunk, const struct error *reason,
    enum report_outcome *outcome, struct error *err)
{
	struct sink *sink = opaque;

	if (instance_is_dead(sink->instance))
		return 0;
	checker_dead_letter(sink->world, sink, chunk);
	return take(sink, handle, chunk, true, outcome, err);
}

static void sim_purge(void *opaque, bool in_flight_too)
{
	struct sink *sink = opaque;

	if (instance_is_dead(sink->instance))
		return;
	trace(sink->world, "instance %d purges%s", sink->instance->number, in_flight_too ? " all" : "");
	if (in_flight_too)
		give_up_all(sink);
	else
		give_up_queues(sink, sink->world->now_us + delay(sink));
	sink->state = SINK_MODEL_PURGED;
}

static void sim_recreate(void *opaque)
{
	struct sink *sink = opaque;

	if (instance_is_dead(sink->instance))
		return;
	checker_recreate(sink->world, sink);
	cluster_retire_producer(sink->world, sink->producer);
	sink->fatal = false;
	sink->state = SINK_MODEL_MAKING;
	sink->ready_us = sink->world->now_us + delay(sink);
}

void sink_keep_producer(struct sink *sink)
{
	struct world *world = sink->world;
	uint32_t txn = world->cluster.producers[sink->producer].txn;

	checker_recreate(world, sink);
	if (txn)
		cluster_end_txn(world, txn, false);
}

static int sim_txn_begin(void *opaque, struct error *err)
{
	struct sink *sink = opaque;
	struct world *world = sink->world;

	if (instance_is_dead(sink->instance))
		return 0;
	checker_txn_begin(world, sink);
	if (sink->state != SINK_MODEL_READY || random_chance(&world->random, world->plan.txn_begin_failure))
		return error_set(err, -EIO, REMEDY_RETRY, "no transaction");
	cluster_begin_txn(world, sink->producer);
	return 0;
}

static void sim_txn_commit(void *opaque, const struct mark *marks, size_t count, void *token)
{
	struct sink *sink = opaque;
	struct world *world = sink->world;
	const struct plan *plan = &world->plan;
	struct sink_txn *txn = &sink->txn;

	if (instance_is_dead(sink->instance))
		return;
	checker_txn_commit(world, sink, marks, count);
	*txn = (struct sink_txn){ .pending = true, .token = *(const struct group_token *)token };
	for (size_t i = 0; i < count && i < MAX_PARTS; i++)
		txn->marks[txn->count++] =
		    (struct txn_mark){ .part = marks[i].part, .offset = marks[i].offset };
	txn->outcome = random_chance(&world->random, plan->txn_abort) ? TXN_ABORTED
	    : random_chance(&world->random, plan->txn_unknown)	      ? TXN_UNKNOWN
								      : TXN_COMMITTED;
	txn->offsets_us = world->now_us + delay(sink);
	txn->end_us = txn->offsets_us + delay(sink);
	txn->done_us = txn->end_us + delay(sink);
}

const struct sink_ops sim_sink_ops = {
	.serve = sim_serve,
	.submit = sim_submit,
	.dead_letter = sim_dead_letter,
	.purge = sim_purge,
	.recreate = sim_recreate,
	.txn_begin = sim_txn_begin,
	.txn_commit = sim_txn_commit,
};
