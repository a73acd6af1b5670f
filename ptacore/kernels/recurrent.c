/* Steps of torch's recurrent layers and of tangent vectors, in single and double precision on one core.
 *
 * recurrent.py calls `advance` for a stretch of steps of `batch` networks that share their weights. The augmented array
 * X = [x | V] of a network has its state in column 0 and k tangent vectors in the others; those of all networks stand
 * side by side. A column is contiguous, its slabs (h of each layer, then c of each) filled up to `width` numbers.
 *
 * Products are made for a group of units with the rows of all gates, and some columns at a time: units in the lanes,
 * columns in a register block. The state's column gives the units' new state and the derivatives by their
 * pre-activations (coefficients). For the tangents there are two ways:
 *
 *   joint    the rows of their gates, made together with those of the state, are combined by the coefficients;
 *            packed weights are read once, which is what one or two columns cost
 *   formed   the rows of the weights are combined, to the layer's Jacobian: less work for many columns
 *
 * The file includes itself twice, as double and as float.
 */
#ifndef REAL
#include <stdint.h>
#include <stdlib.h>

enum { TANH, RELU, GRU, LSTM };   /* CELLS of recurrent.py */
enum { MOST_GATES = 4, COEFFICIENTS = 6 };
static const int GATES[] = {1, 1, 3, 4}, SLABS[] = {1, 1, 1, 2};

/* A register block of a product has 2 vectors of rows and 12 columns, 4 and 6, 6 and 4 or 8 and 3: those of as many
 * gates for two vectors of units, a group. */
#if defined(__AVX512F__)
#define BLOCK 24                  /* vectors of a register block */
#else
#define BLOCK 12
#endif
#define DEPTH 16384               /* bytes of weights for a vector of rows that stay in the nearest cache */
#define TOGETHER 126              /* columns that go through the weights together, a state and its tangents */
#define AHEAD 24                  /* rows of weights that are asked for early: of two vectors, the memory's pace counts */
#define FEW 3                     /* tangents up to which their gates' rows are made */

typedef struct {
    int32_t cell, layers;
    int64_t units, width;         /* units of a layer, and that filled up to whole groups */
    const void *weights;          /* packed: of each layer W, and then U where there is a layer below */
    const void *biases;           /* (layers, 2, gates, width): of U, in the first layer not used, and of W */
} Stack;

#include "gram_schmidt.h"
#include "recurrent.c"
#define SINGLE
#include "gram_schmidt.h"
#include "recurrent.c"

#else

#define SPAN (2 * LANES)          /* units of a group */

/* Units filled up to whole groups. */
int64_t NAME(width)(int64_t units) { return (units + SPAN - 1) / SPAN * SPAN; }

/* W (gates * units, units), row by row, to groups of units: for each column the rows of the gates. */
void NAME(pack)(int32_t cell, int64_t units, const REAL *W, REAL *packed) {
    for (int64_t group = 0; group < NAME(width)(units); group += SPAN)
        for (int64_t j = 0; j < units; j++)
            for (int gate = 0; gate < GATES[cell]; gate++)
                for (int64_t unit = group; unit < group + SPAN; unit++)
                    *packed++ = unit < units ? W[(gate * units + unit) * units + j] : 0;
}

/* ------------------------------------------------------------------------------------------------- products */

/* rows (columns, vectors) = or += the product of a group's weights and some columns, `stride` numbers apart. Few sums
 * leave every other j to a second block: else each addition would wait for the last. */
