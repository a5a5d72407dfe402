#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "config/default_values.h"
#include "config/load.h"
#include "config/property_list.h"
#include "config/value_text.h"
#include "config/values.h"

#define NAME_LENGTH_MAX 64
#define PIPELINES_MAX   1000
#define PATH_SIZE       512

/* The settings that a group's values are looked for in, the first before the second; either may be NULL. */
struct layers {
	const config_setting_t *own;
	const char *own_path;
	const config_setting_t *defaults;
	const char *defaults_path;
};

static const char *const sections[] = { "aloqd", "clusters", "defaults", "pipelines", NULL };

static const char *join(char *buffer, size_t size, const char *path, const char *name)
{
	snprintf(buffer, size, "%s%s%s", path, *path ? "." : "", name);
	return buffer;
}

/* A list in a message: adds one more, with a separator where it is not the first. */
static void list(char *buffer, size_t size, const char *separator, const char *word)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s%s", used ? separator : "", word);
}

static void unknown_key(
    struct load *load, enum key_place place, const config_setting_t *setting, const char *path)
{
	const char *name = config_setting_name(setting);
	struct finding_place where = load_place(load, setting, path);
	const struct key *nearest = keys_nearest(place, name);
	char known[512] = "";
	char elsewhere[512] = "";
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		if (key->type == KEY_LATER)
			continue;
		if (key->place == place)
			list(known, sizeof known, ", ", key->name);
		else if (strcmp(key->name, name) == 0)
			list(elsewhere, sizeof elsewhere, " or ", keys_place_name(key->place));
	}
	if (nearest)
		findings_error(load->findings, &where, "unknown key; did you mean \"%s\"?", nearest->name);
	else if (*elsewhere)
		findings_error(load->findings, &where, "does not belong here; move it to %s", elsewhere);
	else
		findings_error(load->findings, &where, "unknown key; the keys here are %s", known);
}

/* Every key that stands in the group, and in the groups in it, must be known. */
static void check_keys(
    struct load *load, enum key_place place, const config_setting_t *group, const char *path)
{
	char key_path[PATH_SIZE];

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const struct key *key = keys_find(place, config_setting_name(setting));
		struct finding_place where;

		join(key_path, sizeof key_path, path, config_setting_name(setting));
		where = load_place(load, setting, key_path);
		if (!key)
			unknown_key(load, place, setting, key_path);
		else if (key->type == KEY_LATER)
			findings_error(load->findings, &where, "not in this version; %s", key->help);
		else if (key->type == KEY_GROUP && !config_setting_is_group(setting))
			findings_error(
			    load->findings, &where, "has the wrong type; write { KEY = VALUE; ... }");
		else if (key->type == KEY_GROUP)
			check_keys(load, key->group, setting, key_path);
	}
}

static const config_setting_t *member(const config_setting_t *group, const char *name)
{
	return group && config_setting_is_group(group) ? config_setting_get_member(group, name) : NULL;
}

/* Those entries that are right are kept, so that the others do not hide what else is wrong with them. */
static void parse_properties(struct load *load, const struct key *key, const config_setting_t *setting,
    const struct finding_place *where, void *object)
{
	struct config_properties *list = (void *)((char *)object + key->offset);
	struct value_problem problem;
	int count = value_property_count(setting, &problem);

	if (count < 0)
		findings_error(load->findings, where, "%s", problem.text);
	for (int i = 0; i < count; i++) {
		if (value_add_property(key, setting, i, object, &problem) < 0)
			findings_error(load->findings, where, "%s", problem.text);
		else
			list->items[list->count - 1].origin = load_origin(load, setting);
	}
}

/* One value: from where it stands first. Returns whether it stands anywhere. */
static bool parse_value(struct load *load, const struct key *key, const struct layers *layers, void *object)
{
	const config_setting_t *setting = member(layers->own, key->name);
	const char *path = layers->own_path;
	struct value_problem problem;
	struct finding_place where;
	char key_path[PATH_SIZE];

	if (!setting) {
		setting = member(layers->defaults, key->name);
		path = layers->defaults_path;
	}
	if (!setting)
		return false;
	where = load_place(load, setting, join(key_path, sizeof key_path, path, key->name));
	if (key->type == KEY_PROPERTIES)
		parse_properties(load, key, setting, &where, object);
	else if (value_from_setting(key, setting, load->config, object, &problem) < 0)
		findings_error(load->findings, &where, "%s", problem.text);
	return true;
}

