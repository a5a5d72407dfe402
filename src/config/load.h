/* load.h: what the parts of config_load() share. Only src/config includes it. */
#pragma once
#include <libconfig.h>
#include "config/config.h"
#include "config/findings.h"
#include "config/keys.h"
#include "config/source_text.h"

/* One file that is read for its own sake (the main one, one of conf.d), with what it includes. */
struct document {
	struct source_text source;
	config_t tree;
};

/* Where a pipeline's values come from, in this order; then come the defaults of the key table. */
struct pipeline_source {
	const config_setting_t *own;
	const config_setting_t *defaults; /* NULL: there are none */
};

struct load {
	struct config *config;
	struct findings_list *findings;
	struct document **documents;
	size_t document_count;
	unsigned int *file_modes;	 /* of config->files */
	const config_setting_t **cluster_settings; /* of config->clusters */
	struct pipeline_source *sources;	   /* of config->pipelines */
	const config_setting_t *defaults;
	enum config_purpose purpose;
	bool forbidden; /* a file could not be read for lack of permission */
};

/* Where a setting stands. path is kept by reference. */
struct finding_place load_place(const struct load *load, const config_setting_t *setting, const char *path);
struct config_origin load_origin(const struct load *load, const config_setting_t *setting);
struct finding_place origin_place(
    const struct load *load, const struct config_origin *origin, const char *path);

/* parse.c: fills load->config from the documents' trees. */
void parse_documents(struct load *load);

/* The nearest place to a pipeline's key: the key itself, in the pipeline or in defaults, else the pipeline.
 * group is "from", "to", "commit", "rate", "create" or NULL for the pipeline's own keys; the path is written
 * into buffer. */
struct finding_place pipeline_key_place(const struct load *load, size_t pipeline, const char *group,
    const char *key, char *buffer, size_t size);

/* The same for a cluster's key: the key itself, else its group ("tls", "sasl" or NULL), else the cluster. */
struct finding_place cluster_key_place(const struct load *load, size_t cluster, const char *group,
    const char *key, char *buffer, size_t size);

/* Does it stand there, right or wrong? */
bool cluster_has_key(const struct load *load, size_t cluster, const char *group, const char *key);

/* check_cluster.c: what is wrong with one cluster that parsed. Reads its secrets and looks into its files. */
void check_cluster(struct load *load, size_t cluster);

/* check_pipeline.c: what is wrong with one pipeline that parsed, its clusters having been checked. */
void check_pipeline(struct load *load, size_t pipeline);

/* check_properties.c: what is wrong with the properties of clients of a cluster (NULL: it is not known). */
void check_properties(struct load *load, const struct config_properties *properties,
    const struct config_cluster *cluster, const struct delivery_choice *choice, enum client_side side,
    const struct finding_place *where);

/* Is this a file that everyone can read? Says so of a secret that stands in it. */
void check_secret_is_private(struct load *load, const struct finding_place *where, const char *name);

/* check_topology.c: what is wrong between pipelines: shared groups, loops. */
void check_topology(struct load *load);

/* Two names for one list of brokers are one cluster: the first of them. Others are told apart at run time
 * only, by their id. */
const struct config_cluster *canonical_cluster(
    const struct config *config, const struct config_cluster *cluster);
