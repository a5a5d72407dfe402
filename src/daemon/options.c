#include "daemon/options.h"
#include <errno.h>
#include <getopt.h>

#define DEFAULT_CONFIG_FILE ALOQD_SYSCONFDIR "/aloqd.conf"

enum { OPTION_DUMP_CONFIG = 256, OPTION_EXPLAIN, OPTION_CHECK_BROKERS };

void options_print_help(FILE *out)
{
	fputs("Usage: aloqd [-c FILE] [-t | --dump-config | --explain [PIPELINE] | --check-brokers]\n"
	      "Relays records from Kafka topics to Kafka topics, in the foreground.\n"
	      "\n"
	      "  -c, --config FILE   read this file (default: " DEFAULT_CONFIG_FILE "\n"
	      "                      and then the files of conf.d beside it)\n"
	      "  -t, --test-config   check the configuration, tell all that is wrong, and exit\n"
	      "      --dump-config   print the configuration with all defaults, without secrets\n"
	      "      --explain [PIPELINE]\n"
	      "                      print what each pipeline (or this one) promises, by which\n"
	      "                      client settings and why, and what to mind\n"
	      "      --check-brokers connect to the clusters, change nothing, and tell what in\n"
	      "                      them endangers the enabled pipelines\n"
	      "  -V, --version       print the version and exit\n"
	      "  -h, --help          print this and exit\n"
	      "\n"
	      "Manual: aloqd(8), aloqd.conf(5), aloqctl(1)\n",
	    out);
}

/* The commands exclude each other; asking twice for the same one is harmless. */
static int choose(struct options *options, enum command command)
{
	if (options->command != COMMAND_RUN && options->command != command) {
		fputs("aloqd: one of -t, --dump-config, --explain, --check-brokers, -V and -h at a time; aloqd -h shows the usage\n",
		    stderr);
		return -EINVAL;
	}
	options->command = command;
	return 0;
}

int options_parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test-config", no_argument, NULL, 't' },
		{ "dump-config", no_argument, NULL, OPTION_DUMP_CONFIG },
		{ "explain", no_argument, NULL, OPTION_EXPLAIN },
		{ "check-brokers", no_argument, NULL, OPTION_CHECK_BROKERS },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options =
	    (struct options){ .command = COMMAND_RUN, .config_file = DEFAULT_CONFIG_FILE, .conf_d = true };
	while ((option = getopt_long(argc, argv, "c:tVh", known, NULL)) != -1) {
		int result = 0;

		switch (option) {
		case 'c':
			options->config_file = optarg;
			options->conf_d = false;
			break;
		case 't':
			result = choose(options, COMMAND_TEST_CONFIG);
			break;
		case OPTION_DUMP_CONFIG:
			result = choose(options, COMMAND_DUMP_CONFIG);
			break;
		case OPTION_EXPLAIN:
			result = choose(options, COMMAND_EXPLAIN);
			break;
		case OPTION_CHECK_BROKERS:
			result = choose(options, COMMAND_CHECK_BROKERS);
			break;
		case 'V':
			result = choose(options, COMMAND_VERSION);
			break;
		case 'h':
			result = choose(options, COMMAND_HELP);
			break;
		default:
			/* getopt_long() has said what is wrong */
			fputs("aloqd -h shows the usage\n", stderr);
			result = -EINVAL;
		}
		if (result < 0)
			return result;
	}
	if (options->command == COMMAND_EXPLAIN && optind < argc)
		options->pipeline = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "aloqd: unexpected argument '%s'; aloqd -h shows the usage\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
