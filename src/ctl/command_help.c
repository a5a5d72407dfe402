/* aloqctl help */
#include <sysexits.h>
#include "ctl/commands.h"
#include "ctl/help.h"

static int run(const struct call *call)
{
	const struct command *command;

	if (call->argument_count == 0) {
		help_print(stdout);
		return EX_OK;
	}
	command = command_find(call->arguments[0]);
	if (!command)
		return help_unknown_command(call->arguments[0]);
	help_print_command(command, stdout);
	return EX_OK;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.most = 1,
	.help = "what aloqctl can do, or what a command does and takes",
	.run = run,
};
