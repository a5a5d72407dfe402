/* error.h: what a function that fails tells its caller.
 *
 * A function returns 0 or a negative errno (or NULL) and fills the `struct error *` that is its last
 * argument. Who receives an error either logs it or passes it on, never both. The message is one
 * sentence for the operator: what happened, and what to do. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Who can mend it, and how. Ordered by gravity. */
enum error_remedy {
	REMEDY_NONE,	/* no error */
	REMEDY_RETRY,	/* heals by itself: wait (back-off) and do the same again */
	REMEDY_SKIP,	/* concerns one record only: on_error decides */
	REMEDY_RESTART, /* the pipeline's clients must be made anew */
	REMEDY_PERSON,	/* nothing helps until a person changes something */
};

struct error {
	int code; /* negative errno; 0 = no error */
	enum error_remedy remedy;
	const char *name; /* static: what the cause is called where it comes from (MSG_SIZE_TOO_LARGE), or NULL */
	char message[768]; /* one sentence or more, without newline */
};

/* Fills err (which may be NULL) and returns code, so that `return error_set(...)` reads well.
 * code is negative. A message that does not fit is cut. Thread: any. */
int error_set(struct error *err, int code, enum error_remedy remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts a context in front of the message: "context: message". */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void error_clear(struct error *err)
{
	err->code = 0;
	err->remedy = REMEDY_NONE;
	err->name = NULL;
	err->message[0] = '\0';
}
