/* Properties of librdkafka that are not the operator's to set: the guarantee, aloqd or another key decides.
 */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "config/config.h"
#include "config/load.h"
#include "config/property_list.h"

#define OWN_GROUPS "it follows from the groups tls and sasl of the cluster"
#define NO_TLS                                                                                               \
	"the cluster has a group sasl and none for tls, so connections are not encrypted: add tls = { }"

/* Which groups of a cluster decide a property. */
enum decided_by {
	BY_TLS,    /* where there is tls */
	BY_SASL,   /* where there is sasl */
	BY_EITHER, /* where there is one of them */
	BY_TOKENS, /* where sasl has token_endpoint */
};

static const struct {
	const char *property; /* one that ends in '.' stands for all that begin so */
	enum decided_by by;
	const char *reason;
} decisions[] = {
	{ "security.protocol", BY_EITHER, OWN_GROUPS },
	{ "ssl.ca.", BY_TLS, "it has its own key: tls.ca" },
	{ "ssl.certificate.", BY_TLS, "it has its own key: tls.certificate" },
	{ "ssl.key.password", BY_TLS, "it has its own key: tls.key_password" },
	{ "ssl.key.", BY_TLS, "it has its own key: tls.key" },
	{ "ssl.keystore.", BY_TLS, "tls.certificate and tls.key say what the client shows" },
	{ "enable.ssl.certificate.verification", BY_TLS, "it has its own key: tls.verify" },
	{ "ssl.endpoint.identification.algorithm", BY_TLS, "it has its own key: tls.verify" },
	{ "sasl.mechanism", BY_SASL, "it has its own key: sasl.mechanism" },
	{ "sasl.mechanisms", BY_SASL, "it has its own key: sasl.mechanism" },
	{ "sasl.username", BY_SASL, "it has its own key: sasl.username" },
	{ "sasl.password", BY_SASL, "it has its own key: sasl.password" },
	{ "sasl.oauthbearer.method", BY_TOKENS, "it follows from sasl.token_endpoint" },
	{ "sasl.oauthbearer.client.id", BY_TOKENS, "it has its own key: sasl.username" },
	{ "sasl.oauthbearer.client.secret", BY_TOKENS, "it has its own key: sasl.password" },
	{ "sasl.oauthbearer.token.endpoint.url", BY_TOKENS, "it has its own key: sasl.token_endpoint" },
};

static bool is_decided(enum decided_by by, const struct config_cluster *cluster)
{
	switch (by) {
	case BY_TLS:
		return cluster->tls.enabled;
	case BY_SASL:
		return cluster->sasl.enabled;
	case BY_EITHER:
		return cluster->tls.enabled || cluster->sasl.enabled;
	case BY_TOKENS:
		return cluster->sasl.enabled && cluster->sasl.token_endpoint;
	}
	return false;
}

static bool name_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	return pattern[length - 1] == '.' ? strncasecmp(pattern, name, length) == 0
	                                  : strcasecmp(pattern, name) == 0;
}

/* Why the groups tls and sasl leave no room for the property, or NULL. */
static const char *security_refusal(const struct config_cluster *cluster, const char *property)
{
	for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
		if (is_decided(decisions[i].by, cluster) && name_matches(decisions[i].property, property))
			return decisions[i].reason;
	}
	/* librdkafka would take it, in vain. */
	if (cluster->sasl.enabled && !cluster->tls.enabled &&
	    (name_matches("ssl.", property) || name_matches("enable.ssl.certificate.verification", property)))
		return NO_TLS;
	return NULL;
}

const char *config_property_refusal(const struct config_cluster *cluster, const struct delivery_choice *choice,
    enum client_side side, const char *property, const char *value)
{
	const char *reason = delivery_property_refusal(choice, side, property, value);

	return reason || !cluster ? reason : security_refusal(cluster, property);
}

void check_secret_is_private(struct load *load, const struct finding_place *where, const char *name)
{
	if ((load->file_modes[where->file] & S_IROTH) != 0)
		findings_warning(load->findings, where,
		    "\"%s\" is a secret in a file that everyone can read; take that right away: chmod o-r %s",
		    name, load->config->files[where->file]);
}

void check_properties(struct load *load, const struct config_properties *properties,
    const struct config_cluster *cluster, const struct delivery_choice *choice, enum client_side side,
    const struct finding_place *where)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct config_property *property = &properties->items[i];
		const char *reason =
		    config_property_refusal(cluster, choice, side, property->name, property->value);

		if (reason)
			findings_error(load->findings, where, "\"%s\" is refused, because %s; remove it",
			    property->name, reason);
		else if (property_is_secret(property->name))
			check_secret_is_private(load, where, property->name);
	}
}
