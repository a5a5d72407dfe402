#include "config/dump.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/units.h"
#include "config/keys.h"
#include "config/property_list.h"
#include "config/secret.h"

/* A text that grows, and the depth that its lines are indented to. */
struct output {
	FILE *stream;
	int depth;
};

static void line(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(struct output *output, const char *format, ...)
{
	va_list arguments;

	for (int i = 0; i < output->depth; i++)
		fputc('\t', output->stream);
	va_start(arguments, format);
	vfprintf(output->stream, format, arguments);
	va_end(arguments);
	fputc('\n', output->stream);
}

static void open_group(struct output *output, const char *name)
{
	line(output, "%s = {", name);
	output->depth++;
}

static void close_group(struct output *output)
{
	output->depth--;
	line(output, "};");
}

/* A text in double quotes, as libconfig reads it back; all but printable ASCII as \xHH. */
static char *quote(const char *text)
{
	char *quoted = xcalloc(strlen(text) * 4 + 3, 1);
	size_t used = 0;

	quoted[used++] = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			quoted[used++] = '\\';
			quoted[used++] = *text;
		} else if (c < 0x20 || c >= 0x7f) {
			used += (size_t)snprintf(quoted + used, 5, "\\x%02x", c);
		} else {
			quoted[used++] = *text;
		}
	}
	quoted[used] = '"';
	return quoted;
}

static void quoted_line(struct output *output, const char *name, const char *text)
{
	_cleanup_free_ char *quoted = quote(text);

	line(output, "%s = %s;", name, quoted);
}

static void dump_topics(struct output *output, const char *name, const struct config_from *from)
{
	line(output, "%s = [", name);
	output->depth++;
	for (size_t i = 0; i < from->topic_count; i++) {
		_cleanup_free_ char *quoted = quote(from->topics[i]);

		line(output, "%s%s", quoted, i + 1 < from->topic_count ? "," : "");
	}
	output->depth--;
	line(output, "];");
}

static void dump_properties(struct output *output, const char *name, const struct config_properties *list)
{
	if (list->count == 0)
		return;
	line(output, "%s = [", name);
	output->depth++;
	for (size_t i = 0; i < list->count; i++) {
		const struct config_property *item = &list->items[i];
		_cleanup_free_ char *text =
		    xasprintf("%s=%s", item->name, property_is_secret(item->name) ? "***" : item->value);
		_cleanup_free_ char *quoted = quote(text);

		line(output, "%s%s", quoted, i + 1 < list->count ? "," : "");
	}
	output->depth--;
	line(output, "];");
}

/* Where a secret is kept is none. */
static void dump_secret(struct output *output, const char *name, const struct config_secret *secret)
{
	if (secret->text)
		quoted_line(output, name, secret_is_reference(secret->text) ? secret->text : "***");
}

static void dump_place(struct output *output, enum key_place place, const void *object);

static void dump_start(
    struct output *output, const char *name, const struct key *key, const struct config_from *from)
{
	if (from->start == START_TIMESTAMP)
		line(output, "%s = \"timestamp:%" PRId64 "\";", name, from->start_timestamp_ms);
	else
		quoted_line(output, name, keys_choice_name(key->choices, (int)from->start));
}

