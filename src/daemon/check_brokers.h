/* check_brokers.h: aloqd --check-brokers: what in the live clusters endangers the pipelines. */
#pragma once
#include <stdio.h>
#include "config/config.h"

/* Audits all enabled pipelines (see kafka/audit.h), prints a line for each finding and a count of them, and returns the
 * exit code of the worst: EX_OK, EX_UNAVAILABLE for a cluster that does not answer, EX_CONFIG for an error. Blocks. What
 * cannot be written shows in out. */
int check_brokers(FILE *out, struct config *config);
