#include "ctl/entry_sorter.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"

/* Runs that are read with less than this at a time are slow. */
enum { READ_BYTES_MIN = 4096, ENTRIES_MIN = 64, SMALL = 24 };

/* A sorted part of the file. */
struct run {
	off_t at, end;	       /* of what was not read yet */
	struct entry *entries; /* read, and not given out */
	size_t next, count;
};

struct entry_sorter {
	size_t capacity_max; /* entries */
	const char *directory;
	struct entry *entries;
	size_t count, capacity, next;
	int file; /* -1: none */
	off_t file_bytes;
	struct run *runs;
	size_t run_count;
	struct entry *read_entries; /* of all runs */
	size_t read_count;	    /* for each run */
	size_t *heap;		    /* runs, the one with the least entry first */
	size_t heap_count;
	bool sorted; /* no more is added */
};

struct entry_sorter *entry_sorter_new(size_t memory_bytes, const char *directory)
{
	struct entry_sorter *sorter = xcalloc(1, sizeof *sorter);

	sorter->capacity_max = memory_bytes / sizeof(struct entry);
	if (sorter->capacity_max < ENTRIES_MIN)
		sorter->capacity_max = ENTRIES_MIN;
	sorter->directory = directory;
	sorter->file = -1;
	return sorter;
}

void entry_sorter_free(struct entry_sorter *sorter)
{
	if (!sorter)
		return;
	if (sorter->file >= 0)
		close(sorter->file);
	free(sorter->entries);
	free(sorter->runs);
	free(sorter->read_entries);
	free(sorter->heap);
	free(sorter);
}

uint64_t entry_sorter_spilled_bytes(const struct entry_sorter *sorter)
{
	return (uint64_t)sorter->file_bytes;
}

/* ---- in memory ---- */

static inline bool is_less(const struct entry *one, const struct entry *other)
{
	for (int i = 0; i < ENTRY_WORDS; i++)
		if (one->words[i] != other->words[i])
			return one->words[i] < other->words[i];
	return false;
}

static inline void swap(struct entry *one, struct entry *other)
{
	struct entry kept = *one;

	*one = *other;
	*other = kept;
}

static void insertion_sort(struct entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct entry moved = entries[i];
		size_t k = i;

		for (; k > 0 && is_less(&moved, &entries[k - 1]); k--)
			entries[k] = entries[k - 1];
		entries[k] = moved;
	}
}

static void sift_down(struct entry *entries, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_less(&entries[child], &entries[child + 1]))
			child++;
		if (!is_less(&entries[at], &entries[child]))
			return;
		swap(&entries[at], &entries[child]);
	}
}

static void heap_sort(struct entry *entries, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sift_down(entries, i - 1, count);
	for (size_t i = count; i > 1; i--) {
		swap(&entries[0], &entries[i - 1]);
		sift_down(entries, 0, i - 1);
	}
}

/* The median of the first, the middle and the last, at the first place. */
static void choose_pivot(struct entry *entries, size_t count)
{
	struct entry *middle = &entries[count / 2], *last = &entries[count - 1];

	if (is_less(middle, &entries[0]))
		swap(middle, &entries[0]);
	if (is_less(last, middle))
		swap(last, middle);
	if (is_less(middle, &entries[0]))
		swap(middle, &entries[0]);
	swap(&entries[0], middle);
}

/* Returns where the pivot stands: nothing before it is greater, nothing behind it is less. */
static size_t divide(struct entry *entries, size_t count)
{
	size_t low = 1, high = count - 1;

	choose_pivot(entries, count);
	for (;;) {
		while (low <= high && is_less(&entries[low], &entries[0]))
			low++;
		while (low <= high && is_less(&entries[0], &entries[high]))
			high--;
		if (low >= high)
			break;
		swap(&entries[low++], &entries[high--]);
	}
	swap(&entries[0], &entries[high]);
	return high;
}

/* In place, and never quadratic: where the pivots are bad for too long, by a heap. */
static void sort(struct entry *entries, size_t count, int depth)
{
	while (count > SMALL) {
		size_t pivot;

		if (depth-- == 0) {
			heap_sort(entries, count);
			return;
		}
		pivot = divide(entries, count);
		if (pivot < count - pivot) {
			sort(entries, pivot, depth);
			entries += pivot + 1;
			count -= pivot + 1;
		} else {
			sort(entries + pivot + 1, count - pivot - 1, depth);
			count = pivot;
		}
	}
	insertion_sort(entries, count);
}

static void sort_all(struct entry *entries, size_t count)
{
	int depth = 8;

	for (size_t rest = count; rest > 1; rest /= 2)
		depth += 2;
	sort(entries, count, depth);
}

/* ---- the file ---- */

static int file_error(const struct entry_sorter *sorter, const char *what, int code, struct error *err)
{
	return error_set(err, -code, REMEDY_PERSON,
	    "a file for what does not fit into memory cannot be %s in %s: %s; TMPDIR names another directory", what,
	    sorter->directory, strerror(code));
}

