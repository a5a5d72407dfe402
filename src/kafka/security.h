/* security.h: a cluster's groups tls and sasl as settings of its clients, and the library's word on them. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include "base/error.h"
#include "config/config.h"
#include "kafka/settings.h"

/* Adds what the groups say; nothing where there are none. */
void security_settings(struct settings *settings, const struct config_cluster *cluster);

/* Is this error of a client a login that the cluster refuses, or a failed TLS handshake? Then fills err with a sentence
 * for the operator and returns true. words are librdkafka's own. A handshake may succeed when the brokers have another
 * certificate, a token may be had later, and a connection that broke during the login says nothing about it: those are
 * tried again. */
bool security_explain(struct error *err, rd_kafka_resp_err_t code, const char *words,
    const struct config_cluster *cluster);

/* Reports what librdkafka, as it runs, cannot do of them, and what is wrong with certificates and keys. */
void security_check(const struct config_cluster *cluster, config_report report, void *context);
