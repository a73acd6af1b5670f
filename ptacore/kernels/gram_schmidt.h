/* Gram-Schmidt on contiguous columns, in the precision of real.h, which it includes. */
#include "real.h"
#define PASSES 5                  /* of the projections, at most; one or two are the rule */

INLINE REAL NAME(total)(vec sum) {
    REAL total = 0;
    for (int i = 0; i < LANES; i++) total += sum[i];
    return total;
}

INLINE REAL NAME(dot)(int64_t n, const REAL *v, const REAL *w) {
    vec sums[2] = {{0}, {0}};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        for (int s = 0; s < 2; s++) sums[s] += *(const vec *)(v + i + s * LANES) * *(const vec *)(w + i + s * LANES);
    REAL rest = 0;
    for (; i < n; i++) rest += v[i] * w[i];
    return NAME(total)(sums[0] + sums[1]) + rest;
}

INLINE void NAME(add)(int64_t n, REAL factor, const REAL *v, REAL *to) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) *(vec *)(to + i) += factor * *(const vec *)(v + i);
    for (; i < n; i++) to[i] += factor * v[i];
}

/* The length of v; v itself is scaled where squares would leave the range, by what `scale` becomes. */
INLINE REAL NAME(length)(int64_t n, REAL *v, double *scale) {
    REAL square = NAME(dot)(n, v, v), largest = 0;
    const REAL least = sizeof(REAL) == 8 ? (REAL)1e-200 : (REAL)1e-25;
    if (square > least && square < 1 / least) return (REAL)sqrt(square);
    for (int64_t i = 0; i < n; i++) largest = fabs(v[i]) > largest || v[i] != v[i] ? (REAL)fabs(v[i]) : largest;
    if (!(largest > 0)) return largest;                  /* zero, or not a number */
    for (int64_t i = 0; i < n; i++) v[i] /= largest;
    *scale *= largest;
    return (REAL)sqrt(NAME(dot)(n, v, v));
}

/* Columns (k, n), `stride` numbers apart, to an orthonormal basis; logs (k): the logarithm of the length of what each
 * adds to those before it. Projections are repeated where they leave less than half: what they leave is then rounded
 * too coarsely to be orthogonal. A zero stays zero, NaN stays NaN. */
INLINE void NAME(gram_schmidt)(int64_t n, int64_t k, int64_t stride, REAL *V, double *logs) {
    for (int64_t c = 0; c < k; c++) {
        REAL *v = V + c * stride;
        double scale = 1;
        REAL length = NAME(length)(n, v, &scale), left = 0;
        for (int pass = 0; pass < PASSES && c > 0 && !(left > 0.5); pass++) {
            double before = scale;
            left = length;
            for (int64_t p = 0; p < c; p++) NAME(add)(n, -NAME(dot)(n, V + p * stride, v), V + p * stride, v);
            length = NAME(length)(n, v, &scale);
            left = (REAL)(length * (scale / before)) / left;
        }
        REAL inverse = length > 0 ? 1 / length : length; /* NaN spreads */
        for (int64_t i = 0; i < n; i++) v[i] *= inverse;
        logs[c] = log((double)length) + log(scale);
    }
}
