#include "config/value_text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/units.h"
#include "config/secret.h"
#include "config/timestamp.h"

/* How much of a wrong value is shown. */
#define SHOWN "%.80s"

int value_wrong(struct value_problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, sizeof problem->text, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

void *value_field(const struct key *key, void *object)
{
	return (char *)object + key->offset;
}

void value_store_text(const struct key *key, void *object, const char *text)
{
	char **slot = value_field(key, object);

	free(*slot);
	*slot = text ? xstrdup(text) : NULL;
}

static void store_enum(const struct key *key, void *object, int value)
{
	memcpy(value_field(key, object), &value, sizeof value);
}

/* "a", "b" or "c" */
static void list_choices(const struct key_choice *choices, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (; choices->name && used < size; choices++) {
		const char *separator = used == 0 ? "" : choices[1].name ? ", " : " or ";

		used += (size_t)snprintf(buffer + used, size - used, "%s\"%s\"", separator, choices->name);
	}
}

static int not_a_choice(const struct key *key, const char *text, struct value_problem *problem)
{
	char list[512];

	list_choices(key->choices, list, sizeof list);
	return value_wrong(problem, "\"" SHOWN "\" is not a choice here; use %s", text, list);
}

int value_choice_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	for (const struct key_choice *choice = key->choices; choice->name; choice++) {
		if (strcmp(choice->name, text) != 0)
			continue;
		if (key->type == KEY_WORD)
			value_store_text(key, object, text);
		else
			store_enum(key, object, choice->value);
		return 0;
	}
	return not_a_choice(key, text, problem);
}

int value_from_integer(const struct key *key, int64_t value, void *object, struct value_problem *problem)
{
	if (value < key->min || value > key->max)
		return value_wrong(problem, "%" PRId64 " is out of range; use %" PRId64 " to %" PRId64, value,
		    key->min, key->max);
	if (key->type == KEY_INT32) {
		int32_t narrow = (int32_t)value;

		memcpy(value_field(key, object), &narrow, sizeof narrow);
	} else {
		memcpy(value_field(key, object), &value, sizeof value);
	}
	return 0;
}

static int duration_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	bool in_us = key->type == KEY_DURATION_US;
	char least[UNITS_TEXT_SIZE];
	char most[UNITS_TEXT_SIZE];
	int64_t value = 0;
	int r = in_us ? units_parse_duration_us(text, &value) : units_parse_duration_ms(text, &value);

	if (r == -EINVAL)
		return value_wrong(problem,
		    "\"" SHOWN "\" is not a duration; write a whole number with %sms, s, m, h or d, "
		    "for example \"250ms\"",
		    text, in_us ? "us, " : "");
	if (r == -ERANGE || value < key->min || value > key->max) {
		if (in_us) {
			units_format_duration_us(least, sizeof least, key->min);
			units_format_duration_us(most, sizeof most, key->max);
		} else {
			units_format_duration(least, sizeof least, key->min);
			units_format_duration(most, sizeof most, key->max);
		}
		return value_wrong(
		    problem, "\"" SHOWN "\" is out of range; use \"%s\" to \"%s\"", text, least, most);
	}
	memcpy(value_field(key, object), &value, sizeof value);
	return 0;
}

static int size_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	char least[UNITS_TEXT_SIZE];
	char most[UNITS_TEXT_SIZE];
	uint64_t value = 0;
	int r = units_parse_size_bytes(text, &value);

	if (r == -EINVAL)
		return value_wrong(problem,
		    "\"" SHOWN "\" is not a size; write a whole number with KiB, MiB, GiB, kB, MB or "
		    "GB, for example \"256MiB\"",
		    text);
	if (r == -ERANGE || value < (uint64_t)key->min || value > (uint64_t)key->max) {
		units_format_size(least, sizeof least, (uint64_t)key->min);
		units_format_size(most, sizeof most, (uint64_t)key->max);
		return value_wrong(
		    problem, "\"" SHOWN "\" is out of range; use \"%s\" to \"%s\"", text, least, most);
	}
	memcpy(value_field(key, object), &value, sizeof value);
	return 0;
}