INLINE void NAME(block)(int vectors, int columns, int64_t depth, const REAL *weights, const REAL *X, int64_t stride,
                        vec *restrict rows, int fresh) {
    const int count = vectors * columns, turns = count <= 8 ? 2 : 1;
    vec sums[2][BLOCK];
    const vec *w = (const vec *)weights;
    for (int i = 0; i < count; i++) sums[0][i] = fresh ? (vec){0} : rows[i], sums[1][i] = (vec){0};
    int64_t j = 0;
    for (; j + turns <= depth; j += turns)
        for (int turn = 0; turn < turns; turn++, w += vectors) {
            for (int v = 0; v < vectors && vectors == 2; v++) __builtin_prefetch(w + v + AHEAD * vectors);
            for (int c = 0; c < columns; c++) {
                vec x = X[c * stride + j + turn] - (vec){0};
                for (int v = 0; v < vectors; v++) sums[turn][c * vectors + v] += w[v] * x;
            }
        }
    for (; j < depth; j++, w += vectors)
        for (int c = 0; c < columns; c++)
            for (int v = 0; v < vectors; v++) sums[0][c * vectors + v] += w[v] * X[c * stride + j];
    for (int i = 0; i < count; i++) {
        if (turns == 2) sums[0][i] += sums[1][i];
        rows[i] = sums[0][i];
    }
}

#define CASE(v, c) \
    case 16 * v + c: \
        if (v * c <= BLOCK) NAME(block)(v, v * c <= BLOCK ? c : 1, depth, weights, X, stride, rows, fresh); \
        break;

static void NAME(few)(int vectors, int columns, int64_t depth, const REAL *weights, const REAL *X, int64_t stride,
                      vec *rows, int fresh) {
    switch (16 * vectors + columns) {
        CASE(2, 1) CASE(2, 2) CASE(2, 3) CASE(2, 4) CASE(2, 5) CASE(2, 6)
        CASE(2, 7) CASE(2, 8) CASE(2, 9) CASE(2, 10) CASE(2, 11) CASE(2, 12)
        CASE(4, 1) CASE(4, 2) CASE(4, 3) CASE(4, 4) CASE(4, 5) CASE(4, 6)
        CASE(6, 1) CASE(6, 2) CASE(6, 3) CASE(6, 4)
        CASE(8, 1) CASE(8, 2) CASE(8, 3)
    }
}
#undef CASE

/* The same for any number of columns; a part of the weights stays in the nearest cache while they pass. */
static void NAME(product)(int vectors, int64_t columns, int64_t depth, const REAL *weights, const REAL *X,
                          int64_t stride, vec *rows, int fresh) {
    int64_t tiles = (columns + BLOCK / vectors - 1) / (BLOCK / vectors);
    int64_t part = tiles > 1 ? DEPTH / (vectors * BYTES / 2) : depth;
    for (int64_t j = 0; j < depth; j += part, fresh = 0)
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t begin = tile * columns / tiles, end = (tile + 1) * columns / tiles;
            NAME(few)(vectors, (int)(end - begin), j + part < depth ? part : depth - j,
                      weights + j * vectors * LANES, X + begin * stride + j, stride, rows + begin * vectors, fresh);
        }
}

/* ---------------------------------------------------------------------------------------------------- cells */

/* What a cell knows of a group of units in one column. */
typedef struct {
    const REAL *below, *own;      /* the products U h and W h, SPAN numbers for each gate */
    const REAL *a, *c;            /* biases, of U with its input, and of W; */
    int64_t width, slab;          /* from a gate to the next in them, and from h to c in a column */
    REAL *by;                     /* coefficients, SPAN numbers each */
    const REAL *old;              /* of the group's units, h */
    REAL *new;
} NAME(Rows);

