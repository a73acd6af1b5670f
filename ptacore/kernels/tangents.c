/* Advance the state and the tangent vectors of the tanh and ReLU networks, in double and single precision.
 *
 * One call takes `steps` steps (fourth-order Runge-Kutta for flows, iteration for maps) of `batch` networks.
 * The augmented array X = [x | V] holds the state in column 0 and k tangent vectors in the other columns; a
 * tangent vector goes through the same stages as the state, so that the result is the exact derivative of
 * the step. Two loops with the same arithmetic:
 *
 *   advance_dense   one network at a time, lanes = columns of X (a register-blocked matrix product)
 *   advance_small   many small networks,   lanes = networks
 *
 * tangents.py builds this file with the machine's C compiler and calls it through ctypes: in double precision or, where
 * SINGLE is defined, in single precision, which advance_small does not have. Either takes seconds to build.
 */
#include <stdlib.h>
#include "graded.h"
#include "real.h"

/* CURRENT: tau x' = -x + W phi(x) + b;  RATE: tau x' = -x + phi(W x + b);  MAP: x <- (1 - h) x + h phi(W x + b) */
enum { CURRENT, RATE, MAP };
enum { RELU, TANH };

#define COLS 3                    /* vectors of columns that one register block holds */
#define WIDE 32                   /* networks that advance_small moves together */

/* phi and its derivative at count numbers */
INLINE void nonlinearity(int phi, int count, const REAL *u, REAL *value, REAL *slope) {
    if (phi == TANH)
        for (int i = 0; i < count; i++) value[i] = NAME(fast_tanh)(u[i], &slope[i]);
    else
        for (int i = 0; i < count; i++) { value[i] = u[i] < 0 ? 0 : u[i]; slope[i] = u[i] > 0 ? 1 : 0; }
}

/* Runge-Kutta: stage s goes to X + NEXT[s] h K, and the sum collects SUM[s] h K. */
static const REAL NEXT[4] = {0.5, 0.5, 1.0, 0.0};
static const REAL SUM[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

/* ------------------------------------------------------------------------------------------ one dense network */

/* X = [x | V] is taken in blocks of columns that stay in the cache, each some steps at a time. The first holds the
 * state, and writes down the slopes phi' of every stage; the others read them. So what is needed beside V and the
 * weights does not grow with the number of columns. */
#define SPACE (1 << 20)           /* bytes of a block */
#define CHUNK 16                  /* steps */
#define AHEAD 64                  /* columns of a panel by which its stream is asked for in advance */

typedef struct { REAL weight; int32_t unit; } Entry;    /* of W that is not 0 */

typedef struct {
    int form, phi, sparse, n, padded, columns, few, first;
                                         /* padded: rows, a multiple of ROWS; columns: vectors a row */
    const REAL *W;                       /* packed: panels of ROWS rows, column by column; or, where it is sparse, */
    const Entry *entries;                /* panels without their zeros, of which panel p has those from start[p] */
    const int64_t *start;                /* to start[p + 1] */
    const REAL *b;
    REAL h;                              /* step / tau; for maps the share that is renewed, 1 without a leak */
    REAL *slopes;                        /* of the stage (for CURRENT of the next one): written where first, else read */
    vec *X, *S, *S2, *A, *Z, *Z2;        /* base, stage, next stage, sum, operand of the product, its next */
} Dense;

/* `rows` rows of a panel, ROWS or half of them, x `count` vectors of the product W Z */
INLINE void product(const Dense *d, const REAL *panel, const vec *Z, int column, int rows, int count,
                          vec acc[ROWS][COLS]) {
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < count; c++) acc[i][c] = (vec){0};
    for (int j = 0; j < d->n; j++) {
        __builtin_prefetch(panel + (size_t)(j + AHEAD) * ROWS);
        vec z[COLS];
        for (int c = 0; c < count; c++) z[c] = Z[(size_t)j * d->columns + column + c];
        for (int i = 0; i < rows; i++) {
            vec w = panel[(size_t)j * ROWS + i] - (vec){0};
            for (int c = 0; c < count; c++) acc[i][c] += w * z[c];
        }
    }
}

