/* http_decode.h: what is percent-encoded in a path or an argument, exactly. Pure. Thread: any. */
#pragma once
#include <stdbool.h>

/* Decodes text in place. False, and text is of no use: a percent sign without two hexadecimal digits behind it, or an
 * encoded NUL, behind which the rest would be lost. */
bool http_decode(char *text);
