#include "relay/engine_internal.h"
#include "base/clock.h"
#include "base/fault_point.h"

/* What is in flight with a request that has failed may well be answered: what is acknowledged need not be sent again,
 * and with at_most_once it would be lost. An answer that does not come within this time is not waited for. */
static const int64_t answer_patience_us = 2 * USEC_PER_SEC;

static void begin_purge(struct engine *engine)
{
	/* A transaction is given up as a whole. */
	bool all = engine->config.delivery == DELIVERY_EXACTLY_ONCE;

	engine->purge_deadline_us = all ? CLOCK_NEVER : clock_after_us(engine->now_us, answer_patience_us);
	/* One that is being committed has nothing in flight, and its outcome is awaited. */
	if (engine->txn_state != TXN_COMMITTING)
		engine->sink_ops->purge(engine->sink, all);
}

void engine_give_up_flight(struct engine *engine)
{
	engine_recover(engine, false);
	if (engine->sink_state != SINK_PURGING || engine->purge_deadline_us == CLOCK_NEVER)
		return;
	engine->purge_deadline_us = CLOCK_NEVER;
	engine->sink_ops->purge(engine->sink, true);
}

void engine_recover(struct engine *engine, bool backing_off)
{
	int64_t retry_us = engine->now_us;

	if (engine->sink_state == SINK_CLOSED || engine->sink_state == SINK_WAITING)
		return;
	if (backing_off && engine->sink_state != SINK_PURGING)
		retry_us = clock_after_us(retry_us, backoff_next_ms(&engine->sink_backoff) * USEC_PER_MSEC);
	switch (engine->sink_state) {
	case SINK_OPEN:
		engine->sink_state = SINK_PURGING;
		engine->sink_retry_us = retry_us;
		begin_purge(engine);
		break;
	case SINK_PURGING:
		break;
	case SINK_RECREATING:
		/* The new one failed before it was ready. */
		engine->sink_state = SINK_WAITING;
		engine->sink_retry_us = retry_us;
		break;
	default:
		break;
	}
}

bool engine_recovery_is_due(const struct engine *engine)
{
	return engine->sink_state == SINK_PURGING && engine->in_flight == 0 && engine->txn_state != TXN_COMMITTING;
}

void engine_recovery_step(struct engine *engine)
{
	if (engine->sink_state == SINK_PURGING && engine->now_us >= engine->purge_deadline_us)
		engine_give_up_flight(engine);
	if (engine_recovery_is_due(engine))
		engine->sink_state = SINK_WAITING;
	if (engine->sink_state == SINK_WAITING &&
	    (engine->sink_failed || (engine->draining && engine->now_us >= engine->drain_deadline_us)))
		engine->sink_state = SINK_CLOSED;
	if (engine->sink_state == SINK_WAITING && engine->now_us >= engine->sink_retry_us) {
		engine->sink_state = SINK_RECREATING;
		engine->counters.sink_recreations++;
		FAULT_POINT("before-recreate");
		engine->sink_ops->recreate(engine->sink);
	}
}

void engine_on_sink_ready(struct engine *engine)
{
	if (engine->sink_state != SINK_RECREATING)
		return;
	engine->sink_state = SINK_OPEN;
	engine->sink_full = false;
	engine->alone = 0;
	for (uint32_t i = 0; i < engine->part_count; i++)
		engine->parts[i].is_acknowledged = false;
	FAULT_POINT("after-recreate");
	engine->strategy->on_sink_ready(engine);
	engine_isolation_choose(engine);
}

/* ---- what the deliveries that send again have in common ---- */

void engine_send_again(struct engine *engine, struct part *part, uint64_t seq, enum report_outcome outcome,
    const struct error *err)
{
	const struct offset_slot *slot = offset_tracker_slot(part->tracker, seq);

	switch (outcome) {
	case REPORT_REFUSED:
		/* Behind a record at which its partition has stopped nothing is sent any more: there is nothing to seek. */
		if (part_is_blocked_at(part, slot))
			engine_recover(engine, false);
		else
			engine_suspect(engine, part, seq, err);
		break;
	case REPORT_STOP:
		engine_stopped(engine, part, seq, err);
		break;
	default:
		if (engine->sink_state == SINK_OPEN)
			engine->host_ops->trouble(engine->host, part->number, slot->first, err);
		engine_recover(engine, true);
		break;
	}
}

void engine_keep_submitted(struct engine *engine, struct part *part)
{
	/* What has been sent once is sent until it is settled: else its next owner repeats what may be written. */
	engine_drop_tail(engine, part, part->submitted_end);
}
