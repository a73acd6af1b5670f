/* Steps of torch's recurrent layers and of tangent vectors, in single and double precision on one core.
 *
 * recurrent.py calls `advance` for a stretch of steps of `batch` networks that share their weights. The augmented array
 * X = [x | V] of a network has its state in column 0 and k tangent vectors in the others; those of all networks stand
 * side by side. A column is contiguous, its slabs (h of each layer, then c of each) filled up to `width` numbers.
 *
 * A gate's rows of the product W X are made for a group of units and some columns at a time, with the units in the
 * lanes and the columns in a register block. What follows needs nothing but these rows: the state's column gives the
 * units' new state and the derivatives by the gates' pre-activations (coefficients), and with them the rows of the
 * tangents' columns are combined. So the packed weights are read once for a step, or once for each block of columns
 * that fits into the cache.
 *
 * The file includes itself twice, as float and as double.
 */
#ifndef REAL
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lanes.h"

enum { TANH, RELU, GRU, LSTM };   /* CELLS of recurrent.py */
enum { MOST_GATES = 4, MOST_COEFFICIENTS = 6 };
static const int GATES[] = {1, 1, 3, 4}, SLABS[] = {1, 1, 1, 2};

/* A register block of a product has 2 vectors of rows and 12 columns (3 and 8, 4 and 6); vectors are the rows of the
 * gates for as many units as a vector holds, of an RNN for twice as many. */
#if defined(__AVX512F__)
#define BYTES 64                  /* of a vector */
#define BLOCK 24                  /* vectors of a register block */
#else
#define BYTES 32
#define BLOCK 12
#endif
#define WIDEST (BLOCK / 2)        /* columns of a register block */
#define CACHE 1000000             /* bytes of the old and new columns that go through the weights together */

typedef struct {
    int32_t cell, layers;
    int64_t units, width;         /* units of a layer, and that filled up to whole groups */
    const void *weights;          /* packed: of each layer W, and then U where there is a layer below */
    const void *biases;           /* (layers, 2, gates, width): of U, in the first layer not used, and of W */
} Stack;

#define REAL float
#define NAME(name) name##_float
#include "recurrent.c"
#undef REAL
#undef NAME
#define REAL double
#define NAME(name) name##_double
#include "recurrent.c"

#else

#undef LANES
#define LANES ((int)(BYTES / sizeof(REAL)))
#define vec NAME(vec)
typedef REAL vec __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));

INLINE int NAME(span)(int cell) { return cell < GRU ? 2 * LANES : LANES; }           /* units of a group */

/* Units filled up to whole groups. */
int64_t NAME(width)(int32_t cell, int64_t units) {
    int span = NAME(span)(cell);
    return (units + span - 1) / span * span;
}

/* W (gates * units, units), row by row, to groups of units: for each column the rows of the gates. */
void NAME(pack)(int32_t cell, int64_t units, const REAL *W, REAL *packed) {
    int span = NAME(span)(cell), gates = GATES[cell];
    memset(packed, 0, (size_t)(NAME(width)(cell, units) * gates * units) * sizeof(REAL));
    for (int gate = 0; gate < gates; gate++)
        for (int64_t unit = 0; unit < units; unit++)
            for (int64_t j = 0; j < units; j++)
                packed[((unit / span * units + j) * gates + gate) * span + unit % span] =
                    W[(gate * units + unit) * units + j];
}

/* ------------------------------------------------------------------------------------------------- products */

/* rows (columns, vectors) = the product of a group's weights and some columns, `stride` numbers apart. Few columns
 * leave the sums of every other j to a second block: else each addition would wait for the last. */
INLINE void NAME(block)(int vectors, int columns, int64_t depth, const REAL *weights, const REAL *X, int64_t stride,
                        vec *rows) {
    const int turns = vectors * columns <= 8 ? 2 : 1;
    vec sums[2][BLOCK];
    const vec *w = (const vec *)weights;
    for (int i = 0; i < turns * vectors * columns; i++) sums[i / (vectors * columns)][i % (vectors * columns)] = (vec){0};
    int64_t j = 0;
    for (; j + turns <= depth; j += turns)
        for (int turn = 0; turn < turns; turn++, w += vectors)
            for (int c = 0; c < columns; c++) {
                vec x = X[c * stride + j + turn] - (vec){0};
                for (int v = 0; v < vectors; v++) sums[turn][c * vectors + v] += w[v] * x;
            }
    for (; j < depth; j++, w += vectors)
        for (int c = 0; c < columns; c++)
            for (int v = 0; v < vectors; v++) sums[0][c * vectors + v] += w[v] * X[c * stride + j];
    for (int i = 0; i < vectors * columns; i++) {
        rows[i] = sums[0][i];
        if (turns == 2) rows[i] += sums[1][i];
    }
}

