#include "kafka/cluster_ids.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

struct cluster_ids {
	const struct config *config;
	pthread_mutex_t lock;
	char **ids; /* of config->clusters; NULL: not known yet */
};

struct cluster_ids *cluster_ids_new(const struct config *config)
{
	struct cluster_ids *ids = xcalloc(1, sizeof *ids);

	ids->config = config;
	ids->ids = xcalloc(config->cluster_count, sizeof *ids->ids);
	pthread_mutex_init(&ids->lock, NULL);
	return ids;
}

void cluster_ids_free(struct cluster_ids *ids)
{
	if (!ids)
		return;
	for (size_t i = 0; i < ids->config->cluster_count; i++)
		free(ids->ids[i]);
	free(ids->ids);
	pthread_mutex_destroy(&ids->lock);
	free(ids);
}

void cluster_ids_note(struct cluster_ids *ids, const struct config_cluster *cluster, const char *id)
{
	char **known = &ids->ids[cluster - ids->config->clusters];

	pthread_mutex_lock(&ids->lock);
	if (!*known || strcmp(*known, id) != 0) {
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

void cluster_ids_copy(struct cluster_ids *ids, size_t *cluster_of)
{
	pthread_mutex_lock(&ids->lock);
	for (size_t i = 0; i < ids->config->cluster_count; i++) {
		cluster_of[i] = i;
		for (size_t k = 0; k < i && cluster_of[i] == i; k++)
			if (cluster_of[k] == k && is_same(ids, i, k))
				cluster_of[i] = k;
	}
	pthread_mutex_unlock(&ids->lock);
}
