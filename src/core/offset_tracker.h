/* offset_tracker.h: which records of one epoch of one partition are settled, and so what may be committed.
 *
 * A ring of slots in the order in which the source delivered them. A slot is a range of offsets
 * [first, next): one record in the record lane, many where a batch passes whole. Every slot has a sequence
 * number that is never used again in the life of a partition, so that a report that comes late, for an
 * earlier epoch, finds no slot and moves nothing.
 *
 *        base          mark_seq        cursor             tail
 *          |  settled     | any state     | not submitted   |
 *
 *   base     oldest slot kept. Its payload and all later ones are still owned by the tracker's owner.
 *   mark     the low-water mark: below it everything is settled. It moves only over a contiguous settled
 *            prefix, from slot to slot, with no offset arithmetic: transaction markers, aborted records and
 *            compaction leave gaps (semantics: Mark).
 *   cursor   the next slot to submit. Goes back on a resend.
 *
 * Pure: no I/O, no clock, no locks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault;

enum slot_state {
	SLOT_WAITING,	/* not submitted, or to be submitted again */
	SLOT_IN_FLIGHT, /* submitted; its report will come */
	SLOT_SETTLED,
};

struct offset_slot {
	int64_t first; /* offsets [first, next) */
	int64_t next;
	void *payload; /* the chunk's bytes; opaque */
	uint32_t records;
	uint32_t unreported; /* of records, while in flight: a chunk may settle in parts */
	uint32_t bytes;
	uint32_t payload_bytes; /* the owner's own: of keys and values */
	int32_t leader_epoch; /* of the last record, -1 unknown (KIP-320) */
	uint8_t state;	      /* enum slot_state */
	bool failed;	      /* a part of it has been reported with an error */
	bool maybe_written;   /* the owner's own: an earlier submission may have reached the target */
	uint8_t outcome;      /* the owner's own: the worst report of this submission's parts */
	uint32_t age_ms;      /* the owner's own: of its record, when it came */
	int64_t fetched_us;   /* when it came, for the latency histogram */
	struct fault *fault;  /* the owner's own: the target refuses it, and what becomes of it; NULL: nothing known */
};

struct offset_tracker;

/* position: the offset from which this epoch reads; the mark starts there. first_seq: the sequence number
 * of the first slot; pass offset_tracker_tail_seq() of the epoch before. */
struct offset_tracker *offset_tracker_new(int64_t position, uint64_t first_seq);

/* Does not free payloads. Accepts NULL. */
void offset_tracker_free(struct offset_tracker *tracker);

/* Appends a range behind all others and returns its slot, zeroed but for first, next and SLOT_WAITING; the
 * pointer is valid until the next append. NULL when the range does not lie behind the last one (the
 * monotonic guard: an offset at or below the last one seen in this epoch is dropped). */
struct offset_slot *offset_tracker_append(struct offset_tracker *tracker, int64_t first, int64_t next);

/* The source says that nothing lies between the last record delivered and next (end of partition). The mark
 * moves there once everything before is settled. Lower values are ignored. */
void offset_tracker_position(struct offset_tracker *tracker, int64_t next);

/* The slot with this sequence number, or NULL when it is not kept (older epoch, or released). */
struct offset_slot *offset_tracker_slot(struct offset_tracker *tracker, uint64_t seq);

/* The next slot to submit and its sequence number, or NULL when there is none. Settled slots are stepped
 * over. */
struct offset_slot *offset_tracker_next_waiting(struct offset_tracker *tracker, uint64_t *seq);

/* The slot that offset_tracker_next_waiting() gave has been submitted: all its records are in flight. */
void offset_tracker_submitted(struct offset_tracker *tracker, uint64_t seq);

/* `records` of an in-flight slot have been reported. With ok, they are settled; the slot is once all of them
 * are. Without, the slot waits again once all its records are reported; the cursor is not moved
 * (offset_tracker_rewind() does). A seq that is not in flight returns false and changes nothing. */
bool offset_tracker_report(struct offset_tracker *tracker, uint64_t seq, uint32_t records, bool ok);

/* Settles a waiting slot without submitting it (filtered, skipped on purpose). False: no such slot. */
bool offset_tracker_settle(struct offset_tracker *tracker, uint64_t seq);

/* A settled slot behind the mark waits again; offset_tracker_rewind() takes the cursor back to it. False: no such
 * slot. */
bool offset_tracker_unsettle(struct offset_tracker *tracker, uint64_t seq);

/* Everything unsettled will be submitted again, in order. With settled_too also what is settled but still
 * kept (the transaction that held it was aborted), and the mark goes back to before it. Only when nothing is in
 * flight. */
void offset_tracker_rewind(struct offset_tracker *tracker, bool settled_too);

/* Gives up the slots at the tail, newest first, down to the first one that is in flight, lies below the mark,
 * or begins below `from`: each is handed to release. Their sequence numbers are not used again. The end is
 * then where the last of them began. Afterwards the epoch takes no more appends. */
void offset_tracker_truncate(struct offset_tracker *tracker, int64_t from,
    void (*release)(void *context, struct offset_slot *slot), void *context);

/* Releases the kept slots below offset `upto` that lie below the mark, oldest first. Returns how many. */
size_t offset_tracker_release(struct offset_tracker *tracker, int64_t upto,
    void (*release)(void *context, struct offset_slot *slot), void *context);

/* The sink is gone and will report nothing more: what is in flight waits again. */
void offset_tracker_forget_flight(struct offset_tracker *tracker);

/* The low-water mark. */
int64_t offset_tracker_mark(const struct offset_tracker *tracker);

/* The leader epoch of the record that ends right before this offset, which is the mark or the end; -1 unknown, as it is
 * where a position lies in between: an older epoch with that offset would say that the log had been truncated. */
int32_t offset_tracker_leader_epoch_before(const struct offset_tracker *tracker, int64_t offset);

/* Behind the last record delivered, or the position: where reading goes on. */
int64_t offset_tracker_end(const struct offset_tracker *tracker);

/* The sequence number of the slot at the mark: the oldest unsettled one, if there is any. */
uint64_t offset_tracker_mark_seq(const struct offset_tracker *tracker);

/* The oldest unsettled slot, or NULL. */
const struct offset_slot *offset_tracker_oldest_unsettled(const struct offset_tracker *tracker);

size_t offset_tracker_kept(const struct offset_tracker *tracker);	   /* slots in the ring */
size_t offset_tracker_in_flight(const struct offset_tracker *tracker); /* slots */
size_t offset_tracker_unsettled(const struct offset_tracker *tracker); /* slots */
uint64_t offset_tracker_tail_seq(const struct offset_tracker *tracker);