#define CASE(v, c) \
    case c: \
        if (c <= BLOCK / v) NAME(block)(v, c <= BLOCK / v ? c : 1, depth, weights, X, stride, rows); \
        break;

static void NAME(product)(int vectors, int columns, int64_t depth, const REAL *weights, const REAL *X, int64_t stride,
                          vec *rows) {
    if (vectors == 2) switch (columns) {
        CASE(2, 1) CASE(2, 2) CASE(2, 3) CASE(2, 4) CASE(2, 5) CASE(2, 6)
        CASE(2, 7) CASE(2, 8) CASE(2, 9) CASE(2, 10) CASE(2, 11) CASE(2, 12)
    }
    else if (vectors == 3) switch (columns) {
        CASE(3, 1) CASE(3, 2) CASE(3, 3) CASE(3, 4) CASE(3, 5) CASE(3, 6) CASE(3, 7) CASE(3, 8)
    }
    else switch (columns) {
        CASE(4, 1) CASE(4, 2) CASE(4, 3) CASE(4, 4) CASE(4, 5) CASE(4, 6)
    }
}
#undef CASE

/* ---------------------------------------------------------------------------------------------------- cells */

/* The rows of one column for a group of units: gate by gate the products U h and W h, span numbers each. */
typedef struct {
    int span;
    int64_t width, slab;          /* from a gate to the next in biases, from h to c in a column */
    const REAL *below, *own;      /* products */
    const REAL *a, *c;            /* biases, of U with its input, and of W */
    REAL *coefficients;           /* span numbers each */
    const REAL *old;              /* of the group's units, h */
    REAL *new;
} NAME(Rows);

/* New state, and the derivatives by the pre-activations: MOST_COEFFICIENTS rows, of which each cell has its own. */
INLINE void NAME(state)(int cell, int span, const NAME(Rows) *q) {
    REAL *by = q->coefficients;
    double a[MOST_GATES * 2 * LANES], c[MOST_GATES * 2 * LANES];
    for (int gate = 0; gate < GATES[cell]; gate++)
        for (int l = 0; l < span; l++) {
            a[gate * span + l] = (double)q->below[gate * span + l] + (double)q->a[gate * q->width + l];
            c[gate * span + l] = (double)q->own[gate * span + l] + (double)q->c[gate * q->width + l];
        }
    for (int l = 0; l < span; l++) {
        double value, slope;
        if (cell == TANH) {
            value = fast_tanh(a[l] + c[l], &slope);
            by[l] = (REAL)slope;
        } else if (cell == RELU) {
            double u = a[l] + c[l];
            value = u < 0.0 ? 0.0 : u;
            by[l] = u > 0.0 ? 1 : 0;
        } else if (cell == GRU) {
            double rest_r, slope_r, rest_z, slope_z, slope_n, h = q->old[l], cn = c[2 * span + l];
            double r = fast_sigmoid(a[l] + c[l], &rest_r, &slope_r);
            double z = fast_sigmoid(a[span + l] + c[span + l], &rest_z, &slope_z);
            double n = fast_tanh(a[2 * span + l] + r * cn, &slope_n), by_n = rest_z * slope_n;
            value = rest_z * n + z * h;
            by[l] = (REAL)(by_n * cn * slope_r);
            by[span + l] = (REAL)((h - n) * slope_z);
            by[2 * span + l] = (REAL)by_n;
            by[3 * span + l] = (REAL)(by_n * r);
            by[4 * span + l] = (REAL)z;
        } else {
            double rest, slope_i, slope_f, slope_g, slope_o, slope_c, cell_before = q->old[q->slab + l];
            double i = fast_sigmoid(a[l] + c[l], &rest, &slope_i);
            double f = fast_sigmoid(a[span + l] + c[span + l], &rest, &slope_f);
            double g = fast_tanh(a[2 * span + l] + c[2 * span + l], &slope_g);
            double o = fast_sigmoid(a[3 * span + l] + c[3 * span + l], &rest, &slope_o);
            double cell_after = f * cell_before + i * g, out = fast_tanh(cell_after, &slope_c);
            value = o * out;
            q->new[q->slab + l] = (REAL)cell_after;
            by[l] = (REAL)(g * slope_i);
            by[span + l] = (REAL)(cell_before * slope_f);
            by[2 * span + l] = (REAL)(i * slope_g);
            by[3 * span + l] = (REAL)(out * slope_o);
            by[4 * span + l] = (REAL)f;
            by[5 * span + l] = (REAL)(o * slope_c);
        }
        q->new[l] = (REAL)value;
    }
}

