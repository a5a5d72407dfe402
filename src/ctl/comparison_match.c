/* Which target records stand for which source record. Those of one identity follow each other, source records first. */
#include "ctl/comparison_internal.h"

/* Those of one identity. */
struct group {
	struct comparison *comparison;
	bool open;
	uint64_t id[2];
	uint64_t source_count, new_count, target_count; /* new_count: of the source, from behind the end at the start */
	int32_t partition; /* of the first source record */
	int64_t offset;
	uint64_t content[2], key, flags;
	bool is_new;
	uint64_t found_before; /* of the source, by their coordinates */
};

/* ---- what becomes of a record ---- */

static void note_found(struct comparison *comparison, int32_t partition, int64_t offset)
{
	struct source_part *part = &comparison->sources[partition];

	if (part->first_found < 0 || offset < part->first_found)
		part->first_found = offset;
	if (offset > part->last_found)
		part->last_found = offset;
}

static int add_lost(struct comparison *comparison, int32_t partition, int64_t offset, uint64_t weight, bool is_twin,
    struct error *err)
{
	const struct entry entry = { { (uint64_t)partition, (uint64_t)offset, weight, is_twin } };

	return entry_sorter_add(comparison->lost, &entry, err);
}

static int add_in_target(
    struct comparison *comparison, int32_t partition, int64_t offset, enum arrival_flag flags, struct error *err)
{
	const struct entry entry = { { (uint64_t)partition, (uint64_t)offset, flags } };

	return entry_sorter_add(comparison->in_target, &entry, err);
}

/* A target record that stands for the group's one source record. */
static int add_arrival(struct group *group, int32_t partition, int64_t offset, bool is_altered, struct error *err)
{
	struct comparison *comparison = group->comparison;
	struct source_part *source = &comparison->sources[group->partition];
	uint64_t flags = (group->target_count > 0 ? ARRIVAL_REPEATED : 0) | (is_altered ? ARRIVAL_ALTERED : 0);
	const struct entry entry = { { (uint64_t)partition << 32 | (uint64_t)group->partition, (uint64_t)group->offset,
	    (uint64_t)offset, group->key, flags } };

	if (group->target_count++ == 0) {
		comparison->verdict.found++;
		note_found(comparison, group->partition, group->offset);
	}
	if (source->target < 0)
		source->target = partition;
	source->many_targets |= source->target != partition;
	comparison->same_partitions &= partition == group->partition;
	comparison->any_arrival = true;
	return entry_sorter_add(comparison->arrivals, &entry, err);
}

/* A source record for which there is nothing in the target. */
static int take_absent(struct group *group, struct error *err)
{
	if (!group->is_new)
		return add_lost(group->comparison, group->partition, group->offset, 1, false, err);
	group->comparison->verdict.too_new++;
	return 0;
}

static void begin_group(struct group *group, uint64_t id0, uint64_t id1)
{
	*group = (struct group){ .comparison = group->comparison, .open = true, .id = { id0, id1 } };
}

/* ---- by coordinates ---- */

static int end_by_place(struct group *group, struct error *err)
{
	uint64_t flags = (group->is_new ? SOURCE_NEW : 0) | (group->target_count > 0 ? SOURCE_FOUND : 0);
	const struct entry by_content = { { group->content[0] | TOP_BIT, group->content[1], (uint64_t)group->partition,
	    (uint64_t)group->offset, group->key, flags } };

	if (!group->open || group->source_count == 0)
		return 0;
	/* Also of one that was found there may be more, which say nothing of themselves. */
	if (group->comparison->any_without_claim)
		return entry_sorter_add(group->comparison->leftovers, &by_content, err);
	return group->target_count > 0 ? 0 : take_absent(group, err);
}

/* It bears the coordinates of a record that the source has not. */
static int take_unfounded(struct group *group, int32_t partition, int64_t offset, struct error *err)
{
	struct comparison *comparison = group->comparison;
	uint32_t claimed = (uint32_t)(group->id[1]);

	if ((int64_t)group->id[0] < comparison->sources[claimed].start) {
		comparison->verdict.gone_from_source++;
		comparison->targets[partition].has_older = true;
		return 0;
	}
	return add_in_target(comparison, partition, offset, ARRIVAL_UNKNOWN, err);
}

