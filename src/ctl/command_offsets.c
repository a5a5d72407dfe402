/* aloqctl offsets */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "config/timestamp.h"
#include "ctl/answer.h"
#include "ctl/commands.h"
#include "ctl/connection.h"
#include "ctl/offsets_file.h"
#include "ctl/option_value.h"
#include "ctl/table.h"
#include "kafka/group_offsets.h"

enum { FILE_BYTES_MAX = 64 << 20 };

enum destination { TO_EARLIEST, TO_LATEST, TO_OFFSET, TO_TIME };

struct job {
	const struct call *call;
	const char *pipeline; /* NULL: a group by its name */
	const char *group;
	char *const *topics; /* all partitions of these are looked at */
	size_t topic_count;
	int64_t partition; /* -1: all */
	bool dry_run;
	enum destination to;
	int64_t to_value;
	int64_t timeout_ms;
	struct group_client *client;
	struct group_offsets offsets;
};

/* ---- options ---- */

static int parse_destination(struct job *job)
{
	static const char offset[] = "offset:", time[] = "timestamp:";
	const char *text = call_value(job->call, "to");
	char *end;

	if (!text)
		return call_usage(job->call, "seek needs --to");
	if (!strcmp(text, "earliest")) {
		job->to = TO_EARLIEST;
		return 0;
	}
	if (!strcmp(text, "latest")) {
		job->to = TO_LATEST;
		return 0;
	}
	if (!strncmp(text, offset, sizeof offset - 1) && text[sizeof offset - 1] >= '0' &&
	    text[sizeof offset - 1] <= '9') {
		errno = 0;
		job->to = TO_OFFSET;
		job->to_value = strtoll(text + sizeof offset - 1, &end, 10);
		if (*end == '\0' && errno == 0)
			return 0;
	}
	if (!strncmp(text, time, sizeof time - 1)) {
		job->to = TO_TIME;
		if (timestamp_parse_ms(text + sizeof time - 1, &job->to_value) == 0)
			return 0;
	}
	return call_usage(job->call, "--to takes earliest, latest, offset:N, or timestamp:TIME with a TIME like "
				     "2026-01-31T00:00:00Z or in milliseconds since 1970");
}

/* The pipeline's group and cluster, or those that the options name. */
static int find_group(struct job *job, struct connection *connection)
{
	const struct call *call = job->call;
	int exit_code;

	job->group = call_value(call, "group");
	if ((job->pipeline == NULL) == (job->group == NULL))
		return call_usage(call, "a pipeline's name, or --group: whose offsets are they?");
	if (job->group)
		return connection_open(connection, call, "cluster", "brokers");
	if (call_has(call, "cluster") || call_has(call, "brokers"))
		return call_usage(call, "the pipeline says which cluster it is; --cluster and --brokers are for --group");
	exit_code = connection_load(connection, call);
	for (size_t i = 0; exit_code == 0 && i < connection->config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &connection->config->pipelines[i];

		if (strcmp(pipeline->name, job->pipeline) != 0)
			continue;
		job->group = pipeline->from.group;
		job->topics = pipeline->from.topics;
		job->topic_count = pipeline->from.topic_count;
		return connection_use(connection, call, pipeline->from.cluster, &pipeline->from.properties);
	}
	if (exit_code != 0)
		return exit_code;
	call_usage(call, "the configuration has no pipeline \"%s\"", job->pipeline);
	return EXIT_NO_SUCH_PIPELINE;
}

/* ---- what is there ---- */

/* Is it one of those that --topic and --partition leave? */
static bool is_chosen(const struct job *job, const struct group_offset *offset)
{
	const char *topic;
	size_t i = 0;
	bool any = false;

	if (job->partition >= 0 && offset->partition != job->partition)
		return false;
	while ((topic = call_next_value(job->call, "topic", &i)) != NULL) {
		if (!strcmp(topic, offset->topic))
			return true;
		any = true;
	}
	return !any;
}

static void drop_others(struct job *job)
{
	struct group_offsets kept = { .items = NULL }, dropped = { .items = NULL };

	kept.items = xcalloc(job->offsets.count, sizeof *kept.items);
	dropped.items = xcalloc(job->offsets.count, sizeof *dropped.items);
	for (size_t i = 0; i < job->offsets.count; i++) {
		struct group_offsets *where = is_chosen(job, &job->offsets.items[i]) ? &kept : &dropped;

		where->items[where->count++] = job->offsets.items[i];
	}
	free(job->offsets.items);
	job->offsets = kept;
	group_offsets_clear(&dropped);
}

