/* The comparison of a source and a target, against a plain model of it: random sources, relayed with random faults, by
 * provenance, by content, or mixed, with much memory and with hardly any. ALOQD_SEED=N repeats one case alone,
 * ALOQD_CASES=N changes their number. Then, one by one, what the model leaves out. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/memory.h"
#include "ctl/comparison.h"
#include "ctl/content_hash.h"
#include "ctl/entry_sorter.h"

enum { DEFAULT_CASES = 3000, RECORDS_MAX = 1500, PARTITIONS_MAX = 4, SHOWN = 100000 };

static uint64_t seed, random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

static void seed_random(uint64_t from)
{
	random_state = from * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (int i = 0; i < 10; i++)
		draw(2);
}

/* ---- what is compared ---- */

struct source_record {
	int32_t partition;
	int64_t offset;
	uint64_t content, key;
	bool is_new;
};

struct target_record {
	int32_t partition;
	int64_t offset;
	uint64_t content, key;
	bool has_claim;
	int32_t claimed_partition;
	int64_t claimed_offset;
	/* the model's */
	int stands_for; /* index of the source record; -1: none */
	bool paired;
};

struct bench {
	int32_t source_partitions, target_partitions;
	int64_t source_starts[PARTITIONS_MAX], target_starts[PARTITIONS_MAX];
	struct source_record source[RECORDS_MAX];
	size_t source_count;
	struct target_record target[4 * RECORDS_MAX];
	size_t target_count;
};

/* The content is a number here: a hash of it stands for it. */
static void hash_content(uint64_t content, uint64_t hash[2])
{
	struct content_hash_key key;
	struct content_hash state;

	content_hash_key_fill(&key, 7);
	content_hash_begin(&state, &key);
	content_hash_number(&state, content);
	content_hash_end(&state, hash);
}

static struct comparison *compared(const struct bench *bench, size_t memory_bytes, const struct comparison_verdict **verdict)
{
	const struct comparison_options options = { .memory_bytes = memory_bytes, .directory = "/tmp",
		.source_partitions = bench->source_partitions, .target_partitions = bench->target_partitions,
		.source_starts = bench->source_starts, .target_starts = bench->target_starts, .shown = SHOWN };
	struct comparison *comparison = comparison_new(&options);

	for (size_t i = 0; i < bench->target_count; i++) {
		const struct target_record *record = &bench->target[i];
		struct compared_record compared = { record->partition, record->offset, { 0 }, record->key };
		const struct compared_claim claim = { record->has_claim, false, record->claimed_partition,
			record->claimed_offset };

		hash_content(record->content, compared.content);
		assert_int_equal(comparison_add_target(comparison, &compared, &claim, NULL), 0);
	}
	for (size_t i = 0; i < bench->source_count; i++) {
		const struct source_record *record = &bench->source[i];
		struct compared_record compared = { record->partition, record->offset, { 0 }, record->key };

		hash_content(record->content, compared.content);
		assert_int_equal(comparison_add_source(comparison, &compared, record->is_new, NULL), 0);
	}
	*verdict = comparison_finish(comparison, NULL);
	assert_non_null(*verdict);
	return comparison;
}

/* ---- a relay with faults ---- */

struct faults {
	unsigned lose, alter, swap, repeat, restart, alien, astray; /* one in so many; 0: never */
	unsigned claims;					    /* 0: none, 1: all, 2: half of them */
	bool by_key;
};

static void emit(struct bench *bench, const struct source_record *record, int32_t partition, uint64_t content, bool claim)
{
	struct target_record *target = &bench->target[bench->target_count++];
	int64_t offset = 0;

	for (struct target_record *other = target; other-- > bench->target;)
		if (other->partition == partition) {
			offset = other->offset + 1 + (int64_t)draw(3);
			break;
		}
	*target = (struct target_record){ .partition = partition,
		.offset = offset,
		.content = content,
		.key = record ? record->key : 0,
		.has_claim = record && claim,
		.claimed_partition = record ? record->partition : 0,
		.claimed_offset = record ? record->offset : 0 };
}

static bool strikes(unsigned one_in)
{
	return one_in > 0 && draw(one_in) == 0;
}

