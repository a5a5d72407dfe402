/* audit_judge.h: what is wrong with the clusters of a pipeline, by what they have said. Pure. */
#pragma once
#include "kafka/audit_facts.h"
#include "kafka/audit_findings.h"

/* Adds all findings, the gravest first. */
void audit_judge(const struct audit_facts *facts, struct audit_findings *findings);
