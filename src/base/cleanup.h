/* cleanup.h: scope-bound ownership with the compiler's cleanup attribute.
 *
 * `_cleanup_(foo_freep) struct foo *f = NULL;` frees f when it goes out of scope;
 * `return TAKE_PTR(f);` hands it to the caller instead. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Gives the pointer's value and leaves NULL behind. */
#define TAKE_PTR(pointer)                                                                                            \
	({                                                                                                           \
		__typeof__(pointer) *take_ptr_address_ = &(pointer);                                                 \
		__typeof__(pointer) take_ptr_value_ = *take_ptr_address_;                                            \
		*take_ptr_address_ = NULL;                                                                           \
		take_ptr_value_;                                                                                     \
	})

/* Defines foo_freep() for a foo_free() that takes a pointer and accepts NULL. */
#define DEFINE_CLEANUP(type, free_function)                                                                          \
	static inline void free_function##p(type *pointer)                                                           \
	{                                                                                                            \
		free_function(*pointer);                                                                             \
	}

static inline void cleanup_freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define _cleanup_free_   _cleanup_(cleanup_freep)
#define _cleanup_close_  _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)
