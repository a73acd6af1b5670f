/* Few columns made orthonormal, in single and double precision. */
#define REAL float
#define NAME(name) name##_float
#include "gram_schmidt.h"
void orthonormalize_float(int64_t batch, int64_t n, int64_t k, float *V, double *logs) {
    for (int64_t i = 0; i < batch; i++) gram_schmidt_float(n, k, n, V + i * n * k, logs + i * k);
}
#undef REAL
#undef NAME
#define REAL double
#define NAME(name) name##_double
#include "gram_schmidt.h"

/* V (batch, k, n), in and out; logs (batch, k). */
void orthonormalize_double(int64_t batch, int64_t n, int64_t k, double *V, double *logs) {
    for (int64_t i = 0; i < batch; i++) gram_schmidt_double(n, k, n, V + i * n * k, logs + i * k);
}
