/* loading.h: the configuration, read and checked as the command line says: at the start, at each reload, and
 * by the commands that only look at it. Thread: the main thread. */
#pragma once
#include "config/config.h"
#include "daemon/options.h"

/* As config_load(), with all checks. */
struct config *loading_read(const struct options *options, enum config_purpose purpose,
    struct config_findings *findings, int *exit_code);

/* A line for each. */
void loading_log(const struct config_findings *findings);
