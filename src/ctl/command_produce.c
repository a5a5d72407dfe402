/* aloqctl produce */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "ctl/commands.h"
#include "ctl/connection.h"
#include "ctl/line_reader.h"
#include "ctl/option_value.h"
#include "ctl/order.h"
#include "ctl/record_line.h"
#include "kafka/topic_writer.h"

enum { POLL_MS = 100, SERVE_RECORDS = 256, ORDER_BYTES_MAX = 256, RATE_MAX = 1000 * 1000 };

/* What was asked for, and how far it is. */
struct production {
	const struct call *call;
	const char *topic;
	const char *key, *key_separator; /* NULL: none */
	struct written_header *headers;	 /* of every record */
	size_t header_count;
	int64_t partition; /* -1: by key, or any */
	int64_t orders;	   /* 0: none */
	int64_t first_order;
	int64_t rate; /* a second; 0: as fast as it goes */
	bool abort;
	int64_t transaction_records; /* INT64_MAX: all in one */
	struct topic_writer_options writer_options;

	struct topic_writer *writer;
	bool in_transaction;
	int64_t open_records; /* of it */
	uint64_t failed_before; /* it began */
	uint64_t committed, aborted; /* transactions */
	int64_t begun_us;
};

/* ---- options ---- */

static int parse_acks(struct production *production)
{
	const char *text = call_value(production->call, "acks");

	production->writer_options.acks = ACKS_ALL;
	if (!text || !strcmp(text, "all") || !strcmp(text, "-1"))
		return 0;
	if (production->writer_options.transactional_id)
		return call_usage(production->call, "transactions have acks all");
	if (!strcmp(text, "1"))
		production->writer_options.acks = ACKS_LEADER;
	else if (!strcmp(text, "0"))
		production->writer_options.acks = ACKS_NONE;
	else
		return call_usage(production->call, "--acks takes all, 1 or 0");
	return 0;
}

static int parse_headers(struct production *production)
{
	const char *text;
	size_t i = 0;

	while ((text = call_next_value(production->call, "header", &i)) != NULL) {
		const char *equals = strchr(text, '=');

		if (!equals)
			return call_usage(production->call, "--header takes NAME=VALUE");
		production->headers =
		    xreallocarray(production->headers, production->header_count + 1, sizeof *production->headers);
		production->headers[production->header_count++] = (struct written_header){
			.name = text,
			.name_bytes = (size_t)(equals - text),
			.value = equals + 1,
			.value_bytes = strlen(equals + 1),
		};
	}
	return 0;
}

/* What contradicts itself. */
static int check(const struct production *production)
{
	const struct call *call = production->call;
	int sources = (production->orders > 0) + call_has(call, "file") + (call->argument_count > 1);

	if (sources > 1)
		return call_usage(call, "one of --orders, --file and files of lines at a time");
	if (call->json && (production->orders > 0 || call_has(call, "file") || production->key ||
			      production->key_separator || production->header_count > 0))
		return call_usage(call, "with --json each line says all of its record");
	if (production->key && production->key_separator)
		return call_usage(call, "--key or --key-separator, not both");
	if (production->key_separator && !*production->key_separator)
		return call_usage(call, "--key-separator is empty");
	if (production->orders > 0 && (production->key || production->key_separator))
		return call_usage(call, "the key of an order is its user");
	if (production->orders > ORDER_ID_MAX - production->first_order + 1)
		return call_usage(call, "ids of orders end at %" PRId64, ORDER_ID_MAX);
	if (!production->writer_options.transactional_id &&
	    (production->abort || call_has(call, "transaction-records") || call_has(call, "transaction-timeout")))
		return call_usage(call, "transactions need --transactional-id");
	return 0;
}

static int parse(struct production *production, const struct call *call)
{
	int exit_code;

	*production = (struct production){
		.call = call,
		.topic = call->arguments[0],
		.key = call_value(call, "key"),
		.key_separator = call_value(call, "key-separator"),
		.partition = -1,
		.first_order = 1,
		.abort = call_has(call, "abort"),
		.transaction_records = INT64_MAX,
		.writer_options = { .topic = call->arguments[0],
		    .transactional_id = call_value(call, "transactional-id"),
		    .transaction_timeout_ms = 60000,
		    .timeout_ms = 30000 },
	};
	exit_code = parse_acks(production);
	if (exit_code == 0)
		exit_code = parse_headers(production);
	if (exit_code == 0)
		exit_code = option_number(call, "partition", 0, INT32_MAX, &production->partition);
	if (exit_code == 0)
		exit_code = option_number(call, "orders", 1, ORDER_ID_MAX, &production->orders);
	if (exit_code == 0)
		exit_code = option_number(call, "first-order", 1, ORDER_ID_MAX, &production->first_order);
	if (exit_code == 0)
		exit_code = option_number(call, "rate", 1, RATE_MAX, &production->rate);
	if (exit_code == 0)
		exit_code =
		    option_number(call, "transaction-records", 1, INT64_MAX, &production->transaction_records);
	if (exit_code == 0)
		exit_code = option_duration_ms(
		    call, "transaction-timeout", &production->writer_options.transaction_timeout_ms);
	if (exit_code == 0)
		exit_code = option_duration_ms(call, "timeout", &production->writer_options.timeout_ms);
	return exit_code ? exit_code : check(production);
}

