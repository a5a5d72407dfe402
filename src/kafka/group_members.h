/* group_members.h: who is in a consumer group. Only for src/kafka. Blocks. */
#pragma once
#include <librdkafka/rdkafka.h>

/* Calls add for each of its members; the texts are to be copied. No error and no member is no proof that nobody is in it:
 * the user may not see the group, or it is of another protocol than the classic one, or librdkafka has let the answer of
 * one broker hide the error of another. What must not be done to a group with members is for the brokers to refuse. An
 * error: who is in it cannot be seen, and add was not called; _UNSUPPORTED_FEATURE: the brokers know no requests about
 * groups. */
rd_kafka_resp_err_t group_members_ask(rd_kafka_t *client, const char *group, int timeout_ms,
    void (*add)(void *context, const char *client_id, const char *host), void *context);
