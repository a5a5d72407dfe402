#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "ctl/command.h"

enum { OPTION_SOCKET = 256, OPTION_JSON, OPTION_OWN };

static int kind_of(const struct command_option *option)
{
	if (!option->argument)
		return no_argument;
	return option->argument[0] == '[' ? optional_argument : required_argument;
}

static size_t count_options(const struct command_option *options)
{
	size_t count = 0;

	while (options && options[count].name)
		count++;
	return count;
}

/* What getopt_long() takes: the command's options, then the common ones. */
static struct option *long_options(const struct command_option *own, size_t count)
{
	static const struct option common[] = {
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct option *options = xcalloc(count + sizeof common / sizeof common[0], sizeof *options);

	for (size_t i = 0; i < count; i++)
		options[i] = (struct option){ own[i].name, kind_of(&own[i]), NULL, OPTION_OWN + (int)i };
	memcpy(options + count, common, sizeof common);
	return options;
}

static char *short_options(const struct command_option *own, size_t count)
{
	char *letters = xcalloc(3 * count + 2, 1);
	char *out = letters;

	*out++ = 'h';
	for (size_t i = 0; i < count; i++) {
		if (own[i].letter == '\0')
			continue;
		*out++ = own[i].letter;
		for (int colons = kind_of(&own[i]); colons > 0; colons--)
			*out++ = ':'; /* one: an argument; two: one that may be left out */
	}
	return letters;
}

static void note_given(struct call *call, const char *name, const char *value)
{
	call->given = xreallocarray(call->given, call->given_count + 1, sizeof *call->given);
	call->given[call->given_count++] = (struct given_option){ name, value };
}

/* The command's own option that getopt_long() has found; NULL: it is none. */
static const struct command_option *own_option(const struct command_option *own, size_t count, int found)
{
	if (found >= OPTION_OWN)
		return &own[found - OPTION_OWN];
	for (size_t i = 0; i < count; i++) {
		if (own[i].letter != '\0' && own[i].letter == found)
			return &own[i];
	}
	return NULL;
}

static int parse_options(struct call *call, int argc, char **argv)
{
	const struct command_option *own = call->command->options;
	size_t count = count_options(own);
	_cleanup_free_ struct option *options = long_options(own, count);
	_cleanup_free_ char *letters = short_options(own, count);
	int found;

	optind = 0; /* main() has used getopt_long(), too */
	while ((found = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct command_option *option = own_option(own, count, found);

		if (option)
			note_given(call, option->name, optarg);
		else if (found == OPTION_SOCKET)
			call->socket_path = optarg;
		else if (found == OPTION_JSON)
			call->json = true;
		else if (found == 'h')
			call->help = true;
		else
			return call_usage(call, NULL);
	}
	return 0;
}

int call_parse(struct call *call, const struct command *command, int argc, char **argv)
{
	_cleanup_free_ char *name = xasprintf("aloqctl %s", command->name);
	int exit_code;

	call->command = command;
	argv[0] = name; /* as getopt_long() calls it in its messages */
	exit_code = parse_options(call, argc, argv);
	argv[0] = NULL;
	if (exit_code != 0 || call->help)
		return exit_code;
	call->arguments = argv + optind;
	call->argument_count = argc - optind;
	if (call->argument_count < command->least)
		return call_usage(call, "too few arguments: it takes %s", command->arguments);
	if (command->most >= 0 && call->argument_count > command->most)
		return command->most == 0 ? call_usage(call, "it takes no argument")
		                          : call_usage(call, "too many arguments: it takes %s",
		                                command->arguments);
	return 0;
}

void call_clear(struct call *call)
{
	free(call->given);
	*call = (struct call){ 0 };
}

bool call_has(const struct call *call, const char *option)
{
	for (size_t i = 0; i < call->given_count; i++) {
		if (strcmp(call->given[i].name, option) == 0)
			return true;
	}
	return false;
}

const char *call_next_value(const struct call *call, const char *option, size_t *i)
{
	while (*i < call->given_count) {
		const struct given_option *given = &call->given[(*i)++];

		if (strcmp(given->name, option) == 0)
			return given->value;
	}
	return NULL;
}

const char *call_value(const struct call *call, const char *option)
{
	const char *value = NULL;

	for (size_t i = 0; i < call->given_count; i++) {
		if (strcmp(call->given[i].name, option) == 0)
			value = call->given[i].value;
	}
	return value;
}

int call_usage(const struct call *call, const char *format, ...)
{
	va_list arguments;

	if (format) {
		fprintf(stderr, "aloqctl %s: ", call->command->name);
		va_start(arguments, format);
		vfprintf(stderr, format, arguments);
		va_end(arguments);
		fputc('\n', stderr);
	}
	fprintf(stderr, "aloqctl help %s shows the usage\n", call->command->name);
	return EX_USAGE;
}
