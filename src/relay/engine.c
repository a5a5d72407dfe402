#include "relay/engine_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/cleanup.h"
#include "base/clock.h"
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
	engine->sink_state = SINK_OPEN;
	engine->sink_backoff = (struct backoff){ .base_ms = 50, .cap_ms = 10000, .seed = config->seed };
	engine->drain_clean = true;
	engine->drain_deadline_us = CLOCK_NEVER;
	commit_policy_init(&engine->commit_policy, config->commit_records, config->commit_interval_us, config->seed);
	return engine;
}

/* ---- chunks and epochs ---- */

void engine_release_slot(void *context, struct offset_slot *slot)
{
	struct release_context *release = context;
	struct engine *engine = release->engine;

	release->records += slot->records;
	release->part->held_records -= slot->records;
	release->part->held_bytes -= slot->bytes;
	engine->held_records -= slot->records;
	engine->held_bytes -= slot->bytes;
	engine->source_ops->release_chunk(engine->source, slot->payload);
}

/* Releases every slot of a tracker that has nothing in flight, settled or not. */
static void release_all(struct engine *engine, struct part *part, struct offset_tracker *tracker)
{
	struct release_context context = { .engine = engine, .part = part };
	uint64_t seq;

	/* What waits belongs to an ended epoch: nobody will commit the mark that moves here. */
	offset_tracker_rewind(tracker, false);
	while (offset_tracker_next_waiting(tracker, &seq))
		offset_tracker_settle(tracker, seq);
	offset_tracker_release(tracker, INT64_MAX, engine_release_slot, &context);
}

uint64_t engine_drop_tail(struct engine *engine, struct part *part, int64_t from)
{
	struct release_context context = { .engine = engine, .part = part };

	if (part->tracker)
		offset_tracker_truncate(part->tracker, from, engine_release_slot, &context);
	return context.records;
}

void engine_end_epoch(struct engine *engine, struct part *part)
{
	struct offset_tracker *tracker = part->tracker;

	if (!tracker)
		return;
	engine->strategy->on_epoch_end(engine, part);
	part->tracker = NULL;
	part->next_seq = offset_tracker_tail_seq(tracker);
	part->suspect_until = 0;
	part->commit_sent = -1;
	part->dirty = false;
	if (engine->isolating == part)
		engine->isolating = NULL;
	if (offset_tracker_in_flight(tracker) == 0) {
		release_all(engine, part, tracker);
		offset_tracker_free(tracker);
	} else {
		struct ended_epoch *ended = xcalloc(1, sizeof *ended);

		ended->tracker = tracker;
		ended->next = part->ended;
		part->ended = ended;
	}
}

static void clear_blocked(struct part *part)
{
	free(part->blocked);
	part->blocked = NULL;
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
			release_all(engine, part, ended->tracker);
			offset_tracker_free(ended->tracker);
			free(ended);
		}
		clear_blocked(part);
	}
	if (engine->txn_token)
		engine->source_ops->free_group_token(engine->source, engine->txn_token);
	free(engine->marks);
	free(engine->parts);
	free(engine);
}

static struct part *part_at(struct engine *engine, uint32_t number)
{
	if (number >= PARTS_MAX)
		return NULL;
	if (number >= engine->part_capacity) {
		ptrdiff_t isolating = engine->isolating ? engine->isolating - engine->parts : -1;
		uint32_t capacity = engine->part_capacity ? engine->part_capacity : 16;

		while (capacity <= number)
			capacity *= 2;
		engine->parts = xreallocarray(engine->parts, capacity, sizeof *engine->parts);
		engine->part_capacity = capacity;
		engine->isolating = isolating >= 0 ? &engine->parts[isolating] : NULL;
	}
	while (engine->part_count <= number) {
		struct part *part = &engine->parts[engine->part_count];

		/* Sequence numbers begin at 1, so that no handle is 0. */
		*part = (struct part){ .number = engine->part_count, .state = PART_UNASSIGNED, .next_seq = 1,
			.committed = -1, .commit_sent = -1 };
		engine->part_count++;
	}
	return &engine->parts[number];
}

static struct part *known_part(struct engine *engine, uint32_t number)
{
	return number < engine->part_count ? &engine->parts[number] : NULL;
}

