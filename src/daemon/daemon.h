/* daemon.h: aloqd at work: the main loop, from a checked configuration to the exit code. */
#pragma once
#include "config/config.h"

/* Binds the listeners, starts the pipelines, serves until SIGTERM or SIGINT, drains. Returns the process's
 * exit code (sysexits): 0, 69 a listener could not be bound, 70 internal error, 75 the drain was not clean.
 * config_file is for the log. SIGTERM, SIGINT and SIGHUP must be blocked. Where threads hang past every bound
 * it ends the process itself. */
int daemon_run(const struct config *config, const char *config_file);
