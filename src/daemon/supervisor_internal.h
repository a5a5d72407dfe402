/* supervisor_internal.h: what the supervisor's files share: supervisor.c (starting, another configuration, looking,
 * stopping) and supervisor_orders.c (what a person tells a pipeline). Nothing else includes it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "daemon/run.h"
#include "daemon/supervisor.h"

/* What a person has told a pipeline last, in place of its `enabled`. */
enum told { TOLD_NOTHING, TOLD_START, TOLD_STOP };

/* A name, what runs under it, and what is to run next. */
struct place {
	struct run *run;
	const struct config_pipeline *next; /* once the run, which was stopped for it, and any other one in
	                                     * its group have ended; or NULL */
	struct config *next_config;         /* held while there is a next one */
	enum told told;
	char *stopped_by; /* of TOLD_STOP: who and when, for people; else NULL */
	bool resting;     /* its run has no threads: it is stopped, as it was told or as it is configured */
};

struct supervisor {
	struct config *config; /* held: the one that holds */
	struct place *places;  /* in the config's order, then those that were removed */
	size_t count;
	struct pipeline_snapshot *snapshots; /* of the runs, which own what they refer to */
	struct cluster_ids *cluster_ids;     /* shared by the pipelines */
	size_t sharers;                      /* of the memory: pipelines that are to run */
	uint64_t gone_acked_records;         /* of pipelines that were removed */
	int wake_fd;
	int64_t refreshed_us;
	bool stopping;
};

/* To be called whenever places have come, gone or got another run. */
void supervisor_show(struct supervisor *supervisor);

/* Of the configuration that holds; NULL: it has none of this name. */
const struct config_pipeline *supervisor_settings(const struct supervisor *supervisor, const char *name);

/* next, of config, is to start when the place's run has ended; NULL: nothing is. */
void supervisor_set_next(struct place *place, struct config *config, const struct config_pipeline *next);

/* The place's run has ended, or there is none: one by these settings, of the configuration that holds, starts, with
 * its counts, or waits until another run has left its group. */
void supervisor_begin(
    struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline, int64_t now_us);

/* Once it has been told, or been changed. */
bool supervisor_wants(const struct place *place, const struct config_pipeline *pipeline);
