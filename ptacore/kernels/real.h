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
#define BITS 23
#define ONE 0x3f800000            /* the bits of 1 */
#define LN2_HIGH 0.693359375
#define LN2_LOW -2.12194440e-4
#define MODULUS fabsf
#define WITH_SIGN copysignf
#define LARGE 80.0                /* exp of it is finite, and 1 is nothing beside it */
#else
typedef double real;
typedef int64_t whole;
#define SHIFT 0x1.8p52
#define BITS 52
#define ONE 0x3ff0000000000000LL
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define MODULUS fabs
#define WITH_SIGN copysign
#define LARGE 700.0
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

/* tanh and its derivative to a few units in the last place, without branches, so that loops over it vectorize:
 * with e = exp(2|x|) - 1, tanh|x| = e / (e + 2) and tanh' = 4 (e + 1) / (e + 2)^2, where 1 - tanh^2 would lose its
 * digits; e by range reduction, 2|x| = m ln 2 + r, and a Taylor series, |r| <= ln(2) / 2. NaN stays NaN. */
INLINE real fast_tanh(real x, real *slope) {
    const real shift = SHIFT;
    real y = 2 * MODULUS(x);
    y = y > (real)LARGE ? (real)LARGE : y;
    real m = y * (real)1.4426950408889634 + shift;       /* low bits of m: round(2|x| / ln 2) */
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
    bits = (whole)((uint64_t)bits << BITS) + (whole)ONE;
    real power;
    memcpy(&power, &bits, sizeof power);                 /* 2^m */
    real e = power * p + (power - 1), inverse = 1 / (e + 2);
    *slope = 4 * (e + 1) * inverse * inverse;
    return WITH_SIGN(e * inverse, x);
}
