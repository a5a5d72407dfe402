/* The part of the checker that looks at the logs: order, repeats, losses. */
#include <inttypes.h>
#include "checker.h"
#include "world.h"

/* The next record of this partition for this target, from offset on; the log's end when there is none yet. */
static int64_t next_of_pair(const struct world *world, uint32_t part, uint32_t target, int64_t offset)
{
	const struct source_log *log = &world->cluster.sources[part];

	while (offset < log->end && (!source_log_has(log, offset) || log->records[offset].target != target ||
					world->checker.refused[part][offset]))
		offset++;
	return offset;
}

static void check_order(struct world *world, uint32_t target, const struct target_entry *entry)
{
	struct checker *checker = &world->checker;
	struct checked_pair *pair = &checker->pairs[entry->part][target];
	int64_t offset = entry->offset;

	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE) {
		if (!entry->stray && offset <= pair->last)
			broken(world, "writes %" PRIu32 "@%" PRId64 " after %" PRId64, entry->part, offset,
			    pair->last);
	} else if (!checker->unordered[entry->part]) {
		pair->first_missing = next_of_pair(world, entry->part, target, pair->first_missing);
		if (offset > pair->first_missing)
			broken(world, "writes %" PRIu32 "@%" PRId64 " before %" PRId64, entry->part, offset,
			    pair->first_missing);
		if (!entry->stray && pair->last >= 0 &&
		    offset > next_of_pair(world, entry->part, target, pair->last + 1))
			broken(world, "writes %" PRIu32 "@%" PRId64 " right after %" PRId64, entry->part,
			    offset, pair->last);
		if (offset == pair->first_missing)
			pair->first_missing++;
	}
	if (!entry->stray)
		pair->last = offset;
}

/* Else it is of a log that was truncated. */
static bool is_current(const struct world *world, const struct target_entry *entry)
{
	return source_log_is_current(&world->cluster.sources[entry->part], entry->offset, entry->version);
}

static void dead_letter_written(struct world *world, const struct target_entry *entry)
{
	uint32_t *count = &world->checker.dead_letters[entry->part][entry->offset];

	if (!world->checker.refused[entry->part][entry->offset])
		broken(world, "%" PRIu32 "@%" PRId64 " is a dead letter for no reason", entry->part, entry->offset);
	if (++*count > 1 && world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		broken(world, "writes the dead letter of %" PRIu32 "@%" PRId64 " twice", entry->part, entry->offset);
}

void checker_written(struct world *world, uint32_t target, const struct target_entry *entry)
{
	struct checker *checker = &world->checker;

	if (!is_current(world, entry))
		return;
	if (target == DEAD_LETTERS) {
		dead_letter_written(world, entry);
		return;
	}
	check_order(world, target, entry);
	checker->written[entry->part][entry->offset]++;
	if (checker->written[entry->part][entry->offset] == 1)
		return;
	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		broken(world, "writes %" PRIu32 "@%" PRId64 " twice", entry->part, entry->offset);
	else if (world->plan.faultless && world->plan.delivery == DELIVERY_AT_LEAST_ONCE)
		broken(world, "writes %" PRIu32 "@%" PRId64 " twice without a reason", entry->part,
		    entry->offset);
}

void checker_written_by(struct world *world, const struct request *request, const struct item *item)
{
	const struct producer *producer = &world->cluster.producers[request->producer];
	struct checked_sending *sending = &world->checker.sendings[producer->instance];
	bool *written = &sending->written[item->part][item->offset][request->target == DEAD_LETTERS];

	if (producer->life != world->instances[producer->instance].life)
		return; /* another process of this number does not know of it */
	sending->written_again += *written;
	*written = true;
}

/* Is it where a reader with the right isolation sees it? */
static bool has_arrived(const struct world *world, uint32_t part, int64_t offset)
{
	const struct checker *checker = &world->checker;

	if (checker->skipped[part][offset])
		return true;
	if (checker->refused[part][offset] && world->plan.delivery == DELIVERY_EXACTLY_ONCE)
		return checker->dead_letters_view[part][offset] > 0;
	if (checker->refused[part][offset])
		return checker->dead_letters[part][offset] > 0;
	if (world->plan.delivery == DELIVERY_EXACTLY_ONCE)
		return checker->committed_view[part][offset] > 0;
	return checker->written[part][offset] > 0;
}

void checker_committed(struct world *world, uint32_t part, int64_t committed)
{
	const struct source_log *log = &world->cluster.sources[part];

	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		return;
	for (int64_t offset = log->first_committed; offset < committed; offset++)
		if (source_log_has(log, offset) && !has_arrived(world, part, offset)) {
			broken(world, "%" PRIu32 "@%" PRId64 " is committed, but %" PRId64 " has not arrived",
			    part, committed, offset);
			return;
		}
}

void checker_txn_committed(struct world *world, uint32_t txn)
{
	struct checker *checker = &world->checker;

	for (uint32_t target = 0; target < MAX_TARGETS; target++) {
		const struct target_log *log = &world->cluster.targets[target];

		for (size_t i = 0; i < log->count; i++) {
			const struct target_entry *entry = &log->entries[i];
			uint32_t *seen = target == DEAD_LETTERS
			    ? &checker->dead_letters_view[entry->part][entry->offset]
			    : &checker->committed_view[entry->part][entry->offset];

			if (entry->txn == txn && is_current(world, entry) && ++*seen > 1)
				broken(world, "%" PRIu32 "@%" PRId64 " is committed twice", entry->part,
				    entry->offset);
		}
	}
}

/* ---- the end ---- */

/* Where its present owner has blocked a partition; -1 nowhere. */
static int64_t blocked_at(const struct world *world, uint32_t part)
{
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		const struct checked_epoch *epoch = &world->checker.epochs[i][part];

		if (epoch->active && epoch->blocked &&
		    world->instances[i].source.parts[part].claim == world->group.parts[part].claim)
			return epoch->blocked_at;
	}
	return -1;
}

