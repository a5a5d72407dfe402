/* aloq-sandbox: a Kafka to try things on, and something to relay. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "config.h"
#include "sandbox/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "cluster", command_cluster,
	    "[--brokers N] [--topic NAME:PARTITIONS]... [--ready-file FILE]\n"
	    "      runs librdkafka's mock cluster until SIGTERM; FILE appears when it is there" },
	{ "orders", command_orders,
	    "--brokers LIST --topic NAME [--count N] [--rate PER_SECOND] [--first ID]\n"
	    "      produces orders: JSON with id, user, item and quantity, the user as key" },
	{ "track", command_track,
	    "--brokers LIST --topic NAME [--count N] [--every N]\n"
	    "      prints orders as they arrive, or each Nth; ends after N different ones" },
	{ "check", command_check,
	    "--brokers LIST --source NAME --target NAME [--target-brokers LIST]\n"
	    "      compares both: produced, relayed, lost, repeated, out of order, altered;\n"
	    "      exit code 1 when at_least_once was broken" },
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *stream)
{
	fputs("aloq-sandbox: a mock Kafka cluster, and orders to relay on it or on a real one.\n\n", stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  aloq-sandbox %s %s\n", commands[i].name, commands[i].help);
	fputs("  aloq-sandbox --version | --help\n", stream);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return EX_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("aloq-sandbox %s\n", PACKAGE_VERSION);
		return EX_OK;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "aloq-sandbox: %s: no such command; see aloq-sandbox --help\n", argv[1]);
	return EX_USAGE;
}
