#include "daemon/explain.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/units.h"
#include "config/keys.h"
#include "config/property_list.h"
#include "daemon/explain_warnings.h"
#include "daemon/paragraph.h"
#include "kafka/settings.h"

enum { INDENT = 2, REASON_INDENT = 6 };

/* One pipeline, and the settings of its clients; of several members, those of the first. */
struct explained {
	FILE *out;
	const struct config *config;
	struct config_pipeline pipeline; /* a copy, whose values are the configuration's */
	struct settings consumer, producer;
};

/* ---- what it is ---- */

static void print_ends(const struct explained *explained)
{
	const struct config_from *from = &explained->pipeline.from;
	const struct config_to *to = &explained->pipeline.to;
	const char *partition = to->partition == PARTITION_SAME  ? "the number of the source's"
	                        : to->partition == PARTITION_KEY ? "chosen by the record's key"
	                                                         : "always the same one";

	paragraph_print(explained->out, INDENT, "from  ", "cluster %s (%s), as %s of the group %s",
	    from->cluster->name, from->cluster->brokers,
	    explained->pipeline.members > 1 ? "several members" : "a member", from->group);
	for (size_t i = 0; i < from->topic_count; i++)
		paragraph_print(explained->out, INDENT, "      ", "topic%s %s",
		    from->topics[i][0] == '^' ? "s" : "", from->topics[i]);
	paragraph_print(
	    explained->out, INDENT, "to    ", "cluster %s (%s)", to->cluster->name, to->cluster->brokers);
	paragraph_print(explained->out, INDENT, "      ", "topic %s, partition: %s", to->topic, partition);
}

static void print_commits(const struct explained *explained)
{
	const struct config_commit *commit = &explained->pipeline.commit;
	char interval[UNITS_TEXT_SIZE];

	units_format_duration(interval, sizeof interval, commit->interval_ms);
	switch (explained->pipeline.delivery) {
	case DELIVERY_AT_LEAST_ONCE:
		paragraph_print(explained->out, INDENT, "",
		    "Offsets are committed after %" PRId64
		    " records or %s, whichever comes first%s. What was relayed since then, and what is in "
		    "flight, is repeated after a crash; after a clean stop nothing is.",
		    commit->records, interval,
		    commit->mode == COMMIT_SYNC ? ", and nothing goes on until that is answered" : "");
		break;
	case DELIVERY_AT_MOST_ONCE:
		paragraph_print(explained->out, INDENT, "",
		    "Offsets are committed for %" PRId64
		    " records or %s at a time, whichever comes first, and then those records are produced. "
		    "What of them is not written yet is lost in a crash; in a clean stop nothing is.",
		    commit->records, interval);
		break;
	case DELIVERY_EXACTLY_ONCE:
		paragraph_print(explained->out, INDENT, "",
		    "A transaction is committed after %" PRId64
		    " records or %s, whichever comes first: so much later a record may be seen. One that a "
		    "crash has left open is aborted, and its records are relayed again.",
		    commit->records, interval);
		break;
	}
}

static void print_exceptions(const struct explained *explained)
{
	const struct config_pipeline *pipeline = &explained->pipeline;
	const char *on_error =
	    keys_choice_name(keys_find(PLACE_PIPELINE, "on_error")->choices, (int)pipeline->on_error);
	const char *on_gap =
	    keys_choice_name(keys_find(PLACE_FROM, "on_gap")->choices, (int)pipeline->from.on_gap);
	char to_topic[300];

	snprintf(to_topic, sizeof to_topic, "is written to the topic %s",
	    pipeline->dead_letter ? pipeline->dead_letter : "");
	paragraph_print(explained->out, INDENT, "",
	    "A record that the target refuses for ever %s (on_error = \"%s\").",
	    pipeline->on_error == ON_ERROR_BLOCK  ? "stops its partition until a person acts"
	    : pipeline->on_error == ON_ERROR_SKIP ? "is left out, logged and counted"
						  : to_topic,
	    on_error);
	paragraph_print(explained->out, INDENT, "",
	    "Where records are gone from the source before they were relayed, the partition %s (on_gap = "
	    "\"%s\").",
	    pipeline->from.on_gap == GAP_BLOCK ? "stops until a person acts"
					       : "goes on without them, which is logged and counted",
	    on_gap);
	paragraph_print(explained->out, INDENT, "",
	    pipeline->from.isolation == ISOLATION_READ_COMMITTED
		? "Records of aborted transactions of the source are not relayed (isolation = "
	          "\"read_committed\")."
		: "Records of open and aborted transactions of the source are relayed, too (isolation = "
	          "\"read_uncommitted\").");
	if (pipeline->provenance)
		paragraph_print(explained->out, INDENT, "",
		    "Each record gets a header aloqd.source that says where it comes from, some 60 bytes, and is as it "
		    "was otherwise (provenance = true).");
}

