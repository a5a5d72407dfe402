/* aloqctl reload */
#include <poll.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/reload.h"

#define RELOAD  "/api/v1/reload"
#define LOOK_MS 100

/* The answer and what it says. Returns 0, or an exit code after the user has been told. */
static int take_answer(
    int result, struct control_answer *answer, struct reload_answer *reload, const struct error *why)
{
	struct error err = { 0 };
	int exit_code = answer_check(result, NULL, answer, why);

	if (exit_code == 0 && reload_parse(answer->body, reload, &err) < 0)
		return answer_fail(EX_PROTOCOL, err.message);
	return exit_code;
}

/* Looks until the reload is finished, which aloqd bounds. The same terms. */
static int await_finished(const struct call *call, struct control_answer *answer, struct reload_answer *reload)
{
	int exit_code = 0;

	while (exit_code == 0 && !reload->finished) {
		struct error err = { 0 };
		int result;

		poll(NULL, 0, LOOK_MS);
		control_answer_clear(answer);
		result = control_get(call->socket_path, RELOAD, answer, &err);
		exit_code = take_answer(result, answer, reload, &err);
	}
	return exit_code;
}

static int run(const struct call *call)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	struct reload_answer reload = { 0 };
	struct error err = { 0 };
	int result = control_post(call->socket_path, RELOAD, &answer, &err);
	int exit_code = take_answer(result, &answer, &reload, &err);

	if (exit_code == 0 && reload.refused) {
		exit_code = answer_show(call, &answer, reload_print, stderr);
		return exit_code ? exit_code : EX_CONFIG;
	}
	/* a person is told at once, a machine once and whole */
	if (exit_code == 0 && !call->json)
		exit_code = answer_show(call, &answer, reload_print, stdout);
	if (exit_code == 0)
		exit_code = await_finished(call, &answer, &reload);
	if (exit_code == 0 && call->json)
		exit_code = answer_show(call, &answer, reload_print, stdout);
	if (exit_code == 0 && reload.late > 0)
		return answer_fail(EX_TEMPFAIL, "pipelines still drain; what is to follow starts as soon as they "
		                                "have ended (aloqctl status)");
	return exit_code;
}

const struct command command_reload = {
	.name = "reload",
	.arguments = "",
	.help = "take up a changed configuration, and tell how that went",
	.run = run,
};
