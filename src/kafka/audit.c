#include "kafka/audit.h"
#include <stdlib.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/audit_internal.h"
#include "kafka/audit_judge.h"
#include "kafka/cluster_ids.h"

struct audit {
	const struct config *config;
	struct cluster_ids *cluster_ids;
	struct error *failures; /* of config->clusters, by the first pipeline that asked */
};

/* With properties of its own a pipeline may reach what another one could not. */
static struct error known_failure(
    const struct audit *audit, const struct config_cluster *cluster, const struct config_properties *own)
{
	static const struct error none = { 0 };

	return own->count > 0 ? none : audit->failures[cluster - audit->config->clusters];
}

static void audit_pipeline(
    struct audit *audit, const struct config_pipeline *pipeline, struct audit_findings *findings)
{
	const struct config *config = audit->config;
	_cleanup_free_ size_t *cluster_of = NULL;
	struct audit_facts facts = { .config = config,
		.pipeline = pipeline,
		.library_version = rd_kafka_version_str() };

	facts.source.cluster = pipeline->from.cluster;
	facts.target.cluster = pipeline->to.cluster;
	facts.source.failure = known_failure(audit, pipeline->from.cluster, &pipeline->from.properties);
	facts.target.failure = known_failure(audit, pipeline->to.cluster, &pipeline->to.properties);
	audit_ask(&facts, audit->cluster_ids);
	audit->failures[pipeline->from.cluster - config->clusters] = facts.source.failure;
	audit->failures[pipeline->to.cluster - config->clusters] = facts.target.failure;
	config_free(cluster_ids_copy(audit->cluster_ids, &cluster_of)); /* there is only the one */
	facts.cluster_of = cluster_of;
	audit_judge(&facts, findings);
	audit_facts_clear(&facts);
}

void audit_run(struct config *config, audit_report report, void *context)
{
	_cleanup_free_ struct error *failures = xcalloc(config->cluster_count, sizeof *failures);
	struct audit audit = { .config = config,
		.cluster_ids = cluster_ids_new(config),
		.failures = failures };

	for (size_t i = 0; i < config->pipeline_count; i++) {
		struct audit_findings findings = { .items = NULL };

		if (!config->pipelines[i].enabled)
			continue;
		audit_pipeline(&audit, &config->pipelines[i], &findings);
		report(context, &config->pipelines[i], &findings);
		audit_findings_clear(&findings);
	}
	cluster_ids_free(audit.cluster_ids);
}
