/* Who is in the group: do all of them do the same? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/audit_internal.h"

enum { HASH_DIGITS = 8, NAMED_MAX = 8 };

/* The hash of its settings, by the client id that settings.c gives; NULL: it is no member of this pipeline. */
static const char *hash_of(const struct audit_member *member, const char *prefix)
{
	const char *hash, *rest;

	if (strncmp(member->client_id, prefix, strlen(prefix)) != 0)
		return NULL;
	hash = member->client_id + strlen(prefix);
	if (strspn(hash, "0123456789abcdef") != HASH_DIGITS)
		return NULL;
	rest = hash + HASH_DIGITS;
	/* One of several in its process has its number there. */
	return !*rest || (*rest == '-' && rest[1 + strspn(rest + 1, "0123456789")] == '\0') ? hash : NULL;
}

static void name_member(FILE *text, const struct audit_member *member, size_t before)
{
	/* The brokers write an address with a slash before it. */
	if (before < NAMED_MAX)
		fprintf(text, "%s%s at %s", before > 0 ? ", " : "", member->client_id,
		    member->host + strspn(member->host, "/"));
}

/* Those with other settings than the pipeline's, in words. The caller frees. */
static char *name_others(const struct audit_facts *facts, const char *hash, size_t *count)
{
	_cleanup_free_ char *prefix = xasprintf("aloqd-%s-", facts->pipeline->name);
	char *names = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&names, &size);

	if (!text)
		abort(); /* no memory, which the allocators treat alike */
	*count = 0;
	for (size_t i = 0; i < facts->member_count; i++) {
		const char *its = hash_of(&facts->members[i], prefix);

		if (its && strncmp(its, hash, HASH_DIGITS) != 0)
			name_member(text, &facts->members[i], (*count)++);
	}
	if (*count > NAMED_MAX)
		fprintf(text, ", and %zu more", *count - NAMED_MAX);
	fclose(text);
	return names;
}

void audit_judge_members(const struct audit_facts *facts, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(&facts->source, NULL);
	const char *group = facts->pipeline->from.group;
	_cleanup_free_ char *others = NULL;
	char hash[HASH_DIGITS + 1];
	size_t count;

	config_pipeline_hash(facts->pipeline, hash);
	others = name_others(facts, hash, &count);
	if (count > 0)
		audit_found(findings, AUDIT_WARNING, &place,
		    "bring the same configuration and version of aloqd to all hosts, and reload it there "
		    "(aloqd --dump-config shows what one of them has); where they differ in partition.assignment.strategy this "
		    "one will not even start: stop it on all, change all, start all",
		    "%zu member%s of the group %s run%s this pipeline with other settings than these, which have "
		    "the hash %s: what becomes of a record depends on which host has its partition: %s",
		    count, count == 1 ? "" : "s", group, count == 1 ? "s" : "", hash, others);
	if (facts->members_unknown)
		audit_found(findings, AUDIT_NOTE, &place, NULL,
		    "who is in the group %s cannot be seen, so that hosts whose settings differ are not either: %s",
		    group, facts->members_unknown);
}
