/* latency: how long a record takes from a producer through a relay to a consumer.
 *
 * Produces records at a steady rate into one topic, each with the time (CLOCK_MONOTONIC) in its value, and
 * reads them from another, in one process and so by one clock. --from and --to may be the same topic: that is
 * the path without a relay, the part of the answer that is not the relay's. The records of the first second
 * count for nothing. Prints one line, "p50_us=... p99_us=... records=...". */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "client.h"

enum { WARM_UP_S = 1, PATIENCE_S = 30, FLUSH_MS = 30 * 1000, PROBE_MS = 50, RECORD_BYTES = 100 };
#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_USEC INT64_C(1000)

/* What a value begins with; the rest is padding. */
struct stamp {
	int64_t sent_ns;
	int64_t number; /* counted from 0; PROBE while the path is being opened */
};
enum { PROBE = -1 };

struct options {
	const char *brokers, *from, *to;
	int64_t rate_per_s, seconds;
};

struct bench {
	struct options options;
	int64_t total;
	int64_t *taken_us; /* by record number; -1 not arrived */
	atomic_int_fast64_t arrived;
	atomic_bool open; /* a probe has come through */
	atomic_bool done;
	rd_kafka_t *producer, *consumer;
	rd_kafka_topic_t *from;
	int32_t partitions;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void sleep_until_ns(int64_t when_ns)
{
	const struct timespec when = { .tv_sec = when_ns / NSEC_PER_SEC, .tv_nsec = when_ns % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL))
		;
}

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	if (message->err)
		die(EX_UNAVAILABLE, "latency: not delivered: %s", rd_kafka_err2str(message->err));
}

static void send_stamp(struct bench *bench, int64_t number, int32_t partition)
{
	char value[RECORD_BYTES] = { 0 };
	struct stamp stamp = { .sent_ns = now_ns(), .number = number };

	memcpy(value, &stamp, sizeof stamp);
	if (rd_kafka_produce(
		bench->from, partition, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL) < 0)
		die(EX_UNAVAILABLE, "latency: %s", rd_kafka_err2str(rd_kafka_last_error()));
	rd_kafka_poll(bench->producer, 0);
}

/* ---- the receiving side, a thread ---- */

static void receive(struct bench *bench, const rd_kafka_message_t *message)
{
	int64_t now = now_ns();
	struct stamp stamp;

	if (message->len != RECORD_BYTES)
		die(EX_DATAERR, "latency: a foreign record in %s", bench->options.to);
	memcpy(&stamp, message->payload, sizeof stamp);
	if (stamp.number == PROBE) {
		atomic_store(&bench->open, true);
		return;
	}
	if (stamp.number < 0 || stamp.number >= bench->total)
		die(EX_DATAERR, "latency: a foreign record in %s", bench->options.to);
	/* A repeat is not news. */
	if (bench->taken_us[stamp.number] >= 0)
		return;
	bench->taken_us[stamp.number] = (now - stamp.sent_ns) / NSEC_PER_USEC;
	atomic_fetch_add(&bench->arrived, 1);
}

static void *receive_all(void *argument)
{
	struct bench *bench = argument;

	while (!atomic_load(&bench->done)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(bench->consumer, PROBE_MS);

		if (!message)
			continue;
		if (!message->err)
			receive(bench, message);
		rd_kafka_message_destroy(message);
	}
	return NULL;
}

/* Reads the target from its present end. */
static void open_target(struct bench *bench)
{
	const char *to = bench->options.to;
	rd_kafka_topic_partition_list_t *list;
	int32_t partitions;

	bench->consumer = client_new(RD_KAFKA_CONSUMER,
	    (const struct setting[]){
		{ "bootstrap.servers", bench->options.brokers },
		{ "group.id", "bench-latency" },
		{ "enable.auto.commit", "false" },
		{ "fetch.wait.max.ms", "100" },
		{ "fetch.error.backoff.ms", "10" },
		{ "socket.nagle.disable", "true" },
		{ NULL, NULL },
	    },
	    NULL, NULL);
	rd_kafka_poll_set_consumer(bench->consumer);
	partitions = client_partitions(bench->consumer, to);
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int32_t i = 0; i < partitions; i++) {
		int64_t low, high;
		rd_kafka_resp_err_t code =
		    rd_kafka_query_watermark_offsets(bench->consumer, to, i, &low, &high, FLUSH_MS);

		if (code)
			die(EX_UNAVAILABLE, "latency: %s: %s", to, rd_kafka_err2str(code));
		rd_kafka_topic_partition_list_add(list, to, i)->offset = high;
	}
	rd_kafka_assign(bench->consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
}

/* ---- the sending side ---- */

/* Until one record has come through, the relay may still be joining its group: that is not what is measured.
 */
