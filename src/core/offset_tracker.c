#include "core/offset_tracker.h"
#include <stdlib.h>
#include "base/memory.h"

enum { FIRST_CAPACITY = 64 };

/* Sequence numbers only grow, and seq & mask is the place in the ring, so no slot moves but when it grows.
 *
 * Invariants, outside of the functions below:
 *   base <= mark_seq <= tail <= next_seq,  base <= cursor <= tail
 *   all slots of [base, mark_seq) are settled; the one at mark_seq, if there is one, is not
 *   end is at or behind every slot's next, and mark <= end */
struct offset_tracker {
	struct offset_slot *ring;
	uint64_t mask; /* capacity - 1; the capacity is a power of two */
	uint64_t base;
	uint64_t mark_seq;
	uint64_t cursor;
	uint64_t tail;
	uint64_t next_seq; /* differs from tail only once truncated */
	int64_t mark;
	int64_t base_mark; /* the mark as of base: what was released stays below it */
	int64_t end;
	size_t in_flight;
	size_t unsettled;
	int32_t mark_leader_epoch;
	int32_t base_leader_epoch;
	bool closed; /* truncated: takes nothing more */
};

struct offset_tracker *offset_tracker_new(int64_t position, uint64_t first_seq)
{
	struct offset_tracker *tracker = xcalloc(1, sizeof *tracker);

	tracker->ring = xcalloc(FIRST_CAPACITY, sizeof *tracker->ring);
	tracker->mask = FIRST_CAPACITY - 1;
	tracker->base = tracker->mark_seq = tracker->cursor = tracker->tail = tracker->next_seq = first_seq;
	tracker->mark = tracker->base_mark = tracker->end = position;
	tracker->mark_leader_epoch = tracker->base_leader_epoch = -1;
	return tracker;
}

void offset_tracker_free(struct offset_tracker *tracker)
{
	if (!tracker)
		return;
	free(tracker->ring);
	free(tracker);
}

static inline struct offset_slot *slot_at(const struct offset_tracker *tracker, uint64_t seq)
{
	return &tracker->ring[seq & tracker->mask];
}

static inline bool is_kept(const struct offset_tracker *tracker, uint64_t seq)
{
	return seq - tracker->base < tracker->tail - tracker->base;
}

static void grow(struct offset_tracker *tracker)
{
	uint64_t capacity = (tracker->mask + 1) * 2;
	struct offset_slot *ring = xcalloc(capacity, sizeof *ring);

	for (uint64_t seq = tracker->base; seq != tracker->tail; seq++)
		ring[seq & (capacity - 1)] = *slot_at(tracker, seq);
	free(tracker->ring);
	tracker->ring = ring;
	tracker->mask = capacity - 1;
}

/* Moves the mark over the contiguous settled prefix. */
static void advance(struct offset_tracker *tracker)
{
	while (tracker->mark_seq != tracker->tail) {
		const struct offset_slot *slot = slot_at(tracker, tracker->mark_seq);

		if (slot->state != SLOT_SETTLED)
			return;
		tracker->mark = slot->next;
		tracker->mark_leader_epoch = slot->leader_epoch;
		tracker->mark_seq++;
	}
	/* A position behind the last record. What lies between may be of a later epoch. */
	if (tracker->mark != tracker->end)
		tracker->mark_leader_epoch = -1;
	tracker->mark = tracker->end;
}

static void settled(struct offset_tracker *tracker, struct offset_slot *slot, uint64_t seq)
{
	slot->state = SLOT_SETTLED;
	tracker->unsettled--;
	if (seq == tracker->mark_seq)
		advance(tracker);
}

struct offset_slot *offset_tracker_append(struct offset_tracker *tracker, int64_t first, int64_t next)
{
	struct offset_slot *slot;

	if (first < tracker->end || next <= first || tracker->closed)
		return NULL;
	if (tracker->tail - tracker->base > tracker->mask)
		grow(tracker);
	slot = slot_at(tracker, tracker->tail);
	*slot = (struct offset_slot){ .first = first, .next = next, .state = SLOT_WAITING };
	tracker->next_seq = ++tracker->tail;
	tracker->end = next;
	tracker->unsettled++;
	return slot;
}

void offset_tracker_position(struct offset_tracker *tracker, int64_t next)
{
	if (next <= tracker->end || tracker->closed)
		return;
	tracker->end = next;
	advance(tracker);
}

struct offset_slot *offset_tracker_slot(struct offset_tracker *tracker, uint64_t seq)
{
	return is_kept(tracker, seq) ? slot_at(tracker, seq) : NULL;
}

struct offset_slot *offset_tracker_next_waiting(struct offset_tracker *tracker, uint64_t *seq)
{
	for (; tracker->cursor != tracker->tail; tracker->cursor++) {
		struct offset_slot *slot = slot_at(tracker, tracker->cursor);

		if (slot->state == SLOT_WAITING) {
			*seq = tracker->cursor;
			return slot;
		}
	}
	return NULL;
}

void offset_tracker_submitted(struct offset_tracker *tracker, uint64_t seq)
{
	struct offset_slot *slot = slot_at(tracker, seq);

	slot->state = SLOT_IN_FLIGHT;
	slot->unreported = slot->records;
	slot->failed = false;
	tracker->in_flight++;
	tracker->cursor = seq + 1;
}

