/* commit_policy.h: when to commit. Pure; the caller owns the clock.
 *
 * A commit is due once `records` have been settled since the last one, or `interval` has passed since the
 * first of them, whichever comes first. One commit is in flight at a time; a failed one is due again after
 * a back-off. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/backoff.h"

struct commit_policy {
	int64_t records;     /* > 0 */
	int64_t interval_us; /* >= 0 */
	/* state */
	int64_t uncommitted;	  /* records settled and not covered by a commit sent */
	int64_t first_settled_us; /* when the first of them was; CLOCK_NEVER: none */
	int64_t not_before_us;	  /* back-off after a failure */
	bool in_flight;
	bool retry; /* the last one failed: due as soon as the back-off is over */
	struct backoff backoff;
};

void commit_policy_init(struct commit_policy *policy, int64_t records, int64_t interval_us, uint64_t seed);

/* `records` more have been settled. 0 is allowed: the mark moved past a gap. */
void commit_policy_settled(struct commit_policy *policy, int64_t records, int64_t now_us);

/* Is it time? Never while one is in flight. */
bool commit_policy_due(const struct commit_policy *policy, int64_t now_us);

/* When it will be, if nothing more is settled; CLOCK_NEVER: not before something happens. */
int64_t commit_policy_deadline_us(const struct commit_policy *policy);

/* A commit of everything settled so far has been sent. */
void commit_policy_sent(struct commit_policy *policy);

/* It was answered. When it failed, `records` of it are uncommitted again. */
void commit_policy_answered(struct commit_policy *policy, bool ok, int64_t records, int64_t now_us);
