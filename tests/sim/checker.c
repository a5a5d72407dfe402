#include "checker.h"
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "world.h"

/* What the engine may take over its bounds: the answers of what it purges, and its wait for a last commit. */
static const int64_t grace_us = 5 * USEC_PER_SEC;

/* The longest back-off of a failed commit, and some. */
static const int64_t longest_back_off_us = 6 * USEC_PER_SEC;

/* The engine asks for at most this many records at once, and only then looks at the bytes again. */
enum { FETCH_SLICE = 64, MAX_RECORD_BYTES = 140 };

void checker_init(struct world *world)
{
	struct checker *checker = &world->checker;

	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		for (uint32_t target = 0; target < MAX_PARTS; target++)
			checker->pairs[part][target] = (struct checked_pair){
				.first_missing = world->cluster.sources[part].start, .last = -1 };
	}
}

static struct checked_epoch *epoch_of(struct world *world, int instance, uint32_t part)
{
	return &world->checker.epochs[instance][part];
}

/* Does the chunk belong to it? */
static bool is_of(const struct checked_epoch *epoch, const struct payload *payload)
{
	return epoch->active && payload->epoch >= epoch->first_epoch && payload->epoch <= epoch->epoch;
}

static bool is_data(const struct world *world, uint32_t part, int64_t offset)
{
	return source_log_has(&world->cluster.sources[part], offset);
}

/* Is a mark beyond it a promise that it is safe? Also where retention has deleted it since it was delivered. */
static bool is_owed(const struct world *world, const struct checked_epoch *epoch, uint32_t part, int64_t offset)
{
	return epoch->delivered[offset] || (!epoch->cut && is_data(world, part, offset));
}

/* Moves the prefix over what is settled, the model of the low-water mark. */
static void advance_prefix(
    const struct world *world, struct checked_epoch *epoch, uint32_t part, int64_t upto)
{
	while (epoch->prefix < upto &&
	       (!is_owed(world, epoch, part, epoch->prefix) || epoch->settled[epoch->prefix] ||
		   epoch->skipped[epoch->prefix] || epoch->passed[epoch->prefix]))
		epoch->prefix++;
}

/* Is a record settled and not committed, although it could be? */
static bool has_uncommitted(const struct world *world, struct checked_epoch *epoch, uint32_t part)
{
	advance_prefix(world, epoch, part, epoch->end);
	for (int64_t offset = epoch->told_committed; offset < epoch->prefix; offset++)
		if (is_owed(world, epoch, part, offset) && !epoch->skipped[offset])
			/* What is passed over need not be so already, and what was overtaken waits to be sent again. */
			return !epoch->passed[offset] && !epoch->overtaken[offset];
	return false;
}

/* ---- the partitions of an instance ---- */

/* What lies before is in the target, as far as it knows. */
static void note_in_target(struct checked_sending *sending, uint32_t part, int64_t offset)
{
	if (offset > sending->sent_until[part])
		sending->sent_until[part] = offset;
}

void checker_assigned(struct world *world, int instance, uint32_t part, uint64_t number, int64_t position)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);

	note_in_target(&world->checker.sendings[instance], part, position);
	if (epoch->active && epoch->blocked && position > epoch->blocked_at) {
		epoch->epoch = number; /* it stays blocked */
		return;
	}
	if (epoch->active && position >= epoch->end) {
		/* It reads on further ahead: what it has read before goes its way, and what it skips is not
		 * its. */
		for (; epoch->end < position; epoch->end++)
			epoch->skipped[epoch->end] = true;
		epoch->epoch = number;
		epoch->may_commit[position] = true;
		return;
	}
	memset(epoch, 0, sizeof *epoch);
	epoch->repeat_from = -1;
	epoch->active = true;
	epoch->first_epoch = epoch->epoch = number;
	epoch->start = epoch->end = epoch->prefix = epoch->told_committed = position;
	epoch->may_commit[position] = true;
}

void checker_revoke_begin(struct world *world, int instance, uint32_t part)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);

	epoch->revoking = true;
	epoch->revoked_us = world->now_us;
}

void checker_lost(struct world *world, int instance, uint32_t part)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);
	const struct payload *payload = world->instances[instance].source.payloads;

	epoch->active = epoch->revoking = false;
	epoch->lost_us = world->now_us;
	for (; payload; payload = payload->next)
		if (payload->part == part && payload->unreported > 0)
			world->checker.lost_with[instance] = world->instances[instance].sink.producer;
}

void checker_rewind(struct world *world, int instance, uint32_t part)
{
	epoch_of(world, instance, part)->active = false;
}

