/* fnv1a.h: FNV-1a, 64 bits (Fowler, Noll and Vo; RFC 9923): tells apart what nobody has chosen to look alike. It
 * withstands no one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FNV1A_64_START UINT64_C(14695981039346656037)

/* hash: of what came before, FNV1A_64_START at first. bytes may be NULL where size is 0. */
static inline uint64_t fnv1a_64(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
	return hash;
}