/* ---- transactions ---- */

/* Waits until all is reported. -EINTR: told to stop. */
static int await_reports(struct production *production, struct error *err)
{
	while (topic_writer_pending(production->writer) > 0) {
		if (topic_writer_poll(production->writer, POLL_MS, err) < 0)
			return err->code;
		if (stop_requested())
			return error_set(err, -EINTR, REMEDY_NONE, "stopped before all was acknowledged");
	}
	return 0;
}

static uint64_t failed_in_transaction(const struct production *production)
{
	return topic_writer_counts(production->writer)->failed - production->failed_before;
}

static int begin(struct production *production, struct error *err)
{
	if (!production->writer_options.transactional_id || production->in_transaction)
		return 0;
	if (topic_writer_begin(production->writer, err) < 0)
		return err->code;
	production->in_transaction = true;
	production->open_records = 0;
	production->failed_before = topic_writer_counts(production->writer)->failed;
	return 0;
}

static int abort_transaction(struct production *production, struct error *err)
{
	if (topic_writer_abort(production->writer, err) < 0)
		return err->code;
	production->in_transaction = false;
	production->aborted++;
	return 0;
}

/* Ends the open one as was asked; one with a failed record is aborted, which is an error. */
static int end_transaction(struct production *production, struct error *err)
{
	if (!production->in_transaction)
		return 0;
	if (await_reports(production, err) < 0)
		return err->code;
	if (production->abort)
		return abort_transaction(production, err);
	if (failed_in_transaction(production) > 0) {
		if (abort_transaction(production, err) < 0)
			return err->code;
		return error_set(err, -EIO, REMEDY_PERSON, "a record has failed, so its transaction was aborted");
	}
	if (topic_writer_commit(production->writer, err) < 0)
		return err->code;
	production->in_transaction = false;
	production->committed++;
	return 0;
}

/* After an error: nothing of an open one is to stay until the brokers' timeout. */
static void leave_no_transaction(struct production *production)
{
	struct error err = { 0 };

	if (production->in_transaction && abort_transaction(production, &err) < 0)
		connection_fail(production->call, &err);
}

/* ---- records ---- */

/* Waits until the next one is due, and serves the producer. -EINTR: told to stop. */
static int await_due(struct production *production, struct error *err)
{
	uint64_t sent = topic_writer_counts(production->writer)->sent;
	int64_t due_us = 0;

	if (production->rate > 0)
		due_us = production->begun_us + (int64_t)(sent * (uint64_t)USEC_PER_SEC / (uint64_t)production->rate);
	if (due_us <= clock_monotonic_us() && sent % SERVE_RECORDS != 0)
		return 0;
	do {
		int64_t wait_ms = (due_us - clock_monotonic_us()) / USEC_PER_MSEC;

		wait_ms = wait_ms < 0 ? 0 : wait_ms > POLL_MS ? POLL_MS : wait_ms;
		if (topic_writer_poll(production->writer, (int)wait_ms, err) < 0)
			return err->code;
		if (stop_requested())
			return error_set(err, -EINTR, REMEDY_NONE, "stopped");
	} while (due_us > clock_monotonic_us());
	return 0;
}

static int send_record(struct production *production, const struct written_record *record, struct error *err)
{
	int result = await_due(production, err);

	if (result == 0 && record->partition >= topic_writer_partitions(production->writer))
		return error_set(err, -EDOM, REMEDY_PERSON, "topic \"%s\" has no partition %" PRId32, production->topic,
		    record->partition);
	if (result == 0)
		result = begin(production, err);
	while (result == 0 && (result = topic_writer_send(production->writer, record, err)) == -EAGAIN) {
		result = topic_writer_poll(production->writer, POLL_MS, err);
		if (result == 0 && stop_requested())
			return error_set(err, -EINTR, REMEDY_NONE, "stopped");
	}
	if (result == 0 && production->in_transaction && ++production->open_records >= production->transaction_records)
		result = end_transaction(production, err);
	return result;
}

/* What the options say of every record. */
static struct written_record template_of(const struct production *production)
{
	return (struct written_record){
		.partition = (int32_t)production->partition,
		.key = production->key,
		.key_bytes = production->key ? strlen(production->key) : 0,
		.headers = production->headers,
		.header_count = production->header_count,
	};
}