void checker_fetch(struct world *world, int instance, uint32_t part)
{
	enum source_part_state state = world->instances[instance].source.parts[part].state;

	if (state == SOURCE_NONE || state == SOURCE_REVOKING || world->instances[instance].draining)
		broken(world, "reads partition %" PRIu32 ", which it is to give up", part);
	else if (state == SOURCE_READING && epoch_of(world, instance, part)->blocked)
		broken(world, "reads partition %" PRIu32 ", which is blocked", part);
}

/* ---- the limit of the rate ---- */

/* A quarter of a second's worth may be saved up, and one at least. */
static double rate_burst(uint64_t per_second)
{
	return per_second > 4 ? (double)per_second / 4 : 1;
}

static double refilled(double content, uint64_t per_second, int64_t elapsed_us)
{
	content += (double)per_second * (double)elapsed_us / 1e6;
	return content < rate_burst(per_second) ? content : rate_burst(per_second);
}

void checker_started(struct world *world, int instance, bool renewed)
{
	world->checker.rates[instance] = (struct checked_rate){ .records = rate_burst(world->plan.rate_records),
		.bytes = rate_burst(world->plan.rate_bytes), .at_us = world->now_us };
	if (!renewed)
		world->checker.sendings[instance] = (struct checked_sending){ 0 };
}

/* Whether records may be taken is decided by what was read before them: of bytes, which are known too late, one
 * reading may be taken ahead. */
static void check_rate(struct world *world, const struct payload *payload)
{
	const struct plan *plan = &world->plan;
	struct checked_rate *rate = &world->checker.rates[payload->instance];
	int64_t elapsed_us = world->now_us - rate->at_us;
	const double ahead = -(double)FETCH_SLICE * MAX_RECORD_BYTES;

	rate->at_us = world->now_us;
	rate->records = refilled(rate->records, plan->rate_records, elapsed_us) - payload->records;
	rate->bytes = refilled(rate->bytes, plan->rate_bytes, elapsed_us) - (payload->bytes - 40);
	if (plan->rate_records > 0 && rate->records < -1e-6)
		broken(world, "reads more than %" PRIu64 " records in a second", plan->rate_records);
	if (plan->rate_bytes > 0 && rate->bytes < ahead)
		broken(world, "reads more than %" PRIu64 " bytes in a second", plan->rate_bytes);
}

void checker_chunk(struct world *world, struct payload *payload)
{
	struct checked_epoch *epoch = epoch_of(world, payload->instance, payload->part);

	trace(world, "instance %d <- %" PRIu32 "@[%" PRId64 ",%" PRId64 ") %" PRIu32 " records%s",
	    payload->instance, payload->part, payload->first, payload->end, payload->records,
	    payload->stale ? ", stale" : "");
	if (world->instances[payload->instance].paused)
		broken(world, "reads while it is paused");
	if (payload->stale)
		return;
	payload->read = epoch->first_epoch;
	epoch->may_commit[payload->first] = epoch->may_commit[payload->end] = true;
	epoch->end = payload->end;
	epoch->delivered_records += payload->records;
	for (uint32_t i = 0; i < payload->records; i++)
		epoch->delivered[payload->offsets[i]] = true;
	check_rate(world, payload);
	if (world->plan.commit_sync &&
	    epoch->delivered_records - epoch->committed_records > world->plan.commit_records)
		broken(world, "sync mode reads %" PRIu32 " records of partition %" PRIu32 " past its commit",
		    epoch->delivered_records - epoch->committed_records, payload->part);
}

void checker_position(struct world *world, int instance, uint32_t part, int64_t next)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);

	epoch->may_commit[next] = true;
	epoch->end = next;
}

/* ---- commits ---- */

/* at_most_once commits first: what it has stopped before is given back. */
static bool gives_back(const struct world *world, const struct checked_epoch *epoch, int64_t offset)
{
	return world->plan.delivery == DELIVERY_AT_MOST_ONCE && epoch->blocked && offset == epoch->blocked_at;
}

