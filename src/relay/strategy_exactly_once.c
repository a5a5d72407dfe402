/* exactly_once: records and offsets in one transaction. Slots are kept until their transaction is known to be
 * committed, so that an aborted one is sent again from memory; after an unknown outcome memory is dropped and
 * the group's committed offsets are read again (semantics: Exactly once). */
#include "relay/engine_internal.h"
#include "base/clock.h"
#include "base/fault_point.h"

static void begin_interval(struct engine *engine)
{
	engine->txn_deadline_us = clock_after_us(engine->now_us, engine->config.commit_interval_us);
}

static bool open_transaction(struct engine *engine)
{
	struct error err;

	if (engine->txn_state == TXN_NONE && engine->sink_state == SINK_OPEN) {
		error_clear(&err);
		if (engine->sink_ops->txn_begin(engine->sink, &err) < 0) {
			engine_on_sink_fatal(engine, &err);
			return false;
		}
		FAULT_POINT("after-txn-begin");
		engine->txn_state = TXN_OPEN;
		engine->txn_records = 0;
		begin_interval(engine);
	}
	return engine->txn_state == TXN_OPEN;
}

static bool may_submit(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	return open_transaction(engine) && engine->txn_records < engine->config.commit_records;
}

static bool could_submit(const struct engine *engine, const struct part *part, const struct offset_slot *slot)
{
	return engine->txn_state == TXN_NONE ||
	       (engine->txn_state == TXN_OPEN && engine->txn_records < engine->config.commit_records);
}

static void on_chunk(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
}

static uint64_t read_room(const struct engine *engine, const struct part *part, uint64_t room)
{
	return room;
}

static void settle(struct engine *engine, struct part *part)
{
}

static void on_late_failed(struct engine *engine, struct part *part, const struct offset_slot *slot,
    const struct error *err)
{
}

static void on_submitted(struct engine *engine, struct part *part, const struct offset_slot *slot)
{
	if (engine->txn_deadline_us == CLOCK_NEVER)
		begin_interval(engine);
	engine->txn_records += slot->records;
}

static bool somebody_waits(const struct engine *engine)
{
	if (engine->isolating)
		return true;
	/* What is held is held until it is committed: a full window would wait for the interval. */
	for (uint32_t i = 0; i < engine->part_count; i++) {
		const struct part *part = &engine->parts[i];

		if (part_is_stopping(engine, part) || part_hurries(engine, part) || engine_window_is_full(engine, part))
			return true;
		/* Nothing more comes that would share the transaction. */
		if (engine->paused && engine->in_flight == 0 && part->tracker &&
		    !engine->strategy->is_settled(engine, part))
			return true;
	}
	return false;
}

static void commit_transaction(struct engine *engine)
{
	size_t count;
	void *token = engine->source_ops->group_token(engine->source);

	/* Not a member just now: a broker would take such offsets unchecked. The rebalance under way will say
	 * what becomes of the partitions. */
	if (!token)
		return;
	count = engine_collect_marks(engine);
	if (count == 0) {
		engine->source_ops->free_group_token(engine->source, token);
		engine->txn_state = TXN_OPEN;
		begin_interval(engine);
		/* It holds nothing: what it was opened for was refused. It waits for something else. */
		if (engine->txn_records == 0)
			engine->txn_deadline_us = CLOCK_NEVER;
		return;
	}
	FAULT_POINT("after-txn-reports");
	engine->txn_state = TXN_COMMITTING;
	engine->txn_token = token;
	engine->txn_mark_count = count;
	engine->commit_sent_us = engine->now_us;
	engine->sink_ops->txn_commit(engine->sink, engine->marks, count, token);
}

static bool transaction_is_due(const struct engine *engine)
{
	return engine->txn_records >= engine->config.commit_records || engine->now_us >= engine->txn_deadline_us ||
	       somebody_waits(engine);
}

/* A mark that moved past markers, compacted or skipped records alone is committed too, in a transaction without
 * records. */
static void open_for_positions(struct engine *engine)
{
	bool waits = engine->txn_state == TXN_OPEN && engine->txn_deadline_us == CLOCK_NEVER;

	for (uint32_t i = 0; i < engine->part_count && (waits || engine->txn_state == TXN_NONE); i++) {
		const struct part *part = &engine->parts[i];

		if (!part->tracker || offset_tracker_mark(part->tracker) <= part->committed)
			continue;
		if (!open_transaction(engine))
			return;
		if (waits)
			begin_interval(engine);
		waits = false;
	}
}

static void tick(struct engine *engine)
{
	open_for_positions(engine);
	if (engine->txn_state == TXN_OPEN && transaction_is_due(engine))
		engine->txn_state = TXN_CLOSING;
	if (engine->txn_state == TXN_CLOSING && engine->in_flight == 0 && engine->sink_state == SINK_OPEN)
		commit_transaction(engine);
}

static int64_t deadline_us(const struct engine *engine)
{
	return engine->txn_state == TXN_OPEN ? engine->txn_deadline_us : CLOCK_NEVER;
}

