/* values.h: one value of the key table from what libconfig read. */
#pragma once
#include <libconfig.h>
#include "config/config.h"
#include "config/keys.h"
#include "config/value_text.h"

/* As value_from_text(), for values of all types but KEY_GROUP and KEY_LATER, which have none. */
int value_from_setting(const struct key *key, const config_setting_t *setting, const struct config *config,
    void *object, struct value_problem *problem);

/* Frees what the object of a place holds, all its groups included. */
void values_clear(enum key_place place, void *object);
