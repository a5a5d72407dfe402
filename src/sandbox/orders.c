/* orders: produces orders at a steady rate and says how many of them the brokers have acknowledged. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/clock.h"
#include "base/stop.h"
#include "kafka/topic_writer.h"
#include "ctl/order.h"
#include "sandbox/arguments.h"
#include "sandbox/commands.h"

enum { POLL_MS = 10, TIMEOUT_MS = 60 * 1000, RATE_MAX = 1000 * 1000, ORDER_BYTES_MAX = 256 };

struct options {
	const char *brokers;
	const char *topic;
	int64_t count;
	int64_t rate; /* orders a second; 0: as fast as it goes */
	int64_t first;
};

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "topic", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "first", required_argument, NULL, 'f' },
		{ 0 },
	};
	int result = 0;
	int option;

	*options = (struct options){ .count = 1000, .first = 1 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->brokers = optarg;
			break;
		case 't':
			options->topic = optarg;
			break;
		case 'n':
			result = argument_integer("count", optarg, 1, ORDER_ID_MAX, &options->count);
			break;
		case 'r':
			result = argument_integer("rate", optarg, 0, RATE_MAX, &options->rate);
			break;
		case 'f':
			result = argument_integer("first", optarg, 1, ORDER_ID_MAX, &options->first);
			break;
		default:
			return -EINVAL;
		}
		if (result < 0)
			return result;
	}
	if (options->count > ORDER_ID_MAX - options->first + 1) {
		fprintf(stderr, "aloq-sandbox orders: ids end at %" PRId64 "\n", ORDER_ID_MAX);
		return -EINVAL;
	}
	if (argument_required("orders", "brokers", options->brokers) < 0 ||
	    argument_required("orders", "topic", options->topic) < 0)
		return -EINVAL;
	return argument_none_left("orders", argc, argv, optind);
}

static int send_order(struct topic_writer *writer, int64_t id, struct error *err)
{
	char json[ORDER_BYTES_MAX];
	struct written_record record;
	struct order order;
	int length;

	order_make(&order, id);
	length = order_encode(&order, json, sizeof json);
	if (length < 0)
		return error_set(err, length, REMEDY_PERSON, "order %" PRId64 ": %s", id, strerror(-length));
	record = (struct written_record){
		.partition = -1,
		.key = order.user,
		.key_bytes = strlen(order.user),
		.value = json,
		.value_bytes = (size_t)length,
	};
	return topic_writer_send(writer, &record, err);
}

/* How many should have been sent by now. */
static int64_t due_count(const struct options *options, int64_t start_us)
{
	int64_t due;

	if (!options->rate)
		return options->count;
	due = (clock_monotonic_us() - start_us) * options->rate / USEC_PER_SEC + 1;
	return due < options->count ? due : options->count;
}

/* Waits until all is reported, which is bounded by the writer's timeout. */
static int await_reports(struct topic_writer *writer, struct error *err)
{
	int result = 0;

	while (result == 0 && topic_writer_pending(writer) > 0)
		result = topic_writer_poll(writer, POLL_MS, err);
	return result;
}

/* Sends them all, or until a signal comes. */
static int produce(struct topic_writer *writer, const struct options *options, struct error *err)
{
	int64_t start_us = clock_monotonic_us();
	int64_t sent = 0;

	while (sent < options->count && !stop_requested()) {
		int64_t due = due_count(options, start_us);
		int result = 0;

		while (sent < due && result == 0) {
			result = send_order(writer, options->first + sent, err);
			if (result == 0)
				sent++;
		}
		if (result == 0 || result == -EAGAIN)
			result = topic_writer_poll(writer, sent < options->count ? POLL_MS : 0, err);
		if (result < 0)
			return result;
	}
	return await_reports(writer, err);
}

static void tell_failures(const struct write_counts *counts)
{
	for (size_t i = 0; i < counts->failure_count; i++)
		fprintf(stderr, "aloq-sandbox orders: %" PRIu64 " orders failed: %s\n", counts->failures[i].records,
		    counts->failures[i].reason);
}

int command_orders(int argc, char **argv)
{
	_cleanup_(topic_writer_freep) struct topic_writer *writer = NULL;
	struct config_cluster cluster = { .name = (char *)"sandbox" };
	struct topic_writer_options writer_options = { .cluster = &cluster, .acks = ACKS_ALL, .timeout_ms = TIMEOUT_MS };
	const struct write_counts *counts;
	struct options options;
	struct error err;
	int64_t start_us = clock_monotonic_us();
	bool complete;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	stop_prepare();
	cluster.brokers = (char *)(uintptr_t)options.brokers;
	writer_options.topic = options.topic;
	writer = topic_writer_new(&writer_options, &err);
	if (!writer) {
		fprintf(stderr, "aloq-sandbox orders: %s\n", err.message);
		return EX_UNAVAILABLE;
	}
	complete = produce(writer, &options, &err) == 0;
	if (!complete)
		fprintf(stderr, "aloq-sandbox orders: %s\n", err.message);
	counts = topic_writer_counts(writer);
	tell_failures(counts);
	printf("%" PRIu64 " orders produced, %" PRIu64 " delivered, in %.1f s\n", counts->sent, counts->delivered,
	    (double)(clock_monotonic_us() - start_us) / (double)USEC_PER_SEC);
	return complete && counts->delivered == counts->sent ? EX_OK : EX_UNAVAILABLE;
}
