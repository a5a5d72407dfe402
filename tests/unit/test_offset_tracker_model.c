/* Property test of core/offset_tracker.h: random operations on the tracker and on a plain model of it, which
 * keeps every slot in an array for ever and derives all it is asked from scratch. After each operation
 * both must give the same answers.
 *
 * The seed is printed; ALOQD_SEED=N runs that one case alone. ALOQD_CASES=N changes their number. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/memory.h"
#include "core/offset_tracker.h"

enum { DEFAULT_CASES = 30000, MODEL_SLOTS = 2048 };

/* ---- the model ---- */

enum model_state { WAITING, IN_FLIGHT, SETTLED, RELEASED, GIVEN_UP };

struct model_slot {
	int64_t first, next;
	uint32_t records, reported;
	int32_t leader_epoch;
	bool failed;
	enum model_state state;
};

struct model {
	struct model_slot slots[MODEL_SLOTS];
	uint64_t first_seq; /* of slots[0] */
	unsigned count;
	unsigned cursor;	  /* the next slot to look at for submission */
	int64_t mark;
	int64_t released_mark;	  /* where the mark goes back to */
	int64_t end;
	bool closed;
};

static struct model model;
static struct offset_tracker *tracker;
static uint64_t seed;
static uint64_t random_state;
static unsigned operations;

#define REQUIRE(condition)                                                                                   \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			printf("%s:%d: %s\nafter %u operations; replay: ALOQD_SEED=%" PRIu64 " %s\n",        \
			    __FILE__, __LINE__, #condition, operations, seed, program_invocation_name);      \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static bool is_kept(const struct model_slot *slot)
{
	return slot->state == WAITING || slot->state == IN_FLIGHT || slot->state == SETTLED;
}

/* The first slot that is neither settled nor released: the mark stands before it. */
static unsigned model_mark_index(void)
{
	unsigned i = 0;

	while (i < model.count && (model.slots[i].state == SETTLED || model.slots[i].state == RELEASED))
		i++;
	return i;
}

static void model_move_mark(void)
{
	unsigned i = model_mark_index();
	int64_t mark = i > 0 ? model.slots[i - 1].next : model.mark;

	if (i == model.count || model.slots[i].state == GIVEN_UP)
		mark = model.end;
	if (mark > model.mark)
		model.mark = mark;
}

/* Of the slot that ends right before the mark. */
static int32_t model_leader_epoch(void)
{
	unsigned i = model_mark_index();

	return i > 0 && model.slots[i - 1].next == model.mark ? model.slots[i - 1].leader_epoch : -1;
}

static size_t model_count(enum model_state state)
{
	size_t count = 0;

	for (unsigned i = 0; i < model.count; i++)
		count += model.slots[i].state == state;
	return count;
}

static void compare(void)
{
	unsigned mark_index = model_mark_index();
	const struct offset_slot *oldest = offset_tracker_oldest_unsettled(tracker);
	bool has_oldest = mark_index < model.count && model.slots[mark_index].state != GIVEN_UP;

	REQUIRE(offset_tracker_mark(tracker) == model.mark);
	REQUIRE(offset_tracker_leader_epoch_before(tracker, offset_tracker_mark(tracker)) == model_leader_epoch());
	REQUIRE(offset_tracker_end(tracker) == model.end);
	REQUIRE(offset_tracker_in_flight(tracker) == model_count(IN_FLIGHT));
	REQUIRE(offset_tracker_unsettled(tracker) == model_count(IN_FLIGHT) + model_count(WAITING));
	REQUIRE(offset_tracker_kept(tracker) == offset_tracker_unsettled(tracker) + model_count(SETTLED));
	REQUIRE(offset_tracker_tail_seq(tracker) == model.first_seq + model.count);
	REQUIRE((oldest != NULL) == has_oldest);
	if (oldest)
		REQUIRE(oldest->first == model.slots[mark_index].first);
	for (unsigned i = 0; i < model.count; i++) {
		const struct model_slot *expected = &model.slots[i];
		const struct offset_slot *slot = offset_tracker_slot(tracker, model.first_seq + i);

		REQUIRE((slot != NULL) == is_kept(expected));
		if (!slot)
			continue;
		REQUIRE(slot->first == expected->first && slot->next == expected->next);
		REQUIRE(slot->payload == expected);
		REQUIRE(slot->state == (expected->state == WAITING	     ? SLOT_WAITING
					       : expected->state == IN_FLIGHT ? SLOT_IN_FLIGHT
									      : SLOT_SETTLED));
	}
}