/* ---- faults that the owner must hear of ---- */

void engine_fail(struct engine *engine, const struct error *err)
{
	if (engine->failed)
		return;
	engine->failed = true;
	engine_recover(engine, false);
	engine->host_ops->failed(engine->host, err);
}

void engine_block(struct engine *engine, struct part *part, int64_t offset, const struct error *err)
{
	if (part->state == PART_UNASSIGNED)
		return;
	if (!part->blocked)
		part->blocked = xcalloc(1, sizeof *part->blocked);
	*part->blocked = *err;
	part->blocked_at = offset;
	part->blocked_by_source = false;
	part->suspect_until = 0;
	if (part->state == PART_READING)
		part->state = PART_BLOCKED;
	/* What lies before it is still relayed. */
	engine_drop_tail(engine, part, offset);
	engine->host_ops->partition_blocked(engine->host, part->number, offset, err);
}

/* ---- events of the source ---- */

void engine_on_assigned(struct engine *engine, uint32_t number, uint64_t epoch, int64_t position)
{
	struct part *part = part_at(engine, number);

	if (!part) {
		struct error err;

		error_set(&err, -E2BIG, REMEDY_PERSON,
		    "more than %" PRIu32 " partitions in one pipeline; split its topics over several pipelines",
		    PARTS_MAX);
		engine_fail(engine, &err);
		return;
	}
	engine->drained = false;
	if (part->state == PART_BLOCKED && !part->blocked_by_source && position > part->blocked_at) {
		/* A gap was crossed, and the record that waits for a person lies before it: it still does. */
		part->epoch = epoch;
		return;
	}
	if (part->state == PART_READING && position >= offset_tracker_end(part->tracker)) {
		/* Reading goes on further ahead (a gap was crossed on purpose). What is in flight still holds the
		 * mark, so the ring stays: a new one would let a commit pass unsettled records. And the position is
		 * committed once the mark has reached it. */
		part->epoch = epoch;
		offset_tracker_position(part->tracker, position);
		part->dirty = true;
		return;
	}
	engine_end_epoch(engine, part);
	clear_blocked(part);
	part->state = PART_READING;
	part->epoch = epoch;
	part->tracker = offset_tracker_new(position, part->next_seq);
	part->committed = part->submitted_end = position;
	part->commit_sent = -1;
	part->appended_records = part->settled_records = part->sent_records = part->committed_records = 0;
	part->purged = false;
	engine->counters.assigned_partitions++;
	if (engine->draining)
		engine->strategy->stop_reading(engine, part);
}

void engine_on_chunk(struct engine *engine, const struct chunk *chunk)
{
	struct part *part = known_part(engine, chunk->part);
	struct offset_slot *slot = NULL;

	if (part && part->state == PART_READING && part->epoch == chunk->epoch && !engine->draining)
		slot = offset_tracker_append(part->tracker, chunk->first, chunk->next);
	if (!slot) {
		engine->counters.dropped_records += chunk->records;
		engine->source_ops->release_chunk(engine->source, chunk->payload);
		return;
	}
	slot->payload = chunk->payload;
	slot->records = chunk->records;
	slot->bytes = chunk->bytes;
	slot->leader_epoch = chunk->leader_epoch;
	slot->fetched_us = engine->now_us;
	part->appended_records += chunk->records;
	part->held_records += chunk->records;
	part->held_bytes += chunk->bytes;
	engine->held_records += chunk->records;
	engine->held_bytes += chunk->bytes;
	engine->counters.consumed_records += chunk->records;
	engine->counters.consumed_bytes += chunk->bytes;
	engine->strategy->on_chunk(engine, part, slot);
	if (!engine->sink_full)
		engine_pump(engine, part);
}

void engine_on_position(struct engine *engine, uint32_t number, uint64_t epoch, int64_t next)
{
	struct part *part = known_part(engine, number);

	if (!part || !part->tracker || part->epoch != epoch || part->state != PART_READING)
		return;
	offset_tracker_position(part->tracker, next);
	part->dirty = true;
}

void engine_on_revoke_begin(struct engine *engine, uint32_t number)
{
	struct part *part = known_part(engine, number);

	engine->counters.revoked_partitions++;
	if (!part || part->state == PART_UNASSIGNED) {
		engine->source_ops->release_partition(engine->source, number);
		return;
	}
	part->state = PART_REVOKING;
	part->revoke_deadline_us = clock_after_us(engine->now_us, engine->config.revoke_timeout_us);
	engine->strategy->stop_reading(engine, part);
}

