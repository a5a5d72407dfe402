#include <errno.h>
#include "shim.h"
#include "world.h"

const struct mutant_info mutants[MUTANT_COUNT] = {
	[MUTANT_NONE] = { "none", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_COMMIT_BEYOND] = { "commit-beyond", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_COMMIT_TWICE] = { "commit-twice", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_DROP_CHUNK] = { "drop-chunk", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_SWAP_CHUNKS] = { "swap-chunks", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_SUBMIT_TWICE] = { "submit-twice", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_ACK_ON_SUBMIT] = { "ack-on-submit", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_LATE_REPORT_COUNTS] = { "late-report-counts", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_REFUSED_IS_ACKED] = { "refused-is-acked", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_FAILED_IS_ACKED] = { "failed-is-acked", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_IGNORE_LOST] = { "ignore-lost", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_IGNORE_REVOKE] = { "ignore-revoke", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_IGNORE_POSITION] = { "ignore-position", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_LEAK_CHUNK] = { "leak-chunk", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_RELEASE_TWICE] = { "release-twice", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_RELEASE_EARLY] = { "release-early", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_READ_TOO_MUCH] = { "read-too-much", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_IGNORE_RATE] = { "ignore-rate", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_IGNORE_PAUSE] = { "ignore-pause", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_RETRY_SKIPS] = { "retry-skips", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_DECIDES_BY_OFFSET] = { "decides-by-offset", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_UNBLOCK_AHEAD] = { "unblock-ahead", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_REPEATS_UNCOUNTED] = { "repeats-uncounted", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_FORGETS_LIFE] = { "forgets-life", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_DRAIN_LIES] = { "drain-lies", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_SKIP_GOOD] = { "skip-good", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_DEAD_LETTER_ON_SUBMIT] = { "dead-letter-on-submit", DELIVERY_AT_LEAST_ONCE },
	[MUTANT_DEAD_LETTER_LOST] = { "dead-letter-lost", DELIVERY_EXACTLY_ONCE },
	[MUTANT_DEAD_LETTER_TWICE] = { "dead-letter-twice", DELIVERY_EXACTLY_ONCE },
	[MUTANT_POISON_AGAIN] = { "poison-again", DELIVERY_EXACTLY_ONCE },
	[MUTANT_COMMIT_FAILURE_IS_OK] = { "commit-failure-is-ok", DELIVERY_AT_MOST_ONCE },
	[MUTANT_LOSS_UNTOLD] = { "loss-untold", DELIVERY_AT_MOST_ONCE },
	[MUTANT_ABORT_IS_COMMIT] = { "abort-is-commit", DELIVERY_EXACTLY_ONCE },
	[MUTANT_UNKNOWN_IS_ABORT] = { "unknown-is-abort", DELIVERY_EXACTLY_ONCE },
	[MUTANT_KEEP_PRODUCER] = { "keep-producer", DELIVERY_EXACTLY_ONCE },
};

static bool is_mutant(const struct instance *instance, enum mutant mutant)
{
	return instance->world->mutant == mutant;
}

/* The mutants that strike once wait for their turn. */
static bool strikes(struct instance *instance, enum mutant mutant)
{
	if (!is_mutant(instance, mutant) || instance->shim.done)
		return false;
	if (instance->shim.countdown-- > 0)
		return false;
	instance->shim.done = true;
	return true;
}

static void count_operation(struct instance *instance)
{
	if (instance->operations_left > 0 && --instance->operations_left == 0)
		instance->dead = true;
}

/* ---- the source's operations ---- */

static void pass_source_serve(void *opaque)
{
	struct instance *instance = opaque;

	count_operation(instance);
	sim_source_ops.serve(&instance->source);
}

static uint32_t pass_source_fetch(void *opaque, uint32_t part, uint32_t max_records)
{
	struct instance *instance = opaque;

	count_operation(instance);
	if (is_mutant(instance, MUTANT_READ_TOO_MUCH))
		max_records *= 4;
	return sim_source_ops.fetch(&instance->source, part, max_records);
}