static void set_default(struct load *load, const struct key *key, bool exactly_once, void *object)
{
	const char *text =
	    exactly_once && key->exactly_once_default ? key->exactly_once_default : key->default_text;
	struct value_problem problem;

	if (text && value_from_text(key, text, load->config, object, &problem) < 0)
		abort(); /* the key table contradicts itself */
}

static void missing_key(
    struct load *load, const struct key *key, const struct layers *layers, const config_setting_t *nearest)
{
	char key_path[PATH_SIZE];
	struct finding_place where =
	    load_place(load, nearest, join(key_path, sizeof key_path, layers->own_path, key->name));

	findings_error(load->findings, &where, "is missing; add it (%s)", key->help);
}

/* All values of a place. nearest is where a missing one is reported, NULL: none has to be there. */
static void parse_group(struct load *load, enum key_place place, const struct layers *layers,
    const config_setting_t *nearest, bool exactly_once, void *object)
{
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		char own_path[PATH_SIZE];
		char defaults_path[PATH_SIZE];
		void *inner = (char *)object + key->offset;
		const config_setting_t *below_nearest;
		struct layers below;

		if (key->place != place || key->type == KEY_LATER)
			continue;
		if (key->type != KEY_GROUP) {
			set_default(load, key, exactly_once, object);
			if (!parse_value(load, key, layers, object) && key->required && nearest)
				missing_key(load, key, layers, nearest);
			/* What follows in the table may have defaults of its own with this delivery. */
			if (place == PLACE_PIPELINE && strcmp(key->name, "delivery") == 0)
				exactly_once =
				    ((struct config_pipeline *)object)->delivery == DELIVERY_EXACTLY_ONCE;
			continue;
		}
		below = (struct layers){
			.own = member(layers->own, key->name),
			.own_path = join(own_path, sizeof own_path, layers->own_path, key->name),
			.defaults = member(layers->defaults, key->name),
			.defaults_path =
			    join(defaults_path, sizeof defaults_path, layers->defaults_path, key->name),
		};
		below_nearest = nearest && below.own ? below.own : nearest;
		if (!below.own && !below.defaults) {
			if (key->required && nearest)
				missing_key(load, key, layers, nearest);
			below_nearest = NULL; /* what is missing in it need not be said too */
		}
		if (key->optional)
			*(bool *)inner = below.own || below.defaults;
		parse_group(load, key->group, &below, below_nearest, exactly_once, inner);
	}
}

/* Names go into client ids, metrics and paths of messages. */
static void check_name(struct load *load, const config_setting_t *setting, const char *path)
{
	struct finding_place where = load_place(load, setting, path);
	const char *name = config_setting_name(setting);

	if (strchr(name, '*'))
		findings_error(load->findings, &where,
		    "a name may not hold \"*\"; use letters, digits, \"_\" and \"-\"");
	else if (strlen(name) > NAME_LENGTH_MAX)
		findings_error(load->findings, &where, "this name has %zu characters; use at most %d",
		    strlen(name), NAME_LENGTH_MAX);
}

/* The section of this name in a document, or NULL. What is no group is reported. */
static const config_setting_t *section(struct load *load, const struct document *document, const char *name)
{
	const config_setting_t *setting = member(config_root_setting(&document->tree), name);

	if (setting && !config_setting_is_group(setting)) {
		struct finding_place where = load_place(load, setting, name);

		findings_error(load->findings, &where, "has the wrong type; write { ... }");
		return NULL;
	}
	return setting;
}

static void check_sections(struct load *load, const struct document *document)
{
	const config_setting_t *root = config_root_setting(&document->tree);

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *setting = config_setting_get_elem(root, (unsigned int)i);
		const char *name = config_setting_name(setting);
		struct finding_place where = load_place(load, setting, name);
		const char *nearest = nearest_word(sections, name);
		bool known = false;

		for (const char *const *word = sections; *word; word++)
			known = known || strcmp(*word, name) == 0;
		if (known)
			continue;
		if (nearest)
			findings_error(load->findings, &where, "unknown key; did you mean \"%s\"?", nearest);
		else
			findings_error(load->findings, &where,
			    "unknown key; the keys here are aloqd, clusters, defaults, pipelines");
	}
}

