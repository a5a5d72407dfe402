/* table.h: rows of text in columns, for a terminal. Pure.
 *
 * What is put into a cell may come from anywhere: it is escaped. */
#pragma once
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

struct table_column {
	const char *title; /* static */
	bool right;        /* numbers stand on the right */
};

/* columns must stay valid. */
struct table *table_new(const struct table_column *columns, size_t count);

/* The next cell; after the last column a new row begins. NULL and "" show as "-". */
void table_add(struct table *table, const char *text);
/* Negative: unknown, shows as "-". */
void table_add_number(struct table *table, int64_t number);

/* Colours the cell that was added last, where the table is printed so. */
enum table_colour { TABLE_PLAIN, TABLE_RED, TABLE_GREEN, TABLE_YELLOW };
void table_colour(struct table *table, enum table_colour colour);

/* Writes the titles and all rows, each column as wide as its widest cell. */
void table_print(const struct table *table, FILE *out);
void table_print_coloured(const struct table *table, bool colour, FILE *out);

/* Accepts NULL. */
void table_free(struct table *table);
