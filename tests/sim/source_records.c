/* The part of the simulated consumer that delivers records. */
#include <inttypes.h>
#include "base/memory.h"
#include "shim.h"
#include "source.h"
#include "world.h"

static struct payload *new_payload(struct source *source, uint32_t part)
{
	struct payload *payload = xcalloc(1, sizeof *payload);

	payload->instance = source->instance->number;
	payload->part = part;
	payload->epoch = source->parts[part].epoch;
	payload->claim = source->parts[part].claim;
	payload->version = source->world->cluster.sources[part].version;
	payload->next = source->payloads;
	source->payloads = payload;
	return payload;
}

static void add_record(struct payload *payload, const struct source_log *log, int64_t offset)
{
	payload->as_read[payload->records] = log->records[offset];
	payload->offsets[payload->records++] = offset;
}

static void emit(struct source *source, struct payload *payload)
{
	struct random *random = &source->world->random;
	struct chunk chunk = { .part = payload->part, .epoch = payload->epoch, .first = payload->first,
		.next = payload->end, .records = payload->records, .leader_epoch = 1, .payload = payload };

	payload->bytes = chunk.bytes = 40 + payload->records * (1 + random_below(random, 100));
	chunk.payload_bytes = chunk.bytes - 40;
	source->held_records += payload->records;
	source->held_bytes += payload->bytes;
	source->part_held_records[payload->part] += payload->records;
	checker_chunk(source->world, payload);
	shim_chunk(source->instance, &chunk);
}

/* An offset that has been delivered already, or one of an epoch that is over: it must be dropped. */
static void emit_stale(struct source *source, uint32_t part)
{
	const struct source_part *read = &source->parts[part];
	const struct source_log *log = &source->world->cluster.sources[part];
	struct payload *payload;
	int64_t offset = read->position - 1;

	while (offset >= log->start && !source_log_has(log, offset))
		offset--;
	if (offset < log->start)
		return;
	payload = new_payload(source, part);
	payload->stale = true;
	payload->first = offset;
	payload->end = offset + 1;
	add_record(payload, log, offset);
	if (random_chance(&source->world->random, 500)) {
		payload->epoch--;
		payload->first = payload->end = read->position;
		payload->end++;
	}
	emit(source, payload);
}

/* The next chunk of at most max_records, or NULL at the end of the log. */
static struct payload *next_chunk(struct source *source, uint32_t part, uint32_t max_records)
{
	struct source_part *read = &source->parts[part];
	const struct source_log *log = &source->world->cluster.sources[part];
	uint32_t wanted = 1 + random_below(&source->world->random, source->world->plan.chunk_max);
	bool padded = source->world->plan.chunk_max > 1 && random_chance(&source->world->random, 300);
	struct payload *payload = NULL;
	int64_t first = read->position;

	if (wanted > max_records)
		wanted = max_records;
	while (read->position < log->end && (!payload || payload->records < wanted)) {
		int64_t offset = read->position++;

		if (!source_log_has(log, offset))
			continue;
		if (!payload) {
			payload = new_payload(source, part);
			/* A compacted batch begins before its first record. */
			payload->first = padded ? first : offset;
		}
		add_record(payload, log, offset);
		payload->end = offset + 1;
	}
	/* ... and may end behind its last one. */
	while (payload && padded && read->position < log->end && !source_log_has(log, read->position))
		payload->end = ++read->position;
	/* The search may have gone over gaps behind the last record: they are seen again, with the next. */
	if (payload)
		read->position = payload->end;
	return payload;
}

/* Retention overtakes the reader: it will go on at a record further ahead. */
void source_skip_ahead(struct source *source, uint32_t part, int64_t from)
{
	struct source_part *read = &source->parts[part];
	struct source_log *log = &source->world->cluster.sources[part];
	int64_t to = from + random_below(&source->world->random, 10);

	while (to < log->end && !source_log_has(log, to))
		to++;
	if (to >= log->end)
		return;
	for (int64_t offset = from; offset < to; offset++)
		log->records[offset].expired = true;
	read->skip_to = to;
}

uint32_t source_fetch(void *opaque, uint32_t part, uint32_t max_records)
{
	struct source *source = opaque;
	struct world *world = source->world;
	struct source_part *read = &source->parts[part];
	const struct source_log *log = &world->cluster.sources[part];
	uint32_t taken = 0;

	if (instance_is_dead(source->instance))
		return 0;
	checker_fetch(world, source->instance->number, part);
	if (read->state != SOURCE_READING)
		return 0;
	if (read->position > log->end) {
		source_is_past_end(source, part);
		return 0;
	}
	if (random_chance(&world->random, world->plan.source_reset)) {
		trace(world, "instance %d has lost its position in %" PRIu32, source->instance->number, part);
		source_resolve_again(source, part);
		if (random_chance(&world->random, 500))
			source_skip_ahead(source, part, read->position);
		return 0;
	}
	if (random_chance(&world->random, world->plan.fetch_stale))
		emit_stale(source, part);
	while (taken < max_records && !instance_is_dead(source->instance)) {
		struct payload *payload;

		if (random_chance(&world->random, world->plan.fetch_empty)) {
			source->wake_us = source_after(source, world->plan.net_max_us);
			return taken;
		}
		payload = next_chunk(source, part, max_records - taken);
		if (!payload) {
			read->asleep = true;
			if (log->end > read->told_position) {
				read->told_position = log->end;
				checker_position(world, source->instance->number, part, log->end);
				shim_position(source->instance, part, read->epoch, log->end);
			}
			return taken;
		}
		taken += payload->records;
		emit(source, payload);
	}
	return taken;
}
