/* Linear oscillators, step by step, and their adjoint, in single and double precision.
 *
 * z(t) = a z(t-1) - c x(t-1) + v(t) and x(t) = x(t-1) + d z(t), for each of the lanes in each sequence of a batch. a, c
 * and d have a number for each lane, sequences are (steps, batch, lanes), states (batch, lanes).
 *
 * The file includes itself twice, as double and as float.
 */
#ifndef ONCE
#define ONCE
#include "real.h"
#include "linear_oscillators.c"
#define SINGLE
#include "real.h"
#include "linear_oscillators.c"

#else

void NAME(advance)(int64_t steps, int64_t batch, int64_t lanes, const REAL *a, const REAL *c, const REAL *d,
                   const REAL *v, const REAL *x0, const REAL *z0, REAL *x, REAL *z) {
    const int64_t n = batch * lanes;
    for (int64_t t = 0; t < steps; t++) {
        for (int64_t i = 0; i < n; i += lanes)
            INDEPENDENT for (int64_t j = 0; j < lanes; j++) {
                REAL new = a[j] * z0[i + j] - c[j] * x0[i + j] + v[i + j];
                z[i + j] = new;
                x[i + j] = x0[i + j] + d[j] * new;
            }
        x0 = x, z0 = z, x += n, z += n, v += n;
    }
}

/* From the gradients of x and z (either may be null) those of v, the sums (3, lanes) that are those of a, c and d, and
 * in `of_x` (batch, lanes), zero before, the gradient of x(0) that comes by x(1). */
void NAME(retreat)(int64_t steps, int64_t batch, int64_t lanes, const REAL *a, const REAL *c, const REAL *d,
                   const REAL *x0, const REAL *z0, const REAL *x, const REAL *z, const REAL *given_x,
                   const REAL *given_z, REAL *of_v, REAL *of_x, double *sums) {
    const int64_t n = batch * lanes;
    double *of_a = sums, *of_c = sums + lanes, *of_d = sums + 2 * lanes;
    for (int64_t t = steps - 1; t >= 0; t--) {
        const REAL *x_old = t ? x + n * (t - 1) : x0, *z_old = t ? z + n * (t - 1) : z0, *z_new = z + n * t;
        const REAL *later = t < steps - 1 ? of_v + n * (t + 1) : 0;
        for (int64_t i = 0; i < n; i += lanes)
            INDEPENDENT for (int64_t j = 0; j < lanes; j++) {
                REAL Z = later ? later[i + j] : 0, X = of_x[i + j] - c[j] * Z;
                X += given_x ? given_x[n * t + i + j] : 0;
                Z = a[j] * Z + d[j] * X + (given_z ? given_z[n * t + i + j] : 0);
                of_v[n * t + i + j] = Z;
                of_x[i + j] = X;
                of_a[j] += Z * z_old[i + j];
                of_c[j] -= Z * x_old[i + j];
                of_d[j] += X * z_new[i + j];
            }
    }
}
#endif
