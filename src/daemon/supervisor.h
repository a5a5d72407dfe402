/* supervisor.h: the pipelines of one configuration: starts them, looks at them, stops them.
 *
 * One pipeline's failure is its own: the others go on, and it stays visible with its state and reason.
 * Thread: the main thread. Nothing blocks but supervisor_free(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "relay/pipeline.h"

struct supervisor;

/* Starts every enabled pipeline, each with an equal share of the memory bound, which its members divide. One that
 * cannot be started is logged and counts as failed. config outlives the supervisor; wake_fd (an eventfd, the
 * owner's) becomes readable when a state has changed. */
struct supervisor *supervisor_new(const struct config *config, int wake_fd, int64_t now_us);

/* Takes new snapshots and notes whose thread has turned. Logs the end of a pipeline, once. */
void supervisor_refresh(struct supervisor *supervisor, int64_t now_us);

/* The same, unless the snapshots are younger than 100 ms: bounds what a visitor can make us do. */
void supervisor_refresh_lazily(struct supervisor *supervisor, int64_t now_us);

/* The snapshots of the last refresh, in the config's order, one for each pipeline; valid until the next. */
const struct pipeline_snapshot *supervisor_snapshots(const struct supervisor *supervisor, size_t *count);

/* Records acknowledged since the start, all pipelines. */
uint64_t supervisor_acked_records(const struct supervisor *supervisor);

/* The name of a pipeline whose thread runs and was not seen to turn for limit_us; NULL: all turn. */
const char *supervisor_stalled(const struct supervisor *supervisor, int64_t now_us, int64_t limit_us);

/* Asks all to drain and stop by deadline_us. May be repeated with an earlier deadline. */
void supervisor_stop(struct supervisor *supervisor, int64_t deadline_us);

/* Have all threads ended? */
bool supervisor_has_ended(const struct supervisor *supervisor);

/* Was everything settled and committed? Asked after a refresh; a pipeline whose thread has not ended did not
 * drain. One that had failed before the stop does not count: a person was told then. Logs the pipelines that
 * did not. */
bool supervisor_drained_cleanly(const struct supervisor *supervisor);

/* Joins the threads, which should have ended. Accepts NULL. */
void supervisor_free(struct supervisor *supervisor);
