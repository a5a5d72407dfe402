/* What can be told on the control socket: which POST does what. Whoever may connect may do it all; each command is
 * logged, whatever became of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "daemon/site_internal.h"

enum { SEGMENTS_MAX = 8, WORDS_SIZE = 128 };

/* What a POST comes to: its path in segments behind /api/v1/, and who asks. */
struct act {
	struct site *site;
	const struct http_request *request;
	struct http_page *page;
	char *path; /* cut into the segments */
	const char *segments[SEGMENTS_MAX];
	size_t segment_count;
	char by[WORDS_SIZE]; /* "uid 0 (pid 42)" */
	const char *command; /* for the log; NULL: it was none that there is */
	const char *refusal; /* for the log, where the page tells of it by other means; NULL: it does not */
	struct log_place place;
};

/* The value of an argument; NULL: not given. */
static const char *argument(const struct act *act, const char *name)
{
	for (size_t i = 0; i < act->request->argument_count; i++) {
		if (strcmp(act->request->arguments[i].name, name) == 0)
			return act->request->arguments[i].value;
	}
	return NULL;
}

/* No argument but this one, which may be NULL: none at all. Else it is answered, and false. */
static bool takes_only(const struct act *act, const char *name)
{
	for (size_t i = 0; i < act->request->argument_count; i++) {
		if (name && strcmp(act->request->arguments[i].name, name) == 0)
			continue;
		site_say(act->page, SITE_BAD_REQUEST, "There is an argument that this does not take.\n");
		return false;
	}
	return true;
}

/* ---- commands ---- */

static void answer_error(struct http_page *page, const struct error *err)
{
	_cleanup_free_ char *text = xasprintf("%s\n", err->message);

	site_say(page, SITE_CONFLICT, text);
}

static void tell_pipeline(struct act *act, enum supervisor_order order)
{
	const char *name = act->segments[1];
	int64_t now_ms = clock_realtime_ms();
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm utc;
	char when[32] = "";
	_cleanup_free_ char *by = NULL;
	struct error err = { 0 };
	int result;

	if (!takes_only(act, NULL))
		return;
	if (gmtime_r(&now_s, &utc))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
	by = xasprintf("by command of %s at %s", act->by, when);
	result = supervisor_tell(act->site->supervisor, name, order, by, clock_monotonic_us(), &err);
	if (result == -ENOENT)
		site_say(act->page, SITE_NOT_FOUND, SITE_NO_PIPELINE);
	else if (result < 0)
		answer_error(act->page, &err);
	else
		site_one_pipeline(act->site, name, act->page);
}

static void reload(struct act *act)
{
	char asked_by[WORDS_SIZE + 32];

	if (!takes_only(act, NULL))
		return;
	snprintf(asked_by, sizeof asked_by, "control socket, %s", act->by);
	reload_begin(act->site->reload, asked_by);
	if (reload_status(act->site->reload)->was_refused)
		act->refusal = reload_status(act->site->reload)->summary;
	site_last_reload(act->site, RELOAD_WHOLE, act->page);
}

static void set_log_level(struct act *act)
{
	const char *name = argument(act, "level");
	enum log_level level;

	if (!takes_only(act, "level"))
		return;
	if (!name || log_level_parse(name, &level) < 0) {
		site_say(act->page, SITE_BAD_REQUEST,
		    "?level= takes error, warning, notice, info or debug.\n");
		return;
	}
	log_set_level(level);
	site_log_level(act->site, RELOAD_WHOLE, act->page);
}

/* A whole number that is not negative, and nothing else. */
static bool parse_number(const char *text, int64_t max, int64_t *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *number <= max;
}

/* What was decided, and as which order: JSON in which the names are those of Kafka, which need no escape; whatever
 * else, it is not found before. */
static void say_order(struct act *act, int64_t order, int64_t partition, int64_t offset)
{
	_cleanup_free_ char *json = xasprintf("{\"order\":%" PRId64 ",\"topic\":\"%s\",\"partition\":%" PRId64
	    ",\"offset\":%" PRId64 "}\n", order, act->segments[3], partition, offset);

	site_say(act->page, SITE_OK, json);
	act->page->content_type = SITE_JSON;
}

static void unblock(struct act *act, enum unblock how)
{
	const char *given = argument(act, "offset");
	int64_t partition, order, offset = -1;
	struct error err = { 0 };

	if (!takes_only(act, "offset"))
		return;
	if (!parse_number(act->segments[4], INT32_MAX, &partition) ||
	    (given && !parse_number(given, INT64_MAX, &offset))) {
		site_say(act->page, SITE_BAD_REQUEST, "A partition or an offset is no whole number.\n");
		return;
	}
	act->place.topic = act->segments[3];
	act->place.partition = (int32_t)partition;
	order = supervisor_unblock(act->site->supervisor, act->segments[1], act->segments[3], (int32_t)partition,
	    &offset, how, clock_monotonic_us(), &err);
	act->place.offset = offset;
	if (order == -ENXIO)
		site_say(act->page, SITE_NOT_FOUND, SITE_NO_PIPELINE);
	else if (order < 0)
		answer_error(act->page, &err);
	else
		say_order(act, order, partition, offset);
}