/* New tangents: the rows of the gates combined by the coefficients. */
INLINE void NAME(tangent)(int cell, int span, const NAME(Rows) *q) {
    const REAL *restrict by = q->coefficients, *restrict below = q->below, *restrict own = q->own, *restrict old = q->old;
    REAL *restrict new = q->new;
    for (int l = 0; l < span; l++) {
        REAL first = below[l] + own[l];
        if (cell < GRU) {
            new[l] = by[l] * first;
        } else if (cell == GRU) {
            REAL second = below[span + l] + own[span + l];
            new[l] = by[l] * first + by[span + l] * second + by[2 * span + l] * below[2 * span + l] +
                     by[3 * span + l] * own[2 * span + l] + by[4 * span + l] * old[l];
        } else {
            REAL cell_after = by[l] * first + by[span + l] * (below[span + l] + own[span + l]) +
                              by[2 * span + l] * (below[2 * span + l] + own[2 * span + l]) +
                              by[4 * span + l] * old[q->slab + l];
            new[l] = by[5 * span + l] * cell_after + by[3 * span + l] * (below[3 * span + l] + own[3 * span + l]);
            new[q->slab + l] = cell_after;
        }
    }
}

static void NAME(combine)(int cell, int is_state, const NAME(Rows) *q) {
    switch (2 * cell + is_state) {
    case 2 * TANH: NAME(tangent)(TANH, 2 * LANES, q); break;
    case 2 * TANH + 1: NAME(state)(TANH, 2 * LANES, q); break;
    case 2 * RELU: NAME(tangent)(RELU, 2 * LANES, q); break;
    case 2 * RELU + 1: NAME(state)(RELU, 2 * LANES, q); break;
    case 2 * GRU: NAME(tangent)(GRU, LANES, q); break;
    case 2 * GRU + 1: NAME(state)(GRU, LANES, q); break;
    case 2 * LSTM: NAME(tangent)(LSTM, LANES, q); break;
    case 2 * LSTM + 1: NAME(state)(LSTM, LANES, q); break;
    }
}

/* ---------------------------------------------------------------------------------------------------- steps */

typedef struct {
    const Stack *stack;
    int64_t columns, each;        /* of all networks, and of each: 1 + k */
    int64_t stride;               /* from a column to the next */
    const REAL *a;                /* (networks, gates, width): of the first layer, its input's product and bias; */
    int64_t a_member;             /* from a network to the next, 0 where they share it */
    REAL *coefficients;           /* (networks, layers, width / span, MOST_COEFFICIENTS, span) */
    REAL *old, *new;              /* X */
} NAME(Step);

