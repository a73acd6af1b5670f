/* Numbers, vectors and tanh of a source that is built twice, in double precision and, with -DSINGLE, in float32. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "lanes.h"

#ifdef SINGLE
typedef float real;
typedef int32_t whole;            /* of the size of real */
#define SHIFT 0x1.8p23            /* added and taken away again: rounds to an integer */
#define MANTISSA 23
#define BITS_OF_ONE 0x3f800000
#define LN2_HIGH 0.693359375
#define LN2_LOW -2.12194440e-4
#define MODULUS fabsf
#define WITH_SIGN copysignf
#define MOST 87.0                 /* exp(-MOST) is the last whole power that is not flushed */
#else
typedef double real;
typedef int64_t whole;
#define SHIFT 0x1.8p52
#define MANTISSA 52
#define BITS_OF_ONE 0x3ff0000000000000LL
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define MODULUS fabs
#define WITH_SIGN copysign
#define MOST 708.0
#endif

/* A vector of numbers, and the rows of a product that fit the registers beside three of them. */
#if defined(__AVX512F__)
#define BYTES 64
#define ROWS 8
#else
#define BYTES 32
#define ROWS 4
#endif
#define LANES ((int)(BYTES / sizeof(real)))
typedef real vec __attribute__((vector_size(BYTES), aligned(8)));

/* exp(y) - 1 for y from 0 to MOST, and MOST above, to a few units in the last place, without branches, so that loops over
 * it vectorize; by range reduction, y = m ln 2 + r, and a Taylor series, |r| <= ln(2) / 2. NaN stays NaN. */
INLINE real fast_expm1(real y) {
    const real shift = SHIFT;
    y = y > (real)MOST ? (real)MOST : y;
    real m = y * (real)1.4426950408889634 + shift;       /* low bits of m: round(y / ln 2) */
    whole bits;
    memcpy(&bits, &m, sizeof bits);
    m -= shift;
    real r = (y - m * (real)LN2_HIGH) - m * (real)LN2_LOW;
#ifdef SINGLE
    real p = (real)(1.0 / 40320.0);
#else
    real p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
#endif
    p = p * r + (real)(1.0 / 5040.0);
    p = p * r + (real)(1.0 / 720.0);
    p = p * r + (real)(1.0 / 120.0);
    p = p * r + (real)(1.0 / 24.0);
    p = p * r + (real)(1.0 / 6.0);
    p = p * r + (real)0.5;
    p = (p * r) * r + r;
    bits = (whole)((uint64_t)bits << MANTISSA) + (whole)BITS_OF_ONE;
    real power;
    memcpy(&power, &bits, sizeof power);                 /* 2^m */
    return power * p + (power - 1);
}

/* tanh and its derivative: with e = exp(2|x|) - 1, tanh|x| = e / (e + 2) and tanh' = 4 (e + 1) / (e + 2)^2, where
 * 1 - tanh^2 would lose its digits. */
INLINE real fast_tanh(real x, real *slope) {
    real y = 2 * MODULUS(x), e = fast_expm1(y), inverse = 1 / (e + 2);
    *slope = y > (real)MOST ? 0 : 4 * (e + 1) * inverse * inverse;
    return WITH_SIGN(e * inverse, x);
}

/* The logistic function s, 1 - s and the derivative s (1 - s), each with all its digits: with e = exp(|x|) - 1 the two
 * are (e + 1) / (e + 2) and 1 / (e + 2). */
INLINE real fast_sigmoid(real x, real *rest, real *slope) {
    real y = MODULUS(x), e = fast_expm1(y), inverse = 1 / (e + 2), large = (e + 1) * inverse;
    real small = y > (real)MOST ? 0 : inverse;
    *slope = large * small;
    *rest = x < 0 ? large : small;
    return x < 0 ? small : large;
}
