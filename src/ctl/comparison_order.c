/* In which order records have come, and what is lost and unknown, in the order of their logs. */
#include <stdlib.h>
#include "ctl/comparison_internal.h"

/* ---- ranks ---- */

/* Each source record's place among those that have come this way at all: it tells a step from a jump, and a hole that is a
 * lost record is not out of order too. */
static int take_ranked(struct comparison *comparison, const struct entry *arrival, uint64_t rank, bool is_first,
    struct error *err)
{
	uint64_t source = arrival->words[0] & UINT32_MAX, target = arrival->words[0] >> 32;
	uint64_t flags = arrival->words[4] | (is_first ? ARRIVAL_FIRST : 0);
	const struct entry in_target = { { target, arrival->words[2], source << 32 | flags, arrival->words[1], rank } };
	const struct entry key = { { arrival->words[3], source, target, arrival->words[1], arrival->words[2] } };
	int result = 0;

	if (comparison->sources[source].many_targets && arrival->words[3] != 0)
		result = entry_sorter_add(comparison->keys, &key, err);
	return result < 0 ? result : entry_sorter_add(comparison->in_target, &in_target, err);
}

int comparison_rank(struct comparison *comparison, struct error *err)
{
	struct entry arrival, previous = { { UINT64_MAX } };
	uint64_t rank = 0;
	int result;

	while ((result = entry_sorter_next(comparison->arrivals, &arrival, err)) > 0) {
		bool is_same_way = arrival.words[0] == previous.words[0];
		bool is_first = !is_same_way || arrival.words[1] != previous.words[1];

		rank = !is_same_way ? 0 : is_first ? rank + 1 : rank;
		result = take_ranked(comparison, &arrival, rank, is_first, err);
		if (result < 0)
			return result;
		previous = arrival;
	}
	return result;
}

/* ---- the target, in its order ---- */

/* The last record of a target partition that stands for a known one. */
struct last_known {
	int32_t source; /* -1: none yet */
	int64_t offset;
	bool any; /* also twins */
};

/* Is it a step, or a step back from which all comes again? Else it is out of order. */
static void judge_order(struct comparison *comparison, const struct comparison_fault *place, uint64_t rank, bool is_first)
{
	struct source_part *source = &comparison->sources[place->source_partition];
	struct comparison_fault fault = *place;
	bool is_late, jumps;

	if (source->stamp != place->target_partition + 1) {
		source->stamp = place->target_partition + 1;
		source->greatest_rank = source->current_rank = rank;
		source->current_offset = place->source_offset;
		return;
	}
	is_late = is_first && rank < source->greatest_rank;
	jumps = is_first ? source->current_rank != source->greatest_rank : rank > source->current_rank + 1;
	if (is_late || jumps) {
		fault.other = source->current_offset;
		comparison_note(comparison, &comparison->verdict.faults[FAULT_REORDERED], &fault, 1);
	}
	if (is_late)
		return;
	source->current_rank = rank;
	source->current_offset = place->source_offset;
	if (rank > source->greatest_rank)
		source->greatest_rank = rank;
}

/* Where what is unknown since *pending would be, now that it is known what is around it. high < 0: nothing is behind it. */
static void place_unknown(
    struct comparison *comparison, size_t *pending, const struct last_known *last, int32_t source, int64_t high)
{
	for (; *pending < comparison->unknown_count; (*pending)++) {
		struct unknown_record *unknown = &comparison->unknown[*pending];

		unknown->low = last->source < 0 ? -1 : last->offset;
		unknown->high = high < 0 ? INT64_MAX : high;
		unknown->source_partition = high < 0 ? last->source : source;
		if (high >= 0 && last->source >= 0 && (last->source != source || last->offset >= high))
			unknown->source_partition = -1;
	}
}

static void take_unknown(struct comparison *comparison, int32_t partition, int64_t offset, bool before_match)
{
	comparison->verdict.faults[FAULT_UNKNOWN].count++;
	comparison->targets[partition].unknown_before_match += before_match;
	if (comparison->unknown_count < UNKNOWN_KEPT)
		comparison->unknown[comparison->unknown_count++] = (struct unknown_record){
			.target_partition = partition,
			.target_offset = offset,
			.source_partition = -1,
			.before_match = before_match,
		};
}

