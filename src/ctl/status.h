/* status.h: what `aloqctl status` shows of aloqd's JSON. Pure. */
#pragma once
#include <stdio.h>
#include "base/error.h"

/* /api/v1/pipelines as a table: one row for each pipeline. 0, or -EBADMSG when json is not what aloqd says.
 */
int status_print_all(const char *json, FILE *out, struct error *err);

/* /api/v1/pipelines/NAME: the pipeline, and a row for each partition. The same. */
int status_print_one(const char *json, FILE *out, struct error *err);
