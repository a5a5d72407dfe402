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
	struct pipeline_source *sources; /* of config->pipelines */
	const config_setting_t *defaults;
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

/* check_pipeline.c: what is wrong with one pipeline or one cluster that parsed. */
void check_cluster(struct load *load, const struct config_cluster *cluster);
void check_pipeline(struct load *load, size_t pipeline);

/* check_topology.c: what is wrong between pipelines: shared groups, loops. */
void check_topology(struct load *load);

/* Two names for one list of brokers are one cluster: the first of them. Others are told apart at run time
 * only, by their id. */
const struct config_cluster *canonical_cluster(
    const struct config *config, const struct config_cluster *cluster);
