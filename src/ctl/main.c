/* aloqctl: asks a running aloqd over its control socket, and tells it what to do. */
#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "ctl/answer.h"
#include "ctl/command.h"
#include "ctl/control_client.h"
#include "ctl/help.h"

enum { OPTION_SOCKET = 256, OPTION_JSON };

/* What stands before the command. 0, or -EINVAL when getopt_long() has told the user what is wrong. */
static int parse_options(int argc, char **argv, struct call *call, bool *version)
{
	static const struct option known[] = {
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+Vh", known, NULL)) != -1) {
		switch (option) {
		case OPTION_SOCKET:
			call->socket_path = optarg;
			break;
		case OPTION_JSON:
			call->json = true;
			break;
		case 'V':
			*version = true;
			break;
		case 'h':
			call->help = true;
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
	fputs("aloqctl help shows the usage\n", stderr);
	return EX_USAGE;
}

static int run_command(struct call *call, int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	int exit_code;

	if (!command)
		return help_unknown_command(argv[0]);
	exit_code = call_parse(call, command, argc, argv);
	if (exit_code != 0)
		return exit_code;
	if (call->help) {
		help_print_command(command, stdout);
		return EX_OK;
	}
	return command->run(call);
}

static int run(struct call *call, int argc, char **argv)
{
	bool version = false;

	if (parse_options(argc, argv, call, &version) < 0)
		return usage(NULL);
	if (version) {
		puts("aloqctl " PACKAGE_VERSION);
		return EX_OK;
	}
	if (call->help) {
		help_print(stdout);
		return EX_OK;
	}
	if (optind == argc)
		return usage("no command");
	return run_command(call, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	_cleanup_(call_clear) struct call call = { .socket_path = CONTROL_SOCKET_DEFAULT };
	int exit_code = run(&call, argc, argv);

	/* What a command has to say may be all that it is for. One that looks for itself has told it by now. */
	if ((fflush(stdout) == EOF || ferror(stdout)) && exit_code == EX_OK)
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	return exit_code;
}