/* The next index of a partition's records behind i; -1: none. */
static int next_of(const struct bench *bench, int32_t partition, int i)
{
	for (i++; i < (int)bench->source_count; i++)
		if (bench->source[i].partition == partition)
			return i;
	return -1;
}

static int back_of(const struct bench *bench, int32_t partition, int i, int steps)
{
	for (int k = i - 1; k >= 0; k--)
		if (bench->source[k].partition == partition && --steps <= 0)
			return k;
	return i;
}

static void relay_one(struct bench *bench, const struct faults *faults, int i)
{
	const struct source_record *record = &bench->source[i];
	int32_t partition =
	    (int32_t)((faults->by_key ? record->key : (uint64_t)record->partition) % (uint64_t)bench->target_partitions);
	bool claim = faults->claims == 1 || (faults->claims == 2 && draw(2));

	if (strikes(faults->astray))
		partition = (int32_t)draw((uint64_t)bench->target_partitions);
	if (strikes(faults->alien))
		emit(bench, NULL, (int32_t)draw((uint64_t)bench->target_partitions), 1000000 + draw(1000000), false);
	if (strikes(faults->lose))
		return;
	emit(bench, record, partition, strikes(faults->alter) ? 1000000 + draw(1000000) : record->content, claim);
	if (strikes(faults->repeat))
		emit(bench, record, partition, record->content, claim);
}

static void relay(struct bench *bench, const struct faults *faults)
{
	int next[PARTITIONS_MAX], open = 0;
	size_t room = 3 * RECORDS_MAX;

	for (int32_t p = 0; p < bench->source_partitions; p++) {
		next[p] = next_of(bench, p, -1);
		open += next[p] >= 0;
	}
	while (open > 0 && bench->target_count < room) {
		int32_t p = (int32_t)draw((uint64_t)bench->source_partitions);
		int second;

		if (next[p] < 0)
			continue;
		second = next_of(bench, p, next[p]);
		if (second >= 0 && strikes(faults->swap)) {
			relay_one(bench, faults, second);
			relay_one(bench, faults, next[p]);
			next[p] = next_of(bench, p, second);
		} else if (strikes(faults->restart)) {
			next[p] = back_of(bench, p, next[p], 1 + (int)draw(6));
		} else {
			relay_one(bench, faults, next[p]);
			next[p] = second;
		}
		open -= next[p] < 0;
	}
}

static void fill_source(struct bench *bench, size_t count)
{
	int64_t next[PARTITIONS_MAX] = { 0 };

	for (size_t i = 0; i < count; i++) {
		int32_t p = (int32_t)draw((uint64_t)bench->source_partitions);

		next[p] += (int64_t)(draw(8) == 0 ? draw(5) : 0);
		bench->source[i] = (struct source_record){ p, next[p]++, 1 + i, draw(10), false };
	}
	bench->source_count = count;
}

static struct bench *random_bench(void)
{
	struct bench *bench = xcalloc(1, sizeof *bench);
	const struct faults faults = {
		.lose = draw(2) ? 20 + (unsigned)draw(50) : 0,
		.alter = draw(2) ? 20 + (unsigned)draw(50) : 0,
		.swap = draw(3) ? 0 : 20 + (unsigned)draw(50),
		.repeat = draw(2) ? 0 : 20 + (unsigned)draw(50),
		.restart = draw(2) ? 0 : 20 + (unsigned)draw(50),
		.alien = draw(3) ? 0 : 30 + (unsigned)draw(50),
		.astray = draw(4) ? 0 : 20 + (unsigned)draw(50),
		.claims = (unsigned)draw(3),
		.by_key = draw(3) == 0,
	};

	bench->source_partitions = 1 + (int32_t)draw(PARTITIONS_MAX);
	bench->target_partitions = 1 + (int32_t)draw(PARTITIONS_MAX);
	fill_source(bench, draw(10) == 0 ? 300 + draw(1000) : draw(60));
	relay(bench, &faults);
	for (size_t i = 0; i < bench->source_count; i++)
		bench->source[i].is_new = draw(30) == 0;
	return bench;
}

/* ---- the model ---- */

struct expected {
	uint64_t counts[FAULT_KINDS], found, too_new;
	struct comparison_fault faults[FAULT_KINDS][4 * RECORDS_MAX];
	size_t fault_counts[FAULT_KINDS];
};