static int take_by_place(struct group *group, const struct entry *entry, struct error *err)
{
	uint64_t source_partition = entry->words[1] >> 32;
	bool is_target = (entry->words[1] >> 31 & 1) != 0;
	int result = 0;

	if (!group->open || group->id[0] != entry->words[0] || group->id[1] != source_partition) {
		result = end_by_place(group, err);
		begin_group(group, entry->words[0], source_partition);
	}
	if (result < 0)
		return result;
	if (!is_target) {
		group->source_count++;
		group->partition = (int32_t)source_partition;
		group->offset = (int64_t)entry->words[0];
		group->is_new = entry->words[2] != 0;
		group->content[0] = entry->words[3];
		group->content[1] = entry->words[4];
		group->key = entry->words[5];
		return 0;
	}
	if (group->source_count == 0)
		return take_unfounded(
		    group, (int32_t)(entry->words[1] & INT32_MAX), (int64_t)entry->words[2], err);
	return add_arrival(group, (int32_t)(entry->words[1] & INT32_MAX), (int64_t)entry->words[2],
	    entry->words[3] != group->content[0] || entry->words[4] != group->content[1], err);
}

/* ---- by content ---- */

/* The counters of twins in a partition, from zero on for each content. */
static struct source_part *twins_of(struct comparison *comparison, int32_t partition)
{
	struct source_part *part = &comparison->sources[partition];

	if (part->twin_stamp != comparison->twin_groups) {
		part->twin_stamp = comparison->twin_groups;
		part->twins = part->twins_found = 0;
		part->first_twin = part->last_twin = part->last_twin_target = -1;
	}
	return part;
}

static void count_twin(struct comparison *comparison, int32_t partition, int64_t offset, uint64_t flags)
{
	struct source_part *part = twins_of(comparison, partition);

	part->twins += (flags & SOURCE_NEW) == 0;
	part->twins_found += (flags & SOURCE_FOUND) != 0;
	if (part->first_twin < 0)
		part->first_twin = offset;
	part->last_twin = offset;
}

static void take_source_by_content(struct group *group, const struct entry *entry)
{
	struct comparison *comparison = group->comparison;
	int32_t partition = (int32_t)entry->words[2];
	int64_t offset = (int64_t)entry->words[3];
	uint64_t flags = entry->words[5];

	if (group->source_count++ == 0) {
		group->partition = partition;
		group->offset = offset;
		group->key = entry->words[4];
		group->is_new = (flags & SOURCE_NEW) != 0;
		group->flags = flags;
	} else {
		if (group->source_count == 2) {
			comparison->twin_groups++;
			count_twin(comparison, group->partition, group->offset, group->flags);
		}
		count_twin(comparison, partition, offset, flags);
	}
	group->new_count += (flags & SOURCE_NEW) != 0;
	if (flags & SOURCE_FOUND) {
		group->found_before++;
		group->target_count++;
	}
}

/* One of several stands for one of several. */
static int take_twin(struct group *group, int32_t partition, int64_t offset, struct error *err)
{
	bool is_repeated = group->target_count++ >= group->source_count;

	if (partition < group->comparison->options.source_partitions) {
		struct source_part *part = twins_of(group->comparison, partition);

		part->twins_found++;
		part->last_twin_target = offset;
	}
	return add_in_target(group->comparison, partition, offset,
	    is_repeated ? ARRIVAL_TWIN | ARRIVAL_REPEATED : ARRIVAL_TWIN, err);
}

static int take_target_by_content(struct group *group, const struct entry *entry, struct error *err)
{
	int32_t partition = (int32_t)(entry->words[2] & INT32_MAX);
	int64_t offset = (int64_t)entry->words[3];

	if (group->source_count == 1)
		return add_arrival(group, partition, offset, false, err);
	if (group->source_count > 1)
		return take_twin(group, partition, offset, err);
	if (entry->words[5] != 0) {
		group->comparison->verdict.of_other_sources++;
		return 0;
	}
	return add_in_target(group->comparison, partition, offset, ARRIVAL_UNKNOWN, err);
}

/* Twins that the number of target records does not reach; those of partitions where most are missing first. */
static int take_lost_twins(struct group *group, uint64_t lost, struct error *err)
{
	struct comparison *comparison = group->comparison;
	int result = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int32_t i = 0; i < comparison->options.source_partitions && lost > 0 && result == 0; i++) {
			struct source_part *part = twins_of(comparison, i);
			uint64_t missing = part->twins;

			if (pass == 0)
				missing -= part->twins_found < missing ? part->twins_found : missing;
			if (missing > lost)
				missing = lost;
			if (missing == 0)
				continue;
			part->twins -= missing;
			lost -= missing;
			result = add_lost(comparison, i, part->last_twin, missing, true, err);
		}
	return result;
}