/* A panel of as many rows as a vector has lanes, x `columns` columns of Z: rows in the lanes, no lane without a column. */
#define MOST_FEW 12
INLINE void rows_in_lanes(int columns, int64_t n, const REAL *panel, const REAL *Z, int64_t stride, vec *sums) {
    vec sum[MOST_FEW];
    for (int c = 0; c < columns; c++) sum[c] = (vec){0};
    for (int64_t j = 0; j < n; j++, panel += ROWS, Z += stride) {
        __builtin_prefetch(panel + (size_t)AHEAD * ROWS);
        vec w = *(const vec *)panel;
        for (int c = 0; c < columns; c++) sum[c] += w * Z[c];
    }
    for (int c = 0; c < columns; c++) sums[c] = sum[c];
}

/* The product as above, by these sums. */
static void few_columns(const Dense *d, const REAL *panel, const vec *Z, vec acc[ROWS][COLS]) {
    vec sums[MOST_FEW];
    switch (d->few) {
#define CASE(c) case c: rows_in_lanes(c, d->n, panel, (const REAL *)Z, (int64_t)d->columns * LANES, sums); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#undef CASE
    }
    for (int c = 0; c < d->few; c++)
        for (int i = 0; i < ROWS; i++) acc[i][c / LANES][c % LANES] = sums[c][i];
    for (int c = d->few; c < d->columns * LANES; c++)
        for (int i = 0; i < ROWS; i++) acc[i][c / LANES][c % LANES] = 0;
}

/* Columns that are taken so, where there are `width`; 0 where the other way is as fast. */
static int few_of(int width, int sparse) {
    int wasted = (LANES - width % LANES) % LANES;
    return !sparse && ROWS == LANES && width <= MOST_FEW && width <= COLS * LANES && wasted >= 2 ? width : 0;
}

/* The same of a sparse W. What is left out adds 0 times a finite number: the sums are the same to the last bit. */
INLINE void sparse_product(const Dense *d, int row, const vec *Z, int column, int count, vec acc[ROWS][COLS]) {
    for (int i = 0; i < ROWS; i++)
        for (int c = 0; c < count; c++) acc[i][c] = (vec){0};
    for (int64_t e = d->start[row / ROWS]; e < d->start[row / ROWS + 1]; e++)
        for (int i = 0; i < ROWS; i++) {
            Entry entry = d->entries[e * ROWS + i];
            vec w = entry.weight - (vec){0};
            for (int c = 0; c < count; c++) acc[i][c] += w * Z[(size_t)entry.unit * d->columns + column + c];
        }
}

/* One block of rows and columns of one stage. value: phi of the block's rows, filled at the state's column. */
INLINE void block(const Dense *d, int stage, int row, int column, int rows, int count, REAL *value) {
    vec acc[ROWS][COLS];
    const vec *operand = d->form == CURRENT ? d->Z : d->S;
    if (d->sparse) sparse_product(d, row, operand, column, count, acc);
    else if (d->few) few_columns(d, d->W + (size_t)row * d->n, operand, acc);
    else product(d, d->W + (size_t)row * d->n, operand, column, rows, count, acc);
    REAL u[ROWS], *slope = d->slopes + row;
    int state = d->first && column == 0;
    if (state) {
        for (int i = 0; i < rows; i++) u[i] = acc[i][0][0] += d->b[row + i];
        if (d->form != CURRENT) nonlinearity(d->phi, rows, u, value, slope);
    }
    for (int i = 0; i < rows; i++) {
        size_t at = (size_t)(row + i) * d->columns + column;
        for (int c = 0; c < count; c++) {
            vec y = acc[i][c];
            if (d->form != CURRENT) {
                y *= slope[i] - (vec){0};
                if (state && c == 0) y[0] = value[i];
            }
            if (d->form == MAP) { d->S2[at + c] = d->S[at + c] * (1 - d->h - (vec){0}) + y * (d->h - (vec){0}); continue; }
            vec k = (y - d->S[at + c]) * (d->h - (vec){0});
            vec sum = (stage == 0 ? d->X[at + c] : d->A[at + c]) + k * (SUM[stage] - (vec){0});
            d->A[at + c] = sum;
            if (stage == 3) d->S2[at + c] = sum;
            else d->S2[at + c] = d->X[at + c] + k * (NEXT[stage] - (vec){0});
        }
    }
    if (d->form != CURRENT) return;      /* the operand of the next stage: [phi(x) | phi'(x) V] */
    if (state) {
        for (int i = 0; i < rows; i++) u[i] = d->S2[(size_t)(row + i) * d->columns][0];
        nonlinearity(d->phi, rows, u, value, slope);
    }
    for (int i = 0; i < rows; i++) {
        size_t at = (size_t)(row + i) * d->columns + column;
        for (int c = 0; c < count; c++) {
            vec z = d->S2[at + c] * (slope[i] - (vec){0});
            if (state && c == 0) z[0] = value[i];
            d->Z2[at + c] = z;
        }
    }
}

