/* orders: produces orders at a steady rate and says how many of them the brokers have acknowledged. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "base/clock.h"
#include "base/stop.h"
#include "kafka/simple_producer.h"
#include "ctl/order.h"
#include "sandbox/arguments.h"
#include "sandbox/commands.h"

enum { POLL_MS = 10, FLUSH_MS = 60 * 1000, RATE_MAX = 1000 * 1000, ORDER_BYTES_MAX = 256 };

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

static int send_order(struct simple_producer *producer, int64_t id, struct error *err)
{
	char json[ORDER_BYTES_MAX];
	struct order order;
	int length;

	order_make(&order, id);
	length = order_encode(&order, json, sizeof json);
	if (length < 0)
		return error_set(err, length, REMEDY_PERSON, "order %" PRId64 ": %s", id, strerror(-length));
	return simple_producer_send(producer, order.user, strlen(order.user), json, (size_t)length, err);
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

/* Sends them all, or until a signal comes. */
static int produce(struct simple_producer *producer, const struct options *options, struct error *err)
{
	int64_t start_us = clock_monotonic_us();
	int64_t sent = 0;

	while (sent < options->count && !stop_requested()) {
		int64_t due = due_count(options, start_us);
		int result = 0;

		while (sent < due && result == 0) {
			result = send_order(producer, options->first + sent, err);
			if (result == 0)
				sent++;
		}
		if (result < 0 && result != -EAGAIN)
			return result;
		simple_producer_poll(producer, sent < options->count ? POLL_MS : 0);
	}
	return simple_producer_flush(producer, FLUSH_MS, err);
}

int command_orders(int argc, char **argv)
{
	_cleanup_(simple_producer_freep) struct simple_producer *producer = NULL;
	const struct simple_producer_counters *counters;
	struct options options;
	struct error err;
	int64_t start_us = clock_monotonic_us();
	bool complete;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	stop_prepare();
	producer = simple_producer_new(options.brokers, options.topic, &err);
	if (!producer) {
		fprintf(stderr, "aloq-sandbox orders: %s\n", err.message);
		return EX_UNAVAILABLE;
	}
	complete = produce(producer, &options, &err) == 0;
	if (!complete)
		fprintf(stderr, "aloq-sandbox orders: %s\n", err.message);
	counters = simple_producer_counters(producer);
	if (counters->failed)
		fprintf(stderr, "aloq-sandbox orders: %" PRIu64 " orders failed: %s\n", counters->failed,
		    simple_producer_last_error(producer));
	printf("%" PRIu64 " orders produced, %" PRIu64 " delivered, in %.1f s\n", counters->sent,
	    counters->delivered, (double)(clock_monotonic_us() - start_us) / (double)USEC_PER_SEC);
	return complete && counters->delivered == counters->sent ? EX_OK : EX_UNAVAILABLE;
}
