/* What the C sources of the package share. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
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

/* tanh and its derivative to a few units in the last place, without branches, so that loops over it vectorize:
 * with e = exp(2|x|) - 1, tanh|x| = e / (e + 2) and tanh' = 4 (e + 1) / (e + 2)^2, where 1 - tanh^2 would lose its
 * digits; e by range reduction, 2|x| = m ln 2 + r. NaN stays NaN. */
INLINE double fast_tanh(double x, double *slope) {
    const double shift = 0x1.8p52;
    double y = 2.0 * fabs(x);
    y = y > 700.0 ? 700.0 : y;
    double m = y * 1.4426950408889634 + shift;           /* low bits of m: round(2|x| / ln 2) */
    int64_t bits;
    memcpy(&bits, &m, 8);
    m -= shift;
    double r = (y - m * 6.93147180369123816490e-01) - m * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800.0;                       /* Taylor: exp(r) - 1, |r| <= ln(2) / 2 */
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = (p * r) * r + r;
    bits = (int64_t)((uint64_t)bits << 52) + 0x3ff0000000000000LL;
    double power;
    memcpy(&power, &bits, 8);                            /* 2^m */
    double e = power * p + (power - 1.0), inverse = 1.0 / (e + 2.0);
    *slope = 4.0 * (e + 1.0) * inverse * inverse;
    return copysign(e * inverse, x);
}
