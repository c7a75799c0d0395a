#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif

/* Returns free heap pages to the system where the C library can; does nothing elsewhere. */
static inline void parley_release_free_memory(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}