static void dump_value(struct output *output, const struct key *key, const void *object)
{
	const void *field = (const char *)object + key->offset;
	char text[UNITS_TEXT_SIZE];

	switch (key->type) {
	case KEY_BOOL:
		line(output, "%s = %s;", key->name, *(const bool *)field ? "true" : "false");
		break;
	case KEY_INT32:
		line(output, "%s = %" PRId32 ";", key->name, *(const int32_t *)field);
		break;
	case KEY_INT64:
		line(output, "%s = %" PRId64 "%s;", key->name, *(const int64_t *)field,
		    *(const int64_t *)field > INT32_MAX ? "L" : "");
		break;
	case KEY_LISTENER:
		quoted_line(output, key->name, *(char *const *)field ? *(char *const *)field : "off");
		break;
	case KEY_TEXT:
	case KEY_BROKERS:
	case KEY_WORD:
	case KEY_INSTANCE:
		if (*(char *const *)field)
			quoted_line(output, key->name, *(char *const *)field);
		break;
	case KEY_CHOICE: {
		int value;

		memcpy(&value, field, sizeof value); /* an enum of the compiler's choosing */
		quoted_line(output, key->name, keys_choice_name(key->choices, value));
		break;
	}
	case KEY_DURATION_MS:
		quoted_line(
		    output, key->name, units_format_duration(text, sizeof text, *(const int64_t *)field));
		break;
	case KEY_DURATION_US:
		quoted_line(
		    output, key->name, units_format_duration_us(text, sizeof text, *(const int64_t *)field));
		break;
	case KEY_SIZE:
		quoted_line(
		    output, key->name, units_format_size(text, sizeof text, *(const uint64_t *)field));
		break;
	case KEY_CLUSTER:
		quoted_line(output, key->name, (*(const struct config_cluster *const *)field)->name);
		break;
	case KEY_TOPICS:
		dump_topics(output, key->name, object);
		break;
	case KEY_START:
		dump_start(output, key->name, key, object);
		break;
	case KEY_PARTITION: {
		const struct config_to *to = object;

		if (to->partition == PARTITION_FIXED)
			line(output, "%s = { fixed = %" PRId32 "; };", key->name, to->fixed_partition);
		else
			quoted_line(output, key->name, keys_choice_name(key->choices, (int)to->partition));
		break;
	}
	case KEY_PROPERTIES:
		dump_properties(output, key->name, field);
		break;
	case KEY_SECRET:
		dump_secret(output, key->name, field);
		break;
	case KEY_FILE:
		if (((const struct config_file *)field)->text)
			quoted_line(output, key->name, ((const struct config_file *)field)->text);
		break;
	case KEY_GROUP:
		if (key->optional && !*(const bool *)field)
			break;
		open_group(output, key->name);
		dump_place(output, key->group, field);
		close_group(output);
		break;
	case KEY_LATER:
		break;
	}
}

static void dump_place(struct output *output, enum key_place place, const void *object)
{
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		if (key->place == place)
			dump_value(output, key, object);
	}
}

static void dump_cluster(struct output *output, const struct config_cluster *cluster)
{
	open_group(output, cluster->name);
	dump_place(output, PLACE_CLUSTER, cluster);
	close_group(output);
}

static FILE *open_text(char **text, size_t *size)
{
	FILE *stream = open_memstream(text, size);

	if (!stream)
		abort(); /* no memory, which the allocators treat alike */
	return stream;
}

char *config_dump(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	struct output output = { .stream = open_text(&text, &size) };

	open_group(&output, "aloqd");
	dump_place(&output, PLACE_ALOQD, config);
	close_group(&output);
	open_group(&output, "clusters");
	for (size_t i = 0; i < config->cluster_count; i++)
		dump_cluster(&output, &config->clusters[i]);
	close_group(&output);
	open_group(&output, "pipelines");
	for (size_t i = 0; i < config->pipeline_count; i++) {
		open_group(&output, config->pipelines[i].name);
		dump_place(&output, PLACE_PIPELINE, &config->pipelines[i]);
		close_group(&output);
	}
	close_group(&output);
	fclose(output.stream);
	return text;
}

char *dump_pipeline_settings(const struct config_pipeline *pipeline)
{
	char *text = NULL;
	size_t size = 0;
	struct output output = { .stream = open_text(&text, &size) };

	dump_cluster(&output, pipeline->from.cluster);
	dump_cluster(&output, pipeline->to.cluster);
	dump_place(&output, PLACE_PIPELINE, pipeline);
	fclose(output.stream);
	return text;
}