static int send_plain_line(struct production *production, const char *line, size_t length, struct error *err)
{
	struct written_record record = template_of(production);

	record.value = line;
	record.value_bytes = length;
	if (production->key_separator) {
		size_t separator_length = strlen(production->key_separator);
		const char *found = memmem(line, length, production->key_separator, separator_length);

		if (!found)
			return error_set(err, -EBADMSG, REMEDY_PERSON, "it has no key: there is no separator in it");
		record.key = line;
		record.key_bytes = (size_t)(found - line);
		record.value = found + separator_length;
		record.value_bytes = length - record.key_bytes - separator_length;
	}
	return send_record(production, &record, err);
}

static int send_line(struct production *production, struct parsed_record *parsed, const char *line, size_t length,
    struct error *err)
{
	if (!production->call->json)
		return send_plain_line(production, line, length, err);
	if (record_parse_json(parsed, line, length, err) < 0)
		return err->code;
	if (production->partition >= 0)
		parsed->record.partition = (int32_t)production->partition;
	return send_record(production, &parsed->record, err);
}

/* ---- where they come from ---- */

static int send_lines(struct production *production, int fd, const char *name, struct error *err)
{
	_cleanup_(line_reader_clear) struct line_reader reader;
	_cleanup_(parsed_record_clear) struct parsed_record parsed = { .texts = NULL };
	const char *line;
	size_t length;
	uint64_t number = 0;
	int result = 0;

	line_reader_init(&reader, fd);
	while (result >= 0) {
		result = line_reader_next(&reader, POLL_MS, &line, &length, err);
		if (result > 0) {
			number++;
			result = send_line(production, &parsed, line, length, err);
			if (result == -EBADMSG || result == -EDOM)
				error_prefix(err, "%s, line %" PRIu64, name, number);
		} else if (result == 0) {
			result = topic_writer_poll(production->writer, 0, err);
			if (result == 0 && stop_requested())
				result = error_set(err, -EINTR, REMEDY_NONE, "stopped");
		}
	}
	return result == -ENODATA ? 0 : result;
}

static int open_input(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : error_set(err, -ENOENT, REMEDY_PERSON, "%s: %s", path, strerror(errno));
}

static int send_files_of_lines(struct production *production, struct error *err)
{
	const struct call *call = production->call;
	int result = 0;

	if (call->argument_count == 1)
		return send_lines(production, STDIN_FILENO, "standard input", err);
	for (int i = 1; i < call->argument_count && result == 0; i++) {
		_cleanup_close_ int fd = open_input(call->arguments[i], err);

		result = fd < 0 ? fd : send_lines(production, fd, call->arguments[i], err);
	}
	return result;
}

/* The whole of it; the caller frees. */
static int read_whole(const char *path, char **bytes, size_t *size, struct error *err)
{
	_cleanup_close_ int fd = open_input(path, err);
	size_t capacity = 0;

	*bytes = NULL;
	*size = 0;
	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t count;

		if (*size == capacity) {
			capacity = capacity * 2 + (64 << 10);
			if (capacity > (size_t)4 * LINE_BYTES_MAX)
				return error_set(err, -EBADMSG, REMEDY_PERSON, "%s is too large for a record", path);
			*bytes = xreallocarray(*bytes, capacity, 1);
		}
		count = read(fd, *bytes + *size, capacity - *size);
		if (count < 0 && errno != EINTR)
			return error_set(err, -ENOENT, REMEDY_PERSON, "%s: %s", path, strerror(errno));
		if (count == 0)
			return 0;
		*size += count > 0 ? (size_t)count : 0;
	}
}

static int send_whole_files(struct production *production, struct error *err)
{
	const char *path;
	size_t i = 0;
	int result = 0;

	while (result == 0 && (path = call_next_value(production->call, "file", &i)) != NULL) {
		struct written_record record = template_of(production);
		_cleanup_free_ char *bytes = NULL;

		result = read_whole(path, &bytes, &record.value_bytes, err);
		record.value = bytes;
		if (result == 0)
			result = send_record(production, &record, err);
	}
	return result;
}

static int send_orders(struct production *production, struct error *err)
{
	int result = 0;

	for (int64_t i = 0; i < production->orders && result == 0; i++) {
		struct written_record record = template_of(production);
		char json[ORDER_BYTES_MAX];
		struct order order;
		int length;

		order_make(&order, production->first_order + i);
		length = order_encode(&order, json, sizeof json);
		if (length < 0)
			return error_set(err, length, REMEDY_PERSON, "order %" PRId64 ": %s", order.id, strerror(-length));
		record.key = order.user;
		record.key_bytes = strlen(order.user);
		record.value = json;
		record.value_bytes = (size_t)length;
		result = send_record(production, &record, err);
	}
	return result;
}