/* The one section of this name; a second one is reported with both places. */
static const config_setting_t *only_section(struct load *load, const char *name)
{
	const config_setting_t *first = NULL;

	for (size_t i = 0; i < load->document_count; i++) {
		const config_setting_t *setting = section(load, load->documents[i], name);

		if (setting && first) {
			struct finding_place where = load_place(load, setting, name);
			struct config_origin other = load_origin(load, first);

			findings_error(load->findings, &where, "stands in %s:%d already; keep it in one file",
			    other.file, other.line);
		} else if (setting) {
			first = setting;
		}
	}
	return first;
}

static const config_setting_t *is_taken(
    struct load *load, const char *name_of_section, const config_setting_t *until)
{
	for (size_t i = 0; i < load->document_count; i++) {
		const config_setting_t *other =
		    member(member(config_root_setting(&load->documents[i]->tree), name_of_section),
			config_setting_name(until));

		if (other == until)
			return NULL;
		if (other)
			return other;
	}
	return NULL;
}

/* The next member of all sections of this name; those that are no groups or whose name is taken are reported
 * and left out. Start with zeroes; NULL at the end. */
struct section_iterator {
	size_t document;
	int element;
};

static const config_setting_t *next_member(struct load *load, const char *name, struct section_iterator *at)
{
	char path[PATH_SIZE];

	for (; at->document < load->document_count; at->document++, at->element = 0) {
		const config_setting_t *group = section(load, load->documents[at->document], name);

		while (group && at->element < config_setting_length(group)) {
			const config_setting_t *setting =
			    config_setting_get_elem(group, (unsigned int)at->element++);
			const config_setting_t *other = is_taken(load, name, setting);
			struct finding_place where = load_place(
			    load, setting, join(path, sizeof path, name, config_setting_name(setting)));

			check_name(load, setting, path);
			if (!config_setting_is_group(setting)) {
				findings_error(
				    load->findings, &where, "has the wrong type; write { KEY = VALUE; ... }");
			} else if (other) {
				struct config_origin origin = load_origin(load, other);

				findings_error(load->findings, &where,
				    "stands in %s:%d already; remove or rename one of the two", origin.file,
				    origin.line);
			} else {
				return setting;
			}
		}
	}
	return NULL;
}

static void parse_clusters(struct load *load)
{
	struct section_iterator at = { 0 };
	const config_setting_t *setting;
	struct config *config = load->config;

	while ((setting = next_member(load, "clusters", &at))) {
		struct config_cluster *cluster;
		char path[PATH_SIZE];
		struct layers layers = { .own = setting, .own_path = path, .defaults_path = "" };

		config->clusters =
		    xreallocarray(config->clusters, config->cluster_count + 1, sizeof *config->clusters);
		load->cluster_settings =
		    xreallocarray(load->cluster_settings, config->cluster_count + 1, sizeof *load->cluster_settings);
		load->cluster_settings[config->cluster_count] = setting;
		cluster = &config->clusters[config->cluster_count++];
		*cluster = (struct config_cluster){
			.name = xstrdup(config_setting_name(setting)),
			.origin = load_origin(load, setting),
		};
		join(path, sizeof path, "clusters", cluster->name);
		check_keys(load, PLACE_CLUSTER, setting, path);
		parse_group(load, PLACE_CLUSTER, &layers, setting, false, cluster);
		if (cluster->tls.enabled)
			cluster->tls.origin = load_origin(load, member(setting, "tls"));
		if (cluster->sasl.enabled)
			cluster->sasl.origin = load_origin(load, member(setting, "sasl"));
	}
}

static void parse_pipeline(struct load *load, const config_setting_t *setting)
{
	struct config *config = load->config;
	struct config_pipeline *pipeline;
	char path[PATH_SIZE];
	struct layers layers = {
		.own = setting,
		.own_path = path,
		.defaults = load->defaults,
		.defaults_path = "defaults",
	};

	config->pipelines =
	    xreallocarray(config->pipelines, config->pipeline_count + 1, sizeof *config->pipelines);
	load->sources = xreallocarray(load->sources, config->pipeline_count + 1, sizeof *load->sources);
	load->sources[config->pipeline_count] = (struct pipeline_source){ setting, load->defaults };
	pipeline = &config->pipelines[config->pipeline_count++];
	*pipeline = (struct config_pipeline){
		.name = xstrdup(config_setting_name(setting)),
		.origin = load_origin(load, setting),
	};
	join(path, sizeof path, "pipelines", pipeline->name);
	check_keys(load, PLACE_PIPELINE, setting, path);
	parse_group(load, PLACE_PIPELINE, &layers, setting, false, pipeline);
	if (!pipeline->from.group)
		pipeline->from.group = default_group(pipeline->name);
	if (!pipeline->to.cluster)
		pipeline->to.cluster = pipeline->from.cluster;
	/* One of `defaults` is for those pipelines that have a use for it. */
	if (pipeline->on_error != ON_ERROR_DEAD_LETTER && !member(setting, "dead_letter"))
		value_store_text(keys_find(PLACE_PIPELINE, "dead_letter"), pipeline, NULL);
}