/* `count` vectors of columns: what the product takes of them stays in the nearest cache, the weights are streamed. */
INLINE void columns_of(const Dense *d, int stage, int column, int count) {
    REAL value[ROWS] = {0};
    for (int row = 0; row < d->n; row += ROWS)
        if (d->sparse || d->n - row > ROWS / 2) block(d, stage, row, column, ROWS, count, value);
        else block(d, stage, row, column, ROWS / 2, count, value);
}

INLINE void stage_of(Dense *d, int stage) {
    int column = 0, left = d->columns;
    for (; left > 4 || left == COLS; column += COLS, left -= COLS) columns_of(d, stage, column, COLS);
    for (; left > 1; column += 2, left -= 2) columns_of(d, stage, column, 2);     /* 4 are 2 and 2, not 3 and 1 */
    if (left) columns_of(d, stage, column, 1);
    vec *t = d->S; d->S = d->S2; d->S2 = t;
    t = d->Z; d->Z = d->Z2; d->Z2 = t;
    d->slopes += d->padded;
}

INLINE void steps_of(Dense *d, int form, int phi, int sparse, int64_t steps) {
    d->form = form;
    d->phi = phi;
    d->sparse = sparse;
    for (int64_t s = 0; s < steps; s++) {
        if (form == MAP) { stage_of(d, 0); continue; }
        for (int stage = 0; stage < 4; stage++) stage_of(d, stage);
        vec *t = d->X; d->X = d->A; d->A = t;        /* the sum is the next base; S and Z hold it already */
    }
}

/* Columns first to first + count of [x | V], V column by column, as the base of a block, or back from it. */
static void copy_block(const Dense *d, int first, int count, REAL *x, REAL *V, int back) {
    size_t stride = (size_t)d->columns * LANES;
    for (int c = 0; c < count; c += LANES) {                             /* a vector of them, row by row */
        int width = count - c < LANES ? count - c : LANES;
        REAL *row = (REAL *)d->S + c, *column[LANES];
        for (int l = 0; l < width; l++) column[l] = first + c + l ? V + (size_t)(first + c + l - 1) * d->n : x;
        for (int i = 0; i < d->n; i++, row += stride)
            for (int l = 0; l < width; l++) {
                if (back) column[l][i] = row[l];
                else row[l] = column[l][i];
            }
    }
}

/* The same columns after a step, as they lie, to a state (n) and images (n, k). */
static void record(const Dense *d, int first, int count, int k, REAL *state, REAL *images) {
    int own = first == 0;                                                /* the state's column */
    for (int i = 0; i < d->n; i++) {
        const REAL *row = (const REAL *)(d->S + (size_t)i * d->columns);
        if (own) state[i] = row[0];
        memcpy(images + (size_t)i * k + first - 1 + own, row + own, (size_t)(count - own) * sizeof(REAL));
    }
}

/* The operand of the first stage, where it is not the base itself. */
static void first_operand(Dense *d, int phi) {
    for (int i = 0; i < d->n; i++) {
        vec *row = d->S + (size_t)i * d->columns, *z = d->Z + (size_t)i * d->columns;
        REAL u = row[0][0], value = 0;
        if (d->first) nonlinearity(phi, 1, &u, &value, &d->slopes[i]);
        for (int c = 0; c < d->columns; c++) z[c] = row[c] * (d->slopes[i] - (vec){0});
        if (d->first) z[0][0] = value;
    }
    d->slopes += d->padded;
}

