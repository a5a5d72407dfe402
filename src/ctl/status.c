#include "ctl/status.h"
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/memory.h"
#include "base/units.h"
#include "ctl/json_tree.h"
#include "ctl/table.h"

DEFINE_CLEANUP(struct table *, table_free)

static yajl_val array_of(yajl_val node, const char *name, struct error *err)
{
	yajl_val array = json_tree_member(node, name);

	if (YAJL_IS_ARRAY(array))
		return array;
	error_set(
	    err, -EBADMSG, REMEDY_PERSON, "the answer has no list of %s: is this an aloqd's socket?", name);
	return NULL;
}

static void add_age(struct table *table, int64_t age_ms)
{
	char age[UNITS_TEXT_SIZE];

	table_add(table, age_ms < 0 ? NULL : units_format_age_ms(age, sizeof age, age_ms));
}

/* How long ago that was; -1: never. */
static int64_t age_of(yajl_val node, const char *name)
{
	int64_t at_ms = json_tree_number(node, name);
	int64_t now_ms = clock_realtime_ms();

	/* The clock may have been set back since. */
	return at_ms <= 0 ? -1 : at_ms < now_ms ? now_ms - at_ms : 0;
}

/* What runs is then not what the configuration says. */
static void print_refused_reload(FILE *out, yajl_val reload)
{
	const char *result = json_tree_text(reload, "result");
	const char *summary = json_tree_text(reload, "summary");
	_cleanup_free_ char *safe = summary ? escape_whole(summary) : NULL;

	if (!result || !summary || strcmp(result, "refused") != 0)
		return;
	fprintf(out, "\nThe last reload: %s\n", safe);
}

int status_print_all(const char *json, FILE *out, struct error *err)
{
	static const struct table_column columns[] = {
		{ "PIPELINE", false },
		{ "DELIVERY", false },
		{ "STATE", false },
		{ "PARTITIONS", true },
		{ "LAG", true },
		{ "OLDEST", true },
		{ "CONSUMED", true },
		{ "ACKED", true },
		{ "REASON", false },
	};
	_cleanup_(table_freep) struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);
	yajl_val pipelines = root ? array_of(root, "pipelines", err) : NULL;

	if (!pipelines)
		return -EBADMSG;
	for (size_t i = 0; i < YAJL_GET_ARRAY(pipelines)->len; i++) {
		yajl_val pipeline = YAJL_GET_ARRAY(pipelines)->values[i];
		const char *reason = json_tree_text(pipeline, "reason");

		table_add(table, json_tree_text(pipeline, "name"));
		table_add(table, json_tree_text(pipeline, "delivery"));
		table_add(table, json_tree_text(pipeline, "state"));
		table_add_number(table, json_tree_number(pipeline, "partition_count"));
		table_add_number(table, json_tree_number(pipeline, "lag"));
		add_age(table, json_tree_number(pipeline, "oldest_unsettled_age_ms"));
		table_add_number(table, json_tree_number_below(pipeline, "counters", "consumed_records"));
		table_add_number(table, json_tree_number_below(pipeline, "counters", "acked_records"));
		table_add(table, reason ? reason : json_tree_text(pipeline, "stuck"));
	}
	table_print(table, out);
	print_refused_reload(out, json_tree_member(root, "reload"));
	return 0;
}

static void print_text(FILE *out, const char *title, const char *text)
{
	_cleanup_free_ char *safe = text ? escape_whole(text) : NULL;

	if (safe)
		fprintf(out, "%-12s %s\n", title, safe);
}

/* With how long ago that was. */
static void print_past(FILE *out, const char *title, yajl_val node, const char *name, const char *at_name)
{
	const char *text = json_tree_text(node, name);
	int64_t age_ms = age_of(node, at_name);
	_cleanup_free_ char *past = NULL;
	char age[UNITS_TEXT_SIZE];

	if (text && age_ms >= 0)
		past = xasprintf("%s ago: %s", units_format_age_ms(age, sizeof age, age_ms), text);
	print_text(out, title, past ? past : text);
}