/* How many are in a partition that are missing in another. */
static void note_moved_twins(struct comparison *comparison)
{
	struct comparison_fault fault = { .source_partition = -1, .target_partition = -1 };
	uint64_t missing = 0, more = 0;

	for (int32_t i = 0; i < comparison->options.source_partitions; i++) {
		const struct source_part *part = twins_of(comparison, i);

		if (part->twins > part->twins_found) {
			missing += part->twins - part->twins_found;
			fault.source_partition = i;
			fault.source_offset = part->last_twin;
		} else if (part->twins < part->twins_found) {
			more += part->twins_found - part->twins;
			fault.target_partition = i;
			fault.target_offset = part->last_twin_target;
		}
	}
	if (missing > 0 && more > 0)
		comparison_note(comparison, &comparison->moved_twins, &fault, missing < more ? missing : more);
}

static int end_twins(struct group *group, struct error *err)
{
	struct comparison *comparison = group->comparison;
	uint64_t required = group->source_count - group->new_count;
	uint64_t found = group->target_count < group->source_count ? group->target_count : group->source_count;
	int result = 0;

	comparison->verdict.twins += group->source_count;
	comparison->verdict.found += found - group->found_before;
	if (group->target_count > 0)
		for (int32_t i = 0; i < comparison->options.source_partitions; i++)
			if (twins_of(comparison, i)->first_twin >= 0)
				note_found(comparison, i, comparison->sources[i].first_twin);
	if (found < required)
		result = take_lost_twins(group, required - found, err);
	comparison->verdict.too_new += group->source_count - (found > required ? found : required);
	if (result == 0 && group->new_count == 0 &&
	    comparison->options.source_partitions == comparison->options.target_partitions)
		note_moved_twins(comparison);
	return result;
}

static int end_by_content(struct group *group, struct error *err)
{
	if (!group->open || group->source_count == 0)
		return 0;
	if (group->source_count > 1)
		return end_twins(group, err);
	return group->target_count == 0 ? take_absent(group, err) : 0;
}

static int take_by_content(struct group *group, const struct entry *entry, struct error *err)
{
	int result = 0;

	if (!group->open || group->id[0] != entry->words[0] || group->id[1] != entry->words[1]) {
		result = end_by_content(group, err);
		begin_group(group, entry->words[0], entry->words[1]);
	}
	if (result < 0)
		return result;
	if ((entry->words[2] & TOP_BIT) != 0)
		return take_target_by_content(group, entry, err);
	take_source_by_content(group, entry);
	return 0;
}

/* ---- all ---- */

/* Two sorted streams as one: what was added by content at once, and what no coordinates name. */
struct by_content {
	struct entry_sorter *sorters[2];
	struct entry heads[2];
	int there[2]; /* 1: heads has one */
};

static int advance(struct by_content *streams, int i, struct error *err)
{
	streams->there[i] = entry_sorter_next(streams->sorters[i], &streams->heads[i], err);
	return streams->there[i] < 0 ? streams->there[i] : 0;
}

/* In the order of identity, side, partition, offset. */
static int least(const struct by_content *streams)
{
	if (!streams->there[0] || !streams->there[1])
		return streams->there[0] ? 0 : 1;
	for (int i = 0; i < 4; i++)
		if (streams->heads[0].words[i] != streams->heads[1].words[i])
			return streams->heads[0].words[i] < streams->heads[1].words[i] ? 0 : 1;
	return 0;
}

static int match_by_content(struct by_content *streams, struct group *group, struct error *err)
{
	int result = advance(streams, 1, err);

	while (result == 0 && (streams->there[0] || streams->there[1])) {
		int i = least(streams);

		result = take_by_content(group, &streams->heads[i], err);
		if (result == 0)
			result = advance(streams, i, err);
	}
	return result == 0 ? end_by_content(group, err) : result;
}

int comparison_match(struct comparison *comparison, struct error *err)
{
	struct by_content streams = { .sorters = { comparison->identities, comparison->leftovers } };
	struct group group = { .comparison = comparison };
	int result = advance(&streams, 0, err);

	while (result == 0 && streams.there[0] && (streams.heads[0].words[0] & TOP_BIT) == 0) {
		result = take_by_place(&group, &streams.heads[0], err);
		if (result == 0)
			result = advance(&streams, 0, err);
	}
	if (result == 0)
		result = end_by_place(&group, err);
	group = (struct group){ .comparison = comparison };
	return result == 0 ? match_by_content(&streams, &group, err) : result;
}
