/* escape.h: text from outside, made safe to show on a terminal or in a log. Pure. */
#pragma once
#include <stddef.h>

/* Writes text into buffer (size bytes, at least 1, always terminated) so that nothing in it can end a line,
 * move a cursor or turn the reading direction: control characters (also the C1 ones), line separators,
 * bidirectional controls and bytes that are not UTF-8 become \n, \t, \r or \xHH for each byte; a backslash
 * stays as it is. What does not fit is cut between characters and ends in "...". Returns the length written.
 * Thread: any. */
size_t escape_text(char *buffer, size_t size, const char *text, size_t length);

/* The same without a bound: nothing is cut. The caller frees. */
char *escape_whole(const char *text);
