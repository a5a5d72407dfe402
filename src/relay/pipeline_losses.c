/* Records that do not arrive at their target: refused, or lost by the rules of at_most_once. All are counted; each gets
 * a line with its place, or shares one with its neighbours, as long as there are not too many. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log_ids.h"
#include "relay/pipeline_internal.h"

static const char *as_said_by(const struct pipeline *pipeline, enum error_policy policy)
{
	return policy == pipeline->settings->on_error ? "on_error says" : "a person has decided";
}

void pipeline_on_refused(
    void *host, uint32_t part, int64_t offset, enum error_policy policy, const struct error *err)
{
	struct pipeline *pipeline = host;
	struct log_place place = pipeline_place_of(pipeline, part, offset);
	char others[96] = "";
	uint64_t suppressed;

	pipeline->last_error = *err;
	pipeline->last_error_at_ms = clock_realtime_ms();
	pipeline_note_partition(pipeline, part, err);
	pipeline->changed = true;
	if (!log_ratelimit_allow(&pipeline->refused_limit, clock_monotonic_us(), &suppressed))
		return;
	if (suppressed > 0)
		snprintf(others, sizeof others, " (%" PRIu64 " refused records before it were not logged)", suppressed);
	place.message_id = LOG_ID_RECORD_REFUSED;
	if (policy == ON_ERROR_SKIP)
		log_warning(&place, "offset %" PRId64 " is refused for ever and skipped, as %s%s: %s", offset,
		    as_said_by(pipeline, policy), others, err->message);
	else
		log_warning(&place, "offset %" PRId64 " is refused for ever and goes to %s, as %s%s: %s", offset,
		    pipeline->settings->dead_letter, as_said_by(pipeline, policy), others, err->message);
}

static bool continues(const struct lost_range *range, uint32_t part, int64_t first, const struct error *err)
{
	return range->records > 0 && range->part == part && range->next == first &&
	       strcmp(range->err.message, err->message) == 0;
}

void pipeline_on_lost(
    void *host, uint32_t part, int64_t first, int64_t next, uint64_t records, const struct error *err)
{
	struct pipeline *pipeline = host;
	struct lost_range *range = &pipeline->lost;

	pipeline->changed = true;
	if (continues(range, part, first, err)) {
		range->next = next;
		range->records += records;
		return;
	}
	pipeline_tell_lost(pipeline);
	*range = (struct lost_range){ .part = part, .first = first, .next = next, .records = records, .err = *err };
}

void pipeline_tell_lost(struct pipeline *pipeline)
{
	const struct lost_range range = pipeline->lost;
	struct log_place place;
	char others[96] = "";
	uint64_t suppressed;

	if (range.records == 0)
		return;
	pipeline->lost.records = 0;
	pipeline->last_error = range.err;
	pipeline->last_error_at_ms = clock_realtime_ms();
	pipeline_note_partition(pipeline, range.part, &range.err);
	if (!log_ratelimit_allow(&pipeline->lost_limit, clock_monotonic_us(), &suppressed)) {
		pipeline->lost_unlogged_records += range.records;
		return;
	}
	if (suppressed > 0)
		snprintf(others, sizeof others, " (and %" PRIu64 " records that were not logged)",
		    pipeline->lost_unlogged_records);
	pipeline->lost_unlogged_records = 0;
	place = pipeline_place_of(pipeline, range.part, range.first);
	place.message_id = LOG_ID_RECORDS_LOST;
	log_error(&place, "lost by at_most_once: %" PRIu64 " records, offsets %" PRId64 " to %" PRId64 "%s: %s",
	    range.records, range.first, range.next - 1, others, range.err.message);
}