static void check_mark(struct world *world, int instance, const struct mark *mark)
{
	struct checked_epoch *epoch = epoch_of(world, instance, mark->part);

	trace(world, "instance %d commits %" PRIu32 "@%" PRId64, instance, mark->part, mark->offset);
	if (!epoch->active || mark->epoch != epoch->epoch) {
		broken(world, "commits partition %" PRIu32 ", which is not its own any more", mark->part);
		return;
	}
	if (mark->offset > epoch->end || !epoch->may_commit[mark->offset]) {
		broken(world, "commits %" PRIu32 "@%" PRId64 ", where nothing delivered ends", mark->part,
		    mark->offset);
		return;
	}
	if (mark->offset < epoch->told_committed && !gives_back(world, epoch, mark->offset))
		broken(world, "commits %" PRIu32 "@%" PRId64 " after %" PRId64, mark->part, mark->offset,
		    epoch->told_committed);
	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		return;
	advance_prefix(world, epoch, mark->part, mark->offset);
	if (epoch->prefix < mark->offset)
		broken(world, "commits %" PRIu32 "@%" PRId64 ", but %" PRId64 " is not settled", mark->part,
		    mark->offset, epoch->prefix);
}

void checker_commit(struct world *world, int instance, const struct mark *marks, size_t count)
{
	if (world->checker.commit_pending[instance])
		broken(world, "sends a commit while one is in flight");
	world->checker.commit_pending[instance] = true;
	for (size_t i = 0; i < count; i++) {
		check_mark(world, instance, &marks[i]);
		world->checker.commit_reads[instance][marks[i].part] = epoch_of(world, instance, marks[i].part)->first_epoch;
	}
}

void checker_commit_taken(struct world *world, int instance, uint32_t part, int64_t offset)
{
	struct payload *payload = world->instances[instance].source.payloads;

	for (; payload; payload = payload->next)
		if (payload->part == part && !payload->stale &&
		    payload->read == world->checker.commit_reads[instance][part])
			payload->committed = payload->end <= offset;
}

static void note_committed(struct world *world, int instance, uint32_t part, int64_t offset)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);

	if (offset <= epoch->told_committed && !gives_back(world, epoch, offset))
		return;
	note_in_target(&world->checker.sendings[instance], part, offset);
	epoch->told_committed = offset;
	epoch->committed_records = 0;
	for (int64_t i = epoch->start; i < offset; i++)
		epoch->committed_records += epoch->delivered[i];
}

void checker_commit_answered(struct world *world, int instance, const struct mark *marks, size_t count)
{
	world->checker.commit_pending[instance] = false;
	for (size_t i = 0; i < count; i++) {
		const struct checked_epoch *epoch = epoch_of(world, instance, marks[i].part);

		if (!marks[i].error && epoch->active && epoch->epoch == marks[i].epoch)
			note_committed(world, instance, marks[i].part, marks[i].offset);
	}
}

void checker_release_partition(struct world *world, int instance, uint32_t part)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);
	const struct instance *owner = &world->instances[instance];
	bool in_time = !owner->draining || world->now_us < owner->drain_deadline_us;

	if (epoch->revoking && world->now_us >= epoch->revoked_us + owner->revoke_timeout_us)
		in_time = false;
	epoch->revoking = false;
	if (!epoch->active)
		return;
	epoch->active = false;
	epoch->given_up = !owner->draining;
	for (const struct payload *payload = owner->source.payloads; payload; payload = payload->next)
		if (payload->part == part && payload->unreported > 0)
			broken(world, "gives up partition %" PRIu32 " with %" PRId64 " in flight", part,
			    payload->first);
	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		return;
	/* A producer that has failed for good commits no transaction any more. */
	if (world->plan.delivery == DELIVERY_EXACTLY_ONCE && owner->failed)
		return;
	if (in_time && has_uncommitted(world, epoch, part))
		broken(world, "gives up partition %" PRIu32 " and does not commit what is settled", part);
}

/* ---- the bytes ---- */

void checker_release_chunk(struct world *world, struct payload *payload)
{
	if (payload->released)
		broken(world, "gives chunk %" PRIu32 "@%" PRId64 " back twice", payload->part,
		    payload->first);
	if (payload->unreported > 0 && !world->instances[payload->instance].dead)
		broken(world, "gives chunk %" PRIu32 "@%" PRId64 " back while it is in flight", payload->part,
		    payload->first);
	payload->held_to_death = world->instances[payload->instance].dead;
}

/* What a killed process had committed and not produced nobody can name: what it held, and what a partition that has
 * stopped at a record had dropped and not given back yet; nor could it say so of one that it lost as it died. */
static void note_killed(struct world *world, const struct payload *payload)
{
	const struct checked_epoch *epoch = epoch_of(world, payload->instance, payload->part);
	bool was_there = epoch->active || epoch->lost_us == world->now_us;
	bool was_dropped = was_there && epoch->blocked && epoch->first_epoch == payload->read;

	if (!payload->committed || (!payload->held_to_death && !was_dropped))
		return;
	for (uint32_t i = 0; i < payload->records; i++)
		if (source_log_is_current(&world->cluster.sources[payload->part], payload->offsets[i], payload->version))
			world->checker.killed[payload->part][payload->offsets[i]] = true;
}

