/* aloqctl wait */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/option_value.h"
#include "ctl/wait.h"

/* The end of a log is known from the last fetch, which an idle partition ends twice a second: so long it must be caught
 * up with. */
#define SETTLED_US (1500 * USEC_PER_MSEC)

enum { LOOK_MS = 200 };

/* 1: all are there; 0: not, and *words says why not; or a negative value after the user was told, with *exit_code. */
static int look(const struct call *call, int64_t lag_records, char **words, int *exit_code)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	struct error err = { 0 };
	int result = control_get(call->socket_path, "/api/v1/pipelines", &answer, &err);

	*exit_code = answer_check(result, NULL, &answer, &err);
	if (*exit_code != 0)
		return -EIO;
	result = wait_look(answer.body, call->arguments, (size_t)call->argument_count, lag_records, words, &err);
	if (result < 0)
		*exit_code =
		    answer_fail(result == -ENOENT ? EXIT_NO_SUCH_PIPELINE : EX_PROTOCOL, err.message);
	return result;
}

static int finish(const struct call *call, const char *words)
{
	if (call->json)
		printf("{\"caught_up\":%s}\n", words ? "false" : "true");
	if (fflush(stdout) == EOF)
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	if (!words)
		return EX_OK;
	fprintf(stderr, "aloqctl: still waiting: %s\n", words);
	return EX_TEMPFAIL;
}

static int run(const struct call *call)
{
	int64_t lag_records = 0, timeout_ms = 0, end_us = CLOCK_NEVER, since_us = CLOCK_NEVER;
	_cleanup_free_ char *words = NULL;
	int exit_code = option_number(call, "lag", 0, INT64_MAX, &lag_records);

	if (exit_code == 0)
		exit_code = option_duration_ms(call, "timeout", &timeout_ms);
	if (exit_code != 0)
		return exit_code;
	if (timeout_ms > 0)
		end_us = clock_after_us(clock_monotonic_us(), timeout_ms * USEC_PER_MSEC);
	for (;;) {
		char *now_words = NULL;
		int result = look(call, lag_records, &now_words, &exit_code);
		int64_t now_us = clock_monotonic_us();

		if (result < 0)
			return exit_code;
		free(words);
		words = now_words;
		if (result == 0)
			since_us = CLOCK_NEVER;
		else if (since_us == CLOCK_NEVER)
			since_us = now_us;
		if (since_us != CLOCK_NEVER && now_us - since_us >= SETTLED_US)
			return finish(call, NULL);
		if (now_us >= end_us)
			return finish(call, words ? words : "it has caught up just now, and is to stay so for a moment");
		poll(NULL, 0, LOOK_MS);
	}
}

static const struct command_option options[] = {
	{ "lag", '\0', "N", "until no more than so many records are behind (default: 0)" },
	{ "timeout", '\0', "TIME", "no longer than this (default: for ever)" },
	{ NULL, '\0', NULL, NULL },
};

const struct command command_wait = {
	.name = "wait",
	.arguments = "[PIPELINE...]",
	.most = -1,
	.help = "until all, or these, have caught up with their sources",
	.options = options,
	.notes = "Exit status 75: not within the time, and what is waited for is told. The lag is that of the partitions\n"
		 "which this instance reads, and must stay so for a moment, as the end of a log is known from the last fetch.\n",
	.run = run,
};