/* The literal names among the pipeline's topics, or those of --topic: all of their partitions are looked at. The caller
 * frees the array. */
static char **topics_to_read(const struct job *job, size_t *count)
{
	char **topics = xcalloc(job->topic_count + job->call->given_count + 1, sizeof *topics);
	const char *topic;
	size_t i = 0;
	bool chosen = call_has(job->call, "topic");

	*count = 0;
	for (size_t k = 0; k < job->topic_count && !chosen; k++)
		if (job->topics[k][0] != '^')
			topics[(*count)++] = job->topics[k];
	while ((topic = call_next_value(job->call, "topic", &i)) != NULL)
		topics[(*count)++] = (char *)(uintptr_t)topic;
	return topics;
}

static int read_offsets(struct job *job, struct error *err)
{
	size_t count;
	_cleanup_free_ char **topics = topics_to_read(job, &count);
	int result = group_offsets_read(job->client, topics, count, &job->offsets, err);

	if (result == 0)
		drop_others(job);
	if (result == 0 && job->offsets.count == 0)
		return error_set(err, -ENOENT, REMEDY_PERSON,
		    "the group \"%s\" has committed nothing there; --topic names a topic", job->group);
	return result;
}

/* ---- show, export ---- */

static int finish_output(void)
{
	if (fflush(stdout) == EOF || ferror(stdout))
		return answer_fail(EX_IOERR, "cannot write to the standard output");
	return EX_OK;
}

static int show(struct job *job)
{
	static const struct table_column columns[] = { { "TOPIC", false }, { "PARTITION", true }, { "COMMITTED", true },
		{ "LOG START", true }, { "LOG END", true }, { "LAG", true } };
	struct table *table;
	struct error err = { 0 };

	if (read_offsets(job, &err) < 0)
		return connection_fail(job->call, &err);
	if (job->call->json) {
		offsets_print_json(stdout, job->group, &job->offsets);
		return finish_output();
	}
	table = table_new(columns, sizeof columns / sizeof columns[0]);
	for (size_t i = 0; i < job->offsets.count; i++) {
		const struct group_offset *offset = &job->offsets.items[i];

		table_add(table, offset->topic);
		table_add_number(table, offset->partition);
		table_add_number(table, offset->committed);
		table_add_number(table, offset->log_start);
		table_add_number(table, offset->log_end);
		table_add_number(table, offset->committed >= 0 && offset->log_end >= 0 ? offset->log_end - offset->committed : -1);
	}
	table_print(table, stdout);
	table_free(table);
	return finish_output();
}

static int export(struct job *job)
{
	struct error err = { 0 };
	const char *path = call_value(job->call, "file");
	_cleanup_fclose_ FILE *file = NULL;

	if (read_offsets(job, &err) < 0)
		return connection_fail(job->call, &err);
	if (!path) {
		offsets_file_print(stdout, job->group, &job->offsets);
		return finish_output();
	}
	file = fopen(path, "we");
	if (file)
		offsets_file_print(file, job->group, &job->offsets);
	if (!file || fflush(file) == EOF || ferror(file)) {
		fprintf(stderr, "aloqctl offsets: %s: %s\n", path, strerror(errno));
		return EX_IOERR;
	}
	return EX_OK;
}

/* ---- import, seek ---- */

/* Where there is a group with members, neither we nor the brokers set anything. Returns 0, or an exit code after the user
 * has been told. */
static int require_empty(const struct job *job)
{
	struct group_members members = { .names = NULL };
	struct error err = { 0 };
	int exit_code = 0;
	char text[512];

	if (group_members_read(job->client, &members, &err) < 0)
		exit_code = connection_fail(job->call, &err);
	if (members.count > 0) {
		fprintf(stderr, "aloqctl offsets: the group \"%s\" has members, and they would not notice; stop %s%s%s first, "
		    "on every host:\n", job->group, job->pipeline ? "the pipeline (aloqctl stop " : "them",
		    job->pipeline ? job->pipeline : "", job->pipeline ? ")" : "");
		for (size_t i = 0; i < members.count; i++) {
			escape_text(text, sizeof text, members.names[i], strlen(members.names[i]));
			fprintf(stderr, "  %s\n", text);
		}
		exit_code = EX_TEMPFAIL;
	}
	group_members_clear(&members);
	return exit_code;
}

