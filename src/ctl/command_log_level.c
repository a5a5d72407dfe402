/* aloqctl log-level */
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/json_tree.h"

#define LOG_LEVEL_PATH "/api/v1/log-level"

static int print_level(const char *json, FILE *out, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse(json);
	const char *level = json_tree_text(root, "level");
	const char *configured = json_tree_text(root, "configured");
	char safe[2][64];

	if (!level || !configured)
		return error_set(
		    err, -EBADMSG, REMEDY_PERSON, "the answer has no level: is this an aloqd's socket?");
	escape_text(safe[0], sizeof safe[0], level, strlen(level));
	escape_text(safe[1], sizeof safe[1], configured, strlen(configured));
	if (strcmp(level, configured) == 0)
		fprintf(out, "%s\n", safe[0]);
	else
		fprintf(out, "%s (until a reload or a restart; configured: %s)\n", safe[0], safe[1]);
	return 0;
}

static int run(const struct call *call)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *path = NULL;
	enum log_level level;
	struct error err = { 0 };
	int result, exit_code;

	if (call->argument_count == 0) {
		result = control_get(call->socket_path, LOG_LEVEL_PATH, &answer, &err);
	} else if (log_level_parse(call->arguments[0], &level) < 0) {
		return call_usage(call, "the level is one of error, warning, notice, info and debug");
	} else {
		path = xasprintf(LOG_LEVEL_PATH "?level=%s", log_level_name(level));
		result = control_post(call->socket_path, path, &answer, &err);
	}
	exit_code = answer_check(result, NULL, &answer, &err);
	return exit_code ? exit_code : answer_show(call, &answer, print_level, stdout);
}

const struct command command_log_level = {
	.name = "log-level",
	.arguments = "[LEVEL]",
	.most = 1,
	.help = "show or set what is logged: error, warning, notice, info, debug",
	.notes = "A level that is set holds until the next reload or restart.\n",
	.run = run,
};
