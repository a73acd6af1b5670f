/* The complex diagonal recurrence and its adjoint, in single and double precision, to the bit as torch has them.
 *
 * Complex numbers are pairs. Of a product torch rounds both terms before it adds them, except for some of the numbers
 * that fill no whole vector, for which its compiler fused one term with the sum: those from `first` up to `last`.
 *
 * The file includes itself twice, as float and as double.
 */
#ifndef REAL
#include <math.h>
#include <stdint.h>
#include "lanes.h"

/* GCC fuses complex products in vectors even where -ffp-contract=off: it must not know the instructions. */
#define ROUNDED __attribute__((target("no-fma,no-avx512f")))

#define REAL float
#define FMA fmaf
#define NAME(name) name##_float
#include "scan.c"
#undef REAL
#undef FMA
#undef NAME

#define REAL double
#define FMA fma
#define NAME(name) name##_double
#include "scan.c"

#else

/* out = a b, with a's conjugate if sign is -1, plus c if there is one; for n numbers. */
ROUNDED static void NAME(rounded)(int64_t n, const REAL *a, REAL sign, const REAL *b, const REAL *c, REAL *out) {
    INDEPENDENT for (int64_t j = 0; j < 2 * n; j += 2) {
        REAL re = a[j], im = sign * a[j + 1];
        REAL real = re * b[j] - im * b[j + 1], imaginary = re * b[j + 1] + im * b[j];
        out[j] = c ? c[j] + real : real;
        out[j + 1] = c ? c[j + 1] + imaginary : imaginary;
    }
}

static void NAME(fused)(int64_t n, const REAL *a, REAL sign, const REAL *b, const REAL *c, REAL *out) {
    for (int64_t j = 0; j < 2 * n; j += 2) {
        REAL re = a[j], im = sign * a[j + 1];
        REAL real = FMA(re, b[j], -(im * b[j + 1])), imaginary = FMA(re, b[j + 1], im * b[j]);
        out[j] = c ? c[j] + real : real;
        out[j + 1] = c ? c[j + 1] + imaginary : imaginary;
    }
}

ROUNDED static void NAME(product)(int64_t n, int64_t first, int64_t last, const REAL *a, REAL sign,
                                  const REAL *b, const REAL *c, REAL *out) {
    NAME(rounded)(first, a, sign, b, c, out);
    a += 2 * first, b += 2 * first, c += c ? 2 * first : 0, out += 2 * first;
    NAME(fused)(last - first, a, sign, b, c, out);
    last -= first;
    NAME(rounded)(n - first - last, a + 2 * last, sign, b + 2 * last, c ? c + 2 * last : c, out + 2 * last);
}

/* h(t) = decay h(t - 1) + u(t): decay (units), u and h (steps, batch, units), h(-1) in `start` (batch, units).
 * Backward, h(t) = conj(decay) h(t + 1) + u(t). */
ROUNDED void NAME(scan)(int64_t steps, int64_t batch, int64_t units, int64_t first, int64_t last, int32_t backward,
                        const REAL *decay, const REAL *u, const REAL *start, REAL *h) {
    const int64_t row = 2 * units;
    for (int64_t t = 0; t < steps; t++) {
        const int64_t at = row * batch * (backward ? steps - 1 - t : t);
        for (int64_t i = 0; i < row * batch; i += row)
            NAME(product)(units, first, last, decay, backward ? -1 : 1, start + i, u + at + i, h + at + i);
        start = h + at;
    }
}

/* out(t) = conj(h(t - 1)) x(t), of n numbers a step. */
ROUNDED void NAME(correlate)(int64_t steps, int64_t n, int64_t first, int64_t last, const REAL *start, const REAL *h,
                             const REAL *x, REAL *out) {
    for (int64_t t = 0; t < steps; t++) {
        NAME(product)(n, first, last, start, -1, x + 2 * n * t, 0, out + 2 * n * t);
        start = h + 2 * n * t;
    }
}

/* Add all parts (steps, n) to the total (n), the last first. */
void NAME(gather)(int64_t steps, int64_t n, const REAL *parts, REAL *total) {
    for (int64_t t = steps - 1; t >= 0; t--)
        INDEPENDENT for (int64_t j = 0; j < 2 * n; j++) total[j] += parts[2 * n * t + j];
}
#endif