void checker_source_closed(struct world *world, const struct source *source, bool killed)
{
	for (const struct payload *payload = source->payloads; payload; payload = payload->next)
		if (!payload->released)
			broken(world, "never gives chunk %" PRIu32 "@%" PRId64 " back", payload->part,
			    payload->first);
	for (const struct payload *payload = source->payloads; payload && killed; payload = payload->next)
		note_killed(world, payload);
	if (source->tokens > 0)
		broken(world, "never frees a group token");
	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		struct checked_epoch *epoch = epoch_of(world, source->instance->number, part);

		epoch->active = epoch->revoking = false;
	}
	world->checker.commit_pending[source->instance->number] = false;
}

/* ---- the sink ---- */

static void check_submission(struct world *world, const struct sink *sink, const struct payload *payload)
{
	const struct checked_epoch *epoch = epoch_of(world, payload->instance, payload->part);
	const char *why = NULL;

	if (payload->stale)
		why = "which had been read before";
	else if (payload->released)
		why = "which it has given back";
	else if (payload->unreported > 0)
		why = "which is in flight";
	else if (!is_of(epoch, payload))
		why = "of an epoch that has ended";
	else if (epoch->blocked && payload->first >= epoch->blocked_at)
		why = "at which its partition is blocked";
	else if (sink->state == SINK_MODEL_PURGED || sink->state == SINK_MODEL_MAKING)
		why = "to a producer that it has given up";
	else if (world->plan.delivery == DELIVERY_AT_MOST_ONCE && epoch->told_committed < payload->end)
		why = "before its commit is known";
	else if (world->plan.delivery == DELIVERY_AT_MOST_ONCE && payload->maybe_written)
		why = "which may be written";
	else if (world->plan.delivery == DELIVERY_AT_MOST_ONCE && payload->settled)
		why = "a second time";
	else if (world->plan.delivery == DELIVERY_AT_LEAST_ONCE && world->plan.idempotent && payload->settled &&
		 !epoch->overtaken[payload->first])
		why = "which is settled";
	if (why)
		broken(world, "submits chunk %" PRIu32 "@%" PRId64 ", %s", payload->part, payload->first,
		    why);
}

/* Does on_error say so, or has a person, of this record? */
static bool may_become(const struct world *world, const struct payload *payload, enum error_policy policy)
{
	const uint64_t *told = world->checker.told[payload->part][payload->first];
	uint64_t bit = UINT64_C(1) << payload->as_read[0].version;

	return policy == world->plan.on_error || (policy == ON_ERROR_SKIP && told[UNBLOCK_SKIP] & bit) ||
	       (policy == ON_ERROR_DEAD_LETTER && told[UNBLOCK_DEAD_LETTER] & bit);
}

void checker_submit(struct world *world, const struct sink *sink, const struct payload *payload)
{
	check_submission(world, sink, payload);
	if (payload->refused)
		broken(world, "submits %" PRIu32 "@%" PRId64 ", which is known to be at fault", payload->part,
		    payload->first);
}

void checker_dead_letter(struct world *world, const struct sink *sink, const struct payload *payload)
{
	check_submission(world, sink, payload);
	if (!payload->refused || !may_become(world, payload, ON_ERROR_DEAD_LETTER))
		broken(world, "makes a dead letter of %" PRIu32 "@%" PRId64 " for no reason", payload->part,
		    payload->first);
}

static void note_sent(const struct world *world, struct checked_sending *sending, const struct payload *payload)
{
	bool was_truncated = world->cluster.sources[payload->part].version > 0;
	int64_t *sent_until = &sending->sent_until[payload->part];
	/* Only offsets tell what was sent: a compacted batch begins before its first record, and in a log that was truncated
	 * others are there. */
	bool again = payload->first < *sent_until && (payload->first < payload->offsets[0] || was_truncated);

	if (payload->end > *sent_until)
		*sent_until = payload->end;
	for (uint32_t i = 0; i < payload->records; i++) {
		bool *sent = &sending->sent[payload->part][payload->offsets[i]];

		again = again || *sent;
		*sent = true;
	}
	if (again)
		sending->sent_again += payload->records;
}

