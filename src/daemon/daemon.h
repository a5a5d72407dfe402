/* daemon.h: aloqd at work: the main loop, from a checked configuration to the exit code. */
#pragma once
#include "config/config.h"
#include "daemon/options.h"

/* Binds the listeners, starts the pipelines, serves until SIGTERM or SIGINT, drains. On SIGHUP it reads the
 * configuration again, as options say, and takes up what has changed. Returns the process's exit code
 * (sysexits): 0, 69 a listener could not be bound, 70 internal error, or librdkafka does not return from a call,
 * 75 the drain was not clean. config stays the caller's to give up. SIGTERM, SIGINT and SIGHUP must be blocked.
 * Where threads hang past every bound it ends the process itself. */
int daemon_run(struct config *config, const struct options *options);