bool offset_tracker_report(struct offset_tracker *tracker, uint64_t seq, uint32_t records, bool ok)
{
	struct offset_slot *slot = offset_tracker_slot(tracker, seq);

	if (!slot || slot->state != SLOT_IN_FLIGHT || records > slot->unreported)
		return false;
	slot->unreported -= records;
	slot->failed |= !ok;
	if (slot->unreported > 0)
		return true;
	tracker->in_flight--;
	if (slot->failed)
		slot->state = SLOT_WAITING;
	else
		settled(tracker, slot, seq);
	return true;
}

bool offset_tracker_settle(struct offset_tracker *tracker, uint64_t seq)
{
	struct offset_slot *slot = offset_tracker_slot(tracker, seq);

	if (!slot || slot->state != SLOT_WAITING)
		return false;
	settled(tracker, slot, seq);
	return true;
}

bool offset_tracker_unsettle(struct offset_tracker *tracker, uint64_t seq)
{
	struct offset_slot *slot = offset_tracker_slot(tracker, seq);

	if (!slot || slot->state != SLOT_SETTLED || seq < tracker->mark_seq)
		return false;
	slot->state = SLOT_WAITING;
	tracker->unsettled++;
	return true;
}

void offset_tracker_rewind(struct offset_tracker *tracker, bool settled_too)
{
	if (settled_too) {
		for (uint64_t seq = tracker->base; seq != tracker->tail; seq++) {
			struct offset_slot *slot = slot_at(tracker, seq);

			if (slot->state != SLOT_SETTLED)
				continue;
			slot->state = SLOT_WAITING;
			tracker->unsettled++;
		}
		tracker->mark_seq = tracker->base;
		tracker->mark = tracker->base_mark;
		tracker->mark_leader_epoch = tracker->base_leader_epoch;
		advance(tracker);
	}
	tracker->cursor = tracker->mark_seq;
}

void offset_tracker_truncate(struct offset_tracker *tracker, int64_t from,
    void (*release)(void *context, struct offset_slot *slot), void *context)
{
	tracker->closed = true;
	while (tracker->tail != tracker->mark_seq) {
		struct offset_slot *slot = slot_at(tracker, tracker->tail - 1);

		if (slot->state == SLOT_IN_FLIGHT || slot->first < from)
			break;
		if (slot->state == SLOT_WAITING)
			tracker->unsettled--;
		/* Also takes back a position that was reported behind it: it was not settled. */
		tracker->end = slot->first;
		release(context, slot);
		tracker->tail--;
	}
	advance(tracker);
	if (tracker->cursor > tracker->tail)
		tracker->cursor = tracker->tail;
}

size_t offset_tracker_release(struct offset_tracker *tracker, int64_t upto,
    void (*release)(void *context, struct offset_slot *slot), void *context)
{
	size_t released = 0;

	for (; tracker->base != tracker->mark_seq; tracker->base++, released++) {
		struct offset_slot *slot = slot_at(tracker, tracker->base);

		if (slot->next > upto)
			break;
		tracker->base_mark = slot->next;
		tracker->base_leader_epoch = slot->leader_epoch;
		release(context, slot);
	}
	/* The mark may be further, where a position came behind the last slot. */
	if (tracker->base == tracker->mark_seq) {
		tracker->base_mark = tracker->mark;
		tracker->base_leader_epoch = tracker->mark_leader_epoch;
	}
	if (tracker->cursor < tracker->base)
		tracker->cursor = tracker->base;
	return released;
}

void offset_tracker_forget_flight(struct offset_tracker *tracker)
{
	for (uint64_t seq = tracker->base; seq != tracker->tail; seq++) {
		struct offset_slot *slot = slot_at(tracker, seq);

		if (slot->state == SLOT_IN_FLIGHT)
			slot->state = SLOT_WAITING;
	}
	tracker->in_flight = 0;
}

int64_t offset_tracker_mark(const struct offset_tracker *tracker)
{
	return tracker->mark;
}

int32_t offset_tracker_leader_epoch_before(const struct offset_tracker *tracker, int64_t offset)
{
	const struct offset_slot *last = tracker->tail != tracker->base ? slot_at(tracker, tracker->tail - 1) : NULL;

	if (offset == tracker->mark)
		return tracker->mark_leader_epoch;
	return last && last->next == offset ? last->leader_epoch : -1;
}

int64_t offset_tracker_end(const struct offset_tracker *tracker)
{
	return tracker->end;
}

uint64_t offset_tracker_mark_seq(const struct offset_tracker *tracker)
{
	return tracker->mark_seq;
}

const struct offset_slot *offset_tracker_oldest_unsettled(const struct offset_tracker *tracker)
{
	return tracker->mark_seq != tracker->tail ? slot_at(tracker, tracker->mark_seq) : NULL;
}

size_t offset_tracker_kept(const struct offset_tracker *tracker)
{
	return (size_t)(tracker->tail - tracker->base);
}

size_t offset_tracker_in_flight(const struct offset_tracker *tracker)
{
	return tracker->in_flight;
}

size_t offset_tracker_unsettled(const struct offset_tracker *tracker)
{
	return tracker->unsettled;
}

uint64_t offset_tracker_tail_seq(const struct offset_tracker *tracker)
{
	return tracker->next_seq;
}