static void print_guarantee(const struct explained *explained)
{
	const struct config_pipeline *pipeline = &explained->pipeline;
	const struct delivery_choice choice = { pipeline->delivery, pipeline->to.acks,
		pipeline->from.isolation };

	fprintf(explained->out, "\nGuarantee: %s, acks = %s\n", delivery_name(pipeline->delivery),
	    acks_name(pipeline->to.acks));
	paragraph_print(explained->out, INDENT, "", "%s", delivery_promise(&choice));
	paragraph_print(explained->out, INDENT, "", "%s", delivery_acks_promise(&choice));
	print_commits(explained);
	print_exceptions(explained);
}

/* ---- settings ---- */

static const char *shown_value(const struct setting *setting)
{
	if (property_is_secret(setting->name))
		return "***";
	return setting->value ? setting->value : "(decided at the start)";
}

/* The default of ours that the operator has replaced, or NULL. */
static const struct setting *replaced_by(const struct settings *settings, const struct setting *property)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings->items[i].origin == SETTING_DEFAULT &&
		    !strcasecmp(settings->items[i].name, property->name))
			return &settings->items[i];
	return NULL;
}

static void print_settings(
    const struct explained *explained, const struct settings *settings, enum setting_origin origin)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = &settings->items[i];

		if (setting->origin != origin || settings_find(settings, setting->name) != setting)
			continue;
		paragraph_print(explained->out, INDENT, "", "%s = %s", setting->name, shown_value(setting));
		paragraph_print(explained->out, REASON_INDENT, "", "%s", setting->reason);
	}
}

/* Those of a cluster and those of the pipeline, of which the last holds. */
static void print_properties(const struct explained *explained, const struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *setting = &settings->items[i];
		const struct setting *replaced = replaced_by(settings, setting);
		const struct setting *final = settings_find(settings, setting->name);

		if (setting->origin != SETTING_PROPERTY)
			continue;
		paragraph_print(explained->out, INDENT, "", "%s = %s", setting->name, shown_value(setting));
		paragraph_print(explained->out, REASON_INDENT, "", "%s:%d",
		    setting->property->origin.file ? setting->property->origin.file : "defaults",
		    setting->property->origin.line);
		if (final->origin == SETTING_PROPERTY && final != setting)
			paragraph_print(explained->out, REASON_INDENT, "", "replaced by %s:%d",
			    final->property->origin.file ? final->property->origin.file : "defaults",
			    final->property->origin.line);
		else if (final->origin == SETTING_FIXED)
			paragraph_print(
			    explained->out, REASON_INDENT, "", "bounded, because %s", final->reason);
		else if (replaced)
			paragraph_print(explained->out, REASON_INDENT, "", "in place of %s, chosen because %s",
			    replaced->value, replaced->reason);
	}
}

static bool has_origin(const struct settings *settings, enum setting_origin origin)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings->items[i].origin == origin)
			return true;
	return false;
}

static void print_client(
    const struct explained *explained, const char *which, const struct settings *settings)
{
	fprintf(explained->out, "\n%s: fixed by the guarantee and the keys of the configuration\n", which);
	print_settings(explained, settings, SETTING_FIXED);
	fprintf(explained->out, "\n%s: defaults of aloqd, which properties may change\n", which);
	print_settings(explained, settings, SETTING_DEFAULT);
	if (!has_origin(settings, SETTING_PROPERTY))
		return;
	fprintf(explained->out, "\n%s: set by properties\n", which);
	print_properties(explained, settings);
}

/* ---- warnings ---- */

struct warning_list {
	FILE *out;
	size_t count;
};

static void print_warning(void *context, const char *text)
{
	struct warning_list *list = context;

	paragraph_print(list->out, INDENT, "- ", "%s", text);
	list->count++;
}

static void print_warnings(const struct explained *explained)
{
	struct warning_list list = { .out = explained->out };

	fputs("\nWarnings\n", explained->out);
	explain_warnings(explained->config, &explained->pipeline, &explained->consumer, &explained->producer,
	    print_warning, &list);
	if (list.count == 0)
		paragraph_print(explained->out, INDENT, "", "none");
}

