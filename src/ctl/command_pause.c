/* aloqctl pause, aloqctl resume */
#include <poll.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/pause.h"

#define LOOK_MS 100
/* What a target that does not answer holds up is not waited for: aloqd goes on with it. */
#define LOOKS 300

/* The answer of a pipeline that pauses or resumes, and what it says. Returns 0, or an exit code after the user has been
 * told. */
static int take_answer(int result, const char *pipeline, struct control_answer *answer,
    struct pause_answer *pause, const struct error *why)
{
	struct error err = { 0 };
	int exit_code = answer_check(result, pipeline, answer, why);

	if (exit_code == 0 && pause_parse(answer->body, pause, &err) < 0)
		return answer_fail(EX_PROTOCOL, err.message);
	return exit_code;
}

/* Tells the pipeline, and looks until it has paused or gone on, or will not soon. */
static int pause_or_resume(const struct call *call, bool to_pause)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	const char *pipeline = call->arguments[0];
	_cleanup_free_ char *look = answer_pipeline_path(pipeline, NULL);
	_cleanup_free_ char *act = answer_pipeline_path(pipeline, to_pause ? "pause" : "resume");
	struct pause_answer pause = { 0 };
	struct error err = { 0 };
	int result = control_post(call->socket_path, act, &answer, &err);
	int exit_code = take_answer(result, pipeline, &answer, &pause, &err);

	for (int i = 0; i < LOOKS && exit_code == 0; i++) {
		if (to_pause ? !pause.on_its_way : !pause.paused)
			break;
		poll(NULL, 0, LOOK_MS);
		control_answer_clear(&answer);
		result = control_get(call->socket_path, look, &answer, &err);
		exit_code = take_answer(result, pipeline, &answer, &pause, &err);
	}
	if (exit_code == 0)
		exit_code = answer_show(call, &answer, pause_print, stdout);
	if (exit_code == 0 && to_pause && !pause.paused)
		return answer_fail(EX_TEMPFAIL, "it reads nothing more; what it has read is not all settled and "
		                                "committed (aloqctl status)");
	if (exit_code == 0 && !to_pause && pause.paused)
		return answer_fail(EX_TEMPFAIL, "it has not gone on yet (aloqctl status)");
	return exit_code;
}

static int run_pause(const struct call *call)
{
	return pause_or_resume(call, true);
}

static int run_resume(const struct call *call)
{
	return pause_or_resume(call, false);
}

const struct command command_pause = {
	.name = "pause",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "read nothing more, settle and commit what was read",
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "PIPELINE",
	.least = 1,
	.most = 1,
	.help = "read on",
	.run = run_resume,
};
