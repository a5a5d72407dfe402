/* sim: the real engine on a simulated cluster, with seeded faults and a virtual clock.
 *
 *   sim [--seconds S] [--steps N] [--from N] [--delivery D]    many scenarios, of fresh seeds or from N on
 *   sim --seed N [--delivery D] [--mutant M] [--verbose]       one scenario again
 *   sim --seeds FILE                                           those that once failed
 *   sim --mutant NAME | --mutants                              a relay that breaks its promise: to be caught
 *
 * Exit status: 0 all rules held (with a mutant: it was caught), 1 not so, 64 usage. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "base/clock.h"
#include "scenario.h"

enum { MUTANT_SCENARIOS_MAX = 5000 };

struct options {
	bool has_seed, has_from, has_delivery;
	uint64_t seed, from;
	enum delivery delivery;
	int64_t seconds;
	uint64_t steps;
	const char *seeds_path;
	const char *mutant;
	bool all_mutants;
	bool verbose;
};

static enum delivery delivery_for(const struct options *options, uint64_t seed)
{
	return options->has_delivery ? options->delivery : scenario_delivery(seed);
}

static void report_failure(const struct scenario *scenario, const struct options *options)
{
	scenario_explain(scenario);
	printf("\nseed %" PRIu64 ", %s: broken: %s\nreplay: ./tests/sim/sim --seed %" PRIu64, scenario->seed,
	    delivery_name(scenario->delivery), scenario->rule, scenario->seed);
	if (options->has_delivery)
		printf(" --delivery %s", delivery_name(scenario->delivery));
	if (scenario->mutant != MUTANT_NONE)
		printf(" --mutant %s", mutants[scenario->mutant].name);
	putchar('\n');
}

static bool run_seed(uint64_t seed, enum delivery delivery, const struct options *options, uint64_t *steps)
{
	struct scenario scenario = { .seed = seed, .delivery = delivery, .verbose = options->verbose };

	if (scenario_run(&scenario)) {
		*steps += scenario.steps;
		return true;
	}
	report_failure(&scenario, options);
	return false;
}

/* ---- many seeds ---- */

static int run_many(const struct options *options)
{
	uint64_t first = options->has_from ? options->from : (uint64_t)time(NULL) * 1000000;
	int64_t end_us = clock_monotonic_us() + options->seconds * USEC_PER_SEC;
	uint64_t seed = first, steps = 0;

	printf("scenarios from seed %" PRIu64 "\n", first);
	fflush(stdout);
	for (; options->steps ? steps < options->steps : clock_monotonic_us() < end_us; seed++)
		if (!run_seed(seed, delivery_for(options, seed), options, &steps))
			return 1;
	printf("%" PRIu64 " scenarios, %" PRIu64 " steps: every rule held\n", seed - first, steps);
	return 0;
}

/* Lines that begin with a seed; # begins a comment. */
static int run_listed(const struct options *options)
{
	FILE *file = fopen(options->seeds_path, "re");
	char line[256];
	uint64_t count = 0, steps = 0;
	int status = 0;

	if (!file) {
		perror(options->seeds_path);
		return EX_NOINPUT;
	}
	while (status == 0 && fgets(line, sizeof line, file)) {
		char *end;
		uint64_t seed = strtoull(line, &end, 10);

		if (end == line)
			continue;
		count++;
		if (!run_seed(seed, delivery_for(options, seed), options, &steps))
			status = 1;
	}
	fclose(file);
	if (status == 0)
		printf("%" PRIu64 " listed seeds, %" PRIu64 " steps: every rule held\n", count, steps);
	return status;
}

/* ---- mutants ---- */

static int run_mutant(enum mutant mutant, const struct options *options)
{
	uint64_t first = options->has_seed ? options->seed : (uint64_t)time(NULL) * 1000000;
	uint64_t count = options->has_seed ? 1 : MUTANT_SCENARIOS_MAX;

	for (uint64_t i = 0; i < count; i++) {
		struct scenario scenario = { .seed = first + i, .delivery = mutants[mutant].delivery,
			.mutant = mutant, .verbose = options->verbose };

		if (scenario_run(&scenario))
			continue;
		printf("mutant %-20s caught by seed %" PRIu64 " (%" PRIu64 "th): %s\n", mutants[mutant].name,
		    scenario.seed, i + 1, scenario.rule);
		return 0;
	}
	printf("mutant %s: not caught from seed %" PRIu64 " on\n", mutants[mutant].name, first);
	return 1;
}

static int run_named_mutant(const struct options *options)
{
	for (enum mutant mutant = MUTANT_NONE + 1; mutant < MUTANT_COUNT; mutant++)
		if (strcmp(mutants[mutant].name, options->mutant) == 0)
			return run_mutant(mutant, options);
	fprintf(stderr, "sim: no mutant %s; there are:", options->mutant);
	for (enum mutant mutant = MUTANT_NONE + 1; mutant < MUTANT_COUNT; mutant++)
		fprintf(stderr, " %s", mutants[mutant].name);
	fputc('\n', stderr);
	return EX_USAGE;
}

static int run_all_mutants(const struct options *options)
{
	int status = 0;

	for (enum mutant mutant = MUTANT_NONE + 1; mutant < MUTANT_COUNT; mutant++)
		if (run_mutant(mutant, options) != 0)
			status = 1;
	return status;
}

/* ---- options ---- */

static int parse_delivery(const char *text, struct options *options)
{
	static const enum delivery all[] = { DELIVERY_AT_MOST_ONCE, DELIVERY_AT_LEAST_ONCE,
		DELIVERY_EXACTLY_ONCE };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(text, delivery_name(all[i])) == 0) {
			options->delivery = all[i];
			options->has_delivery = true;
			return 0;
		}
	fprintf(stderr, "sim: delivery %s is not known\n", text);
	return EX_USAGE;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'o' },
		{ "seeds", required_argument, NULL, 'f' },
		{ "seconds", required_argument, NULL, 't' },
		{ "steps", required_argument, NULL, 'n' },
		{ "delivery", required_argument, NULL, 'd' },
		{ "mutant", required_argument, NULL, 'm' },
		{ "mutants", no_argument, NULL, 'M' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (letter) {
		case 's':
			options->has_seed = true;
			options->seed = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			options->has_from = true;
			options->from = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			options->seeds_path = optarg;
			break;
		case 't':
			options->seconds = strtoll(optarg, NULL, 10);
			break;
		case 'n':
			options->steps = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			if (parse_delivery(optarg, options) != 0)
				return EX_USAGE;
			break;
		case 'm':
			options->mutant = optarg;
			break;
		case 'M':
			options->all_mutants = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		default:
			return EX_USAGE;
		}
	}
	return optind == argc ? 0 : EX_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = { .seconds = 20 };
	uint64_t steps = 0;

	if (parse_options(argc, argv, &options) != 0)
		return EX_USAGE;
	if (options.all_mutants)
		return run_all_mutants(&options);
	if (options.mutant)
		return run_named_mutant(&options);
	if (options.seeds_path)
		return run_listed(&options);
	if (!options.has_seed)
		return run_many(&options);
	if (!run_seed(options.seed, delivery_for(&options, options.seed), &options, &steps))
		return 1;
	printf("seed %" PRIu64 ", %" PRIu64 " steps: every rule held\n", options.seed, steps);
	return 0;
}
