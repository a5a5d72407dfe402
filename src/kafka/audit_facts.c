#include "kafka/audit_facts.h"
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

size_t audit_topic_add(struct audit_cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->topic_count; i++)
		if (!strcmp(cluster->topics[i].name, name))
			return i;
	cluster->topics = xreallocarray(cluster->topics, cluster->topic_count + 1, sizeof *cluster->topics);
	cluster->topics[cluster->topic_count] = (struct audit_topic){ .name = xstrdup(name) };
	return cluster->topic_count++;
}

void audit_config_add(struct audit_configs *configs, const char *name, const char *value)
{
	configs->items = xreallocarray(configs->items, configs->count + 1, sizeof *configs->items);
	configs->items[configs->count++] =
	    (struct audit_config){ .name = xstrdup(name), .value = xstrdup(value) };
}

const char *audit_config_find(const struct audit_configs *configs, const char *name)
{
	for (size_t i = 0; i < configs->count; i++)
		if (!strcmp(configs->items[i].name, name))
			return configs->items[i].value;
	return NULL;
}

void audit_member_add(struct audit_facts *facts, const char *client_id, const char *host)
{
	facts->members = xreallocarray(facts->members, facts->member_count + 1, sizeof *facts->members);
	facts->members[facts->member_count++] =
	    (struct audit_member){ .client_id = xstrdup(client_id), .host = xstrdup(host) };
}

bool audit_is_unguarded(const struct audit_cluster *cluster)
{
	/* librdkafka 2.0.2 does not pass on that a broker has no access rules when it is asked for them. */
	const char *authorizer = audit_config_find(&cluster->broker_configs, "authorizer.class.name");

	return authorizer && !*authorizer;
}

static void clear_configs(struct audit_configs *configs)
{
	for (size_t i = 0; i < configs->count; i++) {
		free(configs->items[i].name);
		free(configs->items[i].value);
	}
	free(configs->items);
	free(configs->unknown);
}

static void clear_topic(struct audit_topic *topic)
{
	free(topic->name);
	clear_configs(&topic->configs);
}

static void clear_cluster(struct audit_cluster *cluster)
{
	for (size_t i = 0; i < cluster->topic_count; i++)
		clear_topic(&cluster->topics[i]);
	free(cluster->topics);
	clear_topic(&cluster->internal);
	clear_configs(&cluster->broker_configs);
}

void audit_facts_clear(struct audit_facts *facts)
{
	clear_cluster(&facts->source);
	clear_cluster(&facts->target);
	free(facts->routes);
	free(facts->group_unknown);
	for (size_t i = 0; i < facts->member_count; i++) {
		free(facts->members[i].client_id);
		free(facts->members[i].host);
	}
	free(facts->members);
	free(facts->members_unknown);
	memset(facts, 0, sizeof *facts);
}
