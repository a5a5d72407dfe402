#include "relay/engine_internal.h"
#include <errno.h>
#include <stdlib.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/memory.h"

/* After its bound a drain waits this long for the answer of a commit that is on its way. */
static const int64_t final_commit_grace_us = 2 * USEC_PER_SEC;

static const struct strategy *strategy_of(enum delivery delivery)
{
	switch (delivery) {
	case DELIVERY_AT_MOST_ONCE:
		return &strategy_at_most_once;
	case DELIVERY_AT_LEAST_ONCE:
		return &strategy_at_least_once;
	case DELIVERY_EXACTLY_ONCE:
		return &strategy_exactly_once;
	}
	return NULL;
}

struct engine *engine_new(const struct engine_config *config, const struct source_ops *source_ops, void *source,
    const struct sink_ops *sink_ops, void *sink, const struct engine_host_ops *host_ops, void *host)
{
	struct engine *engine = xcalloc(1, sizeof *engine);

	engine->config = *config;
	engine->strategy = strategy_of(config->delivery);
	engine->source_ops = source_ops;
	engine->source = source;
	engine->sink_ops = sink_ops;
	engine->sink = sink;
	engine->host_ops = host_ops;
	engine->host = host;
	engine->sink_state = config->sink_says_ready ? SINK_RECREATING : SINK_OPEN;
	engine->sink_backoff = (struct backoff){ .base_ms = 50, .cap_ms = 10000, .seed = config->seed };
	engine->drain_clean = true;
	engine->drain_deadline_us = CLOCK_NEVER;
	rate_limit_init(&engine->rate, config->limits.rate_records, config->limits.rate_bytes);
	commit_policy_init(&engine->commit_policy, config->commit_records, config->commit_interval_us, config->seed);
	return engine;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	engine->sink_state = SINK_CLOSED;
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];

		engine_end_epoch(engine, part);
		while (part->ended) {
			struct ended_epoch *ended = TAKE_PTR(part->ended);

			part->ended = ended->next;
			/* The sink is gone: what it never reported is not in flight any more. */
			offset_tracker_forget_flight(ended->tracker);
			engine_release_all(engine, part, ended->tracker);
			offset_tracker_free(ended->tracker);
			free(ended);
		}
		engine_clear_blocked(part);
		free(part->order);
	}
	if (engine->txn_token)
		engine->source_ops->free_group_token(engine->source, engine->txn_token);
	free(engine->marks);
	free(engine->parts);
	free(engine);
}

/* ---- submitting ---- */

/* The sink took nothing and says why. */
static void submit_refused(struct engine *engine, struct part *part, const struct offset_slot *slot, uint64_t seq,
    enum report_outcome outcome, const struct error *err)
{
	engine->counters.failed_reports++;
	/* What waited for the room that it took, or for the end of its search, may go on: no report will come that says so. */
	engine->more = engine->more || engine->reading_waits || engine->isolating;
	switch (outcome) {
	case REPORT_REFUSED:
		/* Said of this very record, before it was mixed with others: no search is needed. */
		engine_refused(engine, part, seq, err);
		break;
	case REPORT_STOP:
		engine_stopped(engine, part, seq, err);
		break;
	default:
		engine->host_ops->trouble(engine->host, part->number, slot->first, err);
		engine_recover(engine, true);
		break;
	}
}

/* Hands the slot to the sink, whichever way it goes. */
static int send_slot(struct engine *engine, struct part *part, const struct offset_slot *slot, uint64_t handle,
    enum report_outcome *outcome, struct error *err)
{
	if (!slot->fault)
		return engine->sink_ops->submit(engine->sink, handle, part->number, slot->payload, outcome, err);
	return engine->sink_ops->dead_letter(engine->sink, handle, part->number, slot->payload, &slot->fault->reason,
	    outcome, err);
}