static int64_t commit_offset(const struct part *part)
{
	return offset_tracker_mark(part->tracker);
}

static bool is_settled(const struct engine *engine, const struct part *part)
{
	return commit_offset(part) <= part->committed;
}

/* The transaction is known not to have been committed: all of it is sent again, in order. */
static void send_again(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];

		if (!part->tracker)
			continue;
		part->commit_sent = -1;
		offset_tracker_rewind(part->tracker, true);
	}
}

/* Forgets what is in memory, and lets the source read again from what the group has committed. */
static void read_again(struct engine *engine, struct part *part)
{
	if (!part->tracker)
		return;
	engine_end_epoch(engine, part);
	part->tracker = offset_tracker_new(part->committed, part->next_seq);
	part->submitted_end = part->committed;
	part->epoch = 0;
	if (part->state == PART_READING || part->state == PART_BLOCKED)
		engine->source_ops->rewind(engine->source, part->number, false);
}

/* An epoch that began while the transaction was being committed may have begun before its offsets. */
static void read_overtaken_again(struct engine *engine)
{
	for (size_t i = 0; i < engine->txn_mark_count; i++) {
		struct part *part = &engine->parts[engine->marks[i].part];

		if (part->epoch != engine->marks[i].epoch)
			read_again(engine, part);
	}
}

/* It waits for a person at the record that it would be read again from, and had nothing in the transaction. Read again, it
 * would have to be found out once more, at the cost of some transactions of all partitions. */
static bool stays_blocked(const struct part *part)
{
	return part->state == PART_BLOCKED && !part->blocked_by_source && part->commit_sent < 0 && !part->ended &&
	       offset_tracker_in_flight(part->tracker) == 0 && part->blocked_at == part->committed;
}

static void on_sink_ready(struct engine *engine)
{
	engine->txn_state = TXN_NONE;
	if (engine->txn_rewind)
		FAULT_POINT("after-unknown-before-rewind");
	/* Nobody knows what became of the transaction: never go on from memory. */
	for (uint32_t i = 0; engine->txn_rewind && i < engine->part_count; i++)
		if (!stays_blocked(&engine->parts[i]))
			read_again(engine, &engine->parts[i]);
	if (!engine->txn_rewind)
		send_again(engine);
	engine->txn_rewind = false;
}

static void on_epoch_end(struct engine *engine, struct part *part)
{
	bool in_transaction = engine->txn_state == TXN_OPEN || engine->txn_state == TXN_CLOSING;

	/* A transaction that holds a record of an ended epoch must not be committed. */
	if (in_transaction && (offset_tracker_mark(part->tracker) > part->committed ||
				  offset_tracker_in_flight(part->tracker) > 0))
		engine_recover(engine, false);
}

static void on_committed(struct engine *engine, struct part *part)
{
	struct release_context context = { .engine = engine, .part = part, .for_good = true };

	offset_tracker_release(part->tracker, part->committed, engine_release_slot, &context);
}

void engine_on_txn_done(struct engine *engine, enum txn_outcome outcome, const struct error *err)
{
	if (engine->txn_state != TXN_COMMITTING)
		return;
	engine->txn_state = TXN_NONE;
	engine->source_ops->free_group_token(engine->source, engine->txn_token);
	engine->txn_token = NULL;
	switch (outcome) {
	case TXN_COMMITTED:
		FAULT_POINT("after-txn-committed");
		engine->counters.transactions_committed++;
		backoff_reset(&engine->sink_backoff);
		histogram_add(&engine->latencies.transaction, engine->now_us - engine->commit_sent_us);
		engine_take_answers(engine, engine->marks, engine->txn_mark_count);
		read_overtaken_again(engine);
		break;
	case TXN_ABORTED:
		/* With another producer: a request of this one to end the transaction may come late, and would end the
		 * next one. Only another epoch refuses it. */
		engine->counters.transactions_aborted++;
		engine->host_ops->trouble(engine->host, UINT32_MAX, -1, err);
		send_again(engine);
		engine_recover(engine, true);
		break;
	case TXN_UNKNOWN:
		engine->counters.transactions_unknown++;
		engine->host_ops->trouble(engine->host, UINT32_MAX, -1, err);
		engine->txn_rewind = true;
		engine_recover(engine, true);
		break;
	}
}

const struct strategy strategy_exactly_once = {
	.may_submit = may_submit,
	.could_submit = could_submit,
	.on_chunk = on_chunk,
	.read_room = read_room,
	.settle = settle,
	.on_failed = engine_send_again,
	.on_late_failed = on_late_failed,
	.on_refused = engine_block_refused,
	.stop_reading = engine_keep_submitted,
	.on_submitted = on_submitted,
	.tick = tick,
	.deadline_us = deadline_us,
	.is_settled = is_settled,
	.on_sink_ready = on_sink_ready,
	.on_epoch_end = on_epoch_end,
	.commit_offset = commit_offset,
	.on_committed = on_committed,
};
