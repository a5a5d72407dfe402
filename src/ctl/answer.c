#include "ctl/answer.h"
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"

enum { HTTP_OK = 200, HTTP_NOT_FOUND = 404, HTTP_CONFLICT = 409 };

int answer_fail(int exit_code, const char *message)
{
	fprintf(stderr, "aloqctl: %s\n", message);
	return exit_code;
}

/* What aloqd says instead of a page: a sentence, but perhaps it is not aloqd that says it. */
static int refused(const char *pipeline, const struct control_answer *answer)
{
	char text[512];

	if (answer->status == HTTP_NOT_FOUND && pipeline) {
		escape_text(text, sizeof text, pipeline, strlen(pipeline));
		fprintf(stderr, "aloqctl: aloqd has no pipeline \"%s\"; aloqctl status shows those that it has\n",
		    text);
		return EXIT_NO_SUCH_PIPELINE;
	}
	escape_text(text, sizeof text, answer->body, strcspn(answer->body, "\n"));
	if (answer->status == HTTP_CONFLICT)
		return answer_fail(EXIT_REFUSED, text);
	fprintf(stderr, "aloqctl: aloqd answers %ld: %s\n", answer->status, text);
	return EX_UNAVAILABLE;
}

int answer_check(int result, const char *pipeline, const struct control_answer *answer, const struct error *why)
{
	if (result < 0)
		return answer_fail(result == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, why->message);
	return answer->status == HTTP_OK ? 0 : refused(pipeline, answer);
}

int answer_show(const struct call *call, const struct control_answer *answer,
    int (*print)(const char *json, FILE *out, struct error *err), FILE *out)
{
	struct error err = { 0 };

	if (call->json)
		fwrite(answer->body, 1, answer->length, stdout);
	else if (print(answer->body, out, &err) < 0)
		return answer_fail(EX_PROTOCOL, err.message);
	if (fflush(stdout) == EOF || ferror(stdout))
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	return 0;
}

char *answer_pipeline_path(const char *pipeline, const char *verb)
{
	_cleanup_free_ char *name = control_escape(pipeline);

	return xasprintf("/api/v1/pipelines/%s%s%s", name, verb ? "/" : "", verb ? verb : "");
}