void checker_submitted(struct world *world, struct payload *payload, uint64_t handle)
{
	struct checked_epoch *epoch = epoch_of(world, payload->instance, payload->part);

	trace(world, "instance %d submits %" PRIu32 "@[%" PRId64 ",%" PRId64 ")", payload->instance,
	    payload->part, payload->first, payload->end);
	payload->handle = handle;
	payload->submitted = true;
	payload->failed = payload->settled = false;
	payload->unreported = payload->records;
	note_sent(world, &world->checker.sendings[payload->instance], payload);
	/* What is sent again (without idempotence, after a fault) has to settle again. */
	for (uint32_t i = 0; i < payload->records; i++)
		epoch->settled[payload->offsets[i]] = false;
	if (epoch->prefix > payload->offsets[0])
		epoch->prefix = payload->offsets[0];
}

void checker_report(
    struct world *world, struct payload *payload, uint32_t records, enum report_outcome outcome)
{
	static const char *const names[] = { "acked", "failed", "refused", "stopped" };
	struct checked_epoch *epoch = epoch_of(world, payload->instance, payload->part);
	bool is_current = is_of(epoch, payload);

	trace(world, "instance %d: %" PRIu32 "@[%" PRId64 ",%" PRId64 ") %" PRIu32 " %s%s", payload->instance,
	    payload->part, payload->first, payload->end, records, names[outcome], is_current ? "" : ", late");
	payload->unreported -= records;
	payload->failed |= outcome != REPORT_ACKED;
	/* From here on all is sent again, what was acknowledged too: a repeat has no hole. */
	if (payload->failed && (payload->maybe_written || !world->plan.idempotent) && is_current &&
	    (epoch->repeat_from < 0 || payload->first < epoch->repeat_from))
		epoch->repeat_from = payload->first;
	if (payload->unreported > 0 || payload->failed)
		return;
	payload->settled = true;
	for (uint32_t i = 0; is_current && i < payload->records; i++) {
		epoch->settled[payload->offsets[i]] = true;
		epoch->overtaken[payload->offsets[i]] = false;
	}
}

void checker_sink_ready(struct world *world, int instance)
{
	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		struct checked_epoch *epoch = epoch_of(world, instance, part);

		if (!epoch->active || epoch->repeat_from < 0)
			continue;
		for (int64_t offset = epoch->repeat_from + 1; offset < epoch->end; offset++)
			epoch->overtaken[offset] = epoch->overtaken[offset] || epoch->settled[offset];
		epoch->repeat_from = -1;
	}
}

void checker_failed(struct world *world, const struct request *request)
{
	if (world->plan.idempotent)
		return;
	for (size_t i = 0; i < request->count; i++)
		world->checker.unordered[request->items[i].part] = true;
}

/* What an aborted transaction held is not settled. */
static void forget_settled(struct world *world, int instance)
{
	if (world->plan.delivery != DELIVERY_EXACTLY_ONCE)
		return;
	for (uint32_t part = 0; part < MAX_PARTS; part++) {
		struct checked_epoch *epoch = epoch_of(world, instance, part);
		int64_t from = epoch->told_committed;

		if (!epoch->active)
			continue;
		memset(epoch->settled + from, 0, (size_t)(MAX_OFFSETS - from) * sizeof epoch->settled[0]);
		if (epoch->prefix > from)
			epoch->prefix = from;
	}
}

void checker_recreate(struct world *world, const struct sink *sink)
{
	if (sink->held > 0)
		broken(world, "makes a new producer while the old one holds %" PRIu32 " records", sink->held);
	if (sink->txn.pending)
		broken(world, "makes a new producer while a transaction is being committed");
	forget_settled(world, sink->instance->number);
}

void checker_txn_begin(struct world *world, const struct sink *sink)
{
	if (world->cluster.producers[sink->producer].txn)
		broken(world, "begins a transaction within one");
}

void checker_txn_commit(struct world *world, const struct sink *sink, const struct mark *marks, size_t count)
{
	if (sink->held > 0)
		broken(world, "commits a transaction with %" PRIu32 " records in flight", sink->held);
	if (sink->txn.pending)
		broken(world, "commits a transaction twice");
	if (sink->state != SINK_MODEL_READY)
		broken(world, "commits a transaction of a producer that has failed");
	for (size_t i = 0; i < count; i++)
		check_mark(world, sink->instance->number, &marks[i]);
}

void checker_txn_done(struct world *world, int instance, enum txn_outcome outcome)
{
	const struct sink_txn *txn = &world->instances[instance].sink.txn;

	for (size_t i = 0; outcome == TXN_COMMITTED && i < txn->count; i++)
		if (epoch_of(world, instance, txn->marks[i].part)->active)
			note_committed(world, instance, txn->marks[i].part, txn->marks[i].offset);
	if (outcome == TXN_ABORTED)
		forget_settled(world, instance);
}

