#include "kafka/audit_judge.h"
#include <stdlib.h>
#include <string.h>
#include "config/loops.h"
#include "kafka/audit_internal.h"

struct audit_place audit_place_of(const struct audit_cluster *cluster, const struct audit_topic *topic)
{
	return (struct audit_place){ .cluster = cluster->cluster->name, .topic = topic ? topic->name : NULL };
}

struct audit_place audit_setting_of(
    const struct audit_cluster *cluster, const struct audit_topic *topic, const char *setting)
{
	struct audit_place place = audit_place_of(cluster, topic);

	place.setting = setting;
	place.value = audit_config_find(topic ? &topic->configs : &cluster->broker_configs, setting);
	return place;
}

int64_t audit_number(const struct audit_configs *configs, const char *setting, int64_t or_else)
{
	const char *value = audit_config_find(configs, setting);

	return value && *value ? strtoll(value, NULL, 10) : or_else;
}

/* ---- does it answer? ---- */

static void judge_reach(const struct audit_cluster *cluster, struct audit_findings *findings)
{
	const struct audit_place place = audit_place_of(cluster, NULL);
	bool turned_away = cluster->failure.remedy == REMEDY_PERSON;

	if (cluster->failure.code)
		audit_found(findings, turned_away ? AUDIT_ERROR : AUDIT_UNREACHABLE, &place,
		    turned_away
			? "correct the cluster's brokers, security and properties"
			: "start the brokers, or correct clusters.NAME.brokers and the network between",
		    "%s", cluster->failure.message);
}

/* ---- do records come back? ---- */

static size_t index_of(const struct config *config, const struct config_pipeline *pipeline)
{
	return (size_t)(pipeline - config->pipelines);
}

static void judge_loops(const struct audit_facts *facts, struct audit_findings *findings)
{
	struct loops *loops = loops_new(facts->config, facts->cluster_of);

	for (size_t i = 0; i < facts->route_count; i++) {
		const struct audit_topic *source = &facts->source.topics[facts->routes[i].source];
		const struct audit_place place = audit_place_of(&facts->source, source);
		char way[512];

		if (loops_close_with(
			loops, index_of(facts->config, facts->pipeline), source->name, way, sizeof way))
			audit_found(findings, AUDIT_ERROR, &place,
			    "choose another target, or narrower sources",
			    "its records would go round for ever (by the ids of the clusters, some of which "
			    "may be one and the same): %s",
			    way);
	}
	loops_free(loops);
}

void audit_judge(const struct audit_facts *facts, struct audit_findings *findings)
{
	judge_reach(&facts->source, findings);
	if (facts->target.cluster != facts->source.cluster)
		judge_reach(&facts->target, findings);
	audit_judge_topics(facts, findings);
	audit_judge_clusters(facts, findings);
	audit_judge_access(facts, findings);
	audit_judge_members(facts, findings);
	judge_loops(facts, findings);
	audit_findings_sort(findings);
}
