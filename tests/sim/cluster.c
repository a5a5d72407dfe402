#include "cluster.h"
#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/memory.h"
#include "world.h"

void cluster_init(struct world *world)
{
	struct cluster *cluster = &world->cluster;

	for (uint32_t part = 0; part < world->plan.parts; part++) {
		struct source_log *log = &cluster->sources[part];

		log->start = log->end = random_between(&world->random, 0, 3);
		log->committed = log->first_committed = log->start;
	}
	/* Index 0 means none. */
	cluster->producers = xcalloc(1, sizeof *cluster->producers);
	cluster->txns = xcalloc(1, sizeof *cluster->txns);
	cluster->producer_count = cluster->txn_count = 1;
}

void cluster_clear(struct world *world)
{
	struct cluster *cluster = &world->cluster;

	for (size_t i = 0; i < cluster->request_count; i++) {
		free(cluster->requests[i]->items);
		free(cluster->requests[i]);
	}
	for (uint32_t target = 0; target < MAX_TARGETS; target++)
		free(cluster->targets[target].entries);
	free(cluster->requests);
	free(cluster->producers);
	free(cluster->txns);
	free(cluster->late_ends);
}

/* ---- the source's side ---- */

static bool is_full(const struct source_log *log, const struct plan *plan)
{
	return log->end - log->start >= plan->offsets_each;
}

/* Does somebody commit an offset behind this one, or will, when what it has asked for gets through? */
static bool is_passed_by_commit(const struct world *world, uint32_t part, int64_t offset)
{
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		const struct source_commit *commit = &world->instances[i].source.commit;
		const struct sink_txn *txn = &world->instances[i].sink.txn;

		for (size_t k = 0; commit->pending && k < commit->count; k++)
			if (commit->marks[k].part == part && commit->marks[k].offset > offset)
				return true;
		for (size_t k = 0; txn->pending && k < txn->count; k++)
			if (txn->marks[k].part == part && txn->marks[k].offset > offset)
				return true;
	}
	for (uint32_t i = 1; i < world->cluster.txn_count; i++) {
		const struct txn *txn = &world->cluster.txns[i];

		for (size_t k = 0; txn->status == TXN_STATUS_PENDING && k < txn->mark_count; k++)
			if (txn->marks[k].part == part && txn->marks[k].offset > offset)
				return true;
	}
	return world->cluster.sources[part].committed > offset;
}

static bool is_passed_by_reader(const struct world *world, uint32_t part, int64_t offset)
{
	for (uint32_t i = 0; i < world->plan.instances; i++) {
		const struct source_part *read = &world->instances[i].source.parts[part];

		if (world->instances[i].is_running && read->state != SOURCE_NONE &&
		    (read->position > offset || read->skip_to > offset))
			return true;
	}
	return false;
}

/* A log that was truncated does not grow until that was seen: once it has grown past where somebody reads, or commits,
 * nobody sees it any more. */
static bool is_held(const struct world *world, uint32_t part)
{
	const struct source_log *log = &world->cluster.sources[part];

	return log->version > 0 && (is_passed_by_reader(world, part, log->end) || is_passed_by_commit(world, part, log->end));
}

bool cluster_is_complete(const struct world *world)
{
	for (uint32_t part = 0; part < world->plan.parts; part++)
		if (!is_full(&world->cluster.sources[part], &world->plan) && !is_held(world, part))
			return false;
	return true;
}

void cluster_truncate(struct world *world, uint32_t part)
{
	struct source_log *log = &world->cluster.sources[part];
	int64_t end = log->end - random_between(&world->later, 1, 10);

	if (world->plan.truncate_at_commit && log->committed < log->end)
		end = log->committed;
	if (end < log->first_committed)
		return;
	trace(world, "source %" PRIu32 " is truncated from %" PRId64 " to %" PRId64, part, log->end, end);
	log->end = end;
	log->version++;
	for (int64_t i = end; i < MAX_OFFSETS; i++)
		log->records[i] = (struct source_record){ .version = log->version };
	checker_begun_anew(world, part, end);
}

