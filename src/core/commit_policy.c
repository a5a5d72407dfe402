#include "core/commit_policy.h"
#include "base/clock.h"

enum { FIRST_RETRY_MS = 100, LONGEST_RETRY_MS = 5000 };

void commit_policy_init(struct commit_policy *policy, int64_t records, int64_t interval_us, uint64_t seed)
{
	*policy = (struct commit_policy){
		.records = records,
		.interval_us = interval_us,
		.first_settled_us = CLOCK_NEVER,
		.backoff = { .base_ms = FIRST_RETRY_MS, .cap_ms = LONGEST_RETRY_MS, .seed = seed },
	};
}

void commit_policy_settled(struct commit_policy *policy, int64_t records, int64_t now_us)
{
	policy->uncommitted += records;
	if (policy->first_settled_us == CLOCK_NEVER)
		policy->first_settled_us = now_us;
}

int64_t commit_policy_deadline_us(const struct commit_policy *policy)
{
	int64_t deadline_us;

	if (policy->in_flight || policy->first_settled_us == CLOCK_NEVER)
		return CLOCK_NEVER;
	if (policy->retry || policy->uncommitted >= policy->records)
		deadline_us = policy->first_settled_us;
	else
		deadline_us = clock_after_us(policy->first_settled_us, policy->interval_us);
	return deadline_us > policy->not_before_us ? deadline_us : policy->not_before_us;
}

bool commit_policy_due(const struct commit_policy *policy, int64_t now_us)
{
	int64_t deadline_us = commit_policy_deadline_us(policy);

	return deadline_us != CLOCK_NEVER && now_us >= deadline_us;
}

void commit_policy_sent(struct commit_policy *policy)
{
	policy->in_flight = true;
	policy->retry = false;
	policy->uncommitted = 0;
	policy->first_settled_us = CLOCK_NEVER;
}

void commit_policy_answered(struct commit_policy *policy, bool ok, int64_t records, int64_t now_us)
{
	policy->in_flight = false;
	if (ok) {
		backoff_reset(&policy->backoff);
		policy->not_before_us = 0;
		return;
	}
	policy->retry = true;
	policy->not_before_us = clock_after_us(now_us, backoff_next_ms(&policy->backoff) * USEC_PER_MSEC);
	commit_policy_settled(policy, records, now_us);
}
