#include "ctl/comparison_internal.h"
#include <stdlib.h>
#include "base/memory.h"

/* ---- life ---- */

struct comparison *comparison_new(const struct comparison_options *options)
{
	struct comparison *comparison = xcalloc(1, sizeof *comparison);
	size_t memory = options->memory_bytes / 16;

	comparison->options = *options;
	comparison->same_partitions = true;
	comparison->sources = xcalloc((size_t)options->source_partitions, sizeof *comparison->sources);
	comparison->targets = xcalloc((size_t)options->target_partitions, sizeof *comparison->targets);
	for (int32_t i = 0; i < options->source_partitions; i++)
		comparison->sources[i] = (struct source_part){
			.start = options->source_starts[i], .first_found = -1, .last_found = -1, .target = -1
		};
	for (int32_t i = 0; i < options->target_partitions; i++)
		comparison->targets[i] = (struct target_part){ .start = options->target_starts[i], .first_source = -1 };
	comparison->options.source_starts = comparison->options.target_starts = NULL;
	/* 16 parts; the keys' are those of identities, which are done then */
	comparison->identities = entry_sorter_new(6 * memory, options->directory);
	comparison->leftovers = entry_sorter_new(2 * memory, options->directory);
	comparison->arrivals = entry_sorter_new(4 * memory, options->directory);
	comparison->in_target = entry_sorter_new(3 * memory, options->directory);
	comparison->lost = entry_sorter_new(memory, options->directory);
	return comparison;
}

void comparison_free(struct comparison *comparison)
{
	if (!comparison)
		return;
	for (size_t i = 0; i < FAULT_KINDS; i++)
		free(comparison->verdict.faults[i].shown);
	free(comparison->moved_twins.shown);
	entry_sorter_free(comparison->identities);
	entry_sorter_free(comparison->leftovers);
	entry_sorter_free(comparison->arrivals);
	entry_sorter_free(comparison->in_target);
	entry_sorter_free(comparison->keys);
	entry_sorter_free(comparison->lost);
	free(comparison->sources);
	free(comparison->targets);
	free(comparison);
}

void comparison_note(struct comparison *comparison, struct comparison_faults *faults, const struct comparison_fault *fault,
    uint64_t weight)
{
	faults->count += weight;
	if (faults->shown_count >= comparison->options.shown)
		return;
	faults->shown = xreallocarray(faults->shown, faults->shown_count + 1, sizeof *faults->shown);
	faults->shown[faults->shown_count++] = *fault;
}

/* ---- adding ---- */

int comparison_add_target(struct comparison *comparison, const struct compared_record *record,
    const struct compared_claim *claim, struct error *err)
{
	struct entry entry;

	comparison->verdict.target_records++;
	if (claim->is_of_source) {
		comparison->any_claim = true;
		comparison->verdict.by_provenance++;
		if (claim->partition >= comparison->options.source_partitions) {
			entry = (struct entry){ { (uint64_t)record->partition, (uint64_t)record->offset, ARRIVAL_UNKNOWN } };
			return entry_sorter_add(comparison->in_target, &entry, err);
		}
		entry = (struct entry){ { (uint64_t)claim->offset,
		    (uint64_t)claim->partition << 32 | UINT64_C(1) << 31 | (uint64_t)record->partition,
		    (uint64_t)record->offset, record->content[0], record->content[1], record->key } };
	} else {
		comparison->any_without_claim = true;
		entry = (struct entry){ { record->content[0] | TOP_BIT, record->content[1],
		    TOP_BIT | (uint64_t)record->partition, (uint64_t)record->offset, record->key, claim->is_of_another } };
	}
	return entry_sorter_add(comparison->identities, &entry, err);
}

int comparison_add_source(
    struct comparison *comparison, const struct compared_record *record, bool is_new, struct error *err)
{
	struct entry entry;

	comparison->verdict.source_records++;
	if (comparison->any_claim)
		entry = (struct entry){ { (uint64_t)record->offset, (uint64_t)record->partition << 32, is_new,
		    record->content[0], record->content[1], record->key } };
	else
		entry = (struct entry){ { record->content[0] | TOP_BIT, record->content[1], (uint64_t)record->partition,
		    (uint64_t)record->offset, record->key, is_new ? SOURCE_NEW : 0 } };
	return entry_sorter_add(comparison->identities, &entry, err);
}

/* ---- the verdict ---- */

/* The right number of records of one content, but not in the partitions where they belong: if all others are in the partition
 * of their source's number, these are lost there and repeated elsewhere. */
static void judge_moved_twins(struct comparison *comparison)
{
	struct comparison_faults *lost = &comparison->verdict.faults[FAULT_LOST];
	struct comparison_faults *repeated = &comparison->verdict.faults[FAULT_REPEATED];
	const struct comparison_faults *moved = &comparison->moved_twins;

	if (!comparison->any_arrival || !comparison->same_partitions || moved->count == 0)
		return;
	for (size_t i = 0; i < moved->shown_count; i++) {
		comparison_note(comparison, lost, &moved->shown[i], 0);
		comparison_note(comparison, repeated, &moved->shown[i], 0);
	}
	lost->count += moved->count;
	repeated->count += moved->count;
}

static uint64_t spilled_bytes(const struct comparison *comparison)
{
	return entry_sorter_spilled_bytes(comparison->leftovers) + entry_sorter_spilled_bytes(comparison->in_target) +
	       entry_sorter_spilled_bytes(comparison->lost) +
	       (comparison->keys ? entry_sorter_spilled_bytes(comparison->keys) : 0);
}

const struct comparison_verdict *comparison_finish(struct comparison *comparison, struct error *err)
{
	struct comparison_verdict *verdict = &comparison->verdict;

	if (comparison_match(comparison, err) < 0)
		return NULL;
	verdict->spilled_bytes = entry_sorter_spilled_bytes(comparison->identities);
	entry_sorter_free(TAKE_PTR(comparison->identities));
	for (int32_t i = 0; i < comparison->options.source_partitions && !comparison->keys; i++)
		if (comparison->sources[i].many_targets)
			comparison->keys = entry_sorter_new(
			    6 * (comparison->options.memory_bytes / 16), comparison->options.directory);
	if (comparison_rank(comparison, err) < 0)
		return NULL;
	verdict->spilled_bytes += entry_sorter_spilled_bytes(comparison->arrivals);
	entry_sorter_free(TAKE_PTR(comparison->arrivals));
	if (comparison_look(comparison, err) < 0)
		return NULL;
	verdict->spilled_bytes += spilled_bytes(comparison);
	judge_moved_twins(comparison);
	return verdict;
}

bool comparison_is_clean(const struct comparison_verdict *verdict, bool may_repeat)
{
	for (size_t i = 0; i < FAULT_KINDS; i++)
		if (verdict->faults[i].count > 0 && !(may_repeat && i == FAULT_REPEATED))
			return false;
	return true;
}
