/* tool_client.h: what the clients of aloqctl and aloq-sandbox have in common: made with the settings of a cluster as the daemon has them,
 * and asked for a topic. Only for src/kafka. Thread: the one that made the client. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "base/error.h"
#include "config/config.h"
#include "kafka/settings.h"

/* Empties settings. Its errors come as events, and with the property debug its log to stderr, else nowhere. NULL with err
 * set when librdkafka refuses. */
rd_kafka_t *tool_client_new(rd_kafka_type_t type, struct settings *settings, int events, struct error *err);

/* How many partitions the topic has. The caller has a queue on which the client's error events are (its main queue), or
 * may have polled it. -ENOENT: there is no such topic; -ETIMEDOUT: no answer within timeout_ms. */
int tool_client_partitions(rd_kafka_t *client, const struct config_cluster *cluster, const char *topic, int timeout_ms,
    int32_t *partitions, struct error *err);

/* Nobody has answered in time: fills err with why, as far as the client knows. Returns a negative errno. */
int tool_client_no_answer(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_resp_err_t code, struct error *err);

/* The topic's max.message.bytes; 0: nobody tells, which costs a second at most. */
uint64_t tool_client_max_message_bytes(rd_kafka_t *client, const char *topic);

/* An error event of a client. Returns true, with err set, when it is one that waiting does not mend. */
bool tool_client_judge(rd_kafka_t *client, const struct config_cluster *cluster, rd_kafka_event_t *event, struct error *err);

/* Fills err from a code: "context: librdkafka's words (NAME)"; -EACCES where a right is missing, else -EIO. For tools, to
 * whom the advice of error_class.h does not speak. */
int tool_client_error(struct error *err, rd_kafka_resp_err_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from an error object, which it destroys. */
int tool_client_error_object(struct error *err, rd_kafka_error_t *object, const char *context);