static int send_all(struct production *production, struct error *err)
{
	if (production->orders > 0)
		return send_orders(production, err);
	if (call_has(production->call, "file"))
		return send_whole_files(production, err);
	return send_files_of_lines(production, err);
}

/* ---- the whole ---- */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void tell(const struct production *production)
{
	const struct write_counts *counts = topic_writer_counts(production->writer);

	printf("%s: %" PRIu64 " record%s %s", production->topic, counts->delivered, plural(counts->delivered),
	    production->writer_options.acks == ACKS_NONE ? "sent, which with acks 0 nobody acknowledges" : "acknowledged");
	if (production->committed > 0)
		printf(", %" PRIu64 " transaction%s committed", production->committed, plural(production->committed));
	if (production->aborted > 0)
		printf(", %" PRIu64 " transaction%s aborted", production->aborted, plural(production->aborted));
	putchar('\n');
	fflush(stdout);
	for (size_t i = 0; i < counts->failure_count; i++)
		fprintf(stderr, "aloqctl produce: %" PRIu64 " record%s failed: %s\n", counts->failures[i].records,
		    plural(counts->failures[i].records), counts->failures[i].reason);
	if (topic_writer_pending(production->writer) > 0)
		fprintf(stderr, "aloqctl produce: what became of %zu records is not known\n",
		    topic_writer_pending(production->writer));
}

static int exit_code_of(int result, const struct error *err)
{
	switch (result) {
	case -EINTR:
		return EX_TEMPFAIL;
	case -EBADMSG:
	case -EDOM:
	case -EMSGSIZE:
		return EX_DATAERR;
	case -ENOENT:
		return EX_NOINPUT;
	default:
		return connection_exit_code(err);
	}
}

static int produce(struct production *production)
{
	struct error err = { 0 }, late = { 0 };
	int result;

	production->begun_us = clock_monotonic_us();
	result = send_all(production, &err);
	if (result == 0)
		result = end_transaction(production, &err);
	if (result == 0)
		result = await_reports(production, &err);
	if (result < 0) {
		connection_fail(production->call, &err);
		leave_no_transaction(production);
		/* What was taken before the error is not given up, unless it is for that reason. */
		if (result != -EINTR && await_reports(production, &late) < 0)
			connection_fail(production->call, &late);
	}
	tell(production);
	if (result < 0)
		return exit_code_of(result, &err);
	return topic_writer_counts(production->writer)->failed > 0 ? EX_UNAVAILABLE : EX_OK;
}

static int run(const struct call *call)
{
	_cleanup_(connection_close) struct connection connection = { .config = NULL };
	_cleanup_(topic_writer_freep) struct topic_writer *writer = NULL;
	struct production production;
	struct error err = { 0 };
	int exit_code = parse(&production, call);

	if (exit_code == 0)
		exit_code = connection_open(&connection, call, "cluster", "brokers");
	if (exit_code == 0) {
		stop_prepare();
		production.writer_options.cluster = &connection.cluster;
		production.writer = writer = topic_writer_new(&production.writer_options, &err);
		exit_code = writer ? produce(&production) : connection_fail(call, &err);
	}
	free(production.headers);
	return exit_code;
}

static const struct command_option options[] = {
	{ "key-separator", '\0', "TEXT", "what stands before it in a line is the record's key" },
	{ "file", '\0', "PATH", "a whole file as one record; may be given again" },
	{ "orders", '\0', "N", "so many orders, as JSON: id, user, item, quantity; by user" },
	{ "first-order", '\0', "ID", "the id of the first order (default: 1)" },
	{ "key", '\0', "TEXT", "the key of every record (default: null)" },
	{ "header", '\0', "NAME=VALUE", "a header of every record; may be given again" },
	{ "partition", '\0', "P", "where to write (default: by the key, or anywhere)" },
	{ "rate", '\0', "R", "at most so many records a second" },
	{ "acks", '\0', "N", "all (default), 1 or 0" },
	{ "transactional-id", '\0', "ID", "write in transactions by this id" },
	{ "transaction-records", '\0', "N", "so many records in each (default: all in one)" },
	{ "transaction-timeout", '\0', "DURATION", "brokers abort one open for so long (default: 60s)" },
	{ "abort", '\0', NULL, "abort the transactions in place of committing them" },
	{ "timeout", '\0', "DURATION", "how long to wait for the brokers (default: 30s)" },
	CONNECTION_OPTIONS,
	{ NULL, '\0', NULL, NULL },
};

const struct command command_produce = {
	.name = "produce",
	.arguments = "TOPIC [FILE...]",
	.least = 1,
	.most = -1,
	.help = "write records: lines of files or of the standard input, orders",
	.options = options,
	.json_help = "lines are JSON, as aloqctl consume --json prints them",
	.asks_no_daemon = true,
	.run = run,
};
