/* cluster_ids.h: which of the configured clusters are one and the same, by what their brokers say of themselves.
 *
 * Every pipeline notes what it has learned before it relays anything, and asks afterwards: of two whose clusters turn
 * out to be the same, at least one sees it. Shared by all threads. */
#pragma once
#include <stddef.h>
#include "config/config.h"

struct cluster_ids;

/* config outlives it. */
struct cluster_ids *cluster_ids_new(const struct config *config);
/* Accepts NULL. */
void cluster_ids_free(struct cluster_ids *ids);

/* The cluster has told this id. */
void cluster_ids_note(struct cluster_ids *ids, const struct config_cluster *cluster, const char *id);

/* For each of config->clusters the index of the first that is known to be the same: by id, or by the same brokers.
 * cluster_of has room for all. */
void cluster_ids_copy(struct cluster_ids *ids, size_t *cluster_of);
