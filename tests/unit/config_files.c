#include "config_files.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"

static char folder[256];

/* libconfig 1.5 forgets texts that it has read when a syntax error follows. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

void config_files_begin(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/aloqd-test-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		abort();
	}
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	return remove(path);
}

void config_files_end(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *config_files_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void make_folders(const char *name)
{
	char path[512];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof path, "%s/%.*s", folder, (int)(slash - name), name);
		mkdir(path, 0700);
	}
}

void config_files_write(const char *name, const void *bytes, size_t length)
{
	FILE *file;

	make_folders(name);
	file = fopen(config_files_path(name), "w");
	if (!file || fwrite(bytes, 1, length, file) != length || fchmod(fileno(file), 0600) < 0 ||
	    fclose(file) != 0) {
		perror(config_files_path(name));
		abort();
	}
}

void config_files_make_credentials(void)
{
	static const char *const names[] = { "kafka-ca", "relay-certificate", "relay-key", "relay-password" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		config_files_write(names[i], "hush\n", 5);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
}

struct config *config_files_load(const char *text, struct config_findings *findings, int *exit_code)
{
	config_findings_clear(findings);
	config_files_write("main.conf", text, strlen(text));
	return config_load(config_files_path("main.conf"), true, CONFIG_TO_RUN, NULL, findings, exit_code);
}

/* Writes text without the folder's name. */
static void put_without_folder(FILE *stream, const char *text)
{
	size_t length = strlen(folder);
	const char *found;

	while ((found = strstr(text, folder))) {
		fwrite(text, 1, (size_t)(found - text), stream);
		text = found + length + (found[length] == '/');
	}
	fputs(text, stream);
}

char *config_files_describe(const struct config_findings *findings)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; i < findings->count; i++) {
		fputs(findings->items[i].is_error ? "error " : "warning ", stream);
		put_without_folder(stream, findings->items[i].text);
		fputc('\n', stream);
	}
	fclose(stream);
	return text;
}
