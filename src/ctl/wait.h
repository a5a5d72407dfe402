/* wait.h: what `aloqctl wait` reads of aloqd's JSON. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* Has each of these pipelines (names, count; count 0: all that are not stopped) of /api/v1/pipelines a lag of at most
 * lag_records? Returns 1: yes; 0: no, and *words, which the caller frees, says what is waited for; -ENOENT: there is no
 * pipeline of one of the names, which err names; -EBADMSG: json is not what aloqd says. */
int wait_look(const char *json, char **names, size_t count, int64_t lag_records, char **words, struct error *err);
