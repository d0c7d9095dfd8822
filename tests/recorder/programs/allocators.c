/* Functions with the names of an allocator's, as a library: with operators new and delete of its
 * own, or (CALLS_MALLOC) as a C++ library's, which call malloc of another. */
#include <stddef.h>

static char memory[64];

#if !defined(CALLS_MALLOC)
void* malloc(size_t bytes) { return bytes < sizeof(memory) ? memory : NULL; }

void free(void* address) { memory[0] = address == memory; }

void* calloc(size_t count, size_t bytes) { return malloc(count * bytes); }

void* tc_malloc(size_t bytes) __attribute__((alias("malloc")));
#endif

void* operator_new(size_t bytes) __asm__("_Znwm");
void* operator_new(size_t bytes) {
  memory[1] = (char)bytes;
  return memory;
}

void* nothrow_new(size_t bytes, const void* nothrow) __asm__("_ZnwmRKSt9nothrow_t");
void* nothrow_new(size_t bytes, const void* nothrow) {
  memory[2] = (char)bytes;
  return nothrow != NULL ? memory : NULL;
}

void operator_delete(void* address) __asm__("_ZdlPv");
void operator_delete(void* address) { memory[3] = address == memory; }

/* No allocator's: names that only end, or begin, like one. */
void* xmalloc(size_t bytes) { return operator_new(bytes); }

void free_all(void) { memory[4] = 0; }