/* One record further, if there is one. */
static void move_beyond(const struct instance *instance, struct mark *mark)
{
	const struct source_log *log = &instance->world->cluster.sources[mark->part];
	int64_t offset = mark->offset;

	while (offset < log->end && !source_log_has(log, offset))
		offset++;
	if (offset < log->end)
		mark->offset = offset + 1;
}

static void pass_source_commit(void *opaque, const struct mark *marks, size_t count)
{
	struct instance *instance = opaque;
	struct mark changed[MAX_PARTS];

	count_operation(instance);
	for (size_t i = 0; i < count && i < MAX_PARTS; i++)
		changed[i] = marks[i];
	if (is_mutant(instance, MUTANT_COMMIT_BEYOND))
		move_beyond(instance, &changed[0]);
	sim_source_ops.commit(&instance->source, changed, count);
	if (is_mutant(instance, MUTANT_COMMIT_TWICE))
		sim_source_ops.commit(&instance->source, changed, count);
}

static void pass_source_rewind(void *opaque, uint32_t part, bool cross_gap)
{
	struct instance *instance = opaque;
	struct mark ahead = { .part = part, .offset = instance->world->cluster.sources[part].committed };

	count_operation(instance);
	sim_source_ops.rewind(&instance->source, part, cross_gap);
	if (!is_mutant(instance, MUTANT_UNBLOCK_AHEAD))
		return;
	move_beyond(instance, &ahead);
	instance->source.parts[part].skip_to = ahead.offset;
}

static void pass_source_release_partition(void *opaque, uint32_t part)
{
	struct instance *instance = opaque;

	count_operation(instance);
	sim_source_ops.release_partition(&instance->source, part);
}

static void pass_source_release_chunk(void *opaque, void *payload)
{
	struct instance *instance = opaque;

	if (strikes(instance, MUTANT_LEAK_CHUNK))
		return;
	if (is_mutant(instance, MUTANT_RELEASE_EARLY) && payload == instance->shim.kept) {
		instance->shim.kept = NULL;
		return;
	}
	sim_source_ops.release_chunk(&instance->source, payload);
	if (strikes(instance, MUTANT_RELEASE_TWICE))
		sim_source_ops.release_chunk(&instance->source, payload);
}

static uint64_t pass_source_fingerprint(void *opaque, const void *payload)
{
	struct instance *instance = opaque;

	return is_mutant(instance, MUTANT_DECIDES_BY_OFFSET) ? 0 : sim_source_ops.fingerprint(&instance->source, payload);
}

static void *pass_source_group_token(void *opaque)
{
	struct instance *instance = opaque;

	return sim_source_ops.group_token(&instance->source);
}

static void pass_source_free_group_token(void *opaque, void *token)
{
	struct instance *instance = opaque;

	sim_source_ops.free_group_token(&instance->source, token);
}

const struct source_ops shim_source_ops = {
	.serve = pass_source_serve,
	.fetch = pass_source_fetch,
	.commit = pass_source_commit,
	.rewind = pass_source_rewind,
	.release_partition = pass_source_release_partition,
	.release_chunk = pass_source_release_chunk,
	.fingerprint = pass_source_fingerprint,
	.group_token = pass_source_group_token,
	.free_group_token = pass_source_free_group_token,
};

/* ---- the sink's operations ---- */

static void pass_sink_serve(void *opaque)
{
	struct instance *instance = opaque;
	struct payload *kept = instance->shim.kept;

	count_operation(instance);
	if (kept && (is_mutant(instance, MUTANT_ACK_ON_SUBMIT) || is_mutant(instance, MUTANT_DEAD_LETTER_ON_SUBMIT) ||
			is_mutant(instance, MUTANT_DEAD_LETTER_LOST))) {
		instance->shim.kept = NULL;
		engine_on_report(instance->engine, kept->handle, kept->records, REPORT_ACKED, false, NULL);
	}
	sim_sink_ops.serve(&instance->sink);
}

/* Holds one chunk back until the next one of its partition has gone. */
static int submit_swapped(struct instance *instance, uint64_t handle, uint32_t part, struct payload *payload,
    enum report_outcome *outcome, struct error *err)
{
	struct shim_state *shim = &instance->shim;
	int r;