/* New state, and the derivatives by the pre-activations and the old slabs (each cell has its own list). */
INLINE void NAME(state)(int cell, const NAME(Rows) *q) {
    REAL *by = q->by;
    double a[MOST_GATES * SPAN], c[MOST_GATES * SPAN];
    for (int gate = 0; gate < GATES[cell]; gate++)
        for (int l = 0; l < SPAN; l++) {
            a[gate * SPAN + l] = (double)q->below[gate * SPAN + l] + (double)q->a[gate * q->width + l];
            c[gate * SPAN + l] = (double)q->own[gate * SPAN + l] + (double)q->c[gate * q->width + l];
        }
    INDEPENDENT
    for (int l = 0; l < SPAN; l++) {
        double value, slope;
        if (cell == TANH) {
            value = fast_tanh_double(a[l] + c[l], &slope);
            by[l] = (REAL)slope;
        } else if (cell == RELU) {
            double u = a[l] + c[l];
            value = u < 0.0 ? 0.0 : u;
            by[l] = u > 0.0 ? 1 : 0;
        } else if (cell == GRU) {            /* by r, z, n of U, n of W, and the old h */
            double rest_r, slope_r, rest_z, slope_z, slope_n, h = q->old[l], cn = c[2 * SPAN + l];
            double r = fast_sigmoid_double(a[l] + c[l], &rest_r, &slope_r);
            double z = fast_sigmoid_double(a[SPAN + l] + c[SPAN + l], &rest_z, &slope_z);
            double n = fast_tanh_double(a[2 * SPAN + l] + r * cn, &slope_n), by_n = rest_z * slope_n;
            value = rest_z * n + z * h;
            by[l] = (REAL)(by_n * cn * slope_r);
            by[SPAN + l] = (REAL)((h - n) * slope_z);
            by[2 * SPAN + l] = (REAL)by_n;
            by[3 * SPAN + l] = (REAL)(by_n * r);
            by[4 * SPAN + l] = (REAL)z;
        } else {                             /* of c by i, f, g and the old c; of h by o and the new c */
            double rest, slope_i, slope_f, slope_g, slope_o, slope_c, before = q->old[q->slab + l];
            double i = fast_sigmoid_double(a[l] + c[l], &rest, &slope_i);
            double f = fast_sigmoid_double(a[SPAN + l] + c[SPAN + l], &rest, &slope_f);
            double g = fast_tanh_double(a[2 * SPAN + l] + c[2 * SPAN + l], &slope_g);
            double o = fast_sigmoid_double(a[3 * SPAN + l] + c[3 * SPAN + l], &rest, &slope_o);
            double after = f * before + i * g, out = fast_tanh_double(after, &slope_c);
            value = o * out;
            q->new[q->slab + l] = (REAL)after;
            by[l] = (REAL)(g * slope_i);
            by[SPAN + l] = (REAL)(before * slope_f);
            by[2 * SPAN + l] = (REAL)(i * slope_g);
            by[3 * SPAN + l] = (REAL)f;
            by[4 * SPAN + l] = (REAL)(out * slope_o);
            by[5 * SPAN + l] = (REAL)(o * slope_c);
        }
        q->new[l] = (REAL)value;
    }
}

/* New tangents, from the rows of the gates. */
INLINE void NAME(joint)(int cell, const NAME(Rows) *q) {
    const REAL *by = q->by, *below = q->below, *own = q->own, *old = q->old;
    INDEPENDENT
    for (int l = 0; l < SPAN; l++) {
        REAL sum = by[l] * (below[l] + own[l]);
        if (cell >= GRU) sum += by[SPAN + l] * (below[SPAN + l] + own[SPAN + l]);
        if (cell == GRU)
            sum += by[2 * SPAN + l] * below[2 * SPAN + l] + by[3 * SPAN + l] * own[2 * SPAN + l] +
                   by[4 * SPAN + l] * old[l];
        if (cell == LSTM) {
            sum += by[2 * SPAN + l] * (below[2 * SPAN + l] + own[2 * SPAN + l]) + by[3 * SPAN + l] * old[q->slab + l];
            q->new[q->slab + l] = sum;
            sum = by[5 * SPAN + l] * sum + by[4 * SPAN + l] * (below[3 * SPAN + l] + own[3 * SPAN + l]);
        }
        q->new[l] = sum;
    }
}

/* Rows of the Jacobian, one, of an LSTM two (of c, and of h with c given), from those of the gates in W or, below, U. */
INLINE void NAME(form)(int cell, int is_below, int64_t depth, const REAL *by, const REAL *W, REAL *J) {
    const REAL *last = by + (cell == GRU && !is_below ? 3 : 2) * SPAN;
    for (int64_t j = 0; j < depth; j++, W += GATES[cell] * SPAN, J += (cell == LSTM ? 2 : 1) * SPAN)
        INDEPENDENT
        for (int l = 0; l < SPAN; l++) {
            J[l] = by[l] * W[l] + by[SPAN + l] * W[SPAN + l] + last[l] * W[2 * SPAN + l];
            if (cell == LSTM) J[SPAN + l] = by[4 * SPAN + l] * W[3 * SPAN + l];
        }
}

