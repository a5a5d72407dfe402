#include "ctl/table.h"
#include <stdlib.h>
#include <string.h>
#include "base/escape.h"
#include "base/memory.h"

#define GAP       2 /* spaces between columns */
#define CELL_SIZE 1024

struct table {
	const struct table_column *columns;
	size_t column_count;
	struct cell {
		char *text;
		enum table_colour colour;
	} *cells; /* row after row */
	size_t cell_count, cell_capacity;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *table = xcalloc(1, sizeof *table);

	table->columns = columns;
	table->column_count = count;
	return table;
}

void table_add(struct table *table, const char *text)
{
	char safe[CELL_SIZE];

	if (!text || text[0] == '\0')
		text = "-";
	escape_text(safe, sizeof safe, text, strlen(text));
	if (table->cell_count == table->cell_capacity) {
		table->cell_capacity = table->cell_capacity ? table->cell_capacity * 2 : 64;
		table->cells = xreallocarray(table->cells, table->cell_capacity, sizeof *table->cells);
	}
	table->cells[table->cell_count++] = (struct cell){ .text = xstrdup(safe) };
}

void table_colour(struct table *table, enum table_colour colour)
{
	table->cells[table->cell_count - 1].colour = colour;
}

void table_add_number(struct table *table, int64_t number)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, number);
	table_add(table, number < 0 ? "-" : text);
}

/* Characters, not bytes: the cells are UTF-8. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (const char *p = text; *p; p++)
		width += ((unsigned char)*p & 0xc0) != 0x80;
	return width;
}

static void print_spaces(FILE *out, size_t count)
{
	fprintf(out, "%*s", (int)count, "");
}

static void print_coloured(FILE *out, const char *text, enum table_colour colour)
{
	static const char *const codes[] = {
		[TABLE_RED] = "\x1b[31m", [TABLE_GREEN] = "\x1b[32m", [TABLE_YELLOW] = "\x1b[33m"
	};

	if (colour == TABLE_PLAIN)
		fputs(text, out);
	else
		fprintf(out, "%s%s\x1b[0m", codes[colour], text);
}

static void print_cell(
    FILE *out, const char *text, enum table_colour colour, size_t width, bool right, bool last)
{
	size_t padding = width - width_of(text);

	if (right)
		print_spaces(out, padding);
	print_coloured(out, text, colour);
	if (!right && !last)
		print_spaces(out, padding);
	if (last)
		fputc('\n', out);
	else
		print_spaces(out, GAP);
}

void table_print(const struct table *table, FILE *out)
{
	table_print_coloured(table, false, out);
}

void table_print_coloured(const struct table *table, bool colour, FILE *out)
{
	size_t columns = table->column_count;
	size_t *widths = xcalloc(columns, sizeof *widths);

	for (size_t c = 0; c < columns; c++)
		widths[c] = width_of(table->columns[c].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t width = width_of(table->cells[i].text);

		if (width > widths[i % columns])
			widths[i % columns] = width;
	}
	for (size_t c = 0; c < columns; c++)
		print_cell(out, table->columns[c].title, TABLE_PLAIN, widths[c], table->columns[c].right,
		    c + 1 == columns);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t c = i % columns;

		print_cell(out, table->cells[i].text, colour ? table->cells[i].colour : TABLE_PLAIN, widths[c],
		    table->columns[c].right, c + 1 == columns);
	}
	free(widths);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}
