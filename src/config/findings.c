#include "config/findings.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"

#define TEXT_SIZE 2048

/* A file that is wrong everywhere need not be told so more often. */
#define FINDINGS_MAX 1000

struct entry {
	size_t file;
	int line;
	size_t sequence;
	struct config_finding finding;
};

struct findings_list {
	char *const *const *files;
	struct entry *entries;
	size_t count;
	size_t error_count;
};

struct findings_list *findings_new(char *const *const *files)
{
	struct findings_list *list = xcalloc(1, sizeof *list);

	list->files = files;
	return list;
}

void findings_free(struct findings_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].finding.text);
	free(list->entries);
	free(list);
}

static void add(struct findings_list *list, bool is_error, const struct finding_place *place,
    const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));
static void add(struct findings_list *list, bool is_error, const struct finding_place *place,
    const char *format, va_list arguments)
{
	_cleanup_free_ char *raw = NULL;
	char message[TEXT_SIZE];
	char text[TEXT_SIZE];
	char line[16] = "";

	vsnprintf(message, sizeof message, format, arguments);
	if (place->line > 0)
		snprintf(line, sizeof line, ":%d", place->line);
	raw = xasprintf("%s%s: %s%s%s", (*list->files)[place->file], line, place->path,
	    *place->path ? ": " : "", message);
	escape_text(text, sizeof text, raw, strlen(raw));

	if (is_error)
		list->error_count++;
	if (list->count >= FINDINGS_MAX)
		return;
	/* What is wrong in `defaults` shows up with every pipeline. */
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->entries[i].finding.text, text) == 0) {
			if (is_error)
				list->error_count--;
			return;
		}
	}
	list->entries = xreallocarray(list->entries, list->count + 1, sizeof *list->entries);
	list->entries[list->count] = (struct entry){
		.file = place->file,
		.line = place->line,
		.sequence = list->count,
		.finding = { .is_error = is_error, .text = xstrdup(text) },
	};
	list->count++;
}

void findings_error(struct findings_list *list, const struct finding_place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, true, place, format, arguments);
	va_end(arguments);
}

void findings_warning(struct findings_list *list, const struct finding_place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, false, place, format, arguments);
	va_end(arguments);
}

size_t findings_error_count(const struct findings_list *list)
{
	return list->error_count;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void findings_finish(struct findings_list *list, struct config_findings *result)
{
	if (list->count > 0)
		qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
	result->items = xcalloc(list->count, sizeof *result->items);
	result->count = list->count;
	result->error_count = list->error_count;
	for (size_t i = 0; i < list->count; i++)
		result->items[i] = list->entries[i].finding;
	list->count = 0;
}

void config_findings_add_warning(struct config_findings *findings, const char *text)
{
	findings->items = xreallocarray(findings->items, findings->count + 1, sizeof *findings->items);
	findings->items[findings->count++] = (struct config_finding){ .text = xstrdup(text) };
}

void config_findings_clear(struct config_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].text);
	free(findings->items);
	*findings = (struct config_findings){ 0 };
}
