/* aloqctl consume */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/stop.h"
#include "config/timestamp.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/connection.h"
#include "ctl/option_value.h"
#include "ctl/record_line.h"
#include "kafka/topic_reader.h"

enum { POLL_MS = 100, LOOK_RECORDS = 1000, PREFETCH_BYTES = 32 << 20 };

enum beginning { FROM_BEGINNING, FROM_END, FROM_OFFSET, FROM_TIME };

struct consumption {
	const struct call *call;
	enum isolation isolation;
	enum beginning from;
	int64_t from_value; /* the offset, or the time in ms */
	int64_t count;	    /* INT64_MAX: all */
	int64_t partition;  /* -1: all */
	int64_t timeout_ms;
	bool until_end;
	bool values_alone;
};

static int parse_from(struct consumption *consumption)
{
	static const char offset[] = "offset:", time[] = "timestamp:";
	const char *text = call_value(consumption->call, "from");
	char *end;

	if (!text || !strcmp(text, "beginning") || !strcmp(text, "earliest"))
		return 0;
	if (!strcmp(text, "end") || !strcmp(text, "latest")) {
		consumption->from = FROM_END;
		return 0;
	}
	if (!strncmp(text, offset, sizeof offset - 1) && text[sizeof offset - 1] >= '0' &&
	    text[sizeof offset - 1] <= '9') {
		errno = 0;
		consumption->from = FROM_OFFSET;
		consumption->from_value = strtoll(text + sizeof offset - 1, &end, 10);
		if (*end == '\0' && errno == 0)
			return 0;
	}
	if (!strncmp(text, time, sizeof time - 1)) {
		consumption->from = FROM_TIME;
		if (timestamp_parse_ms(text + sizeof time - 1, &consumption->from_value) == 0)
			return 0;
	}
	return call_usage(consumption->call,
	    "--from takes beginning, end, offset:N, or timestamp:TIME with a TIME like 2026-01-31T00:00:00Z or in "
	    "milliseconds since 1970");
}

static int parse(struct consumption *consumption, const struct call *call)
{
	int exit_code = 0;

	*consumption = (struct consumption){
		.call = call,
		.count = INT64_MAX,
		.partition = -1,
		.timeout_ms = 30000,
		.until_end = call_has(call, "until-end"),
		.values_alone = call_has(call, "values"),
	};
	if (call->json && consumption->values_alone)
		return call_usage(call, "--json or --values, not both");
	exit_code = parse_from(consumption);
	if (exit_code == 0)
		exit_code = option_isolation(call, "isolation", &consumption->isolation);
	if (exit_code == 0)
		exit_code = option_number(call, "count", 1, INT64_MAX, &consumption->count);
	if (exit_code == 0)
		exit_code = option_number(call, "partition", 0, INT32_MAX, &consumption->partition);
	if (exit_code == 0)
		exit_code = option_duration_ms(call, "timeout", &consumption->timeout_ms);
	return exit_code;
}

/* Where each partition is read from and to. */
static int set_bounds(const struct consumption *consumption, struct topic_reader *reader, struct error *err)
{
	size_t count;
	struct reader_part *parts = topic_reader_parts(reader, &count);

	if (consumption->from == FROM_TIME && topic_reader_start_at(reader, consumption->from_value, err) < 0)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		struct reader_part *part = &parts[i];

		if (consumption->from == FROM_END)
			part->start = part->log_end;
		else if (consumption->from == FROM_OFFSET && consumption->from_value > part->log_start)
			part->start = consumption->from_value < part->log_end ? consumption->from_value : part->log_end;
		if (consumption->until_end)
			part->end = part->log_end;
		if (consumption->partition >= 0 && part->partition != consumption->partition)
			part->end = part->start;
	}
	return 0;
}

static int print_record(const struct consumption *consumption, const struct reader_part *part,
    const struct read_record *record, struct error *err)
{
	if (consumption->call->json)
		return record_print_json(stdout, part->topic, part->partition, record, err);
	if (consumption->values_alone)
		record_print_value(stdout, record);
	else
		record_print_plain(stdout, part->topic, part->partition, record);
	return 0;
}

