/* preflight_internal.h: what the files of the preflight share.
 *
 *   preflight.c          the run, loops, sizes
 *   preflight_topics.c   which source topics there are
 *   preflight_targets.c  that each of them has a target */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "kafka/preflight.h"

enum { REQUEST_TIMEOUT_MS = 5000 };

/* Both ends of the pipeline; the same client twice when the cluster is the same. */
struct preflight {
	const struct preflight_context *context;
	const struct config_pipeline *pipeline;
	struct worker *worker;
	rd_kafka_t *source, *target;
	bool no_answer; /* the last question about a topic had none: that is not the topic's fault */
	struct preflight_result *result;
	struct error *err;
};

/* ---- preflight_targets.c ---- */

/* Partitions of a topic; 0: it does not exist; negative errno. */
int preflight_partitions_of(struct preflight *preflight, rd_kafka_t *client, const struct config_cluster *cluster,
    const char *topic);
/* Nobody answers: says why, as far as the client knows. */
int preflight_no_answer(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_resp_err_t code,
    struct error *err);
/* Options, and the answer, of an admin request; NULL: none came in time, or the worker is cancelled. */
rd_kafka_AdminOptions_t *preflight_admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation, int timeout_ms);
rd_kafka_event_t *preflight_admin_wait(struct preflight *preflight, rd_kafka_queue_t *queue, int timeout_ms);
/* Is the topic's target there, and wide enough? Makes and widens it where to.create says so. One that is not ready
 * for a topic that a pattern matches is noted with it (held); else it is an error. */
int preflight_check_target(struct preflight *preflight, struct read_topic *topic);
/* The same of the topic for dead letters, if there is to be one. */
int preflight_check_dead_letter(struct preflight *preflight);

/* ---- preflight_topics.c ---- */

/* Fills result->topics. */
int preflight_find_topics(struct preflight *preflight);