/* ---- what is refused ---- */

static bool told_before(const struct delivery_refusal *refusals, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(refusals[k].reason, refusals[i].reason))
			return true;
	return false;
}

/* All that are refused for the same reason. */
static void print_refused_alike(
    FILE *out, const struct delivery_refusal *refusals, size_t count, size_t first)
{
	_cleanup_free_ char *names = xstrdup(refusals[first].property);

	for (size_t i = first + 1; i < count; i++) {
		char *more;

		if (strcmp(refusals[i].reason, refusals[first].reason) != 0)
			continue;
		more = xasprintf("%s, %s", names, refusals[i].property);
		free(names);
		names = more;
	}
	paragraph_print(out, INDENT, "", "%s", names);
	paragraph_print(out, REASON_INDENT, "", "%s", refusals[first].reason);
}

static void print_refusals(FILE *out)
{
	size_t count;
	const struct delivery_refusal *refusals = delivery_refusals(&count);
	const struct delivery_value_refusal *values;

	fputs("Refused in properties, besides what is fixed above\n", out);
	for (size_t i = 0; i < count; i++)
		if (!told_before(refusals, i))
			print_refused_alike(out, refusals, count, i);
	values = delivery_value_refusals(&count);
	for (size_t i = 0; i < count; i++) {
		paragraph_print(out, INDENT, "", "%s %s", values[i].refusal.property, values[i].values);
		paragraph_print(out, REASON_INDENT, "", "%s", values[i].refusal.reason);
	}
}

/* ---- all of it ---- */

static void explain_pipeline(FILE *out, const struct config *config, const struct config_pipeline *pipeline)
{
	struct explained explained = { .out = out, .config = config, .pipeline = *pipeline };
	_cleanup_free_ char *member_id = NULL;
	_cleanup_free_ char *group_instance_id = NULL;
	bool is_static = pipeline->from.static_membership;
	bool is_transactional = pipeline->delivery == DELIVERY_EXACTLY_ONCE;

	if (pipeline->members > 1)
		explained.pipeline.member = 1;
	member_id = settings_member_id(&explained.pipeline, config->instance);
	group_instance_id = settings_group_instance_id(&explained.pipeline, config->instance,
	    (const char *const *)pipeline->from.topics, pipeline->from.topic_count);
	settings_of_consumer(&explained.consumer, &explained.pipeline, NULL, is_static ? group_instance_id : NULL);
	settings_of_producer(
	    &explained.producer, &explained.pipeline, NULL, is_transactional ? member_id : NULL);
	fprintf(out, "Pipeline %s%s\n", pipeline->name, pipeline->enabled ? "" : " (not enabled)");
	print_ends(&explained);
	print_guarantee(&explained);
	print_warnings(&explained);
	if (pipeline->members > 1) {
		fputc('\n', out);
		paragraph_print(out, 0, "",
		    "The first of %" PRId32 " members; the others differ in client.id%s%s alone.",
		    pipeline->members, is_static ? ", group.instance.id" : "",
		    is_transactional ? ", transactional.id" : "");
	}
	print_client(&explained, "Consumer", &explained.consumer);
	print_client(&explained, "Producer", &explained.producer);
	fputc('\n', out);
	settings_clear(&explained.consumer);
	settings_clear(&explained.producer);
}

static int unknown_pipeline(const struct config *config, const char *name, struct error *err)
{
	_cleanup_free_ const char **names = xcalloc(config->pipeline_count + 1, sizeof *names);
	const char *nearest;

	for (size_t i = 0; i < config->pipeline_count; i++)
		names[i] = config->pipelines[i].name;
	nearest = nearest_word(names, name);
	if (nearest)
		return error_set(err, -ENOENT, REMEDY_PERSON,
		    "there is no pipeline \"%s\"; did you mean \"%s\"?", name, nearest);
	return error_set(err, -ENOENT, REMEDY_PERSON,
	    "there is no pipeline \"%s\"; aloqd --dump-config shows all there are", name);
}

int explain(FILE *out, const struct config *config, const char *name, struct error *err)
{
	bool found = !name;

	for (size_t i = 0; i < config->pipeline_count; i++) {
		if (name && strcmp(config->pipelines[i].name, name) != 0)
			continue;
		found = true;
		explain_pipeline(out, config, &config->pipelines[i]);
	}
	if (!found)
		return unknown_pipeline(config, name, err);
	print_refusals(out);
	return 0;
}