/* ---- which one ---- */

static const struct {
	const char *verb, *command;
	enum unblock how;
} decisions[] = {
	{ "retry", "unblock --retry", UNBLOCK_RETRY },
	{ "skip", "unblock --skip", UNBLOCK_SKIP },
	{ "dead-letter", "unblock --dead-letter", UNBLOCK_DEAD_LETTER },
};

static const struct {
	const char *verb;
	enum supervisor_order order;
} orders[] = {
	{ "pause", ORDER_PAUSE },
	{ "resume", ORDER_RESUME },
	{ "start", ORDER_START },
	{ "stop", ORDER_STOP },
	{ "restart", ORDER_RESTART },
};

static void say_what_there_is(struct http_page *page)
{
	site_say(page, SITE_NOT_FOUND,
	    "There is nothing to do here; POST " SITE_RELOAD " reads the configuration again, " SITE_LOG_LEVEL
	    "?level=LEVEL changes what is logged, and " SITE_ONE_PIPELINE
	    "NAME/start, /stop, /restart, /pause and /resume do what they say, and " SITE_ONE_PIPELINE
	    "NAME/partitions/TOPIC/NUMBER/retry, /skip and /dead-letter decide for a blocked partition.\n");
}

/* pipelines/NAME/VERB */
static void act_on_pipeline(struct act *act)
{
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		if (strcmp(act->segments[2], orders[i].verb) != 0)
			continue;
		act->command = orders[i].verb;
		act->place.pipeline = act->segments[1];
		tell_pipeline(act, orders[i].order);
		return;
	}
	say_what_there_is(act->page);
}

/* pipelines/NAME/partitions/TOPIC/NUMBER/VERB */
static void act_on_partition(struct act *act)
{
	for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
		if (strcmp(act->segments[5], decisions[i].verb) != 0 || strcmp(act->segments[2], "partitions") != 0)
			continue;
		act->command = decisions[i].command;
		act->place.pipeline = act->segments[1];
		unblock(act, decisions[i].how);
		return;
	}
	say_what_there_is(act->page);
}

static void dispatch(struct act *act)
{
	const char *first = act->segment_count > 0 ? act->segments[0] : "";

	if (act->site->stopping) {
		act->command = act->segment_count > 0 ? act->segments[act->segment_count - 1] : "?";
		site_say(act->page, SITE_UNAVAILABLE, "aloqd stops, and takes no commands any more.\n");
	} else if (strcmp(first, "reload") == 0 && act->segment_count == 1) {
		act->command = "reload";
		reload(act);
	} else if (strcmp(first, "log-level") == 0 && act->segment_count == 1) {
		act->command = "log-level";
		set_log_level(act);
	} else if (strcmp(first, "pipelines") == 0 && act->segment_count == 3) {
		act_on_pipeline(act);
	} else if (strcmp(first, "pipelines") == 0 && act->segment_count == 6) {
		act_on_partition(act);
	} else {
		say_what_there_is(act->page);
	}
}

/* ---- all of it ---- */

static void cut_path(struct act *act)
{
	static const char prefix[] = "/api/v1/";
	char *rest;

	act->path = xstrdup(act->request->path);
	if (strncmp(act->path, prefix, strlen(prefix)) != 0)
		return;
	rest = act->path + strlen(prefix);
	while (rest && act->segment_count < SEGMENTS_MAX)
		act->segments[act->segment_count++] = strsep(&rest, "/");
	if (rest)
		act->segment_count = 0; /* longer than any that there is */
}

static void log_it(const struct act *act)
{
	const struct http_page *page = act->page;
	bool done = page->status == SITE_OK && !act->refusal;
	const char *page_words = page->body ? page->body : "no memory";
	const char *why = act->refusal ? act->refusal : page_words;
	_cleanup_free_ char *words = done ? xstrdup("accepted") : xstrndup(why, strcspn(why, "\n"));
	const struct log_command command = { .command = act->command, .result = done ? "accepted" : "refused",
		.uid = act->request->uid, .pid = act->request->pid };
	const char *level = argument(act, "level");
	struct log_place place = act->place;

	place.message_id = LOG_ID_COMMAND;
	place.command = &command;
	log_at(done ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, &place, "command \"%s%s%s\" by %s: %s%s", act->command,
	    level ? " " : "", level ? level : "", act->by, done ? "" : "refused: ", words);
}

void site_act(void *context, const struct http_request *request, struct http_page *page)
{
	struct act act = {
		.site = context, .request = request, .page = page, .place = { .partition = -1, .offset = -1 }
	};

	if (request->uid >= 0)
		snprintf(act.by, sizeof act.by, "uid %" PRId64 " (pid %" PRId64 ")", request->uid,
		    request->pid);
	else
		snprintf(act.by, sizeof act.by, "somebody unknown");
	cut_path(&act);
	dispatch(&act);
	if (act.command)
		log_it(&act);
	free(act.path);
}
