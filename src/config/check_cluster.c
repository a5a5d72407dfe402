#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "config/load.h"
#include "config/property_list.h"
#include "config/secret.h"

#define PATH_SIZE 512

/* The cluster that is being judged. */
struct judged {
	struct load *load;
	size_t index;
	struct config_cluster *cluster;
};

/* A key of the cluster, and where it stands. */
struct judged_key {
	const struct judged *judged;
	const char *name;
	char path[PATH_SIZE];
	struct finding_place place; /* refers to path */
	bool stands;                /* there is something, right or wrong */
};

static void key_find(struct judged_key *key, const struct judged *judged, const char *group, const char *name)
{
	key->judged = judged;
	key->name = name;
	key->place = cluster_key_place(judged->load, judged->index, group, name, key->path, sizeof key->path);
	key->stands = cluster_has_key(judged->load, judged->index, group, name);
}

static struct findings_list *findings_of(const struct judged_key *key)
{
	return key->judged->load->findings;
}

/* ---- secrets and files ---- */

static void note_unreadable(const struct judged_key *key, int code, const struct value_problem *problem)
{
	if (code == -EACCES)
		key->judged->load->forbidden = true;
	findings_error(findings_of(key), &key->place, "%s", problem->text);
}

/* The path of a credential, which the caller frees; NULL: it cannot be had, which has been said. */
static char *find_credential(const struct judged_key *key, const char *name)
{
	_cleanup_free_ char *path = credential_path(name);

	if (!path && key->judged->load->purpose == CONFIG_TO_TEST)
		findings_warning(findings_of(key), &key->place,
		    "the credential \"%s\" is not looked at, because there is no $CREDENTIALS_DIRECTORY "
		    "here; systemd "
		    "sets it for a unit with LoadCredential=%s:FILE",
		    name, name);
	else if (!path)
		findings_error(findings_of(key), &key->place,
		    "there is no credential \"%s\", because $CREDENTIALS_DIRECTORY is not set; systemd sets "
		    "it for a "
		    "unit with LoadCredential=%s:FILE",
		    name, name);
	else if (access(path, F_OK) < 0 && errno == ENOENT)
		findings_error(findings_of(key), &key->place,
		    "there is no credential \"%s\" in $CREDENTIALS_DIRECTORY; add LoadCredential=%s:FILE to "
		    "the unit",
		    name, name);
	else
		return TAKE_PTR(path);
	return NULL;
}

static void resolve_secret(struct judged_key *key, struct config_secret *secret)
{
	const char *credential = secret->text ? reference_credential(secret->text) : NULL;
	const char *file = secret->text ? reference_file(secret->text) : NULL;
	_cleanup_free_ char *path = NULL;
	struct value_problem problem;
	int r;

	if (secret->text && !credential && !file) {
		secret->value = xstrdup(secret->text);
		check_secret_is_private(key->judged->load, &key->place, key->name);
		return;
	}
	if (credential)
		path = find_credential(key, credential);
	else if (file)
		path = xstrdup(file);
	if (!path)
		return;
	r = secret_read(path, &secret->value, &problem);
	if (r < 0)
		note_unreadable(key, r, &problem);
}

static void resolve_file(struct judged_key *key, struct config_file *file, bool is_private)
{
	const char *credential = file->text ? reference_credential(file->text) : NULL;
	struct value_problem problem;
	int r;

	if (credential)
		file->path = find_credential(key, credential);
	else if (file->text)
		file->path = xstrdup(file->text);
	if (!file->path)
		return;
	r = file_read(file->path, is_private, &file->contents_hash, &problem);
	if (r < 0)
		note_unreadable(key, r, &problem);
}

/* ---- tls ---- */

static void check_tls(const struct judged *judged)
{
	struct config_tls *tls = &judged->cluster->tls;
	struct judged_key ca, certificate, key, key_password, verify;

	if (!tls->enabled)
		return;
	key_find(&ca, judged, "tls", "ca");
	key_find(&certificate, judged, "tls", "certificate");
	key_find(&key, judged, "tls", "key");
	key_find(&key_password, judged, "tls", "key_password");
	key_find(&verify, judged, "tls", "verify");
	resolve_file(&ca, &tls->ca, false);
	resolve_file(&certificate, &tls->certificate, false);
	resolve_file(&key, &tls->key, true);
	resolve_secret(&key_password, &tls->key_password);
	if (certificate.stands && !key.stands)
		findings_error(findings_of(&certificate), &certificate.place,
		    "is of no use without its private key; add key = \"/PATH\"");
	if (key.stands && !certificate.stands)
		findings_error(findings_of(&key), &key.place,
		    "is of no use without its certificate; add certificate = \"/PATH\"");
	if (key_password.stands && !key.stands)
		findings_error(findings_of(&key_password), &key_password.place,
		    "is of no use without key; add key = \"/PATH\", or remove it");
	if (!tls->verify)
		findings_warning(findings_of(&verify), &verify.place,
		    "false: whoever is between here and the brokers can pose as them, and read and change "
		    "the records; set "
		    "it to true, with the authority that signs their certificates in ca");
}