void engine_pump(struct engine *engine, struct part *part)
{
	uint64_t seq;
	struct offset_slot *slot;

	while (engine->sink_state == SINK_OPEN && !engine->sink_full && part->tracker && !part->purged &&
	       engine_isolation_allows(engine, part) &&
	       (!part_goes_singly(engine, part) || offset_tracker_in_flight(part->tracker) == 0) &&
	       (slot = offset_tracker_next_waiting(part->tracker, &seq)) != NULL &&
	       !part_is_blocked_at(part, slot) && engine->strategy->may_submit(engine, part, slot)) {
		uint64_t handle = handle_make(part->number, seq);
		enum report_outcome outcome = REPORT_RETRY;
		struct error err;
		int r;

		if (slot->fault && slot->fault->policy == ON_ERROR_SKIP) {
			offset_tracker_settle(part->tracker, seq);
			part->dirty = true;
			engine->more = true; /* no report will come that lets the next ones in */
			FAULT_POINT("after-skip");
			continue;
		}
		error_clear(&err);
		r = send_slot(engine, part, slot, handle, &outcome, &err);
		if (r == -EAGAIN) {
			engine->sink_full = true;
			return;
		}
		if (r < 0) {
			submit_refused(engine, part, slot, seq, outcome, &err);
			continue;
		}
		if (slot->maybe_written || slot->first < part->sent_before) {
			engine->counters.repeated_records += slot->records;
			slot->maybe_written = false;
		}
		offset_tracker_submitted(part->tracker, seq);
		slot->outcome = REPORT_ACKED;
		if (slot->next > part->submitted_end)
			part->submitted_end = slot->next;
		engine->counters.submitted_records += slot->records;
		engine->in_flight++;
		engine->in_flight_bytes += slot->bytes;
		engine->strategy->on_submitted(engine, part, slot);
		FAULT_POINT(slot->fault ? "after-dead-letter-produce" : "after-produce");
		if (engine->isolating == part)
			engine_isolation_submitted(engine, slot, handle);
	}
}

/* ---- the step ---- */

/* What one partition may hold while all together hold so much. Each slow one takes half of what the others have left
 * (dynamic thresholds, as in switches whose ports share a buffer), so that there is always room for one more. */
static uint64_t partition_window(uint64_t partition_limit, uint64_t limit, uint64_t held)
{
	uint64_t left = held < limit ? limit - held : 0;

	return partition_limit < limit && left < partition_limit ? left : partition_limit;
}

static uint64_t records_allowed(const struct engine *engine)
{
	const struct engine_limits *limits = &engine->config.limits;

	return partition_window(limits->partition_window_records, limits->window_records, engine->held_records);
}

bool engine_window_is_full(const struct engine *engine, const struct part *part)
{
	const struct engine_limits *limits = &engine->config.limits;

	return engine->held_bytes >= limits->window_bytes || engine->held_records >= limits->window_records ||
	       part->held_bytes >=
		   partition_window(limits->partition_window_bytes, limits->window_bytes, engine->held_bytes) ||
	       part->held_records >= records_allowed(engine);
}

/* How many records may be read of a partition now. */
static uint32_t window_room(const struct engine *engine, const struct part *part)
{
	const struct engine_limits *limits = &engine->config.limits;
	uint64_t room = limits->fetch_burst;

	if (engine_window_is_full(engine, part))
		return 0;
	if (room > limits->window_records - engine->held_records)
		room = limits->window_records - engine->held_records;
	if (room > records_allowed(engine) - part->held_records)
		room = records_allowed(engine) - part->held_records;
	return (uint32_t)engine->strategy->read_room(engine, part, room);
}

/* Bytes can only be checked between records: ask for few when the window is nearly full. */
enum { FETCH_SLICE = 64 };

static void read_partition(struct engine *engine, struct part *part)
{
	uint32_t taken = 0;

	while (taken < engine->config.limits.fetch_burst) {
		uint32_t room = window_room(engine, part);
		uint64_t allowed;
		uint32_t got;

		engine->reading_waits = engine->reading_waits || room == 0;
		if (room == 0 || engine->sink_full || part->state != PART_READING || engine->draining ||
		    engine->paused || engine->sink_state != SINK_OPEN || engine->isolating)
			return;
		allowed = rate_limit_room(&engine->rate, engine->now_us);
		if (allowed == 0) {
			/* It has had the last of it: the next one's turn, when there is room again. */
			if (taken > 0)
				engine->first_part = part->number;
			engine->rate_reached = true;
			return;
		}
		if (room > allowed)
			room = (uint32_t)allowed;
		if (room > FETCH_SLICE)
			room = FETCH_SLICE;
		got = engine->source_ops->fetch(engine->source, part->number, room);
		taken += got;
		if (got < room)
			return;
	}
	engine->more = true;
}