/* Panels of ROWS rows of W (n, n) without their zeros, filled up with zeros to the panel's longest row. Returns
 * whether they are short enough to gain by that, at most a quarter of W; else there is no room for them. */
static int pack_sparse(int64_t n, const REAL *W, Entry *entries, int64_t *start) {
    int64_t panels = (n + ROWS - 1) / ROWS, longest = 0;
    for (int64_t panel = 0; panel < panels; panel++) {
        start[panel] = longest;
        for (int64_t i = panel * ROWS; i < (panel + 1) * ROWS && i < n; i++) {
            int64_t count = 0;
            for (int64_t j = 0; j < n; j++) count += W[i * n + j] != 0;
            if (start[panel] + count > longest) longest = start[panel] + count;
        }
    }
    start[panels] = longest;
    if (4 * longest > n * panels) return 0;
    memset(entries, 0, (size_t)longest * ROWS * sizeof *entries);
    for (int64_t i = 0; i < n; i++) {
        Entry *next = entries + start[i / ROWS] * ROWS + i % ROWS;
        for (int64_t j = 0; j < n; j++)
            if (W[i * n + j] != 0) *next = (Entry){W[i * n + j], (int32_t)j}, next += ROWS;
    }
    return 1;
}

/* Panels of ROWS rows of W (n, n), column by column. */
static void pack_dense(int64_t n, const REAL *W, REAL *packed) {
    for (int64_t row = 0; row < n; row += ROWS)
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = row; i < row + ROWS; i++) *packed++ = i < n ? W[i * n + j] : 0;
}

/* Weights W (count, n, n) as advance_dense takes them: packed (count, p ROWS n) and start (count, p + 1), p panels of
 * ROWS rows; start begins with -1 where W is dense. */
void pack(int form, int64_t count, int64_t n, const REAL *W, REAL *packed, int64_t *start) {
    int64_t panels = (n + ROWS - 1) / ROWS;
    on_large_pages(packed, (size_t)(count * panels * ROWS * n) * sizeof(REAL));
    for (int64_t s = 0; s < count; s++, W += n * n, packed += panels * ROWS * n, start += panels + 1) {
        /* a map may forget what has overflowed in a unit that drives none: there 0 times it has to be seen */
        if (form != MAP && pack_sparse(n, W, (Entry *)packed, start)) continue;
        pack_dense(n, W, packed);
        start[0] = -1;
    }
}

INLINE void network_steps(Dense *d, int form, int phi, int sparse, int64_t steps) {
    if (form == CURRENT) first_operand(d, phi);
    if (sparse && form == CURRENT) steps_of(d, CURRENT, phi, 1, steps);
    else if (sparse) steps_of(d, RATE, phi, 1, steps);
    else if (form == CURRENT && phi == TANH) steps_of(d, CURRENT, TANH, 0, steps);
    else if (form == CURRENT) steps_of(d, CURRENT, RELU, 0, steps);
    else if (form == RATE) steps_of(d, RATE, phi, 0, steps);
    else steps_of(d, MAP, phi, 0, steps);
}

/* x (batch, n), V (batch, k, n), each vector as a row: in and out. The weights are those of `pack`, of one network that
 * all share, or `own` ones; b (n) with stride 0 where it is shared. states (steps, batch, n) and images
 * (steps, batch, n, k) receive x and V after each step, a vector as a column, if they are not NULL. Returns 0, or -1
 * where there is no memory. */
