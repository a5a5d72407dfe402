/* control_client.h: asks a running aloqd over its control socket. Thread: any. */
#pragma once
#include <stddef.h>
#include "base/error.h"

#define CONTROL_SOCKET_DEFAULT "/run/aloqd/control.sock"

struct control_answer {
	long status; /* of HTTP */
	char *body;  /* terminated */
	size_t length;
};

/* GET path, or POST it without a body. Returns 0 with any answer, whatever its status; -EACCES without
 * permission, -ECONNREFUSED where nobody answers, another negative errno where the answer does not come or is
 * too long. */
int control_get(const char *socket_path, const char *path, struct control_answer *answer, struct error *err);
int control_post(const char *socket_path, const char *path, struct control_answer *answer, struct error *err);

/* A name as it stands in a path: what has a meaning there is percent-encoded. The caller frees. */
char *control_escape(const char *name);

void control_answer_clear(struct control_answer *answer);