/* New tangents, from the rows of the Jacobian. */
INLINE void NAME(formed)(int cell, const NAME(Rows) *q) {
    const REAL *by = q->by, *own = q->own, *old = q->old;
    INDEPENDENT
    for (int l = 0; l < SPAN; l++) {
        REAL sum = own[l];
        if (cell == GRU) sum += by[4 * SPAN + l] * old[l];
        if (cell == LSTM) {
            sum += by[3 * SPAN + l] * old[q->slab + l];
            q->new[q->slab + l] = sum;
            sum = by[5 * SPAN + l] * sum + own[SPAN + l];
        }
        q->new[l] = sum;
    }
}

/* The same, with the cell known to the compiler. */
#define EACH_CELL(call) \
    switch (cell) { \
    case TANH: NAME(call)(TANH, q); break; \
    case RELU: NAME(call)(RELU, q); break; \
    case GRU: NAME(call)(GRU, q); break; \
    case LSTM: NAME(call)(LSTM, q); break; \
    }
static void NAME(state_of)(int cell, const NAME(Rows) *q) { EACH_CELL(state) }
static void NAME(joint_of)(int cell, const NAME(Rows) *q) { EACH_CELL(joint) }
static void NAME(formed_of)(int cell, const NAME(Rows) *q) { EACH_CELL(formed) }
#undef EACH_CELL

static void NAME(form_of)(int cell, int is_below, int64_t depth, const REAL *by, const REAL *W, REAL *J) {
    if (cell == GRU && is_below) NAME(form)(GRU, 1, depth, by, W, J);
    else if (cell == GRU) NAME(form)(GRU, 0, depth, by, W, J);
    else NAME(form)(LSTM, 0, depth, by, W, J);
}

/* ---------------------------------------------------------------------------------------------------- steps */

typedef struct {
    const Stack *stack;
    int64_t batch, each, stride;  /* networks, columns of each: 1 + k, numbers from a column to the next */
    const REAL *a;                /* (networks, gates, width): of the first layer, its input's product and bias; */
    int64_t a_member;             /* from a network to the next, 0 where they share it */
    REAL *by;                     /* coefficients (networks, layers, width / SPAN, COEFFICIENTS, SPAN) */
    vec *own, *below;             /* rows of a group, for the columns that go together */
    REAL *J;                      /* of a group, by its own old h and by the layer's below; as weights */
    REAL *old, *new;              /* X */
} NAME(Step);

/* Products of a group with columns from `first` on, with the rows of all gates. */
INLINE void NAME(gates)(const NAME(Step) *s, int layer, int64_t unit, int64_t first, int64_t columns) {
    const Stack *stack = s->stack;
    int64_t n = stack->units, width = stack->width, matrix = width * GATES[stack->cell] * n;
    int vectors = 2 * GATES[stack->cell];
    const REAL *W = (const REAL *)stack->weights + (layer ? 2 * layer - 1 : 0) * matrix + unit * GATES[stack->cell] * n;
    const REAL *old = s->old + first * s->stride + layer * width, *under = s->new + first * s->stride;
    NAME(product)(vectors, columns, n, W, old, s->stride, s->own, 1);
    if (layer)
        NAME(product)(vectors, columns, n, W + matrix, under + (layer - 1) * width, s->stride, s->below, 1);
}

/* What the cell knows of a group in column c of a network, but for its products. */
INLINE NAME(Rows) NAME(rows)(const NAME(Step) *s, int layer, int64_t unit, int64_t member, int64_t c) {
    const Stack *stack = s->stack;
    int64_t width = stack->width, at = (member * s->each + c) * s->stride + layer * width + unit;
    const REAL *biases = (const REAL *)stack->biases + 2 * layer * GATES[stack->cell] * width + unit;
    return (NAME(Rows)){
        .a = layer ? biases : s->a + member * s->a_member + unit, .c = biases + GATES[stack->cell] * width,
        .width = width, .slab = stack->layers * width,
        .by = s->by + ((member * stack->layers + layer) * width + unit) * COEFFICIENTS,
        .old = s->old + at, .new = s->new + at};
}

