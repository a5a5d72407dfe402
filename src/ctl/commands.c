#include "ctl/commands.h"
#include <string.h>

const struct command *const commands[] = {
	&command_status,
	&command_explain,
	&command_start,
	&command_stop,
	&command_restart,
	&command_pause,
	&command_resume,
	&command_unblock,
	&command_wait,
	&command_reload,
	&command_log_level,
	&command_produce,
	&command_consume,
	&command_verify,
	&command_offsets,
	&command_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *command = commands; *command; command++) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
	}
	return NULL;
}
