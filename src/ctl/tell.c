#include "ctl/tell.h"
#include <poll.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/answer.h"
#include "ctl/option_value.h"

enum { LOOK_MS = 100, TIMEOUT_MS = 60 * 1000 };

/* The answer, and what it says. Returns 0, or an exit code after the user has been told. */
static int take_answer(int result, const char *pipeline, const struct control_answer *answer,
    struct pipeline_answer *parsed, const struct error *why)
{
	struct error err = { 0 };
	int exit_code = answer_check(result, pipeline, answer, why);

	if (exit_code == 0 && pipeline_answer_parse(answer->body, parsed, &err) < 0)
		return answer_fail(EX_PROTOCOL, err.message);
	return exit_code;
}

int tell_and_wait(const struct call *call, const char *verb, bool (*done)(const struct pipeline_answer *answer),
    struct pipeline_answer *answer)
{
	_cleanup_(control_answer_clear) struct control_answer json = { 0 };
	const char *pipeline = call->arguments[0];
	_cleanup_free_ char *look = answer_pipeline_path(pipeline, NULL);
	_cleanup_free_ char *act = answer_pipeline_path(pipeline, verb);
	int64_t timeout_ms = TIMEOUT_MS, end_us;
	struct error err = { 0 };
	int exit_code = option_duration_ms(call, "timeout", &timeout_ms);
	bool in_time = true;

	if (exit_code != 0)
		return exit_code;
	end_us = clock_after_us(clock_monotonic_us(), timeout_ms * USEC_PER_MSEC);
	exit_code = take_answer(control_post(call->socket_path, act, &json, &err), pipeline, &json, answer, &err);
	while (exit_code == 0 && !call_has(call, "no-wait") && !done(answer) &&
	       (in_time = clock_monotonic_us() < end_us)) {
		poll(NULL, 0, LOOK_MS);
		control_answer_clear(&json);
		exit_code = take_answer(
		    control_get(call->socket_path, look, &json, &err), pipeline, &json, answer, &err);
	}
	if (exit_code == 0)
		exit_code = answer_show(call, &json, pipeline_answer_print, stdout);
	return exit_code == 0 && !in_time ? EX_TEMPFAIL : exit_code;
}
