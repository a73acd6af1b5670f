/* A precision: REAL, NAME, vectors, tanh and the logistic function, in double or, where SINGLE is defined, in float.
 *
 * A source of both precisions includes this and then itself, twice, double first; NAME(f) is f_double or f_float.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "lanes.h"

#undef REAL
#undef NAME
#undef WHOLE
#undef SHIFT
#undef MANTISSA
#undef BITS_OF_ONE
#undef LN2_HIGH
#undef LN2_LOW
#undef MODULUS
#undef WITH_SIGN
#undef CAP
#undef vec
#ifdef SINGLE
#define REAL float
#define NAME(name) name##_float
#define WHOLE int32_t             /* of the size of REAL */
#define SHIFT 0x1.8p23f           /* added and taken away again: rounds to an integer */
#define MANTISSA 23
#define BITS_OF_ONE 0x3f800000
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 1.42860677e-6f
#define MODULUS fabsf
#define WITH_SIGN copysignf
#define CAP 88.0f             /* exp of it is finite */
#else
#define REAL double
#define NAME(name) name##_double
#define WHOLE int64_t
#define SHIFT 0x1.8p52
#define MANTISSA 52
#define BITS_OF_ONE 0x3ff0000000000000LL
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define MODULUS fabs
#define WITH_SIGN copysign
#define CAP 708.0
#endif

/* A vector of numbers, and the rows of a product that fit the registers beside three of them. */
#ifndef LANES
#if defined(__AVX512F__)
#define BYTES 64
#define ROWS 8
#else
#define BYTES 32
#define ROWS 4
#endif
#define LANES ((int)(BYTES / sizeof(REAL)))
#endif
#define vec NAME(vec)
typedef REAL vec __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));

/* exp(y) - 1 for y from 0 to CAP, and that of CAP above, to a few units in the last place, without branches, so that loops over
 * it vectorize; by range reduction, y = m ln 2 + r, and a Taylor series, |r| <= ln(2) / 2. NaN stays NaN. */
INLINE REAL NAME(fast_expm1)(REAL y) {
    y = y > CAP ? CAP : y;
    REAL m = y * (REAL)1.4426950408889634 + SHIFT;       /* low bits of m: round(y / ln 2) */
    WHOLE bits;
    memcpy(&bits, &m, sizeof bits);
    m -= SHIFT;
    REAL r = (y - m * LN2_HIGH) - m * LN2_LOW;
#ifdef SINGLE
    REAL p = 1.0f / 5040.0f;
#else
    REAL p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
#endif
    p = p * r + (REAL)(1.0 / 720.0);
    p = p * r + (REAL)(1.0 / 120.0);
    p = p * r + (REAL)(1.0 / 24.0);
    p = p * r + (REAL)(1.0 / 6.0);
    p = p * r + (REAL)0.5;
    p = (p * r) * r + r;
    bits = (WHOLE)((uint64_t)bits << MANTISSA) + BITS_OF_ONE;
    REAL power;
    memcpy(&power, &bits, sizeof power);                 /* 2^m */
    return power * p + (power - 1);
}

/* tanh and its derivative: with e = exp(2|x|) - 1, tanh|x| = e / (e + 2) and tanh' = 4 (e + 1) / (e + 2)^2, where
 * 1 - tanh^2 would lose its digits. */
INLINE REAL NAME(fast_tanh)(REAL x, REAL *slope) {
    REAL y = 2 * MODULUS(x), e = NAME(fast_expm1)(y), inverse = 1 / (e + 2);
    *slope = y > CAP ? 0 : 4 * (e + 1) * inverse * inverse;
    return WITH_SIGN(e * inverse, x);
}

/* The logistic function s, 1 - s and the derivative s (1 - s), each with all its digits: with e = exp(|x|) - 1 the two
 * are (e + 1) / (e + 2) and 1 / (e + 2). */
INLINE REAL NAME(fast_sigmoid)(REAL x, REAL *rest, REAL *slope) {
    REAL y = MODULUS(x), e = NAME(fast_expm1)(y), inverse = 1 / (e + 2), large = (e + 1) * inverse;
    REAL small = y > CAP ? 0 : inverse;
    *slope = large * small;
    *rest = x < 0 ? large : small;
    return x < 0 ? small : large;
}
