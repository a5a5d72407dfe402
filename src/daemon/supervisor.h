/* supervisor.h: the pipelines of the configuration: starts them, looks at them, changes them, stops them.
 *
 * One pipeline's failure is its own: the others go on, and it stays visible with its state and reason.
 *
 * A name has one run at a time. Where a new configuration changes a pipeline, its run drains, and the next
 * one starts only when that has ended and its clients are gone; until then the old one is what is seen. So
 * has a group: a pipeline that is to read with the group of one that drains (it was renamed, say) waits for
 * that, and is seen as starting. Each run holds the configuration that it was started with: one that goes on
 * through reloads keeps an old one alive.
 *
 * Thread: the main thread. Nothing blocks but supervisor_free(): what joins threads before has seen them end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "relay/pipeline.h"

struct supervisor;

/* Starts every enabled pipeline, each with an equal share of the memory bound, which its members divide. One
 * that cannot be started is logged and counts as failed; one that is not enabled is seen as stopped. Holds config for as
 * long as it needs it; wake_fd (an eventfd, the owner's) becomes readable when a state has changed. */
struct supervisor *supervisor_new(struct config *config, int wake_fd, int64_t now_us);

/* What a new configuration has done to the pipelines, or is about to do. */
struct supervisor_changes {
	size_t started, changed, removed, unchanged;
};

/* Makes config the one that holds, and logs what becomes of each pipeline that it changes. Those that are
 * changed, removed or disabled drain until drain_deadline_us, new ones start, and the others are left alone,
 * whatever their state is: one that has failed stays so. What a person has told a pipeline holds on, also for
 * one that is changed, unless config changes whether it is enabled. May be called while an earlier one's drains go on:
 * the newest counts. Not after supervisor_stop(). A run that goes on keeps the share of the memory that it
 * was started with, and it is logged what that means. */
struct supervisor_changes supervisor_apply(
    struct supervisor *supervisor, struct config *config, int64_t drain_deadline_us, int64_t now_us);

/* What a person tells a pipeline. */
enum supervisor_order {
	ORDER_PAUSE,   /* all its members; it stays so through a reload that changes it, and through a restart */
	ORDER_RESUME,
	ORDER_START,   /* one that is stopped, or has failed; another one runs already, and goes on */
	ORDER_STOP,    /* it drains, until its drain_timeout, and is seen as stopped until it is told to start */
	ORDER_RESTART, /* it drains and starts anew once it has ended; one that is stopped starts */
};

/* Tells the pipeline of this name; by, which is shown with one that is stopped, is who told it and when, in words.
 * Returns 0, also where there is nothing to do; -ENOENT: there is none of this name; -EPERM: it is not one that this
 * can be told, and err says why. */
int supervisor_tell(struct supervisor *supervisor, const char *name, enum supervisor_order order, const char *by,
    int64_t now_us, struct error *err);

/* Passes what a person has decided for a blocked partition of the pipeline of this name, see daemon/run.h for offset and
 * what is returned; -ENXIO: there is no such pipeline. */
int64_t supervisor_unblock(struct supervisor *supervisor, const char *name, const char *topic, int32_t partition,
    int64_t *offset, enum unblock how, int64_t now_us, struct error *err);

/* How many pipelines still drain because they were changed or removed; who waits for them is none of them.
 * *name, unless name is NULL, is one of them. */
size_t supervisor_changing(const struct supervisor *supervisor, const char **name);

/* Takes new snapshots and notes whose thread has turned. Logs the end of a pipeline, once; starts the next
 * run of one that was changed. */
void supervisor_refresh(struct supervisor *supervisor, int64_t now_us);

/* The same, unless the snapshots are younger than 100 ms: bounds what a visitor can make us do. */
void supervisor_refresh_lazily(struct supervisor *supervisor, int64_t now_us);

/* The snapshots of the last refresh, in the config's order, one for each pipeline, and behind them those that
 * were removed and still drain; valid until the next. */
const struct pipeline_snapshot *supervisor_snapshots(const struct supervisor *supervisor, size_t *count);

/* Records acknowledged since the start, all pipelines, those that are gone included. */
uint64_t supervisor_acked_records(const struct supervisor *supervisor);

/* The name of a pipeline whose thread runs and was not seen to turn for limit_us; NULL: all turn. */
const char *supervisor_stalled(const struct supervisor *supervisor, int64_t now_us, int64_t limit_us);

/* The name of a pipeline in which librdkafka does not return from a call, ever (relay/pipeline.h), and in *doing which
 * one; NULL: there is none. */
const char *supervisor_hanging(const struct supervisor *supervisor, const char **doing);

/* Have all threads ended, but for those that never will for that, and have drained what they can? */
bool supervisor_is_over(const struct supervisor *supervisor);

/* Asks all to drain and stop by deadline_us, those that drain already too. Nothing is started any more. May
 * be repeated with an earlier deadline. */
void supervisor_stop(struct supervisor *supervisor, int64_t deadline_us);

/* Have all threads ended? */
bool supervisor_has_ended(const struct supervisor *supervisor);

/* Was everything settled and committed? Asked after a refresh; a pipeline whose thread has not ended did not
 * drain. One that had failed before the stop does not count: a person was told then. Logs the pipelines that
 * did not. */
bool supervisor_drained_cleanly(const struct supervisor *supervisor);

/* Joins the threads, which should have ended. Accepts NULL. */
void supervisor_free(struct supervisor *supervisor);
