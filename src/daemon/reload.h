/* reload.h: takes up a changed configuration while the pipelines run.
 *
 * The new one is read and checked whole, as at the start. If anything is wrong with it, all that is wrong is
 * logged and nothing changes. Otherwise it is the one that holds from then on: the supervisor drains what it
 * changes and removes, starts what is new, and leaves the rest alone; log_level and drain_timeout apply at
 * once; what a start alone applies (keys.h) stays as it was, which is logged.
 *
 * The reading and the taking up are one step, so reloads cannot overlap, and the newest wins: one that is
 * asked for while the drains of an earlier one go on is taken up at once, and replaces what that had in store
 * for the pipelines that drain. A reload is finished when all that it has changed runs, or drain_timeout and
 * a grace have passed; the service manager hears of both ends.
 *
 * Thread: the main thread, which reload_begin() holds up while it reads and checks. No broker is asked, and
 * it does not wait for drains; what it does is bounded by the configuration: each of its files, and each that
 * a tls or sasl group names (1 MiB at most), is read once, and for each cluster with tls a client of
 * librdkafka is made and destroyed, which takes milliseconds and connects to nobody. Files should therefore
 * be local: a file system that hangs holds up the loop. */
#pragma once
#include <stdint.h>
#include "config/config.h"
#include "daemon/options.h"
#include "daemon/reload_status.h"
#include "daemon/service_manager.h"
#include "daemon/supervisor.h"

struct reload;

/* config, which it holds, is the one that the supervisor was started with, as options say; the others outlive
 * it. */
struct reload *reload_new(struct config *config, const struct options *options, struct supervisor *supervisor,
    struct service_manager *service_manager);
/* Accepts NULL. */
void reload_free(struct reload *reload);

/* The configuration that holds; valid until the next reload. */
const struct config *reload_config(const struct reload *reload);

/* Reads the configuration again and takes it up, or refuses it. asked_by begins the line of the log:
 * "SIGHUP". */
void reload_begin(struct reload *reload, const char *asked_by);

/* Looks whether it is finished. After each refresh of the supervisor. */
void reload_continue(struct reload *reload, int64_t now_us);

/* Valid until the next call of the others. */
const struct reload_status *reload_status(const struct reload *reload);
