#include "kafka/cluster_ids.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct cluster_ids {
	pthread_mutex_t lock;
	struct config *config; /* held */
	char **ids;            /* of config->clusters; NULL: not known yet */
};

struct cluster_ids *cluster_ids_new(struct config *config)
{
	struct cluster_ids *ids = xcalloc(1, sizeof *ids);

	ids->config = config_hold(config);
	ids->ids = xcalloc(config->cluster_count, sizeof *ids->ids);
	pthread_mutex_init(&ids->lock, NULL);
	return ids;
}

static void free_ids(char **ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

void cluster_ids_free(struct cluster_ids *ids)
{
	if (!ids)
		return;
	free_ids(ids->ids, ids->config->cluster_count);
	config_free(ids->config);
	pthread_mutex_destroy(&ids->lock);
	free(ids);
}

/* Where the newest configuration has this cluster: by its name and brokers. NULL: it has not. */
static char **find(const struct cluster_ids *ids, const struct config_cluster *cluster)
{
	for (size_t i = 0; i < ids->config->cluster_count; i++) {
		if (strcmp(ids->config->clusters[i].name, cluster->name) == 0 &&
		    strcmp(ids->config->clusters[i].brokers, cluster->brokers) == 0)
			return &ids->ids[i];
	}
	return NULL;
}

void cluster_ids_replace(struct cluster_ids *ids, struct config *config)
{
	char **fresh = xcalloc(config->cluster_count, sizeof *fresh);
	struct config *old;
	char **old_ids;

	pthread_mutex_lock(&ids->lock);
	old = ids->config;
	old_ids = ids->ids;
	for (size_t i = 0; i < config->cluster_count; i++) {
		char **known = find(ids, &config->clusters[i]);

		fresh[i] = known && *known ? xstrdup(*known) : NULL;
	}
	ids->config = config_hold(config);
	ids->ids = fresh;
	pthread_mutex_unlock(&ids->lock);
	free_ids(old_ids, old->cluster_count);
	config_free(old);
}

void cluster_ids_note(struct cluster_ids *ids, const struct config_cluster *cluster, const char *id)
{
	char **known;

	pthread_mutex_lock(&ids->lock);
	known = find(ids, cluster);
	if (known && (!*known || strcmp(*known, id) != 0)) {
		free(*known);
		*known = xstrdup(id);
	}
	pthread_mutex_unlock(&ids->lock);
}

static bool is_same(const struct cluster_ids *ids, size_t i, size_t k)
{
	if (ids->ids[i] && ids->ids[k])
		return strcmp(ids->ids[i], ids->ids[k]) == 0;
	return strcmp(ids->config->clusters[i].brokers, ids->config->clusters[k].brokers) == 0;
}

struct config *cluster_ids_copy(struct cluster_ids *ids, size_t **cluster_of)
{
	struct config *config;
	size_t *same;

	pthread_mutex_lock(&ids->lock);
	config = config_hold(ids->config);
	same = xcalloc(config->cluster_count, sizeof *same);
	for (size_t i = 0; i < config->cluster_count; i++) {
		same[i] = i;
		for (size_t k = 0; k < i && same[i] == i; k++)
			if (same[k] == k && is_same(ids, i, k))
				same[i] = k;
	}
	pthread_mutex_unlock(&ids->lock);
	*cluster_of = same;
	return config;
}