static void print_age(FILE *out, const char *title, int64_t age_ms)
{
	char age[UNITS_TEXT_SIZE];

	if (age_ms >= 0)
		print_text(out, title, units_format_age_ms(age, sizeof age, age_ms));
}

static void print_count(FILE *out, yajl_val pipeline, const char *title, const char *name, const char *below)
{
	int64_t number = json_tree_number_below(pipeline, name, below);

	if (number >= 0)
		fprintf(out, "%-12s %" PRId64 "\n", title, number);
}

/* A percentile of the latency; nothing where no record has been acknowledged yet. */
static void print_latency(FILE *out, yajl_val pipeline, const char *title, const char *name)
{
	int64_t latency_us = json_tree_number_below(pipeline, "latency", name);

	if (latency_us < 0 || json_tree_number_below(pipeline, "latency", "count") <= 0)
		return;
	if (latency_us < USEC_PER_SEC)
		fprintf(out, "%-12s %.*fms\n", title, latency_us < 10000, (double)latency_us / USEC_PER_MSEC);
	else
		print_age(out, title, latency_us / USEC_PER_MSEC);
}

/* What commits the offsets: with exactly_once, transactions. */
static void print_commits(FILE *out, yajl_val pipeline)
{
	const char *delivery = json_tree_text(pipeline, "delivery");

	if (delivery && strcmp(delivery, "exactly_once") == 0) {
		print_count(out, pipeline, "transactions", "counters", "transactions_committed");
		print_count(out, pipeline, "aborted", "counters", "transactions_aborted");
	} else {
		print_count(out, pipeline, "commits", "counters", "commits");
	}
}

static void print_pipeline(FILE *out, yajl_val pipeline)
{
	print_text(out, "pipeline", json_tree_text(pipeline, "name"));
	print_text(out, "delivery", json_tree_text(pipeline, "delivery"));
	print_text(out, "state", json_tree_text(pipeline, "state"));
	print_age(out, "since", age_of(pipeline, "state_since_ms"));
	print_text(out, "reason", json_tree_text(pipeline, "reason"));
	print_text(out, "stuck", json_tree_text(pipeline, "stuck"));
	print_past(out, "last error", pipeline, "last_error", "last_error_at_ms");
	print_count(out, pipeline, "lag", "lag", NULL);
	print_age(out, "oldest", json_tree_number(pipeline, "oldest_unsettled_age_ms"));
	print_count(out, pipeline, "consumed", "counters", "consumed_records");
	print_count(out, pipeline, "acked", "counters", "acked_records");
	print_count(out, pipeline, "repeated", "counters", "repeated_records");
	print_count(out, pipeline, "lost", "counters", "lost_records");
	print_count(out, pipeline, "skipped", "counters", "skipped_records");
	print_count(out, pipeline, "dead letters", "counters", "dead_lettered_records");
	print_commits(out, pipeline);
	print_count(out, pipeline, "in flight", "in_flight_records", NULL);
	print_count(out, pipeline, "held bytes", "held_bytes", NULL);
	print_latency(out, pipeline, "p50", "p50_us");
	print_latency(out, pipeline, "p99", "p99_us");
}

static void print_members(FILE *out, yajl_val members)
{
	static const struct table_column columns[] = {
		{ "MEMBER", true },
		{ "STATE", false },
		{ "PARTITIONS", true },
		{ "LAG", true },
		{ "ACKED", true },
		{ "REASON", false },
	};
	_cleanup_(table_freep) struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);

	for (size_t i = 0; i < YAJL_GET_ARRAY(members)->len; i++) {
		yajl_val one = YAJL_GET_ARRAY(members)->values[i];

		table_add_number(table, json_tree_number(one, "member"));
		table_add(table, json_tree_text(one, "state"));
		table_add_number(table, json_tree_number(one, "partition_count"));
		table_add_number(table, json_tree_number(one, "lag"));
		table_add_number(table, json_tree_number(one, "acked_records"));
		table_add(table, json_tree_text(one, "reason"));
	}
	fputc('\n', out);
	table_print(table, out);
}