static void append(struct world *world, uint32_t part)
{
	struct source_log *log = &world->cluster.sources[part];
	struct random *random = &world->random;
	uint32_t count = 1 + random_below(random, random_chance(random, 100) ? 60 : 8);

	while (count-- > 0 && !is_held(world, part) && !is_full(log, &world->plan)) {
		struct source_record *record = &log->records[log->end++];

		record->data = !random_chance(random, world->plan.gaps);
		record->target = world->plan.keyed ? random_below(random, world->plan.targets) : part;
		if (record->data && random_chance(random, world->plan.poison))
			record->poison = POISON_ALONE + random_below(random, 3);
		record->poison_too = record->poison && random_chance(&world->later, world->plan.poison_too);
	}
	trace(world, "source %" PRIu32 " grows to %" PRId64, part, log->end);
	for (int i = 0; i < MAX_INSTANCES; i++)
		source_wake(&world->instances[i].source, part);
}

void cluster_commit(struct world *world, uint32_t part, int64_t offset)
{
	trace(world, "committed offset of %" PRIu32 ": %" PRId64 " -> %" PRId64, part,
	    world->cluster.sources[part].committed, offset);
	world->cluster.sources[part].committed = offset;
	checker_committed(world, part, offset);
}

/* ---- the target's side ---- */

uint32_t cluster_new_producer(struct world *world, int instance)
{
	struct cluster *cluster = &world->cluster;

	cluster->producers =
	    xreallocarray(cluster->producers, cluster->producer_count + 1, sizeof *cluster->producers);
	cluster->producers[cluster->producer_count] = (struct producer){ .instance = instance, .life = world->instances[instance].life };
	return cluster->producer_count++;
}

void cluster_retire_producer(struct world *world, uint32_t number)
{
	struct cluster *cluster = &world->cluster;
	struct producer *producer = &cluster->producers[number];
	int64_t last_us[MAX_TARGETS] = { 0 };
	bool missing[MAX_TARGETS] = { false };

	if (producer->retired)
		return;
	producer->retired = true;
	for (size_t i = cluster->first_open; i < cluster->request_count; i++) {
		struct request *request = cluster->requests[i];
		uint32_t target = request->target;

		if (request->producer != number || request->done)
			continue;
		if (random_chance(&world->random, 300))
			request->write_us += random_between(&world->random, 0, 3 * USEC_PER_SEC);
		/* They arrive in order, and none behind one that is missing. */
		if (request->write_us < last_us[target])
			request->write_us = last_us[target];
		last_us[target] = request->write_us;
		missing[target] |= !random_chance(&world->random, world->plan.zombie);
		request->done = missing[target];
	}
}

struct request *cluster_send(struct world *world, const struct request *request)
{
	struct cluster *cluster = &world->cluster;
	struct request *copy = xcalloc(1, sizeof *copy);

	*copy = *request;
	cluster->requests =
	    xreallocarray(cluster->requests, cluster->request_count + 1, sizeof(struct request *));
	cluster->requests[cluster->request_count++] = copy;
	return copy;
}

/* first_time: else its client has sent it twice, and does not tell. */
static void write_record(
    struct world *world, const struct request *request, const struct item *item, bool first_time)
{
	struct target_log *log = &world->cluster.targets[request->target];
	const struct producer *producer = &world->cluster.producers[request->producer];
	struct target_entry *entry;

	if (log->count == log->capacity) {
		log->capacity = log->capacity ? log->capacity * 2 : 64;
		log->entries = xreallocarray(log->entries, log->capacity, sizeof *log->entries);
	}
	entry = &log->entries[log->count++];
	*entry = (struct target_entry){ .part = item->part, .offset = item->offset, .txn = request->txn,
		.version = item->payload->version,
		.stray = producer->retired || world->group.parts[item->part].claim != item->claim };
	checker_written(world, request->target, entry);
	if (first_time)
		checker_written_by(world, request, item);
}

/* As Kafka has it, a request of a producer that it does not know there fits whatever its number. Not where that breaks an
 * order that is not promised: several partitions write to one of the target, one slot is sent in several requests, or all
 * of it is aborted. */
