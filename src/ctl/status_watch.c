#include "ctl/status_watch.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/units.h"
#include "ctl/json_tree.h"
#include "ctl/status.h"
#include "ctl/table.h"

DEFINE_CLEANUP(struct table *, table_free)

/* In a second; -1: unknown, also where the daemon has begun to count anew. */
static int64_t rate_of(yajl_val before, yajl_val now, const char *counter, int64_t elapsed_us)
{
	int64_t from = json_tree_number_below(before, "counters", counter);
	int64_t to = json_tree_number_below(now, "counters", counter);

	if (from < 0 || to < from || elapsed_us <= 0)
		return -1;
	return (int64_t)((double)(to - from) * 1e6 / (double)elapsed_us + 0.5);
}

static yajl_val find(yajl_val root, const char *name)
{
	yajl_val pipelines = json_tree_member(root, "pipelines");

	for (size_t i = 0; YAJL_IS_ARRAY(pipelines) && i < YAJL_GET_ARRAY(pipelines)->len; i++) {
		const char *text = json_tree_text(YAJL_GET_ARRAY(pipelines)->values[i], "name");

		if (text && name && strcmp(text, name) == 0)
			return YAJL_GET_ARRAY(pipelines)->values[i];
	}
	return NULL;
}

/* Red needs a person, yellow passes by itself or was wanted so. */
static enum table_colour colour_of(const char *state)
{
	if (!state || strcmp(state, "running") == 0)
		return TABLE_GREEN;
	return strcmp(state, "blocked") == 0 || strcmp(state, "failed") == 0 ? TABLE_RED : TABLE_YELLOW;
}

static void add_row(struct table *table, yajl_val before, yajl_val pipeline, int64_t elapsed_us)
{
	const char *reason = json_tree_text(pipeline, "reason");
	int64_t age_ms = json_tree_number(pipeline, "oldest_unsettled_age_ms");
	char age[UNITS_TEXT_SIZE];

	table_add(table, json_tree_text(pipeline, "name"));
	table_add(table, json_tree_text(pipeline, "state"));
	table_colour(table, colour_of(json_tree_text(pipeline, "state")));
	table_add_number(table, json_tree_number(pipeline, "partition_count"));
	table_add_number(table, json_tree_number(pipeline, "lag"));
	table_add(table, age_ms < 0 ? NULL : units_format_age_ms(age, sizeof age, age_ms));
	table_add_number(table, rate_of(before, pipeline, "consumed_records", elapsed_us));
	table_add_number(table, rate_of(before, pipeline, "acked_records", elapsed_us));
	table_add_number(table, json_tree_number_below(pipeline, "counters", "acked_records"));
	table_add(table, reason ? reason : json_tree_text(pipeline, "stuck"));
}

int status_watch_print_all(
    const char *before, int64_t elapsed_us, const char *json, bool colour, FILE *out, struct error *err)
{
	static const struct table_column columns[] = {
		{ "PIPELINE", false },
		{ "STATE", false },
		{ "PARTITIONS", true },
		{ "LAG", true },
		{ "OLDEST", true },
		{ "READ/S", true },
		{ "ACKED/S", true },
		{ "ACKED", true },
		{ "REASON", false },
	};
	_cleanup_(table_freep) struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
	_cleanup_(yajl_tree_freep) yajl_val old = before ? json_tree_parse(before) : NULL;
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse(json);
	yajl_val pipelines = json_tree_member(root, "pipelines");

	if (!YAJL_IS_ARRAY(pipelines))
		return error_set(
		    err, -EBADMSG, REMEDY_PERSON, "the answer has no list of pipelines: is this an aloqd's socket?");
	for (size_t i = 0; i < YAJL_GET_ARRAY(pipelines)->len; i++) {
		yajl_val pipeline = YAJL_GET_ARRAY(pipelines)->values[i];

		add_row(table, find(old, json_tree_text(pipeline, "name")), pipeline, elapsed_us);
	}
	table_print_coloured(table, colour, out);
	return 0;
}

static void print_rate(FILE *out, const char *title, int64_t rate)
{
	if (rate >= 0)
		fprintf(out, "%-12s %" PRId64 "\n", title, rate);
}

int status_watch_print_one(
    const char *before, int64_t elapsed_us, const char *json, bool colour, FILE *out, struct error *err)
{
	_cleanup_(yajl_tree_freep) yajl_val old = before ? json_tree_parse(before) : NULL;
	_cleanup_(yajl_tree_freep) yajl_val root = json_tree_parse(json);

	(void)colour;
	print_rate(out, "read/s", rate_of(old, root, "consumed_records", elapsed_us));
	print_rate(out, "acked/s", rate_of(old, root, "acked_records", elapsed_us));
	return status_print_one(json, out, err);
}