static bool has_control_character(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static int text_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	size_t length = strlen(text);

	if (length < (size_t)key->min)
		return value_wrong(problem, "is empty; give its value or leave the key out");
	if (length > (size_t)key->max)
		return value_wrong(problem, "has %zu bytes; use at most %" PRId64, length, key->max);
	if (has_control_character(text))
		return value_wrong(problem, "holds a control character; write printable text");
	value_store_text(key, object, text);
	return 0;
}

static int instance_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (text[strspn(text, allowed)] != '\0')
		return value_wrong(problem,
		    "\"" SHOWN "\" holds a character that is not allowed; use letters, digits, "
		    "\".\", \"_\" and \"-\"",
		    text);
	return text_from_text(key, text, object, problem);
}

/* 1 to 65535, digits only. */
static bool is_port(const char *text, size_t length)
{
	unsigned int port = 0;

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static int listener_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	const char *colon = strrchr(text, ':');
	char address[64];
	unsigned char binary[16];
	size_t length;
	bool in_brackets;

	if (strcmp(text, "off") == 0) {
		value_store_text(key, object, NULL);
		return 0;
	}
	length = colon ? (size_t)(colon - text) : 0;
	in_brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	if (in_brackets)
		snprintf(address, sizeof address, "%.*s", (int)(length - 2), text + 1);
	else
		snprintf(address, sizeof address, "%.*s", (int)length, text);
	if (!colon || length >= sizeof address || !is_port(colon + 1, strlen(colon + 1)) ||
	    inet_pton(in_brackets ? AF_INET6 : AF_INET, address, binary) != 1)
		return value_wrong(problem,
		    "\"" SHOWN "\" is not a listener; write a numeric address and a port, for example "
		    "\"127.0.0.1:9797\" or \"[::1]:9797\", or \"off\"",
		    text);
	value_store_text(key, object, text);
	return 0;
}

/* One entry of a broker list: [PROTOCOL://]HOST[:PORT], the host in brackets when it holds colons. */
static bool is_broker(const char *text, size_t length)
{
	const char *end = text + length;
	const char *scheme = memmem(text, length, "://", 3);
	const char *host = scheme ? scheme + 3 : text;
	const char *host_end;

	if (host < end && *host == '[') {
		host_end = memchr(host, ']', (size_t)(end - host));
		if (!host_end || host_end == host + 1)
			return false;
		host_end++;
	} else {
		host_end = memchr(host, ':', (size_t)(end - host));
		if (!host_end)
			host_end = end;
	}
	if (host_end == host)
		return false;
	for (const char *p = text; p < end; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	}
	return host_end == end || (*host_end == ':' && is_port(host_end + 1, (size_t)(end - host_end - 1)));
}

static int brokers_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	for (const char *entry = text;; entry++) {
		size_t length = strcspn(entry, ",");

		if (!is_broker(entry, length))
			return value_wrong(problem,
			    "\"%.*s\" is not a broker; write \"host:port\", several with commas and no "
			    "blanks between them",
			    (int)(length < 80 ? length : 80), entry);
		entry += length;
		if (*entry == '\0')
			break;
	}
	return text_from_text(key, text, object, problem);
}

static int cluster_from_text(const struct key *key, const char *text, const struct config *config,
    void *object, struct value_problem *problem)
{
	char known[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < config->cluster_count; i++) {
		const struct config_cluster *cluster = &config->clusters[i];

		if (strcmp(cluster->name, text) == 0) {
			memcpy(value_field(key, object), &cluster, sizeof cluster);
			return 0;
		}
		if (used < sizeof known)
			used += (size_t)snprintf(
			    known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", cluster->name);
	}
	if (config->cluster_count == 0)
		return value_wrong(
		    problem, "\"" SHOWN "\" is not a cluster: there are none; add one under clusters", text);
	return value_wrong(problem, "\"" SHOWN "\" is not a cluster; known: %s", text, known);
}

static int start_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	static const char prefix[] = "timestamp:";
	struct config_from *from = object;
	int64_t timestamp_ms = 0;

	if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
		for (const struct key_choice *choice = key->choices; choice->name; choice++) {
			if (choice->value != START_TIMESTAMP && strcmp(choice->name, text) == 0) {
				from->start = (enum start_policy)choice->value;
				return 0;
			}
		}
		return not_a_choice(key, text, problem);
	}
	if (timestamp_parse_ms(text + sizeof prefix - 1, &timestamp_ms) < 0)
		return value_wrong(problem,
		    "\"" SHOWN "\" is not a point in time; write \"timestamp:2026-01-31T00:00:00Z\" or "
		    "milliseconds since 1970",
		    text);
	from->start = START_TIMESTAMP;
	from->start_timestamp_ms = timestamp_ms;
	return 0;
}