static bool fits_unknown(const struct world *world, uint32_t target)
{
	return !world->plan.keyed && world->plan.chunk_max == 1 && target != DEAD_LETTERS &&
	       world->plan.delivery != DELIVERY_EXACTLY_ONCE;
}

static void arrive(struct world *world, struct request *request)
{
	struct producer *producer = &world->cluster.producers[request->producer];
	bool fits = !producer->fenced && !producer->broken[request->target];

	request->done = true;
	/* An idempotent producer's request fits only behind its predecessor; the broker refuses it else. */
	if (!fits || (request->fate != FATE_WRITTEN && request->fate != FATE_FAILED_WRITTEN)) {
		if (world->plan.idempotent &&
		    (!fits || producer->known[request->target] || !fits_unknown(world, request->target)))
			producer->broken[request->target] = true;
		if (producer->fenced && !producer->retired)
			request->fate = FATE_FAILED;
		trace(world, "target %" PRIu32 " does not take a request of producer %" PRIu32,
		    request->target, request->producer);
		return;
	}
	producer->known[request->target] = true;
	for (int round = 0; round < 1 + request->twice; round++)
		for (size_t i = 0; i < request->count; i++)
			write_record(world, request, &request->items[i], round == 0);
	trace(world, "target %" PRIu32 " <- producer %" PRIu32 ": %" PRIu32 "@%" PRId64 "..%" PRId64 "%s%s",
	    request->target, request->producer, request->items[0].part, request->items[0].offset,
	    request->items[request->count - 1].offset, request->twice ? " twice" : "",
	    producer->retired ? " stray" : "");
}

/* ---- transactions ---- */

uint32_t cluster_begin_txn(struct world *world, uint32_t producer)
{
	struct cluster *cluster = &world->cluster;

	cluster->txns = xreallocarray(cluster->txns, cluster->txn_count + 1, sizeof *cluster->txns);
	cluster->txns[cluster->txn_count] = (struct txn){ .producer = producer, .timeout_us = CLOCK_NEVER };
	cluster->producers[producer].txn = cluster->txn_count;
	return cluster->txn_count++;
}

void cluster_start_txn(struct world *world, uint32_t number)
{
	struct txn *txn = &world->cluster.txns[number];

	if (!txn->started && world->plan.txn_expires)
		txn->timeout_us = world->now_us + world->plan.txn_timeout_us;
	txn->started = true;
}

void cluster_add_offsets(struct world *world, uint32_t number, const struct txn_mark *marks, size_t count)
{
	struct txn *txn = &world->cluster.txns[number];

	txn->status = TXN_STATUS_PENDING;
	txn->mark_count = count;
	for (size_t i = 0; i < count; i++) {
		txn->marks[i] = marks[i];
		world->cluster.sources[marks[i].part].pending_txns++;
	}
}

void cluster_end_txn(struct world *world, uint32_t number, bool commit)
{
	struct txn *txn = &world->cluster.txns[number];

	if (txn->status == TXN_STATUS_COMMITTED || txn->status == TXN_STATUS_ABORTED)
		return;
	if (txn->status == TXN_STATUS_PENDING)
		for (size_t i = 0; i < txn->mark_count; i++)
			world->cluster.sources[txn->marks[i].part].pending_txns--;
	else
		commit = false;
	commit = commit && !txn->unasked;
	txn->status = commit ? TXN_STATUS_COMMITTED : TXN_STATUS_ABORTED;
	world->cluster.producers[txn->producer].txn = 0;
	if (!world->cluster.producers[txn->producer].retired)
		txn->timeout_us = CLOCK_NEVER;
	trace(world, "transaction %" PRIu32 " %s", number, commit ? "committed" : "aborted");
	if (!commit)
		return;
	checker_txn_committed(world, number);
	for (size_t i = 0; i < txn->mark_count; i++)
		cluster_commit(world, txn->marks[i].part, txn->marks[i].offset);
}

