/* audit_findings.h: what an audit of the clusters has found about one pipeline. */
#pragma once
#include <stddef.h>

enum audit_severity {
	AUDIT_NOTE,	   /* worth knowing */
	AUDIT_WARNING,	   /* works, and can go wrong in a way that hurts */
	AUDIT_UNREACHABLE, /* a cluster does not answer, so nothing is known of it */
	AUDIT_ERROR,	   /* the pipeline cannot do its work, or not as promised */
};

/* What it is about. NULL where it does not apply. */
struct audit_place {
	const char *cluster, *topic;
	const char *setting; /* of a topic or of the brokers */
	const char *value;   /* that it has */
};

struct audit_finding {
	enum audit_severity severity;
	char *place; /* "cluster main, topic orders, retention.ms=1000"; may be empty */
	char *text;
	char *remedy; /* NULL: there is nothing to do */
};

struct audit_findings {
	struct audit_finding *items;
	size_t count;
};

/* Adds one: the format makes its text. remedy may be NULL. */
void audit_found(struct audit_findings *findings, enum audit_severity severity, const struct audit_place *place,
    const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The gravest first; those of one severity stay in their order. */
void audit_findings_sort(struct audit_findings *findings);

/* Zeros it. */
void audit_findings_clear(struct audit_findings *findings);

/* "error", "unreachable", "warning" or "note". */
const char *audit_severity_name(enum audit_severity severity);
