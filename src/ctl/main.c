/* aloqctl: asks a running aloqd over its control socket, and tells it what to do. */
#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/control_client.h"
#include "ctl/pause.h"
#include "ctl/reload.h"
#include "ctl/status.h"

enum { OPTION_SOCKET = 256, OPTION_JSON };

/* Beside sysexits: the daemon answers, and has no such pipeline. */
enum { EXIT_NO_SUCH_PIPELINE = 1, HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

#define PIPELINES "/api/v1/pipelines"
#define RELOAD    "/api/v1/reload"
#define LOOK_MS   100
/* What a target that does not answer holds up is not waited for: aloqd goes on with it. */
#define PAUSE_LOOKS 300

#define COMMANDS "status, pause, resume and reload"

struct options {
	const char *socket_path;
	bool json;
	bool help;
	bool version;
};

static void print_help(FILE *out)
{
	fputs("Usage: aloqctl [--socket PATH] [--json] status [PIPELINE]\n"
	      "       aloqctl [--socket PATH] [--json] pause|resume PIPELINE\n"
	      "       aloqctl [--socket PATH] [--json] reload\n"
	      "Asks a running aloqd.\n"
	      "\n"
	      "  status              all pipelines: state, lag, counts, and why one does not run\n"
	      "  status PIPELINE     one pipeline and its partitions\n"
	      "  pause PIPELINE      read nothing more, settle and commit what was read\n"
	      "  resume PIPELINE     read on\n"
	      "  reload              take up a changed configuration, and tell how that went\n"
	      "\n"
	      "      --socket PATH   aloqd's control socket (default: " CONTROL_SOCKET_DEFAULT ")\n"
	      "      --json          print aloqd's JSON instead of a table\n"
	      "  -V, --version       print the version and exit\n"
	      "  -h, --help          print this and exit\n"
	      "\n"
	      "Manual: aloqctl(1)\n",
	    out);
}

/* 0, or -EINVAL when getopt_long() has told the user what is wrong. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "Vh", known, NULL)) != -1) {
		switch (option) {
		case OPTION_SOCKET:
			options->socket_path = optarg;
			break;
		case OPTION_JSON:
			options->json = true;
			break;
		case 'V':
			options->version = true;
			break;
		case 'h':
			options->help = true;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

static int usage(const char *problem)
{
	if (problem)
		fprintf(stderr, "aloqctl: %s\n", problem);
	fputs("aloqctl -h shows the usage\n", stderr);
	return EX_USAGE;
}

static int fail(int exit_code, const char *message)
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
		fprintf(stderr, "aloqctl: aloqd runs no pipeline \"%s\"; aloqctl status shows those that it runs\n",
		    text);
		return EXIT_NO_SUCH_PIPELINE;
	}
	escape_text(text, sizeof text, answer->body, strcspn(answer->body, "\n"));
	fprintf(stderr, "aloqctl: aloqd answers %ld: %s\n", answer->status, text);
	return EX_UNAVAILABLE;
}

/* Was it answered as asked? Returns 0, or an exit code after the user has been told. */
static int answered(
    int result, const char *pipeline, const struct control_answer *answer, const struct error *why)
{
	if (result < 0)
		return fail(result == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, why->message);
	return answer->status == HTTP_OK ? 0 : refused(pipeline, answer);
}

/* For people by print(), or as JSON. The same terms. */
static int show(const struct options *options, const struct control_answer *answer,
    int (*print)(const char *json, FILE *out, struct error *err), FILE *out)
{
	struct error err = { 0 };

	if (options->json)
		fwrite(answer->body, 1, answer->length, stdout);
	else if (print(answer->body, out, &err) < 0)
		return fail(EX_PROTOCOL, err.message);
	if (fflush(stdout) == EOF || ferror(stdout))
		return fail(EX_IOERR, "cannot write to the standard output");
	return 0;
}

static int status(const struct options *options, const char *pipeline)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *name = pipeline ? control_escape(pipeline) : NULL;
	_cleanup_free_ char *path = xasprintf(PIPELINES "%s%s", name ? "/" : "", name ? name : "");
	struct error err = { 0 };
	int result = control_get(options->socket_path, path, &answer, &err);
	int exit_code = answered(result, pipeline, &answer, &err);

	return exit_code ? exit_code
	                 : show(options, &answer, pipeline ? status_print_one : status_print_all, stdout);
}

/* The answer and what it says. The same terms. */
static int take_answer(
    int result, struct control_answer *answer, struct reload_answer *reload, const struct error *why)
{
	struct error err = { 0 };
	int exit_code = answered(result, NULL, answer, why);

	if (exit_code == 0 && reload_parse(answer->body, reload, &err) < 0)
		return fail(EX_PROTOCOL, err.message);
	return exit_code;
}

