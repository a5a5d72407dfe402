/* findings.h: collects what is wrong with a configuration, while it is found in any order. */
#pragma once
#include <stddef.h>
#include "config/config.h"

/* Where in the text something is. path may be empty (a whole file). */
struct finding_place {
	size_t file; /* index into config.files */
	int line;    /* 0: the file as a whole */
	const char *path;
};

struct findings_list;

/* files, of which there may become more, name the files in the texts: &config->files. */
struct findings_list *findings_new(char *const *const *files);
void findings_free(struct findings_list *list);

/* Adds "FILE:LINE: PATH: TEXT". The same finding is kept once. What comes from the file is escaped. */
void findings_error(struct findings_list *list, const struct finding_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_warning(struct findings_list *list, const struct finding_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t findings_error_count(const struct findings_list *list);

/* Moves them to result in the order of files and lines. */
void findings_finish(struct findings_list *list, struct config_findings *result);
