/* log.h: one line an event, with fields.
 *
 * To stderr as `LEVEL pipeline=orders topic=orders partition=3: message`. To the journal (sd_journal_sendv) when
 * stderr is the journal's own stream, as under systemd: the same without the level, and the places as fields. Text that
 * came from outside is escaped (control characters, invalid UTF-8). Record contents and secrets are never logged.
 *
 * log_init() is called once by main() before any thread starts; the level may change later from any
 * thread. All other functions: any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* A command that a person has given, for the journal: ALOQD_COMMAND=, ALOQD_RESULT=, ALOQD_BY_UID=, ALOQD_BY_PID=. It is
 * logged whatever the level is. The line itself says it in words of the caller's. */
struct log_command {
	const char *command, *result;
	int64_t uid, pid; /* of who gave it; -1 unknown */
};

/* Where an event happened. Unset members: NULL, 0, partition -1, offset -1. Becomes the journal fields
 * ALOQD_PIPELINE=, ALOQD_MEMBER=, ALOQD_TOPIC=, ALOQD_PARTITION=, ALOQD_OFFSET=. */
struct log_place {
	const char *pipeline;
	int32_t member; /* of a pipeline that has several: from 1 on */
	const char *topic;
	int32_t partition;
	int64_t offset;
	const char *message_id; /* 32 hex digits of log_ids.h, for what an operator looks up; or NULL */
	const struct log_command *command; /* NULL: it was none */
};
#define LOG_NOWHERE ((const struct log_place){ .partition = -1, .offset = -1 })
#define LOG_PIPELINE(name) LOG_MEMBER(name, 0)
#define LOG_MEMBER(name, number) \
	((const struct log_place){ .pipeline = (name), .member = (number), .partition = -1, .offset = -1 })

/* Picks journal or stderr. program is the SYSLOG_IDENTIFIER and must stay valid. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_level(void);
bool log_enabled(enum log_level level);

/* "error", "warning", "notice", "info", "debug" <-> enum; parse returns -EINVAL for another word. */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *text, enum log_level *level);

void log_at(enum log_level level, const struct log_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(place, ...)	log_at(LOG_LEVEL_ERROR, (place), __VA_ARGS__)
#define log_warning(place, ...) log_at(LOG_LEVEL_WARNING, (place), __VA_ARGS__)
#define log_notice(place, ...)	log_at(LOG_LEVEL_NOTICE, (place), __VA_ARGS__)
#define log_info(place, ...)	log_at(LOG_LEVEL_INFO, (place), __VA_ARGS__)
#define log_debug(place, ...)	log_at(LOG_LEVEL_DEBUG, (place), __VA_ARGS__)

/* Bounds a message that a fault can repeat: at most burst in interval_us. Zero-initialise the state
 * members. Not shared between threads. */
struct log_ratelimit {
	int64_t interval_us;
	uint32_t burst;
	int64_t window_start_us;
	uint32_t used;
	uint64_t suppressed; /* since the last one that was allowed */
};

/* May this one be logged? When it may, *suppressed says how many were not since the last one. */
bool log_ratelimit_allow(struct log_ratelimit *limit, int64_t now_us, uint64_t *suppressed);
