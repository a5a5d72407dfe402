#include "daemon/service_manager.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include "base/clock.h"
#include "base/log.h"

void service_manager_init(struct service_manager *manager)
{
	uint64_t watchdog_us = 0;
	int result = sd_watchdog_enabled(0, &watchdog_us);

	*manager =
	    (struct service_manager){ .status_sent_us = INT64_MIN / 2, .alive_sent_us = INT64_MIN / 2 };
	if (result < 0)
		log_warning(&LOG_NOWHERE, "no watchdog: WATCHDOG_USEC or WATCHDOG_PID cannot be read: %s",
		    strerror(-result));
	if (result > 0 && watchdog_us <= INT64_MAX)
		manager->watchdog_us = (int64_t)watchdog_us;
}

/* That systemd does not hear us is for systemd to notice: its start or watchdog timeout says so. */
static void notify(const char *state)
{
	int result = sd_notify(0, state);

	if (result < 0)
		log_debug(&LOG_NOWHERE, "sd_notify: %s", strerror(-result));
}

void service_manager_ready(struct service_manager *manager)
{
	(void)manager;
	notify("READY=1");
}

void service_manager_reloading(struct service_manager *manager, int64_t now_us)
{
	char state[64];

	(void)manager;
	/* systemd tells by the time which request is answered */
	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now_us);
	notify(state);
}

void service_manager_extend(struct service_manager *manager, int64_t extend_us)
{
	char state[64];

	(void)manager;
	snprintf(state, sizeof state, "EXTEND_TIMEOUT_USEC=%" PRId64, extend_us);
	notify(state);
}

void service_manager_status(struct service_manager *manager, const char *line, int64_t now_us)
{
	char state[sizeof manager->status + sizeof "STATUS="];

	if (now_us - manager->status_sent_us < USEC_PER_SEC || strcmp(line, manager->status) == 0)
		return;
	snprintf(manager->status, sizeof manager->status, "%s", line);
	manager->status_sent_us = now_us;
	snprintf(state, sizeof state, "STATUS=%s", manager->status);
	notify(state);
}

void service_manager_stopping(struct service_manager *manager, int64_t extend_us)
{
	char state[64];

	(void)manager;
	snprintf(state, sizeof state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, extend_us);
	notify(state);
}

void service_manager_alive(struct service_manager *manager, int64_t now_us)
{
	if (!manager->watchdog_us || now_us - manager->alive_sent_us < manager->watchdog_us / 8)
		return;
	manager->alive_sent_us = now_us;
	notify("WATCHDOG=1");
}
