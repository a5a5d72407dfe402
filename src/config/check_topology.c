#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "config/load.h"

#define PATH_SIZE 512

/* One of the ways that a record of one source of a pipeline may go. */
struct edge {
	size_t pipeline;
	const char *source; /* the topic, owned by the config */
	char *target;
	bool dead_letter; /* where it goes when the target refuses it */
	size_t source_node;
	size_t target_node;
};

/* A topic of a cluster. */
struct node {
	const struct config_cluster *cluster; /* the first of those with the same brokers */
	const char *topic;
	size_t first_edge; /* of edges, which are ordered by source_node */
	size_t edge_count;
	enum { UNSEEN, ON_THE_WAY, DONE } state;
};

struct graph {
	struct edge *edges;
	size_t edge_count;
	struct node *nodes;
	size_t node_count;
};

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

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a;
	const struct node *y = b;

	if (x->cluster != y->cluster)
		return x->cluster < y->cluster ? -1 : 1;
	return strcmp(x->topic, y->topic);
}

static size_t find_node(const struct graph *graph, const struct config_cluster *cluster, const char *topic)
{
	const struct node wanted = { .cluster = cluster, .topic = topic };
	const struct node *found =
	    bsearch(&wanted, graph->nodes, graph->node_count, sizeof *graph->nodes, compare_nodes);

	return (size_t)(found - graph->nodes); /* all ends of edges are there */
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a;
	const struct edge *y = b;

	if (x->source_node != y->source_node)
		return x->source_node < y->source_node ? -1 : 1;
	if (x->pipeline != y->pipeline)
		return x->pipeline < y->pipeline ? -1 : 1;
	return x->dead_letter - y->dead_letter;
}

static void collect_edges(struct graph *graph, const struct config *config)
{
	size_t capacity = 0;

	for (size_t i = 0; i < config->pipeline_count; i++)
		capacity += 2 * config->pipelines[i].from.topic_count;
	graph->edges = xcalloc(capacity, sizeof *graph->edges);
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];

		if (!pipeline->from.cluster || !pipeline->to.cluster || !pipeline->to.topic)
			continue; /* has been reported */
		for (size_t j = 0; j < pipeline->from.topic_count; j++) {
			graph->edges[graph->edge_count++] = (struct edge){
				.pipeline = i,
				.source = pipeline->from.topics[j],
				.target = config_target_topic(pipeline, pipeline->from.topics[j]),
			};
			if (pipeline->on_error != ON_ERROR_DEAD_LETTER || !pipeline->dead_letter)
				continue;
			graph->edges[graph->edge_count++] = (struct edge){
				.pipeline = i,
				.source = pipeline->from.topics[j],
				.target = xstrdup(pipeline->dead_letter),
				.dead_letter = true,
			};
		}
	}
}

static void build_graph(struct graph *graph, const struct config *config)
{
	size_t count = 0;

	collect_edges(graph, config);
	graph->nodes = xcalloc(2 * graph->edge_count, sizeof *graph->nodes);
	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[graph->edges[i].pipeline];

		graph->nodes[count++] =
		    (struct node){ .cluster = canonical_cluster(config, pipeline->from.cluster),
			    .topic = graph->edges[i].source };
		graph->nodes[count++] =
		    (struct node){ .cluster = canonical_cluster(config, pipeline->to.cluster),
			    .topic = graph->edges[i].target };
	}
	if (count > 0)
		qsort(graph->nodes, count, sizeof *graph->nodes, compare_nodes);
	for (size_t i = 0; i < count; i++) {
		if (graph->node_count == 0 ||
		    compare_nodes(&graph->nodes[graph->node_count - 1], &graph->nodes[i]) != 0)
			graph->nodes[graph->node_count++] = graph->nodes[i];
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		struct edge *edge = &graph->edges[i];
		const struct config_pipeline *pipeline = &config->pipelines[edge->pipeline];

		edge->source_node =
		    find_node(graph, canonical_cluster(config, pipeline->from.cluster), edge->source);
		edge->target_node =
		    find_node(graph, canonical_cluster(config, pipeline->to.cluster), edge->target);
	}
	if (graph->edge_count > 0)
		qsort(graph->edges, graph->edge_count, sizeof *graph->edges, compare_edges);
	for (size_t i = graph->edge_count; i > 0; i--) {
		struct node *node = &graph->nodes[graph->edges[i - 1].source_node];

		node->first_edge = i - 1;
		node->edge_count++;
	}
}

/* way: the edges that lead to the present node; the last of them closes the loop. */
static void report_loop(struct load *load, const struct graph *graph, const size_t *way, size_t length)
{
	const struct edge *last = &graph->edges[way[length - 1]];
	const struct config_pipeline *pipelines = load->config->pipelines;
	char path[PATH_SIZE];
	struct finding_place where = pipeline_key_place(load, last->pipeline,
	    last->dead_letter ? NULL : "to", last->dead_letter ? "dead_letter" : "topic", path, sizeof path);
	const char *kind = last->dead_letter ? "topic for dead letters" : "target";
	char loop[512];
	size_t used = 0;
	size_t first = length - 1;

	while (graph->edges[way[first]].source_node != last->target_node)
		first--;
	if (first == length - 1) {
		findings_error(load->findings, &where,
		    "\"%.249s\" is a source of this pipeline too: its records would go round for ever; use "
		    "another %s",
		    last->target, kind);
		return;
	}
	for (size_t i = first; i < length && used < sizeof loop; i++) {
		const struct edge *edge = &graph->edges[way[i]];

		used += (size_t)snprintf(loop + used, sizeof loop - used, "%s%s -> %s (%s)",
		    i > first ? ", " : "", edge->source, edge->target, pipelines[edge->pipeline].name);
	}
	findings_error(load->findings, &where,
	    "closes a loop in which records would go round for ever: %s; use another %s", loop, kind);
}

/* Depth first from one node, without recursion: a chain of topics may be long. */
static void walk(struct load *load, struct graph *graph, size_t start, size_t *way, size_t *next_edge)
{
	size_t depth = 0;
	size_t node = start;

	graph->nodes[node].state = ON_THE_WAY;
	next_edge[0] = 0;
	for (;;) {
		if (next_edge[depth] < graph->nodes[node].edge_count) {
			size_t edge = graph->nodes[node].first_edge + next_edge[depth]++;
			size_t target = graph->edges[edge].target_node;

			way[depth] = edge;
			if (graph->nodes[target].state == ON_THE_WAY) {
				report_loop(load, graph, way, depth + 1);
			} else if (graph->nodes[target].state == UNSEEN) {
				node = target;
				graph->nodes[node].state = ON_THE_WAY;
				next_edge[++depth] = 0;
			}
			continue;
		}
		graph->nodes[node].state = DONE;
		if (depth == 0)
			return;
		node = graph->edges[way[--depth]].source_node;
	}
}

static void check_loops(struct load *load)
{
	struct graph graph = { 0 };
	size_t *way;
	size_t *next_edge;

	build_graph(&graph, load->config);
	way = xcalloc(graph.node_count + 1, sizeof *way);
	next_edge = xcalloc(graph.node_count + 1, sizeof *next_edge);
	for (size_t i = 0; i < graph.node_count; i++) {
		if (graph.nodes[i].state == UNSEEN)
			walk(load, &graph, i, way, next_edge);
	}
	free(way);
	free(next_edge);
	for (size_t i = 0; i < graph.edge_count; i++)
		free(graph.edges[i].target);
	free(graph.edges);
	free(graph.nodes);
}

void check_topology(struct load *load)
{
	check_groups(load);
	check_loops(load);
}