int advance_dense(int form, int phi, int64_t batch, int n, int k, int64_t steps, double h, const REAL *packed,
                  const int64_t *start, int own, const REAL *b, int64_t b_stride, REAL *x, REAL *V, REAL *states,
                  REAL *images) {
    Dense d = {.n = n, .h = h, .padded = (n + ROWS - 1) / ROWS * ROWS};
    int all = (k + LANES) / LANES, fit = SPACE / (6 * BYTES * d.padded) / COLS * COLS, stages = form == MAP ? 1 : 4;
    if (fit < COLS) fit = COLS;
    if (fit > all) fit = all;
    size_t array = (size_t)d.padded * fit * BYTES;
    char *memory = aligned_alloc(64, (6 * array + (size_t)d.padded * (2 + CHUNK * stages) * sizeof(REAL) + 63) / 64 * 64);
    if (!memory) return -1;
    REAL *bias = (REAL *)(memory + 6 * array), *slopes = bias + d.padded;
    d.b = bias;
    uint64_t old = flush_denormals();
    for (int64_t s = 0; s < batch; s++, x += n, V += (size_t)n * k, b += b_stride) {
        int64_t network = own ? s : 0;
        d.W = packed + network * d.padded * n, d.entries = (const Entry *)d.W;
        d.start = start + network * (d.padded / ROWS + 1);
        for (int i = 0; i < d.padded; i++) bias[i] = i < n ? b[i] : 0;
        for (int64_t done = 0, count; done < steps; done += count) {
            count = images ? 1 : steps - done < CHUNK ? steps - done : CHUNK;
            for (int first = 0; first <= k; first += fit * LANES) {
                int width = k + 1 - first < fit * LANES ? k + 1 - first : fit * LANES, only = width > k;
                d.first = first == 0, d.slopes = slopes;
                if (!only || done == 0) {                                /* the only block stays where it is */
                    vec **arrays[] = {&d.X, &d.S, &d.S2, &d.A, &d.Z, &d.Z2};
                    for (int a = 0; a < 6; a++) *arrays[a] = (vec *)(memory + a * array);
                    if (form == CURRENT) d.S2 = d.S;                     /* of which no product is taken */
                    d.columns = (width + LANES - 1) / LANES, d.few = few_of(width, d.start[0] >= 0);
                    memset(d.S, 0, (size_t)d.padded * d.columns * BYTES);
                    copy_block(&d, first, width, x, V, 0);
                    memcpy(d.X, d.S, (size_t)d.padded * d.columns * BYTES);
                }
                network_steps(&d, form, phi, d.start[0] >= 0, count);
                int64_t place = done * batch + s;
                if (images) record(&d, first, width, k, states + place * n, images + place * n * k);
                if (!only || done + count == steps) copy_block(&d, first, width, x, V, 1);
            }
        }
    }
    restore_denormals(old);
    free(memory);
    return 0;
}

/* How many rows a panel has. */
int rows(void) { return ROWS; }

#ifndef SINGLE
/* ------------------------------------------------------------------------------------- many small networks */

#define DELAY 8                   /* steps between normalizations, where lengths allow it */
#define LARGEST 4                 /* states; larger networks fill the lanes of advance_dense well enough */
typedef double wide[WIDE];

/* K = h F([x | V]) for WIDE networks (for maps: the image itself) */
INLINE void field(int form, int phi, int n, int columns, double h, wide W[][LARGEST], const wide *b,
                  wide S[][LARGEST + 1], wide K[][LARGEST + 1]) {
    wide Z[LARGEST][LARGEST + 1], slope;
    for (int j = 0; j < n; j++) {
        if (form == CURRENT) nonlinearity(phi, WIDE, S[j][0], Z[j][0], slope);
        for (int c = form == CURRENT ? 1 : 0; c < columns; c++)
            for (int l = 0; l < WIDE; l++) Z[j][c][l] = form == CURRENT ? slope[l] * S[j][c][l] : S[j][c][l];
    }
    for (int i = 0; i < n; i++)
        for (int c = 0; c < columns; c++) {
            wide y;
            for (int l = 0; l < WIDE; l++) {
                double sum = c == 0 ? b[i][l] : 0.0;
                for (int j = 0; j < n; j++) sum += W[i][j][l] * Z[j][c][l];
                y[l] = sum;
            }
            if (form != CURRENT && c == 0) nonlinearity(phi, WIDE, y, y, slope);
            if (form != CURRENT && c > 0)
                for (int l = 0; l < WIDE; l++) y[l] *= slope[l];
            for (int l = 0; l < WIDE; l++)
                K[i][c][l] = form == MAP ? (1.0 - h) * S[i][c][l] + h * y[l] : h * (y[l] - S[i][c][l]);
        }
}

