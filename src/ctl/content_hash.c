#include "ctl/content_hash.h"
#include <string.h>

/* The two halves of a product, folded: each bit of either factor reaches all of the result. */
static inline uint64_t multiply_fold(uint64_t x, uint64_t y)
{
	unsigned __int128 product = (unsigned __int128)x * y;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t scatter(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void content_hash_key_fill(struct content_hash_key *key, uint64_t seed)
{
	for (size_t i = 0; i < sizeof key->words / sizeof key->words[0]; i++) {
		seed += UINT64_C(0x9e3779b97f4a7c15);
		key->words[i] = scatter(seed) | 1;
	}
}

void content_hash_begin(struct content_hash *hash, const struct content_hash_key *key)
{
	*hash = (struct content_hash){ key, key->words[4], key->words[5] };
}

/* Both lanes take in both words, each by factors of its own. The rotation keeps what a zero factor would swallow. */
static inline void mix(struct content_hash *hash, uint64_t x, uint64_t y)
{
	const uint64_t *key = hash->key->words;
	uint64_t a = hash->a, b = hash->b;

	hash->a = multiply_fold(x ^ key[0] ^ a, y ^ key[1]) ^ (b << 23 | b >> 41);
	hash->b = multiply_fold(y ^ key[2] ^ b, x ^ key[3]) ^ (a << 37 | a >> 27);
}

void content_hash_number(struct content_hash *hash, uint64_t number)
{
	mix(hash, number, 1);
}

void content_hash_field(struct content_hash *hash, const void *bytes, size_t size)
{
	const unsigned char *in = bytes;
	uint64_t words[2];

	/* The length before: what follows cannot be taken for something else. */
	mix(hash, bytes ? size : UINT64_MAX, 2);
	for (; size >= sizeof words; size -= sizeof words, in += sizeof words) {
		memcpy(words, in, sizeof words);
		mix(hash, words[0], words[1]);
	}
	if (size > 0) {
		memset(words, 0, sizeof words);
		memcpy(words, in, size);
		mix(hash, words[0], words[1]);
	}
}

void content_hash_end(const struct content_hash *hash, uint64_t result[2])
{
	struct content_hash last = *hash;

	mix(&last, 3, 4);
	mix(&last, 5, 6);
	result[0] = scatter(last.a ^ last.b);
	result[1] = scatter(last.b + (last.a << 32 | last.a >> 32));
}
