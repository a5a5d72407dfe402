#include "config/values.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "config/property_list.h"
#include "config/secret.h"
#include "config/value_text.h"

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
		return value_wrong(
		    problem, "is not a partition; use \"same\", \"key\" or { fixed = NUMBER; }");
	if (get_integer(fixed) < 0 || get_integer(fixed) > key->max)
		return value_wrong(problem, "fixed = %" PRId64 " is out of range; use 0 to %" PRId64,
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
		return value_wrong(problem, "is not a list of texts; write [ \"TOPIC\", ... ]");
	count = config_setting_length(setting);
	if (count < key->min || count > key->max)
		return value_wrong(
		    problem, "lists %d topics; list %" PRId64 " to %" PRId64, count, key->min, key->max);
	clear_topics(from);
	from->topics = xcalloc((size_t)count, sizeof *from->topics);
	from->topic_count = (size_t)count;
	for (int i = 0; i < count; i++)
		from->topics[i] = xstrdup(config_setting_get_string_elem(setting, i));
	return 0;
}

static void clear_file(struct config_file *file)
{
	free(file->text);
	free(file->path);
	*file = (struct config_file){ 0 };
}

int value_property_count(const config_setting_t *setting, struct value_problem *problem)
{
	if (!is_string_list(setting))
		return value_wrong(problem, "is not a list of texts; write [ \"name=value\", ... ]");
	return config_setting_length(setting);
}

int value_add_property(const struct key *key, const config_setting_t *setting, int number, void *object,
    struct value_problem *problem)
{
	const char *text = config_setting_get_string_elem(setting, number);
	struct config_properties *list = value_field(key, object);
	int name_length = (int)strcspn(text, "=: \t"); /* what follows the name may be a secret */

	switch (property_list_add(list, text)) {
	case 0:
		return 0;
	case -EEXIST:
		return value_wrong(
		    problem, "\"%.*s\" is set twice; remove one of the two", name_length, text);
	case -E2BIG:
		return value_wrong(problem, "holds too many properties; list at most 1000");
	default:
		return value_wrong(problem,
		    "\"%.*s\" is not a property; write \"name=value\", the name in letters, digits, \".\", "
		    "\"_\" and "
		    "\"-\"",
		    name_length, text);
	}
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
	if (key->type == KEY_PARTITION && type == CONFIG_TYPE_GROUP)
		return partition_from_group(key, setting, object, problem);
	if (key->type == KEY_BOOL && type == CONFIG_TYPE_BOOL) {
		*(bool *)value_field(key, object) = config_setting_get_bool(setting);
		return 0;
	}
	if ((key->type == KEY_INT32 || key->type == KEY_INT64) && is_integer(setting))
		return value_from_integer(key, get_integer(setting), object, problem);
	if (key->type == KEY_CHOICE && is_integer(setting)) { /* acks = 1 */
		snprintf(number, sizeof number, "%" PRId64, get_integer(setting));
		return value_choice_from_text(key, number, object, problem);
	}
	if (type != CONFIG_TYPE_STRING || key->type == KEY_BOOL || key->type == KEY_INT32 ||
	    key->type == KEY_INT64)
		return value_wrong(problem, "has the wrong type; write %s", expected_form(key));
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
			value_store_text(key, object, NULL);
			break;
		case KEY_TOPICS:
			clear_topics(object);
			break;
		case KEY_PROPERTIES:
			property_list_clear(value_field(key, object));
			break;
		case KEY_SECRET:
			secret_clear(value_field(key, object));
			break;
		case KEY_FILE:
			clear_file(value_field(key, object));
			break;
		case KEY_GROUP:
			values_clear(key->group, value_field(key, object));
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
