/* comparison.h: is what a source has in the target: once, unchanged and in order? Pure but for the file that what does not
 * fit into memory goes to; knows no Kafka: it is fed the records of both sides, each as a hash and coordinates.
 *
 * A target record that bears the coordinates of its source record (core/provenance.h) is compared with that one. All others
 * are told by their content; of records with the same content only the number can be compared, and not their order.
 *
 * Lost: a source record that no target record stands for. Repeated: a target record of a source record that another one
 * stands for already. Altered: one that bears the coordinates of a source record of other content; or one of unknown
 * content, exactly where lost records would be. Unknown: any other one that no source record explains. Reordered: what of
 * one source partition has come to one target partition must have come in source order; a relay may start again from an
 * earlier record, if it then repeats all from there on: late records, and jumps in a repeat, are out of order. Scattered:
 * records of one source partition with the same key that are in several target partitions, where nothing keeps their order.
 *
 * Not judged, but counted, is what one side alone can have: see struct comparison_verdict.
 *
 * Thread: the one that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"

struct comparison;

/* Of one record. */
struct compared_record {
	int32_t partition;
	int64_t offset;
	uint64_t content[2]; /* hash of all that is compared */
	uint64_t key;	     /* hash; 0: null */
};

/* Where a target record says that it comes from. */
struct compared_claim {
	bool is_of_source;  /* from the source that is compared, and there: */
	bool is_of_another; /* from another one */
	int32_t partition;
	int64_t offset;
};

struct comparison_options {
	size_t memory_bytes;
	const char *directory; /* for what does not fit */
	int32_t source_partitions, target_partitions;
	const int64_t *source_starts, *target_starts; /* by partition: where the logs begin; copied */
	size_t shown;				      /* faults of each kind that are told one by one */
};

enum fault_kind {
	FAULT_LOST,	 /* source */
	FAULT_REPEATED,	 /* source, target */
	FAULT_REORDERED, /* source, target, and the offset of the source record that it should not be behind */
	FAULT_ALTERED,	 /* source, target */
	FAULT_UNKNOWN,	 /* target */
	FAULT_SCATTERED, /* source, target, and another partition of the target in which its key is */
	FAULT_KINDS,
};

struct comparison_fault {
	int32_t source_partition, target_partition; /* -1: none */
	int64_t source_offset, target_offset;
	int64_t other;
};

struct comparison_faults {
	uint64_t count;
	struct comparison_fault *shown; /* the first of them */
	size_t shown_count;
};

struct comparison_verdict {
	struct comparison_faults faults[FAULT_KINDS];
	uint64_t source_records, target_records;
	uint64_t found;		/* source records that are in the target */
	uint64_t by_provenance; /* target records that were compared by their coordinates */
	uint64_t lost_at_end;	/* of the lost: nothing behind them in their partition was found: perhaps on their way */
	/* not judged: */
	uint64_t too_new;	   /* source records from behind the ends at the start that are not in the target */
	uint64_t gone_from_target; /* source records before the first that was found, with a target whose log begins later */
	uint64_t gone_from_source; /* target records before the first that was found, with a source whose log begins later */
	uint64_t of_other_sources; /* target records that say so */
	uint64_t twins;		   /* source records whose order cannot be judged, as others have the same content */
	uint64_t spilled_bytes;	   /* that went to the file */
};

struct comparison *comparison_new(const struct comparison_options *options);

/* Accepts NULL. */
void comparison_free(struct comparison *comparison);
DEFINE_CLEANUP(struct comparison *, comparison_free)

/* All of the target comes first, then all of the source, each in any order. is_new: from behind the end at the start: it
 * explains a target record, and need not be there. A negative errno: see entry_sorter_add(). */
int comparison_add_target(struct comparison *comparison, const struct compared_record *record,
    const struct compared_claim *claim, struct error *err);
int comparison_add_source(
    struct comparison *comparison, const struct compared_record *record, bool is_new, struct error *err);

/* Fills the verdict, which is the comparison's. NULL with err set. */
const struct comparison_verdict *comparison_finish(struct comparison *comparison, struct error *err);

/* Nothing is lost, reordered, altered, unknown or scattered; and nothing repeated, unless that is allowed. */
bool comparison_is_clean(const struct comparison_verdict *verdict, bool may_repeat);