static void read_and_submit(struct engine *engine)
{
	if (engine->part_count == 0)
		return;
	engine->rate_reached = false;
	/* A step without room to read is nobody's turn. */
	if (rate_limit_room(&engine->rate, engine->now_us) > 0 && ++engine->first_part >= engine->part_count)
		engine->first_part = 0;
	for (uint32_t i = 0; i < engine->part_count; i++) {
		uint32_t number = engine->first_part + i;
		struct part *part;

		if (number >= engine->part_count)
			number -= engine->part_count;
		part = &engine->parts[number];
		if (!part->tracker)
			continue;
		engine_pump(engine, part);
		if (part->state == PART_READING)
			read_partition(engine, part);
	}
}

static void settle_parts(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];

		if (!part->dirty)
			continue;
		part->dirty = false;
		engine->strategy->settle(engine, part);
	}
}

/* Is anything of it on its way, of earlier epochs too? */
static bool has_flight(const struct part *part)
{
	return part->ended || offset_tracker_in_flight(part->tracker) > 0;
}

/* It waits for a commit that cannot come: nobody sends it, nor reads it again. */
static bool waits_in_vain(const struct engine *engine, const struct part *part, const struct offset_slot *slot)
{
	return part->gone && !engine->strategy->could_submit(engine, part, slot);
}

/* Has it records that are to be settled, and can they still be? */
static bool has_unsettled(const struct engine *engine, const struct part *part)
{
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(part->tracker);

	return oldest && !part_is_blocked_at(part, oldest) && !waits_in_vain(engine, part, oldest);
}

/* Will whoever reads this partition next see something again that has been sent? */
static bool leaves_repeats(const struct engine *engine, const struct part *part)
{
	return has_unsettled(engine, part) || !engine->strategy->is_settled(engine, part);
}

static void release_partition(struct engine *engine, struct part *part)
{
	if (engine->draining && leaves_repeats(engine, part))
		engine->drain_clean = false;
	if (engine->draining && part->blocked)
		engine->left_blocked++;
	engine_unblock_drop(engine, part, UNBLOCK_GIVEN_UP);
	engine_clear_blocked(part);
	engine_end_epoch(engine, part);
	part->state = PART_UNASSIGNED;
	FAULT_POINT("before-release");
	engine->source_ops->release_partition(engine->source, part->number);
	FAULT_POINT("after-release");
}

/* The bound of a revoke or of the drain has passed: nothing more is waited for but the reports of what is
 * given up now, and for a moment the answer of a commit that is on its way. */
static void run_out(struct engine *engine, struct part *part, int64_t deadline_us)
{
	if (!part->purged) {
		part->purged = true;
		engine->counters.revoke_timeouts++;
		if (has_flight(part))
			engine_give_up_flight(engine);
	}
	if (has_flight(part))
		return;
	if (engine->now_us >= clock_after_us(deadline_us, final_commit_grace_us) ||
	    (part->commit_sent < 0 && engine->strategy->is_settled(engine, part)))
		release_partition(engine, part);
}

/* Is nothing more of it settled or committed, whatever is waited for? Where the sink has failed for good nothing can be
 * sent any more, nor a transaction be committed; what the source may still commit is waited for. */
static bool is_finished(const struct engine *engine, const struct part *part)
{
	if (engine->strategy->is_settled(engine, part))
		return true;
	return engine->sink_state == SINK_CLOSED && (engine->config.delivery == DELIVERY_EXACTLY_ONCE ||
							engine->strategy->commit_offset(part) <= part->committed);
}

static void stop_parts(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];
		int64_t deadline_us = CLOCK_NEVER;

		if (!part_is_stopping(engine, part))
			continue;
		if (part->state == PART_REVOKING)
			deadline_us = part->revoke_deadline_us;
		if (engine->draining && engine->drain_deadline_us < deadline_us)
			deadline_us = engine->drain_deadline_us;
		if (engine->now_us >= deadline_us)
			run_out(engine, part, deadline_us);
		else if (!has_flight(part) && part->commit_sent < 0 &&
			 (engine->sink_state == SINK_CLOSED || !has_unsettled(engine, part)) &&
			 is_finished(engine, part))
			release_partition(engine, part);
	}
}

