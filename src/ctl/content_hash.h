/* content_hash.h: 128 bits that stand for the content of a record. Pure.
 *
 * Fast, and not cryptographic: two different contents have the same hash with a probability of 2^-128, as long as nobody
 * knows the key; whoever writes the records cannot aim at a collision. Fields are told apart: ("ab", "c") is not ("a",
 * "bc"), null is not empty. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct content_hash_key {
	uint64_t words[6];
};

struct content_hash {
	const struct content_hash_key *key;
	uint64_t a, b;
};

/* Any seed makes a key. */
void content_hash_key_fill(struct content_hash_key *key, uint64_t seed);

void content_hash_begin(struct content_hash *hash, const struct content_hash_key *key);
/* NULL: null. */
void content_hash_field(struct content_hash *hash, const void *bytes, size_t size);
void content_hash_number(struct content_hash *hash, uint64_t number);
void content_hash_end(const struct content_hash *hash, uint64_t result[2]);
