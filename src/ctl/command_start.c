/* aloqctl start, aloqctl stop, aloqctl restart */
#include <sysexits.h>
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/tell.h"

/* What it has come to is another question: it may be blocked. */
static bool has_started(const struct pipeline_answer *answer)
{
	return !answer->starts_anew && !pipeline_answer_is(answer, "starting") &&
	       !pipeline_answer_is(answer, "draining");
}

/* One whose thread has ended and that is not yet said to be stopped has no reason. */
static bool has_stopped(const struct pipeline_answer *answer)
{
	return pipeline_answer_is(answer, "stopped") && answer->has_reason && !answer->starts_anew;
}

static int start(const struct call *call, const char *verb)
{
	struct pipeline_answer answer;
	int exit_code = tell_and_wait(call, verb, has_started, &answer);

	if (exit_code == EX_TEMPFAIL)
		return answer_fail(exit_code, "it does not relay yet; aloqd goes on with it (aloqctl status)");
	if (exit_code != 0 || call_has(call, "no-wait"))
		return exit_code;
	if (pipeline_answer_is(&answer, "failed") || pipeline_answer_is(&answer, "backing_off") ||
	    pipeline_answer_is(&answer, "stopped"))
		return answer_fail(EX_TEMPFAIL, "it was started, and does not relay (aloqctl status)");
	return 0;
}

static int run_start(const struct call *call)
{
	return start(call, "start");
}

static int run_restart(const struct call *call)
{
	return start(call, "restart");
}

static int run_stop(const struct call *call)
{
	struct pipeline_answer answer;
	int exit_code = tell_and_wait(call, "stop", has_stopped, &answer);

	if (exit_code == EX_TEMPFAIL)
		return answer_fail(exit_code, "it still drains, and stops when it has (aloqctl status)");
	if (exit_code == 0 && pipeline_answer_is(&answer, "stopped") && !answer.drain_was_clean)
		return answer_fail(EX_TEMPFAIL, "it has stopped, and did not drain in time (drain_timeout)");
	return exit_code;
}

static const struct command_option options[] = { TELL_OPTIONS, { NULL, '\0', NULL, NULL } };

const struct command command_start = {
	.name = "start",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "start one that is stopped, has failed, or is not enabled",
	.options = options,
	.run = run_start,
};

const struct command command_stop = {
	.name = "stop",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "drain it, and leave the group, until it is started again",
	.options = options,
	.notes = "It stays stopped through reloads, until aloqctl start or until aloqd is restarted.\n",
	.run = run_stop,
};

const struct command command_restart = {
	.name = "restart",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "drain it, then start it with new clients",
	.options = options,
	.run = run_restart,
};
