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

#define MOST 708.0                /* exp(-MOST) is the last whole power that is not flushed */

/* exp(y) - 1 for y from 0 to MOST, and MOST above, to a few units in the last place, without branches, so that loops over
 * it vectorize; by range reduction, y = m ln 2 + r. NaN stays NaN. */
INLINE double fast_expm1(double y) {
    const double shift = 0x1.8p52;
    y = y > MOST ? MOST : y;
    double m = y * 1.4426950408889634 + shift;           /* low bits of m: round(y / ln 2) */
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
    return power * p + (power - 1.0);
}

/* tanh and its derivative: with e = exp(2|x|) - 1, tanh|x| = e / (e + 2) and tanh' = 4 (e + 1) / (e + 2)^2, where
 * 1 - tanh^2 would lose its digits. */
INLINE double fast_tanh(double x, double *slope) {
    double e = fast_expm1(2.0 * fabs(x)), inverse = 1.0 / (e + 2.0);
    *slope = 2.0 * fabs(x) > MOST ? 0.0 : 4.0 * (e + 1.0) * inverse * inverse;
    return copysign(e * inverse, x);
}

/* The logistic function s, 1 - s and the derivative s (1 - s), each with all its digits: with e = exp(|x|) - 1 the two
 * are (e + 1) / (e + 2) and 1 / (e + 2). */
INLINE double fast_sigmoid(double x, double *rest, double *slope) {
    double e = fast_expm1(fabs(x)), inverse = 1.0 / (e + 2.0), large = (e + 1.0) * inverse;
    double small = fabs(x) > MOST ? 0.0 : inverse;
    *slope = large * small;
    *rest = x < 0.0 ? large : small;
    return x < 0.0 ? small : large;
}
