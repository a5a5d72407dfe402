/* target.h: what is fuzzed. Each program has one target, and one of two drivers: loop.c, a plain seeded loop,
 * or libFuzzer's (configure --with-sanitizers=address,undefined,fuzzer-no-link). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A promise of what is fuzzed. */
#define REQUIRE(condition)                                                                                   \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "not so: %s\n", #condition);                                         \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

enum { FUZZ_INPUT_MAX = 64 * 1024 };

/* Runs one input of at most FUZZ_INPUT_MAX bytes; ends the process (abort) when a promise is broken. Returns
 * 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* libFuzzer's hook: changes an input in place by what the target knows of its shape, and returns the new
 * length. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t size, unsigned seed);

/* An input that is right, or almost; the same for the same seed. The caller frees. */
char *fuzz_generate(uint64_t seed);
