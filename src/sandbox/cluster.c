/* cluster: runs a mock cluster until SIGTERM or SIGINT. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/stop.h"
#include "kafka/mock_cluster.h"
#include "sandbox/arguments.h"
#include "sandbox/commands.h"

enum { TOPICS_MAX = 64, PARTITIONS_MAX = 1000 };

struct options {
	int64_t brokers;
	const char *topics[TOPICS_MAX]; /* NAME:PARTITIONS */
	size_t topic_count;
	const char *ready_file;
};

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "topic", required_argument, NULL, 't' },
		{ "ready-file", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	*options = (struct options){ .brokers = 1 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			if (argument_integer("brokers", optarg, 1, MOCK_BROKERS_MAX, &options->brokers) < 0)
				return -EINVAL;
			break;
		case 't':
			if (options->topic_count == TOPICS_MAX) {
				fprintf(stderr, "aloq-sandbox cluster: at most %d topics\n", TOPICS_MAX);
				return -EINVAL;
			}
			options->topics[options->topic_count++] = optarg;
			break;
		case 'r':
			options->ready_file = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	return argument_none_left("cluster", argc, argv, optind);
}

static int create_topic(struct mock_cluster *cluster, const char *topic)
{
	const char *colon = strrchr(topic, ':');
	_cleanup_free_ char *name = NULL;
	int64_t partitions;
	struct error err;

	if (!colon || colon == topic) {
		fprintf(stderr, "aloq-sandbox cluster: --topic %s: NAME:PARTITIONS is wanted\n", topic);
		return EX_USAGE;
	}
	if (argument_integer("topic", colon + 1, 1, PARTITIONS_MAX, &partitions) < 0)
		return EX_USAGE;
	name = xstrndup(topic, (size_t)(colon - topic));
	if (mock_cluster_create_topic(cluster, name, (int)partitions, &err) < 0) {
		fprintf(stderr, "aloq-sandbox cluster: %s\n", err.message);
		return EX_SOFTWARE;
	}
	return EX_OK;
}

/* Appears whole or not at all: whoever waits for it may read it at once. */
static int write_ready_file(const char *path, const char *brokers)
{
	_cleanup_free_ char *draft = xasprintf("%s.new", path);
	_cleanup_fclose_ FILE *file = fopen(draft, "we");

	if (!file || fprintf(file, "bootstrap.servers=%s\n", brokers) < 0 || fflush(file) != 0 ||
	    rename(draft, path) != 0) {
		fprintf(stderr, "aloq-sandbox cluster: --ready-file %s: %s\n", path, strerror(errno));
		return EX_CANTCREAT;
	}
	return EX_OK;
}

int command_cluster(int argc, char **argv)
{
	_cleanup_(mock_cluster_freep) struct mock_cluster *cluster = NULL;
	struct options options;
	struct error err;
	int code;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	stop_prepare();
	cluster = mock_cluster_new((int)options.brokers, &err);
	if (!cluster) {
		fprintf(stderr, "aloq-sandbox cluster: %s\n", err.message);
		return EX_UNAVAILABLE;
	}
	for (size_t i = 0; i < options.topic_count; i++) {
		code = create_topic(cluster, options.topics[i]);
		if (code != EX_OK)
			return code;
	}
	printf("bootstrap.servers=%s\n", mock_cluster_brokers(cluster));
	fflush(stdout);
	if (options.ready_file) {
		code = write_ready_file(options.ready_file, mock_cluster_brokers(cluster));
		if (code != EX_OK)
			return code;
	}
	stop_wait();
	return EX_OK;
}
