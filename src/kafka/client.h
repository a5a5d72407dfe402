/* client.h: librdkafka clients, set up with the settings of settings.h. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "base/error.h"
#include "config/config.h"
#include "kafka/settings.h"

struct commit_answers;

/* A consumer of the pipeline's group; not subscribed yet. events on its queue: rebalance, error, commit.
 * group_instance_id: NULL but with static membership. answers: hear what is answered to its commits; or NULL. */
rd_kafka_t *client_new_consumer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *group_instance_id, struct commit_answers *answers, struct error *err);

/* A producer to the pipeline's target cluster; delivery reports and errors as events. transactional_id: NULL but with
 * exactly_once. */
rd_kafka_t *client_new_producer(const struct config_pipeline *pipeline, const struct client_sizes *sizes,
    const char *transactional_id, struct error *err);

/* A client of a cluster that only asks questions and creates topics: in no group, never creates by asking, and
 * told the true end of a log, open transactions or not. */
rd_kafka_t *client_new_admin(const struct config_pipeline *pipeline, const struct config_cluster *cluster,
    struct error *err);

/* The same of the source's cluster, by the name of the pipeline's group: asks for committed offsets, and never joins. */
rd_kafka_t *client_new_group_reader(const struct config_pipeline *pipeline, struct error *err);

/* Applies settings, in their order, and empties the list. Returns 0, or a negative errno. */
int client_set(rd_kafka_conf_t *conf, struct settings *settings, struct error *err);

/* A client of client_new_admin() got this code in place of an answer. Its last error event tells more than "timed out":
 * writes that one's words, or else the code's, and returns its code. */
rd_kafka_resp_err_t client_last_words(rd_kafka_t *client, rd_kafka_resp_err_t code, char *words, size_t size);

/* The length of a line of librdkafka's log without the secret at its end, if it has one. With debug=conf librdkafka tells all
 * settings, "NAME = VALUE" each, and hides but some of their secrets (not that of an OAUTHBEARER client, in 2.8). */
size_t client_words_without_secret(const char *text);

/* What a client's property is set to; "" where it does not know it. The caller frees. */
char *client_setting(const rd_kafka_t *client, const char *name);

/* A property that is a number of milliseconds, in microseconds; 0 where the client does not know it. */
int64_t client_setting_us(const rd_kafka_t *client, const char *name);

/* Is librdkafka, as it runs, at least this version? */
bool client_library_at_least(int major, int minor, int patch);
