/* arguments.h: what the commands' options have in common. Complaints go to stderr. */
#pragma once
#include <stdint.h>

/* A whole number in [min, max]; -EINVAL and a complaint that names the option otherwise. */
int argument_integer(const char *option, const char *text, int64_t min, int64_t max, int64_t *value);

/* An option that must be given. */
int argument_required(const char *command, const char *option, const char *value);

/* Nothing may follow the options. index is getopt's optind. */
int argument_none_left(const char *command, int argc, char **argv, int index);
