/* track: prints orders as they arrive in a topic. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>
#include "base/stop.h"
#include "kafka/topic_reader.h"
#include "ctl/order.h"
#include "sandbox/arguments.h"
#include "sandbox/commands.h"
#include "sandbox/id_set.h"

enum { POLL_MS = 100, PREFETCH_BYTES = 16 << 20, ANSWER_MS = 10 * 1000 };

struct options {
	const char *brokers;
	const char *topic;
	int64_t count; /* end after so many different orders; 0: never */
	int64_t every; /* print each so manieth */
};

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "topic", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'e' },
		{ 0 },
	};
	int result = 0;
	int option;

	*options = (struct options){ .every = 1 };
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
		case 'e':
			result = argument_integer("every", optarg, 1, ORDER_ID_MAX, &options->every);
			break;
		default:
			return -EINVAL;
		}
		if (result < 0)
			return result;
	}
	if (argument_required("track", "brokers", options->brokers) < 0 ||
	    argument_required("track", "topic", options->topic) < 0)
		return -EINVAL;
	return argument_none_left("track", argc, argv, optind);
}

struct tracker {
	const struct options *options;
	struct id_set seen;
	uint64_t arrivals;
	uint64_t repeats;
};

/* Prints each so manieth order, each so manieth repeat, and every record that is no order. */
static void track_record(struct tracker *tracker, const struct read_record *record, int32_t partition)
{
	struct order order;
	uint64_t number;
	bool is_new;

	tracker->arrivals++;
	if (order_decode(&order, record->value, record->value_bytes) < 0) {
		printf("not an order   partition %" PRId32 " offset %" PRId64 "\n", partition,
		    record->offset);
		return;
	}
	is_new = id_set_add(&tracker->seen, order.id);
	number = is_new ? tracker->seen.members : ++tracker->repeats;
	if (number % (uint64_t)tracker->options->every != 0)
		return;
	printf("order %6" PRId64 "  %-6s %2" PRId64 " x %-8s partition %" PRId32 " offset %" PRId64 "%s\n",
	    order.id, order.user, order.quantity, order.item, partition, record->offset,
	    is_new ? "" : "  again");
}

static bool is_complete(const struct tracker *tracker)
{
	return tracker->options->count && tracker->seen.members >= (uint64_t)tracker->options->count;
}

static int track(struct tracker *tracker, struct topic_reader *reader, struct error *err)
{
	size_t count;
	const struct reader_part *parts = topic_reader_parts(reader, &count);
	struct read_record record;
	int timeout_ms = 0;

	while (!is_complete(tracker)) {
		int result = topic_reader_poll(reader, timeout_ms, &record, err);

		if (result < 0)
			return result;
		if (result > 0)
			track_record(tracker, &record, parts[record.part].partition);
		if (result == 0 || timeout_ms) {
			/* What has been printed is to be seen before it waits. */
			fflush(stdout);
			if (stop_requested())
				return 0;
		}
		timeout_ms = result > 0 ? 0 : POLL_MS;
	}
	return 0;
}

int command_track(int argc, char **argv)
{
	_cleanup_(topic_reader_freep) struct topic_reader *reader = NULL;
	struct config_cluster cluster = { .name = (char *)"sandbox" };
	const struct topic_reader_options reader_options = {
		.cluster = &cluster, .prefetch_bytes = PREFETCH_BYTES, .timeout_ms = ANSWER_MS
	};
	struct options options;
	struct tracker tracker = { .options = &options };
	struct error err;
	int result;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	stop_prepare();
	cluster.brokers = (char *)(uintptr_t)options.brokers;
	reader = topic_reader_new(&reader_options, &err);
	if (!reader || topic_reader_add(reader, options.topic, &err) < 0 || topic_reader_start(reader, &err) < 0) {
		fprintf(stderr, "aloq-sandbox track: %s\n", err.message);
		return EX_UNAVAILABLE;
	}
	result = track(&tracker, reader, &err);
	if (result < 0)
		fprintf(stderr, "aloq-sandbox track: %s\n", err.message);
	printf("%" PRIu64 " orders arrived, %" PRIu64 " of them different, %" PRIu64 " again\n",
	    tracker.arrivals, tracker.seen.members, tracker.repeats);
	id_set_clear(&tracker.seen);
	return result < 0 ? EX_UNAVAILABLE : EX_OK;
}
