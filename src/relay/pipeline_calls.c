/* Calls of librdkafka that do not return. Each has a bound of seconds, and what takes longer is called again; but not every
 * one keeps it (rd_kafka_send_offsets_to_transaction() waits for the group's coordinator as long as it takes, librdkafka
 * issue 5456). The workers that are in such a call cannot be ended, nor can its client be destroyed: it is told, and in the
 * end only another process helps. */
#include <inttypes.h>
#include "base/clock.h"
#include "base/fault_point.h"
#include "base/log_ids.h"
#include "base/units.h"
#include "relay/pipeline_internal.h"

/* Longer than any bound that a call is given, and than a resolver that gets no answer. */
static const int64_t overstays_us = 20 * USEC_PER_SEC;
/* Brokers that were killed are back by then, in most cases, and with them the call. */
static const int64_t hangs_us = 300 * USEC_PER_SEC;

/* A cluster that does not answer is told as that, and the end of a transaction waits for it. The other worker asks whether
 * it answers again; so it is no reason where it is not asked any more, because that worker hangs itself, or they are freed. */
static bool sink_is_excused(const struct pipeline *pipeline)
{
	bool is_down = pipeline->source_watch.down || pipeline->sink_watch.down;

	return is_down && !pipeline->call.told &&
	       (pipeline->phase == PHASE_RUN || pipeline->phase == PHASE_DRAIN || pipeline->phase == PHASE_CLOSE);
}

static void look_at(
    struct pipeline *pipeline, struct call_watch *watch, struct worker *worker, bool excused, int64_t now_us)
{
	struct worker_view view = worker ? worker_look(worker) : (struct worker_view){ .doing = NULL };
	enum call_news news =
	    call_watch_look(watch, view.doing, view.signs, excused, FAULT_BOUND_US(overstays_us), now_us);
	struct log_place place = LOG_SETTINGS(pipeline->settings);
	char taken[UNITS_TEXT_SIZE], bound[UNITS_TEXT_SIZE];

	if (news == CALL_NO_NEWS)
		return;
	place.message_id = LOG_ID_CALL_HANGS;
	units_format_age_ms(taken, sizeof taken, watch->silent_us / USEC_PER_MSEC);
	if (news == CALL_RETURNED) {
		log_notice(&place, "librdkafka has returned from the call (%s) after %s", watch->doing, taken);
		return;
	}
	units_format_age_ms(bound, sizeof bound, hangs_us / USEC_PER_MSEC);
	log_warning(&place,
	    "librdkafka does not return from a call (%s), for %s now: what depends on it waits. If it has not within %s, "
	    "aloqd ends with status 70, for systemd to start it anew. Look whether all brokers are well",
	    watch->doing, taken, bound);
}

/* Is it not waited for any more? */
static bool hangs(const struct call_watch *watch)
{
	return watch->told && watch->silent_us >= FAULT_BOUND_US(hangs_us);
}

void pipeline_watch_calls(struct pipeline *pipeline, int64_t now_us)
{
	const struct call_watch *watches[] = { &pipeline->call, &pipeline->sink_call };

	/* What this one calls has a bound that holds while the cluster is down, too. */
	look_at(pipeline, &pipeline->call, pipeline->worker, false, now_us);
	look_at(pipeline, &pipeline->sink_call, pipeline->sink_worker, sink_is_excused(pipeline), now_us);
	pipeline->overstays_in = pipeline->hangs_in = NULL;
	for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++) {
		if (!watches[i]->told)
			continue;
		pipeline->overstays_in = watches[i]->doing;
		if (hangs(watches[i]))
			pipeline->hangs_in = watches[i]->doing;
	}
	/* Only its transaction's end keeps an engine from being drained. */
	pipeline->hangs_undrained = hangs(&pipeline->call) && !hangs(&pipeline->sink_call) &&
				    (pipeline->phase == PHASE_RUN || pipeline->phase == PHASE_DRAIN);
}
