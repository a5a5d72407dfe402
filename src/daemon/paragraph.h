/* paragraph.h: text for people, in lines that fit a terminal. */
#pragma once
#include <stdio.h>

/* Prints it in lines of at most 100 columns, where its words let it, each indented by so many spaces; the first one
 * begins with the bullet (which may be ""), those after it stand below its text. */
void paragraph_print(FILE *out, int indent, const char *bullet, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
