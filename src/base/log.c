/* The journal needs no source location: an operator looks things up by MESSAGE_ID. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>
#include "base/escape.h"

#define MESSAGE_SIZE   4096 /* what is longer is cut */
#define PLACE_SIZE     1024 /* level, pipeline, topic and so on before it */
#define COMMAND_FIELD_SIZE 256
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELD_COUNT    13

struct field {
	const char *name;
	const char *value;
};

/* The one piece of global state of this layer: every thread logs, and none of them should carry a handle for
 * it. All but the level is written once, by log_init(). */
static struct {
	const char *program;
	bool stderr_is_journal;
	bool to_journal;
	_Atomic enum log_level level;
} logger = { .program = "aloqd", .level = LOG_LEVEL_INFO };

static const struct {
	const char *name;
	const char *priority; /* syslog's */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "3" },
	[LOG_LEVEL_WARNING] = { "warning", "4" },
	[LOG_LEVEL_NOTICE] = { "notice", "5" },
	[LOG_LEVEL_INFO] = { "info", "6" },
	[LOG_LEVEL_DEBUG] = { "debug", "7" },
};

/* systemd names the device and inode of the stream that it gave us: only when stderr still is that one, and
 * not redirected, do its readers look into the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

void log_init(const char *program, enum log_level level)
{
	logger.program = program;
	logger.stderr_is_journal = stderr_is_journal();
	/* Where the sandbox hides the socket sd_journal_sendv() says nothing and sends nothing. */
	logger.to_journal = logger.stderr_is_journal && access(JOURNAL_SOCKET, W_OK) == 0;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&logger.level, level, memory_order_relaxed);
}

enum log_level log_level(void)
{
	return atomic_load_explicit(&logger.level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	return levels[level].name;
}

int log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* One write, so that the lines of several threads do not mix. */
static void write_line(const char *line, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDERR_FILENO, line, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return; /* there is no place left to complain */
		line += written;
		length -= (size_t)written;
	}
}

/* `pipeline=orders topic=orders partition=3: message`, or the message alone: a line must say what it is about also to
 * who sees nothing but the line. Returns the length written; what does not fit is cut. */
static size_t write_text(char *text, size_t size, const struct field *fields, size_t count, const char *message)
{
	size_t used = 0;

	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(
		    text + used, size - used, "%s%s=%s", i > 0 ? " " : "", fields[i].name, fields[i].value);
	if (used < size)
		used += (size_t)snprintf(text + used, size - used, "%s%s", count > 0 ? ": " : "", message);
	return used < size ? used : size - 1;
}

/* The fields of a command, which no line shows. Returns how many. */
static size_t command_fields(
    const struct log_command *command, struct field fields[4], char text[4][COMMAND_FIELD_SIZE])
{
	const struct field texts[] = { { "ALOQD_COMMAND", command->command }, { "ALOQD_RESULT", command->result } };
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = { { "ALOQD_BY_UID", command->uid }, { "ALOQD_BY_PID", command->pid } };
	size_t count = 0;

	for (size_t i = 0; i < 2; i++, count++) {
		escape_text(text[count], COMMAND_FIELD_SIZE, texts[i].value, strlen(texts[i].value));
		fields[count] = (struct field){ texts[i].name, text[count] };
	}
	for (size_t i = 0; i < 2; i++) {
		if (numbers[i].value < 0)
			continue;
		snprintf(text[count], COMMAND_FIELD_SIZE, "%" PRId64, numbers[i].value);
		fields[count] = (struct field){ numbers[i].name, text[count] };
		count++;
	}
	return count;
}

/* `LEVEL TEXT` */
static void send_to_stderr(
    enum log_level level, const struct field *fields, size_t count, const char *message)
{
	char line[MESSAGE_SIZE + PLACE_SIZE];
	size_t size = sizeof line - 1; /* room for the newline */
	size_t used;

