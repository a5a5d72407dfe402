#include "core/block.h"

const char *block_name(enum block block)
{
	static const char *const names[] = {
		[BLOCK_NONE] = "nothing",
		[BLOCK_RECORD] = "record",
		[BLOCK_BATCH] = "batch",
		[BLOCK_GAP] = "gap",
		[BLOCK_SOURCE] = "source",
	};

	return names[block];
}
