/* aloqctl: asks a running aloqd over its control socket. */
#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/escape.h"
#include "base/memory.h"
#include "ctl/control_client.h"
#include "ctl/status.h"

enum { OPTION_SOCKET = 256, OPTION_JSON };

/* Beside sysexits: the daemon answers, and has no such pipeline. */
enum { EXIT_NO_SUCH_PIPELINE = 1, HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

struct options {
	const char *socket_path;
	bool json;
	bool help;
	bool version;
};

static void print_help(FILE *out)
{
	fputs("Usage: aloqctl [--socket PATH] [--json] status [PIPELINE]\n"
	      "Asks a running aloqd.\n"
	      "\n"
	      "  status              all pipelines: state, lag, counts, and why one does not run\n"
	      "  status PIPELINE     one pipeline and its partitions\n"
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
		return usage("no command; there is status");
	if (strcmp(argv[optind], "status") != 0)
		return usage("unknown command; there is status");
	if (argc - optind > 2)
		return usage("status takes one pipeline at most");
	return status(&options, argv[optind + 1]);
}
