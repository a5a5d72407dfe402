#include "config/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fnv1a.h"
#include "base/memory.h"

/* The certificates that a system trusts are about a quarter of it. */
enum { FILE_MAX_BYTES = 1 << 20 };

static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

const char *reference_credential(const char *text)
{
	return after(text, "credential:");
}

const char *reference_file(const char *text)
{
	return after(text, "file:");
}

bool secret_is_reference(const char *text)
{
	return reference_credential(text) || reference_file(text);
}

char *credential_path(const char *name)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	return directory && *directory ? xasprintf("%s/%s", directory, name) : NULL;
}

static int wrong(int code, struct value_problem *problem, const char *path, const char *what)
{
	value_wrong(problem, "%s: %s", path, what);
	return code;
}

/* Is this a file that may be read for what it is meant for? */
static int judge(int fd, const char *path, bool is_private, struct value_problem *problem)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return wrong(-errno, problem, path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return wrong(-EINVAL, problem, path, "it is not a regular file; name one");
	if (is_private && (status.st_mode & (S_IROTH | S_IWOTH))) {
		value_wrong(problem,
		    "%s: everyone can read or write it, so it holds no secret; take that right away: "
		    "chmod o-rw %s",
		    path, path);
		return -EPERM;
	}
	return 0;
}

/* All that the file holds, if that is no more than max_bytes: returns the length, and fresh memory in *bytes.
 */
static ssize_t read_all(
    const char *path, bool is_private, size_t max_bytes, char **bytes, struct value_problem *problem)
{
	/* A pipe would not be opened without a writer, and a terminal must not become ours. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t length = 0;
	int r;

	if (fd < 0)
		return wrong(-errno, problem, path,
		    errno == EACCES ? "Permission denied; let the daemon's user read it" : strerror(errno));
	r = judge(fd, path, is_private, problem);
	if (r < 0)
		return r;
	*bytes = xcalloc(max_bytes + 1, 1);
	while (length <= max_bytes) {
		ssize_t got = read(fd, *bytes + length, max_bytes + 1 - length);

		if (got == 0)
			return (ssize_t)length;
		if (got < 0 && errno != EINTR) {
			r = wrong(-errno, problem, path, strerror(errno));
			break;
		}
		if (got > 0)
			length += (size_t)got;
	}
	explicit_bzero(*bytes, length);
	free(*bytes);
	if (r == 0) {
		value_wrong(problem, "%s: it has more than %zu bytes; name a smaller file", path, max_bytes);
		r = -EFBIG;
	}
	return r;
}

int secret_read(const char *path, char **value, struct value_problem *problem)
{
	char *bytes = NULL;
	ssize_t length = read_all(path, true, SECRET_MAX_BYTES, &bytes, problem);
	const char *what = NULL;

	if (length < 0)
		return (int)length;
	if (length > 0 && bytes[length - 1] == '\n')
		bytes[--length] = '\0';
	if (memchr(bytes, '\0', (size_t)length))
		what = "it holds a NUL byte; write plain text";
	else if (memchr(bytes, '\n', (size_t)length) || memchr(bytes, '\r', (size_t)length))
		what = "it has more than one line, or one that ends with a carriage return; write the secret "
		       "alone";
	else if (length == 0)
		what = "it is empty; write the secret into it";
	if (what) {
		explicit_bzero(bytes, (size_t)length);
		free(bytes);
		return wrong(-EINVAL, problem, path, what);
	}
	*value = bytes;
	return 0;
}

int file_read(const char *path, bool is_private, uint64_t *contents_hash, struct value_problem *problem)
{
	char *bytes = NULL;
	ssize_t length = read_all(path, is_private, FILE_MAX_BYTES, &bytes, problem);
	uint64_t hash;

	if (length < 0)
		return (int)length;
	hash = fnv1a_64(FNV1A_64_START, bytes, (size_t)length);
	explicit_bzero(bytes, (size_t)length);
	free(bytes);
	if (length == 0)
		return wrong(-EINVAL, problem, path, "it is empty; name a file in PEM format");
	*contents_hash = hash;
	return 0;
}

void secret_wipe(char *value)
{
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
}

void secret_clear(struct config_secret *secret)
{
	secret_wipe(secret->text);
	secret_wipe(secret->value);
	*secret = (struct config_secret){ 0 };
}
