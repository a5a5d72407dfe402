#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "config/load.h"
#include "config/loops.h"
#include "core/topic_pattern.h"

#define PATH_SIZE 512

const struct config_cluster *canonical_cluster(
    const struct config *config, const struct config_cluster *cluster)
{
	for (size_t i = 0; i < config->cluster_count; i++) {
		const struct config_cluster *other = &config->clusters[i];

		if (other == cluster ||
		    (other->brokers && cluster->brokers && strcmp(other->brokers, cluster->brokers) == 0))
			return other;
	}
	return cluster;
}

static void check_groups(struct load *load)
{
	const struct config *config = load->config;

	for (size_t i = 1; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		for (size_t j = 0; j < i && pipeline->from.cluster; j++) {
			const struct config_pipeline *other = &config->pipelines[j];
			char path[PATH_SIZE];
			struct finding_place where;

			if (!other->from.cluster || strcmp(pipeline->from.group, other->from.group) != 0 ||
			    canonical_cluster(config, pipeline->from.cluster) !=
				canonical_cluster(config, other->from.cluster))
				continue;
			where = pipeline_key_place(load, i, "from", "group", path, sizeof path);
			findings_error(load->findings, &where,
			    "the group \"%s\" is that of pipeline \"%s\" (%s:%d) too: they would take each "
			    "other's partitions "
			    "and offsets; give each its own",
			    pipeline->from.group, other->name, other->origin.file, other->origin.line);
			break;
		}
	}
}

static void report_loop(void *context, const struct loop *loop)
{
	struct load *load = context;
	char path[PATH_SIZE];
	struct finding_place where = pipeline_key_place(load, loop->pipeline, loop->dead_letter ? NULL : "to",
	    loop->dead_letter ? "dead_letter" : "topic", path, sizeof path);
	const char *kind = loop->dead_letter ? "topic for dead letters" : "target";

	if (!loop->entry)
		findings_error(load->findings, &where,
		    "closes a loop in which records would go round for ever: %s; use another %s", loop->way, kind);
	else if (topic_pattern_is(loop->entry))
		findings_error(load->findings, &where,
		    "the source \"%s\" of this pipeline matches its own %s: records would go round for ever, as with %s; "
		    "use another %s, or a narrower source",
		    loop->entry, kind, loop->way, kind);
	else
		findings_error(load->findings, &where,
		    "\"%.249s\" is a source of this pipeline too: its records would go round for ever; use "
		    "another %s",
		    loop->topic, kind);
}

static void check_loops(struct load *load)
{
	const struct config *config = load->config;
	size_t *cluster_of = xcalloc(config->cluster_count, sizeof *cluster_of);
	struct loops *loops;

	for (size_t i = 0; i < config->cluster_count; i++)
		cluster_of[i] = (size_t)(canonical_cluster(config, &config->clusters[i]) - config->clusters);
	loops = loops_new(config, cluster_of);
	loops_search(loops, report_loop, load);
	loops_free(loops);
	free(cluster_of);
}

void check_topology(struct load *load)
{
	check_groups(load);
	check_loops(load);
}
