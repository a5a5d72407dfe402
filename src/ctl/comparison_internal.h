/* comparison_internal.h: what the comparison's files share.
 *
 *   comparison.c         life, adding, the verdict
 *   comparison_match.c   which target records stand for which source record
 *   comparison_order.c   in which order they have come; what is lost and unknown, in the order of their logs
 *
 * Everything goes through sorters, so that memory is bounded whatever is compared; besides them there is only what is
 * proportional to the partitions, and to the faults that are shown. */
#pragma once
#include "ctl/comparison.h"
#include "ctl/entry_sorter.h"

#define TOP_BIT (UINT64_C(1) << 63)

/* Of an arrival, or of another target record that is looked at in the target's order. */
enum arrival_flag {
	ARRIVAL_REPEATED = 1,
	ARRIVAL_ALTERED = 2,
	ARRIVAL_FIRST = 4, /* of its source record in this target partition */
	ARRIVAL_UNKNOWN = 8,
	ARRIVAL_TWIN = 16, /* of whichever of several source records: its order is not judged */
};

/* What is known of a source partition. */
struct source_part {
	int64_t start;
	int64_t first_found, last_found; /* offsets; -1: none */
	int32_t target;			 /* partition to which the first of its records went that was looked at; -1 none */
	bool many_targets;
	bool lost_before_found;

	/* while one target partition is looked at, that of stamp - 1 */
	int64_t stamp;
	uint64_t greatest_rank, current_rank;
	int64_t current_offset;

	/* while twins of one content are looked at, the stamp-th */
	uint64_t twin_stamp;
	uint64_t twins, twins_found;
	int64_t first_twin, last_twin;
	int64_t last_twin_target;
};

struct target_part {
	int64_t start;
	uint64_t unknown_before_match;
	bool has_older; /* than all that the source still has: it says so */
	int32_t first_source; /* of the first record that stands for a known one; -1: there is none */
};

/* A target record that no source record explains, and where in the source it would be, if something was altered. */
struct unknown_record {
	int32_t target_partition;
	int64_t target_offset;
	int32_t source_partition; /* -1: that cannot be said */
	int64_t low, high;	  /* between these offsets */
	bool before_match;
	bool explained;
};

enum { UNKNOWN_KEPT = 4096 };

/* Of a source record that is told by its content. */
enum source_flag {
	SOURCE_NEW = 1,
	SOURCE_FOUND = 2, /* a target record bears its coordinates */
};

struct comparison {
	struct comparison_options options;
	struct comparison_verdict verdict;
	struct source_part *sources;
	struct target_part *targets;
	bool any_claim, any_without_claim; /* among the target records */
	bool same_partitions; /* all that stand for one known record are in the partition of its number */
	bool any_arrival;

	/* By coordinates, then by content: the word that comes first tells, by its top bit. */
	struct entry_sorter *identities;
	struct entry_sorter *leftovers; /* source records by content, after coordinates have told what they can */
	struct entry_sorter *arrivals;	/* by target partition, source partition, source offset */
	struct entry_sorter *in_target; /* the same and others, by target partition and offset */
	struct entry_sorter *keys;	/* by key, source partition, target partition; NULL: not needed */
	struct entry_sorter *lost;	/* by source partition and offset */

	struct comparison_faults moved_twins; /* of the right number, but in other partitions */
	uint64_t twin_groups;

	struct unknown_record unknown[UNKNOWN_KEPT];
	size_t unknown_count; /* of those that are kept */
};

/* ---- comparison.c ---- */

void comparison_note(struct comparison *comparison, struct comparison_faults *faults, const struct comparison_fault *fault,
    uint64_t weight);

/* ---- comparison_match.c ---- */

/* Empties identities; fills arrivals, in_target and lost. */
int comparison_match(struct comparison *comparison, struct error *err);

/* ---- comparison_order.c ---- */

/* Empties arrivals into in_target. */
int comparison_rank(struct comparison *comparison, struct error *err);
/* Looks at in_target, then at keys, then at lost. */
int comparison_look(struct comparison *comparison, struct error *err);
