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
	struct error *failures; /* of config->clusters, by the first pipeline that asked in their way */
};

/* What the pipeline itself says of how the cluster is reached, as its clients take it: with properties of its own it
 * may reach what another one cannot, or not reach what others can. */
static bool has_own_way(const struct config_pipeline *pipeline, const struct config_cluster *cluster)
{
	return cluster == pipeline->from.cluster ? pipeline->from.properties.count > 0
	                                         : pipeline->to.properties.count > 0;
}

static struct error known_failure(
    const struct audit *audit, const struct config_pipeline *pipeline, const struct config_cluster *cluster)
{
	static const struct error none = { 0 };

	return has_own_way(pipeline, cluster) ? none : audit->failures[cluster - audit->config->clusters];
}

/* For the pipelines behind this one. */
static void note_failure(
    struct audit *audit, const struct config_pipeline *pipeline, const struct audit_cluster *asked)
{
	if (!has_own_way(pipeline, asked->cluster))
		audit->failures[asked->cluster - audit->config->clusters] = asked->failure;
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
	facts.source.failure = known_failure(audit, pipeline, pipeline->from.cluster);
	facts.target.failure = known_failure(audit, pipeline, pipeline->to.cluster);
	audit_ask(&facts, audit->cluster_ids);
	note_failure(audit, pipeline, &facts.source);
	note_failure(audit, pipeline, &facts.target);
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
