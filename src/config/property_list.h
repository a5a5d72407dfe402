/* property_list.h: lists of "name=value". */
#pragma once
#include <stdbool.h>
#include "config/config.h"

/* Adds "name=value". -EINVAL: no '=', or a name that is no name; -EEXIST: the name is there already; -E2BIG:
 * there are 1000. */
int property_list_add(struct config_properties *list, const char *text);

/* NULL when there is none of that name. */
const struct config_property *property_list_find(const struct config_properties *list, const char *name);

void property_list_clear(struct config_properties *list);

/* Is the value of a property of this name a secret? */
bool property_is_secret(const char *name);