	/* systemd takes the priority from the prefix where the journal's own socket cannot be used. */
	used = (size_t)snprintf(line, size, "%s%s%s%s%s", logger.stderr_is_journal ? "<" : "",
	    logger.stderr_is_journal ? levels[level].priority : "", logger.stderr_is_journal ? ">" : "",
	    levels[level].name, count > 0 ? " " : ": ");
	used += write_text(line + used, size - used, fields, count, message);
	line[used++] = '\n';
	write_line(line, used);
}

static int send_to_journal(enum log_level level, const struct log_place *place, const struct field *fields,
    size_t count, const char *message)
{
	char described[MESSAGE_SIZE + PLACE_SIZE];
	struct field all[FIELD_COUNT] = {
		{ "MESSAGE", described },
		{ "PRIORITY", levels[level].priority },
		{ "SYSLOG_IDENTIFIER", logger.program },
	};
	char text[FIELD_COUNT * 320 + sizeof described];
	struct iovec vector[FIELD_COUNT];
	char names[FIELD_COUNT][32];
	char command[4][COMMAND_FIELD_SIZE];
	size_t all_count = 3;
	size_t used = 0;

	write_text(described, sizeof described, fields, count, message);
	for (size_t i = 0; i < count; i++, all_count++) {
		char *name = names[all_count];

		snprintf(name, sizeof names[0], "ALOQD_%s", fields[i].name);
		for (char *p = name; *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
		all[all_count] = (struct field){ name, fields[i].value };
	}
	if (place->message_id)
		all[all_count++] = (struct field){ "MESSAGE_ID", place->message_id };
	if (place->command)
		all_count += command_fields(place->command, all + all_count, command);
	for (size_t i = 0; i < all_count; i++) {
		int length = snprintf(text + used, sizeof text - used, "%s=%s", all[i].name, all[i].value);

		if (length < 0 || (size_t)length >= sizeof text - used)
			return -EMSGSIZE;
		vector[i] = (struct iovec){ .iov_base = text + used, .iov_len = (size_t)length };
		used += (size_t)length;
	}
	return sd_journal_sendv(vector, (int)all_count);
}

void log_at(enum log_level level, const struct log_place *place, const char *format, ...)
{
	char raw[MESSAGE_SIZE];
	char message[MESSAGE_SIZE];
	char pipeline[256];
	char member[16];
	char topic[256];
	char partition[16];
	char offset[24];
	struct field fields[5];
	size_t count = 0;
	int saved_errno = errno;
	va_list arguments;

	if (!log_enabled(level) && !place->command)
		return;
	va_start(arguments, format);
	if (vsnprintf(raw, sizeof raw, format, arguments) < 0)
		raw[0] = '\0';
	va_end(arguments);
	escape_text(message, sizeof message, raw, strlen(raw));

	if (place->pipeline) {
		escape_text(pipeline, sizeof pipeline, place->pipeline, strlen(place->pipeline));
		fields[count++] = (struct field){ "pipeline", pipeline };
	}
	if (place->member > 0) {
		snprintf(member, sizeof member, "%" PRId32, place->member);
		fields[count++] = (struct field){ "member", member };
	}
	if (place->topic) {
		escape_text(topic, sizeof topic, place->topic, strlen(place->topic));
		fields[count++] = (struct field){ "topic", topic };
	}
	if (place->partition >= 0) {
		snprintf(partition, sizeof partition, "%" PRId32, place->partition);
		fields[count++] = (struct field){ "partition", partition };
	}
	if (place->offset >= 0) {
		snprintf(offset, sizeof offset, "%" PRId64, place->offset);
		fields[count++] = (struct field){ "offset", offset };
	}
	if (!logger.to_journal || send_to_journal(level, place, fields, count, message) < 0)
		send_to_stderr(level, fields, count, message);
	errno = saved_errno;
}

bool log_ratelimit_allow(struct log_ratelimit *limit, int64_t now_us, uint64_t *suppressed)
{
	if (limit->used == 0 || now_us - limit->window_start_us >= limit->interval_us) {
		limit->window_start_us = now_us;
		limit->used = 0;
	}
	if (limit->used >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->used++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