void engine_on_lost(struct engine *engine, uint32_t number)
{
	struct part *part = known_part(engine, number);

	engine->counters.lost_partitions++;
	if (!part || part->state == PART_UNASSIGNED)
		return;
	part->state = PART_UNASSIGNED;
	clear_blocked(part);
	engine_end_epoch(engine, part);
	/* Its records must not be written behind those of the new owner. */
	if (part->ended)
		engine_recover(engine, false);
}

void engine_on_source_blocked(struct engine *engine, uint32_t number, int64_t offset, const struct error *err)
{
	struct part *part = part_at(engine, number);

	if (!part)
		return;
	if (part->state == PART_UNASSIGNED) {
		/* It never began to read: an epoch without records, so that a revoke finds it. */
		part->tracker = offset_tracker_new(offset, part->next_seq);
		part->epoch = 0;
		part->committed = part->submitted_end = offset;
		part->state = PART_READING;
		engine->drained = false;
	}
	engine_block(engine, part, offset, err);
	part->blocked_by_source = true;
}

void engine_on_source_failed(struct engine *engine, const struct error *err)
{
	engine_fail(engine, err);
}

/* ---- events of the sink ---- */

/* What was wrong with a slot: kept while parts of it are still on their way, given back with the last one. */
static const struct error *worst_error(struct engine *engine, struct offset_slot *slot,
    enum report_outcome *outcome, const struct error *err)
{
	if (err && *outcome >= slot->outcome) {
		slot->outcome = (uint8_t)*outcome;
		engine->part_error = *err;
	}
	*outcome = slot->outcome;
	return &engine->part_error;
}

/* A report for an epoch that has ended: frees its slot, moves nothing. */
static void late_report(struct engine *engine, struct part *part, uint64_t seq, uint32_t records,
    enum report_outcome outcome, const struct error *err)
{
	for (struct ended_epoch **link = &part->ended; *link; link = &(*link)->next) {
		struct ended_epoch *ended = *link;
		struct offset_slot *slot = offset_tracker_slot(ended->tracker, seq);

		if (!slot || !offset_tracker_report(ended->tracker, seq, records, outcome == REPORT_ACKED))
			continue;
		engine->counters.late_reports++;
		err = worst_error(engine, slot, &outcome, err);
		if (slot->state == SLOT_IN_FLIGHT)
			return;
		engine->in_flight--;
		if (slot->state == SLOT_WAITING)
			engine->strategy->on_late_failed(engine, part, slot, err);
		if (offset_tracker_in_flight(ended->tracker) == 0) {
			*link = ended->next;
			release_all(engine, part, ended->tracker);
			offset_tracker_free(ended->tracker);
			free(ended);
		}
		return;
	}
}

void engine_on_report(struct engine *engine, uint64_t handle, uint32_t records, enum report_outcome outcome,
    bool possibly_written, const struct error *err)
{
	struct part *part = known_part(engine, (uint32_t)(handle >> HANDLE_SEQ_BITS));
	uint64_t seq = handle & HANDLE_SEQ_MASK;
	bool ok = outcome == REPORT_ACKED;
	struct offset_slot *slot;

	if (!part)
		return;
	engine->sink_full = false;
	if (!ok)
		engine->counters.failed_reports++;
	slot = part->tracker ? offset_tracker_slot(part->tracker, seq) : NULL;
	if (!slot || !offset_tracker_report(part->tracker, seq, records, ok)) {
		late_report(engine, part, seq, records, outcome, err);
		return;
	}
	if (slot->state == SLOT_SETTLED) {
		engine->in_flight--;
		part->dirty = true;
		engine->counters.acked_records += slot->records;
		engine->counters.acked_bytes += slot->bytes;
		histogram_add(&engine->latency, engine->now_us - slot->fetched_us);
		backoff_reset(&engine->sink_backoff);
		if (engine->alone == handle)
			engine->alone = 0;
		return;
	}
	/* A chunk that failed in part is sent again whole, with the part that was acknowledged. */
	if (possibly_written || ok)
		slot->maybe_written = true;
	err = worst_error(engine, slot, &outcome, err);
	if (slot->state == SLOT_IN_FLIGHT)
		return;
	engine->in_flight--;
	part->dirty = true;
	engine->strategy->on_failed(engine, part, seq, outcome, err);
}

