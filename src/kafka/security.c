#include "kafka/security.h"
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "kafka/client.h"

static const char *protocol_of(const struct config_cluster *cluster)
{
	if (cluster->sasl.enabled)
		return cluster->tls.enabled ? "sasl_ssl" : "sasl_plaintext";
	return "ssl";
}

/* configured: the text of the configuration, NULL where it is not set; value: what it stands for, NULL where
 * only a start will have it. */
static void add(struct settings *settings, const char *name, const char *configured, const char *value,
    const char *reason)
{
	if (configured)
		settings_add(settings, name, value, reason);
}

static void add_tls(struct settings *settings, const struct config_tls *tls)
{
	static const char verify_reason[] = "clusters.NAME.tls.verify says so";

	add(settings, "ssl.ca.location", tls->ca.text, tls->ca.path, "clusters.NAME.tls.ca says so");
	add(settings, "ssl.certificate.location", tls->certificate.text, tls->certificate.path,
	    "clusters.NAME.tls.certificate says so");
	add(settings, "ssl.key.location", tls->key.text, tls->key.path, "clusters.NAME.tls.key says so");
	add(settings, "ssl.key.password", tls->key_password.text, tls->key_password.value,
	    "clusters.NAME.tls.key_password says so");
	settings_add(
	    settings, "enable.ssl.certificate.verification", tls->verify ? "true" : "false", verify_reason);
	/* The host name is checked by default from librdkafka 2.0 on, and only where the certificate is. */
	settings_add(
	    settings, "ssl.endpoint.identification.algorithm", tls->verify ? "https" : "none", verify_reason);
}

static void add_sasl(struct settings *settings, const struct config_sasl *sasl)
{
	static const char username_reason[] = "clusters.NAME.sasl.username says so";
	static const char password_reason[] = "clusters.NAME.sasl.password says so";
	const char *endpoint = sasl->token_endpoint;

	settings_add(settings, "sasl.mechanisms", sasl->mechanism, "clusters.NAME.sasl.mechanism says so");
	if (!endpoint) {
		add(settings, "sasl.username", sasl->username, sasl->username, username_reason);
		add(settings, "sasl.password", sasl->password.text, sasl->password.value, password_reason);
		return;
	}
	settings_add(
	    settings, "sasl.oauthbearer.method", "oidc", "clusters.NAME.sasl.token_endpoint needs it");
	settings_add(settings, "sasl.oauthbearer.token.endpoint.url", endpoint,
	    "clusters.NAME.sasl.token_endpoint says so");
	add(settings, "sasl.oauthbearer.client.id", sasl->username, sasl->username, username_reason);
	add(settings, "sasl.oauthbearer.client.secret", sasl->password.text, sasl->password.value,
	    password_reason);
}

void security_settings(struct settings *settings, const struct config_cluster *cluster)
{
	if (!cluster->tls.enabled && !cluster->sasl.enabled)
		return;
	settings_add(
	    settings, "security.protocol", protocol_of(cluster), "clusters.NAME.tls and .sasl say so");
	if (cluster->tls.enabled)
		add_tls(settings, &cluster->tls);
	if (cluster->sasl.enabled)
		add_sasl(settings, &cluster->sasl);
}

/* ---- what went wrong ---- */

static void explain_login(struct error *err, const char *words, const struct config_cluster *cluster)
{
	const struct config_sasl *sasl = &cluster->sasl;
	_cleanup_free_ char *user = NULL;
	/* It repeats the client's nonce, which brokers forgave up to 3.9 (librdkafka #4895). */
	bool is_old = strstr(words, "SCRAM") && !client_library_at_least(2, 6, 1);

	if (sasl->enabled && sasl->username)
		user = xasprintf(" of user \"%s\"", sasl->username);
	error_set(err, -EACCES, REMEDY_PERSON,
	    "cluster \"%s\" refuses the login%s: %s; correct mechanism, username and password in "
	    "clusters.%s%s, then reload aloqd (restart it for a changed credential)%s%s%s",
	    cluster->name, user ? user : "", words, cluster->name, sasl->enabled ? ".sasl" : "",
	    is_old ? " (if they are right: librdkafka " : "", is_old ? rd_kafka_version_str() : "",
	    is_old ? " cannot log in with SCRAM to Kafka 4.0 or newer; 2.6.1 can)" : "");
}

/* librdkafka calls it a failed authentication, too, when the connection breaks before the broker has answered. */
static bool has_broken_off(const char *words)
{
	return strstr(words, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TRANSPORT)) ||
	       strstr(words, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TIMED_OUT));
}

static void explain_tls(struct error *err, const char *words, const struct config_cluster *cluster)
{
	const char *why;

	if (strstr(words, "certificate verify failed"))
		why = "the certificate of its brokers is not signed by an authority that tls.ca holds, has "
		      "expired, or is "
		      "for another host name than the one that they are reached by";
	else if (strstr(words, " alert "))
		why = "its brokers refuse the client: they may want another certificate of it "
		      "(tls.certificate, tls.key)";
	else
		why = "its brokers may expect no TLS on this port";
	error_set(err, -EPROTO, REMEDY_RETRY,
	    "TLS with cluster \"%s\" (brokers %s) fails, trying again: %s: %s", cluster->name,
	    cluster->brokers, why, words);
}

