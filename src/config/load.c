#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/load.h"
#include "core/topic_pattern.h"

/* Each is compiled, and matched with each target. */
#define PATTERNS_MAX 2000

static size_t note_file(void *context, const char *path, unsigned int mode)
{
	struct load *load = context;
	struct config *config = load->config;

	config->files = xreallocarray(config->files, config->file_count + 1, sizeof *config->files);
	load->file_modes = xreallocarray(load->file_modes, config->file_count + 1, sizeof *load->file_modes);
	config->files[config->file_count] = xstrdup(path);
	load->file_modes[config->file_count] = mode;
	return config->file_count++;
}

static void note_problem(void *context, size_t file, int line, const char *text)
{
	struct load *load = context;
	struct finding_place place = { .file = file, .line = line, .path = "" };

	findings_error(load->findings, &place, "%s", text);
}

static const char *unreadable_words(int error_number)
{
	return error_number == SOURCE_TEXT_NO_FILE ? "it is not a regular file" : strerror(error_number);
}

static void note_unreadable(void *context, size_t file, int line, const char *path, int error_number)
{
	struct load *load = context;
	struct finding_place place = { .file = file, .line = line, .path = "" };

	if (error_number == EACCES || error_number == EPERM)
		load->forbidden = true;
	findings_error(
	    load->findings, &place, "cannot read the included file %s: %s", path, unreadable_words(error_number));
}

/* A path that was asked for by name and cannot be read. */
static void note_file_error(struct load *load, const char *path, int error_number)
{
	bool forbidden = error_number == EACCES || error_number == EPERM;
	struct finding_place place = { .file = note_file(load, path, 0), .path = "" };
	const char *remedy = forbidden                ? "let the daemon's user read it"
	                     : error_number == ENOENT ? "write it, or name another one with -c"
	                     : error_number == EFBIG  ? "make it smaller than 4 MiB"
	                     : error_number == SOURCE_TEXT_NO_FILE
	                         ? "put the configuration into a file and name that"
	                         : "see that it can be read";

	if (forbidden)
		load->forbidden = true;
	findings_error(load->findings, &place, "cannot read it: %s; %s", unreadable_words(error_number), remedy);
}

static const char *syntax_remedy(const char *error)
{
	if (strcmp(error, "duplicate setting name") == 0)
		return "a key of this name stands in the same group already; remove one of the two";
	if (strcmp(error, "mismatched element type in array") == 0)
		return "the values of a list must all be texts in double quotes";
	return "look for a missing \";\", \"=\", quote or bracket on this line or the one before";
}

static void read_document(struct load *load, const char *path)
{
	const struct source_text_ops ops = {
		.file = note_file,
		.problem = note_problem,
		.unreadable = note_unreadable,
		.context = load,
	};
	struct document *document = xcalloc(1, sizeof *document);
	int r = source_text_read(&document->source, path, &ops);

	config_init(&document->tree);
	load->documents = xreallocarray(load->documents, load->document_count + 1, sizeof(struct document *));
	load->documents[load->document_count++] = document;
	if (r < 0 && !document->source.text) {
		note_file_error(load, path, -r);
	} else if (r == 0 && config_read_string(&document->tree, document->source.text) != CONFIG_TRUE) {
		struct finding_place place = { .path = "" };

		source_text_place(
		    &document->source, config_error_line(&document->tree), &place.file, &place.line);
		findings_error(load->findings, &place, "%s; %s", config_error_text(&document->tree),
		    syntax_remedy(config_error_text(&document->tree)));
	}
}

static int is_configuration_name(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* alphasort() would follow the locale, and the order decides nothing but messages: bytes are fine. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_conf_d(struct load *load, const char *main_file)
{
	const char *slash = strrchr(main_file, '/');
	_cleanup_free_ char *directory =
	    xasprintf("%.*sconf.d", slash ? (int)(slash - main_file + 1) : 0, main_file);
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_configuration_name, compare_names);

	if (count < 0) {
		if (errno != ENOENT)
			note_file_error(load, directory, errno);
		return;
	}
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, entries[i]->d_name);

		read_document(load, path);
		free(entries[i]);
	}
	free(entries);
}

static const struct document *document_of(const struct load *load, const config_setting_t *setting)
{
	for (size_t i = 0; i < load->document_count; i++) {
		if (setting->config == &load->documents[i]->tree)
			return load->documents[i];
	}
	abort(); /* every setting comes from one of the trees */
}