void cluster_end_late(struct world *world, uint32_t producer, bool commit, int64_t due_us)
{
	struct cluster *cluster = &world->cluster;

	cluster->late_ends =
	    xreallocarray(cluster->late_ends, cluster->late_end_count + 1, sizeof *cluster->late_ends);
	cluster->late_ends[cluster->late_end_count++] =
	    (struct late_end){ .producer = producer, .commit = commit, .due_us = due_us };
}

static void late_end_arrives(struct world *world, const struct late_end *end)
{
	const struct producer *producer = &world->cluster.producers[end->producer];
	uint32_t number = producer->txn;

	trace(world, "late %s of producer %" PRIu32 "%s", end->commit ? "commit" : "abort", end->producer,
	    producer->fenced ? ", fenced" : "");
	if (producer->fenced || !number)
		return;
	/* Before its offsets were added it is committed without them. */
	if (world->cluster.txns[number].status == TXN_STATUS_OPEN)
		cluster_add_offsets(world, number, NULL, 0);
	cluster_end_txn(world, number, end->commit);
	/* What its client sends now belongs to another one, for the brokers. */
	cluster_begin_txn(world, end->producer);
}

void cluster_fence(struct world *world, uint32_t number)
{
	struct producer *producer = &world->cluster.producers[number];

	producer->fenced = true;
	if (producer->txn)
		cluster_end_txn(world, producer->txn, random_chance(&world->random, 500));
}

/* It has taken too long. Of an owner that lives it is aborted, unless its end has been asked for; who owns it learns of
 * that with the next thing it asks for. */
static void expire(struct world *world, struct txn *txn)
{
	const struct producer *producer = &world->cluster.producers[txn->producer];

	txn->timeout_us = CLOCK_NEVER;
	trace(world, "a transaction of producer %" PRIu32 " has timed out%s", txn->producer,
	    producer->retired ? "" : ", and it lives");
	if (!producer->retired && !world->instances[producer->instance].sink.txn.ended)
		txn->unasked = true;
	cluster_fence(world, txn->producer);
}

/* ---- time ---- */

static struct request *next_request(const struct cluster *cluster)
{
	struct request *next = NULL;

	for (size_t i = cluster->first_open; i < cluster->request_count; i++) {
		struct request *request = cluster->requests[i];

		if (!request->done && (!next || request->write_us < next->write_us))
			next = request;
	}
	return next;
}

int64_t cluster_next_us(const struct world *world)
{
	const struct cluster *cluster = &world->cluster;
	const struct request *request = next_request(cluster);
	int64_t next_us = request ? request->write_us : CLOCK_NEVER;

	if (!cluster_is_complete(world) && cluster->next_append_us < next_us)
		next_us = cluster->next_append_us;
	for (uint32_t i = 1; i < cluster->txn_count; i++)
		if (cluster->txns[i].status <= TXN_STATUS_PENDING && cluster->txns[i].timeout_us < next_us)
			next_us = cluster->txns[i].timeout_us;
	for (size_t i = 0; i < cluster->late_end_count; i++)
		if (cluster->late_ends[i].due_us < next_us)
			next_us = cluster->late_ends[i].due_us;
	return next_us;
}

void cluster_run(struct world *world)
{
	struct cluster *cluster = &world->cluster;
	struct request *request;

	while ((request = next_request(cluster)) != NULL && request->write_us <= world->now_us)
		arrive(world, request);
	while (cluster->first_open < cluster->request_count && cluster->requests[cluster->first_open]->done)
		cluster->first_open++;
	if (world->now_us >= cluster->next_append_us && !cluster_is_complete(world)) {
		append(world, random_below(&world->random, world->plan.parts));
		cluster->next_append_us =
		    world->now_us + random_between(&world->random, 0, world->plan.append_max_us);
	}
	for (uint32_t i = 1; i < cluster->txn_count; i++)
		if (cluster->txns[i].timeout_us <= world->now_us)
			expire(world, &cluster->txns[i]);
	for (size_t i = 0; i < cluster->late_end_count; i++)
		if (cluster->late_ends[i].due_us <= world->now_us) {
			cluster->late_ends[i].due_us = CLOCK_NEVER;
			late_end_arrives(world, &cluster->late_ends[i]);
		}
}
