#include "config/default_values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/memory.h"

/* Hashed with machine-id; aloqd's own for ever, or instances would change their names. */
#define ALOQD_APPLICATION_ID SD_ID128_MAKE(31, 13, af, a4, f1, 3c, 40, af, bc, a8, d5, 13, bb, af, bd, 13)

char *default_group(const char *pipeline_name)
{
	return xasprintf("aloqd-%s", pipeline_name);
}

char *default_control(void)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (!directory || !*directory)
		directory = "/run/aloqd";
	/* systemd separates several with colons */
	return xasprintf("%.*s/control.sock", (int)strcspn(directory, ":"), directory);
}

/* NAME of the unit aloqd@NAME.service, or NULL. The caller frees. */
static char *unit_instance(const char *unit)
{
	static const char prefix[] = "aloqd@";
	static const char suffix[] = ".service";
	size_t length = unit ? strlen(unit) : 0;

	if (length < sizeof prefix + sizeof suffix - 1 || strncmp(unit, prefix, sizeof prefix - 1) != 0 ||
	    strcmp(unit + length - (sizeof suffix - 1), suffix) != 0)
		return NULL;
	return xstrndup(unit + sizeof prefix - 1, length - (sizeof prefix - 1) - (sizeof suffix - 1));
}

/* Only what the key's own check takes. */
static void replace_strange_characters(char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (char *p = text; *p; p++) {
		if (!strchr(allowed, *p))
			*p = '_';
	}
}

char *default_instance_of(const char *machine, const char *unit)
{
	_cleanup_free_ char *of_unit = unit_instance(unit);
	char *instance = of_unit ? xasprintf("%s-%.60s", machine, of_unit) : xstrdup(machine);

	replace_strange_characters(instance);
	return instance;
}

char *default_instance(void)
{
	_cleanup_free_ char *unit = NULL;
	char machine[65] = "localhost"; /* a host name fits */
	sd_id128_t id;

	/* A container may have no machine-id; its host name tells it apart as well. */
	if (sd_id128_get_machine_app_specific(ALOQD_APPLICATION_ID, &id) >= 0)
		sd_id128_to_string(id, machine);
	else if (gethostname(machine, sizeof machine) == 0)
		machine[sizeof machine - 1] = '\0';
	if (sd_pid_get_unit(0, &unit) < 0)
		unit = NULL;
	return default_instance_of(machine, unit);
}
