/* help.h: what aloqctl says of itself, from the table of commands. */
#pragma once
#include <stdio.h>
#include "ctl/command.h"

/* All commands, and the common options. */
void help_print(FILE *out);

/* One command: its usage, its options and the common ones, its notes. */
void help_print_command(const struct command *command, FILE *out);

/* Says on stderr that there is no such command, and which is the nearest. Returns EX_USAGE. */
int help_unknown_command(const char *name);