/* ---- sasl ---- */

static void check_needed(const struct judged_key *key, const char *mechanism)
{
	if (!key->stands)
		findings_error(findings_of(key), &key->place, "is missing; %s needs it", mechanism);
}

static void check_useless(const struct judged_key *key, const char *mechanism, const char *remedy)
{
	if (key->stands)
		findings_error(findings_of(key), &key->place, "is of no use with %s; %s", mechanism, remedy);
}

static void check_endpoint(const struct judged_key *key, const char *url)
{
	if (!url)
		return;
	if (strncasecmp(url, "http://", 7) == 0)
		findings_warning(findings_of(key), &key->place,
		    "the client's secret goes over http:// in the clear; use https://");
	else if (strncasecmp(url, "https://", 8) != 0)
		findings_error(
		    findings_of(key), &key->place, "\"%.80s\" is no URL; write \"https://HOST/PATH\"", url);
}

/* Either the group says how a token is got, or librdkafka's properties do. */
static void check_oauthbearer(const struct judged *judged, const struct judged_key *mechanism,
    const struct judged_key *username, const struct judged_key *password, const struct judged_key *endpoint)
{
	const struct config_cluster *cluster = judged->cluster;

	if (username->stands || password->stands || endpoint->stands) {
		check_needed(username, "OAUTHBEARER");
		check_needed(password, "OAUTHBEARER");
		check_needed(endpoint, "OAUTHBEARER");
		check_endpoint(endpoint, cluster->sasl.token_endpoint);
	} else if (!property_list_find(&cluster->properties, "sasl.oauthbearer.method") &&
		   !property_list_find(&cluster->properties, "enable.sasl.oauthbearer.unsecure.jwt")) {
		findings_error(findings_of(mechanism), &mechanism->place,
		    "OAUTHBEARER needs to know where tokens come from; add token_endpoint, username and "
		    "password, or the "
		    "properties sasl.oauthbearer.*");
	}
}

static void check_sasl(const struct judged *judged)
{
	struct config_sasl *sasl = &judged->cluster->sasl;
	struct judged_key mechanism, username, password, endpoint;

	if (!sasl->enabled)
		return;
	key_find(&mechanism, judged, "sasl", "mechanism");
	key_find(&username, judged, "sasl", "username");
	key_find(&password, judged, "sasl", "password");
	key_find(&endpoint, judged, "sasl", "token_endpoint");
	resolve_secret(&password, &sasl->password);
	if (!sasl->mechanism)
		return; /* what it needs is not known */
	if (strcmp(sasl->mechanism, "OAUTHBEARER") == 0) {
		check_oauthbearer(judged, &mechanism, &username, &password, &endpoint);
	} else if (strcmp(sasl->mechanism, "GSSAPI") == 0) {
		static const char remedy[] = "see the properties sasl.kerberos.*, and remove it";

		check_useless(&username, sasl->mechanism, remedy);
		check_useless(&password, sasl->mechanism, remedy);
		check_useless(&endpoint, sasl->mechanism, remedy);
	} else {
		check_needed(&username, sasl->mechanism);
		check_needed(&password, sasl->mechanism);
		check_useless(&endpoint, sasl->mechanism, "remove it");
	}
	if (judged->cluster->tls.enabled)
		return;
	if (strcmp(sasl->mechanism, "PLAIN") == 0)
		findings_warning(findings_of(&mechanism), &mechanism.place,
		    "PLAIN without TLS sends the password in the clear; add tls = { } to the cluster, or use "
		    "SCRAM-SHA-512");
	else if (strcmp(sasl->mechanism, "OAUTHBEARER") == 0)
		findings_warning(findings_of(&mechanism), &mechanism.place,
		    "OAUTHBEARER without TLS sends the token in the clear; add tls = { } to the cluster");
}

void check_cluster(struct load *load, size_t index)
{
	/* Its properties serve pipelines of all kinds; the usual one names the reasons best. */
	const struct delivery_choice usual = { DELIVERY_AT_LEAST_ONCE, ACKS_ALL, ISOLATION_READ_COMMITTED };
	struct judged judged = { load, index, &load->config->clusters[index] };
	struct judged_key properties;

	check_tls(&judged);
	check_sasl(&judged);
	key_find(&properties, &judged, NULL, "properties");
	check_properties(
	    load, &judged.cluster->properties, judged.cluster, &usual, CLIENT_CONSUMER, &properties.place);
}