/* What cannot be. */
static int check(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < job->offsets.count; i++) {
		const struct group_offset *offset = &job->offsets.items[i];

		if (offset->to < 0)
			continue;
		if (offset->log_end < 0)
			return error_set(err, -EBADMSG, REMEDY_PERSON, "%s [%" PRId32 "] is gone", offset->topic,
			    offset->partition);
		if (offset->to < offset->log_start || offset->to > offset->log_end)
			return error_set(err, -EBADMSG, REMEDY_PERSON,
			    "%s [%" PRId32 "] has the offsets %" PRId64 " to %" PRId64 ", and not %" PRId64
			    "; --to earliest or latest, --topic and --partition set it",
			    offset->topic, offset->partition, offset->log_start, offset->log_end, offset->to);
	}
	return 0;
}

/* An offset says nothing of a topic that was made again since. */
static int check_same_topics(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < job->offsets.count; i++) {
		const struct group_offset *offset = &job->offsets.items[i];

		if (offset->to >= 0 && *offset->committed_id && *offset->topic_id &&
		    strcmp(offset->committed_id, offset->topic_id) != 0)
			return error_set(err, -EBADMSG, REMEDY_PERSON,
			    "%s was made again since: the offsets are of the topic with id %s, this one has id %s; set them with "
			    "seek", offset->topic, offset->committed_id, offset->topic_id);
	}
	return 0;
}

static void print_changes(const struct job *job)
{
	static const struct table_column columns[] = { { "TOPIC", false }, { "PARTITION", true }, { "BEFORE", true },
		{ "AFTER", true }, { "LAG", true } };
	struct table *table;

	if (job->call->json) {
		offsets_print_json(stdout, job->group, &job->offsets);
		return;
	}
	table = table_new(columns, sizeof columns / sizeof columns[0]);
	for (size_t i = 0; i < job->offsets.count; i++) {
		const struct group_offset *offset = &job->offsets.items[i];

		if (offset->to < 0)
			continue;
		table_add(table, offset->topic);
		table_add_number(table, offset->partition);
		table_add_number(table, offset->committed);
		table_add_number(table, offset->to);
		table_add_number(table, offset->log_end - offset->to);
	}
	table_print(table, stdout);
	table_free(table);
}

/* All that is to be set is known. */
static int apply(struct job *job)
{
	struct error err = { 0 };
	int exit_code;

	if (check(job, &err) < 0) {
		connection_fail(job->call, &err);
		return EX_DATAERR;
	}
	exit_code = require_empty(job);
	if (exit_code != 0 && !(job->dry_run && exit_code == EX_TEMPFAIL))
		return exit_code;
	if (!job->dry_run && group_offsets_commit(job->client, &job->offsets, &err) < 0) {
		connection_fail(job->call, &err);
		return err.code == -EBUSY ? EX_TEMPFAIL : connection_exit_code(&err);
	}
	print_changes(job);
	if (job->dry_run)
		fputs("aloqctl offsets: nothing was changed, as --dry-run was given\n", stderr);
	return exit_code ? exit_code : finish_output();
}

static int seek(struct job *job)
{
	struct error err = { 0 };
	int result = read_offsets(job, &err);

	if (result == 0 && job->to == TO_TIME)
		result = group_offsets_at_time(job->client, &job->offsets, job->to_value, &err);
	if (result < 0)
		return connection_fail(job->call, &err);
	for (size_t i = 0; i < job->offsets.count; i++) {
		struct group_offset *offset = &job->offsets.items[i];

		if (job->to == TO_OFFSET)
			offset->to = job->to_value;
		else if (job->to != TO_TIME)
			offset->to = job->to == TO_EARLIEST ? offset->log_start : offset->log_end;
	}
	return apply(job);
}

/* All of a file, with a NUL behind it; the caller frees. NULL with err set. */
static char *read_file(const char *path, struct error *err)
{
	_cleanup_fclose_ FILE *file = path ? fopen(path, "re") : NULL;
	FILE *in = path ? file : stdin;
	_cleanup_free_ char *text = NULL;
	size_t size = 0, capacity = 0;

	while (in && !feof(in) && !ferror(in) && size < FILE_BYTES_MAX) {
		if (capacity - size < 4096) {
			capacity = capacity * 2 + 8192;
			text = xreallocarray(text, capacity, 1);
		}
		size += fread(text + size, 1, capacity - size - 1, in);
	}
	if (!in || ferror(in) || !text || size >= FILE_BYTES_MAX) {
		error_set(err, -ENOENT, REMEDY_PERSON, "%s: %s", path ? path : "standard input",
		    size >= FILE_BYTES_MAX ? "it is too large" : strerror(errno));
		return NULL;
	}
	text[size] = '\0';
	return TAKE_PTR(text);
}

