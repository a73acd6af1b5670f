/* Columns made orthonormal, in double and single precision on one core.
 *
 * Few columns by Gram-Schmidt. Of many, the first half is made orthonormal, then the second after what it has of the
 * first is taken away: nearly all the work is in products, register-blocked. Columns start whole vectors apart.
 *
 * The file includes itself twice, as double and as float.
 */
#ifndef REAL
#define FEW 16                    /* columns, and */
#define LEAST 6                   /* of many, columns that Gram-Schmidt takes one by one */
#define TOGETHER 64               /* columns projected out together: they stay in cache while the others pass */
#define LEFT 4                    /* columns of a register block that are projected out, or vectors of rows */
#if defined(__AVX512F__)
#define RIGHT 6                   /* and columns that they are taken from */
#else
#define RIGHT 3
#endif
#include "gram_schmidt.h"
#include "orthonormal.c"
#define SINGLE
#include "gram_schmidt.h"
#include "orthonormal.c"

#else

/* Of a column that must be left: less is not orthogonal to what was taken away, and it is taken away again. */
#undef SHARE
#ifdef SINGLE
#define SHARE 0.1
#else
#define SHARE 1e-3
#endif

/* along (right, TOGETHER) = the products of `left` columns of Q and `right` columns of V. */
INLINE void NAME(products)(int64_t width, const REAL *Q, int left, const REAL *V, int right, REAL *along) {
    vec sums[LEFT][RIGHT];
    for (int p = 0; p < left; p++)
        for (int c = 0; c < right; c++) sums[p][c] = (vec){0};
    for (int64_t i = 0; i < width; i += LANES)
        for (int p = 0; p < left; p++)
            for (int c = 0; c < right; c++)
                sums[p][c] += *(const vec *)(Q + p * width + i) * *(const vec *)(V + c * width + i);
    for (int p = 0; p < left; p++)
        for (int c = 0; c < right; c++) along[c * TOGETHER + p] = NAME(total)(sums[p][c]);
}

/* Take from `count` vectors of rows of `right` columns of V what lies along `left` columns of Q. */
INLINE void NAME(take)(int64_t width, const REAL *Q, int left, REAL *V, int count, int right, const REAL *along) {
    vec sums[LEFT][RIGHT];
    for (int r = 0; r < count; r++)
        for (int c = 0; c < right; c++) sums[r][c] = (vec){0};
    for (int p = 0; p < left; p++)
        for (int c = 0; c < right; c++) {
            vec by = along[c * TOGETHER + p] - (vec){0};
            for (int r = 0; r < count; r++) sums[r][c] += by * *(const vec *)(Q + p * width + r * LANES);
        }
    for (int r = 0; r < count; r++)
        for (int c = 0; c < right; c++) *(vec *)(V + c * width + r * LANES) -= sums[r][c];
}

/* V (right, width) less its part in the span of Q (left, width), left <= TOGETHER. */
INLINE void NAME(project)(int64_t width, const REAL *Q, int left, REAL *V, int right) {
    REAL along[RIGHT * TOGETHER];
    int p = 0;
    for (; p + LEFT <= left; p += LEFT) NAME(products)(width, Q + p * width, LEFT, V, right, along + p);
    for (; p < left; p++) NAME(products)(width, Q + p * width, 1, V, right, along + p);
    int64_t i = 0;
    for (; i + LEFT * LANES <= width; i += LEFT * LANES) NAME(take)(width, Q + i, left, V + i, LEFT, right, along);
    for (; i < width; i += LANES) NAME(take)(width, Q + i, left, V + i, 1, right, along);
}

/* The same, with the number of columns known to the compiler. */
#define CASE(columns) \
    case columns: \
        if (columns <= RIGHT) NAME(project)(width, Q, left, V, columns <= RIGHT ? columns : 1); \
        break;

static void NAME(project_of)(int64_t width, const REAL *Q, int left, REAL *V, int right) {
    switch (right) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) }
}
#undef CASE

/* V (k, width) less its part in the span of Q (basis, width). */
static void NAME(without)(int64_t width, int64_t basis, const REAL *Q, int64_t k, REAL *V) {
    const int64_t tiles = (k + RIGHT - 1) / RIGHT;
    for (int64_t first = 0; first < basis; first += TOGETHER, Q += TOGETHER * width) {
        int left = basis - first < TOGETHER ? (int)(basis - first) : TOGETHER;
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t begin = tile * k / tiles, end = (tile + 1) * k / tiles;
            NAME(project_of)(width, Q, left, V + begin * width, (int)(end - begin));
        }
    }
}

/* Columns `first` to `last` of V, unit vectors, where those before them are orthonormal; logs as for gram_schmidt. */
static void NAME(halves)(int64_t width, int64_t first, int64_t last, REAL *V, double *logs) {
    const int64_t k = last - first;
    if (k > LEAST) {
        int64_t middle = first + (k / 2 + LEAST - 1) / LEAST * LEAST;
        NAME(halves)(width, first, middle, V, logs);
        NAME(without)(width, middle - first, V + first * width, last - middle, V + middle * width);
        NAME(halves)(width, middle, last, V, logs);
        return;
    }
    int again = 1;
    for (int pass = 0; pass < PASSES && again; pass++) {
        double gained[LEAST];
        if (pass > 0) NAME(without)(width, first, V, k, V + first * width);
        NAME(gram_schmidt)(width, k, width, V + first * width, gained);
        again = 0;
        for (int c = 0; c < k; c++) {
            logs[first + c] += gained[c];
            again |= first > 0 && gained[c] < log(SHARE) && gained[c] > -INFINITY;
        }
    }
}

/* V (batch, k, width), in and out, filled up with zeros to whole vectors; logs (batch, k). */
void NAME(orthonormalize)(int64_t batch, int64_t width, int64_t k, REAL *V, double *logs) {
    for (int64_t i = 0; i < batch; i++, V += k * width, logs += k) {
        if (k <= FEW) {
            NAME(gram_schmidt)(width, k, width, V, logs);
            continue;
        }
        for (int64_t c = 0; c < k; c++) NAME(gram_schmidt)(width, 1, width, V + c * width, logs + c);
        NAME(halves)(width, 0, k, V, logs);
    }
}

#endif
