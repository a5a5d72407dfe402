/* Fuzzes config_load() and config_dump(): whatever the text, no crash, no leak, no end of time; every finding
 * in printable words; and what loads has a dump that loads and dumps the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config_files.h"
#include "fuzz/config_generator.h"
#include "fuzz/mutate.h"
#include "fuzz/target.h"

/* Of one input, in the order of its parts. */
static const char *const files[] = { "main.conf", "part1.inc", "part2.inc", "conf.d/part3.conf" };

enum { FILE_COUNT = sizeof files / sizeof files[0] };

static void write_files(const char *bytes, size_t length)
{
	for (int i = 0; i < FILE_COUNT; i++) {
		const char *end = length > 0 ? memchr(bytes, MUTATE_FILE_SEPARATOR, length) : NULL;
		size_t part = end && i < FILE_COUNT - 1 ? (size_t)(end - bytes) : length;

		if (i > 0 && length == 0)
			unlink(config_files_path(files[i]));
		else
			config_files_write(files[i], bytes, part);
		bytes += part + (part < length);
		length -= part + (part < length);
	}
}

static struct config *load(void)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config =
	    config_load(config_files_path("main.conf"), true, CONFIG_TO_RUN, NULL, &findings, &exit_code);

	REQUIRE((config != NULL) == (findings.error_count == 0));
	REQUIRE((config != NULL) == (exit_code == 0));
	for (size_t i = 0; i < findings.count; i++) {
		REQUIRE(findings.items[i].text[0] != '\0');
		for (const char *p = findings.items[i].text; *p; p++)
			REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	config_findings_clear(&findings);
	return config;
}

static void require_same_dump(const struct config *config)
{
	char *dump = config_dump(config);
	struct config *again;
	char *dump_again;

	write_files(dump, strlen(dump));
	again = load();
	REQUIRE(again);
	dump_again = config_dump(again);
	REQUIRE(strcmp(dump, dump_again) == 0);
	free(dump);
	free(dump_again);
	config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static bool has_folder;
	struct config *config;

	if (!has_folder) {
		config_files_begin();
		config_files_make_credentials();
		atexit(config_files_end);
		has_folder = true;
	}
	write_files((const char *)bytes, length);
	config = load();
	if (config)
		require_same_dump(config);
	config_free(config);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t size, unsigned seed)
{
	struct random random = { seed };

	return mutate_text(&random, (char *)bytes, length, size);
}

char *fuzz_generate(uint64_t seed)
{
	return config_generate(seed);
}