static void take_known(struct comparison *comparison, const struct entry *entry, struct last_known *last, size_t *pending)
{
	uint64_t flags = entry->words[2] & UINT32_MAX;
	const struct comparison_fault place = {
		.source_partition = (int32_t)(entry->words[2] >> 32),
		.source_offset = (int64_t)entry->words[3],
		.target_partition = (int32_t)entry->words[0],
		.target_offset = (int64_t)entry->words[1],
	};
	struct comparison_faults *faults = comparison->verdict.faults;

	if (flags & ARRIVAL_REPEATED)
		comparison_note(comparison, &faults[FAULT_REPEATED], &place, 1);
	if (flags & ARRIVAL_ALTERED)
		comparison_note(comparison, &faults[FAULT_ALTERED], &place, 1);
	judge_order(comparison, &place, entry->words[4], (flags & ARRIVAL_FIRST) != 0);
	place_unknown(comparison, pending, last, place.source_partition, place.source_offset);
	if (comparison->targets[place.target_partition].first_source < 0)
		comparison->targets[place.target_partition].first_source = place.source_partition;
	*last = (struct last_known){ place.source_partition, place.source_offset, true };
}

static int look_at_target(struct comparison *comparison, struct error *err)
{
	struct last_known last = { .source = -1 };
	struct entry entry;
	uint64_t partition = UINT64_MAX;
	size_t pending = 0;
	int result;

	while ((result = entry_sorter_next(comparison->in_target, &entry, err)) > 0) {
		const struct comparison_fault twin = { .source_partition = -1, .target_partition = (int32_t)entry.words[0],
			.target_offset = (int64_t)entry.words[1] };

		if (entry.words[0] != partition) {
			place_unknown(comparison, &pending, &last, -1, -1);
			last = (struct last_known){ .source = -1 };
			partition = entry.words[0];
		}
		if (entry.words[2] & ARRIVAL_UNKNOWN) {
			take_unknown(comparison, (int32_t)entry.words[0], (int64_t)entry.words[1], !last.any);
		} else if (entry.words[2] & ARRIVAL_TWIN) {
			last.any = true;
			if (entry.words[2] & ARRIVAL_REPEATED)
				comparison_note(comparison, &comparison->verdict.faults[FAULT_REPEATED], &twin, 1);
		} else {
			take_known(comparison, &entry, &last, &pending);
		}
	}
	place_unknown(comparison, &pending, &last, -1, -1);
	return result;
}

/* ---- keys ---- */

static int look_at_keys(struct comparison *comparison, struct error *err)
{
	struct entry entry, first = { { 0 } };
	bool told = true;
	int result;

	while ((result = entry_sorter_next(comparison->keys, &entry, err)) > 0) {
		const struct comparison_fault fault = {
			.source_partition = (int32_t)entry.words[1],
			.source_offset = (int64_t)entry.words[3],
			.target_partition = (int32_t)entry.words[2],
			.target_offset = (int64_t)entry.words[4],
			.other = (int64_t)first.words[2],
		};

		if (entry.words[0] != first.words[0] || entry.words[1] != first.words[1]) {
			first = entry;
			told = false;
		} else if (!told && entry.words[2] != first.words[2]) {
			comparison_note(comparison, &comparison->verdict.faults[FAULT_SCATTERED], &fault, 1);
			told = true;
		}
	}
	return result;
}

/* ---- what is lost ---- */

static int compare_numbers(int64_t one, int64_t other)
{
	return (one > other) - (one < other);
}

static int compare_places_in_source(const void *a, const void *b)
{
	const struct unknown_record *one = a, *other = b;
	int result = compare_numbers(one->source_partition, other->source_partition);

	if (result == 0)
		result = compare_numbers(one->low, other->low);
	if (result == 0)
		result = compare_numbers(one->target_partition, other->target_partition);
	return result ? result : compare_numbers(one->target_offset, other->target_offset);
}

static int compare_places_in_target(const void *a, const void *b)
{
	const struct unknown_record *one = a, *other = b;
	int result = compare_numbers(one->target_partition, other->target_partition);

	return result ? result : compare_numbers(one->target_offset, other->target_offset);
}

/* The first unknown record that is where this lost one would be; NULL: none. *from: those before it are of no use any more,
 * to this one and to all that are behind it. */
static struct unknown_record *find_altered(
    struct comparison *comparison, size_t *from, int32_t partition, int64_t offset)
{
	while (*from < comparison->unknown_count) {
		const struct unknown_record *unknown = &comparison->unknown[*from];

		if (!unknown->explained && (unknown->source_partition > partition ||
					       (unknown->source_partition == partition && unknown->high > offset)))
			break;
		(*from)++;
	}
	for (size_t i = *from; i < comparison->unknown_count; i++) {
		struct unknown_record *unknown = &comparison->unknown[i];

		if (unknown->source_partition != partition || unknown->low >= offset)
			break;
		if (!unknown->explained && unknown->high > offset)
			return unknown;
	}
	return NULL;
}