void checker_sink_closed(struct world *world, const struct sink *sink, bool killed)
{
	if (!killed && sink->held > 0)
		broken(world, "ends with %" PRIu32 " records in flight", sink->held);
}

/* ---- what the engine says, and what it holds ---- */

static struct payload *chunk_at(const struct world *world, int instance, uint32_t part, int64_t first)
{
	const struct checked_epoch *epoch = &world->checker.epochs[instance][part];
	struct payload *payload = world->instances[instance].source.payloads;

	while (payload &&
	       (payload->part != part || !is_of(epoch, payload) || payload->first != first || payload->stale))
		payload = payload->next;
	return payload;
}

static bool holds_poison(const struct payload *payload)
{
	for (uint32_t i = 0; i < payload->records; i++)
		if (payload->as_read[i].poison)
			return true;
	return false;
}

void checker_blocked(struct world *world, int instance, uint32_t part, int64_t offset)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);
	const struct payload *payload = chunk_at(world, instance, part, offset);

	trace(world, "instance %d blocks %" PRIu32 "@%" PRId64, instance, part, offset);
	if (!epoch->active || world->instances[instance].source.parts[part].tells_gap)
		return; /* a gap in the source */
	if (!payload || !holds_poison(payload))
		broken(world, "blocks partition %" PRIu32 " at %" PRId64 ", which can be delivered", part,
		    offset);
	else if (world->plan.on_error == ON_ERROR_SKIP && payload->records == 1)
		broken(world, "blocks partition %" PRIu32 " at %" PRId64 ", which can be skipped", part, offset);
	else if (world->plan.on_error == ON_ERROR_DEAD_LETTER && payload->records == 1 && !payload->stopped &&
		 !payload->as_read[0].poison_too)
		broken(world, "blocks partition %" PRIu32 " at %" PRId64 ", which can be a dead letter", part,
		    offset);
	epoch->blocked = true;
	epoch->blocked_at = offset;
	epoch->blocked_version = payload ? payload->as_read[0].version : 0;
}

void checker_told(struct world *world, int instance, uint32_t part, int64_t offset, enum unblock how)
{
	world->checker.told[part][offset][how] |= UINT64_C(1) << epoch_of(world, instance, part)->blocked_version;
}

void checker_unblocked(struct world *world, int instance, uint32_t part, int64_t offset, enum unblock how)
{
	const struct checked_epoch *epoch = epoch_of(world, instance, part);

	if (!world->checker.told[part][offset][how] && world->mutant == MUTANT_NONE)
		broken(world, "has done at %" PRIu32 "@%" PRId64 " what nobody told it", part, offset);
	if (!epoch->active || epoch->blocked)
		broken(world, "says that partition %" PRIu32 " goes on, and it does not", part);
}

void checker_begun_anew(struct world *world, uint32_t part, int64_t offset)
{
	struct checker *checker = &world->checker;
	size_t count = (size_t)(MAX_OFFSETS - offset);

	memset(checker->written[part] + offset, 0, count * sizeof checker->written[0][0]);
	memset(checker->committed_view[part] + offset, 0, count * sizeof checker->committed_view[0][0]);
	memset(checker->refused[part] + offset, 0, count * sizeof checker->refused[0][0]);
	memset(checker->skipped[part] + offset, 0, count * sizeof checker->skipped[0][0]);
	memset(checker->dead_letters[part] + offset, 0, count * sizeof checker->dead_letters[0][0]);
	memset(checker->dead_letters_view[part] + offset, 0, count * sizeof checker->dead_letters_view[0][0]);
	memset(checker->lost[part] + offset, 0, count * sizeof checker->lost[0][0]);
	memset(checker->killed[part] + offset, 0, count * sizeof checker->killed[0][0]);
	for (int i = 0; i < MAX_INSTANCES; i++)
		if (checker->epochs[i][part].end > offset)
			checker->epochs[i][part].cut = true;
	for (uint32_t target = 0; target < MAX_PARTS; target++) {
		struct checked_pair *pair = &checker->pairs[part][target];

		if (pair->first_missing > offset)
			pair->first_missing = offset;
		if (pair->last >= offset)
			pair->last = offset - 1;
	}
}

static bool is_current(const struct world *world, const struct payload *payload, int64_t offset)
{
	return source_log_is_current(&world->cluster.sources[payload->part], offset, payload->version);
}

