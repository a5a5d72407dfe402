#include "daemon/members.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* How much attention a state needs; of several members the highest shows. */
static int urgency(enum pipeline_state state)
{
	switch (state) {
	case PIPELINE_FAILED:
		return 7;
	case PIPELINE_BLOCKED:
		return 6;
	case PIPELINE_BACKING_OFF:
		return 5;
	case PIPELINE_DRAINING:
		return 4;
	case PIPELINE_STARTING:
		return 3;
	case PIPELINE_RUNNING:
		return 2;
	case PIPELINE_PAUSED: /* as a whole it is paused when all are */
		return 1;
	default: /* as a whole it has stopped when all have */
		return 0;
	}
}

static int by_topic_and_number(const void *left, const void *right)
{
	const struct partition_snapshot *a = left;
	const struct partition_snapshot *b = right;
	int order = strcmp(a->topic, b->topic);

	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* In a rebalance two members may show the same partition for a moment: both stay, told apart by their numbers. */
static void collect_partitions(struct pipeline_snapshot *whole)
{
	size_t count = 0;

	for (size_t i = 0; i < whole->member_count; i++)
		count += whole->members[i].partition_count;
	whole->partitions = xcalloc(count, sizeof *whole->partitions);
	for (size_t i = 0; i < whole->member_count; i++)
		for (size_t k = 0; k < whole->members[i].partition_count; k++)
			whole->partitions[whole->partition_count++] = whole->members[i].partitions[k];
	if (count > 0)
		qsort(whole->partitions, count, sizeof *whole->partitions, by_topic_and_number);
}

void members_add_counts(struct pipeline_snapshot *sum, const struct pipeline_snapshot *more)
{
	sum->restarts += more->restarts;
	sum->rebalances += more->rebalances;
	sum->log_gaps += more->log_gaps;
	sum->log_gap_records += more->log_gap_records;
	sum->blocked_gaps += more->blocked_gaps;
	sum->source_stalls += more->source_stalls;
	sum->untimestamped_records += more->untimestamped_records;
	engine_counters_add(&sum->counters, &more->counters);
	engine_latencies_add(&sum->latencies, &more->latencies);
}

static void add(struct pipeline_snapshot *whole, const struct pipeline_snapshot *member)
{
	members_add_counts(whole, member);
	whole->heartbeats += member->heartbeats;
	whole->held_bytes += member->held_bytes;
	whole->held_records += member->held_records;
	whole->in_flight_records += member->in_flight_records;
	whole->in_flight_bytes += member->in_flight_bytes;
	whole->left_blocked += member->left_blocked;
	for (int wait = 0; wait < WAIT_COUNT; wait++)
		whole->waiting[wait] += member->waiting[wait];
	if (member->oldest_unsettled_age_ms > whole->oldest_unsettled_age_ms)
		whole->oldest_unsettled_age_ms = member->oldest_unsettled_age_ms;
	whole->drain_was_clean = whole->drain_was_clean && member->drain_was_clean;
	if (member->last_error_at_ms > whole->last_error_at_ms) {
		whole->last_error = member->last_error;
		whole->last_error_at_ms = member->last_error_at_ms;
	}
}

/* Unknown when one's is, or when no partition is assigned. Who has none has no lag, known or not. */
static int64_t sum_of_lag(const struct pipeline_snapshot *members, size_t count)
{
	int64_t lag = -1;

	for (size_t i = 0; i < count; i++) {
		if (members[i].partition_count == 0)
			continue;
		if (members[i].lag < 0)
			return -1;
		lag = (lag < 0 ? 0 : lag) + members[i].lag;
	}
	return lag;
}

/* Have all come to the same, for the same reason? */
static bool are_alike(const struct pipeline_snapshot *members, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const char *reason = members[i].reason;

		if (members[i].state != members[0].state || !reason != !members[0].reason ||
		    (reason && strcmp(reason, members[0].reason) != 0))
			return false;
	}
	return true;
}

void members_sum(struct pipeline_snapshot *whole, const struct pipeline_snapshot *members, size_t count)
{
	const struct pipeline_snapshot *worst = &members[0];

	if (count == 1) {
		*whole = members[0];
		whole->members = members;
		whole->member_count = 1;
		return;
	}
	for (size_t i = 1; i < count; i++)
		if (urgency(members[i].state) > urgency(worst->state))
			worst = &members[i];
	*whole = (struct pipeline_snapshot){ .name = members[0].name,
		.delivery = members[0].delivery,
		.state = worst->state,
		.state_since_ms = worst->state_since_ms,
		.unready_ms = worst->unready_ms,
		.oldest_unsettled_age_ms = -1,
		.drain_was_clean = true,
		.lag = sum_of_lag(members, count),
		.members = members,
		.member_count = count };
	if (worst->reason && are_alike(members, count))
		whole->reason = xstrdup(worst->reason);
	else if (worst->reason)
		whole->reason =
		    xasprintf("member %" PRId32 " of %zu: %s", worst->member, count, worst->reason);
	for (size_t i = 0; i < count; i++)
		add(whole, &members[i]);
	collect_partitions(whole);
}

void members_clear(struct pipeline_snapshot *whole)
{
	if (whole->member_count > 1) {
		free(whole->reason);
		free(whole->partitions);
	}
	memset(whole, 0, sizeof *whole);
}
