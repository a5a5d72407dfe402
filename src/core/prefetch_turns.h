/* prefetch_turns.h: which partitions may fetch ahead, so that what is fetched and not yet read stays within a
 * bound. Pure; the caller owns the clock and the queues, and pauses and resumes.
 *
 * A client bounds what it holds of one partition, but holds at least a whole batch of each: with many partitions
 * of large records that is any amount. So when more is held than the bound, the partitions take turns. They stand
 * in a line; from its front on as many may fetch as fit, and the others are paused, which gives back what was held
 * of them. Whose turn is over goes to the end of the line: when about as much was read of it as it holds at once,
 * or when nothing was read of it for a while (its window is full, or it waits for a person). A partition of which
 * there is nothing to fetch does not stand in the line. As long as everything fits, nobody is paused.
 *
 * Sizes are estimated from the records that were read, and looked at from time to time: the bound is met roughly,
 * and a moment late. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefetch_part {
	bool reading;
	bool paused;
	bool moved;	       /* something of it was read, or came, since the last decision */
	uint64_t place;	       /* in the line */
	uint64_t held_records; /* as last told */
	uint64_t record_bytes; /* of one record, on average; 0: none was read yet */
	uint64_t need_bytes;   /* the most that it held at once lately; 0: not in the line */
	uint64_t read_bytes;   /* in this turn */
	int64_t moved_us;      /* the decision after which it last moved, or was resumed */
};

struct prefetch_line_item {
	uint64_t place;
	uint32_t part;
};

struct prefetch_turns {
	uint64_t bound_bytes;
	struct prefetch_part *parts;
	uint32_t part_count, paused_count;
	uint64_t last_place;
	uint64_t record_bytes; /* of one record of any part, on average */
	uint64_t stalls;       /* turns that were taken away since anything was read */
	struct prefetch_line_item *line;
	uint32_t *changes;
};

void prefetch_turns_init(struct prefetch_turns *turns, uint64_t bound_bytes);
void prefetch_turns_clear(struct prefetch_turns *turns);

/* The part (numbers are dense from 0) is read from now on and not paused; also for one that is read already. */
void prefetch_turns_begin(struct prefetch_turns *turns, uint32_t part, int64_t now_us);
/* It is not read any more. A number that never began is allowed. */
void prefetch_turns_end(struct prefetch_turns *turns, uint32_t part);

/* Is it read, and may it fetch? A number that never began is allowed. */
bool prefetch_turns_may_fetch(const struct prefetch_turns *turns, uint32_t part);

/* A record of so many bytes, all costs included, has been read of a part that has begun. */
void prefetch_turns_read(struct prefetch_turns *turns, uint32_t part, uint64_t bytes);

/* So many records of it are held now. To be told of all that may fetch before each decision. */
void prefetch_turns_held(struct prefetch_turns *turns, uint32_t part, uint64_t records);

/* Decides who may fetch. Returns how many parts are to be paused or resumed; *changes lists them until the next
 * call, and prefetch_turns_may_fetch() tells which of the two. */
size_t prefetch_turns_decide(struct prefetch_turns *turns, int64_t now_us, const uint32_t **changes);