/* ---- the operations ---- */

static void op_append(void)
{
	int64_t first = model.end + (int64_t)(draw(3) ? 0 : draw(8));
	int64_t next = first + 1 + (int64_t)(draw(2) ? 0 : draw(6));
	struct offset_slot *slot;
	struct model_slot *added;

	if (draw(16) == 0)
		first = model.end - 1 - (int64_t)draw(5);
	slot = offset_tracker_append(tracker, first, next);
	REQUIRE((slot != NULL) == (first >= model.end && !model.closed));
	if (!slot)
		return;
	REQUIRE(slot->state == SLOT_WAITING && !slot->payload && slot->records == 0);
	added = &model.slots[model.count++];
	*added = (struct model_slot){ .first = first, .next = next, .leader_epoch = (int32_t)draw(5),
		.records = 1 + (uint32_t)draw((uint64_t)(next - first)) };
	model.end = next;
	slot->payload = added;
	slot->records = added->records;
	slot->leader_epoch = added->leader_epoch;
}

static void op_position(void)
{
	int64_t next = model.end - 3 + (int64_t)draw(8);

	offset_tracker_position(tracker, next);
	if (next > model.end && !model.closed)
		model.end = next;
	model_move_mark();
}

static void op_submit(void)
{
	uint64_t seq = 0;
	struct offset_slot *slot = offset_tracker_next_waiting(tracker, &seq);

	while (model.cursor < model.count && model.slots[model.cursor].state != WAITING)
		model.cursor++;
	REQUIRE((slot != NULL) == (model.cursor < model.count));
	if (!slot)
		return;
	REQUIRE(seq == model.first_seq + model.cursor);
	if (draw(8) == 0)
		return; /* the sink had no room */
	offset_tracker_submitted(tracker, seq);
	model.slots[model.cursor].state = IN_FLIGHT;
	model.slots[model.cursor].reported = 0;
	model.slots[model.cursor].failed = false;
	model.cursor++;
}

/* Mostly one that can be meant; at times any number, also of earlier epochs and of the future. */
static uint64_t draw_seq(void)
{
	if (model.count == 0 || draw(10) == 0)
		return model.first_seq - 20 + draw(model.count + 60);
	return model.first_seq + model.count - 1 - draw(model.count < 30 ? model.count : 30);
}

static struct model_slot *model_slot(uint64_t seq, enum model_state state)
{
	struct model_slot *slot;

	if (seq < model.first_seq || seq - model.first_seq >= model.count)
		return NULL;
	slot = &model.slots[seq - model.first_seq];
	return slot->state == state ? slot : NULL;
}

static void op_report(void)
{
	uint64_t seq = draw_seq();
	struct model_slot *slot = model_slot(seq, IN_FLIGHT);
	uint32_t records = 1 + (uint32_t)draw(slot ? slot->records - slot->reported : 3);
	bool ok = draw(5) != 0;

	REQUIRE(offset_tracker_report(tracker, seq, records, ok) == (slot != NULL));
	if (!slot)
		return;
	slot->reported += records;
	slot->failed = slot->failed || !ok;
	if (slot->reported < slot->records)
		return;
	slot->state = slot->failed ? WAITING : SETTLED;
	model_move_mark();
}

static void op_report_too_many(void)
{
	uint64_t seq = draw_seq();
	struct model_slot *slot = model_slot(seq, IN_FLIGHT);

	if (slot)
		REQUIRE(!offset_tracker_report(tracker, seq, slot->records - slot->reported + 1, true));
}

static void op_settle(void)
{
	uint64_t seq = draw_seq();
	struct model_slot *slot = model_slot(seq, WAITING);

	REQUIRE(offset_tracker_settle(tracker, seq) == (slot != NULL));
	if (!slot)
		return;
	slot->state = SETTLED;
	model_move_mark();
}

static void op_rewind(void)
{
	bool settled_too = draw(3) == 0;

	while (model_count(IN_FLIGHT) > 0) {
		op_report();
		compare();
	}
	offset_tracker_rewind(tracker, settled_too);
	model.cursor = 0;
	if (!settled_too)
		return;
	for (unsigned i = 0; i < model.count; i++)
		if (model.slots[i].state == SETTLED)
			model.slots[i].state = WAITING;
	model.mark = model.released_mark;
	model_move_mark();
}