/* States, and tangents where they are joint, of a group in columns from `first` on. */
static void NAME(joint_group)(const NAME(Step) *s, int layer, int64_t unit, int64_t first, int64_t columns) {
    static const vec zeros[2 * MOST_GATES];
    int cell = s->stack->cell, vectors = 2 * GATES[cell];
    int64_t member = first / s->each, c = first % s->each;
    NAME(gates)(s, layer, unit, first, columns);
    for (int64_t i = 0; i < columns; i++) {
        NAME(Rows) q = NAME(rows)(s, layer, unit, member, c);
        q.own = (const REAL *)(s->own + i * vectors);
        q.below = (const REAL *)(layer ? s->below + i * vectors : zeros);
        if (c == 0) NAME(state_of)(cell, &q);
        else NAME(joint_of)(cell, &q);
        if (++c == s->each) member++, c = 0;
    }
}

/* Rows of a group of the Jacobian of one network, at J. */
static void NAME(form_group)(const NAME(Step) *s, int layer, int64_t unit, int64_t member, REAL *J, REAL *K) {
    const Stack *stack = s->stack;
    int cell = stack->cell;
    int64_t n = stack->units, matrix = stack->width * GATES[cell] * n;
    const REAL *by = NAME(rows)(s, layer, unit, member, 0).by;
    const REAL *W = (const REAL *)stack->weights + (layer ? 2 * layer - 1 : 0) * matrix + unit * n * GATES[cell];
    NAME(form_of)(cell, 0, n, by, W, J);
    if (layer) NAME(form_of)(cell, 1, n, by, W + matrix, K);
}

/* Tangents of one network in a group and in columns from c on, by these rows. */
static void NAME(formed_group)(const NAME(Step) *s, int layer, int64_t unit, int64_t member, int64_t c, int64_t columns,
                               const REAL *J, const REAL *K) {
    int cell = s->stack->cell, vectors = 2 * SLABS[cell];
    int64_t n = s->stack->units, width = s->stack->width, first = member * s->each + c;
    const REAL *old = s->old + first * s->stride + layer * width, *under = s->new + first * s->stride;
    NAME(product)(vectors, columns, n, J, old, s->stride, s->own, 1);
    if (layer) NAME(product)(vectors, columns, n, K, under + (layer - 1) * width, s->stride, s->own, 0);
    for (int64_t i = 0; i < columns; i++) {
        NAME(Rows) q = NAME(rows)(s, layer, unit, member, c + i);
        q.own = (const REAL *)(s->own + i * vectors);
        NAME(formed_of)(cell, &q);
    }
}

/* A layer of one network: of one group after the other the state with the rows of the Jacobian, then the tangents. */
static void NAME(formed_layer)(const NAME(Step) *s, int layer, int64_t member) {
    REAL *K = s->J + SPAN * s->stack->units * SLABS[s->stack->cell];
    for (int64_t unit = 0; unit < s->stack->width; unit += SPAN) {
        NAME(joint_group)(s, layer, unit, member * s->each, 1);
        NAME(form_group)(s, layer, unit, member, s->J, K);
        NAME(formed_group)(s, layer, unit, member, 1, s->each - 1, s->J, K);
    }
}

INLINE int64_t NAME(least)(int64_t a, int64_t b) { return a < b ? a : b; }

static void NAME(step)(const NAME(Step) *s) {
    int64_t all = s->batch * s->each;
    if (s->stack->cell >= GRU && s->each > 1 + FEW) {
        for (int64_t member = 0; member < s->batch; member++)
            for (int layer = 0; layer < s->stack->layers; layer++) NAME(formed_layer)(s, layer, member);
        return;
    }
    for (int64_t done = 0; done < all; done += TOGETHER)
        for (int layer = 0; layer < s->stack->layers; layer++)
            for (int64_t unit = 0; unit < s->stack->width; unit += SPAN)
                NAME(joint_group)(s, layer, unit, done, NAME(least)(all - done, TOGETHER));
}