static void expect(struct expected *expected, enum fault_kind kind, const struct source_record *source,
    const struct target_record *target)
{
	expected->counts[kind]++;
	expected->faults[kind][expected->fault_counts[kind]++] = (struct comparison_fault){
		source ? source->partition : -1, target ? target->partition : -1, source ? source->offset : -1,
		target ? target->offset : -1, 0 };
}

static int source_at(const struct bench *bench, int32_t partition, int64_t offset)
{
	for (size_t i = 0; i < bench->source_count; i++)
		if (bench->source[i].partition == partition && bench->source[i].offset == offset)
			return (int)i;
	return -1;
}

static int source_with(const struct bench *bench, uint64_t content)
{
	return content >= 1 && content <= bench->source_count ? (int)content - 1 : -1;
}

static int compare_targets(const void *a, const void *b)
{
	const struct target_record *one = a, *other = b;

	if (one->partition != other->partition)
		return one->partition < other->partition ? -1 : 1;
	return (one->offset > other->offset) - (one->offset < other->offset);
}

/* Who stands for whom: coordinates first. */
static void model_identities(struct bench *bench, bool *found, struct expected *expected)
{
	for (int claims = 1; claims >= 0; claims--)
		for (size_t i = 0; i < bench->target_count; i++) {
			struct target_record *target = &bench->target[i];

			if (target->has_claim != (claims == 1))
				continue;
			target->stands_for = target->has_claim
			    ? source_at(bench, target->claimed_partition, target->claimed_offset)
			    : source_with(bench, target->content);
			if (target->stands_for < 0)
				continue;
			if (found[target->stands_for])
				expect(expected, FAULT_REPEATED, &bench->source[target->stands_for], target);
			if (target->content != bench->source[target->stands_for].content)
				expect(expected, FAULT_ALTERED, &bench->source[target->stands_for], target);
			found[target->stands_for] = true;
		}
}

/* The arrivals of one way, in the target's order, by their source offsets. */
static void model_way(const struct bench *bench, int32_t from, int32_t to, struct expected *expected)
{
	int64_t seen[4 * RECORDS_MAX];
	size_t count = 0;
	int64_t current = -1, greatest = -1;

	for (size_t i = 0; i < bench->target_count; i++) {
		const struct target_record *target = &bench->target[i];
		int64_t offset;
		bool is_first = true, jumps = false;

		if (target->partition != to || target->stands_for < 0 || bench->source[target->stands_for].partition != from)
			continue;
		offset = bench->source[target->stands_for].offset;
		for (size_t k = 0; k < count; k++)
			is_first &= seen[k] != offset;
		if (count > 0 && is_first)
			jumps = offset < greatest || current != greatest;
		/* A repeat may go back, or to the very next of all that come this way at all, sooner or later. */
		for (size_t k = 0; k < bench->target_count && !is_first && offset > current; k++) {
			const struct target_record *other = &bench->target[k];

			if (other->partition == to && other->stands_for >= 0 &&
			    bench->source[other->stands_for].partition == from)
				jumps |= bench->source[other->stands_for].offset > current &&
					 bench->source[other->stands_for].offset < offset;
		}
		if (jumps)
			expect(expected, FAULT_REORDERED, &bench->source[target->stands_for], target);
		seen[count++] = offset;
		if (is_first && offset < greatest)
			continue;
		current = offset;
		if (offset > greatest)
			greatest = offset;
	}
}

static void model_keys(const struct bench *bench, struct expected *expected)
{
	for (int32_t p = 0; p < bench->source_partitions; p++)
		for (uint64_t key = 1; key < 10; key++) {
			int32_t partition = -1;
			bool scattered = false;

			for (size_t i = 0; i < bench->target_count; i++) {
				const struct target_record *target = &bench->target[i];

				if (target->stands_for < 0 || bench->source[target->stands_for].partition != p ||
				    bench->source[target->stands_for].key != key)
					continue;
				scattered |= partition >= 0 && partition != target->partition;
				partition = target->partition;
			}
			expected->counts[FAULT_SCATTERED] += scattered;
		}
}