/* The growth of a column as a product, in two parts so that it cannot overflow: value * 2^exponent; and in how many
 * steps, left out of it, the column was lost in rounding. */
typedef struct { wide value, exponent, lost; } Growth;

#define TINY 1e-250               /* squares of lengths between this and its inverse are safe */
#define FAINT 1e-20               /* of a column's square, what projections leave: rounding may be all of it */

typedef int64_t flags[WIDE];      /* not 0: networks to take another way */

INLINE int any(const flags bad) {
    int64_t one = 0;
    for (int l = 0; l < WIDE; l++) one |= bad[l];
    return one != 0;
}

/* Modified Gram-Schmidt without the normalization: tangent columns orthogonal to those before them.
 * Tells where a length is too small, or projections leave so little that its rounding may be all of it. */
INLINE void orthogonalize(int n, int columns, wide X[][LARGEST + 1], flags bad) {
    for (int c = 2; c < columns; c++) {
        wide gone = {0};              /* square of what the projections have taken */
        for (int p = 1; p < c; p++)
            for (int l = 0; l < WIDE; l++) {
                double dot = 0.0, square = 0.0, left = 0.0;
                for (int i = 0; i < n; i++) {
                    dot += X[i][p][l] * X[i][c][l];
                    square += X[i][p][l] * X[i][p][l];
                }
                double share = square > 0.0 ? dot / square : 0.0;
                for (int i = 0; i < n; i++) {
                    double x = X[i][c][l] - share * X[i][p][l];
                    X[i][c][l] = x, left += x * x;
                }
                gone[l] += share * dot;
                bad[l] |= (square > TINY && left > FAINT * gone[l] + TINY) ? 0 : 1;
            }
    }
}

/* Tells where the length of a tangent column is out of range: zero, not finite, or about to be. */
INLINE void out_of_range(int n, int columns, wide X[][LARGEST + 1], flags bad) {
    for (int c = 1; c < columns; c++)
        for (int l = 0; l < WIDE; l++) {
            double square = 0.0;
            for (int i = 0; i < n; i++) square += X[i][c][l] * X[i][c][l];
            bad[l] |= (square > TINY && square < 1.0 / TINY) ? 0 : 1;
        }
}

