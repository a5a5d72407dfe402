#include "core/prefetch_turns.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"

/* A turn is so many times what the part holds at once: what its end throws away is little against it. */
enum { TURN_READS = 4 };

/* A part that holds nothing and of which nothing has come for so long has nothing to fetch. */
static const int64_t idle_us = 250 * USEC_PER_MSEC;

/* A part that holds something and of which nothing is read for so long has its turn taken away. Longer while nothing
 * is read of any part, whole rounds through: each round fetches anew what the one before has thrown away. */
static const int64_t stall_us = USEC_PER_SEC;
enum { STALL_DOUBLINGS_MAX = 5 };

void prefetch_turns_init(struct prefetch_turns *turns, uint64_t bound_bytes)
{
	*turns = (struct prefetch_turns){ .bound_bytes = bound_bytes };
}

void prefetch_turns_clear(struct prefetch_turns *turns)
{
	free(turns->parts);
	free(turns->line);
	free(turns->changes);
	*turns = (struct prefetch_turns){ 0 };
}

static void make_room(struct prefetch_turns *turns, uint32_t count)
{
	if (count <= turns->part_count)
		return;
	turns->parts = xreallocarray(turns->parts, count, sizeof *turns->parts);
	turns->line = xreallocarray(turns->line, count, sizeof *turns->line);
	turns->changes = xreallocarray(turns->changes, count, sizeof *turns->changes);
	memset(turns->parts + turns->part_count, 0, (count - turns->part_count) * sizeof *turns->parts);
	turns->part_count = count;
}

void prefetch_turns_begin(struct prefetch_turns *turns, uint32_t number, int64_t now_us)
{
	struct prefetch_part *part;

	make_room(turns, number + 1);
	prefetch_turns_end(turns, number);
	part = &turns->parts[number];
	*part = (struct prefetch_part){ .reading = true,
		.place = ++turns->last_place,
		.record_bytes = part->record_bytes,
		.moved_us = now_us };
}

void prefetch_turns_end(struct prefetch_turns *turns, uint32_t number)
{
	if (number >= turns->part_count)
		return;
	turns->paused_count -= turns->parts[number].paused;
	turns->parts[number].reading = turns->parts[number].paused = false;
}

bool prefetch_turns_may_fetch(const struct prefetch_turns *turns, uint32_t number)
{
	return number < turns->part_count && turns->parts[number].reading && !turns->parts[number].paused;
}

/* The average follows what is new by an eighth. */
static void mix(uint64_t *average, uint64_t bytes)
{
	*average = *average > 0 ? *average - *average / 8 + bytes / 8 : bytes;
}

void prefetch_turns_read(struct prefetch_turns *turns, uint32_t number, uint64_t bytes)
{
	struct prefetch_part *part = &turns->parts[number];

	mix(&part->record_bytes, bytes);
	mix(&turns->record_bytes, bytes);
	part->read_bytes += bytes;
	part->moved = true;
	turns->stalls = 0;
}

void prefetch_turns_held(struct prefetch_turns *turns, uint32_t number, uint64_t records)
{
	struct prefetch_part *part = &turns->parts[number];

	if (records > 0 && part->held_records == 0)
		part->moved = true;
	part->held_records = records;
}

static uint64_t held_bytes(const struct prefetch_turns *turns, const struct prefetch_part *part)
{
	return part->held_records * (part->record_bytes > 0 ? part->record_bytes : turns->record_bytes);
}

static int64_t patience_us(const struct prefetch_turns *turns)
{
	uint64_t rounds = turns->stalls / turns->part_count;

	return stall_us << (rounds < STALL_DOUBLINGS_MAX ? rounds : STALL_DOUBLINGS_MAX);
}

static bool has_read_its_turn(const struct prefetch_part *part)
{
	uint64_t turn_bytes = part->held_records > 0 ? part->need_bytes * TURN_READS : part->need_bytes;

	return part->read_bytes > 0 && part->read_bytes >= turn_bytes;
}

/* Finds out what a part that may fetch needs, and whether its turn is over. Returns what it holds. */
static uint64_t look_at(struct prefetch_turns *turns, struct prefetch_part *part, int64_t now_us)
{
	uint64_t held = held_bytes(turns, part);
	bool stalls;

	if (part->moved)
		part->moved_us = now_us;
	part->moved = false;
	if (part->need_bytes < held)
		part->need_bytes = held;
	if (held == 0 && now_us - part->moved_us >= idle_us)
		part->need_bytes = 0;
	stalls = held > 0 && now_us - part->moved_us >= patience_us(turns);
	if (!stalls && !has_read_its_turn(part))
		return held;
	turns->stalls += stalls;
	part->place = ++turns->last_place;
	part->read_bytes = 0;
	part->moved_us = now_us;
	/* It may come to hold less than it once did. */
	part->need_bytes = part->need_bytes / 2 > held ? part->need_bytes / 2 : held;
	return held;
}

static int by_place(const void *left, const void *right)
{
	const struct prefetch_line_item *a = left;
	const struct prefetch_line_item *b = right;

	return (a->place > b->place) - (a->place < b->place);
}

static size_t form_line(struct prefetch_turns *turns)
{
	size_t count = 0;

	for (uint32_t i = 0; i < turns->part_count; i++)
		if (turns->parts[i].reading && (turns->parts[i].paused || turns->parts[i].need_bytes > 0))
			turns->line[count++] = (struct prefetch_line_item){ turns->parts[i].place, i };
	if (count > 1)
		qsort(turns->line, count, sizeof *turns->line, by_place);
	return count;
}

static void set_paused(struct prefetch_turns *turns, struct prefetch_part *part, bool paused, int64_t now_us)
{
	if (paused)
		turns->paused_count++;
	else
		turns->paused_count--;
	part->paused = paused;
	part->held_records = part->read_bytes = 0;
	part->moved = false;
	part->moved_us = now_us;
}

size_t prefetch_turns_decide(struct prefetch_turns *turns, int64_t now_us, const uint32_t **changes)
{
	uint64_t sum_bytes = 0;
	size_t change_count = 0;
	size_t line_count;

	*changes = turns->changes;
	for (uint32_t i = 0; i < turns->part_count; i++)
		if (prefetch_turns_may_fetch(turns, i))
			sum_bytes += look_at(turns, &turns->parts[i], now_us);
	if (turns->paused_count == 0 && sum_bytes <= turns->bound_bytes)
		return 0;
	line_count = form_line(turns);
	sum_bytes = 0;
	for (size_t i = 0; i < line_count; i++) {
		struct prefetch_part *part = &turns->parts[turns->line[i].part];
		/* The first one may, however much it needs. */
		bool may_fetch = i == 0 || sum_bytes + part->need_bytes <= turns->bound_bytes;

		if (may_fetch)
			sum_bytes += part->need_bytes;
		if (part->paused != may_fetch)
			continue;
		set_paused(turns, part, !may_fetch, now_us);
		turns->changes[change_count++] = turns->line[i].part;
	}
	return change_count;
}
