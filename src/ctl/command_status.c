/* aloqctl status */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/option_value.h"
#include "ctl/screen.h"
#include "ctl/status.h"
#include "ctl/status_watch.h"

enum { WATCH_MS = 2000, WATCH_LEAST_MS = 100, STOP_LOOK_MS = 50 };

static const char *pipeline_of(const struct call *call)
{
	return call->argument_count > 0 ? call->arguments[0] : NULL;
}

static char *path_of(const struct call *call)
{
	const char *pipeline = pipeline_of(call);

	return pipeline ? answer_pipeline_path(pipeline, NULL) : xstrdup("/api/v1/pipelines");
}

static int show_once(const struct call *call)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *path = path_of(call);
	struct error err = { 0 };
	int result = control_get(call->socket_path, path, &answer, &err);
	int exit_code = answer_check(result, pipeline_of(call), &answer, &err);

	return exit_code ? exit_code
	                 : answer_show(call, &answer, pipeline_of(call) ? status_print_one : status_print_all, stdout);
}

/* ---- again and again ---- */

struct watch {
	const struct call *call;
	char *path;
	bool terminal, colour;
	char *before; /* what the last look has seen; NULL: nothing yet */
	int64_t before_us;
};

static int parse_interval(const struct call *call, int64_t *interval_ms)
{
	int exit_code;

	*interval_ms = WATCH_MS;
	exit_code = option_duration_ms(call, "watch", interval_ms);
	if (exit_code == 0 && *interval_ms < WATCH_LEAST_MS)
		return call_usage(call, "--watch takes a duration of %d ms at least", WATCH_LEAST_MS);
	return exit_code;
}

/* What is to be shown of a look. The caller frees. NULL: it is not what aloqd says, and err says why. */
static char *render(const struct watch *watch, const char *json, int64_t elapsed_us, struct error *err)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	int result;

	if (!out) {
		error_set(err, -ENOMEM, REMEDY_PERSON, "no memory");
		return NULL;
	}
	result = (pipeline_of(watch->call) ? status_watch_print_one : status_watch_print_all)(
	    watch->before, elapsed_us, json, watch->colour, out, err);
	if (fclose(out) == 0 && result == 0)
		return text;
	free(text);
	return NULL;
}

static void draw(const struct watch *watch, const char *text)
{
	unsigned rows, columns;

	if (!watch->terminal) {
		printf("%s\n", text);
		return;
	}
	screen_size(stdout, &rows, &columns);
	screen_draw(stdout, text, rows, columns);
}

/* A daemon that is restarted meanwhile is awaited where somebody looks. */
static int look_failed(struct watch *watch, const struct error *err, int exit_code)
{
	_cleanup_free_ char *text = xasprintf("%s\n", err->message);

	if (!watch->terminal || !watch->before)
		return answer_fail(exit_code, err->message);
	draw(watch, text);
	return 0;
}

static int look(struct watch *watch)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *text = NULL;
	int64_t now_us = clock_monotonic_us();
	struct error err = { 0 };
	int exit_code;

	if (control_get(watch->call->socket_path, watch->path, &answer, &err) < 0)
		return look_failed(watch, &err, err.code == -EACCES ? EX_NOPERM : EX_UNAVAILABLE);
	exit_code = answer_check(0, pipeline_of(watch->call), &answer, &err);
	if (exit_code != 0)
		return exit_code;
	if (watch->call->json)
		return answer_show(watch->call, &answer, NULL, stdout);
	text = render(watch, answer.body, now_us - watch->before_us, &err);
	if (!text)
		return answer_fail(EX_PROTOCOL, err.message);
	draw(watch, text);
	free(watch->before);
	watch->before = TAKE_PTR(answer.body);
	watch->before_us = now_us;
	return fflush(stdout) == EOF || ferror(stdout) ? answer_fail(EX_IOERR, "cannot write to the standard output")
	                                               : 0;
}

/* False: it is to end. */
static bool rest_until(int64_t at_us)
{
	int64_t left_us;

	while ((left_us = at_us - clock_monotonic_us()) > 0) {
		int64_t slice_ms = left_us / USEC_PER_MSEC + 1;

		if (stop_requested())
			return false;
		poll(NULL, 0, slice_ms < STOP_LOOK_MS ? (int)slice_ms : STOP_LOOK_MS);
	}
	return !stop_requested();
}

static int show_again_and_again(const struct call *call)
{
	struct watch watch = { .call = call, .terminal = isatty(STDOUT_FILENO) && !call->json };
	int64_t interval_ms, next_us = clock_monotonic_us();
	int exit_code = parse_interval(call, &interval_ms);

	if (exit_code != 0)
		return exit_code;
	stop_prepare();
	watch.path = path_of(call);
	watch.colour = screen_may_colour(stdout);
	if (watch.terminal)
		fputs("\x1b[2J", stdout);
	do {
		exit_code = look(&watch);
		next_us += interval_ms * USEC_PER_MSEC;
	} while (exit_code == 0 && rest_until(next_us));
	free(watch.path);
	free(watch.before);
	return exit_code;
}

static int run(const struct call *call)
{
	return call_has(call, "watch") ? show_again_and_again(call) : show_once(call);
}

static const struct command_option options[] = {
	{ "watch", 'w', "[INTERVAL]", "show it again and again, with rates (default: every 2s)" },
	{ NULL, '\0', NULL, NULL },
};

const struct command command_status = {
	.name = "status",
	.arguments = "[PIPELINE]",
	.most = 1,
	.help = "all pipelines, or one and its partitions: state, lag, counts, and why",
	.options = options,
	.notes = "A watch ends with Ctrl-C. It is coloured on a terminal, unless NO_COLOR is set.\n",
	.run = run,
};