/* Looks until the reload is finished, which aloqd bounds. */
static int await_finished(
    const struct options *options, struct control_answer *answer, struct reload_answer *reload)
{
	int exit_code = 0;

	while (exit_code == 0 && !reload->finished) {
		struct error err = { 0 };
		int result;

		poll(NULL, 0, LOOK_MS);
		control_answer_clear(answer);
		result = control_get(options->socket_path, RELOAD, answer, &err);
		exit_code = take_answer(result, answer, reload, &err);
	}
	return exit_code;
}

static int reload(const struct options *options)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	struct reload_answer reload = { 0 };
	struct error err = { 0 };
	int result = control_post(options->socket_path, RELOAD, &answer, &err);
	int exit_code = take_answer(result, &answer, &reload, &err);

	if (exit_code == 0 && reload.refused) {
		exit_code = show(options, &answer, reload_print, stderr);
		return exit_code ? exit_code : EX_CONFIG;
	}
	/* a person is told at once, a machine once and whole */
	if (exit_code == 0 && !options->json)
		exit_code = show(options, &answer, reload_print, stdout);
	if (exit_code == 0)
		exit_code = await_finished(options, &answer, &reload);
	if (exit_code == 0 && options->json)
		exit_code = show(options, &answer, reload_print, stdout);
	if (exit_code == 0 && reload.late > 0)
		return fail(EX_TEMPFAIL, "pipelines still drain; what is to follow starts as soon as they "
		                         "have ended (aloqctl status)");
	return exit_code;
}

/* The answer of a pipeline that pauses or resumes, and what it says. The same terms. */
static int take_pause_answer(int result, const char *pipeline, struct control_answer *answer,
    struct pause_answer *pause, const struct error *why)
{
	struct error err = { 0 };
	int exit_code = answered(result, pipeline, answer, why);

	if (exit_code == 0 && pause_parse(answer->body, pause, &err) < 0)
		return fail(EX_PROTOCOL, err.message);
	return exit_code;
}

/* Tells the pipeline, and looks until it has paused or gone on, or will not soon. */
static int pause_or_resume(const struct options *options, const char *pipeline, bool to_pause)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *name = control_escape(pipeline);
	_cleanup_free_ char *look = xasprintf(PIPELINES "/%s", name);
	_cleanup_free_ char *act = xasprintf("%s/%s", look, to_pause ? "pause" : "resume");
	struct pause_answer pause = { 0 };
	struct error err = { 0 };
	int result = control_post(options->socket_path, act, &answer, &err);
	int exit_code = take_pause_answer(result, pipeline, &answer, &pause, &err);

	for (int i = 0; i < PAUSE_LOOKS && exit_code == 0; i++) {
		if (to_pause ? !pause.on_its_way : !pause.paused)
			break;
		poll(NULL, 0, LOOK_MS);
		control_answer_clear(&answer);
		result = control_get(options->socket_path, look, &answer, &err);
		exit_code = take_pause_answer(result, pipeline, &answer, &pause, &err);
	}
	if (exit_code == 0)
		exit_code = show(options, &answer, pause_print, stdout);
	if (exit_code == 0 && to_pause && !pause.paused)
		return fail(EX_TEMPFAIL, "it reads nothing more; what it has read is not all settled and "
		                         "committed (aloqctl status)");
	if (exit_code == 0 && !to_pause && pause.paused)
		return fail(EX_TEMPFAIL, "it has not gone on yet (aloqctl status)");
	return exit_code;
}

int main(int argc, char **argv)
{
	struct options options = { .socket_path = CONTROL_SOCKET_DEFAULT };
	bool to_pause;

	if (parse_options(argc, argv, &options) < 0)
		return usage(NULL);
	if (options.help) {
		print_help(stdout);
		return EX_OK;
	}
	if (options.version) {
		puts("aloqctl " PACKAGE_VERSION);
		return EX_OK;
	}
	if (optind == argc)
		return usage("no command; there are " COMMANDS);
	if (strcmp(argv[optind], "reload") == 0)
		return argc - optind > 1 ? usage("reload takes no argument") : reload(&options);
	to_pause = strcmp(argv[optind], "pause") == 0;
	if (to_pause || strcmp(argv[optind], "resume") == 0)
		return argc - optind != 2 ? usage("pause and resume take one pipeline")
		                          : pause_or_resume(&options, argv[optind + 1], to_pause);
	if (strcmp(argv[optind], "status") != 0)
		return usage("unknown command; there are " COMMANDS);
	if (argc - optind > 2)
		return usage("status takes one pipeline at most");
	return status(&options, argv[optind + 1]);
}
