/* offsets_file.h: offsets of a group as JSON: what `aloqctl offsets export` writes and `import` reads. Pure.
 *
 *   {"group":"aloqd-orders","offsets":[
 *    {"topic":"orders","partition":0,"offset":1042,"topic_id":"x0Ie5oMoRTmNgYQuGeqmCw"}]}
 *
 * topic_id tells which topic of that name it was; it is left out where that is not known. */
#pragma once
#include <stdio.h>
#include "kafka/group_offsets.h"

/* Those that are committed. */
void offsets_file_print(FILE *out, const char *group, const struct group_offsets *offsets);

/* All of them, with bounds, for `offsets show --json`. */
void offsets_print_json(FILE *out, const char *group, const struct group_offsets *offsets);

/* Sets `to` of the offsets that the text names, and `committed_id` of them to its topic_id. -EBADMSG with err: it is no
 * such file, or names a partition that is not among them. */
int offsets_file_read(const char *text, struct group_offsets *offsets, struct error *err);

/* The topics that the text names, for which the caller asks first; the caller frees them, and the array. -EBADMSG as
 * above. */
int offsets_file_topics(const char *text, char ***topics, size_t *count, struct error *err);
