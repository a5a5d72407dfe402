#include "daemon/paragraph.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 100 };

void paragraph_print(FILE *out, int indent, const char *bullet, const char *format, ...)
{
	int margin = indent + (int)strlen(bullet);
	int column = margin;
	char *text = NULL;
	char *rest;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort(); /* no memory, which the allocators treat alike */
	va_end(arguments);
	rest = text;
	fprintf(out, "%*s%s", indent, "", bullet);
	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		int length = (int)strlen(word);

		if (column > margin && column + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", margin, "");
			column = margin;
		}
		column += fprintf(out, "%s%s", column > margin ? " " : "", word);
	}
	fputc('\n', out);
	free(text);
}
