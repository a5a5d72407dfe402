#include "sandbox/audit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "sandbox/id_set.h"

struct source_record {
	int64_t identity;
	int32_t partition;
	int64_t offset;
	size_t bytes_at; /* in audit->bytes */
	size_t size;
	bool arrived;
};

/* A target record of a known identity. */
struct arrival {
	const struct source_record *source;
	int32_t partition;
	int64_t offset;
};

struct audit {
	struct source_record *source;
	size_t source_count, source_capacity;
	bool by_identity; /* source is sorted and does not move any more */
	struct id_set identities;
	char *bytes;
	size_t bytes_used, bytes_capacity;

	struct arrival *arrivals;
	size_t arrival_count, arrival_capacity;
	struct audit_verdict verdict; /* what is known while the target is read */
};

struct audit *audit_new(void)
{
	return xcalloc(1, sizeof(struct audit));
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	id_set_clear(&audit->identities);
	free(audit->source);
	free(audit->bytes);
	free(audit->arrivals);
	free(audit);
}

/* Room for `more` elements of an array that grows by doubling. */
static void *make_room(void *array, size_t count, size_t *capacity, size_t more, size_t size)
{
	if (count + more <= *capacity)
		return array;
	*capacity = (count + more) * 2;
	return xreallocarray(array, *capacity, size);
}

static void add_fault(struct audit_verdict *verdict, enum audit_fault_kind kind, int64_t identity,
    int32_t partition, int64_t offset)
{
	if (verdict->fault_count < AUDIT_FAULTS_SHOWN)
		verdict->faults[verdict->fault_count++] =
		    (struct audit_fault){ kind, identity, partition, offset };
}

int audit_add_source(struct audit *audit, const struct audit_record *record)
{
	if (record->identity < 0)
		return -EINVAL;
	if (!id_set_add(&audit->identities, record->identity))
		return -EEXIST;
	audit->source =
	    make_room(audit->source, audit->source_count, &audit->source_capacity, 1, sizeof *audit->source);
	audit->bytes = make_room(audit->bytes, audit->bytes_used, &audit->bytes_capacity, record->size, 1);
	memcpy(audit->bytes + audit->bytes_used, record->bytes, record->size);
	audit->source[audit->source_count++] = (struct source_record){
		.identity = record->identity,
		.partition = record->partition,
		.offset = record->offset,
		.bytes_at = audit->bytes_used,
		.size = record->size,
	};
	audit->bytes_used += record->size;
	return 0;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_identity(const void *a, const void *b)
{
	const struct source_record *x = a, *y = b;

	return compare_numbers(x->identity, y->identity);
}

static struct source_record *find_source(struct audit *audit, int64_t identity)
{
	struct source_record wanted = { .identity = identity };

	if (!audit->by_identity && audit->source_count)
		qsort(audit->source, audit->source_count, sizeof *audit->source, compare_identity);
	audit->by_identity = true;
	if (!audit->source_count)
		return NULL;
	return bsearch(&wanted, audit->source, audit->source_count, sizeof *audit->source, compare_identity);
}

static bool same_bytes(
    const struct audit *audit, const struct source_record *source, const struct audit_record *record)
{
	return source->size == record->size &&
	       memcmp(audit->bytes + source->bytes_at, record->bytes, record->size) == 0;
}

void audit_add_target(struct audit *audit, const struct audit_record *record)
{
	struct source_record *source = record->identity < 0 ? NULL : find_source(audit, record->identity);

	if (!source || !same_bytes(audit, source, record)) {
		audit->verdict.altered++;
		add_fault(
		    &audit->verdict, FAULT_ALTERED, record->identity, record->partition, record->offset);
	}
	if (!source)
		return;
	if (source->arrived)
		audit->verdict.repeated++;
	source->arrived = true;
	audit->arrivals = make_room(
	    audit->arrivals, audit->arrival_count, &audit->arrival_capacity, 1, sizeof *audit->arrivals);
	audit->arrivals[audit->arrival_count++] =
	    (struct arrival){ source, record->partition, record->offset };
}

/* Target partition, source partition, then as they arrived. */
static int compare_arrivals(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->partition != y->partition)
		return compare_numbers(x->partition, y->partition);
	if (x->source->partition != y->source->partition)
		return compare_numbers(x->source->partition, y->source->partition);
	return compare_numbers(x->offset, y->offset);
}

static int compare_offsets(const void *a, const void *b)
{
	return compare_numbers(*(const int64_t *)a, *(const int64_t *)b);
}

/* The place of each arrival among those source offsets that came this way at all tells a step from a jump: a
 * hole that is a lost record is not out of order too. */
static void judge_pair(const struct arrival *arrivals, size_t count, struct audit_verdict *verdict)
{
	_cleanup_free_ int64_t *offsets = xcalloc(count, sizeof *offsets);
	size_t distinct = 0, next = 0;

	for (size_t i = 0; i < count; i++)
		offsets[i] = arrivals[i].source->offset;
	qsort(offsets, count, sizeof *offsets, compare_offsets);
	for (size_t i = 0; i < count; i++) {
		if (distinct == 0 || offsets[i] != offsets[distinct - 1])
			offsets[distinct++] = offsets[i];
	}
	for (size_t i = 0; i < count; i++) {
		const int64_t *found =
		    bsearch(&arrivals[i].source->offset, offsets, distinct, sizeof *offsets, compare_offsets);
		size_t place = (size_t)(found - offsets);

		if (place > next) {
			verdict->out_of_order++;
			add_fault(verdict, FAULT_OUT_OF_ORDER, arrivals[i].source->identity,
			    arrivals[i].partition, arrivals[i].offset);
		}
		next = place + 1;
	}
}

static bool is_same_pair(const struct arrival *a, const struct arrival *b)
{
	return a->partition == b->partition && a->source->partition == b->source->partition;
}

void audit_judge(struct audit *audit, struct audit_verdict *verdict)
{
	*verdict = audit->verdict;
	verdict->produced = audit->source_count;
	for (size_t i = 0; i < audit->source_count; i++) {
		const struct source_record *source = &audit->source[i];

		if (source->arrived) {
			verdict->relayed++;
			continue;
		}
		verdict->lost++;
		add_fault(verdict, FAULT_LOST, source->identity, source->partition, source->offset);
	}
	if (audit->arrival_count)
		qsort(audit->arrivals, audit->arrival_count, sizeof *audit->arrivals, compare_arrivals);
	for (size_t begin = 0, end; begin < audit->arrival_count; begin = end) {
		end = begin + 1;
		while (end < audit->arrival_count &&
		       is_same_pair(&audit->arrivals[begin], &audit->arrivals[end]))
			end++;
		judge_pair(audit->arrivals + begin, end - begin, verdict);
	}
}

bool audit_holds(const struct audit_verdict *verdict)
{
	return !verdict->lost && !verdict->altered && !verdict->out_of_order;
}
