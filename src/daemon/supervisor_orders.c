/* What a person tells a pipeline. */
#include <errno.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "daemon/supervisor_internal.h"

static struct place *find_place(struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->count; i++) {
		if (strcmp(run_settings(supervisor->places[i].run)->name, name) == 0)
			return &supervisor->places[i];
	}
	return NULL;
}

static void drain(struct supervisor *supervisor, struct place *place, int64_t now_us)
{
	int64_t drain_us = supervisor->config->drain_timeout_ms * USEC_PER_MSEC;

	run_stop(place->run, clock_after_us(now_us, drain_us));
}

static void stop(struct supervisor *supervisor, struct place *place, const char *by, int64_t now_us)
{
	if (place->resting)
		return;
	supervisor_note(place, TOLD_STOP, by);
	supervisor_set_next(place, NULL, NULL);
	drain(supervisor, place, now_us);
}

/* Another run, when this one has ended. again: also where this one does its work. */
static int start(
    struct supervisor *supervisor, struct place *place, bool again, int64_t now_us, struct error *err)
{
	const char *name = run_settings(place->run)->name;
	const struct config_pipeline *pipeline = supervisor_settings(supervisor, name);

	if (!pipeline)
		return error_set(err, -EPERM, REMEDY_PERSON,
		    "pipeline %s is not in the configuration any more, and drains", name);
	if (place->resting) {
		supervisor_note(place, TOLD_START, NULL);
		if (!pipeline->enabled)
			log_warning(&LOG_PIPELINE(name),
			    "enabled = false: it starts as it was told, and its share of aloqd.memory comes on top "
			    "of those of the others");
		supervisor_begin(supervisor, place, pipeline, now_us);
		return 0;
	}
	if (place->next)
		return 0;
	if (!run_is_stopping(place->run) && !again && run_snapshot(place->run)->state != PIPELINE_FAILED)
		return 0;
	if (run_is_stopping(place->run))
		supervisor_note(place, TOLD_START, NULL);
	supervisor_set_next(place, supervisor->config, pipeline);
	if (!run_is_stopping(place->run))
		drain(supervisor, place, now_us);
	return 0;
}

static int pause_or_resume(struct place *place, bool paused, struct error *err)
{
	const char *name = run_settings(place->run)->name;

	if (place->resting)
		return error_set(err, -EPERM, REMEDY_PERSON,
		    "pipeline %s is stopped; start it first (aloqctl start %s)", name, name);
	if (run_pause(place->run, paused))
		log_notice(&LOG_PIPELINE(name), "%s",
		    paused ? "told to pause: reads nothing more, and settles and commits what it holds"
		           : "told to resume: reads on");
	return 0;
}

int supervisor_tell(struct supervisor *supervisor, const char *name, enum supervisor_order order, const char *by,
    int64_t now_us, struct error *err)
{
	struct place *place;
	int result = 0;

	supervisor_refresh(supervisor, now_us); /* an order is for what there is now */
	place = find_place(supervisor, name);
	if (!place)
		return error_set(err, -ENOENT, REMEDY_PERSON, "there is no pipeline %s", name);
	switch (order) {
	case ORDER_PAUSE:
	case ORDER_RESUME:
		result = pause_or_resume(place, order == ORDER_PAUSE, err);
		break;
	case ORDER_START:
	case ORDER_RESTART:
		result = start(supervisor, place, order == ORDER_RESTART, now_us, err);
		break;
	case ORDER_STOP:
		stop(supervisor, place, by, now_us);
		break;
	}
	supervisor_show(supervisor);
	return result;
}

int64_t supervisor_unblock(struct supervisor *supervisor, const char *name, const char *topic, int32_t partition,
    int64_t *offset, enum unblock how, int64_t now_us, struct error *err)
{
	struct place *place;

	supervisor_refresh(supervisor, now_us);
	place = find_place(supervisor, name);
	if (!place)
		return error_set(err, -ENXIO, REMEDY_PERSON, "there is no pipeline %s", name);
	return run_unblock(place->run, topic, partition, offset, how, err);
}