static void open_path(struct bench *bench)
{
	int64_t give_up_ns = now_ns() + PATIENCE_S * NSEC_PER_SEC;

	for (int32_t i = 0; !atomic_load(&bench->open); i++) {
		if (now_ns() > give_up_ns)
			die(EX_UNAVAILABLE, "latency: nothing has come through from %s to %s in %d s",
			    bench->options.from, bench->options.to, PATIENCE_S);
		send_stamp(bench, PROBE, i % bench->partitions);
		sleep_until_ns(now_ns() + PROBE_MS * (NSEC_PER_SEC / 1000));
	}
}

static void send_all(struct bench *bench)
{
	int64_t interval_ns = NSEC_PER_SEC / bench->options.rate_per_s;
	int64_t start_ns = now_ns();

	for (int64_t i = 0; i < bench->total; i++) {
		sleep_until_ns(start_ns + i * interval_ns);
		send_stamp(bench, i, (int32_t)(i % bench->partitions));
	}
}

static void await_all(struct bench *bench)
{
	int64_t give_up_ns = now_ns() + PATIENCE_S * NSEC_PER_SEC;

	rd_kafka_flush(bench->producer, FLUSH_MS);
	while (atomic_load(&bench->arrived) < bench->total) {
		if (now_ns() > give_up_ns)
			die(EX_UNAVAILABLE, "latency: %" PRId64 " of %" PRId64 " records have arrived",
			    (int64_t)atomic_load(&bench->arrived), bench->total);
		sleep_until_ns(now_ns() + PROBE_MS * (NSEC_PER_SEC / 1000));
	}
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

/* Sorts. */
static int64_t quantile(int64_t *values, size_t count, unsigned percent)
{
	qsort(values, count, sizeof *values, compare);
	return values[count * percent / 100];
}

static void print_result(struct bench *bench)
{
	size_t second = (size_t)bench->options.rate_per_s;
	int64_t *taken_us = bench->taken_us + WARM_UP_S * second;
	size_t count = (size_t)bench->total - WARM_UP_S * second;
	int64_t calm_us = INT64_MAX;

	for (size_t i = 0; i + second <= count; i += second) {
		int64_t p50_us = quantile(taken_us + i, second, 50);

		calm_us = p50_us < calm_us ? p50_us : calm_us;
	}
	printf("calm_us=%" PRId64 " p50_us=%" PRId64 " p99_us=%" PRId64 " records=%zu\n", calm_us,
	    quantile(taken_us, count, 50), quantile(taken_us, count, 99), count);
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "brokers", required_argument, NULL, 'b' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	*options = (struct options){ .rate_per_s = 5000, .seconds = 10 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->brokers = optarg;
			break;
		case 'f':
			options->from = optarg;
			break;
		case 't':
			options->to = optarg;
			break;
		case 'r':
			options->rate_per_s = parse_number("rate", optarg, 1);
			break;
		case 's':
			options->seconds = parse_number("seconds", optarg, WARM_UP_S + 1);
			break;
		default:
			exit(EX_USAGE);
		}
	}
	if (!options->brokers || !options->from || !options->to || optind != argc)
		die(EX_USAGE,
		    "usage: latency --brokers LIST --from TOPIC --to TOPIC [--rate N] [--seconds N]");
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	pthread_t receiver;

	parse_options(argc, argv, &bench.options);
	bench.total = bench.options.rate_per_s * bench.options.seconds;
	bench.taken_us = calloc((size_t)bench.total, sizeof *bench.taken_us);
	if (!bench.taken_us)
		die(EX_OSERR, "latency: no memory");
	for (int64_t i = 0; i < bench.total; i++)
		bench.taken_us[i] = -1;
	bench.producer = client_new(RD_KAFKA_PRODUCER,
	    (const struct setting[]){
		{ "bootstrap.servers", bench.options.brokers },
		{ "log_level", "3" },
		{ "linger.ms", "0" },
		{ "socket.nagle.disable", "true" },
		{ NULL, NULL },
	    },
	    on_report, NULL);
	bench.partitions = client_partitions(bench.producer, bench.options.from);
	bench.from = rd_kafka_topic_new(bench.producer, bench.options.from, NULL);
	open_target(&bench);
	if (pthread_create(&receiver, NULL, receive_all, &bench))
		die(EX_OSERR, "latency: no thread");
	open_path(&bench);
	send_all(&bench);
	await_all(&bench);
	atomic_store(&bench.done, true);
	pthread_join(receiver, NULL);
	print_result(&bench);
	rd_kafka_consumer_close(bench.consumer);
	rd_kafka_destroy(bench.consumer);
	rd_kafka_topic_destroy(bench.from);
	rd_kafka_destroy(bench.producer);
	free(bench.taken_us);
	return 0;
}
