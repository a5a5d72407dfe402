/* fill: writes so many records of one size into a topic, evenly over its partitions. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "client.h"

enum { FLUSH_MS = 60 * 1000, FULL_WAIT_MS = 10, SERVE_EVERY = 1000, RECORD_BYTES_MAX = 900 * 1000 };

struct options {
	const char *brokers, *topic;
	int64_t records, record_bytes;
};

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	uint64_t *delivered = opaque;

	if (message->err)
		die(EX_UNAVAILABLE, "fill: not delivered: %s", rd_kafka_err2str(message->err));
	++*delivered;
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "topic", required_argument, NULL, 't' },
		{ "records", required_argument, NULL, 'n' },
		{ "bytes", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	*options = (struct options){ .record_bytes = 100 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->brokers = optarg;
			break;
		case 't':
			options->topic = optarg;
			break;
		case 'n':
			options->records = parse_number("records", optarg, 1);
			break;
		case 's':
			options->record_bytes = parse_number("bytes", optarg, 1);
			break;
		default:
			exit(EX_USAGE);
		}
	}
	if (!options->brokers || !options->topic || !options->records ||
	    options->record_bytes > RECORD_BYTES_MAX || optind != argc)
		die(EX_USAGE, "usage: fill --brokers LIST --topic TOPIC --records N [--bytes 1..%d]",
		    RECORD_BYTES_MAX);
}

int main(int argc, char **argv)
{
	struct options options;
	uint64_t delivered = 0;
	/* Values are cut from it at moving places, so that they are neither equal nor random data. */
	static char pattern[2 * RECORD_BYTES_MAX];
	rd_kafka_t *producer;
	rd_kafka_topic_t *topic;
	int32_t partitions;

	parse_options(argc, argv, &options);
	producer = client_new(RD_KAFKA_PRODUCER,
	    (const struct setting[]){
		{ "bootstrap.servers", options.brokers },
		{ "enable.idempotence", "true" },
		{ "log_level", "3" },
		{ "linger.ms", "50" },
		{ "queue.buffering.max.messages", "200000" },
		{ NULL, NULL },
	    },
	    on_report, &delivered);
	partitions = client_partitions(producer, options.topic);
	topic = rd_kafka_topic_new(producer, options.topic, NULL);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (char)('a' + (i * 7 + i / 26) % 26);

	for (int64_t i = 0; i < options.records; i++) {
		int32_t partition = (int32_t)(i % partitions);

		while (rd_kafka_produce(topic, partition, 0, pattern + i % RECORD_BYTES_MAX,
			   (size_t)options.record_bytes, NULL, 0, NULL) < 0) {
			if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
				die(EX_UNAVAILABLE, "fill: %s", rd_kafka_err2str(rd_kafka_last_error()));
			rd_kafka_poll(producer, FULL_WAIT_MS);
		}
		if (i % SERVE_EVERY == 0)
			rd_kafka_poll(producer, 0);
	}
	rd_kafka_flush(producer, FLUSH_MS);
	if (delivered != (uint64_t)options.records)
		die(EX_UNAVAILABLE, "fill: %" PRIu64 " of %" PRId64 " records were delivered", delivered,
		    options.records);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(producer);
	return 0;
}