/* Until it has all, or is told to stop. */
static int consume(const struct consumption *consumption, struct topic_reader *reader, struct error *err)
{
	size_t part_count;
	const struct reader_part *parts = topic_reader_parts(reader, &part_count);
	struct read_record record;
	int64_t printed = 0;
	bool idle = false;

	while (printed < consumption->count && !topic_reader_done(reader)) {
		int result = topic_reader_poll(reader, idle ? POLL_MS : 0, &record, err);

		if (result > 0) {
			result = print_record(consumption, &parts[record.part], &record, err);
			printed++;
			idle = false;
		} else {
			/* What has been printed is to be seen before it waits. */
			fflush(stdout);
			idle = true;
		}
		if (result < 0)
			return result;
		if ((idle || printed % LOOK_RECORDS == 0) && stop_requested())
			return 0;
		if (ferror(stdout))
			return error_set(err, -EPIPE, REMEDY_PERSON, "cannot write to the standard output");
	}
	return 0;
}

static int add_topics(const struct consumption *consumption, struct topic_reader *reader, struct error *err)
{
	const struct call *call = consumption->call;
	const struct reader_part *parts;
	bool found = consumption->partition < 0;
	size_t count;

	for (int i = 0; i < call->argument_count; i++)
		if (topic_reader_add(reader, call->arguments[i], err) < 0)
			return err->code;
	parts = topic_reader_parts(reader, &count);
	for (size_t i = 0; i < count; i++)
		found |= parts[i].partition == consumption->partition;
	if (!found)
		return error_set(err, -ENOENT, REMEDY_PERSON, "there is no partition %" PRId64, consumption->partition);
	return 0;
}

static int run_with(const struct consumption *consumption, const struct connection *connection)
{
	_cleanup_(topic_reader_freep) struct topic_reader *reader = NULL;
	const struct topic_reader_options options = { .cluster = &connection->cluster,
		.isolation = consumption->isolation,
		.prefetch_bytes = PREFETCH_BYTES,
		.timeout_ms = (int)consumption->timeout_ms };
	struct error err = { 0 };
	int result;

	stop_prepare();
	reader = topic_reader_new(&options, &err);
	if (!reader)
		return connection_fail(consumption->call, &err);
	result = add_topics(consumption, reader, &err);
	if (result == 0)
		result = set_bounds(consumption, reader, &err);
	if (result == 0)
		result = topic_reader_start(reader, &err);
	if (result == 0)
		result = consume(consumption, reader, &err);
	if ((fflush(stdout) == EOF || ferror(stdout)) && result == 0)
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	return result < 0 ? connection_fail(consumption->call, &err) : EX_OK;
}

static int run(const struct call *call)
{
	_cleanup_(connection_close) struct connection connection = { .config = NULL };
	struct consumption consumption;
	int exit_code = parse(&consumption, call);

	if (exit_code == 0)
		exit_code = connection_open(&connection, call, "cluster", "brokers");
	return exit_code ? exit_code : run_with(&consumption, &connection);
}

static const struct command_option options[] = {
	{ "from", '\0', "WHERE", "beginning (default), end, offset:N or timestamp:TIME" },
	{ "until-end", '\0', NULL, "stop where the log ends now, in place of waiting for more" },
	{ "count", '\0', "N", "stop after so many records" },
	{ "partition", '\0', "P", "this partition alone" },
	{ "isolation", '\0', "LEVEL", "read_committed (default) or read_uncommitted" },
	{ "values", '\0', NULL, "print values alone" },
	{ "timeout", '\0', "DURATION", "how long to wait for the brokers' first answers (default: 30s)" },
	CONNECTION_OPTIONS,
	{ NULL, '\0', NULL, NULL },
};

const struct command command_consume = {
	.name = "consume",
	.arguments = "TOPIC...",
	.least = 1,
	.most = -1,
	.help = "print the records of topics; joins no group, commits nothing",
	.options = options,
	.json_help = "print each record as a line of JSON, which loses nothing",
	.asks_no_daemon = true,
	.run = run,
};
