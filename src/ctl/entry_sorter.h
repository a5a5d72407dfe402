/* entry_sorter.h: sorts more entries than fit into memory: what does not fit goes, sorted, into a file without a name, and
 * comes back merged. Thread: the one that made it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/error.h"

/* Compared word by word, the first one first. */
enum { ENTRY_WORDS = 6 };

struct entry {
	uint64_t words[ENTRY_WORDS];
};

struct entry_sorter;

/* memory_bytes: what it may hold, at least some KiB. directory: where the file is made, if one is needed; kept by
 * reference. */
struct entry_sorter *entry_sorter_new(size_t memory_bytes, const char *directory);

/* Accepts NULL. */
void entry_sorter_free(struct entry_sorter *sorter);
DEFINE_CLEANUP(struct entry_sorter *, entry_sorter_free)

/* Adds one. A negative errno: the file cannot be written. */
int entry_sorter_add(struct entry_sorter *sorter, const struct entry *entry, struct error *err);

/* The next one in order: 1; 0: there are no more; a negative errno: the file cannot be written or read. The first call ends
 * the adding. */
int entry_sorter_next(struct entry_sorter *sorter, struct entry *entry, struct error *err);

/* How many bytes have gone to the file. */
uint64_t entry_sorter_spilled_bytes(const struct entry_sorter *sorter);
