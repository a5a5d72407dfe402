/* command.h: what aloqctl can do. A command is a row of the table (commands.c) with what its help says and what it
 * takes; its options are read before it runs. Thread: the only one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct command_option {
	const char *name;     /* without its dashes; NULL ends a list */
	char letter;          /* of the short form, or '\0' */
	const char *argument; /* as the help calls it; "[N]": may be left out; NULL: takes none */
	const char *help;     /* one line */
};

struct call;

struct command {
	const char *name;
	const char *arguments; /* as the usage shows them: "[PIPELINE]"; "": none */
	int least, most;       /* how many there are; most < 0: any number */
	const char *help;      /* one line */
	const char *notes;     /* whole lines more for its own help; or NULL */
	const struct command_option *options; /* besides the common ones; NULL: none */
	const char *json_help; /* what --json does to it; NULL: prints the daemon's JSON */
	bool asks_no_daemon;   /* --socket is of no use to it */
	/* Prints to stdout, says on stderr what went wrong, returns the exit code (sysexits, and 1 as answer.h has it). */
	int (*run)(const struct call *call);
};

/* All commands, in the order of the help; the list ends with NULL. */
extern const struct command *const commands[];

/* NULL: there is none of this name. */
const struct command *command_find(const char *name);

/* A call of a command: what was given to it. Everything in it belongs to main()'s argv or to the call. */
struct call {
	const struct command *command;
	const char *socket_path; /* --socket */
	bool json;		 /* --json */
	bool help;               /* --help: of the command */
	int argument_count;
	char **arguments; /* as many as the command takes; the options are taken out */
	struct given_option {
		const char *name; /* of the command's options */
		const char *value;
	} *given; /* in the order given */
	size_t given_count;
};

/* Reads what stands behind the command's name: options, its own and the common ones, and arguments. argv[0] is the
 * command's name. call holds the common options already given. Returns 0, or EX_USAGE after the user was told what is
 * wrong. call_clear() afterwards in any case. */
int call_parse(struct call *call, const struct command *command, int argc, char **argv);
void call_clear(struct call *call);

/* Was this option of the command given? */
bool call_has(const struct call *call, const char *option);

/* The value of this option of the command; where it was given more than once, of the last; NULL: not given, or without
 * the value that may be left out. */
const char *call_value(const struct call *call, const char *option);

/* The values of an option that may be given more than once, one after the other: *i is 0 at first. NULL: no more. */
const char *call_next_value(const struct call *call, const char *option, size_t *i);

/* Says on stderr what is wrong with the call, and where help is. Returns EX_USAGE. */
int call_usage(const struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
