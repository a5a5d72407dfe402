/* source_text.h: a configuration file's text with its includes in place, and where each line came from.
 *
 * libconfig's own reading has traps, so it is given a text that was read and looked through before. Its 1.5
 * reads an integer that needs more than 32 bits as another one (4294967297 as 1, where the suffix L is
 * missing or the number is hexadecimal), ends a string at \x00, ends the whole process when an included
 * file is a directory, and takes no absolute path in @include. */
#pragma once
#include <errno.h>
#include <stddef.h>

/* What the reader does with what it meets. */
struct source_text_ops {
	/* A file was read; returns the number by which the others know it. mode is its st_mode. */
	size_t (*file)(void *context, const char *path, unsigned int mode);
	/* Something is wrong in this line; text says what and what would be right. */
	void (*problem)(void *context, size_t file, int line, const char *text);
	/* An included file cannot be read. file and line: where it is included; path: which; why. */
	void (*unreadable)(void *context, size_t file, int line, const char *path, int error_number);
	void *context;
};

/* Line number in the whole text, from which on its lines are those of file, from line on. */
struct source_run {
	int start;
	size_t file;
	int line;
};

struct source_text {
	char *text;
	size_t length;
	int lines; /* newlines in it */
	struct source_run *runs;
	size_t run_count;
};

/* The errno of a path that is neither a regular file nor a directory: a pipe, a device. Reading one might never
 * end. */
#define SOURCE_TEXT_NO_FILE ESPIPE

/* Reads path and what it includes; relative includes are looked for in the folder of path.
 * Returns 0; -EINVAL when a problem or an unreadable file was reported; another negative errno when path
 * itself cannot be read, which is not reported: source->text is NULL then. Clear in any case. */
int source_text_read(struct source_text *source, const char *path, const struct source_text_ops *ops);
void source_text_clear(struct source_text *source);

/* Where a line of the whole text came from. */
void source_text_place(const struct source_text *source, int line, size_t *file, int *file_line);
