/* values.h: one value of the key table from what libconfig read. */
#pragma once
#include <libconfig.h>
#include "config/config.h"
#include "config/keys.h"
#include "config/value_text.h"

/* As value_from_text(), for values of all types but KEY_GROUP and KEY_LATER, which have none, and
 * KEY_PROPERTIES, whose entries are read one by one. Of secrets and files it stores how they are given. */
int value_from_setting(const struct key *key, const config_setting_t *setting, const struct config *config,
    void *object, struct value_problem *problem);

/* How many entries the setting of KEY_PROPERTIES has; -EINVAL and a filled problem when it is no list of texts. */
int value_property_count(const config_setting_t *setting, struct value_problem *problem);

/* Adds one of them, from 0, to the list in object and returns 0, or -EINVAL with a filled problem. */
int value_add_property(const struct key *key, const config_setting_t *setting, int number, void *object,
    struct value_problem *problem);

/* Frees what the object of a place holds, all its groups included. */
void values_clear(enum key_place place, void *object);