static void expect_release(void *context, struct offset_slot *slot)
{
	unsigned *index = context;

	REQUIRE(slot->payload == &model.slots[*index]);
	REQUIRE(model.slots[*index].state == SETTLED);
	model.slots[*index].state = RELEASED;
	model.released_mark = model.slots[*index].next;
	++*index;
}

static void op_release(void)
{
	int64_t upto = draw(2) ? INT64_MAX : model.mark - (int64_t)draw(6);
	unsigned index = (unsigned)model_count(RELEASED);
	unsigned before = index;

	REQUIRE(offset_tracker_release(tracker, upto, expect_release, &index) == index - before);
	if (index == model_mark_index())
		model.released_mark = model.mark;
	else
		REQUIRE(model.slots[index].next > upto);
}

static void expect_truncate(void *context, struct offset_slot *slot)
{
	unsigned *index = context;

	--*index;
	REQUIRE(slot->payload == &model.slots[*index]);
	REQUIRE(model.slots[*index].state == WAITING || model.slots[*index].state == SETTLED);
	REQUIRE(*index >= model_mark_index());
	model.slots[*index].state = GIVEN_UP;
}

static void op_truncate(void)
{
	int64_t from = draw(2) ? INT64_MIN : model.end - (int64_t)draw(10);
	unsigned tail = model.count - (unsigned)model_count(GIVEN_UP);
	unsigned index = tail;

	offset_tracker_truncate(tracker, from, expect_truncate, &index);
	model.closed = true;
	if (index > 0)
		REQUIRE(model.slots[index - 1].state == IN_FLIGHT || index == model_mark_index() ||
			model.slots[index - 1].first < from);
	if (index == tail)
		return;
	model.end = model.slots[index].first;
	model_move_mark();
}

static void op_forget_flight(void)
{
	offset_tracker_forget_flight(tracker);
	for (unsigned i = 0; i < model.count; i++)
		if (model.slots[i].state == IN_FLIGHT)
			model.slots[i].state = WAITING;
}

/* One epoch ends and the next one begins, somewhere near. */
static void new_epoch(void)
{
	uint64_t first_seq = 1000;
	int64_t position = (int64_t)draw(1000);

	if (tracker) {
		first_seq = offset_tracker_tail_seq(tracker);
		position = model.mark;
		offset_tracker_free(tracker);
	}
	tracker = offset_tracker_new(position, first_seq);
	model.first_seq = first_seq;
	model.count = model.cursor = 0;
	model.mark = model.released_mark = model.end = position;
	model.closed = false;
}

static void random_operation(unsigned appends_weight)
{
	uint64_t choice = draw(100 + appends_weight);

	if (model.count == MODEL_SLOTS)
		new_epoch();
	else if (choice < 26)
		op_submit();
	else if (choice < 66)
		op_report();
	else if (choice < 70)
		op_position();
	else if (choice < 74)
		op_settle();
	else if (choice < 78)
		op_rewind();
	else if (choice < 90)
		op_release();
	else if (choice < 92)
		op_report_too_many();
	else if (choice < 93)
		op_truncate();
	else if (choice < 94)
		op_forget_flight();
	else if (choice < 95)
		new_epoch();
	else
		op_append();
}

static void run_case(uint64_t case_seed)
{
	unsigned appends_weight, length;

	seed = case_seed;
	random_state = case_seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	appends_weight = 10 + (unsigned)draw(60);
	/* Every so often a long one, so that the ring grows several times. */
	length = draw(200) == 0 ? 1500 : 20 + (unsigned)draw(100);
	tracker = NULL;
	new_epoch();
	for (operations = 0; operations < length; operations++) {
		random_operation(appends_weight);
		compare();
	}
	offset_tracker_free(tracker);
}

int main(void)
{
	const char *given_seed = getenv("ALOQD_SEED");
	const char *given_cases = getenv("ALOQD_CASES");
	uint64_t cases = given_cases ? strtoull(given_cases, NULL, 10) : DEFAULT_CASES;
	uint64_t first = given_seed ? strtoull(given_seed, NULL, 10) : (uint64_t)time(NULL) << 20;

	if (given_seed)
		cases = 1;
	printf("offset tracker against its model: %" PRIu64 " cases from seed %" PRIu64 "\n", cases, first);
	for (uint64_t i = 0; i < cases; i++)
		run_case(first + i);
	return 0;
}
