/* What the owner of an engine can see of it. */
#include "relay/engine_internal.h"
#include "base/clock.h"

const struct engine_counters *engine_counters(const struct engine *engine)
{
	return &engine->counters;
}

const struct histogram *engine_latency(const struct engine *engine)
{
	return &engine->latency;
}

const struct histogram *engine_commit_latency(const struct engine *engine)
{
	return &engine->commit_latency;
}

uint32_t engine_part_count(const struct engine *engine)
{
	return engine->part_count;
}

void engine_part_view(const struct engine *engine, uint32_t number, struct part_view *view)
{
	const struct part *part = &engine->parts[number];
	const struct offset_slot *oldest = NULL;

	*view = (struct part_view){ .state = part->state, .epoch = part->epoch, .committed = part->committed,
		.mark = -1, .end = -1, .oldest_unsettled = -1, .oldest_unsettled_us = CLOCK_NEVER,
		.blocked = part->blocked, .blocked_at = part->blocked ? part->blocked_at : -1 };
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

bool engine_sink_is_open(const struct engine *engine)
{
	return engine->sink_state == SINK_OPEN;
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
