/* Few columns made orthonormal, in double and single precision. */
#ifndef REAL
#include "gram_schmidt.h"
#include "orthonormal.c"
#define SINGLE
#include "gram_schmidt.h"
#include "orthonormal.c"

#else

/* V (batch, k, n), in and out; logs (batch, k). */
void NAME(orthonormalize)(int64_t batch, int64_t n, int64_t k, REAL *V, double *logs) {
    for (int64_t i = 0; i < batch; i++) NAME(gram_schmidt)(n, k, n, V + i * n * k, logs + i * k);
}

#endif
