/* loop.c: a fuzz target without libFuzzer: first the corpus, which holds what was found before, then inputs
 * by chance for a fixed time. A child process runs them, so that whatever ends it leaves its input behind: in
 * a file, with the command that replays it.
 *
 *   fuzz_config                            corpus and some seconds, as make check does
 *   fuzz_config --seconds 600 [--seed N]   longer
 *   fuzz_config --seed N --round R         one input again, in this process, for a debugger
 *   fuzz_config FILE...                    these inputs, in this process; also for AFL: ... @@ */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "fuzz/mutate.h"
#include "fuzz/target.h"

enum { SECONDS = 3, INPUT_SECONDS = 20, CORPUS_MAX = 1000, CHANGES_MAX = 10 };

/* More than any input needs; the sanitizers have a shadow that is larger. */
#define MEMORY_MAX ((rlim_t)1 << 30)

struct input {
	size_t length;
	char bytes[FUZZ_INPUT_MAX];
};

/* What the parent sees of the child, up to its end. */
struct progress {
	uint64_t round;
	struct input input;
};

struct options {
	uint64_t seed;
	uint64_t round;
	bool one_round;
	unsigned seconds;
};

static struct input *corpus[CORPUS_MAX];
static size_t corpus_count;

static struct input *read_input(const char *path)
{
	struct input *input = xcalloc(1, sizeof *input);
	FILE *file = fopen(path, "re");

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EX_NOINPUT);
	}
	input->length = fread(input->bytes, 1, sizeof input->bytes, file);
	fclose(file);
	return input;
}

static void read_corpus(void)
{
	struct dirent **entries = NULL;
	int count = scandir(FUZZ_CORPUS, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char *path = xasprintf("%s/%s", FUZZ_CORPUS, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && corpus_count < CORPUS_MAX)
			corpus[corpus_count++] = read_input(path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	if (corpus_count == 0) {
		fprintf(stderr, "%s: there is no corpus\n", FUZZ_CORPUS);
		exit(EX_NOINPUT);
	}
}

/* The first rounds are the corpus as it is. */
static void make_input(uint64_t seed, uint64_t round, struct input *input)
{
	struct random random = { seed + round * UINT64_C(0x9e3779b97f4a7c15) };
	char *generated;

	if (round < corpus_count) {
		*input = *corpus[round];
		return;
	}
	if (random_chance(&random, 500)) {
		*input = *corpus[random_below(&random, (uint32_t)corpus_count)];
	} else {
		generated = fuzz_generate(random_u64(&random));
		input->length = strnlen(generated, sizeof input->bytes);
		memcpy(input->bytes, generated, input->length);
		free(generated);
	}
	for (uint32_t changes = random_below(&random, CHANGES_MAX); changes > 0; changes--)
		input->length = mutate_text(&random, input->bytes, input->length, sizeof input->bytes);
}

static void run_input(const struct input *input)
{
	/* A copy of its own: what reads beyond it is seen. */
	uint8_t *bytes = xcalloc(input->length + !input->length, 1);

	memcpy(bytes, input->bytes, input->length);
	LLVMFuzzerTestOneInput(bytes, input->length);
	free(bytes);
}

static void bound_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	const struct rlimit limit = { MEMORY_MAX, MEMORY_MAX };

	setrlimit(RLIMIT_AS, &limit);
#endif
}

static void run_rounds(const struct options *options, struct progress *progress)
{
	int64_t end_us = clock_monotonic_us() + (int64_t)options->seconds * USEC_PER_SEC;

	bound_memory();
	do {
		make_input(options->seed, progress->round, &progress->input);
		alarm(INPUT_SECONDS);
		run_input(&progress->input);
		progress->round++;
	} while (clock_monotonic_us() < end_us || progress->round < corpus_count);
	alarm(0);
}

static int report(
    const char *program, const struct options *options, const struct progress *progress, int status)
{
	char path[64];
	FILE *file;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("%" PRIu64 " inputs, %zu of them from the corpus\n", progress->round, corpus_count);
		return EXIT_SUCCESS;
	}
	snprintf(path, sizeof path, "found-%" PRIu64 "-%" PRIu64, options->seed, progress->round);
	file = fopen(path, "we");
	if (file) {
		fwrite(progress->input.bytes, 1, progress->input.length, file);
		fclose(file);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fprintf(stderr, "an input took longer than %d s", INPUT_SECONDS);
	else if (WIFSIGNALED(status))
		fprintf(stderr, "ended by signal %d", WTERMSIG(status));
	else
		fprintf(stderr, "exit code %d", WEXITSTATUS(status));
	fprintf(stderr,
	    "; the last input is in %s, and comes again with\n  %s --seed %" PRIu64 " --round %" PRIu64 "\n",
	    path, program, options->seed, progress->round);
	return EXIT_FAILURE;
}

static int run_child(const char *program, const struct options *options)
{
	struct progress *progress =
	    mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	if (progress == MAP_FAILED || (child = fork()) < 0) {
		perror(program);
		return EX_OSERR;
	}
	if (child == 0) {
		run_rounds(options, progress);
		exit(EXIT_SUCCESS); /* the leak checker's turn */
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return report(program, options, progress, status);
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "round", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options->seed = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			options->round = strtoull(optarg, NULL, 10);
			options->one_round = true;
			break;
		case 't':
			options->seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = (uint64_t)time(NULL), .seconds = SECONDS };
	struct input *input;

	if (parse_options(argc, argv, &options) < 0)
		return EX_USAGE;
	for (int i = optind; i < argc; i++) {
		input = read_input(argv[i]);
		run_input(input);
		free(input);
	}
	if (optind < argc)
		return EXIT_SUCCESS;
	read_corpus();
	if (options.one_round) {
		input = xcalloc(1, sizeof *input);
		make_input(options.seed, options.round, input);
		run_input(input);
		free(input);
		return EXIT_SUCCESS;
	}
	printf("seed %" PRIu64 " (--seed replays it), %u s\n", options.seed, options.seconds);
	fflush(stdout);
	return run_child(argv[0], &options);
}