	if (!shim->kept && strikes(instance, MUTANT_SWAP_CHUNKS)) {
		shim->kept = payload;
		shim->kept_handle = handle;
		return 0;
	}
	r = sim_sink_ops.submit(&instance->sink, handle, part, payload, outcome, err);
	if (r == 0 && shim->kept && shim->kept->part == part &&
	    sim_sink_ops.submit(&instance->sink, shim->kept_handle, part, shim->kept, outcome, err) == 0)
		shim->kept = NULL;
	return r;
}

static int pass_sink_submit(void *opaque, uint64_t handle, uint32_t part, void *chunk,
    enum report_outcome *outcome, struct error *err)
{
	struct instance *instance = opaque;
	struct payload *payload = chunk;
	int r;

	count_operation(instance);
	if (is_mutant(instance, MUTANT_SWAP_CHUNKS))
		return submit_swapped(instance, handle, part, payload, outcome, err);
	if (strikes(instance, MUTANT_SKIP_GOOD)) {
		*outcome = REPORT_REFUSED;
		return error_set(err, -EMSGSIZE, REMEDY_SKIP, "not taken");
	}
	r = sim_sink_ops.submit(&instance->sink, handle, part, payload, outcome, err);
	if (r < 0)
		return r;
	if (strikes(instance, MUTANT_SUBMIT_TWICE))
		sim_sink_ops.submit(&instance->sink, handle, part, payload, outcome, err);
	if (strikes(instance, MUTANT_RELEASE_EARLY)) {
		instance->shim.kept = payload;
		sim_source_ops.release_chunk(&instance->source, payload);
	}
	if (is_mutant(instance, MUTANT_ACK_ON_SUBMIT) || is_mutant(instance, MUTANT_LATE_REPORT_COUNTS))
		instance->shim.kept = payload;
	return 0;
}

static int pass_sink_dead_letter(void *opaque, uint64_t handle, uint32_t part, void *chunk, const struct error *reason,
    enum report_outcome *outcome, struct error *err)
{
	struct instance *instance = opaque;
	struct payload *payload = chunk;
	int r;

	count_operation(instance);
	if (is_mutant(instance, MUTANT_POISON_AGAIN))
		return sim_sink_ops.submit(&instance->sink, handle, part, payload, outcome, err);
	if (is_mutant(instance, MUTANT_DEAD_LETTER_LOST) && !instance->shim.kept) {
		payload->handle = handle;
		instance->shim.kept = payload;
		return 0;
	}
	r = sim_sink_ops.dead_letter(&instance->sink, handle, part, payload, reason, outcome, err);
	if (r < 0)
		return r;
	if (is_mutant(instance, MUTANT_DEAD_LETTER_TWICE))
		sim_sink_ops.dead_letter(&instance->sink, handle, part, payload, reason, outcome, err);
	if (is_mutant(instance, MUTANT_DEAD_LETTER_ON_SUBMIT))
		instance->shim.kept = payload;
	return 0;
}

static void pass_sink_purge(void *opaque, bool in_flight_too)
{
	struct instance *instance = opaque;

	count_operation(instance);
	if (!instance->shim.keeps_producer)
		sim_sink_ops.purge(&instance->sink, in_flight_too);
}

static void pass_sink_recreate(void *opaque)
{
	struct instance *instance = opaque;

	count_operation(instance);
	if (!instance->shim.keeps_producer || instance->sink.state != SINK_MODEL_READY || instance->dead) {
		instance->shim.keeps_producer = false;
		sim_sink_ops.recreate(&instance->sink);
		return;
	}
	instance->shim.keeps_producer = false;
	sink_keep_producer(&instance->sink);
	shim_sink_ready(instance);
}

static int pass_sink_txn_begin(void *opaque, struct error *err)
{
	struct instance *instance = opaque;

	count_operation(instance);
	return sim_sink_ops.txn_begin(&instance->sink, err);
}

static void pass_sink_txn_commit(void *opaque, const struct mark *marks, size_t count, void *token)
{
	struct instance *instance = opaque;

	count_operation(instance);
	sim_sink_ops.txn_commit(&instance->sink, marks, count, token);
}