static int import(struct job *job)
{
	struct error err = { 0 };
	_cleanup_free_ char *text = read_file(call_value(job->call, "file"), &err);
	char **topics = NULL;
	size_t count = 0;
	int result = 0;

	if (!text) {
		connection_fail(job->call, &err);
		return EX_NOINPUT;
	}
	result = offsets_file_topics(text, &topics, &count, &err);
	if (result == 0)
		result = group_offsets_read(job->client, topics, count, &job->offsets, &err);
	if (result == 0)
		result = offsets_file_read(text, &job->offsets, &err);
	if (result == 0)
		drop_others(job);
	if (result == 0)
		result = check_same_topics(job, &err);
	for (size_t i = 0; i < count; i++)
		free(topics[i]);
	free(topics);
	if (result == 0)
		return apply(job);
	connection_fail(job->call, &err);
	return result == -EBADMSG ? EX_DATAERR : connection_exit_code(&err);
}

/* ---- the whole ---- */

static int run_action(struct job *job, const struct connection *connection, int (*action)(struct job *job))
{
	struct error err = { 0 };
	int exit_code;

	job->client = group_client_new(&connection->cluster, job->group, (int)job->timeout_ms, &err);
	if (!job->client)
		return connection_fail(job->call, &err);
	exit_code = action(job);
	group_offsets_clear(&job->offsets);
	group_client_free(job->client);
	return exit_code;
}

static int run(const struct call *call)
{
	static const struct {
		const char *name;
		int (*run)(struct job *job);
		bool changes;
	} actions[] = { { "show", show, false }, { "export", export, false }, { "import", import, true },
		{ "seek", seek, true } };
	_cleanup_(connection_close) struct connection connection = { .config = NULL };
	struct job job = { .call = call, .partition = -1, .timeout_ms = 30000, .dry_run = call_has(call, "dry-run") };
	size_t i = 0;
	int exit_code = 0;

	while (i < sizeof actions / sizeof actions[0] && strcmp(actions[i].name, call->arguments[0]) != 0)
		i++;
	if (i == sizeof actions / sizeof actions[0])
		return call_usage(call, "show, export, import or seek");
	job.pipeline = call->argument_count > 1 ? call->arguments[1] : NULL;
	if (job.dry_run && !actions[i].changes)
		return call_usage(call, "%s changes nothing: --dry-run is for import and seek", actions[i].name);
	if (call_has(call, "to") != (actions[i].run == seek))
		return actions[i].run == seek ? parse_destination(&job) : call_usage(call, "--to is for seek");
	if (actions[i].run == seek)
		exit_code = parse_destination(&job);
	if (exit_code == 0)
		exit_code = option_number(call, "partition", 0, INT32_MAX, &job.partition);
	if (exit_code == 0)
		exit_code = option_duration_ms(call, "timeout", &job.timeout_ms);
	if (exit_code == 0)
		exit_code = find_group(&job, &connection);
	return exit_code ? exit_code : run_action(&job, &connection, actions[i].run);
}

static const struct command_option options[] = {
	{ "group", '\0', "GROUP", "this group's, in place of a pipeline's" },
	{ "topic", '\0', "TOPIC", "of this topic alone; may be given again" },
	{ "partition", '\0', "P", "of this partition alone" },
	{ "to", '\0', "WHERE", "seek: earliest, latest, offset:N or timestamp:TIME" },
	{ "file", '\0', "PATH", "export: to this file; import: from it (default: standard output, input)" },
	{ "dry-run", '\0', NULL, "show what would change, and change nothing" },
	{ "timeout", '\0', "DURATION", "how long to wait for the brokers (default: 30s)" },
	CONNECTION_OPTIONS,
	{ NULL, '\0', NULL, NULL },
};

const struct command command_offsets = {
	.name = "offsets",
	.arguments = "show|export|import|seek [PIPELINE]",
	.least = 1,
	.most = 2,
	.help = "committed offsets of a group: look, keep, put back, set",
	.options = options,
	.notes = "import and seek set offsets while nobody is in the group, which the brokers demand.\n",
	.json_help = "print JSON instead of a table",
	.asks_no_daemon = true,
	.run = run,
};
