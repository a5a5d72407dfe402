/* mutate.h: changes a text as a careless or hostile person might: bytes, words of the language, whole groups,
 * numbers, quoted texts, included files. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "sim/random.h"

/* Between the files of one input: main.conf, part1.inc, part2.inc, conf.d/part3.conf. */
#define MUTATE_FILE_SEPARATOR '\x1c'

/* Changes the text of at most size bytes in place, and returns its new length. */
size_t mutate_text(struct random *random, char *text, size_t length, size_t size);
