#include "config/values.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/units.h"
#include "config/property_list.h"
#include "config/timestamp.h"

/* How much of a wrong value is shown. */
#define SHOWN "%.80s"

static int wrong(struct value_problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int wrong(struct value_problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, sizeof problem->text, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static void *field(const struct key *key, void *object)
{
	return (char *)object + key->offset;
}

static void store_text(const struct key *key, void *object, const char *text)
{
	char **slot = field(key, object);

	free(*slot);
	*slot = text ? xstrdup(text) : NULL;
}

static void store_enum(const struct key *key, void *object, int value)
{
	memcpy(field(key, object), &value, sizeof value);
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
	return wrong(problem, "\"" SHOWN "\" is not a choice here; use %s", text, list);
}

static int choice_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	for (const struct key_choice *choice = key->choices; choice->name; choice++) {
		if (strcmp(choice->name, text) != 0)
			continue;
		if (key->type == KEY_WORD)
			store_text(key, object, text);
		else
			store_enum(key, object, choice->value);
		return 0;
	}
	return not_a_choice(key, text, problem);
}

static int integer_in_range(const struct key *key, int64_t value, void *object, struct value_problem *problem)
{
	if (value < key->min || value > key->max)
		return wrong(problem, "%" PRId64 " is out of range; use %" PRId64 " to %" PRId64, value,
		    key->min, key->max);
	if (key->type == KEY_INT32) {
		int32_t narrow = (int32_t)value;

		memcpy(field(key, object), &narrow, sizeof narrow);
	} else {
		memcpy(field(key, object), &value, sizeof value);
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
		return wrong(problem,
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
		return wrong(
		    problem, "\"" SHOWN "\" is out of range; use \"%s\" to \"%s\"", text, least, most);
	}
	memcpy(field(key, object), &value, sizeof value);
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
		return wrong(problem,
		    "\"" SHOWN "\" is not a size; write a whole number with KiB, MiB, GiB, kB, MB or "
		    "GB, for example \"256MiB\"",
		    text);
	if (r == -ERANGE || value < (uint64_t)key->min || value > (uint64_t)key->max) {
		units_format_size(least, sizeof least, (uint64_t)key->min);
		units_format_size(most, sizeof most, (uint64_t)key->max);
		return wrong(
		    problem, "\"" SHOWN "\" is out of range; use \"%s\" to \"%s\"", text, least, most);
	}
	memcpy(field(key, object), &value, sizeof value);
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
		return wrong(problem, "is empty; give its value or leave the key out");
	if (length > (size_t)key->max)
		return wrong(problem, "has %zu bytes; use at most %" PRId64, length, key->max);
	if (has_control_character(text))
		return wrong(problem, "holds a control character; write printable text");
	store_text(key, object, text);
	return 0;
}

static int instance_from_text(
    const struct key *key, const char *text, void *object, struct value_problem *problem)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (text[strspn(text, allowed)] != '\0')
		return wrong(problem,
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
		store_text(key, object, NULL);
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
		return wrong(problem,
		    "\"" SHOWN "\" is not a listener; write a numeric address and a port, for example "
		    "\"127.0.0.1:9797\" or \"[::1]:9797\", or \"off\"",
		    text);
	store_text(key, object, text);
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
			return wrong(problem,
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
			memcpy(field(key, object), &cluster, sizeof cluster);
			return 0;
		}
		if (used < sizeof known)
			used += (size_t)snprintf(
			    known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", cluster->name);
	}
	if (config->cluster_count == 0)
		return wrong(
		    problem, "\"" SHOWN "\" is not a cluster: there are none; add one under clusters", text);
	return wrong(problem, "\"" SHOWN "\" is not a cluster; known: %s", text, known);
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
		return wrong(problem,
		    "\"" SHOWN "\" is not a point in time; write \"timestamp:2026-01-31T00:00:00Z\" or "
		    "milliseconds since 1970",
		    text);
	from->start = START_TIMESTAMP;
	from->start_timestamp_ms = timestamp_ms;
	return 0;
}

int value_from_text(const struct key *key, const char *text, const struct config *config, void *object,
    struct value_problem *problem)
{
	switch (key->type) {
	case KEY_BOOL:
		*(bool *)field(key, object) = strcmp(text, "true") == 0;
		return 0;
	case KEY_INT32:
	case KEY_INT64:
		return integer_in_range(key, strtoll(text, NULL, 10), object, problem);
	case KEY_TEXT:
		return text_from_text(key, text, object, problem);
	case KEY_BROKERS:
		return brokers_from_text(key, text, object, problem);
	case KEY_CHOICE:
	case KEY_WORD:
	case KEY_PARTITION:
		return choice_from_text(key, text, object, problem);
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
	case KEY_TOPICS:
	case KEY_PROPERTIES:
	case KEY_GROUP:
	case KEY_LATER:
		break;
	}
	return -EINVAL;
}

static bool is_integer(const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static int64_t get_integer(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_INT64 ? config_setting_get_int64(setting)
	                                                         : config_setting_get_int(setting);
}

static bool is_string_list(const config_setting_t *setting)
{
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
		return false;
	for (int i = 0; i < config_setting_length(setting); i++) {
		if (config_setting_type(config_setting_get_elem(setting, (unsigned int)i)) !=
		    CONFIG_TYPE_STRING)
			return false;
	}
	return true;
}

static int partition_from_group(
    const struct key *key, const config_setting_t *setting, void *object, struct value_problem *problem)
{
	const config_setting_t *fixed = config_setting_get_member(setting, "fixed");
	struct config_to *to = object;

	if (!fixed || config_setting_length(setting) != 1 || !is_integer(fixed))
		return wrong(problem, "is not a partition; use \"same\", \"key\" or { fixed = NUMBER; }");
	if (get_integer(fixed) < 0 || get_integer(fixed) > key->max)
		return wrong(problem, "fixed = %" PRId64 " is out of range; use 0 to %" PRId64,
		    get_integer(fixed), key->max);
	to->partition = PARTITION_FIXED;
	to->fixed_partition = (int32_t)get_integer(fixed);
	return 0;
}

static void clear_topics(struct config_from *from)
{
	for (size_t i = 0; i < from->topic_count; i++)
		free(from->topics[i]);
	free(from->topics);
	from->topics = NULL;
	from->topic_count = 0;
}

static int topics_from_list(
    const struct key *key, const config_setting_t *setting, void *object, struct value_problem *problem)
{
	struct config_from *from = object;
	int count;

	if (!is_string_list(setting))
		return wrong(problem, "is not a list of texts; write [ \"TOPIC\", ... ]");
	count = config_setting_length(setting);
	if (count < key->min || count > key->max)
		return wrong(
		    problem, "lists %d topics; list %" PRId64 " to %" PRId64, count, key->min, key->max);
	clear_topics(from);
	from->topics = xcalloc((size_t)count, sizeof *from->topics);
	from->topic_count = (size_t)count;
	for (int i = 0; i < count; i++)
		from->topics[i] = xstrdup(config_setting_get_string_elem(setting, i));
	return 0;
}

static int add_property(struct config_properties *list, const char *text, struct value_problem *problem)
{
	int name_length = (int)strcspn(text, "=: \t"); /* what follows the name may be a secret */

	switch (property_list_add(list, text)) {
	case 0:
		return 0;
	case -EEXIST:
		return wrong(problem, "\"%.*s\" is set twice; remove one of the two", name_length, text);
	case -E2BIG:
		return wrong(problem, "holds too many properties; list at most 1000");
	default:
		return wrong(problem,
		    "\"%.*s\" is not a property; write \"name=value\", the name in letters, digits, \".\", "
		    "\"_\" and "
		    "\"-\"",
		    name_length, text);
	}
}

static int properties_from_list(
    const struct key *key, const config_setting_t *setting, void *object, struct value_problem *problem)
{
	struct config_properties *stored = field(key, object);
	struct config_properties list = { 0 };

	if (!is_string_list(setting))
		return wrong(problem, "is not a list of texts; write [ \"name=value\", ... ]");
	for (int i = 0; i < config_setting_length(setting); i++) {
		int r = add_property(&list, config_setting_get_string_elem(setting, i), problem);

		if (r < 0) {
			property_list_clear(&list);
			return r;
		}
	}
	property_list_clear(stored);
	*stored = list;
	return 0;
}

/* What to write instead, where the type is another one altogether. */
static const char *expected_form(const struct key *key)
{
	switch (key->type) {
	case KEY_BOOL:
		return "true or false";
	case KEY_INT32:
	case KEY_INT64:
		return "a whole number without quotes";
	case KEY_DURATION_MS:
	case KEY_DURATION_US:
		return "a text with a unit, for example \"250ms\"";
	case KEY_SIZE:
		return "a text with a unit, for example \"256MiB\"";
	default:
		return "a text in double quotes";
	}
}

int value_from_setting(const struct key *key, const config_setting_t *setting, const struct config *config,
    void *object, struct value_problem *problem)
{
	int type = config_setting_type(setting);
	char number[24];

	if (key->type == KEY_TOPICS)
		return topics_from_list(key, setting, object, problem);
	if (key->type == KEY_PROPERTIES)
		return properties_from_list(key, setting, object, problem);
	if (key->type == KEY_PARTITION && type == CONFIG_TYPE_GROUP)
		return partition_from_group(key, setting, object, problem);
	if (key->type == KEY_BOOL && type == CONFIG_TYPE_BOOL) {
		*(bool *)field(key, object) = config_setting_get_bool(setting);
		return 0;
	}
	if ((key->type == KEY_INT32 || key->type == KEY_INT64) && is_integer(setting))
		return integer_in_range(key, get_integer(setting), object, problem);
	if (key->type == KEY_CHOICE && is_integer(setting)) { /* acks = 1 */
		snprintf(number, sizeof number, "%" PRId64, get_integer(setting));
		return choice_from_text(key, number, object, problem);
	}
	if (type != CONFIG_TYPE_STRING || key->type == KEY_BOOL || key->type == KEY_INT32 ||
	    key->type == KEY_INT64)
		return wrong(problem, "has the wrong type; write %s", expected_form(key));
	return value_from_text(key, config_setting_get_string(setting), config, object, problem);
}

void values_clear(enum key_place place, void *object)
{
	size_t count;
	const struct key *key = keys_all(&count);

	for (; count > 0; key++, count--) {
		if (key->place != place)
			continue;
		switch (key->type) {
		case KEY_TEXT:
		case KEY_BROKERS:
		case KEY_WORD:
		case KEY_LISTENER:
		case KEY_INSTANCE:
			store_text(key, object, NULL);
			break;
		case KEY_TOPICS:
			clear_topics(object);
			break;
		case KEY_PROPERTIES:
			property_list_clear(field(key, object));
			break;
		case KEY_GROUP:
			values_clear(key->group, field(key, object));
			break;
		case KEY_BOOL:
		case KEY_INT32:
		case KEY_INT64:
		case KEY_CHOICE:
		case KEY_DURATION_MS:
		case KEY_DURATION_US:
		case KEY_SIZE:
		case KEY_CLUSTER:
		case KEY_START:
		case KEY_PARTITION:
		case KEY_LATER:
			break;
		}
	}
}