/* Up to where a partition can be relayed. */
static int64_t reachable_end(const struct world *world, uint32_t part)
{
	const struct source_log *log = &world->cluster.sources[part];
	int64_t end = blocked_at(world, part);

	if (end < 0)
		return log->end;
	/* The mark stands behind the last record before the block, not behind the gap. */
	while (end > log->first_committed && !source_log_has(log, end - 1))
		end--;
	return end;
}

bool checker_is_complete(const struct world *world)
{
	if (!cluster_is_complete(world))
		return false;
	for (uint32_t part = 0; part < world->plan.parts; part++) {
		const struct source_log *log = &world->cluster.sources[part];
		int64_t end = reachable_end(world, part);

		if (log->committed < end)
			return false;
		/* What was committed beyond a block is given back, or said to be lost. */
		for (int64_t offset = end; offset < log->committed && blocked_at(world, part) >= 0; offset++)
			if (source_log_has(log, offset) && !has_arrived(world, part, offset) &&
			    !world->checker.lost[part][offset])
				return false;
		for (int64_t offset = log->first_committed; offset < end; offset++)
			if (source_log_has(log, offset) && !has_arrived(world, part, offset) &&
			    world->plan.delivery != DELIVERY_AT_MOST_ONCE)
				return false;
	}
	return true;
}

/* A reader of committed records sees each once, in order. */
static void check_committed_view(struct world *world)
{
	int64_t last[MAX_PARTS][MAX_PARTS] = { { 0 } };

	for (uint32_t target = 0; target < world->plan.targets; target++) {
		const struct target_log *log = &world->cluster.targets[target];

		for (size_t i = 0; i < log->count; i++) {
			const struct target_entry *entry = &log->entries[i];
			int64_t *before = &last[entry->part][target];

			if (world->cluster.txns[entry->txn].status != TXN_STATUS_COMMITTED || !is_current(world, entry))
				continue;
			if (entry->offset + 1 <= *before)
				broken(world, "a reader sees %" PRIu32 "@%" PRId64 " after %" PRId64,
				    entry->part, entry->offset, *before - 1);
			*before = entry->offset + 1;
		}
	}
}

static void check_losses(struct world *world)
{
	const struct checker *checker = &world->checker;

	for (uint32_t part = 0; part < world->plan.parts; part++) {
		const struct source_log *log = &world->cluster.sources[part];

		for (int64_t offset = log->first_committed; offset < log->committed; offset++)
			if (source_log_has(log, offset) && !has_arrived(world, part, offset) &&
			    !checker->lost[part][offset] && !checker->killed[part][offset])
				broken(world, "%" PRIu32 "@%" PRId64 " is lost, and nobody says so", part,
				    offset);
	}
}

/* Without idempotence a failure may leave a later record before an earlier one. All of them are sent again
 * then: who keeps the last copy of each has them in order. */
static void check_last_copies(struct world *world, uint32_t part, uint32_t target)
{
	const struct target_log *log = &world->cluster.targets[target];
	bool seen[MAX_OFFSETS] = { false };
	int64_t lowest = world->checker.relayed_to[part];

	for (size_t i = log->count; i-- > 0;) {
		const struct target_entry *entry = &log->entries[i];

		/* What retention took meanwhile could not be read and sent again. */
		if (entry->part != part || entry->stray || !is_current(world, entry) || entry->offset >= world->checker.relayed_to[part] ||
		    !source_log_has(&world->cluster.sources[part], entry->offset) || seen[entry->offset])
			continue;
		seen[entry->offset] = true;
		if (entry->offset > lowest)
			broken(world, "the last copy of %" PRIu32 "@%" PRId64 " lies before that of %" PRId64,
			    part, entry->offset, lowest);
		lowest = entry->offset;
	}
}

void checker_calm(struct world *world)
{
	for (uint32_t part = 0; part < world->plan.parts; part++)
		world->checker.relayed_to[part] = reachable_end(world, part);
}

void checker_final(struct world *world)
{
	for (uint32_t part = 0; part < world->plan.parts; part++)
		for (uint32_t target = 0; target < world->plan.targets; target++)
			if (world->plan.delivery == DELIVERY_AT_LEAST_ONCE && world->checker.unordered[part])
				check_last_copies(world, part, target);
	if (world->plan.delivery == DELIVERY_AT_MOST_ONCE)
		check_losses(world);
	if (world->plan.delivery == DELIVERY_EXACTLY_ONCE)
		check_committed_view(world);
}