static void parse_pipelines(struct load *load)
{
	struct section_iterator at = { 0 };
	const config_setting_t *setting;

	while ((setting = next_member(load, "pipelines", &at))) {
		if (load->config->pipeline_count == PIPELINES_MAX) {
			struct finding_place where = load_place(load, setting, "pipelines");

			findings_error(load->findings, &where,
			    "there are more than %d; spread them over instances", PIPELINES_MAX);
			return;
		}
		parse_pipeline(load, setting);
	}
}

/* The values of `defaults` are judged where they stand, whether a pipeline uses them or not. */
static void parse_defaults(struct load *load)
{
	struct config_pipeline scratch = { 0 };
	struct layers layers = { .own_path = "", .defaults_path = "defaults" };

	load->defaults = only_section(load, "defaults");
	if (!load->defaults)
		return;
	layers.defaults = load->defaults;
	check_keys(load, PLACE_PIPELINE, load->defaults, "defaults");
	parse_group(load, PLACE_PIPELINE, &layers, NULL, false, &scratch);
	values_clear(PLACE_PIPELINE, &scratch);
}

static void parse_aloqd(struct load *load)
{
	struct config *config = load->config;
	const config_setting_t *setting = only_section(load, "aloqd");
	struct layers layers = { .own = setting, .own_path = "aloqd", .defaults_path = "" };

	if (setting)
		check_keys(load, PLACE_ALOQD, setting, "aloqd");
	parse_group(load, PLACE_ALOQD, &layers, NULL, false, config);
	if (!config->control)
		config->control = default_control();
	if (!config->instance)
		config->instance = default_instance();
}

void parse_documents(struct load *load)
{
	for (size_t i = 0; i < load->document_count; i++)
		check_sections(load, load->documents[i]);
	parse_aloqd(load);
	parse_clusters(load);
	parse_defaults(load);
	parse_pipelines(load);
}

static const config_setting_t *find_cluster_setting(
    const struct load *load, size_t cluster, const char *group, const char *key)
{
	const config_setting_t *own = load->cluster_settings[cluster];

	return member(group ? member(own, group) : own, key);
}

bool cluster_has_key(const struct load *load, size_t cluster, const char *group, const char *key)
{
	return find_cluster_setting(load, cluster, group, key) != NULL;
}

struct finding_place cluster_key_place(
    const struct load *load, size_t cluster, const char *group, const char *key, char *buffer, size_t size)
{
	const config_setting_t *own = load->cluster_settings[cluster];
	const config_setting_t *setting = find_cluster_setting(load, cluster, group, key);

	snprintf(buffer, size, "clusters.%s.%s%s%s", load->config->clusters[cluster].name, group ? group : "",
	    group ? "." : "", key);
	if (!setting && group)
		setting = member(own, group);
	return load_place(load, setting ? setting : own, buffer);
}

/* The key's setting in the pipeline or in defaults; NULL: it stands nowhere. */
static const config_setting_t *find_setting(
    const config_setting_t *pipeline, const char *group, const char *key)
{
	const config_setting_t *within = pipeline;

	if (group && strcmp(group, "create") == 0)
		within = member(member(pipeline, "to"), "create");
	else if (group)
		within = member(pipeline, group);
	return member(within, key);
}

struct finding_place pipeline_key_place(
    const struct load *load, size_t pipeline, const char *group, const char *key, char *buffer, size_t size)
{
	const struct pipeline_source *source = &load->sources[pipeline];
	const char *inner = !group ? "" : strcmp(group, "create") == 0 ? "to.create." : group;
	const char *dot = group && strcmp(group, "create") != 0 ? "." : "";
	const config_setting_t *setting = find_setting(source->own, group, key);

	if (!setting && (setting = find_setting(source->defaults, group, key)))
		snprintf(buffer, size, "defaults.%s%s%s", inner, dot, key);
	else
		snprintf(buffer, size, "pipelines.%s.%s%s%s", load->config->pipelines[pipeline].name, inner,
		    dot, key);
	return load_place(load, setting ? setting : source->own, buffer);
}