/* Without a name: it is gone with the process, whatever ends that. */
static int make_file(struct entry_sorter *sorter, struct error *err)
{
	char path[4096];

	if (sorter->file >= 0)
		return 0;
	sorter->file = open(sorter->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (sorter->file < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		snprintf(path, sizeof path, "%s/aloqctl-XXXXXX", sorter->directory);
		sorter->file = mkostemp(path, O_CLOEXEC);
		if (sorter->file >= 0)
			unlink(path);
	}
	return sorter->file >= 0 ? 0 : file_error(sorter, "made", errno, err);
}

/* What is in memory becomes a run. */
static int spill(struct entry_sorter *sorter, struct error *err)
{
	const char *bytes = (const char *)sorter->entries;
	size_t left = sorter->count * sizeof(struct entry);
	off_t begin = sorter->file_bytes;

	int result = make_file(sorter, err);

	if (result < 0)
		return result;
	sort_all(sorter->entries, sorter->count);
	while (left > 0) {
		ssize_t written = pwrite(sorter->file, bytes, left, sorter->file_bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return file_error(sorter, "written", written < 0 ? errno : ENOSPC, err);
		bytes += written;
		left -= (size_t)written;
		sorter->file_bytes += written;
	}
	sorter->runs = xreallocarray(sorter->runs, sorter->run_count + 1, sizeof *sorter->runs);
	sorter->runs[sorter->run_count++] = (struct run){ .at = begin, .end = sorter->file_bytes };
	sorter->count = 0;
	return 0;
}

/* Reads on in a run; leaves it empty at its end. */
static int refill(struct entry_sorter *sorter, struct run *run, struct error *err)
{
	size_t wanted = sorter->read_count * sizeof(struct entry);
	size_t got = 0;

	if ((off_t)wanted > run->end - run->at)
		wanted = (size_t)(run->end - run->at);
	while (got < wanted) {
		ssize_t count =
		    pread(sorter->file, (char *)run->entries + got, wanted - got, run->at + (off_t)got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return file_error(sorter, "read", count < 0 ? errno : EIO, err);
		got += (size_t)count;
	}
	run->at += (off_t)wanted;
	run->next = 0;
	run->count = wanted / sizeof(struct entry);
	return 0;
}

/* ---- merging ---- */

static bool run_is_less(const struct entry_sorter *sorter, size_t one, size_t other)
{
	const struct run *a = &sorter->runs[one], *b = &sorter->runs[other];

	return is_less(&a->entries[a->next], &b->entries[b->next]);
}

static void settle_heap(struct entry_sorter *sorter, size_t at)
{
	size_t *heap = sorter->heap;

	for (size_t child; (child = 2 * at + 1) < sorter->heap_count; at = child) {
		size_t kept;

		if (child + 1 < sorter->heap_count && run_is_less(sorter, heap[child + 1], heap[child]))
			child++;
		if (!run_is_less(sorter, heap[child], heap[at]))
			return;
		kept = heap[at];
		heap[at] = heap[child];
		heap[child] = kept;
	}
}

static int begin_merge(struct entry_sorter *sorter, struct error *err)
{
	free(TAKE_PTR(sorter->entries));
	sorter->read_count = sorter->capacity_max / sorter->run_count;
	if (sorter->read_count < READ_BYTES_MIN / sizeof(struct entry))
		sorter->read_count = READ_BYTES_MIN / sizeof(struct entry);
	sorter->read_entries = xreallocarray(NULL, sorter->run_count * sorter->read_count, sizeof(struct entry));
	sorter->heap = xcalloc(sorter->run_count, sizeof *sorter->heap);
	for (size_t i = 0; i < sorter->run_count; i++) {
		int result;

		sorter->runs[i].entries = sorter->read_entries + i * sorter->read_count;
		result = refill(sorter, &sorter->runs[i], err);
		if (result < 0)
			return result;
		sorter->heap[sorter->heap_count++] = i;
	}
	for (size_t i = sorter->heap_count / 2; i > 0; i--)
		settle_heap(sorter, i - 1);
	return 0;
}

static int next_of_runs(struct entry_sorter *sorter, struct entry *entry, struct error *err)
{
	struct run *run;

	if (sorter->heap_count == 0)
		return 0;
	run = &sorter->runs[sorter->heap[0]];
	*entry = run->entries[run->next++];
	if (run->next == run->count) {
		int result = refill(sorter, run, err);

		if (result < 0)
			return result;
	}
	if (run->count == 0)
		sorter->heap[0] = sorter->heap[--sorter->heap_count];
	settle_heap(sorter, 0);
	return 1;
}

/* ---- the whole ---- */

int entry_sorter_add(struct entry_sorter *sorter, const struct entry *entry, struct error *err)
{
	if (sorter->count == sorter->capacity_max) {
		int result = spill(sorter, err);

		if (result < 0)
			return result;
	}
	if (sorter->count == sorter->capacity) {
		size_t capacity = sorter->capacity * 2 + ENTRIES_MIN;

		sorter->capacity = capacity > sorter->capacity_max ? sorter->capacity_max : capacity;
		sorter->entries = xreallocarray(sorter->entries, sorter->capacity, sizeof *sorter->entries);
	}
	sorter->entries[sorter->count++] = *entry;
	return 0;
}

/* No more is added. */
static int end_adding(struct entry_sorter *sorter, struct error *err)
{
	int result = 0;

	sorter->sorted = true;
	if (sorter->run_count == 0) {
		sort_all(sorter->entries, sorter->count);
		return 0;
	}
	if (sorter->count > 0)
		result = spill(sorter, err);
	return result < 0 ? result : begin_merge(sorter, err);
}

int entry_sorter_next(struct entry_sorter *sorter, struct entry *entry, struct error *err)
{
	if (!sorter->sorted) {
		int result = end_adding(sorter, err);

		if (result < 0)
			return result;
	}
	if (sorter->run_count > 0)
		return next_of_runs(sorter, entry, err);
	if (sorter->next == sorter->count)
		return 0;
	*entry = sorter->entries[sorter->next++];
	return 1;
}
