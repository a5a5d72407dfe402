/* status_watch.h: what `aloqctl status --watch` shows of two looks at aloqd's JSON. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/error.h"

/* /api/v1/pipelines as a table with rates, from the look before, which was elapsed_us ago (before NULL: there was none,
 * and there are none). 0, or -EBADMSG when json is not what aloqd says. */
int status_watch_print_all(
    const char *before, int64_t elapsed_us, const char *json, bool colour, FILE *out, struct error *err);

/* /api/v1/pipelines/NAME: its rates, and then as without --watch. The same. */
int status_watch_print_one(
    const char *before, int64_t elapsed_us, const char *json, bool colour, FILE *out, struct error *err);
