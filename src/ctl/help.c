#include "ctl/help.h"
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "ctl/control_client.h"

enum { COLUMN = 28 }; /* where the explanations begin */

static const struct command_option socket_option = { "socket", '\0', "PATH",
	"aloqd's control socket (default: " CONTROL_SOCKET_DEFAULT ")" };
static const struct command_option json_option = { "json", '\0', NULL, "print aloqd's JSON instead of a table" };
static const struct command_option version_option = { "version", 'V', NULL, "print the version and exit" };
static const struct command_option help_option = { "help", 'h', NULL, "print this and exit" };

/* Beside what it explains, or below it where that is long. */
static void print_line(FILE *out, const char *what, const char *explanation)
{
	if (strlen(what) + 2 > COLUMN)
		fprintf(out, "%s\n%*s%s\n", what, COLUMN, "", explanation);
	else
		fprintf(out, "%-*s%s\n", COLUMN, what, explanation);
}

static void print_option(FILE *out, const struct command_option *option)
{
	const char *argument = option->argument ? option->argument : "";
	bool optional = argument[0] == '[';
	const char *between = optional ? "[=" : argument[0] ? " " : "";
	_cleanup_free_ char *letter =
	    option->letter ? xasprintf("  -%c, ", option->letter) : xstrdup("      ");
	_cleanup_free_ char *what =
	    xasprintf("%s--%s%s%s", letter, option->name, between, optional ? argument + 1 : argument);

	print_line(out, what, option->help);
}

static void print_options(FILE *out, const struct command_option *options)
{
	for (; options && options->name; options++)
		print_option(out, options);
}

void help_print(FILE *out)
{
	fputs("Usage: aloqctl [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
	      "Asks a running aloqd, and tells it what to do.\n"
	      "\n",
	    out);
	for (const struct command *const *command = commands; *command; command++) {
		_cleanup_free_ char *what = xasprintf("  %s %s", (*command)->name, (*command)->arguments);

		print_line(out, what, (*command)->help);
	}
	fputc('\n', out);
	print_option(out, &socket_option);
	print_option(out, &json_option);
	print_option(out, &version_option);
	print_option(out, &help_option);
	fputs("\n"
	      "aloqctl help COMMAND shows a command's own options. Manual: aloqctl(1)\n",
	    out);
}

void help_print_command(const struct command *command, FILE *out)
{
	const char *space = command->arguments[0] ? " " : "";
	struct command_option json = json_option;

	fprintf(out, "Usage: aloqctl %s [OPTION...]%s%s\n%s\n\n", command->name, space, command->arguments,
	    command->help);
	print_options(out, command->options);
	if (!command->asks_no_daemon)
		print_option(out, &socket_option);
	if (command->json_help)
		json.help = command->json_help;
	print_option(out, &json);
	print_option(out, &help_option);
	if (command->notes)
		fprintf(out, "\n%s", command->notes);
}

int help_unknown_command(const char *name)
{
	_cleanup_free_ const char **names = NULL;
	const char *nearest;
	size_t count = 0;
	char text[128];

	while (commands[count])
		count++;
	names = xcalloc(count + 1, sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = commands[i]->name;
	nearest = nearest_word(names, name);
	escape_text(text, sizeof text, name, strlen(name));
	if (nearest)
		fprintf(stderr, "aloqctl: unknown command \"%s\"; did you mean \"%s\"?\n", text, nearest);
	else
		fprintf(stderr, "aloqctl: unknown command \"%s\"; aloqctl help shows those there are\n", text);
	return EX_USAGE;
}
