#include "daemon/reload.h"
#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "config/diff.h"
#include "daemon/loading.h"

#define CLOSE_GRACE_US (5 * USEC_PER_SEC) /* from the end of a drain to the end of its thread */

struct reload {
	struct config *config; /* held: the one that holds */
	const struct options *options;
	struct supervisor *supervisor;
	struct service_manager *service_manager;
	struct reload_status status;
	int64_t began_us;
	int64_t give_up_us; /* when it is not waited for drains any longer */
};

struct reload *reload_new(struct config *config, const struct options *options, struct supervisor *supervisor,
    struct service_manager *service_manager)
{
	struct reload *reload = xcalloc(1, sizeof *reload);

	reload->config = config_hold(config);
	reload->options = options;
	reload->supervisor = supervisor;
	reload->service_manager = service_manager;
	reload->status.config_ms = clock_realtime_ms();
	reload->status.finished = true;
	return reload;
}

static void forget_last(struct reload *reload)
{
	free(reload->status.summary);
	reload->status.summary = NULL;
	config_findings_clear(&reload->status.findings);
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	forget_last(reload);
	config_free(reload->config);
	free(reload);
}

const struct config *reload_config(const struct reload *reload)
{
	return reload->config;
}

const struct reload_status *reload_status(const struct reload *reload)
{
	return &reload->status;
}

static void log_summary(enum log_level level, const char *message_id, const char *summary)
{
	log_at(level, &(struct log_place){ .partition = -1, .offset = -1, .message_id = message_id }, "%s",
	    summary);
}

static void refuse(struct reload *reload)
{
	struct reload_status *status = &reload->status;
	size_t errors = status->findings.error_count;

	status->refused++;
	status->was_refused = true;
	status->summary = xasprintf("%s is refused, with %zu error%s; everything runs on as it was",
	    reload->options->config_file, errors, errors == 1 ? "" : "s");
	log_summary(LOG_LEVEL_ERROR, LOG_ID_RELOAD_REFUSED, status->summary);
}

/* A warning that concerns the running daemon, not the text alone: shown with the others. */
static void note_kept(void *context, const char *sentence)
{
	config_findings_add_warning(context, sentence);
	log_warning(&LOG_NOWHERE, "%s", sentence);
}

static char *describe(const char *file, const struct supervisor_changes *changes)
{
	if (changes->started + changes->changed + changes->removed == 0)
		return xasprintf("%s is reloaded: no pipeline has changed", file);
	return xasprintf("%s is reloaded: %zu pipeline%s new, %zu changed, %zu removed, %zu unchanged", file,
	    changes->started, changes->started == 1 ? " is" : "s are", changes->changed, changes->removed,
	    changes->unchanged);
}

static void take_up(struct reload *reload, struct config *config)
{
	int64_t drain_us = config->drain_timeout_ms * USEC_PER_MSEC;
	struct supervisor_changes changes;

	diff_keep_running(reload->config, config, note_kept, &reload->status.findings);
	log_set_level(config->log_level);
	changes = supervisor_apply(
	    reload->supervisor, config, clock_after_us(reload->began_us, drain_us), reload->began_us);
	reload->give_up_us = clock_after_us(reload->began_us, clock_after_us(drain_us, CLOSE_GRACE_US));
	config_free(reload->config);
	reload->config = config;
	reload->status.ok++;
	reload->status.was_refused = false;
	reload->status.config_ms = reload->status.at_ms;
	reload->status.summary = describe(reload->options->config_file, &changes);
	log_summary(LOG_LEVEL_NOTICE, LOG_ID_RELOADED, reload->status.summary);
	service_manager_extend(reload->service_manager, clock_after_us(drain_us, 2 * CLOSE_GRACE_US));
}

void reload_begin(struct reload *reload, const char *asked_by)
{
	int exit_code;
	struct config *config;

	log_notice(&LOG_NOWHERE, "%s: reads %s again", asked_by, reload->options->config_file);
	reload->began_us = clock_monotonic_us();
	service_manager_reloading(reload->service_manager, reload->began_us);
	forget_last(reload);
	reload->status.at_ms = clock_realtime_ms();
	reload->status.finished = false;
	reload->status.late = 0;
	config = loading_read(reload->options, CONFIG_TO_RUN, &reload->status.findings, &exit_code);
	loading_log(&reload->status.findings);
	if (config)
		take_up(reload, config);
	else
		refuse(reload);
	reload_continue(reload, reload->began_us);
}

void reload_continue(struct reload *reload, int64_t now_us)
{
	const char *name = NULL;
	size_t changing;

	if (reload->status.finished)
		return;
	changing = supervisor_changing(reload->supervisor, &name);
	if (changing > 0 && now_us < reload->give_up_us)
		return;
	reload->status.finished = true;
	reload->status.late = changing;
	if (changing > 0)
		log_warning(&LOG_PIPELINE(name),
		    "has not ended in time after the reload%s; what is to follow starts as soon as it has",
		    changing > 1 ? ", nor have others" : "");
	service_manager_ready(reload->service_manager);
}