void engine_on_sink_fatal(struct engine *engine, const struct error *err)
{
	if (engine->sink_state == SINK_OPEN)
		engine->host_ops->trouble(engine->host, UINT32_MAX, -1, err);
	engine->txn_rewind = engine->config.delivery == DELIVERY_EXACTLY_ONCE;
	engine_recover(engine, true);
}

static void source_assigned(void *owner, uint32_t part, uint64_t epoch, int64_t position)
{
	engine_on_assigned(owner, part, epoch, position);
}

static void source_chunk(void *owner, const struct chunk *chunk)
{
	engine_on_chunk(owner, chunk);
}

static void source_position(void *owner, uint32_t part, uint64_t epoch, int64_t next)
{
	engine_on_position(owner, part, epoch, next);
}

static void source_revoke_begin(void *owner, uint32_t part)
{
	engine_on_revoke_begin(owner, part);
}

static void source_lost(void *owner, uint32_t part)
{
	engine_on_lost(owner, part);
}

static void source_blocked(void *owner, uint32_t part, int64_t offset, const struct error *err)
{
	engine_on_source_blocked(owner, part, offset, err);
}

static void source_commit_done(void *owner, const struct mark *marks, size_t count, const struct error *err)
{
	engine_on_commit_done(owner, marks, count, err);
}

static void source_failed(void *owner, const struct error *err)
{
	engine_on_source_failed(owner, err);
}

const struct source_events engine_source_events = {
	.assigned = source_assigned,
	.chunk = source_chunk,
	.position = source_position,
	.revoke_begin = source_revoke_begin,
	.lost = source_lost,
	.blocked = source_blocked,
	.commit_done = source_commit_done,
	.failed = source_failed,
};

static void sink_report(void *owner, uint64_t handle, uint32_t records, enum report_outcome outcome,
    bool possibly_written, const struct error *err)
{
	engine_on_report(owner, handle, records, outcome, possibly_written, err);
}

static void sink_ready(void *owner)
{
	engine_on_sink_ready(owner);
}

static void sink_fatal(void *owner, const struct error *err)
{
	engine_on_sink_fatal(owner, err);
}

static void sink_txn_done(void *owner, enum txn_outcome outcome, const struct error *err)
{
	engine_on_txn_done(owner, outcome, err);
}

const struct sink_events engine_sink_events = {
	.report = sink_report,
	.ready = sink_ready,
	.fatal = sink_fatal,
	.txn_done = sink_txn_done,
};

/* ---- submitting ---- */

/* The sink took nothing and says why. */
static void submit_refused(struct engine *engine, struct part *part, const struct offset_slot *slot, uint64_t seq,
    enum report_outcome outcome, const struct error *err)
{
	engine->counters.failed_reports++;
	switch (outcome) {
	case REPORT_REFUSED:
		/* Said of this very record, before it was mixed with others: no search is needed. */
		engine->strategy->on_refused(engine, part, slot, seq, err);
		break;
	case REPORT_STOP:
		engine_fail(engine, err);
		break;
	default:
		engine->host_ops->trouble(engine->host, part->number, slot->first, err);
		engine_recover(engine, true);
		break;
	}
}

void engine_pump(struct engine *engine, struct part *part)
{
	uint64_t seq;
	struct offset_slot *slot;

	while (engine->sink_state == SINK_OPEN && !engine->sink_full && part->tracker && !part->purged &&
	       engine_isolation_allows(engine, part) &&
	       (slot = offset_tracker_next_waiting(part->tracker, &seq)) != NULL &&
	       !part_is_blocked_at(part, slot) && engine->strategy->may_submit(engine, part, slot)) {
		uint64_t handle = handle_make(part->number, seq);
		enum report_outcome outcome = REPORT_RETRY;
		struct error err;
		int r;

		error_clear(&err);
		r = engine->sink_ops->submit(engine->sink, handle, part->number, slot->payload, &outcome, &err);
		if (r == -EAGAIN) {
			engine->sink_full = true;
			return;
		}
		if (r < 0) {
			submit_refused(engine, part, slot, seq, outcome, &err);
			return;
		}
		if (slot->maybe_written) {
			engine->counters.repeated_records += slot->records;
			slot->maybe_written = false;
		}
		offset_tracker_submitted(part->tracker, seq);
		slot->outcome = REPORT_ACKED;
		if (slot->next > part->submitted_end)
			part->submitted_end = slot->next;
		engine->counters.submitted_records += slot->records;
		engine->in_flight++;
		engine->strategy->on_submitted(engine, part, slot);
		if (engine->isolating == part)
			engine->alone = handle;
	}
}

