/* explain.h: what the pipelines promise, by which settings, and what to mind: aloqd --explain.
 *
 * Reads nothing but the configuration, and needs no broker. Secrets are not shown. */
#pragma once
#include <stdio.h>
#include "base/error.h"
#include "config/config.h"

/* Explains one pipeline, or all when name is NULL. Returns 0, or -ENOENT: there is none of that name, and err names the
 * nearest. What cannot be written shows in out. */
int explain(FILE *out, const struct config *config, const char *name, struct error *err);