const struct sink_ops shim_sink_ops = {
	.serve = pass_sink_serve,
	.submit = pass_sink_submit,
	.dead_letter = pass_sink_dead_letter,
	.purge = pass_sink_purge,
	.recreate = pass_sink_recreate,
	.txn_begin = pass_sink_txn_begin,
	.txn_commit = pass_sink_txn_commit,
};

/* ---- events ---- */

void shim_assigned(struct instance *instance, uint32_t part, uint64_t epoch, int64_t position)
{
	engine_on_assigned(instance->engine, part, epoch, position);
}

void shim_chunk(struct instance *instance, const struct chunk *chunk)
{
	if (strikes(instance, MUTANT_DROP_CHUNK))
		sim_source_ops.release_chunk(&instance->source, chunk->payload);
	else
		engine_on_chunk(instance->engine, chunk);
}

void shim_position(struct instance *instance, uint32_t part, uint64_t epoch, int64_t next)
{
	if (!is_mutant(instance, MUTANT_IGNORE_POSITION))
		engine_on_position(instance->engine, part, epoch, next);
}

void shim_revoke_begin(struct instance *instance, uint32_t part)
{
	if (!is_mutant(instance, MUTANT_IGNORE_REVOKE))
		engine_on_revoke_begin(instance->engine, part);
}

void shim_lost(struct instance *instance, uint32_t part)
{
	if (!is_mutant(instance, MUTANT_IGNORE_LOST))
		engine_on_lost(instance->engine, part);
}

void shim_source_blocked(struct instance *instance, uint32_t part, int64_t offset, const struct error *err)
{
	engine_on_source_blocked(instance->engine, part, offset, err);
}

void shim_commit_done(struct instance *instance, struct mark *marks, size_t count, const struct error *err)
{
	if (is_mutant(instance, MUTANT_COMMIT_FAILURE_IS_OK)) {
		err = NULL;
		for (size_t i = 0; i < count; i++)
			marks[i].error = 0;
	}
	engine_on_commit_done(instance->engine, marks, count, err);
}

void shim_source_failed(struct instance *instance, const struct error *err)
{
	engine_on_source_failed(instance->engine, err);
}

void shim_report(struct instance *instance, const struct report *report, const struct error *err)
{
	const struct payload *latest = instance->shim.kept;
	enum report_outcome outcome = report->outcome;

	if ((outcome == REPORT_REFUSED && is_mutant(instance, MUTANT_REFUSED_IS_ACKED)) ||
	    (outcome == REPORT_RETRY && is_mutant(instance, MUTANT_FAILED_IS_ACKED))) {
		outcome = REPORT_ACKED;
		err = NULL;
	}
	/* The report of an ended epoch, under the name of a record that is in flight now. */
	if (is_mutant(instance, MUTANT_LATE_REPORT_COUNTS) && latest && latest->unreported > 0 &&
	    latest->part == report->payload->part && latest->epoch > report->payload->epoch)
		engine_on_report(
		    instance->engine, latest->handle, latest->unreported, REPORT_ACKED, false, NULL);
	instance->world->checker.reporting = report->payload;
	engine_on_report(
	    instance->engine, report->handle, report->records, outcome, report->possibly_written, err);
	instance->world->checker.reporting = NULL;
}

void shim_sink_ready(struct instance *instance)
{
	checker_sink_ready(instance->world, instance->number);
	engine_on_sink_ready(instance->engine);
}

void shim_sink_fatal(struct instance *instance, const struct error *err)
{
	engine_on_sink_fatal(instance->engine, err);
}

void shim_txn_done(struct instance *instance, enum txn_outcome outcome, const struct error *err)
{
	instance->shim.keeps_producer = outcome != TXN_COMMITTED && is_mutant(instance, MUTANT_KEEP_PRODUCER);
	if (outcome == TXN_ABORTED && is_mutant(instance, MUTANT_ABORT_IS_COMMIT))
		engine_on_txn_done(instance->engine, TXN_COMMITTED, NULL);
	else if (outcome == TXN_UNKNOWN && is_mutant(instance, MUTANT_UNKNOWN_IS_ABORT))
		engine_on_txn_done(instance->engine, TXN_ABORTED, err);
	else
		engine_on_txn_done(instance->engine, outcome, err);
}
