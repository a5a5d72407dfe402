/* cluster_ids.h: which of the configured clusters are one and the same, by what their brokers say of
 * themselves.
 *
 * Every pipeline notes what it has learned before it relays anything, and asks afterwards: of two whose
 * clusters turn out to be the same, at least one sees it. Shared by all threads.
 *
 * The clusters are those of the newest configuration, and so are the pipelines whose ways are followed: a
 * pipeline that goes on through a reload is asked about the new whole, not about the one that it was started
 * with. */
#pragma once
#include <stddef.h>
#include "config/config.h"

struct cluster_ids;

/* Holds config until it is replaced. */
struct cluster_ids *cluster_ids_new(struct config *config);
/* Accepts NULL. */
void cluster_ids_free(struct cluster_ids *ids);

/* config is the newest from now on. What is known of clusters with the same name and brokers stays known. */
void cluster_ids_replace(struct cluster_ids *ids, struct config *config);

/* The cluster, which may be of an older configuration, has told this id. */
void cluster_ids_note(struct cluster_ids *ids, const struct config_cluster *cluster, const char *id);

/* Returns the newest configuration, held for the caller, and in *cluster_of, which the caller frees, for each
 * of its clusters the index of the first that is known to be the same: by id, or by the same brokers. */
struct config *cluster_ids_copy(struct cluster_ids *ids, size_t **cluster_of);
