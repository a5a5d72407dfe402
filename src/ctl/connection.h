/* connection.h: the cluster that a command of the Kafka tools is for: one of aloqd's configuration, with its TLS, login and
 * secrets as the daemon has them, or a list of brokers; and properties of librdkafka besides. */
#pragma once
#include "base/error.h"
#include "config/config.h"
#include "ctl/command.h"

/* Rows for a command's options. */
#define CONNECTION_OPTIONS                                                                                           \
	{ "cluster", '\0', "NAME", "the cluster of this name in aloqd's configuration" },                            \
	    { "config", 'c', "FILE", "the configuration (default: " ALOQD_SYSCONFDIR "/aloqd.conf)" },               \
	    { "brokers", '\0', "LIST", "host:port of some brokers, in place of a configuration" },                   \
	    { "property", 'X', "NAME=VALUE", "a property of librdkafka; may be given again" }

struct connection {
	struct config *config;		 /* NULL with a list of brokers */
	struct config_cluster cluster;	 /* a copy; what it points to is config's, or of the list */
	struct config_properties merged; /* cluster.properties */
};

/* By the options of the call: cluster_option and brokers_option are their names ("cluster", "brokers"). Returns 0, or an
 * exit code after the user has been told. connection_close() afterwards in any case. */
int connection_open(struct connection *connection, const struct call *call, const char *cluster_option,
    const char *brokers_option);

/* Loads the configuration that the call names, once; for those who look for more in it than a cluster. The same terms. */
int connection_load(struct connection *connection, const struct call *call);

/* Takes the properties of -X to a cluster of the configuration, and those of a pipeline's side, which may be NULL. The same
 * terms. */
int connection_use(struct connection *connection, const struct call *call, const struct config_cluster *cluster,
    const struct config_properties *side);

void connection_close(struct connection *connection);

/* A failure's exit code by what went wrong (errors of src/kafka). */
int connection_exit_code(const struct error *err);

/* Says on stderr what went wrong. Returns that exit code. */
int connection_fail(const struct call *call, const struct error *err);