/* A group of units of a layer, for columns from `first` to `last`. */
INLINE void NAME(group)(const NAME(Step) *s, int layer, int64_t unit, int64_t first, int64_t last) {
    const Stack *stack = s->stack;
    int cell = stack->cell, span = NAME(span)(cell), gates = GATES[cell], vectors = gates * span / LANES;
    int64_t n = stack->units, width = stack->width, matrix = width * gates * n, most = BLOCK / vectors;
    const REAL *W = (const REAL *)stack->weights + (layer ? 2 * layer - 1 : 0) * matrix + unit * gates * n;
    const REAL *biases = (const REAL *)stack->biases + 2 * layer * gates * width + unit;
    vec own[BLOCK], below[BLOCK];
    memset(below, 0, sizeof below);
    NAME(Rows) q = {.width = width, .slab = stack->layers * width, .c = biases + gates * width};
    int64_t tiles = (last - first + most - 1) / most;
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t begin = first + tile * (last - first) / tiles, end = first + (tile + 1) * (last - first) / tiles;
        int count = (int)(end - begin);
        const REAL *old = s->old + begin * s->stride + layer * width, *under = s->new + begin * s->stride;
        NAME(product)(vectors, count, n, W, old, s->stride, own);
        if (layer) NAME(product)(vectors, count, n, W + matrix, under + (layer - 1) * width, s->stride, below);
        for (int i = 0; i < count; i++) {
            int64_t member = (begin + i) / s->each, at = (begin + i) * s->stride + layer * width + unit;
            q.own = (const REAL *)(own + i * vectors), q.below = (const REAL *)(below + i * vectors);
            q.a = layer ? biases : s->a + member * s->a_member + unit;
            q.coefficients = s->coefficients + ((member * stack->layers + layer) * width + unit) * MOST_COEFFICIENTS;
            q.old = s->old + at, q.new = s->new + at;
            NAME(combine)(cell, (begin + i) % s->each == 0, &q);
        }
    }
}

static void NAME(step)(const NAME(Step) *s) {
    const Stack *stack = s->stack;
    int64_t together = CACHE / (2 * s->stride * (int64_t)sizeof(REAL)) / WIDEST * WIDEST;
    if (together < WIDEST) together = WIDEST;
    for (int64_t first = 0; first < s->columns; first += together) {
        int64_t last = first + together < s->columns ? first + together : s->columns;
        for (int layer = 0; layer < stack->layers; layer++)
            for (int64_t unit = 0; unit < stack->width; unit += NAME(span)(stack->cell))
                NAME(group)(s, layer, unit, first, last);
    }
}

/* Between x (batch, dim) with V (batch, k, dim), and X. */
static void NAME(copy)(const NAME(Step) *s, int64_t k, REAL *x, REAL *V, REAL *X, int out) {
    const Stack *stack = s->stack;
    int64_t n = stack->units, slabs = SLABS[stack->cell] * stack->layers, dim = slabs * n;
    for (int64_t column = 0; column < s->columns; column++) {
        int64_t member = column / s->each, c = column % s->each;
        REAL *outside = c ? V + (member * k + c - 1) * dim : x + member * dim;
        for (int64_t slab = 0; slab < slabs; slab++) {
            REAL *inside = X + column * s->stride + slab * stack->width;
            memcpy(out ? outside + slab * n : inside, out ? inside : outside + slab * n, (size_t)n * sizeof(REAL));
        }
    }
}

/* x (batch, dim) and V (batch, k, dim), in and out, by `steps` steps. a: what the first layer adds to W h for its input,
 * (gates, width) for each step and network, a_step and a_member numbers apart. Returns -1 where there is no memory. */
int NAME(advance)(const Stack *stack, int64_t batch, int64_t k, int64_t steps, const REAL *a, int64_t a_step,
                  int64_t a_member, REAL *x, REAL *V) {
    int64_t lines = (SLABS[stack->cell] * stack->layers * stack->width * (int64_t)sizeof(REAL) + 63) / 64;
    NAME(Step) s = {.stack = stack, .columns = batch * (1 + k), .each = 1 + k, .a_member = a_member};
    s.stride = (lines | 1) * 64 / (int64_t)sizeof(REAL);     /* an odd number of lines: columns share no cache set */
    size_t array = (size_t)(s.columns * s.stride);
    size_t coefficients = (size_t)(batch * stack->layers * stack->width) * MOST_COEFFICIENTS;
    REAL *memory = aligned_alloc(64, ((2 * array + coefficients) * sizeof(REAL) + 63) / 64 * 64);
    if (!memory) return -1;
    uint64_t old = flush_denormals();
    memset(memory, 0, 2 * array * sizeof(REAL));
    s.old = memory, s.new = memory + array, s.coefficients = memory + 2 * array;
    NAME(copy)(&s, k, x, V, s.old, 0);
    for (int64_t t = 0; t < steps; t++) {
        s.a = a + t * a_step;
        NAME(step)(&s);
        REAL *swap = s.old;
        s.old = s.new, s.new = swap;
    }
    NAME(copy)(&s, k, x, V, s.old, 1);
    restore_denormals(old);
    free(memory);
    return 0;
}
#undef vec
#endif