void checker_gap(struct world *world, int instance, uint32_t part, int64_t offset)
{
	note_in_target(&world->checker.sendings[instance], part, offset);
	trace(world, "instance %d finds a gap at %" PRIu32 "@%" PRId64, instance, part, offset);
}

void checker_refused(struct world *world, int instance, uint32_t part, int64_t offset, enum error_policy policy)
{
	struct checked_epoch *epoch = epoch_of(world, instance, part);
	struct payload *payload = chunk_at(world, instance, part, offset);

	trace(world, "instance %d %s %" PRIu32 "@%" PRId64, instance,
	    policy == ON_ERROR_SKIP ? "skips" : "makes a dead letter of", part, offset);
	if (!payload || payload->refused || payload->records != 1 || !may_become(world, payload, policy) ||
	    policy == ON_ERROR_BLOCK || !holds_poison(payload)) {
		broken(world, "takes %" PRIu32 "@%" PRId64 " for refused", part, offset);
		return;
	}
	payload->refused = true;
	epoch->passed[payload->offsets[0]] = policy == ON_ERROR_SKIP;
	/* Only offsets tell what was sent, and later ones will be: a person may say dead letter where it is read again. */
	if (policy == ON_ERROR_SKIP)
		world->checker.sendings[instance].sent[part][payload->offsets[0]] = true;
	if (!is_current(world, payload, payload->offsets[0]))
		return;
	world->checker.refused[part][payload->offsets[0]] = true;
	if (policy == ON_ERROR_SKIP)
		world->checker.skipped[part][payload->offsets[0]] = true;
}

/* Has a record behind one at fault been written, or is a dead letter? Where the partition stops at the one at fault,
 * what was committed with them cannot be given back: they would be read again. */
static bool is_passed_by_written(const struct checked_epoch *epoch, const struct payload *payloads, uint32_t part)
{
	int64_t first_refused = INT64_MAX;
	int64_t last_written = -1;

	for (const struct payload *payload = payloads; payload; payload = payload->next) {
		if (payload->part != part || !is_of(epoch, payload))
			continue;
		if (payload->refused && payload->first < first_refused)
			first_refused = payload->first;
		if ((payload->maybe_written || payload->settled) && payload->first > last_written)
			last_written = payload->first;
	}
	return last_written >= first_refused;
}

/* May at_most_once lose it? Only what may be written, or comes before such a record, or can be sent no more, or
 * was committed together with one that is written. */
static bool may_be_lost(const struct world *world, int number, uint32_t part, int64_t offset)
{
	const struct instance *instance = &world->instances[number];
	const struct checked_epoch *epoch = &world->checker.epochs[number][part];
	const struct payload *payload = instance->source.payloads;

	if (!epoch->active || epoch->revoking || instance->draining || instance->failed ||
	    !chunk_at(world, number, part, offset))
		return true;
	for (; payload; payload = payload->next)
		if (payload->part == part && is_of(epoch, payload) &&
		    payload->end > offset && (payload->maybe_written || payload->settled))
			return true;
	return is_passed_by_written(epoch, instance->source.payloads, part);
}

/* Which chunk is said to be lost: the one whose report comes in, else one that an ended epoch still holds, else one of
 * the present; NULL none that is held. There may be more than one at an offset, where the log was truncated. */
static struct payload *lost_chunk_at(const struct world *world, int instance, uint32_t part, int64_t offset)
{
	const struct checked_epoch *epoch = &world->checker.epochs[instance][part];
	struct payload *payload = world->instances[instance].source.payloads;
	struct payload *found = world->checker.reporting;

	if (found && found->instance == instance && found->part == part && found->first == offset)
		return found;
	found = NULL;
	for (; payload; payload = payload->next)
		if (payload->part == part && payload->first == offset && !payload->stale && !payload->released &&
		    !payload->settled && !payload->told_lost && (!found || is_of(epoch, found)))
			found = payload;
	return found;
}

