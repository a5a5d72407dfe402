/* config_files.h: configuration files for the tests, in a folder of their own. */
#pragma once
#include <stddef.h>
#include "config/config.h"

/* Makes the folder; config_files_end() removes it and all that is in it. */
void config_files_begin(void);
void config_files_end(void);

/* Makes the folder that of the credentials as well: "kafka-ca", "relay-certificate", "relay-key", "relay-password". */
void config_files_make_credentials(void);

/* The path of a file in the folder; valid until the next call. */
const char *config_files_path(const char *name);

/* Writes a file, readable by its owner alone; name may hold folders, which are made. */
void config_files_write(const char *name, const void *bytes, size_t length);

/* Writes text as main.conf and loads it; findings is cleared first. */
struct config *config_files_load(const char *text, struct config_findings *findings, int *exit_code);

/* All findings, one a line, as "error " or "warning " and the text without the folder's name. The caller
 * frees. */
char *config_files_describe(const struct config_findings *findings);

/* A pipeline that is right; fragments are put at the end of from, of to and of the pipeline. Its lines: 1
 * clusters, 2 pipelines, 3 orders, 4 from, 5 to, 6 rest. */
#define GOOD_CLUSTERS "clusters = { main = { brokers = \"kafka-1:9092\"; }; };\n"
#define GOOD_PIPELINE(from, to, rest)                                                                        \
	"pipelines = {\n"                                                                                    \
	"  orders = {\n"                                                                                     \
	"    from = { cluster = \"main\"; topics = [ \"orders\" ]; " from " };\n"                            \
	"    to = { topic = \"relayed\"; " to " };\n"                                                        \
	"    " rest "\n"                                                                                     \
	"  };\n"                                                                                             \
	"};\n"
#define GOOD_CONFIG(from, to, rest) GOOD_CLUSTERS GOOD_PIPELINE(from, to, rest)
