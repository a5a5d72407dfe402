/* screen.h: draws a text over the one before, on a terminal. Pure but for what draws. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

/* May what goes to this stream be coloured? Only on a terminal, and not where NO_COLOR says so. */
bool screen_may_colour(FILE *out);

/* Writes text from the upper left corner on, over what was there: at most so many lines, each cut to so many columns
 * (colours take none), and clears the rest. */
void screen_draw(FILE *out, const char *text, unsigned rows, unsigned columns);

/* The size of the terminal; 24 by 80 where it does not say. */
void screen_size(FILE *out, unsigned *rows, unsigned *columns);