static void check_drained(struct engine *engine)
{
	if (!engine->draining || engine->drained || engine->in_flight > 0)
		return;
	if (engine->commit_outstanding &&
	    engine->now_us < clock_after_us(engine->drain_deadline_us, final_commit_grace_us))
		return;
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].state != PART_UNASSIGNED)
			return;
	/* What was lost with its partition and not committed since: whoever reads it next repeats it. */
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].repeats_until > engine->parts[i].committed)
			engine->drain_clean = false;
	engine->drained = true;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_deadline(const struct engine *engine)
{
	int64_t deadline_us;

	if (engine->more || engine_recovery_is_due(engine))
		return engine->now_us;
	deadline_us = engine->strategy->deadline_us(engine);
	if (engine->sink_state == SINK_WAITING)
		deadline_us = earlier(deadline_us, engine->sink_retry_us);
	if (engine->sink_state == SINK_PURGING)
		deadline_us = earlier(deadline_us, engine->purge_deadline_us);
	if (engine->rate_reached)
		deadline_us = earlier(deadline_us, rate_limit_next_us(&engine->rate));
	for (uint32_t i = 0; i < engine->part_count; i++) {
		const struct part *part = &engine->parts[i];
		int64_t bound_us = CLOCK_NEVER;

		if (!part_is_stopping(engine, part))
			continue;
		if (part->state == PART_REVOKING)
			bound_us = part->revoke_deadline_us;
		if (engine->draining)
			bound_us = earlier(bound_us, engine->drain_deadline_us);
		deadline_us = earlier(deadline_us,
		    engine->now_us >= bound_us ? clock_after_us(bound_us, final_commit_grace_us) : bound_us);
	}
	if (engine->draining && engine->commit_outstanding)
		deadline_us = earlier(deadline_us, clock_after_us(engine->drain_deadline_us, final_commit_grace_us));
	/* A deadline that has passed and could not be served now is looked at again soon, not at once. */
	if (deadline_us <= engine->now_us)
		deadline_us = engine->now_us + USEC_PER_MSEC;
	return deadline_us;
}

int64_t engine_step(struct engine *engine, int64_t now_us)
{
	engine->now_us = now_us;
	engine->more = engine->reading_waits = false;

	engine->sink_ops->serve(engine->sink);
	engine->source_ops->serve(engine->source);
	settle_parts(engine);
	engine_isolation_step(engine);
	engine_unblock_step(engine);
	engine_recovery_step(engine);
	read_and_submit(engine);
	settle_parts(engine);
	engine->strategy->tick(engine);
	engine_unblock_step(engine);
	stop_parts(engine);
	check_drained(engine);
	return next_deadline(engine);
}

void engine_pause(struct engine *engine, bool paused)
{
	engine->paused = paused;
}

bool engine_is_at_rest(const struct engine *engine)
{
	if (!engine->paused || engine->in_flight > 0 || engine->commit_outstanding)
		return false;
	for (uint32_t i = 0; i < engine->part_count; i++) {
		const struct part *part = &engine->parts[i];

		if (part->tracker && (offset_tracker_unsettled(part->tracker) > 0 ||
					 !engine->strategy->is_settled(engine, part)))
			return false;
	}
	return true;
}

void engine_drain(struct engine *engine, int64_t deadline_us)
{
	if (deadline_us < engine->drain_deadline_us)
		engine->drain_deadline_us = deadline_us;
	if (engine->draining)
		return;
	engine->draining = true;
	for (uint32_t i = 0; i < engine->part_count; i++)
		if (engine->parts[i].state != PART_UNASSIGNED)
			engine->strategy->stop_reading(engine, &engine->parts[i]);
}

bool engine_is_drained(const struct engine *engine)
{
	return engine->drained;
}

bool engine_drain_was_clean(const struct engine *engine)
{
	return engine->drain_clean;
}

uint32_t engine_left_blocked(const struct engine *engine)
{
	return engine->left_blocked;
}
