/* commands.h: the commands, each in the file command_NAME.c (or with its next of kin); commands.c has their order. */
#pragma once
#include "ctl/command.h"

extern const struct command command_consume;
extern const struct command command_explain;
extern const struct command command_help;
extern const struct command command_log_level;
extern const struct command command_offsets;
extern const struct command command_pause;
extern const struct command command_produce;
extern const struct command command_reload;
extern const struct command command_restart;
extern const struct command command_resume;
extern const struct command command_start;
extern const struct command command_status;
extern const struct command command_stop;
extern const struct command command_unblock;
extern const struct command command_verify;
extern const struct command command_wait;
