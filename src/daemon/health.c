#include "daemon/health.h"
#include <inttypes.h>
#include <string.h>
#include "base/escape.h"

static void write_reason(FILE *out, const struct pipeline_snapshot *snapshot)
{
	char reason[1024];

	fprintf(out, "%s: %s", snapshot->name, pipeline_state_name(snapshot->state));
	if (snapshot->reason) {
		escape_text(reason, sizeof reason, snapshot->reason, strlen(snapshot->reason));
		fprintf(out, ": %s", reason);
	}
	fputc('\n', out);
}

bool health_write_readiness(FILE *out, const struct pipeline_snapshot *snapshots, size_t count)
{
	bool ready = true;

	for (size_t i = 0; i < count; i++) {
		if (pipeline_state_is_ready(snapshots[i].state))
			continue;
		write_reason(out, &snapshots[i]);
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

	if (count == 0) {
		snprintf(line, size, "no pipeline is enabled%s", refused);
		return;
	}
	for (size_t i = 0; i < count; i++)
		in_state[snapshots[i].state]++;
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