static void take_altered(struct comparison *comparison, struct unknown_record *unknown, int32_t partition, int64_t offset)
{
	const struct comparison_fault fault = { partition, unknown->target_partition, offset, unknown->target_offset, 0 };

	/* It is there, whatever became of it: what is behind it has not been deleted. */
	if (offset < comparison->sources[partition].first_found)
		comparison->sources[partition].first_found = offset;
	unknown->explained = true;
	comparison->verdict.found++;
	comparison->verdict.faults[FAULT_UNKNOWN].count--;
	comparison->targets[unknown->target_partition].unknown_before_match -= unknown->before_match;
	comparison_note(comparison, &comparison->verdict.faults[FAULT_ALTERED], &fault, 1);
}

static void take_lost(struct comparison *comparison, int32_t partition, int64_t offset, uint64_t weight)
{
	struct source_part *source = &comparison->sources[partition];
	const struct comparison_fault fault = { partition, -1, offset, -1, (int64_t)weight };
	bool is_before = offset < source->first_found;

	/* Where the target has something older than this, nothing has been deleted there that is newer. */
	if (is_before && source->target >= 0 && comparison->targets[source->target].start > 0 &&
	    comparison->targets[source->target].unknown_before_match == 0 &&
	    !comparison->targets[source->target].has_older) {
		comparison->verdict.gone_from_target += weight;
		return;
	}
	source->lost_before_found |= is_before;
	comparison->verdict.lost_at_end += offset > source->last_found ? weight : 0;
	comparison_note(comparison, &comparison->verdict.faults[FAULT_LOST], &fault, weight);
}

static int look_at_lost(struct comparison *comparison, struct error *err)
{
	struct entry entry;
	size_t from = 0;
	int result;

	if (comparison->unknown_count > 0)
		qsort(comparison->unknown, comparison->unknown_count, sizeof comparison->unknown[0],
		    compare_places_in_source);
	while ((result = entry_sorter_next(comparison->lost, &entry, err)) > 0) {
		int32_t partition = (int32_t)entry.words[0];
		int64_t offset = (int64_t)entry.words[1];
		struct unknown_record *unknown =
		    entry.words[3] ? NULL : find_altered(comparison, &from, partition, offset);

		if (unknown)
			take_altered(comparison, unknown, partition, offset);
		else
			take_lost(comparison, partition, offset, entry.words[2]);
	}
	return result;
}

/* ---- what is unknown ---- */

/* Older than all that the source still has? Only where nothing of what it has is lost there. */
static bool is_gone_from_source(const struct comparison *comparison, int32_t partition)
{
	const struct target_part *target = &comparison->targets[partition];

	return target->unknown_before_match > 0 && target->first_source >= 0 &&
	       comparison->sources[target->first_source].start > 0 &&
	       !comparison->sources[target->first_source].lost_before_found;
}

static void judge_unknown(struct comparison *comparison)
{
	struct comparison_faults *faults = &comparison->verdict.faults[FAULT_UNKNOWN];

	for (int32_t i = 0; i < comparison->options.target_partitions; i++) {
		if (!is_gone_from_source(comparison, i))
			continue;
		comparison->verdict.gone_from_source += comparison->targets[i].unknown_before_match;
		faults->count -= comparison->targets[i].unknown_before_match;
	}
	if (comparison->unknown_count > 0)
		qsort(comparison->unknown, comparison->unknown_count, sizeof comparison->unknown[0],
		    compare_places_in_target);
	for (size_t i = 0; i < comparison->unknown_count; i++) {
		const struct unknown_record *unknown = &comparison->unknown[i];
		const struct comparison_fault fault = { -1, unknown->target_partition, -1, unknown->target_offset, 0 };

		if (!unknown->explained &&
		    !(unknown->before_match && is_gone_from_source(comparison, unknown->target_partition)))
			comparison_note(comparison, faults, &fault, 0);
	}
}

int comparison_look(struct comparison *comparison, struct error *err)
{
	int result = look_at_target(comparison, err);

	if (result == 0 && comparison->keys)
		result = look_at_keys(comparison, err);
	if (result == 0)
		result = look_at_lost(comparison, err);
	if (result == 0)
		judge_unknown(comparison);
	return result;
}
