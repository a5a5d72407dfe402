/* value_text.h: one value of the key table from its text: from what stands between quotes in a file, or in
 * the table as the default. */
#pragma once
#include <stdint.h>
#include "config/config.h"
#include "config/keys.h"

/* What is wrong with a value, and what would be right. */
struct value_problem {
	char text[1024];
};

/* Stores the key's value in object (the struct of the key's place) and returns 0, or leaves it as it is and
 * returns -EINVAL with a filled problem. A text that is there already is freed. config resolves the names of
 * clusters. Lists and groups have no such text: -EINVAL. */
int value_from_text(const struct key *key, const char *text, const struct config *config, void *object,
    struct value_problem *problem);

/* ---- for values.c, which reads what is not a text ---- */

/* The same for a number, and for one of the key's choices. */
int value_from_integer(const struct key *key, int64_t value, void *object, struct value_problem *problem);
int value_choice_from_text(const struct key *key, const char *text, void *object,
    struct value_problem *problem);

/* Fills problem and returns -EINVAL. */
int value_wrong(struct value_problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where in object the key's value lies. */
void *value_field(const struct key *key, void *object);

/* Replaces a text by a copy of another one, or by NULL. */
void value_store_text(const struct key *key, void *object, const char *text);
