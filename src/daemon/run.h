/* run.h: one run of a pipeline, from its start to its end: its members side by side, seen as one.
 *
 * Holds the configuration that it was started with, which its threads read, until it is freed. Thread: the
 * main thread. Nothing blocks but run_free(). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "relay/pipeline.h"

struct run;

/* Starts all members; one that cannot be started is logged and counts as failed. settings are one of
 * config's. memory_bytes is for all of them together. before: the run that this one follows, which has ended,
 * whose counts go on, and which leaves this one paused if it was; or NULL. wake_fd (an eventfd, the owner's)
 * becomes readable when a state has changed. */
struct run *run_start(struct config *config, const struct config_pipeline *settings,
    struct cluster_ids *cluster_ids, uint64_t memory_bytes, int wake_fd, const struct run *before,
    int64_t now_us);

/* A run that has no threads: it is stopping and has ended from the start, and its members are seen in this
 * state (starting, stopped), for this reason. Stands where one is to be started later, or where none is. before:
 * as above; what is seen of how it drained is seen of this one, which is not asked for it again. */
struct run *run_none(struct config *config, const struct config_pipeline *settings, const struct run *before,
    enum pipeline_state state, const char *reason, int64_t now_us);

/* What it was started with. */
const struct config_pipeline *run_settings(const struct run *run);
uint64_t run_memory_bytes(const struct run *run);

/* Takes new snapshots and notes which thread has turned; pause_us is how long the last refresh was ago. Logs
 * the end of a member, once. */
void run_refresh(struct run *run, int64_t now_us, int64_t pause_us);

/* The snapshot of the last refresh, valid until the next. */
const struct pipeline_snapshot *run_snapshot(const struct run *run);

/* Is there a thread that runs and was not seen to turn for limit_us? */
bool run_is_stalled(const struct run *run, int64_t now_us, int64_t limit_us);

/* What librdkafka is in and does not return from (relay/pipeline.h), of a member; NULL: of none. */
const char *run_hangs_in(const struct run *run);

/* Has every thread ended, or will it never, and has drained what it can, as of the last refresh? */
bool run_is_over(const struct run *run);

/* Asks all members to drain and stop by deadline_us. May be repeated with an earlier deadline. */
void run_stop(struct run *run, int64_t deadline_us);

/* Tells all members to pause or to go on, see relay/pipeline.h. Returns whether that is new to them. */
bool run_pause(struct run *run, bool paused);

/* Passes what a person has decided for a blocked partition, see relay/pipeline.h, to the member that has it; the offset
 * is that at which the last refresh has seen it blocked, or given: then it must be that. Returns the number of the
 * order, > 0, which the partition's snapshot shows as done once it is; or a negative errno, with why in err: -ENOENT no
 * member has it, -ESTALE it is not blocked, or not there, -EOPNOTSUPP this cannot be decided for it. */
int64_t run_unblock(struct run *run, const char *topic, int32_t partition, int64_t *offset, enum unblock how,
    struct error *err);

bool run_is_stopping(const struct run *run);

/* Have all threads ended, as of the last refresh? */
bool run_has_ended(const struct run *run);

/* Was everything settled and committed? A member whose thread has not ended did not drain; one that had
 * failed before the stop does not count: a person was told then. Logs the members that did not. */
bool run_drained_cleanly(const struct run *run);

/* Joins the threads, which should have ended. Accepts NULL. */
void run_free(struct run *run);
