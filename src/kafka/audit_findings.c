#include "kafka/audit_findings.h"
#include <stdarg.h>
#include <stdlib.h>
#include "base/memory.h"

static char *place_text(const struct audit_place *place)
{
	return xasprintf("%s%s%s%s%s%s%s%s", place->cluster ? "cluster " : "",
	    place->cluster ? place->cluster : "", place->topic ? ", topic " : "",
	    place->topic ? place->topic : "", place->setting ? ", " : "",
	    place->setting ? place->setting : "", place->value ? "=" : "", place->value ? place->value : "");
}

void audit_found(struct audit_findings *findings, enum audit_severity severity,
    const struct audit_place *place, const char *remedy, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	findings->items = xreallocarray(findings->items, findings->count + 1, sizeof *findings->items);
	findings->items[findings->count++] = (struct audit_finding){
		.severity = severity,
		.place = place_text(place),
		.text = text,
		.remedy = remedy ? xstrdup(remedy) : NULL,
	};
}

void audit_findings_sort(struct audit_findings *findings)
{
	/* By insertion: there are few, and their order is to be kept. */
	for (size_t i = 1; i < findings->count; i++) {
		struct audit_finding moved = findings->items[i];
		size_t at = i;

		for (; at > 0 && findings->items[at - 1].severity < moved.severity; at--)
			findings->items[at] = findings->items[at - 1];
		findings->items[at] = moved;
	}
}

void audit_findings_clear(struct audit_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].place);
		free(findings->items[i].text);
		free(findings->items[i].remedy);
	}
	free(findings->items);
	*findings = (struct audit_findings){ .items = NULL };
}

const char *audit_severity_name(enum audit_severity severity)
{
	switch (severity) {
	case AUDIT_NOTE:
		return "note";
	case AUDIT_WARNING:
		return "warning";
	case AUDIT_UNREACHABLE:
		return "unreachable";
	case AUDIT_ERROR:
		return "error";
	}
	return "?";
}