bool security_explain(
    struct error *err, rd_kafka_resp_err_t code, const char *words, const struct config_cluster *cluster)
{
	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && strstr(words, "OAUTHBEARER token"))
		error_set(err, -EAGAIN, REMEDY_RETRY,
		    "there is no token for cluster \"%s\", trying again: %s; see that token_endpoint in "
		    "clusters.%s.sasl "
		    "answers, and that username and password are right",
		    cluster->name, words, cluster->name);
	else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && has_broken_off(words))
		error_set(err, -ECONNRESET, REMEDY_RETRY,
		    "the connection to cluster \"%s\" broke while it was logged in to, trying again: %s", cluster->name,
		    words);
	else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
		 code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
		explain_login(err, words, cluster);
	else if (code == RD_KAFKA_RESP_ERR__SSL ||
		 (code == RD_KAFKA_RESP_ERR__TRANSPORT &&
		     (strstr(words, "SSL routines") || strstr(words, "SSL alert"))))
		explain_tls(err, words, cluster);
	else
		return false;
	err->name = rd_kafka_err2name(code);
	return true;
}

/* ---- the library's word ---- */

/* A value of builtin.features. */
static bool has_feature(const char *feature)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[256];
	/* To set it asks whether all that is named is there. */
	bool has =
	    rd_kafka_conf_set(conf, "builtin.features", feature, words, sizeof words) == RD_KAFKA_CONF_OK;

	rd_kafka_conf_destroy(conf);
	return has;
}

static const char *feature_of(const char *mechanism)
{
	static const struct {
		const char *mechanism, *feature;
	} rows[] = { { "PLAIN", "sasl_plain" }, { "SCRAM-SHA-256", "sasl_scram" },
		{ "SCRAM-SHA-512", "sasl_scram" }, { "OAUTHBEARER", "sasl_oauthbearer" },
		{ "GSSAPI", "sasl_gssapi" } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].mechanism, mechanism) == 0)
			return rows[i].feature;
	}
	return NULL;
}

/* Checks certificate and key as a client would at its start: by making one, which knows no broker. */
static int try_tls(const struct config_tls *tls, struct error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct settings settings = { .items = NULL };
	rd_kafka_t *client = NULL;
	char words[512];

	rd_kafka_conf_set_log_cb(conf, NULL);
	settings_add(&settings, "security.protocol", "ssl", "");
	add_tls(&settings, tls);
	if (client_set(conf, &settings, err) == 0) {
		client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
		if (!client)
			error_set(err, -EINVAL, REMEDY_PERSON, "%s", words);
	}
	if (!client) {
		rd_kafka_conf_destroy(conf); /* ours again when no client was made of it */
		return err->code;
	}
	rd_kafka_destroy(client);
	return 0;
}

/* Is what was wrong with it said already, or will only a start have it? */
static bool is_incomplete(const struct config_tls *tls)
{
	return (tls->ca.text && !tls->ca.contents_hash) ||
	       (tls->certificate.text && !tls->certificate.contents_hash) ||
	       (tls->key.text && !tls->key.contents_hash) ||
	       (tls->key_password.text && !tls->key_password.value) ||
	       !tls->certificate.text != !tls->key.text;
}

static void check_tls(const struct config_cluster *cluster, config_report report, void *context)
{
	_cleanup_free_ char *path = xasprintf("clusters.%s.tls", cluster->name);
	_cleanup_free_ char *text = NULL;
	struct error err;

	if (!has_feature("ssl")) {
		text = xasprintf(
		    "librdkafka %s was built without TLS; install one that has it", rd_kafka_version_str());
		report(context, &cluster->tls.origin, path, text);
	} else if (!is_incomplete(&cluster->tls) && try_tls(&cluster->tls, &err) < 0) {
		text = xasprintf("librdkafka cannot use it: %s; see that ca and certificate are PEM files, "
				 "that key belongs to "
				 "certificate, and key_password to key",
		    err.message);
		report(context, &cluster->tls.origin, path, text);
	}
}

static void check_mechanism(const struct config_cluster *cluster, config_report report, void *context)
{
	const struct config_sasl *sasl = &cluster->sasl;
	_cleanup_free_ char *path = xasprintf("clusters.%s.sasl.mechanism", cluster->name);
	_cleanup_free_ char *text = NULL;
	struct settings settings = { .items = NULL };
	struct error err;
	rd_kafka_conf_t *conf;

	if (!has_feature(feature_of(sasl->mechanism))) {
		text = xasprintf(
		    "librdkafka %s was built without %s; install one that has it, or use another mechanism",
		    rd_kafka_version_str(), sasl->mechanism);
		report(context, &sasl->origin, path, text);
		return;
	}
	add_sasl(&settings, sasl);
	conf = rd_kafka_conf_new();
	if (client_set(conf, &settings, &err) < 0)
		report(context, &sasl->origin, path, err.message);
	rd_kafka_conf_destroy(conf);
}

void security_check(const struct config_cluster *cluster, config_report report, void *context)
{
	if (cluster->tls.enabled)
		check_tls(cluster, report, context);
	if (cluster->sasl.enabled && cluster->sasl.mechanism)
		check_mechanism(cluster, report, context);
}
