/* aloqctl pause, aloqctl resume */
#include <sysexits.h>
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/tell.h"

/* It starts, relays or drains: it may get there by itself, soon. What else holds it up is not waited for. */
static bool is_on_its_way(const struct pipeline_answer *answer)
{
	return pipeline_answer_is(answer, "running") || pipeline_answer_is(answer, "starting") ||
	       pipeline_answer_is(answer, "draining");
}

static bool has_paused(const struct pipeline_answer *answer)
{
	return !is_on_its_way(answer);
}

static bool has_resumed(const struct pipeline_answer *answer)
{
	return !pipeline_answer_is(answer, "paused");
}

static int run_pause(const struct call *call)
{
	struct pipeline_answer answer;
	int exit_code = tell_and_wait(call, "pause", has_paused, &answer);

	if (exit_code == EX_TEMPFAIL ||
	    (exit_code == 0 && !pipeline_answer_is(&answer, "paused") && !call_has(call, "no-wait")))
		return answer_fail(EX_TEMPFAIL, "it reads nothing more; what it has read is not all settled and "
		                                "committed (aloqctl status)");
	return exit_code;
}

static int run_resume(const struct call *call)
{
	struct pipeline_answer answer;
	int exit_code = tell_and_wait(call, "resume", has_resumed, &answer);

	return exit_code == EX_TEMPFAIL ? answer_fail(exit_code, "it has not gone on yet (aloqctl status)")
	                                : exit_code;
}

static const struct command_option options[] = { TELL_OPTIONS, { NULL, '\0', NULL, NULL } };

const struct command command_pause = {
	.name = "pause",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "read nothing more, settle and commit what was read",
	.options = options,
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "read on",
	.options = options,
	.run = run_resume,
};
