#include "ctl/screen.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HOME	   "\x1b[H"
#define CLEAR_LINE "\x1b[K"
#define CLEAR_REST "\x1b[J"
#define PLAIN	   "\x1b[0m"

bool screen_may_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no_colour && no_colour[0]);
}

void screen_size(FILE *out, unsigned *rows, unsigned *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

/* Behind an escape sequence that begins here: ESC [ ... letter. */
static const char *behind_escape(const char *text, const char *end)
{
	while (text < end && !((*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z')))
		text++;
	return text < end ? text + 1 : end;
}

/* Where so many columns of the line end. */
static const char *cut(const char *line, const char *end, unsigned columns)
{
	unsigned used = 0;

	while (line < end) {
		if (*line == '\x1b') {
			line = behind_escape(line, end);
			continue;
		}
		if (((unsigned char)*line & 0xc0) != 0x80 && used++ == columns)
			return line;
		line++;
	}
	return end;
}

void screen_draw(FILE *out, const char *text, unsigned rows, unsigned columns)
{
	fputs(HOME, out);
	/* The last line stays free: a newline there would move all up. */
	for (unsigned row = 0; row + 1 < rows && *text; row++) {
		const char *end = text + strcspn(text, "\n");
		const char *cut_at = cut(text, end, columns);

		fwrite(text, 1, (size_t)(cut_at - text), out);
		fputs(cut_at < end ? PLAIN CLEAR_LINE "\n" : CLEAR_LINE "\n", out);
		text = *end ? end + 1 : end;
	}
	fputs(CLEAR_REST, out);
	fflush(out);
}