/* ---- the step ---- */

/* How many records may be read of a partition now. */
static uint32_t window_room(const struct engine *engine, const struct part *part)
{
	const struct engine_limits *limits = &engine->config.limits;
	uint64_t room = limits->fetch_burst;

	if (engine->held_bytes >= limits->window_bytes || engine->held_records >= limits->window_records ||
	    part->held_bytes >= limits->partition_window_bytes ||
	    part->held_records >= limits->partition_window_records)
		return 0;
	if (room > limits->window_records - engine->held_records)
		room = limits->window_records - engine->held_records;
	if (room > limits->partition_window_records - part->held_records)
		room = limits->partition_window_records - part->held_records;
	return (uint32_t)engine->strategy->read_room(engine, part, room);
}

/* Bytes can only be checked between records: ask for few when the window is nearly full. */
enum { FETCH_SLICE = 64 };

static void read_partition(struct engine *engine, struct part *part)
{
	uint32_t taken = 0;

	while (taken < engine->config.limits.fetch_burst) {
		uint32_t room = window_room(engine, part);
		uint32_t got;

		if (room == 0 || engine->sink_full || part->state != PART_READING || engine->draining ||
		    engine->sink_state != SINK_OPEN || engine->isolating)
			return;
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
	if (++engine->first_part >= engine->part_count)
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

/* Has it sent records that are not settled, and can they still be? */
static bool has_more_to_settle(const struct engine *engine, const struct part *part)
{
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(part->tracker);

	return oldest && !part_is_blocked_at(part, oldest) && engine->sink_state != SINK_CLOSED;
}

/* Will whoever reads this partition next see something again that has been sent? */
static bool leaves_repeats(const struct engine *engine, const struct part *part)
{
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(part->tracker);

	return (oldest && !part_is_blocked_at(part, oldest)) || !engine->strategy->is_settled(engine, part);
}

static void release_partition(struct engine *engine, struct part *part)
{
	if (engine->draining && leaves_repeats(engine, part))
		engine->drain_clean = false;
	clear_blocked(part);
	engine_end_epoch(engine, part);
	part->state = PART_UNASSIGNED;
	engine->source_ops->release_partition(engine->source, part->number);
}

/* The bound of a revoke or of the drain has passed: nothing more is waited for but the reports of what is
 * given up now, and for a moment the answer of a commit that is on its way. */
static void run_out(struct engine *engine, struct part *part, int64_t deadline_us)
{
	if (!part->purged) {
		part->purged = true;
		engine->counters.revoke_timeouts++;
		if (offset_tracker_in_flight(part->tracker) > 0)
			engine_recover(engine, false);
	}
	if (offset_tracker_in_flight(part->tracker) > 0)
		return;
	if (engine->now_us >= clock_after_us(deadline_us, final_commit_grace_us) ||
	    (part->commit_sent < 0 && engine->strategy->is_settled(engine, part)))
		release_partition(engine, part);
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
		else if (offset_tracker_in_flight(part->tracker) == 0 && part->commit_sent < 0 &&
			 !has_more_to_settle(engine, part) && engine->strategy->is_settled(engine, part))
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
	engine->more = false;

	engine->sink_ops->serve(engine->sink);
	engine->source_ops->serve(engine->source);
	settle_parts(engine);
	engine_isolation_step(engine);
	engine_recovery_step(engine);
	read_and_submit(engine);
	settle_parts(engine);
	engine->strategy->tick(engine);
	stop_parts(engine);
	check_drained(engine);
	return next_deadline(engine);
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

/* ---- views ---- */

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
		.blocked = part->blocked };
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