struct finding_place load_place(const struct load *load, const config_setting_t *setting, const char *path)
{
	struct finding_place place = { .path = path };

	source_text_place(&document_of(load, setting)->source, (int)config_setting_source_line(setting),
	    &place.file, &place.line);
	return place;
}

struct config_origin load_origin(const struct load *load, const config_setting_t *setting)
{
	struct finding_place place = load_place(load, setting, "");

	return (struct config_origin){ .file = load->config->files[place.file], .line = place.line };
}

struct finding_place origin_place(
    const struct load *load, const struct config_origin *origin, const char *path)
{
	struct finding_place place = { .line = origin->line, .path = path };

	while (load->config->files[place.file] != origin->file)
		place.file++;
	return place;
}

/* Is there anything that is meant to be a pipeline? */
static bool has_pipelines(const struct load *load)
{
	for (size_t i = 0; i < load->document_count; i++) {
		const config_setting_t *section = config_lookup(&load->documents[i]->tree, "pipelines");

		if (section && (!config_setting_is_group(section) || config_setting_length(section) > 0))
			return true;
	}
	return false;
}

static bool has_too_many_patterns(struct load *load)
{
	const struct finding_place whole = { .path = "pipelines" };
	size_t count = 0;

	for (size_t i = 0; i < load->config->pipeline_count; i++) {
		const struct config_from *from = &load->config->pipelines[i].from;

		for (size_t j = 0; j < from->topic_count; j++)
			count += topic_pattern_is(from->topics[j]);
	}
	if (count > PATTERNS_MAX)
		findings_error(load->findings, &whole,
		    "from.topics of all of them have %zu regular expressions; use %d at most, each for more topics",
		    count, PATTERNS_MAX);
	return count > PATTERNS_MAX;
}

static void check_all(struct load *load)
{
	const struct finding_place whole = { .path = "pipelines" };
	size_t enabled = 0;

	if (has_too_many_patterns(load))
		return; /* what else is wrong would take for ever to find */
	for (size_t i = 0; i < load->config->cluster_count; i++)
		check_cluster(load, i);
	for (size_t i = 0; i < load->config->pipeline_count; i++) {
		check_pipeline(load, i);
		enabled += load->config->pipelines[i].enabled;
	}
	check_topology(load);
	if (!has_pipelines(load))
		findings_error(load->findings, &whole,
		    "there are none, so there is nothing to do; add one: "
		    "pipelines = { NAME = { from = { ... }; to = { ... }; }; };");
	else if (enabled == 0 && load->config->pipeline_count > 0)
		findings_warning(load->findings, &whole,
		    "all are disabled, so nothing will be relayed; set enabled = true");
}

static void load_clear(struct load *load)
{
	for (size_t i = 0; i < load->document_count; i++) {
		config_destroy(&load->documents[i]->tree);
		source_text_clear(&load->documents[i]->source);
		free(load->documents[i]);
	}
	free(load->documents);
	free(load->file_modes);
	free(load->cluster_settings);
	free(load->sources);
	findings_free(load->findings);
}

static void note_checked(
    void *context, const struct config_origin *origin, const char *path, const char *text)
{
	struct load *load = context;
	struct finding_place place = origin_place(load, origin, path);

	findings_error(load->findings, &place, "%s", text);
}

struct config *config_load(const char *file, bool conf_d, enum config_purpose purpose, config_check check,
    struct config_findings *findings, int *exit_code)
{
	struct config *config = xcalloc(1, sizeof *config);
	struct load load = { .config = config, .purpose = purpose,
		.findings = findings_new((char *const *const *)&config->files) };

	config->holders = 1;
	read_document(&load, file);
	if (conf_d)
		read_conf_d(&load, file);
	/* What cannot be parsed as a whole cannot be judged. */
	if (findings_error_count(load.findings) == 0) {
		parse_documents(&load);
		check_all(&load);
		if (check)
			check(config, note_checked, &load);
	}
	findings_finish(load.findings, findings);
	*exit_code = findings->error_count == 0 ? EX_OK : load.forbidden ? EX_NOPERM : EX_CONFIG;
	load_clear(&load);
	if (findings->error_count > 0) {
		config_free(config);
		return NULL;
	}
	return config;
}