/* The nearest known record before (step -1) or behind it, in its partition; NULL: none. */
static const struct source_record *known_neighbour(const struct bench *bench, size_t i, int step)
{
	for (size_t k = i + (size_t)step; k < bench->target_count && bench->target[k].partition == bench->target[i].partition;
	     k += (size_t)step)
		if (bench->target[k].stands_for >= 0)
			return &bench->source[bench->target[k].stands_for];
	return NULL;
}

/* Is this unknown record where the source record would be? Where it could begin to be is its low. */
static bool is_in_place_of(const struct bench *bench, size_t i, const struct source_record *source, int64_t *low)
{
	const struct source_record *before = known_neighbour(bench, i, -1), *behind = known_neighbour(bench, i, 1);

	*low = before ? before->offset : -1;
	if (!before && !behind)
		return false;
	if (before && behind && (before->partition != behind->partition || before->offset >= behind->offset))
		return false;
	return (!before || (before->partition == source->partition && before->offset < source->offset)) &&
	       (!behind || (behind->partition == source->partition && behind->offset > source->offset));
}

static void model_absent(struct bench *bench, const bool *found, struct expected *expected)
{
	for (int32_t p = 0; p < bench->source_partitions; p++)
		for (size_t s = 0; s < bench->source_count; s++) { /* in order of offsets, within a partition */
			const struct source_record *source = &bench->source[s];
			int64_t low, best_low = INT64_MAX;
			size_t best = SIZE_MAX;

			if (source->partition != p || found[s])
				continue;
			if (source->is_new) {
				expected->too_new++;
				continue;
			}
			for (size_t i = 0; i < bench->target_count; i++)
				if (bench->target[i].stands_for < 0 && !bench->target[i].paired &&
				    is_in_place_of(bench, i, source, &low) && low < best_low) {
					best = i;
					best_low = low;
				}
			if (best == SIZE_MAX) {
				expect(expected, FAULT_LOST, source, NULL);
				continue;
			}
			bench->target[best].paired = true;
			expect(expected, FAULT_ALTERED, source, &bench->target[best]);
			expected->found++;
		}
	for (size_t i = 0; i < bench->target_count; i++)
		if (bench->target[i].stands_for < 0 && !bench->target[i].paired)
			expect(expected, FAULT_UNKNOWN, NULL, &bench->target[i]);
}

static struct expected *model(struct bench *bench)
{
	struct expected *expected = xcalloc(1, sizeof *expected);
	bool found[RECORDS_MAX] = { false };

	qsort(bench->target, bench->target_count, sizeof bench->target[0], compare_targets);
	model_identities(bench, found, expected);
	for (size_t i = 0; i < bench->source_count; i++)
		expected->found += found[i];
	for (int32_t from = 0; from < bench->source_partitions; from++)
		for (int32_t to = 0; to < bench->target_partitions; to++)
			model_way(bench, from, to, expected);
	model_keys(bench, expected);
	model_absent(bench, found, expected);
	return expected;
}

/* ---- both ---- */

