#include "daemon/check_brokers.h"
#include <string.h>
#include <sysexits.h>
#include "base/escape.h"
#include "kafka/audit.h"

enum { LINE_SIZE = 4096, SEVERITY_COUNT = AUDIT_ERROR + 1 };

struct check {
	FILE *out;
	size_t pipelines;
	size_t found[SEVERITY_COUNT];
};

/* What brokers say is outside text. */
static void print_escaped(FILE *out, const char *text)
{
	char line[LINE_SIZE];

	escape_text(line, sizeof line, text, strlen(text));
	fputs(line, out);
}

static void print_finding(FILE *out, const char *pipeline, const struct audit_finding *finding)
{
	fprintf(out, "%s: %s: ", pipeline, audit_severity_name(finding->severity));
	print_escaped(out, finding->place);
	fputs(": ", out);
	print_escaped(out, finding->text);
	if (finding->remedy) {
		fputs("; ", out);
		print_escaped(out, finding->remedy);
	}
	fputc('\n', out);
}

static void on_audited(
    void *context, const struct config_pipeline *pipeline, const struct audit_findings *findings)
{
	struct check *check = context;

	check->pipelines++;
	for (size_t i = 0; i < findings->count; i++) {
		check->found[findings->items[i].severity]++;
		print_finding(check->out, pipeline->name, &findings->items[i]);
	}
	if (findings->count == 0)
		fprintf(check->out, "%s: nothing found\n", pipeline->name);
	fflush(check->out); /* the next one may take a while */
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

int check_brokers(FILE *out, struct config *config)
{
	struct check check = { .out = out };

	audit_run(config, on_audited, &check);
	fprintf(out, "%zu pipeline%s: %zu error%s, %zu unreachable, %zu warning%s, %zu note%s\n",
	    check.pipelines, plural(check.pipelines), check.found[AUDIT_ERROR],
	    plural(check.found[AUDIT_ERROR]), check.found[AUDIT_UNREACHABLE], check.found[AUDIT_WARNING],
	    plural(check.found[AUDIT_WARNING]), check.found[AUDIT_NOTE], plural(check.found[AUDIT_NOTE]));
	if (check.found[AUDIT_ERROR] > 0)
		return EX_CONFIG;
	return check.found[AUDIT_UNREACHABLE] > 0 ? EX_UNAVAILABLE : EX_OK;
}
