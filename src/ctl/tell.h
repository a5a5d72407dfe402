/* tell.h: tells a pipeline something, and looks until it has done it. */
#pragma once
#include <stdint.h>
#include "ctl/command.h"
#include "ctl/pipeline_answer.h"

/* The options of those who wait; a row of a command's list of options each. */
#define TELL_TIMEOUT_OPTION { "timeout", '\0', "TIME", "wait no longer than this (default: 1m)" }
#define TELL_NO_WAIT_OPTION { "no-wait", '\0', NULL, "tell it, and do not wait until it is done" }
#define TELL_OPTIONS	    TELL_TIMEOUT_OPTION, TELL_NO_WAIT_OPTION

/* POSTs verb to the pipeline that is the call's first argument, then looks at it until done() or the time is up, and
 * shows it. With --no-wait it is shown as it is at once. Returns 0, an exit code after the user has been told, or
 * EX_TEMPFAIL, which the caller explains: not done within the time. *answer is what was last seen. */
int tell_and_wait(const struct call *call, const char *verb, bool (*done)(const struct pipeline_answer *answer),
    struct pipeline_answer *answer);
