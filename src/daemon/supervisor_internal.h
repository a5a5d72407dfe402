/* supervisor_internal.h: what the supervisor's files share: supervisor.c (starting, looking, stopping),
 * supervisor_reload.c (another configuration) and supervisor_orders.c (what a person tells a pipeline). Nothing else
 * includes it. */
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

/* A pipeline of a configuration; NULL: it has none of this name. */
const struct config_pipeline *supervisor_find_settings(const struct config *config, const char *name);
/* The same of the configuration that holds. */
const struct config_pipeline *supervisor_settings(const struct supervisor *supervisor, const char *name);

/* next, of config, is to start when the place's run has ended; NULL: nothing is. */
void supervisor_set_next(struct place *place, struct config *config, const struct config_pipeline *next);

/* The place's run has ended, or there is none: one by these settings, of the configuration that holds, starts, with
 * its counts, or waits until another run has left its group. */
void supervisor_begin(
    struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline, int64_t now_us);

/* The same, where it is known who is in its group: holder; NULL: nobody. */
void supervisor_begin_after(struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline,
    const struct run *holder, int64_t now_us);

/* The run among these places that has not ended and reads with the group that the pipeline is to read with; NULL: none
 * does. */
const struct run *supervisor_in_group(
    const struct place *places, size_t count, const struct config_pipeline *pipeline);

/* Nothing runs under this name. before, which has ended, stays the caller's. */
void supervisor_rest(struct supervisor *supervisor, struct place *place, const struct config_pipeline *pipeline,
    const struct run *before, int64_t now_us);

/* What a person has told it last. by, with TOLD_STOP: who, and when. */
void supervisor_note(struct place *place, enum told told, const char *by);

/* The configuration that holds is another one: how many share its memory. */
void supervisor_count_sharers(struct supervisor *supervisor);
/* What each of them gets. */
uint64_t supervisor_share_bytes(const struct supervisor *supervisor);

/* Once it has been told, or been changed. */
bool supervisor_wants(const struct place *place, const struct config_pipeline *pipeline);
