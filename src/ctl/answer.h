/* answer.h: from an answer of aloqd to what the user sees and to an exit code; the same for all commands. */
#pragma once
#include <stdio.h>
#include "base/error.h"
#include "ctl/command.h"
#include "ctl/control_client.h"

/* Beside sysexits: the daemon answers, and has no such pipeline, or it is not one that this can be told. */
enum { EXIT_NO_SUCH_PIPELINE = 1, EXIT_REFUSED = 1 };

/* Says why on stderr. Returns exit_code. */
int answer_fail(int exit_code, const char *message);

/* Was it answered as asked? result and why are those of control_get() or control_post(), pipeline is the one that was
 * asked for, or NULL. Returns 0, or an exit code after the user has been told. */
int answer_check(
    int result, const char *pipeline, const struct control_answer *answer, const struct error *why);

/* Shows it on out by print(), or with --json as it is on stdout. Returns 0, or an exit code, as above. */
int answer_show(const struct call *call, const struct control_answer *answer,
    int (*print)(const char *json, FILE *out, struct error *err), FILE *out);

/* "/api/v1/pipelines/NAME", with "/VERB" behind it unless that is NULL. The caller frees. */
char *answer_pipeline_path(const char *pipeline, const char *verb);
