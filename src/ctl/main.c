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
#include "ctl/reload.h"
#include "ctl/status.h"

enum { OPTION_SOCKET = 256, OPTION_JSON };

/* Beside sysexits: the daemon answers, and has no such pipeline. */
enum { EXIT_NO_SUCH_PIPELINE = 1, HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

#define RELOAD         "/api/v1/reload"
#define RELOAD_LOOK_MS 100

struct options {
	const char *socket_path;
	bool json;
	bool help;
	bool version;
};

static void print_help(FILE *out)
{
	fputs("Usage: aloqctl [--socket PATH] [--json] status [PIPELINE]\n"
	      "       aloqctl [--socket PATH] [--json] reload\n"
	      "Asks a running aloqd.\n"
	      "\n"
	      "  status              all pipelines: state, lag, counts, and why one does not run\n"
	      "  status PIPELINE     one pipeline and its partitions\n"
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

static int show(const struct options *options, const char *pipeline, const struct control_answer *answer)
{
	struct error err = { 0 };
	int result = 0;

	if (options->json)
		fwrite(answer->body, 1, answer->length, stdout);
	else if (pipeline)
		result = status_print_one(answer->body, stdout, &err);
	else
		result = status_print_all(answer->body, stdout, &err);
	if (result < 0)
		return fail(EX_PROTOCOL, err.message);
	if (fflush(stdout) == EOF || ferror(stdout))
		return fail(EX_IOERR, "cannot write to the standard output");
	return EX_OK;
}

static int status(const struct options *options, const char *pipeline)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	_cleanup_free_ char *name = pipeline ? control_escape(pipeline) : NULL;
	_cleanup_free_ char *path = xasprintf("/api/v1/pipelines%s%s", name ? "/" : "", name ? name : "");
	struct error err = { 0 };
	int result = control_get(options->socket_path, path, &answer, &err);

	if (result < 0)
		return fail(result == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, err.message);
	if (answer.status != HTTP_OK)
		return refused(pipeline, &answer);
	return show(options, pipeline, &answer);
}

/* The answer and what it says. Returns 0, or an exit code after the user has been told. */
static int take_answer(
    int result, struct control_answer *answer, struct reload_answer *reload, const struct error *why)
{
	struct error err = { 0 };

	if (result < 0)
		return fail(result == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, why->message);
	if (answer->status != HTTP_OK)
		return refused(NULL, answer);
	return reload_parse(answer->body, reload, &err) < 0 ? fail(EX_PROTOCOL, err.message) : 0;
}

/* Looks until the reload is finished, which aloqd bounds. */
static int await_finished(
    const struct options *options, struct control_answer *answer, struct reload_answer *reload)
{
	int exit_code = 0;

	while (exit_code == 0 && !reload->finished) {
		struct error err = { 0 };
		int result;

		poll(NULL, 0, RELOAD_LOOK_MS);
		control_answer_clear(answer);
		result = control_get(options->socket_path, RELOAD, answer, &err);
		exit_code = take_answer(result, answer, reload, &err);
	}
	return exit_code;
}

static int print_reload(const struct options *options, const struct control_answer *answer, FILE *out)
{
	struct error err = { 0 };

	if (options->json)
		fwrite(answer->body, 1, answer->length, stdout);
	else if (reload_print(answer->body, out, &err) < 0)
		return fail(EX_PROTOCOL, err.message);
	if (fflush(stdout) == EOF || ferror(stdout))
		return fail(EX_IOERR, "cannot write to the standard output");
	return 0;
}

static int reload(const struct options *options)
{
	_cleanup_(control_answer_clear) struct control_answer answer = { 0 };
	struct reload_answer reload = { 0 };
	struct error err = { 0 };
	int result = control_post(options->socket_path, RELOAD, &answer, &err);
	int exit_code = take_answer(result, &answer, &reload, &err);

	if (exit_code == 0 && reload.refused) {
		exit_code = print_reload(options, &answer, stderr);
		return exit_code ? exit_code : EX_CONFIG;
	}
	/* a person is told at once, a machine once and whole */
	if (exit_code == 0 && !options->json)
		exit_code = print_reload(options, &answer, stdout);
	if (exit_code == 0)
		exit_code = await_finished(options, &answer, &reload);
	if (exit_code == 0 && options->json)
		exit_code = print_reload(options, &answer, stdout);
	if (exit_code == 0 && reload.late > 0)
		return fail(EX_TEMPFAIL, "pipelines still drain; what is to follow starts as soon as they "
		                         "have ended (aloqctl status)");
	return exit_code;
}

int main(int argc, char **argv)
{
	struct options options = { .socket_path = CONTROL_SOCKET_DEFAULT };

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
		return usage("no command; there are status and reload");
	if (strcmp(argv[optind], "reload") == 0)
		return argc - optind > 1 ? usage("reload takes no argument") : reload(&options);
	if (strcmp(argv[optind], "status") != 0)
		return usage("unknown command; there are status and reload");
	if (argc - optind > 2)
		return usage("status takes one pipeline at most");
	return status(&options, argv[optind + 1]);
}
