/* Steps of a state and its tangent vectors for a function that emit.py has written in C.
 *
 * That text defines FLOW (or map), the sizes N (states), NUMBERS (of one evaluation) and ROWS (of the tangents' program),
 * SMALL (without loops) and CURVED (with functions of one number); OWN, where each network has constants of its own, is
 * how many. It includes this file, and defines `values` and `program`. With MEMBERS, the lanes of a vector are networks;
 * else they are tangent vectors of one. In either case a state is evaluated once a stage, and what its derivative needs
 * of it is kept for the tangent vectors, which follow in groups of W vectors. functions.py calls `advance`.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lanes.h"
#include "graded.h"

#if defined(__AVX512F__) && (defined(MEMBERS) || N > 4)
#define LANES 8
#else
#define LANES 4
#endif
#define PANEL 8                   /* rows of a packed matrix that lie together */
#define DELAY 8                   /* steps between normalizations */
#define STAGES (FLOW ? 4 : 1)

typedef double vec __attribute__((vector_size(8 * LANES), aligned(8)));

#ifdef MEMBERS
typedef vec num;
#define NETWORKS LANES
#define GROUPS (1 + (CURVED && SMALL)) /* vectors of networks: where one waits for a curve, another works */
#else
typedef double num;
#define NETWORKS 1
#define GROUPS 1
#endif

#ifdef OWN
typedef num fixed;                /* a constant: of each network, or of all */
#define C(j) c[j]
#else
typedef double fixed;
#define C(j) (c[j] - (num){0})
#define OWN 0
#endif

#include "curves.h"

#if SMALL
#define PART INLINE
#else
#define PART static __attribute__((noinline))
#endif

/* What the text refers to: constants, numbers, rows of tangents, results. */
#define S(j) s[j]
#define F(j) f[j]
#define V(j) v[(j) * W + w]
#define EACH for (int w = 0; w < W; w++)
#if FLOW                          /* out: sum of the stages; next: tangents at the next stage */
#define RESULT(i, value) do { \
        vec k = value; \
        next[(i) * W + w] = x[(i) * W + w] + k * on; \
        out[(i) * W + w] = from[(i) * W + w] + k * share; \
    } while (0)
#else
#define RESULT(i, value) out[(i) * W + w] = value
#endif
#define TARGET const vec *x, const vec *from, vec *out, vec *next, double share, double on, int used, \
               const int W

PART void values(const fixed *restrict c, const double *restrict m, num *restrict s, num *restrict f);
INLINE void program(const fixed *c, const double *m, const num *s, vec *v, TARGET);

/* The program for one vector, and for two. */
#define PROGRAM(name, W) \
    PART void name(const fixed *c, const double *m, const num *s, vec *v, const vec *x, const vec *from, vec *out, \
                   vec *next, double share, double on, int used) { \
        program(c, m, s, v, x, from, out, next, share, on, used, W); \
    }
PROGRAM(one, 1)
PROGRAM(two, 2)

/* -------------------------------------------------------------------------------- products with constant matrices */

#ifndef MEMBERS
typedef double panel __attribute__((vector_size(8 * PANEL), aligned(8)));

/* y (rows) = M z (columns), M packed in panels of PANEL rows, column by column */
INLINE void panels_of(const double *M, int rows, int columns, const double *z, double *y, const int panels) {
    panel even[4] = {{0}}, odd[4] = {{0}};               /* more sums than a sum takes to be ready for the next */
    size_t apart = (size_t)columns * PANEL;
    int j = 0;
    for (; j + 1 < columns; j += 2)
        for (int p = 0; p < panels; p++) {
            const panel *here = (const panel *)(M + p * apart + (size_t)j * PANEL);
            even[p] += here[0] * z[j], odd[p] += here[1] * z[j + 1];
        }
    for (int p = 0; p < panels; p++) {
        if (j < columns) even[p] += *(const panel *)(M + p * apart + (size_t)j * PANEL) * z[j];
        even[p] += odd[p];
        for (int i = 0; i < PANEL && p * PANEL + i < rows; i++) y[p * PANEL + i] = even[p][i];
    }
}

static __attribute__((noinline)) void matvec(const double *m, int rows, int columns, const double *z, double *y) {
    int row = 0;
    for (; row + 3 * PANEL < rows; row += 4 * PANEL)
        panels_of(m + (size_t)row * columns, rows - row, columns, z, y + row, 4);
    for (; row < rows; row += PANEL) panels_of(m + (size_t)row * columns, rows - row, columns, z, y + row, 1);
}

/* The same of `columns` rows of tangents, of which each has `wide` vectors; `count` vectors, lanes are tangents */
INLINE void full(const double *m, int rows, int columns, const vec *Z, vec *Y, int wide, const int count) {
    for (int row = 0; row < rows; row += LANES) {
        vec sum[LANES][2];
        for (int i = 0; i < LANES; i++)
            for (int w = 0; w < count; w++) sum[i][w] = (vec){0};
        const double *M = m + (size_t)(row / PANEL) * PANEL * columns + row % PANEL;
        for (int j = 0; j < columns; j++) {
            vec z[2];
            for (int w = 0; w < count; w++) z[w] = Z[(size_t)j * wide + w];
            for (int i = 0; i < LANES; i++) {
                vec factor = M[(size_t)j * PANEL + i] - (vec){0};
                for (int w = 0; w < count; w++) sum[i][w] += factor * z[w];
            }
        }
        for (int i = 0; i < LANES && row + i < rows; i++)
            for (int w = 0; w < count; w++) Y[(size_t)(row + i) * wide + w] = sum[i][w];
    }
}

/* The same of `count` columns of numbers, each `apart` from the next row; up to two panels, lanes are rows */
INLINE void thin(const double *m, int rows, int columns, const double *z, double *y, int apart, const int count) {
    panel sum[2][4] = {{{0}}};
    size_t other = rows > PANEL ? (size_t)columns * PANEL : 0;
    for (int j = 0; j < columns; j++)
        for (int q = 0; q < count; q++) {
            panel factor = z[(size_t)j * apart + q] - (panel){0};
            sum[0][q] += *(const panel *)(m + (size_t)j * PANEL) * factor;
            sum[1][q] += *(const panel *)(m + (size_t)j * PANEL + other) * factor;
        }
    for (int i = 0; i < rows; i++)
        for (int q = 0; q < count; q++) y[(size_t)i * apart + q] = sum[i / PANEL][q][i % PANEL];
}

/* `used` tangent vectors; those that fill no vector, up to half of one, go by rows. Two panels at a time stay at hand. */
static __attribute__((noinline)) void matmul(const double *m, int rows, int columns, const vec *Z, vec *Y, int wide,
                                             int used) {
    if (used > wide * LANES) used = wide * LANES;
    int vectors = (used + LANES - LANES / 2 - 1) / LANES, rest = used - vectors * LANES, apart = wide * LANES;
    const double *z = (const double *)(Z + vectors);
    for (int row = 0; row < rows; row += 2 * PANEL, m += (size_t)2 * PANEL * columns, Y += (size_t)2 * PANEL * wide) {
        int count = rows - row < 2 * PANEL ? rows - row : 2 * PANEL;
        double *y = (double *)(Y + vectors);
        if (vectors == 2) full(m, count, columns, Z, Y, wide, 2);
        if (vectors == 1) full(m, count, columns, Z, Y, wide, 1);
        if (rest == 1) thin(m, count, columns, z, y, apart, 1);
        if (rest == 2) thin(m, count, columns, z, y, apart, 2);
        if (rest > 2) thin(m, count, columns, z, y, apart, 4);
    }
}
#endif
