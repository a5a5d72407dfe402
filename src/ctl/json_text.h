/* json_text.h: pieces of JSON on a stream. What they write can be shown on a terminal, whatever was in it, and says exactly
 * what was in it. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* A string, quoted; what could do something to a terminal is escaped. text must be UTF-8. */
void json_print_text(FILE *out, const char *text, size_t length);

/* Bytes: null, a string where they are UTF-8, else {"base64":"..."}. NULL is null; empty is not NULL. */
void json_print_bytes(FILE *out, const void *bytes, size_t size);

/* The same of a text that ends with NUL; what is not UTF-8 in it is replaced by question marks. */
void json_print_string(FILE *out, const char *text);