void checker_records_lost(struct world *world, int instance, uint32_t part, int64_t first, int64_t next)
{
	struct payload *chunk = lost_chunk_at(world, instance, part, first);
	/* Then the record that is at its offset now is not lost by that. */
	bool was_truncated = chunk && !is_of(&world->checker.epochs[instance][part], chunk) &&
	    !is_current(world, chunk, chunk->offsets[0]);

	trace(world, "lost: %" PRIu32 "@[%" PRId64 ",%" PRId64 ")", part, first, next);
	if (world->plan.delivery != DELIVERY_AT_MOST_ONCE ||
	    (!was_truncated && !may_be_lost(world, instance, part, first)))
		broken(world, "loses %" PRIu32 "@%" PRId64, part, first);
	if (chunk)
		chunk->told_lost = true;
	for (int64_t offset = first; offset < next; offset++)
		if (!chunk || is_current(world, chunk, offset))
			world->checker.lost[part][offset] = true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Commit policy: what is settled is committed after the interval, or a while later where commits fail. */
static void check_commit_interval(struct world *world, int number, uint32_t part)
{
	struct checked_epoch *epoch = epoch_of(world, number, part);
	int64_t since_us;

	if (world->plan.delivery != DELIVERY_AT_LEAST_ONCE || !epoch->active)
		return;
	if (!has_uncommitted(world, epoch, part) || world->checker.commit_pending[number]) {
		epoch->uncommitted_us = 0;
		return;
	}
	if (epoch->uncommitted_us == 0)
		epoch->uncommitted_us = world->now_us;
	since_us = later(epoch->uncommitted_us, world->instances[number].frozen_until_us);
	if (world->now_us > since_us + world->plan.commit_interval_us + longest_back_off_us)
		broken(world, "does not commit what is settled in partition %" PRIu32, part);
}

static void check_repeats(struct world *world, const struct instance *instance)
{
	const struct checked_sending *sending = &world->checker.sendings[instance->number];
	uint64_t counted = instance_repeated_records(instance);

	if (counted > sending->sent_again)
		broken(world, "counts %" PRIu64 " records as sent again, of %" PRIu64, counted, sending->sent_again);
	if (counted < sending->written_again && world->plan.delivery == DELIVERY_AT_LEAST_ONCE)
		broken(world, "has written %" PRIu64 " records again, and counts %" PRIu64, sending->written_again,
		    counted);
}

void checker_stepped(struct world *world, int number)
{
	const struct instance *instance = &world->instances[number];
	const struct source *source = &instance->source;
	const struct plan *plan = &world->plan;

	check_repeats(world, instance);
	if (instance->sink.state == SINK_MODEL_READY &&
	    instance->sink.producer == world->checker.lost_with[number])
		broken(world, "goes on with a producer that holds records of a lost partition");
	if (engine_is_at_rest(instance->engine) && source->held_records > 0)
		broken(world, "is at rest, but holds %" PRIu64 " records", source->held_records);
	if (source->held_records > plan->window_records)
		broken(world, "holds %" PRIu64 " records, window %" PRIu32, source->held_records,
		    plan->window_records);
	if (source->held_bytes > plan->window_bytes + FETCH_SLICE * MAX_RECORD_BYTES)
		broken(world, "holds %" PRIu64 " bytes, window %" PRIu64, source->held_bytes,
		    plan->window_bytes);
	for (uint32_t part = 0; part < plan->parts; part++) {
		const struct checked_epoch *epoch = &world->checker.epochs[number][part];
		int64_t from_us = later(epoch->revoked_us, instance->frozen_until_us);

		check_commit_interval(world, number, part);
		if (source->part_held_records[part] > plan->partition_window_records)
			broken(world, "holds %" PRIu32 " records of partition %" PRIu32 ", window %" PRIu32,
			    source->part_held_records[part], part, plan->partition_window_records);
		if (epoch->revoking && world->now_us > from_us + instance->revoke_timeout_us + grace_us)
			broken(world, "holds the revoked partition %" PRIu32 " for too long", part);
	}
	if (instance->draining &&
	    world->now_us > later(instance->drain_deadline_us, instance->frozen_until_us) + grace_us)
		broken(world, "does not end its drain");
}

void checker_drained(struct world *world, int number, bool clean)
{
	const struct instance *instance = &world->instances[number];
	const struct payload *payload = instance->source.payloads;

	trace(world, "instance %d is drained, %s", number, clean ? "clean" : "not clean");
	if (world->plan.delivery != DELIVERY_AT_LEAST_ONCE || !clean)
		return;
	for (; payload; payload = payload->next) {
		int64_t committed = world->cluster.sources[payload->part].committed;
		const struct checked_epoch *epoch = &world->checker.epochs[number][payload->part];
		bool is_owner = world->group.parts[payload->part].claim == payload->claim;

		/* What a revoke or an earlier epoch left behind is not the drain's. */
		if (payload->submitted && is_owner && !epoch->given_up &&
		    payload->epoch >= epoch->first_epoch && payload->end > committed && !epoch->blocked)
			broken(world, "calls its drain clean, but %" PRIu32 "@%" PRId64 " will be read again",
			    payload->part, payload->first);
	}
}
