/* Functions of one number with their slopes, and others that a tape may hold (tape.py has the same names).
 *
 * Slopes at kinks are those of torch. Loops over exp, log, sin and cos become calls of vector versions, where the C
 * library has them. */
#pragma once
#include <math.h>
#include "lanes.h"

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
/* under names of their own, since the compiler would join a sine and a cosine to what has no vector version */
#define WITH_VECTORS(name) \
    extern double name##_v(double) __asm__(#name) __attribute__((simd("notinbranch"), const, nothrow));
WITH_VECTORS(exp)
WITH_VECTORS(log)
WITH_VECTORS(sin)
WITH_VECTORS(cos)
#else
#define exp_v exp
#define log_v log
#define sin_v sin
#define cos_v cos
#endif

/* With MEMBERS, NAME_lane is the function of one number and NAME_ does it in all lanes of a vector. */
#ifdef MEMBERS
#define ONE(name) name##_lane
#define EACH_LANE(...) _Pragma("GCC unroll 1") for (int l = 0; l < LANES; l++) __VA_ARGS__
#define LIFT_CURVE(name) \
    INLINE vec name##_(vec x, vec *slope) { \
        double a[LANES], y[LANES], d[LANES]; \
        memcpy(a, &x, sizeof x); \
        EACH_LANE(y[l] = name##_lane(a[l], &d[l]);) \
        memcpy(slope, d, sizeof d); \
        memcpy(&x, y, sizeof y); \
        return x; \
    }
#define LIFT_PLAIN(name) INLINE vec name##_(vec x) { vec y; EACH_LANE(y[l] = name##_lane(x[l]);) return y; }
#define LIFT_PAIR(name) INLINE vec name##_(vec a, vec b) { vec y; EACH_LANE(y[l] = name##_lane(a[l], b[l]);) return y; }
#else
#define ONE(name) name##_
#define LIFT_CURVE(name)
#define LIFT_PLAIN(name)
#define LIFT_PAIR(name)
#endif

#define CURVE(name, value, derivative) \
    INLINE double ONE(name)(double x, double *slope) { double y = value; *slope = derivative; return y; } \
    LIFT_CURVE(name)

/* fast_tanh with a shorter chain, for which a state waits: the polynomial in pairs, ln 2 at once (multiplied without
 * rounding), and the sum e + 2 from its parts */
INLINE double ONE(tanh)(double x, double *slope) {
    const double shift = 0x1.8p52;
    double y = 2.0 * fabs(x), m = y * 1.4426950408889634 + shift;
    int64_t bits;
    memcpy(&bits, &m, 8);
    m -= shift;
    double r = fma(m, -0.69314718055994531, y), r2 = r * r, r4 = r2 * r2;
    double low = (0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0));
    double middle = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0));
    double high = (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) + r2 * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0));
    double p = r + r2 * (low + r4 * (middle + r4 * high)), power;
    bits = (int64_t)(((uint64_t)bits << 52) + 0x3ff0000000000000ULL);
    memcpy(&power, &bits, 8);
    double inverse = 1.0 / (power * p + (power + 1.0)), e = power * p + (power - 1.0);
    double slow = 4.0 * (e + 1.0) * inverse * inverse;
    *slope = y > 700.0 ? 0.0 : slow;
    return copysign(y > 700.0 ? 1.0 : e * inverse, x);
}
LIFT_CURVE(tanh)
CURVE(sigmoid, 1.0 / (1.0 + exp_v(-x)), y * (1.0 - y))
INLINE double ONE(softplus)(double x, double *slope) {
    double e = exp_v(-fabs(x)), sum = 1.0 + e;                 /* log1p(e): what the sum loses is added */
    *slope = (x < 0.0 ? e : 1.0) / sum;
    return (x > 0.0 ? x : x < 0.0 ? 0.0 : x * 0.0) + log_v(sum) + (e - (sum - 1.0)) / sum;
}
LIFT_CURVE(softplus)
CURVE(exp, exp_v(x), y)
CURVE(exp2, exp2(x), y * 0.69314718055994531)
CURVE(expm1, expm1(x), y + 1.0)
CURVE(log, log_v(x), 1.0 / x)
CURVE(log2, log2(x), 1.4426950408889634 / x)
CURVE(log10, log10(x), 0.43429448190325183 / x)
CURVE(log1p, log1p(x), 1.0 / (1.0 + x))
CURVE(sin, sin_v(x), cos_v(x))
CURVE(cos, cos_v(x), -sin_v(x))
CURVE(tan, tan(x), 1.0 + y * y)
CURVE(asin, asin(x), 1.0 / sqrt(1.0 - x * x))
CURVE(acos, acos(x), -1.0 / sqrt(1.0 - x * x))
CURVE(atan, atan(x), 1.0 / (1.0 + x * x))
CURVE(sinh, sinh(x), cosh(x))
CURVE(cosh, cosh(x), sinh(x))
CURVE(asinh, asinh(x), 1.0 / sqrt(x * x + 1.0))
CURVE(acosh, acosh(x), 1.0 / sqrt(x * x - 1.0))
CURVE(atanh, atanh(x), 1.0 / (1.0 - x * x))
CURVE(erf, erf(x), 1.1283791670955126 * exp_v(-x * x))
CURVE(sqrt, sqrt(x), 0.5 / y)
CURVE(rsqrt, 1.0 / sqrt(x), -0.5 * y * y * y)
CURVE(reciprocal, 1.0 / x, -y * y)
CURVE(square, x * x, 2.0 * x)
CURVE(cube, x * x * x, 3.0 * x * x)
CURVE(abs, fabs(x), x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x)
CURVE(relu, x < 0.0 ? 0.0 : x, x > 0.0 ? 1.0 : 0.0)

#define PLAIN(name, value) INLINE double ONE(name)(double x) { return value; } LIFT_PLAIN(name)
PLAIN(sign, x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x)
PLAIN(floor, floor(x))
PLAIN(ceil, ceil(x))
PLAIN(trunc, trunc(x))
PLAIN(round, rint(x))                                    /* halves to even, as torch */

#define PAIR(name, value) INLINE double ONE(name)(double x, double y) { return value; } LIFT_PAIR(name)
PAIR(lt, x < y ? 1.0 : 0.0)
PAIR(le, x <= y ? 1.0 : 0.0)
PAIR(gt, x > y ? 1.0 : 0.0)
PAIR(ge, x >= y ? 1.0 : 0.0)
PAIR(eq, x == y ? 1.0 : 0.0)
PAIR(ne, x != y ? 1.0 : 0.0)
PAIR(pow, pow(x, y))
PAIR(atan2, atan2(x, y))
PAIR(maximum, x > y || x != x ? x : y)                   /* NaN stays NaN */
PAIR(minimum, x < y || x != x ? x : y)

INLINE double ONE(select)(double condition, double x, double y) { return condition != 0.0 ? x : y; }
#ifdef MEMBERS
INLINE vec select_(vec c, vec a, vec b) { vec y; EACH_LANE(y[l] = select_lane(c[l], a[l], b[l]);) return y; }
#endif
