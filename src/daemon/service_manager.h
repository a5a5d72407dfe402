/* service_manager.h: what we tell systemd. Each call does nothing when nobody asked for it ($NOTIFY_SOCKET,
 * $WATCHDOG_USEC). Thread: the main thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct service_manager {
	int64_t watchdog_us; /* 0: no watchdog */
	int64_t alive_sent_us;
	int64_t status_sent_us;
	char status[160]; /* the last one sent */
};

void service_manager_init(struct service_manager *manager);

/* READY=1. */
void service_manager_ready(struct service_manager *manager);

/* RELOADING=1, which READY=1 ends. now_us: monotonic. */
void service_manager_reloading(struct service_manager *manager, int64_t now_us);

/* Asks for this long before what goes on counts as hung. */
void service_manager_extend(struct service_manager *manager, int64_t extend_us);

/* STATUS=line, when it is another one than before, and at most once a second. */
void service_manager_status(struct service_manager *manager, const char *line, int64_t now_us);

/* STOPPING=1, and asks for this long before the stop counts as hung. */
void service_manager_stopping(struct service_manager *manager, int64_t extend_us);

/* WATCHDOG=1, several times in each of the watchdog's periods at most. */
void service_manager_alive(struct service_manager *manager, int64_t now_us);
