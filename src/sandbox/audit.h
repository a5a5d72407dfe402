/* audit.h: was a topic relayed as promised? Pure: it is fed both topics and gives a verdict.
 *
 * Every record has an identity, a number that no other record of the source has. A target record of a known
 * identity must hold the same bytes. Order is judged for each pair of source partition and target partition:
 * what of one came to the other must have come in source order, but a relay that promises at_least_once may
 * at any time start again from an earlier record and must then go on from there without a hole. So each
 * arrival is the successor of the one before it, or goes back; one that jumps ahead is out of order. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

struct audit;

struct audit_record {
	int64_t identity; /* -1: it has none that can be told */
	int32_t partition;
	int64_t offset;
	const void *bytes; /* all that must survive the relay; copied */
	size_t size;
};

enum audit_fault_kind { FAULT_LOST, FAULT_OUT_OF_ORDER, FAULT_ALTERED };

struct audit_fault {
	enum audit_fault_kind kind;
	int64_t identity;
	int32_t partition; /* lost: of the source; else of the target */
	int64_t offset;
};

enum { AUDIT_FAULTS_SHOWN = 8 };

struct audit_verdict {
	uint64_t produced;     /* records of the source */
	uint64_t relayed;      /* of them, those that are in the target, altered or not */
	uint64_t lost;         /* those that are not */
	uint64_t repeated;     /* target records beyond the first of each identity: allowed at_least_once */
	uint64_t out_of_order; /* target records that jump ahead */
	uint64_t altered;      /* target records that are not as in the source, or of no known identity */
	size_t fault_count;
	struct audit_fault faults[AUDIT_FAULTS_SHOWN]; /* the first of them */
};

struct audit *audit_new(void);

/* Accepts NULL. */
void audit_free(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_free)

/* Feeds the source, in order within each partition. All of it comes before the target. -EEXIST: the identity
 * is there already, -EINVAL: it has none; the record cannot be audited and was not taken. */
int audit_add_source(struct audit *audit, const struct audit_record *record);

/* Feeds the target, in order within each partition. */
void audit_add_target(struct audit *audit, const struct audit_record *record);

void audit_judge(struct audit *audit, struct audit_verdict *verdict);

/* Does it hold at_least_once? Repeats do; anything lost, altered or out of order does not. */
bool audit_holds(const struct audit_verdict *verdict);
