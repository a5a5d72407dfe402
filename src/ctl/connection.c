#include "ctl/connection.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/memory.h"
#include "config/property_list.h"
#include "kafka/property_check.h"

#define DEFAULT_FILE ALOQD_SYSCONFDIR "/aloqd.conf"

/* ---- the configuration ---- */

static void tell_errors(const struct config_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].is_error)
			fprintf(stderr, "%s\n", findings->items[i].text);
}

int connection_load(struct connection *connection, const struct call *call)
{
	struct config_findings findings = { .items = NULL };
	const char *file = call_value(call, "config");
	int exit_code;

	if (connection->config)
		return 0;
	/* As a test: a credential that only the daemon's unit has is in the way only where it is needed. */
	connection->config = config_load(
	    file ? file : DEFAULT_FILE, !file, CONFIG_TO_TEST, property_check, &findings, &exit_code);
	if (!connection->config)
		tell_errors(&findings);
	config_findings_clear(&findings);
	return connection->config ? 0 : exit_code;
}

static const struct config_cluster *find_cluster(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->cluster_count; i++)
		if (!strcmp(config->clusters[i].name, name))
			return &config->clusters[i];
	return NULL;
}

/* What of the cluster only a start of the daemon has, or NULL. */
static const char *missing_credential(const struct config_cluster *cluster)
{
	const struct config_secret *secrets[] = { &cluster->sasl.password, &cluster->tls.key_password };
	const struct config_file *files[] = { &cluster->tls.ca, &cluster->tls.certificate, &cluster->tls.key };

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (secrets[i]->text && !secrets[i]->value)
			return secrets[i]->text;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (files[i]->text && !files[i]->path)
			return files[i]->text;
	return NULL;
}

/* ---- properties ---- */

/* They are for clients of either side, as those of a cluster; the usual choice names the reasons best. */
static int add_property(struct connection *connection, const struct call *call, const char *text)
{
	const struct delivery_choice usual = { DELIVERY_AT_LEAST_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };
	static const struct config_origin origin = { .file = "-X", .line = 1 };
	struct config_property *property;
	const char *reason;
	char shown[128];

	escape_text(shown, sizeof shown, text, strcspn(text, "="));
	switch (property_list_add(&connection->merged, text)) {
	case 0:
		break;
	case -EEXIST:
		return call_usage(call, "the property %s is set already, by the cluster or by another -X", shown);
	case -E2BIG:
		return call_usage(call, "too many properties");
	default:
		return call_usage(call, "-X takes NAME=VALUE");
	}
	property = &connection->merged.items[connection->merged.count - 1];
	property->origin = origin;
	reason = config_property_refusal(
	    &connection->cluster, &usual, CLIENT_CONSUMER, property->name, property->value);
	if (reason)
		return call_usage(call, "the property %s is refused, because %s", shown, reason);
	return 0;
}

/* Of two of one name the first holds. */
static void merge(struct connection *connection, const struct config_properties *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct config_property *property = &properties->items[i];
		_cleanup_free_ char *pair = xasprintf("%s=%s", property->name, property->value);

		if (property_list_add(&connection->merged, pair) == 0)
			connection->merged.items[connection->merged.count - 1].origin = property->origin;
	}
}

int connection_use(struct connection *connection, const struct call *call, const struct config_cluster *cluster,
    const struct config_properties *side)
{
	const char *missing = missing_credential(cluster);
	const char *text;
	size_t i = 0;
	int exit_code = 0;

	if (missing) {
		fprintf(stderr,
		    "aloqctl %s: cluster \"%s\" needs %s, and $CREDENTIALS_DIRECTORY is not set here: systemd sets it for "
		    "the daemon's unit; run aloqctl as that does, with systemd-run -P -p LoadCredential=...\n",
		    call->command->name, cluster->name, missing);
		return EX_CONFIG;
	}
	connection->cluster = *cluster;
	if (side)
		merge(connection, side);
	merge(connection, &cluster->properties);
	while (exit_code == 0 && (text = call_next_value(call, "property", &i)) != NULL)
		exit_code = add_property(connection, call, text);
	connection->cluster.properties = connection->merged;
	return exit_code;
}

/* ---- life ---- */

static int use_named(struct connection *connection, const struct call *call, const char *name, const char *option)
{
	const struct config_cluster *cluster = NULL;
	int exit_code = connection_load(connection, call);

	if (exit_code != 0)
		return exit_code;
	if (name)
		cluster = find_cluster(connection->config, name);
	else if (connection->config->cluster_count == 1)
		cluster = &connection->config->clusters[0];
	else
		return call_usage(call, "the configuration has several clusters: --%s says which one", option);
	if (!cluster)
		return call_usage(call, "the configuration has no cluster \"%s\"", name);
	return connection_use(connection, call, cluster, NULL);
}

int connection_open(struct connection *connection, const struct call *call, const char *cluster_option,
    const char *brokers_option)
{
	const char *name = call_value(call, cluster_option);
	const char *brokers = call_value(call, brokers_option);

	if (name && brokers)
		return call_usage(call, "--%s or --%s, not both", cluster_option, brokers_option);
	if (brokers) {
		const struct config_cluster plain = { .name = (char *)"brokers", .brokers = (char *)(uintptr_t)brokers };

		return connection_use(connection, call, &plain, NULL);
	}
	return use_named(connection, call, name, cluster_option);
}

void connection_close(struct connection *connection)
{
	property_list_clear(&connection->merged);
	config_free(connection->config);
	*connection = (struct connection){ .config = NULL };
}

int connection_exit_code(const struct error *err)
{
	switch (err->code) {
	case -EACCES:
	case -EPERM:
		return EX_NOPERM;
	case -ENOSPC:
	case -EFBIG:
	case -EDQUOT:
	case -EPIPE:
		return EX_IOERR;
	case -EINVAL:
		return EX_CONFIG;
	default:
		return EX_UNAVAILABLE;
	}
}

int connection_fail(const struct call *call, const struct error *err)
{
	char text[2 * sizeof err->message];

	escape_text(text, sizeof text, err->message, strlen(err->message));
	fprintf(stderr, "aloqctl %s: %s\n", call->command->name, text);
	return connection_exit_code(err);
}
