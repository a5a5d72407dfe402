#include "ctl/control_client.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/cleanup.h"
#include "base/memory.h"

#define ANSWER_MAX (64 * 1024 * 1024)
#define TIMEOUT_MS 10000L

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)

/* Tries the socket itself first: what libcurl says about a unix socket does not tell why it failed. */
static int probe(const char *socket_path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(socket_path) >= sizeof address.sun_path)
		return error_set(
		    err, -ENAMETOOLONG, REMEDY_PERSON, "%s: longer than a socket's path may be", socket_path);
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return error_set(err, -ECONNREFUSED, REMEDY_PERSON,
		    "there is no socket %s: start aloqd (systemctl start aloqd), or name the socket of the one that "
		    "runs (--socket PATH; aloqd.control in its configuration)",
		    socket_path);
	case ECONNREFUSED:
		return error_set(err, -ECONNREFUSED, REMEDY_PERSON,
		    "nobody answers at %s: aloqd has ended without removing it, or it is another program's file; "
		    "systemctl status aloqd tells, and a start removes an old socket",
		    socket_path);
	case EACCES:
	case EPERM:
		return error_set(err, -EACCES, REMEDY_PERSON,
		    "no permission for %s: run this as root, or as a member of the socket's group (usermod -a -G "
		    "GROUP USER, and log in anew; ls -l shows the group)",
		    socket_path);
	case EPROTOTYPE:
		return error_set(err, -EPROTO, REMEDY_PERSON,
		    "%s is a socket of another kind, not an aloqd's: see aloqd.control in its configuration",
		    socket_path);
	default:
		return error_set(err, -errno, REMEDY_PERSON, "%s: %s", socket_path, strerror(errno));
	}
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct control_answer *answer = context;
	size_t more = size * count;

	if (more > ANSWER_MAX - answer->length)
		return 0; /* libcurl gives up */
	answer->body = xreallocarray(answer->body, answer->length + more + 1, 1);
	memcpy(answer->body + answer->length, data, more);
	answer->length += more;
	answer->body[answer->length] = '\0';
	return more;
}

static CURLcode set_up(
    CURL *curl, const char *socket_path, const char *url, bool post, struct control_answer *answer)
{
	CURLcode code = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);

	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (code == CURLE_OK && post)
		code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	return code;
}

static int ask(
    const char *socket_path, const char *path, bool post, struct control_answer *answer, struct error *err)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = NULL;
	_cleanup_free_ char *url = xasprintf("http://aloqd%s", path);
	int result = probe(socket_path, err);
	CURLcode code;

	*answer = (struct control_answer){ 0 };
	if (result < 0)
		return result;
	curl = curl_easy_init();
	if (!curl)
		return error_set(err, -ENOMEM, REMEDY_PERSON, "libcurl does not start");
	answer->body = xstrdup(""); /* that is what an answer without a body holds */
	code = set_up(curl, socket_path, url, post, answer);
	if (code == CURLE_OK)
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (code == CURLE_OK)
		return 0;
	control_answer_clear(answer);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, -ETIMEDOUT, REMEDY_PERSON,
		    "%s takes the question and does not answer within %ld s: aloqd is stopped (SIGSTOP?) or overloaded; "
		    "see systemctl status aloqd",
		    socket_path, TIMEOUT_MS / 1000);
	if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	    code == CURLE_PARTIAL_FILE || code == CURLE_COULDNT_CONNECT)
		return error_set(err, -ECONNRESET, REMEDY_PERSON,
		    "the connection to %s broke off before the answer (%s): aloqd has ended or is restarted, and whether it "
		    "still did what it was told is not known; systemctl status aloqd and aloqctl status tell",
		    socket_path, curl_easy_strerror(code));
	return error_set(err, -EIO, REMEDY_PERSON,
	    "what answers at %s does not speak as an aloqd does (%s): is it aloqd's control socket?", socket_path,
	    curl_easy_strerror(code));
}

int control_get(const char *socket_path, const char *path, struct control_answer *answer, struct error *err)
{
	return ask(socket_path, path, false, answer, err);
}

int control_post(const char *socket_path, const char *path, struct control_answer *answer, struct error *err)
{
	return ask(socket_path, path, true, answer, err);
}

char *control_escape(const char *name)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	char *escaped = xcalloc(strlen(name) * 3 + 1, 1);
	char *out = escaped;

	for (const char *p = name; *p; p++) {
		if (strchr(plain, *p)) {
			*out++ = *p;
			continue;
		}
		*out++ = '%';
		*out++ = digits[(unsigned char)*p >> 4];
		*out++ = digits[(unsigned char)*p & 15];
	}
	return escaped;
}

void control_answer_clear(struct control_answer *answer)
{
	free(answer->body);
	*answer = (struct control_answer){ 0 };
}