static int compare_faults(const void *a, const void *b)
{
	const struct comparison_fault *one = a, *other = b;
	const int64_t left[] = { one->target_partition, one->target_offset, one->source_partition, one->source_offset };
	const int64_t right[] = { other->target_partition, other->target_offset, other->source_partition,
		other->source_offset };

	for (size_t i = 0; i < 4; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

#define REQUIRE_EQUAL(one, other, what)                                                                              \
	do {                                                                                                         \
		uint64_t one_ = (uint64_t)(one), other_ = (uint64_t)(other);                                         \
		if (one_ != other_)                                                                                  \
			fail_msg("%s: %" PRIu64 ", the model has %" PRIu64 "; replay: ALOQD_SEED=%" PRIu64, what,    \
			    one_, other_, seed);                                                                     \
	} while (0)

static void require_same(const struct comparison_verdict *verdict, struct expected *expected)
{
	static const char *const names[] = { "lost", "repeated", "reordered", "altered", "unknown", "scattered" };

	REQUIRE_EQUAL(verdict->found, expected->found, "found");
	REQUIRE_EQUAL(verdict->too_new, expected->too_new, "too new");
	for (size_t kind = 0; kind < FAULT_KINDS; kind++) {
		const struct comparison_faults *faults = &verdict->faults[kind];

		REQUIRE_EQUAL(faults->count, expected->counts[kind], names[kind]);
		if (kind == FAULT_SCATTERED)
			continue;
		REQUIRE_EQUAL(faults->shown_count, expected->fault_counts[kind], names[kind]);
		if (faults->shown_count == 0)
			continue;
		qsort(faults->shown, faults->shown_count, sizeof *faults->shown, compare_faults);
		qsort(expected->faults[kind], faults->shown_count, sizeof *faults->shown, compare_faults);
		for (size_t i = 0; i < faults->shown_count; i++) {
			REQUIRE_EQUAL(faults->shown[i].source_partition, expected->faults[kind][i].source_partition, names[kind]);
			REQUIRE_EQUAL(faults->shown[i].source_offset, expected->faults[kind][i].source_offset, names[kind]);
			REQUIRE_EQUAL(faults->shown[i].target_partition, expected->faults[kind][i].target_partition, names[kind]);
			REQUIRE_EQUAL(faults->shown[i].target_offset, expected->faults[kind][i].target_offset, names[kind]);
		}
	}
}

static uint64_t one_case(void)
{
	struct bench *bench;
	struct expected *expected;
	uint64_t spilled = 0;

	seed_random(seed);
	bench = random_bench();
	expected = model(bench);
	for (int i = 0; i < 2; i++) {
		const struct comparison_verdict *verdict;
		struct comparison *comparison = compared(bench, i == 0 ? 64 << 20 : 1, &verdict);

		require_same(verdict, expected);
		spilled = verdict->spilled_bytes;
		if (i == 0)
			assert_int_equal(spilled, 0);
		comparison_free(comparison);
	}
	free(bench);
	free(expected);
	return spilled;
}

static void test_it_finds_what_the_model_finds_whatever_memory_there_is(void **state)
{
	const char *given = getenv("ALOQD_SEED"), *cases = getenv("ALOQD_CASES");
	uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 100000;
	uint64_t count = given ? 1 : cases ? strtoull(cases, NULL, 10) : DEFAULT_CASES;
	uint64_t spills = 0;

	print_message("first seed: %" PRIu64 "\n", first);
	for (seed = first; seed < first + count; seed++)
		spills += one_case() > 0;
	if (!given)
		assert_true(spills > 10);
}

/* ---- one by one ---- */

/* One partition on both sides unless there are more; records of these contents, offsets from 0 on. */
static struct bench *plain(const char *source, const char *target)
{
	struct bench *bench = xcalloc(1, sizeof *bench);

	bench->source_partitions = bench->target_partitions = 1;
	for (; *source; source++)
		bench->source[bench->source_count] =
		    (struct source_record){ 0, (int64_t)bench->source_count, (uint64_t)*source, 0, false },
		bench->source_count++;
	for (; *target; target++)
		bench->target[bench->target_count] = (struct target_record){ .partition = 0,
			.offset = (int64_t)bench->target_count,
			.content = (uint64_t)*target },
		bench->target_count++;
	return bench;
}

struct row {
	const char *source, *target;
	uint64_t lost, repeated, reordered, altered, unknown;
};

static void assert_row(const struct row *row)
{
	const struct comparison_verdict *verdict;
	struct bench *bench = plain(row->source, row->target);
	struct comparison *comparison = compared(bench, 1 << 20, &verdict);
	const uint64_t wanted[] = { row->lost, row->repeated, row->reordered, row->altered, row->unknown };

	for (size_t i = 0; i < 5; i++)
		if (verdict->faults[i].count != wanted[i])
			fail_msg("\"%s\" -> \"%s\": of kind %zu %" PRIu64 ", wanted %" PRIu64, row->source, row->target, i,
			    verdict->faults[i].count, wanted[i]);
	comparison_free(comparison);
	free(bench);
}

static void test_small_ones(void **state)
{
	static const struct row rows[] = {
		{ "", "", 0, 0, 0, 0, 0 },
		{ "abc", "abc", 0, 0, 0, 0, 0 },
		{ "abc", "", 3, 0, 0, 0, 0 },
		{ "", "abc", 0, 0, 0, 0, 3 },
		{ "abcd", "acd", 1, 0, 0, 0, 0 },
		{ "abcd", "abbcd", 0, 1, 0, 0, 0 },
		{ "abcde", "abdce", 0, 0, 1, 0, 0 },
		{ "abcd", "abXd", 0, 0, 0, 1, 0 },
		{ "abcd", "Xbcd", 0, 0, 0, 1, 0 },
		{ "abcd", "abcX", 0, 0, 0, 1, 0 },
		{ "abcd", "abXcd", 0, 0, 0, 0, 1 },
		{ "abcd", "aXYd", 0, 0, 0, 2, 0 },
		{ "abcd", "aXd", 1, 0, 0, 1, 0 },
		/* a restart that repeats all behind it, and one that does not: the old b stands last */
		{ "abcdef", "abcdbcdef", 0, 3, 0, 0, 0 },
		{ "abcdef", "abcdbef", 0, 1, 1, 0, 0 },
		{ "abcdef", "abcdbdef", 0, 2, 1, 0, 0 },
		/* what is lost is not out of order too, and neither is a repeat across it */
		{ "abcdef", "abdebdef", 1, 3, 0, 0, 0 },
		/* of twins only the number is seen */
		{ "axbxc", "axbxc", 0, 0, 0, 0, 0 },
		{ "axbxc", "axbc", 1, 0, 0, 0, 0 },
		{ "axbxc", "axbxxc", 0, 1, 0, 0, 0 },
		{ "axbxc", "abc", 2, 0, 0, 0, 0 },
		{ "xxxx", "xx", 2, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(&rows[i]);
}

static void test_twins_in_the_wrong_partition_are_lost_and_repeated(void **state)
{
	const struct comparison_verdict *verdict;
	struct bench *bench = plain("axxb", "axxb");
	struct comparison *comparison;

	bench->source_partitions = bench->target_partitions = 2;
	bench->source[2].partition = bench->source[3].partition = 1;
	bench->target[3].partition = 1; /* b: all that is told for sure stays in its partition */
	comparison = compared(bench, 1 << 20, &verdict);
	assert_int_equal(verdict->faults[FAULT_LOST].count, 1);
	assert_int_equal(verdict->faults[FAULT_LOST].shown[0].source_partition, 1);
	assert_int_equal(verdict->faults[FAULT_LOST].shown[0].source_offset, 2);
	assert_int_equal(verdict->faults[FAULT_REPEATED].count, 1);
	assert_int_equal(verdict->faults[FAULT_REPEATED].shown[0].target_offset, 2);
	comparison_free(comparison);
	/* where the partitions are mixed anyway, nothing can be said */
	bench->target[0].partition = 1;
	bench->target[0].offset = 0;
	comparison = compared(bench, 1 << 20, &verdict);
	assert_true(comparison_is_clean(verdict, false));
	assert_int_equal(verdict->twins, 2);
	comparison_free(comparison);
	free(bench);
}

/* What retention has deleted on one side is not a fault of the relay; but then nothing may be missing on the other. */
static void test_what_only_one_log_still_has(void **state)
{
	static const struct {
		const char *source, *target;
		int64_t source_start, target_start;
		uint64_t lost, unknown, gone_from_target, gone_from_source;
	} rows[] = {
		{ "abcd", "cd", 0, 0, 2, 0, 0, 0 },
		{ "abcd", "cd", 0, 7, 0, 0, 2, 0 },
		{ "abcd", "bd", 0, 7, 1, 0, 1, 0 },
		{ "abcd", "", 0, 7, 4, 0, 0, 0 },
		{ "cd", "XYcd", 0, 0, 0, 2, 0, 0 },
		{ "cd", "XYcd", 7, 0, 0, 0, 0, 2 },
		{ "cd", "XcYd", 7, 0, 0, 1, 0, 1 },
		{ "cd", "XY", 7, 0, 2, 2, 0, 0 },
		/* the target is the older one: c is lost, and d could not have been deleted */
		{ "cde", "XYe", 7, 7, 0, 0, 0, 0 }, /* altered, twice */
		{ "cdef", "XYef", 7, 0, 0, 0, 0, 0 },
		{ "cdef", "Xef", 7, 7, 1, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct comparison_verdict *verdict;
		struct bench *bench = plain(rows[i].source, rows[i].target);
		struct comparison *comparison;

		bench->source_starts[0] = rows[i].source_start;
		bench->target_starts[0] = rows[i].target_start;
		comparison = compared(bench, 1 << 20, &verdict);
		if (verdict->faults[FAULT_LOST].count != rows[i].lost ||
		    verdict->faults[FAULT_UNKNOWN].count != rows[i].unknown ||
		    verdict->gone_from_target != rows[i].gone_from_target ||
		    verdict->gone_from_source != rows[i].gone_from_source)
			fail_msg("%s -> %s", rows[i].source, rows[i].target);
		if (i >= 8)
			assert_false(comparison_is_clean(verdict, true));
		comparison_free(comparison);
		free(bench);
	}
}

static void test_coordinates_tell_twins_apart_and_what_is_gone(void **state)
{
	const struct comparison_verdict *verdict;
	struct bench *bench = plain("xxxx", "xxxx");
	struct comparison *comparison;

	/* the last two have changed places, which no content tells */
	for (size_t i = 0; i < 4; i++) {
		bench->target[i].has_claim = true;
		bench->target[i].claimed_offset = i < 2 ? (int64_t)i : 5 - (int64_t)i;
	}
	comparison = compared(bench, 1 << 20, &verdict);
	assert_int_equal(verdict->faults[FAULT_REORDERED].count, 1);
	assert_int_equal(verdict->faults[FAULT_REORDERED].shown[0].source_offset, 2);
	assert_int_equal(verdict->faults[FAULT_REORDERED].shown[0].target_offset, 3);
	assert_int_equal(verdict->faults[FAULT_REORDERED].shown[0].other, 3);
	comparison_free(comparison);
	/* the source has neither 0 (deleted) nor 9 (never there), nor a partition 3 */
	bench->source_starts[0] = 1;
	bench->source[0] = bench->source[3];
	bench->source_count = 3;
	bench->target[2].claimed_offset = 9;
	bench->target[3].claimed_partition = 3;
	comparison = compared(bench, 1 << 20, &verdict);
	assert_int_equal(verdict->gone_from_source, 1);
	assert_int_equal(verdict->faults[FAULT_UNKNOWN].count, 0);
	assert_int_equal(verdict->faults[FAULT_ALTERED].count, 2); /* they are where 2 and 3 would be */
	assert_false(comparison_is_clean(verdict, true));
	comparison_free(comparison);
	free(bench);
}

static void test_a_repeat_that_says_nothing_of_itself_is_known_by_its_content(void **state)
{
	const struct comparison_verdict *verdict;
	struct bench *bench = plain("abc", "abcbc");
	struct comparison *comparison;

	for (size_t i = 0; i < 3; i++) {
		bench->target[i].has_claim = true;
		bench->target[i].claimed_offset = (int64_t)i;
	}
	comparison = compared(bench, 1 << 20, &verdict);
	assert_int_equal(verdict->faults[FAULT_REPEATED].count, 2);
	assert_true(comparison_is_clean(verdict, true));
	assert_false(comparison_is_clean(verdict, false));
	comparison_free(comparison);
	free(bench);
}

static void test_the_lost_at_the_end_are_told(void **state)
{
	const struct comparison_verdict *verdict;
	struct bench *bench = plain("abcdef", "abd");
	struct comparison *comparison = compared(bench, 1 << 20, &verdict);

	assert_int_equal(verdict->faults[FAULT_LOST].count, 3);
	assert_int_equal(verdict->lost_at_end, 2);
	comparison_free(comparison);
	free(bench);
}

/* ---- what it stands on ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	for (int i = 0; i < ENTRY_WORDS; i++)
		if (one->words[i] != other->words[i])
			return one->words[i] < other->words[i] ? -1 : 1;
	return 0;
}

static void sorts(size_t count, size_t memory_bytes, int shape)
{
	struct entry_sorter *sorter = entry_sorter_new(memory_bytes, "/tmp");
	struct entry *entries = xcalloc(count, sizeof *entries);
	struct entry next;

	for (size_t i = 0; i < count; i++) {
		for (int k = 0; k < ENTRY_WORDS; k++)
			entries[i].words[k] = shape == 0 ? draw(5) : shape == 1 ? i : shape == 2 ? count - i : 7;
		assert_int_equal(entry_sorter_add(sorter, &entries[i], NULL), 0);
	}
	qsort(entries, count, sizeof *entries, compare_entries);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(entry_sorter_next(sorter, &next, NULL), 1);
		assert_memory_equal(&next, &entries[i], sizeof next);
	}
	assert_int_equal(entry_sorter_next(sorter, &next, NULL), 0);
	assert_int_equal(entry_sorter_next(sorter, &next, NULL), 0);
	if (count * sizeof next > 2 * memory_bytes && count > 128)
		assert_true(entry_sorter_spilled_bytes(sorter) == count * sizeof next);
	entry_sorter_free(sorter);
	free(entries);
}

static void test_the_sorter_sorts_with_and_without_files(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 63, 64, 65, 128, 1000, 20000 };

	seed_random(1);
	for (int shape = 0; shape < 4; shape++)
		for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
			sorts(counts[i], 1, shape);
			sorts(counts[i], 100000, shape);
			sorts(counts[i], 64 << 20, shape);
		}
}

static void test_a_file_that_cannot_be_written_is_an_error(void **state)
{
	struct entry_sorter *sorter = entry_sorter_new(1, "/no/such/directory");
	const struct entry entry = { { 1 } };
	struct error err = { 0 };
	int result = 0;

	for (int i = 0; i < 1000 && result == 0; i++)
		result = entry_sorter_add(sorter, &entry, &err);
	assert_true(result < 0);
	assert_non_null(strstr(err.message, "/no/such/directory"));
	assert_non_null(strstr(err.message, "TMPDIR"));
	entry_sorter_free(sorter);
}

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, 2 * sizeof(uint64_t));
}

/* Contents that are as like as they can be: none has the hash of another, in either half, and all bits take part. */
static void test_hashes_tell_contents_apart(void **state)
{
	enum { COUNT = 300000 };
	uint64_t(*hashes)[2] = xcalloc(COUNT, sizeof *hashes);
	uint64_t ones[128] = { 0 };
	struct content_hash_key key;
	unsigned char bytes[64] = { 0 };

	content_hash_key_fill(&key, 0);
	for (size_t i = 0; i < COUNT; i++) {
		struct content_hash hash;

		content_hash_begin(&hash, &key);
		if (i < 65)
			content_hash_field(&hash, bytes, i);
		else if (i == 65)
			content_hash_field(&hash, NULL, 0);
		else if (i < 66 + 64 * 255) {
			bytes[(i - 66) / 255] = (unsigned char)((i - 66) % 255 + 1);
			content_hash_field(&hash, bytes, sizeof bytes);
			bytes[(i - 66) / 255] = 0;
		} else if (i < 20000) { /* the same bytes, cut elsewhere */
			size_t first = (i - 16386) % 65, second = (i - 16386) / 65;

			content_hash_field(&hash, bytes, first);
			content_hash_field(&hash, bytes, second);
		} else {
			content_hash_number(&hash, i);
		}
		content_hash_end(&hash, hashes[i]);
		for (size_t bit = 0; bit < 128; bit++)
			ones[bit] += hashes[i][bit / 64] >> bit % 64 & 1;
	}
	for (size_t bit = 0; bit < 128; bit++)
		assert_in_range(ones[bit], COUNT / 2 - 3000, COUNT / 2 + 3000);
	for (int half = 0; half < 2; half++) {
		for (size_t i = 0; i < COUNT; i++) {
			uint64_t kept = hashes[i][0];

			hashes[i][0] = hashes[i][1];
			hashes[i][1] = kept;
		}
		qsort(hashes, COUNT, sizeof *hashes, compare_hashes);
		for (size_t i = 1; i < COUNT; i++)
			assert_true(hashes[i][0] != hashes[i - 1][0]);
	}
	free(hashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_ones),
		cmocka_unit_test(test_it_finds_what_the_model_finds_whatever_memory_there_is),
		cmocka_unit_test(test_twins_in_the_wrong_partition_are_lost_and_repeated),
		cmocka_unit_test(test_what_only_one_log_still_has),
		cmocka_unit_test(test_coordinates_tell_twins_apart_and_what_is_gone),
		cmocka_unit_test(test_a_repeat_that_says_nothing_of_itself_is_known_by_its_content),
		cmocka_unit_test(test_the_lost_at_the_end_are_told),
		cmocka_unit_test(test_the_sorter_sorts_with_and_without_files),
		cmocka_unit_test(test_a_file_that_cannot_be_written_is_an_error),
		cmocka_unit_test(test_hashes_tell_contents_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
