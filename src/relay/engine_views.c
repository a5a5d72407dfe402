/* What the owner of an engine can see of it. */
#include "relay/engine_internal.h"
#include "base/clock.h"

const struct engine_counters *engine_counters(const struct engine *engine)
{
	return &engine->counters;
}

const struct engine_latencies *engine_latencies(const struct engine *engine)
{
	return &engine->latencies;
}

uint32_t engine_part_count(const struct engine *engine)
{
	return engine->part_count;
}

void engine_part_view(const struct engine *engine, uint32_t number, struct part_view *view)
{
	const struct part *part = &engine->parts[number];
	const struct offset_slot *oldest = NULL;

	*view = (struct part_view){ .state = part->state, .committed = part->committed,
		.mark = -1, .end = -1, .oldest_unsettled = -1, .oldest_unsettled_us = CLOCK_NEVER,
		.blocked = part->blocked, .blocked_at = part->blocked ? part->blocked_at : -1 };
	view->blocked_by = engine_blocked_by(part);
	view->order = part->order ? part->order->number : 0;
	view->order_done = part->order_done;
	view->order_failed = part->order_failed;
	if (!part->tracker)
		return;
	view->mark = offset_tracker_mark(part->tracker);
	view->end = offset_tracker_end(part->tracker);
	view->kept = offset_tracker_kept(part->tracker);
	view->in_flight = offset_tracker_in_flight(part->tracker);
	oldest = offset_tracker_oldest_unsettled(part->tracker);
	if (oldest) {
		view->oldest_unsettled = oldest->first;
		view->oldest_unsettled_us = oldest->fetched_us;
	}
}

/* A commit that is due is sent, and answered, within this. */
static const int64_t commit_answer_us = 5 * USEC_PER_SEC;

void engine_part_facts(const struct engine *engine, uint32_t number, struct partition_facts *facts)
{
	const struct part *part = &engine->parts[number];
	const struct offset_slot *oldest = part->tracker ? offset_tracker_oldest_unsettled(part->tracker) : NULL;

	*facts = (struct partition_facts){
		.blocked = part->state == PART_BLOCKED,
		.stopping = part_is_stopping(engine, part),
		.paused = engine->paused,
		.positioned = true,
		.producer_open = engine->sink_state == SINK_OPEN,
		.producer_full = engine->sink_full,
		.searching = engine->isolating && !engine_isolation_allows(engine, part),
		.unsettled = oldest != NULL,
		.oldest_in_flight = oldest && oldest->state == SLOT_IN_FLIGHT,
		.oldest_may_be_sent = oldest && engine->strategy->could_submit(engine, part, oldest),
		.uncommitted = part->tracker && engine->strategy->commit_offset(part) > part->committed,
		.in_transactions = engine->config.delivery == DELIVERY_EXACTLY_ONCE,
		.window_full = engine_window_is_full(engine, part),
		.rate_reached = engine->rate_reached,
		.lag = -1,
		.commit_patience_us = clock_after_us(engine->config.commit_interval_us, commit_answer_us),
	};
	facts->commit_gates_reading = part->tracker && engine->strategy->read_room(engine, part, 1) == 0;
}

bool engine_sink_is_open(const struct engine *engine)
{
	return engine->sink_state == SINK_OPEN;
}

int64_t engine_sent_until(const struct engine *engine, uint32_t number)
{
	const struct part *part = &engine->parts[number];

	return part->sent_before > part->submitted_end ? part->sent_before : part->submitted_end;
}

uint64_t engine_held_bytes(const struct engine *engine)
{
	return engine->held_bytes;
}

uint64_t engine_held_records(const struct engine *engine)
{
	return engine->held_records;
}

uint64_t engine_in_flight_records(const struct engine *engine)
{
	return engine->in_flight;
}

uint64_t engine_in_flight_bytes(const struct engine *engine)
{
	return engine->in_flight_bytes;
}