static int credential_from_text(const char *text, struct value_problem *problem)
{
	const char *name = reference_credential(text);

	/* The name comes from the configuration and must not lead out of the directory. */
	if (name && (*name == '\0' || strlen(name) > NAME_MAX || strchr(name, '/') || strstr(name, "..") ||
			strcmp(name, ".") == 0))
		return value_wrong(problem,
		    "\"" SHOWN "\" names no credential; write \"credential:NAME\" with the name that stands in the "
		    "unit's LoadCredential=, without \"/\" and \"..\"",
		    text);
	return 0;
}

static int secret_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	const char *path = reference_file(text);

	/* What is wrong with the secret itself is said without it. */
	if (*text == '\0')
		return value_wrong(problem, "is empty; give its value or leave the key out");
	if (strlen(text) > SECRET_MAX_BYTES)
		return value_wrong(problem, "has %zu bytes; use at most %d", strlen(text), SECRET_MAX_BYTES);
	if (has_control_character(text))
		return value_wrong(problem, "holds a control character; write printable text");
	if (path && *path != '/')
		return value_wrong(problem, "\"" SHOWN "\" is no absolute path; write \"file:/PATH\"", text);
	if (credential_from_text(text, problem) < 0)
		return -EINVAL;
	value_store_text(key, object, text);
	return 0;
}

static int file_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	if (has_control_character(text))
		return value_wrong(problem, "holds a control character; write printable text");
	if (!reference_credential(text) && *text != '/')
		return value_wrong(problem,
		    "\"" SHOWN "\" is no absolute path; write \"/PATH\", or \"credential:NAME\"", text);
	if (strlen(text) >= PATH_MAX)
		return value_wrong(problem, "has %zu bytes; use at most %d", strlen(text), PATH_MAX - 1);
	if (credential_from_text(text, problem) < 0)
		return -EINVAL;
	value_store_text(key, object, text);
	return 0;
}

int value_from_text(const struct key *key, const char *text, const struct config *config, void *object,
    struct value_problem *problem)
{
	switch (key->type) {
	case KEY_BOOL:
		*(bool *)value_field(key, object) = strcmp(text, "true") == 0;
		return 0;
	case KEY_INT32:
	case KEY_INT64:
		return value_from_integer(key, strtoll(text, NULL, 10), object, problem);
	case KEY_TEXT:
		return text_from_text(key, text, object, problem);
	case KEY_BROKERS:
		return brokers_from_text(key, text, object, problem);
	case KEY_CHOICE:
	case KEY_WORD:
	case KEY_PARTITION:
		return value_choice_from_text(key, text, object, problem);
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		return duration_from_text(key, text, object, problem);
	case KEY_SIZE:
		return size_from_text(key, text, object, problem);
	case KEY_LISTENER:
		return listener_from_text(key, text, object, problem);
	case KEY_INSTANCE:
		return instance_from_text(key, text, object, problem);
	case KEY_CLUSTER:
		return cluster_from_text(key, text, config, object, problem);
	case KEY_START:
		return start_from_text(key, text, object, problem);
	case KEY_SECRET:
		return secret_from_text(key, text, object, problem);
	case KEY_FILE:
		return file_from_text(key, text, object, problem);
	case KEY_TOPICS:
	case KEY_PROPERTIES:
	case KEY_GROUP:
	case KEY_LATER:
		break;
	}
	return -EINVAL;
}
