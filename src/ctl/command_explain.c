/* aloqctl explain */
#include <string.h>
#include <sysexits.h>
#include <yajl/yajl_gen.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/commands.h"

/* What aloqd sends is a text, line by line. */
static int print_text(const char *text, FILE *out, struct error *err)
{
	(void)err;
	while (*text) {
		size_t length = strcspn(text, "\n");
		size_t size = length * 4 + 1;
		_cleanup_free_ char *safe = xcalloc(size, 1);

		escape_text(safe, size, text, length);
		fprintf(out, "%s\n", safe);
		text += length + (text[length] == '\n');
	}
	return 0;
}

/* {"text": ...} in place of the text. */
static void wrap(struct control_answer *answer)
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *json = NULL;
	size_t length = 0;

	if (!gen)
		return;
	yajl_gen_map_open(gen);
	yajl_gen_string(gen, (const unsigned char *)"text", 4);
	yajl_gen_string(gen, (const unsigned char *)answer->body, answer->length);
	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &json, &length) == yajl_gen_status_ok) {
		free(answer->body);
		answer->body = xasprintf("%.*s\n", (int)length, (const char *)json);
		answer->length = length + 1;
	}
	yajl_gen_free(gen);
}

static int run(const struct call *call)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	const char *pipeline = call->argument_count > 0 ? call->arguments[0] : NULL;
	_cleanup_free_ char *name = pipeline ? control_escape(pipeline) : NULL;
	_cleanup_free_ char *path = xasprintf("/api/v1/explain%s%s", name ? "/" : "", name ? name : "");
	struct error err = { 0 };
	int result = control_get(call->socket_path, path, &answer, &err);
	int exit_code = answer_check(result, pipeline, &answer, &err);

	if (exit_code == 0 && call->json)
		wrap(&answer);
	return exit_code ? exit_code : answer_show(call, &answer, print_text, stdout);
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "[PIPELINE]",
	.most = 1,
	.help = "what is promised, by which settings: of the configuration that runs",
	.notes = "aloqd itself, with its option of this name, explains the files as they are now.\n",
	.run = run,
};