/* Tangent columns to length one; their lengths multiply the growth. A zero column stays zero, NaN stays NaN. */
INLINE void normalize(int n, int columns, wide X[][LARGEST + 1], Growth *growth) {
    for (int c = 1; c < columns; c++)
        for (int l = 0; l < WIDE; l++) {
            double largest = 0.0, square = 0.0;
            for (int i = 0; i < n; i++) largest = fabs(X[i][c][l]) > largest ? fabs(X[i][c][l]) : largest;
            double shrink = largest == 0.0 ? 1.0 : 1.0 / largest;      /* so that no square underflows */
            for (int i = 0; i < n; i++) X[i][c][l] *= shrink, square += X[i][c][l] * X[i][c][l];
            double length = sqrt(square), inverse = square == 0.0 ? 0.0 : 1.0 / length;
            for (int i = 0; i < n; i++) X[i][c][l] *= inverse;
            double product = growth[c - 1].value[l] * (length * largest), mantissa;
            int64_t bits;
            memcpy(&bits, &product, 8);
            double power = (double)((bits >> 52) - 1023);
            bits = (bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL;
            memcpy(&mantissa, &bits, 8);
            growth[c - 1].value[l] = product > 0.0 ? mantissa : product == product ? 0.0 : product;
            growth[c - 1].exponent[l] += product > 0.0 ? power : 0.0;
        }
}

/* Of lane l; graded.h says what it does. */
static void graded_lane(int n, int columns, int l, wide X[][LARGEST + 1], Growth *growth) {
    double Q[LARGEST * LARGEST], row[LARGEST], length[LARGEST];
    int lost[LARGEST];
    for (int c = 0; c < columns - 1; c++)
        for (int i = 0; i < n; i++) Q[c * n + i] = X[i][c + 1][l];
    orthonormalize_graded(n, columns - 1, Q, row, length, lost);
    for (int c = 0; c < columns - 1; c++) {
        if (lost[c]) growth[c].lost[l] += 1.0;
        else growth[c].exponent[l] += length[c] * 1.4426950408889634;
        for (int i = 0; i < n; i++) X[i][c + 1][l] = Q[c * n + i];
    }
}

/* One step of state and tangent columns, which it does not normalize. */
INLINE void small_step(int form, int phi, int n, int columns, double h, wide W[][LARGEST], const wide *b,
                       wide X[][LARGEST + 1]) {
    wide S[LARGEST][LARGEST + 1], A[LARGEST][LARGEST + 1], K[LARGEST][LARGEST + 1];
    for (int stage = 0; stage < (form == MAP ? 1 : 4); stage++) {
        field(form, phi, n, columns, h, W, b, stage == 0 ? X : S, K);
        for (int i = 0; i < n; i++)
            for (int c = 0; c < columns; c++)
                for (int l = 0; l < WIDE; l++) {
                    if (form == MAP) { A[i][c][l] = K[i][c][l]; continue; }
                    A[i][c][l] = (stage == 0 ? X[i][c][l] : A[i][c][l]) + SUM[stage] * K[i][c][l];
                    S[i][c][l] = X[i][c][l] + NEXT[stage] * K[i][c][l];
                }
    }
    for (int i = 0; i < n; i++)
        for (int c = 0; c < columns; c++) memcpy(X[i][c], A[i][c], sizeof(wide));
}

/* One step, normalized, of networks whose lengths leave the range, or whose columns become dependent. */
INLINE void careful_step(int form, int phi, int n, int columns, double h, wide W[][LARGEST], const wide *b,
                         wide X[][LARGEST + 1], Growth *growth) {
    wide image[LARGEST][LARGEST + 1];
    flags bad = {0};
    small_step(form, phi, n, columns, h, W, b, X);
    memcpy(image, X, sizeof image);
    orthogonalize(n, columns, X, bad);
    out_of_range(n, columns, X, bad);
    for (int l = 0; l < WIDE; l++)
        if (bad[l]) {
            for (int i = 0; i < n; i++)
                for (int c = 1; c < columns; c++) X[i][c][l] = image[i][c][l];
            graded_lane(n, columns, l, X, growth);
        }
    normalize(n, columns, X, growth);
}

/* Steps, normalized every DELAY of them; where something is lost on the way, again, with care. */
INLINE void small_steps(int form, int phi, int n, int columns, int64_t steps, double h, wide W[][LARGEST],
                        const wide *b, wide X[][LARGEST + 1], Growth *growth) {
    wide saved[LARGEST][LARGEST + 1];
    for (int64_t s = 0; s < steps; s += DELAY) {
        int count = steps - s < DELAY ? (int)(steps - s) : DELAY;
        flags bad = {0};
        memcpy(saved, X, sizeof saved);
        for (int i = 0; i < count; i++) {
            small_step(form, phi, n, columns, h, W, b, X);
            orthogonalize(n, columns, X, bad);
        }
        out_of_range(n, columns, X, bad);
        if (any(bad)) {
            memcpy(X, saved, sizeof saved);
            for (int i = 0; i < count; i++) careful_step(form, phi, n, columns, h, W, b, X, growth);
        } else
            normalize(n, columns, X, growth);
    }
}

/* WIDE networks from `first` on, and their states, side by side; the last lanes repeat the last network. */
static void take_networks(int64_t first, int64_t batch, int n, const double *W, int64_t W_stride, const double *b,
                          int64_t b_stride, const double *x, wide w[][LARGEST], wide *bias, wide X[][LARGEST + 1]) {
    for (int l = 0; l < WIDE; l++) {
        int64_t s = first + l < batch ? first + l : batch - 1;
        for (int i = 0; i < n; i++) {
            bias[i][l] = b[s * b_stride + i];
            for (int j = 0; j < n; j++) w[i][j][l] = W[s * W_stride + i * n + j];
            X[i][0][l] = x[s * n + i];
        }
    }
}

INLINE void give_states(int count, int n, wide X[][LARGEST + 1], double *x) {
    for (int l = 0; l < count; l++)
        for (int i = 0; i < n; i++) x[l * n + i] = X[i][0][l];
}

/* States alone: x (batch, n), in and out, and after each step in states (steps, batch, n). */
void orbit_small(int form, int phi, int64_t batch, int n, int64_t steps, double h, const double *W, int64_t W_stride,
                 const double *b, int64_t b_stride, double *x, double *states) {
    wide X[LARGEST][LARGEST + 1], w[LARGEST][LARGEST], bias[LARGEST];
    uint64_t old = flush_denormals();
    for (int64_t first = 0; first < batch; first += WIDE) {
        int many = batch - first < WIDE ? (int)(batch - first) : WIDE;
        take_networks(first, batch, n, W, W_stride, b, b_stride, x, w, bias, X);
        for (int64_t s = 0; s < steps; s++) {
            if (n == 2) small_step(form, phi, 2, 1, h, w, bias, X);      /* several times faster */
            else small_step(form, phi, n, 1, h, w, bias, X);
            give_states(many, n, X, states + (s * batch + first) * n);
        }
        give_states(many, n, X, x + first * n);
    }
    restore_denormals(old);
}

/* As advance_dense, for n <= 4 and k <= 4, but V is kept orthogonal and comes back orthonormal, and growth (batch, k)
 * receives the logarithm of what its columns have grown by. parts (batch, k, 3), in and out, is that growth as value
 * less one and exponent of two, and the number of steps that were left out of it, lost in rounding; 0 at first. A
 * stretch may be taken in several calls, each but the last of a multiple of DELAY. Returns whether steps were lost. */
int advance_small(int form, int phi, int64_t batch, int n, int k, int64_t steps, double h, const double *W,
                  int64_t W_stride, const double *b, int64_t b_stride, double *x, double *V, double *parts,
                  double *growth) {
    wide X[LARGEST][LARGEST + 1], w[LARGEST][LARGEST], bias[LARGEST];
    Growth grown[LARGEST];
    int lost = 0;
    uint64_t old = flush_denormals();
    for (int64_t first = 0; first < batch; first += WIDE) {
        take_networks(first, batch, n, W, W_stride, b, b_stride, x, w, bias, X);
        for (int l = 0; l < WIDE; l++) {
            const double *own = V + (first + l < batch ? first + l : batch - 1) * n * k;
            for (int i = 0; i < n; i++)
                for (int c = 0; c < k; c++) X[i][c + 1][l] = own[i * k + c];
        }
        for (int c = 0; c < k; c++)
            for (int l = 0; l < WIDE; l++) {
                const double *part = parts + 3 * ((first + l < batch ? first + l : batch - 1) * k + c);
                grown[c].value[l] = 1.0 + part[0], grown[c].exponent[l] = part[1], grown[c].lost[l] = part[2];
            }
#define CASE(f, p, m, q) \
    if (form == f && phi == p && n == m && k == q) small_steps(f, p, m, q + 1, steps, h, w, bias, X, grown)
        CASE(MAP, TANH, 2, 2);        /* sizes known to the compiler: several times faster */
        else CASE(RATE, TANH, 2, 2);
        else small_steps(form, phi, n, k + 1, steps, h, w, bias, X, grown);
#undef CASE
        for (int l = 0; l < WIDE && first + l < batch; l++) {
            for (int i = 0; i < n; i++) {
                x[(first + l) * n + i] = X[i][0][l];
                for (int c = 0; c < k; c++) V[((first + l) * n + i) * k + c] = X[i][c + 1][l];
            }
            for (int c = 0; c < k; c++) {
                int64_t at = (first + l) * k + c;
                parts[3 * at] = grown[c].value[l] - 1.0, parts[3 * at + 1] = grown[c].exponent[l];
                parts[3 * at + 2] = grown[c].lost[l];
                lost |= grown[c].lost[l] > 0.0;
                growth[at] = log(grown[c].value[l]) + grown[c].exponent[l] * 0.69314718055994531;
            }
        }
    }
    restore_denormals(old);
    return lost;
}
#endif
