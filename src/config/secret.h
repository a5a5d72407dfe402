/* secret.h: what a configuration names in place of holding it: credentials of the service manager, and files.
 *
 * No message of these functions holds a secret. */
#pragma once
#include <stdbool.h>
#include "config/config.h"
#include "config/value_text.h"

enum { SECRET_MAX_BYTES = 4096 };

/* The NAME of "credential:NAME", the PATH of "file:PATH"; NULL: it is none. */
const char *reference_credential(const char *text);
const char *reference_file(const char *text);

/* Does the text only say where the secret is kept? */
bool secret_is_reference(const char *text);

/* Where a credential lies. NULL: there is no $CREDENTIALS_DIRECTORY. The caller frees. */
char *credential_path(const char *name);

/* Reads a secret from its file, without the newline at its end, and returns 0 and a text that the caller gives to
 * secret_wipe(); or a negative errno and a filled problem: -EACCES when it may not be read, -EPERM when everyone may
 * read or write it. */
int secret_read(const char *path, char **value, struct value_problem *problem);

/* Looks into a file of certificates, or (is_private) of a key, which must not be everyone's: hashes what it holds.
 * Returns as secret_read(). */
int file_read(const char *path, bool is_private, uint64_t *contents_hash, struct value_problem *problem);

/* Frees a secret and leaves nothing of it in memory. Accepts NULL. */
void secret_wipe(char *value);

/* Frees what it holds, and zeros it. */
void secret_clear(struct config_secret *secret);
