/* audit.h: asks the live clusters whether they let the pipelines keep their promises.
 *
 * Changes nothing (but that the first question about a group makes a new cluster set up __consumer_offsets). */
#pragma once
#include "config/config.h"
#include "kafka/audit_findings.h"

/* What was found about a pipeline, the gravest first; gone when this returns. */
typedef void (*audit_report)(
    void *context, const struct config_pipeline *pipeline, const struct audit_findings *findings);

/* Audits each enabled pipeline, in the configuration's order, and reports it before it goes on to the next. Blocks:
 * each request for 5 s at most, and a cluster that does not answer is asked no more, unless a pipeline has properties of
 * its own for it: what they do is its own affair. */
void audit_run(struct config *config, audit_report report, void *context);