/* From x (batch, dim) and V (batch, k, dim) to X, with zeros behind the units. */
static void NAME(enter)(const NAME(Step) *s, const REAL *x, const REAL *V) {
    int64_t n = s->stack->units, width = s->stack->width, slabs = SLABS[s->stack->cell] * s->stack->layers;
    for (int64_t column = 0; column < s->batch * s->each; column++) {
        const REAL **from = column % s->each ? &V : &x;
        for (int64_t slab = 0; slab < slabs; slab++, *from += n) {
            REAL *to = s->old + column * s->stride + slab * width;
            memcpy(to, *from, (size_t)n * sizeof(REAL));
            memset(to + n, 0, (size_t)(width - n) * sizeof(REAL));
        }
    }
}

static void NAME(leave)(const NAME(Step) *s, REAL *x, REAL *V) {
    int64_t n = s->stack->units, width = s->stack->width, slabs = SLABS[s->stack->cell] * s->stack->layers;
    for (int64_t column = 0; column < s->batch * s->each; column++) {
        REAL **to = column % s->each ? &V : &x;
        for (int64_t slab = 0; slab < slabs; slab++, *to += n)
            memcpy(*to, s->old + column * s->stride + slab * width, (size_t)n * sizeof(REAL));
    }
}

/* Tangents of all networks made orthonormal after `count` steps; adds to the growth (batch, k) and returns how many times
 * as many steps it can wait for, 0 where a column has vanished or almost, or has come near over- or underflow on the way.
 * limit and far: `bounds` of orthonormal.py. */
static double NAME(renew)(const NAME(Step) *s, int64_t count, double limit, double far, double *logs, double *growth) {
    const Stack *stack = s->stack;
    int64_t k = s->each - 1, n = SLABS[stack->cell] * stack->layers * stack->width;
    double spread = 0.0, size = 0.0;
    for (int64_t member = 0; member < s->batch; member++) {
        double low = INFINITY, high = -INFINITY, *log_of = logs + member * k;
        NAME(gram_schmidt)(n, k, s->stride, s->old + (member * s->each + 1) * s->stride, log_of);
        for (int64_t c = 0; c < k; c++) {
            if (!isfinite(log_of[c])) return 0.0;
            low = fmin(low, log_of[c]), high = fmax(high, log_of[c]), size = fmax(size, fabs(log_of[c]));
        }
        spread = fmax(spread, high - low);
    }
    if (spread > (count == 1 ? 1.6 : 1.2) * limit || (count > 1 && size > 3.0 * far)) return 0.0;
    for (int64_t i = 0; i < s->batch * k; i++) growth[i] += logs[i];
    return 1.0 / fmax(fmax(spread / limit, size / far), 1e-9);
}

static void NAME(steps)(NAME(Step) *s, int64_t steps, const REAL *a, int64_t a_step) {
    for (int64_t t = 0; t < steps; t++) {
        s->a = a + t * a_step;
        NAME(step)(s);
        REAL *swap = s->old;
        s->old = s->new, s->new = swap;
    }
}

/* As many steps, made orthonormal at intervals that follow the growth. Returns 1 where a step takes too much away. */
static int NAME(renewed_steps)(NAME(Step) *s, int64_t steps, const REAL *a, int64_t a_step, double limit, double far,
                               int64_t *interval, REAL *saved, double *logs, double *growth) {
    size_t array = (size_t)(s->batch * s->each * s->stride) * sizeof(REAL);
    for (int64_t done = 0, count; done < steps;) {
        count = NAME(least)(*interval, steps - done);
        memcpy(saved, s->old, array);
        NAME(steps)(s, count, a + done * a_step, a_step);
        double wait = NAME(renew)(s, count, limit, far, logs, growth);
        if (wait == 0.0 && count == 1) return 1;
        if (wait == 0.0) {                   /* a burst after a quiet stretch: go back, shorter */
            memcpy(s->old, saved, array);
            *interval = count / 4 > 1 ? count / 4 : 1;
            continue;
        }
        done += count;
        wait *= (double)count;
        *interval = wait < 2.0 * *interval ? (int64_t)fmax(wait, 1.0) : 2 * *interval;
    }
    return 0;
}

