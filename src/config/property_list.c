#include "config/property_list.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* More is no list that a person wrote. */
#define PROPERTIES_MAX 1000

int property_list_add(struct config_properties *list, const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t length = strspn(text, allowed);
	char *name;

	if (length == 0 || text[length] != '=')
		return -EINVAL;
	if (list->count >= PROPERTIES_MAX)
		return -E2BIG;
	name = xstrndup(text, length);
	if (property_list_find(list, name)) {
		free(name);
		return -EEXIST;
	}
	list->items = xreallocarray(list->items, list->count + 1, sizeof *list->items);
	list->items[list->count++] =
	    (struct config_property){ .name = name, .value = xstrdup(text + length + 1) };
	return 0;
}

const struct config_property *property_list_find(const struct config_properties *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcasecmp(list->items[i].name, name) == 0)
			return &list->items[i];
	}
	return NULL;
}

void property_list_clear(struct config_properties *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].value);
	}
	free(list->items);
	*list = (struct config_properties){ 0 };
}

bool property_is_secret(const char *name)
{
	/* What says so in its name, private keys, and what may hold one of them among other things. */
	static const char *const marks[] = { "password", "passphrase", "secret", "jaas", "key.pem",
		"oauthbearer.config" };

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (strcasestr(name, marks[i]))
			return true;
	}
	return false;
}
