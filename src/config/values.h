/* values.h: one value of the key table, from its text or from what libconfig read, into its place. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <libconfig.h>
#include "config/config.h"
#include "config/keys.h"

/* What is wrong with a value, and what would be right. */
struct value_problem {
	char text[1024];
};

/* Each of these stores the key's value in object (the struct of the key's place) and returns 0, or leaves it as
 * it is and returns -EINVAL with a filled problem. A value that is there already is freed. config resolves the
 * names of clusters. KEY_GROUP and KEY_LATER have no value. */
int value_from_text(const struct key *key, const char *text, const struct config *config, void *object,
    struct value_problem *problem);
int value_from_setting(const struct key *key, const config_setting_t *setting, const struct config *config,
    void *object, struct value_problem *problem);

/* Frees what the object of a place holds, all its groups included. */
void values_clear(enum key_place place, void *object);
