/* utf8.h: what is UTF-8 and what is not. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 character at text, which has length > 0 bytes left, and the character; 0: it is none. Neither
 * overlong forms nor surrogates are characters. */
size_t utf8_decode(const unsigned char *text, size_t length, uint32_t *character);

bool utf8_is_valid(const void *text, size_t length);

/* Could it end a line, move a cursor or turn the reading direction: a control character (also C1), a line separator or
 * a bidirectional control? */
bool utf8_is_unsafe(uint32_t character);
