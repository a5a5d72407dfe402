#include "config/default_values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>
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

/* Only what the key's own check takes. */
static void replace_strange_characters(char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (char *p = text; *p; p++) {
		if (!strchr(allowed, *p))
			*p = '_';
	}
}

char *default_instance_of(const char *machine, const char *name)
{
	char *instance = name && *name ? xasprintf("%s-%.60s", machine, name) : xstrdup(machine);

	replace_strange_characters(instance);
	return instance;
}

char *default_instance(void)
{
	char machine[65] = "localhost"; /* a host name fits */
	sd_id128_t id;

	/* A container may have no machine-id; its host name tells it apart as well. */
	if (sd_id128_get_machine_app_specific(ALOQD_APPLICATION_ID, &id) >= 0)
		sd_id128_to_string(id, machine);
	else if (gethostname(machine, sizeof machine) == 0)
		machine[sizeof machine - 1] = '\0';
	/* From the unit's file: to find it in the cgroup's name takes a look at process 1, which the sandbox
	 * hides. */
	return default_instance_of(machine, getenv("ALOQD_INSTANCE"));
}
