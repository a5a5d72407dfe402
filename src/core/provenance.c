#include "core/provenance.h"
#include <inttypes.h>
#include <string.h>
#include "base/memory.h"

char *provenance_prefix(const char *cluster, const char *topic, int32_t partition)
{
	return xasprintf("%s/%s/%" PRId32 "/", cluster ? cluster : "", topic, partition);
}

size_t provenance_offset(char text[PROVENANCE_OFFSET_SIZE], int64_t offset)
{
	char digits[PROVENANCE_OFFSET_SIZE];
	uint64_t rest = offset < 0 ? 0 : (uint64_t)offset;
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	for (size_t i = 0; i < count; i++)
		text[i] = digits[count - 1 - i];
	text[count] = '\0';
	return count;
}

/* The number that ends at *end and begins behind a slash; moves *end to that slash. False: there is none up to max, or it
 * is written in another way than we would. */
static bool take_number(const char *value, size_t *end, uint64_t max, uint64_t *number)
{
	size_t begin = *end;

	while (begin > 0 && value[begin - 1] >= '0' && value[begin - 1] <= '9')
		begin--;
	if (begin == *end || begin == 0 || value[begin - 1] != '/' || (value[begin] == '0' && *end - begin > 1))
		return false;
	*number = 0;
	for (size_t i = begin; i < *end; i++) {
		uint64_t digit = (uint64_t)(value[i] - '0');

		if (*number > (max - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	*end = begin - 1;
	return true;
}

bool provenance_parse(const void *value, size_t size, struct provenance *provenance)
{
	const char *text = value;
	const char *slash;
	size_t end = size;
	uint64_t offset, partition;

	if (!value || !take_number(text, &end, INT64_MAX, &offset) || !take_number(text, &end, INT32_MAX, &partition))
		return false;
	slash = memrchr(text, '/', end);
	if (!slash || slash + 1 == text + end)
		return false;
	*provenance = (struct provenance){
		.cluster = text,
		.cluster_length = (size_t)(slash - text),
		.topic = slash + 1,
		.topic_length = (size_t)(text + end - slash - 1),
		.partition = (int32_t)partition,
		.offset = (int64_t)offset,
	};
	return true;
}

static bool is_text(const char *bytes, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(bytes, text, length) == 0;
}

bool provenance_is_of(const struct provenance *provenance, const char *cluster, const char *topic)
{
	if (!is_text(provenance->topic, provenance->topic_length, topic))
		return false;
	return !cluster || provenance->cluster_length == 0 ||
	       is_text(provenance->cluster, provenance->cluster_length, cluster);
}