/* From x (batch, dim) and V (batch, k, dim) by `steps` steps to new_x and new_V, which may be the same. a: what the first
 * layer adds to W h for its input, (gates, width) for each step and network, a_step and a_member numbers apart. Where
 * there is a growth (batch, k), V is kept orthonormal, the logarithms of its columns' growth are added to it, and
 * `interval` says how many steps go between two decompositions, in and out. Returns 1 where these cannot resolve a step,
 * -1 where there is no memory. */
static int NAME(advance_part)(const Stack *stack, int64_t batch, int64_t k, int64_t steps, const REAL *a, int64_t a_step,
                  int64_t a_member, const REAL *x, const REAL *V, REAL *new_x, REAL *new_V, double *growth,
                  int64_t *interval, double limit, double far) {
    int cell = stack->cell;
    int64_t lines = (SLABS[cell] * stack->layers * stack->width * (int64_t)sizeof(REAL) + 63) / 64;
    NAME(Step) s = {.stack = stack, .batch = batch, .each = 1 + k, .a_member = a_member};
    s.stride = (lines | 1) * 64 / (int64_t)sizeof(REAL);     /* an odd number of lines: columns share no cache set */
    size_t array = (size_t)(batch * (1 + k) * s.stride), rows = (size_t)NAME(least)(batch * (1 + k), TOGETHER);
    rows *= (size_t)(GATES[cell] * SPAN);
    size_t by = (size_t)(batch * stack->layers * stack->width) * COEFFICIENTS;
    size_t J = cell >= GRU && k > FEW ? 2 * SPAN * (size_t)(stack->units * SLABS[cell]) : 0;
    size_t again = growth ? array : 0, logs = growth ? (size_t)(batch * k) * sizeof(double) : 0;
    size_t bytes = (2 * array + 2 * rows + by + J + again) * sizeof(REAL) + logs;
    REAL *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) return -1;
    uint64_t denormals = flush_denormals();
    s.old = memory, s.new = s.old + array, s.own = (vec *)(s.new + array), s.below = s.own + rows / LANES;
    s.by = (REAL *)(s.below + rows / LANES), s.J = s.by + by;
    REAL *saved = s.J + J;
    NAME(enter)(&s, x, V);
    int unresolved = 0;
    if (growth)
        unresolved =
            NAME(renewed_steps)(&s, steps, a, a_step, limit, far, interval, saved, (double *)(saved + again), growth);
    else
        NAME(steps)(&s, steps, a, a_step);
    NAME(leave)(&s, new_x, new_V);
    restore_denormals(denormals);
    free(memory);
    return unresolved;
}

/* The same. Many tangents take the steps one part after the other, and all parts find the same states: so they pass the
 * weights together, and need no more room than a part. */
int NAME(advance)(const Stack *stack, int64_t batch, int64_t k, int64_t steps, const REAL *a, int64_t a_step,
                  int64_t a_member, const REAL *x, const REAL *V, REAL *new_x, REAL *new_V, double *growth,
                  int64_t *interval, double limit, double far) {
    if (k < TOGETHER)
        return NAME(advance_part)(stack, batch, k, steps, a, a_step, a_member, x, V, new_x, new_V, growth, interval, limit,
                                  far);
    int64_t dim = SLABS[stack->cell] * stack->layers * stack->units, parts = (k + TOGETHER - 2) / (TOGETHER - 1);
    REAL *start = malloc((size_t)dim * sizeof(REAL));        /* x may be new_x */
    int told = start ? 0 : -1;
    for (int64_t member = 0; member < batch && !told; member++, a += a_member) {
        memcpy(start, x + member * dim, (size_t)dim * sizeof(REAL));
        for (int64_t part = 0, count; part < parts && !told; part++, V += count * dim, new_V += count * dim) {
            count = (part + 1) * k / parts - part * k / parts;
            told = NAME(advance_part)(stack, 1, count, steps, a, a_step, 0, start, V, new_x + member * dim, new_V, NULL,
                                      NULL, limit, far);
        }
    }
    free(start);
    return told;
}
#undef SPAN
#endif
