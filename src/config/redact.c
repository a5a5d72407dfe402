#include "config/redact.h"
#include <string.h>
#include "base/memory.h"
#include "config/property_list.h"

/* Shorter ones would be found in any text, and guessed anyway. */
enum { SECRET_LEAST_BYTES = 4 };

static const char stars[] = "***";

/* No longer than it was: stars are fewer than a secret's bytes. */
static void hide(char *text, const char *secret)
{
	size_t length = secret ? strlen(secret) : 0;

	if (length < SECRET_LEAST_BYTES)
		return;
	for (char *at = text; (at = strstr(at, secret)) != NULL; at += sizeof stars - 1) {
		memcpy(at, stars, sizeof stars - 1);
		memmove(at + sizeof stars - 1, at + length, strlen(at + length) + 1);
	}
}

static void hide_properties(char *text, const struct config_properties *properties)
{
	for (size_t i = 0; i < properties->count; i++)
		if (property_is_secret(properties->items[i].name))
			hide(text, properties->items[i].value);
}

static void hide_cluster(char *text, const struct config_cluster *cluster)
{
	if (!cluster)
		return;
	hide(text, cluster->sasl.password.value);
	hide(text, cluster->tls.key_password.value);
	hide_properties(text, &cluster->properties);
}

char *config_redact(const struct config_pipeline *pipeline, const char *text)
{
	char *shown = text ? xstrdup(text) : NULL;

	if (!shown)
		return NULL;
	hide_cluster(shown, pipeline->from.cluster);
	hide_cluster(shown, pipeline->to.cluster);
	hide_properties(shown, &pipeline->from.properties);
	hide_properties(shown, &pipeline->to.properties);
	return shown;
}
