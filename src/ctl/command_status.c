/* aloqctl status */
#include "base/cleanup.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/status.h"

static int run(const struct call *call)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	const char *pipeline = call->argument_count > 0 ? call->arguments[0] : NULL;
	_cleanup_free_ char *path =
	    pipeline ? answer_pipeline_path(pipeline, NULL) : xstrdup("/api/v1/pipelines");
	struct error err = { 0 };
	int result = control_get(call->socket_path, path, &answer, &err);
	int exit_code = answer_check(result, pipeline, &answer, &err);

	return exit_code ? exit_code
	                 : answer_show(call, &answer, pipeline ? status_print_one : status_print_all, stdout);
}

const struct command command_status = {
	.name = "status",
	.arguments = "[PIPELINE]",
	.most = 1,
	.help = "all pipelines, or one and its partitions: state, lag, counts, and why",
	.run = run,
};