/* With the broker, where that is known. */
static void add_wait(struct table *table, yajl_val partition)
{
	const char *waits_for = json_tree_text(partition, "waits_for");
	int64_t broker = json_tree_number(partition, "waits_for_broker");
	_cleanup_free_ char *both =
	    waits_for && broker >= 0 ? xasprintf("%s, broker %" PRId64, waits_for, broker) : NULL;

	table_add(table, both ? both : waits_for);
}

/* Why it is blocked; else its last error, and how long ago that was. */
static void add_error(struct table *table, yajl_val partition)
{
	const char *blocked = json_tree_text(partition, "error");
	const char *last = json_tree_text(partition, "last_error");
	int64_t age_ms = age_of(partition, "last_error_at_ms");
	_cleanup_free_ char *past = NULL;
	char age[UNITS_TEXT_SIZE];

	if (!blocked && last && age_ms >= 0)
		past = xasprintf("%s ago: %s", units_format_age_ms(age, sizeof age, age_ms), last);
	table_add(table, blocked ? blocked : past ? past : last);
}

int status_print_one(const char *json, FILE *out, struct error *err)
{
	static const struct table_column columns[] = {
		{ "MEMBER", true }, /* left out where the pipeline has only one */
		{ "TOPIC", false },
		{ "PARTITION", true },
		{ "STATE", false },
		{ "COMMITTED", true },
		{ "MARK", true },
		{ "NEXT", true },
		{ "LOG END", true },
		{ "LAG", true },
		{ "IN FLIGHT", true },
		{ "OLDEST", true }, /* unsettled record: its age */
		{ "WAITS FOR", false },
		{ "STILL", true }, /* how long it has not moved */
		{ "LAST ERROR", false },
	};
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse_answer(json, err);
	yajl_val partitions = root ? array_of(root, "partitions", err) : NULL;
	yajl_val members = json_tree_member(root, "members");
	size_t left_out = YAJL_IS_ARRAY(members) && YAJL_GET_ARRAY(members)->len > 0 ? 0 : 1;
	_cleanup_(table_freep) struct table *table =
	    table_new(columns + left_out, sizeof columns / sizeof columns[0] - left_out);

	if (!partitions)
		return -EBADMSG;
	print_pipeline(out, root);
	if (!left_out)
		print_members(out, members);
	if (YAJL_GET_ARRAY(partitions)->len == 0) {
		fputs("\nNo partition is assigned to this instance.\n", out);
		return 0;
	}
	for (size_t i = 0; i < YAJL_GET_ARRAY(partitions)->len; i++) {
		yajl_val partition = YAJL_GET_ARRAY(partitions)->values[i];

		if (!left_out)
			table_add_number(table, json_tree_number(partition, "member"));
		table_add(table, json_tree_text(partition, "topic"));
		table_add_number(table, json_tree_number(partition, "partition"));
		table_add(table, json_tree_text(partition, "state"));
		table_add_number(table, json_tree_number(partition, "committed"));
		table_add_number(table, json_tree_number(partition, "mark"));
		table_add_number(table, json_tree_number(partition, "end"));
		table_add_number(table, json_tree_number(partition, "log_end"));
		table_add_number(table, json_tree_number(partition, "lag"));
		table_add_number(table, json_tree_number(partition, "in_flight"));
		add_age(table, json_tree_number(partition, "oldest_unsettled_age_ms"));
		add_wait(table, partition);
		add_age(table, json_tree_number(partition, "waits_ms"));
		add_error(table, partition);
	}
	fputc('\n', out);
	table_print(table, out);
	return 0;
}
