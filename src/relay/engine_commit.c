#include "relay/engine_internal.h"
#include <errno.h>
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/memory.h"

static bool part_wants_commit(const struct engine *engine, const struct part *part)
{
	return part->tracker && part->state != PART_UNASSIGNED && !part->gone &&
	       engine->strategy->commit_offset(part) > part->committed;
}

/* By policy, or because a partition that stops or pauses waits for it. Never while one is outstanding. */
static bool commit_is_due(const struct engine *engine)
{
	if (engine->commit_outstanding)
		return false;
	if (commit_policy_due(&engine->commit_policy, engine->now_us))
		return true;
	if (engine->now_us < engine->commit_policy.not_before_us)
		return false;
	/* Who stops, or pauses, waits for its commit, not for the policy. */
	for (uint32_t i = 0; i < engine->part_count; i++) {
		const struct part *part = &engine->parts[i];

		if ((engine->paused || part->order || part_is_stopping(engine, part)) && part_wants_commit(engine, part) &&
		    offset_tracker_in_flight(part->tracker) == 0)
			return true;
	}
	return false;
}

size_t engine_collect_marks(struct engine *engine)
{
	size_t count = 0;

	if (engine->mark_capacity < engine->part_count) {
		engine->mark_capacity = engine->part_capacity;
		engine->marks = xreallocarray(engine->marks, engine->mark_capacity, sizeof *engine->marks);
	}
	engine->commit_records = 0;
	for (uint32_t i = 0; i < engine->part_count; i++) {
		struct part *part = &engine->parts[i];

		if (!part_wants_commit(engine, part))
			continue;
		part->commit_sent = engine->strategy->commit_offset(part);
		part->sent_records = part->settled_records;
		engine->commit_records += (int64_t)(part->sent_records - part->committed_records);
		engine->marks[count++] = (struct mark){ .part = part->number, .epoch = part->epoch,
			.offset = part->commit_sent,
			.leader_epoch = offset_tracker_leader_epoch_before(part->tracker, part->commit_sent) };
	}
	return count;
}

/* Sends a commit of all partitions whose offset has moved. */
static void send_commit(struct engine *engine)
{
	size_t count = engine_collect_marks(engine);

	/* Also without marks: whatever the policy counted is covered (its partitions are gone). */
	commit_policy_sent(&engine->commit_policy);
	if (count == 0) {
		commit_policy_answered(&engine->commit_policy, true, 0, engine->now_us);
		return;
	}
	engine->commit_outstanding = true;
	engine->commit_sent_us = engine->now_us;
	FAULT_POINT(engine->draining ? "before-final-commit" : "before-commit");
	engine->source_ops->commit(engine->source, engine->marks, count);
	FAULT_POINT(engine->draining ? "after-final-commit-sent" : "after-commit-sent");
}

/* One partition's answer. Returns the records that are uncommitted again. */
static int64_t take_answer(struct engine *engine, const struct mark *mark)
{
	struct part *part;

	if (mark->part >= engine->part_count)
		return 0;
	part = &engine->parts[mark->part];
	/* An answer to an earlier epoch moves nothing. */
	if (!part->tracker || part->epoch != mark->epoch || part->commit_sent != mark->offset)
		return 0;
	part->commit_sent = -1;
	if (mark->error == -ENOENT) {
		part->gone = true;
		return 0;
	}
	if (mark->error) {
		if (mark->offset > part->maybe_committed)
			part->maybe_committed = mark->offset;
		return (int64_t)(part->sent_records - part->committed_records);
	}
	part->committed = mark->offset;
	part->maybe_committed = -1;
	part->committed_records = part->sent_records;
	engine->strategy->on_committed(engine, part);
	return 0;
}

bool engine_take_answers(struct engine *engine, const struct mark *marks, size_t count)
{
	int64_t uncommitted_records = 0;
	bool ok = true;
	bool again = false;

	for (size_t i = 0; i < count; i++) {
		ok = ok && !marks[i].error;
		again = again || (marks[i].error && marks[i].error != -ENOENT);
		uncommitted_records += take_answer(engine, &marks[i]);
	}
	commit_policy_answered(&engine->commit_policy, !again, uncommitted_records, engine->now_us);
	return ok;
}

void engine_on_commit_done(struct engine *engine, const struct mark *marks, size_t count, const struct error *err)
{
	if (!engine->commit_outstanding)
		return;
	engine->commit_outstanding = false;
	/* A partition that has begun a new epoch since then is not among the answers' epochs: it forgot its
	 * commit_sent when the old epoch ended. */
	if (engine_take_answers(engine, marks, count)) {
		FAULT_POINT(engine->draining ? "after-final-commit-answered" : "after-commit-answered");
		engine->counters.commits++;
		histogram_add(&engine->latencies.commit, engine->now_us - engine->commit_sent_us);
		return;
	}
	engine->counters.commit_failures++;
	if (err && (err->remedy == REMEDY_PERSON || err->remedy == REMEDY_RESTART))
		engine_fail_source(engine, err);
	else if (err && err->code)
		engine->host_ops->trouble(engine->host, UINT32_MAX, -1, err);
}

void engine_commit_when_due(struct engine *engine)
{
	if (commit_is_due(engine))
		send_commit(engine);
}

int64_t engine_commit_deadline_us(const struct engine *engine)
{
	return engine->commit_outstanding ? CLOCK_NEVER : commit_policy_deadline_us(&engine->commit_policy);
}
