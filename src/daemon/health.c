#include "daemon/health.h"
#include <inttypes.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "daemon/stuck.h"

static bool is_away(const struct pipeline_snapshot *snapshot)
{
	if (pipeline_state_is_ready(snapshot->state))
		return false;
	return snapshot->state == PIPELINE_FAILED || snapshot->state == PIPELINE_BLOCKED || snapshot->unready_ms < 0 ||
	       snapshot->unready_ms > READY_AWAY_MS;
}

bool health_is_ready(const struct pipeline_snapshot *snapshot)
{
	return !is_away(snapshot) && !stuck_partition(snapshot, READY_STILL_MS);
}

/* Why it is not ready; NULL: it is. The caller frees. */
static char *unready_reason(const struct pipeline_snapshot *snapshot)
{
	const struct partition_snapshot *still = stuck_partition(snapshot, READY_STILL_MS);

	if (is_away(snapshot))
		return xasprintf("%s%s%s", pipeline_state_name(snapshot->state), snapshot->reason ? ": " : "",
		    snapshot->reason ? snapshot->reason : "");
	return still ? stuck_sentence(still) : NULL;
}

bool health_write_readiness(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	bool ready = true;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *reason = unready_reason(&snapshots[i]);
		_cleanup_free_ char *safe = reason ? escape_whole(reason) : NULL;

		if (!safe)
			continue;
		fprintf(out, "%s: %s\n", snapshots[i].name, safe);
		ready = false;
	}
	if (ready)
		fputs("ready\n", out);
	return ready;
}

void health_status_line(char *line, size_t size, const struct pipeline_snapshot *snapshots, size_t count,
    uint64_t records_per_s, bool reload_refused)
{
	size_t in_state[PIPELINE_STATE_COUNT] = { 0 };
	const char *separator = ": ";
	const char *refused = reload_refused ? "; the last reload was refused" : "";
	size_t used;

	for (size_t i = 0; i < count; i++)
		in_state[snapshots[i].state]++;
	if (in_state[PIPELINE_STOPPED] == count) {
		snprintf(line, size, "no pipeline runs%s", refused);
		return;
	}
	used = (size_t)snprintf(line, size, "%zu pipeline%s", count, count == 1 ? "" : "s");
	for (int state = 0; state < PIPELINE_STATE_COUNT && used < size; state++) {
		if (in_state[state] == 0)
			continue;
		used += (size_t)snprintf(line + used, size - used, "%s%zu %s", separator, in_state[state],
		    pipeline_state_name((enum pipeline_state)state));
		separator = ", ";
	}
	if (used < size)
		snprintf(line + used, size - used, "; %" PRIu64 " records/s%s", records_per_s, refused);
}
