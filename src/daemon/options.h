/* options.h: aloqd's command line. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

enum command {
	COMMAND_RUN,
	COMMAND_TEST_CONFIG,
	COMMAND_DUMP_CONFIG,
	COMMAND_EXPLAIN,
	COMMAND_CHECK_BROKERS,
	COMMAND_VERSION,
	COMMAND_HELP,
};

struct options {
	enum command command;
	const char *config_file;
	const char *pipeline; /* to explain; NULL: all */
	bool conf_d; /* the default file brings its conf.d directory along; one named with -c does not */
};

/* Returns 0, or -EINVAL after it has told the user on stderr what is wrong. The strings are argv's. */
int options_parse(int argc, char **argv, struct options *options);

void options_print_help(FILE *out);
