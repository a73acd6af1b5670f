/* What the C sources of the package share. */
#pragma once
#include <math.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* The turns of the loop that follows do not depend on each other. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Decaying numbers end as denormal numbers, which cost up to eight times; flush them while a kernel runs. */
INLINE uint64_t flush_denormals(void) {
#if defined(__x86_64__)
    unsigned old = _mm_getcsr();
    _mm_setcsr(old | 0x8040);
    return old;
#elif defined(__aarch64__)
    uint64_t old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(old | (1ULL << 24)));
    return old;
#else
    return 0;
#endif
}

INLINE void restore_denormals(uint64_t old) {
#if defined(__x86_64__)
    _mm_setcsr((unsigned)old);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(old));
#endif
    (void)old;
}

/* Ask for large pages, which a long stream of weights is read faster from. */
static inline void on_large_pages(void *memory, size_t bytes) {
#if defined(MADV_HUGEPAGE)
    uintptr_t page = 4096, first = ((uintptr_t)memory + page - 1) / page * page, end = (uintptr_t)memory + bytes;
    if (end > first + ((size_t)4 << 20)) madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
    (void)memory, (void)bytes;
}
