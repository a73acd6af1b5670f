/* Recurrent networks forward in time, and their adjoints backward, in single and double precision on one core.
 *
 * networks/bptt.py projects the input and calls these functions, by bptt.py, for a chunk of steps at a time.
 * Rows of the batch are independent: a block of them takes one step at a time, its products register-blocked, with
 * the packed weights in cache, and the cell's nonlinearities right behind.
 *
 * A new cell is a name in the enum, a step and an adjoint step, each a product and a loop over the units; the
 * variables of the equations are slabs of `width` numbers (n_hidden, filled up with zeros to whole vectors).
 *
 * The file includes itself twice, as double and as float.
 */
#ifndef REAL
#include <stdint.h>

enum { TANH, GRU, LSTM, ANTISYMMETRIC, GATED_ANTISYMMETRIC, CORNN, LIPSCHITZ, LEM };     /* Cell.kernel */

#define COLS 3                    /* vectors in a register block */
#define DEPTH 128                 /* rows that join the gradients of weights together */
#define BLOCK 32                  /* rows that go through a step together */

/* One product of a Cell: out slabs (into) from the slabs of a state (of). */
typedef struct {
    int32_t into, of;
    const void *weight;           /* (into * units, of * units) */
    void *packed;                 /* as many numbers as (into * width, of * width) */
} Product;

typedef struct {
    int32_t cell, gates, states, products;
    int64_t batch, units, width;
    double constants[4];
    Product product[2];
} Net;

#include "real.h"
#include "bptt.c"
#define SINGLE
#include "real.h"
#include "bptt.c"

#else /* ------------------------------------------------------------------------------------- in either precision */

#define Block NAME(Block)

INLINE REAL NAME(tanh)(REAL x) {
    REAL e = NAME(fast_expm1)(2 * (x < 0 ? -x : x));
    REAL y = e / (e + 2);
    return x < 0 ? -y : y;
}

INLINE REAL NAME(sigmoid)(REAL x) {
    REAL e = NAME(fast_expm1)(x < 0 ? -x : x);
    return (x < 0 ? 1 : e + 1) / (e + 2);
}

/* ---------------------------------------------------------------------------------------------------- products */

/* Pack the weights of a product, one slab of the state after the other: panels of COLS vectors of outputs, in each
 * panel one input after the other. Forward, outputs are slabs of pre-activations and inputs the units of the state;
 * transposed, it is the other way round. Slabs are filled up with zeros. */
void NAME(pack)(const Net *net, int transposed) {
    const int64_t n = net->units, width = net->width;
    for (int p = 0; p < net->products; p++) {
        const Product *q = &net->product[p];
        const REAL *weight = q->weight;
        REAL *to = q->packed;
        const int64_t outputs = transposed ? width : q->into * width, inputs = transposed ? q->into * width : n;
        for (int s = 0; s < q->of; s++)
            for (int64_t first = 0; first < outputs; first += COLS * LANES)
                for (int64_t k = 0; k < inputs; k++)
                    for (int64_t j = first; j < first + COLS * LANES && j < outputs; j++) {
                        int64_t gate = transposed ? k : j, unit = transposed ? j : k;
                        int64_t row = gate / width * n + gate % width;
                        *to++ = gate % width < n && unit < n ? weight[(row * q->of + s) * n + unit] : 0;
                    }
    }
}

/* `most` x count vectors of a product, of which the first `rows` rows are wanted: from each of the rows `in` every
 * stride-th number times a vector of the panel, summed up and then added to what is there unless `fresh`: sums of sums
 * lose fewer digits than one long sum. */
INLINE void NAME(tile)(const REAL *const *in, int64_t stride, int64_t inputs, const vec *panel, int count,
                       REAL *const *out, int most, int rows, int64_t column, int fresh) {
    vec sum[ROWS][COLS];
    for (int i = 0; i < most; i++)
        for (int c = 0; c < count; c++) sum[i][c] = (vec){0};
    for (int64_t k = 0, at = 0; k < inputs; k++, at += stride, panel += count)
        for (int i = 0; i < most; i++) {
            vec x = in[i][at] - (vec){0};
            for (int c = 0; c < count; c++) sum[i][c] += x * panel[c];
        }
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < count; c++) {
            vec *to = (vec *)(out[i] + column) + c;
            if (fresh) *to = sum[i][c];
            else *to += sum[i][c];
        }
}

INLINE void NAME(tiles)(const REAL *const *in, int64_t stride, int64_t inputs, const vec *panel, int64_t count,
                        REAL *const *out, int rows, int64_t column, int fresh) {
    if (rows <= ROWS / 2 && count >= 3) NAME(tile)(in, stride, inputs, panel, 3, out, ROWS / 2, rows, column, fresh);
    else if (count >= 3) NAME(tile)(in, stride, inputs, panel, 3, out, ROWS, rows, column, fresh);
    else if (count == 2) NAME(tile)(in, stride, inputs, panel, 2, out, ROWS, rows, column, fresh);
    else NAME(tile)(in, stride, inputs, panel, 1, out, ROWS, rows, column, fresh);
}

/* out (rows, outputs) += in (rows, inputs) times packed weights; `_row`: numbers from one row to the next. */
static void NAME(product)(int rows, const REAL *in, int64_t in_row, int64_t inputs, const REAL *packed, REAL *out,
                          int64_t out_row, int64_t outputs) {
    for (int64_t column = 0; column < outputs; column += COLS * LANES) {
        const vec *panel = (const vec *)(packed + column * inputs);
        for (int first = 0; first < rows; first += ROWS) {
            const REAL *from[ROWS];
            REAL *to[ROWS];
            int valid = rows - first < ROWS ? rows - first : ROWS;
            for (int i = 0; i < ROWS; i++) {             /* the last row stands in for those that are missing */
                from[i] = in + (first + (i < valid ? i : valid - 1)) * in_row;
                to[i] = out + (first + (i < valid ? i : valid - 1)) * out_row;
            }
            NAME(tiles)(from, 1, inputs, panel, (outputs - column) / LANES, to, valid, column, 0);
        }
    }
}

/* total (outputs, columns) = left (depth, outputs)^T right (depth, columns), added to what is there unless `fresh`.
 * `left_row` and `left_column`: numbers from one row, one column, of left to the next. columns fill whole slabs. */
void NAME(accumulate)(int64_t depth, const REAL *left, int64_t left_row, int64_t left_column, int64_t outputs,
                      const REAL *right, int64_t columns, REAL *total, int fresh) {
    vec panel[DEPTH * COLS];
    uint64_t old = flush_denormals();
    for (int64_t first = 0; first < depth; first += DEPTH, left += DEPTH * left_row, right += DEPTH * columns, fresh = 0)
        for (int64_t column = 0; column < columns; column += COLS * LANES) {
            int64_t rows = depth - first < DEPTH ? depth - first : DEPTH, count = (columns - column) / LANES;
            count = count < COLS ? count : COLS;
            for (int64_t k = 0; k < rows; k++)
                for (int c = 0; c < COLS; c++)           /* not up to count, which compilers take for a memmove */
                    if (c < count) panel[k * count + c] = ((const vec *)(right + k * columns + column))[c];
            for (int64_t output = 0; output < outputs; output += ROWS) {
                const REAL *from[ROWS];
                REAL *to[ROWS];
                int valid = outputs - output < ROWS ? (int)(outputs - output) : ROWS;
                for (int i = 0; i < ROWS; i++) {         /* the last one stands in for those that are missing */
                    int64_t o = output + (i < valid ? i : valid - 1);
                    from[i] = left + o * left_column, to[i] = total + o * columns;
                }
                NAME(tiles)(from, left_row, rows, panel, count, to, valid, column, fresh);
            }
        }
    restore_denormals(old);
}

/* ------------------------------------------------------------------------------------------------------- cells */

typedef struct {
    const Net *net;
    int rows;
    int64_t width, row;           /* numbers in a slab, and in a row of pre-activations */
    REAL *gates;                  /* pre-activations; an adjoint finds what its step left there */
    REAL *dgates;                 /* and their gradients */
    REAL *old[2], *new[2];        /* states before and after the step */
    REAL *adjoint[2];             /* of the new state, then of the old one */
} Block;

/* gates[first : first + into] += W state, for slab number `of` of those that the product takes */
INLINE void NAME(recur)(const Block *b, int product, int first, int of, const REAL *state) {
    const Product *q = &b->net->product[product];
    const int64_t n = b->net->units, outputs = q->into * b->width;
    NAME(product)(b->rows, state, b->width, n, (const REAL *)q->packed + of * outputs * n, b->gates + first * b->width,
                  b->row, outputs);
}

/* The transposed product: adjoint += W^T dgates[first : first + into] */
INLINE void NAME(recur_back)(const Block *b, int product, int first, int of, REAL *adjoint) {
    const Product *q = &b->net->product[product];
    const int64_t inputs = q->into * b->width;
    const REAL *packed = (const REAL *)q->packed + of * inputs * b->width;
    NAME(product)(b->rows, b->dgates + first * b->width, b->row, inputs, packed, adjoint, b->width, b->width);
}

#define UNITS for (int i = 0; i < b->rows; i++) INDEPENDENT for (int64_t j = 0; j < b->width; j++)
#define G(slab) b->gates[i * b->row + (slab) * b->width + j]
#define DG(slab) b->dgates[i * b->row + (slab) * b->width + j]
#define OLD(slab) b->old[slab][i * b->width + j]
#define NEW(slab) b->new[slab][i * b->width + j]
#define D(slab) b->adjoint[slab][i * b->width + j]
#define CONSTANT(k) ((REAL)b->net->constants[k])
#define tanh_of NAME(tanh)
#define sigmoid_of NAME(sigmoid)
#define recur NAME(recur)
#define recur_back NAME(recur_back)

static void NAME(step_tanh)(const Block *b) {
    recur(b, 0, 0, 0, b->old[0]);
    UNITS NEW(0) = tanh_of(G(0));
}

static void NAME(adjoint_tanh)(const Block *b) {
    UNITS {
        DG(0) = D(0) * (1 - NEW(0) * NEW(0));
        D(0) = 0;
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

static void NAME(step_gru)(const Block *b) {             /* slabs n, r, z, c; n = tanh(n + r c) */
    recur(b, 0, 1, 0, b->old[0]);
    UNITS {
        REAL r = sigmoid_of(G(1)), z = sigmoid_of(G(2)), n = tanh_of(G(0) + r * G(3));
        G(0) = n;
        G(1) = r;
        G(2) = z;
        NEW(0) = n + z * (OLD(0) - n);
    }
}

static void NAME(adjoint_gru)(const Block *b) {
    UNITS {
        REAL n = G(0), r = G(1), z = G(2), dh = D(0), dn = dh * (1 - z) * (1 - n * n);
        DG(0) = dn;
        DG(1) = dn * G(3) * r * (1 - r);
        DG(2) = dh * (OLD(0) - n) * z * (1 - z);
        DG(3) = dn * r;
        D(0) = dh * z;
    }
    recur_back(b, 0, 1, 0, b->adjoint[0]);
}

static void NAME(step_lstm)(const Block *b) {            /* slabs i, f, g, o; states h, c */
    recur(b, 0, 0, 0, b->old[0]);
    UNITS {
        REAL in = sigmoid_of(G(0)), f = sigmoid_of(G(1)), g = tanh_of(G(2)), o = sigmoid_of(G(3));
        REAL c = f * OLD(1) + in * g;
        G(0) = in;
        G(1) = f;
        G(2) = g;
        G(3) = o;
        NEW(1) = c;
        NEW(0) = o * tanh_of(c);
    }
}

static void NAME(adjoint_lstm)(const Block *b) {
    UNITS {
        REAL in = G(0), f = G(1), g = G(2), o = G(3), t = tanh_of(NEW(1)), dc = D(1) + D(0) * o * (1 - t * t);
        DG(0) = dc * g * in * (1 - in);
        DG(1) = dc * OLD(1) * f * (1 - f);
        DG(2) = dc * in * (1 - g * g);
        DG(3) = D(0) * t * o * (1 - o);
        D(1) = dc * f;
        D(0) = 0;
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

static void NAME(step_antisymmetric)(const Block *b) {
    const REAL eps = CONSTANT(0);
    recur(b, 0, 0, 0, b->old[0]);
    UNITS {
        G(0) = tanh_of(G(0));
        NEW(0) = OLD(0) + eps * G(0);
    }
}

static void NAME(adjoint_antisymmetric)(const Block *b) {
    const REAL eps = CONSTANT(0);
    UNITS DG(0) = eps * D(0) * (1 - G(0) * G(0));
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

static void NAME(step_gated_antisymmetric)(const Block *b) {
    const REAL eps = CONSTANT(0);
    recur(b, 0, 0, 0, b->old[0]);
    UNITS {
        G(0) = tanh_of(G(0));
        G(1) = sigmoid_of(G(1));
        NEW(0) = OLD(0) + eps * G(0) * G(1);
    }
}

static void NAME(adjoint_gated_antisymmetric)(const Block *b) {
    const REAL eps = CONSTANT(0);
    UNITS {
        REAL t = G(0), z = G(1), dh = eps * D(0);
        DG(0) = dh * z * (1 - t * t);
        DG(1) = dh * t * z * (1 - z);
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

static void NAME(step_cornn)(const Block *b) {           /* states y, z */
    const REAL dt = CONSTANT(0), gamma = CONSTANT(1), eps = CONSTANT(2);
    recur(b, 0, 0, 0, b->old[0]);
    recur(b, 0, 0, 1, b->old[1]);
    UNITS {
        G(0) = tanh_of(G(0));
        NEW(1) = OLD(1) + dt * (G(0) - gamma * OLD(0) - eps * OLD(1));
        NEW(0) = OLD(0) + dt * NEW(1);
    }
}

static void NAME(adjoint_cornn)(const Block *b) {
    const REAL dt = CONSTANT(0), gamma = CONSTANT(1), eps = CONSTANT(2);
    UNITS {
        REAL dz = D(1) + dt * D(0);
        DG(0) = dt * dz * (1 - G(0) * G(0));
        D(0) -= dt * gamma * dz;
        D(1) = dz - dt * eps * dz;
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
    recur_back(b, 0, 0, 1, b->adjoint[1]);
}

static void NAME(step_lipschitz)(const Block *b) {       /* slabs W h + ..., A h */
    const REAL eps = CONSTANT(0);
    recur(b, 0, 0, 0, b->old[0]);
    UNITS {
        G(0) = tanh_of(G(0));
        NEW(0) = OLD(0) + eps * (G(1) + G(0));
    }
}

static void NAME(adjoint_lipschitz)(const Block *b) {
    const REAL eps = CONSTANT(0);
    UNITS {
        DG(1) = eps * D(0);
        DG(0) = DG(1) * (1 - G(0) * G(0));
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

static void NAME(step_lem)(const Block *b) {             /* slabs of d1, d2, z, y; states y, z */
    const REAL dt = CONSTANT(0);
    recur(b, 0, 0, 0, b->old[0]);
    UNITS {
        G(0) = sigmoid_of(G(0));
        G(1) = sigmoid_of(G(1));
        G(2) = tanh_of(G(2));
        NEW(1) = OLD(1) + dt * G(0) * (G(2) - OLD(1));
    }
    recur(b, 1, 3, 0, b->new[1]);
    UNITS {
        G(3) = tanh_of(G(3));
        NEW(0) = OLD(0) + dt * G(1) * (G(3) - OLD(0));
    }
}

static void NAME(adjoint_lem)(const Block *b) {
    const REAL dt = CONSTANT(0);
    UNITS {
        REAL s = G(1), y = G(3), dy = dt * D(0);
        DG(1) = dy * (y - OLD(0)) * s * (1 - s);
        DG(3) = dy * s * (1 - y * y);
        D(0) -= dy * s;
    }
    recur_back(b, 1, 3, 0, b->adjoint[1]);
    UNITS {
        REAL s = G(0), z = G(2), dz = dt * D(1);
        DG(0) = dz * (z - OLD(1)) * s * (1 - s);
        DG(2) = dz * s * (1 - z * z);
        D(1) -= dz * s;
    }
    recur_back(b, 0, 0, 0, b->adjoint[0]);
}

/* -------------------------------------------------------------------------------------------------- sequences */

#define STEP(which) {NAME(which##_tanh), NAME(which##_gru), NAME(which##_lstm), NAME(which##_antisymmetric), \
    NAME(which##_gated_antisymmetric), NAME(which##_cornn), NAME(which##_lipschitz), NAME(which##_lem)}
static void (*const NAME(step)[])(const Block *) = STEP(step);
static void (*const NAME(adjoint)[])(const Block *) = STEP(adjoint);

/* The rows from `first` on of step t; tracks (steps + 1, batch, width) hold the states. */
INLINE Block NAME(block)(const Net *net, int64_t t, int64_t first, REAL *gates, REAL *const *tracks) {
    Block b = {.net = net, .width = net->width, .row = net->gates * net->width};
    b.rows = net->batch - first < BLOCK ? (int)(net->batch - first) : BLOCK;
    b.gates = gates + (t * net->batch + first) * b.row;
    for (int s = 0; s < net->states; s++) {
        b.old[s] = tracks[s] + (t * net->batch + first) * b.width;
        b.new[s] = b.old[s] + net->batch * b.width;
    }
    return b;
}

/* gates (steps, batch, gates * width): projected input, overwritten; tracks: filled from their second row on. */
void NAME(advance)(const Net *net, int64_t steps, REAL *gates, REAL *const *tracks) {
    uint64_t old = flush_denormals();
    for (int64_t t = 0; t < steps; t++)
        for (int64_t first = 0; first < net->batch; first += BLOCK) {
            Block b = NAME(block)(net, t, first, gates, tracks);
            NAME(step)[net->cell](&b);
        }
    restore_denormals(old);
}

/* gates, tracks: as `advance` left them. received: for each state what arrives from outside at each new state,
 * (steps, batch) rows of units, received_row numbers from one to the next, or null. adjoint (batch, width): moved from
 * the last state to the first. dgates: filled. */
void NAME(retreat)(const Net *net, int64_t steps, REAL *gates, REAL *const *tracks, const REAL *const *received,
                   const int64_t *received_row, REAL *const *adjoint, REAL *dgates) {
    uint64_t old = flush_denormals();
    for (int64_t t = steps - 1; t >= 0; t--)
        for (int64_t first = 0; first < net->batch; first += BLOCK) {
            Block b = NAME(block)(net, t, first, gates, tracks);
            b.dgates = dgates + (b.gates - gates);
            for (int s = 0; s < net->states; s++) {
                b.adjoint[s] = adjoint[s] + first * b.width;
                if (!received[s]) continue;
                const REAL *from = received[s] + (t * net->batch + first) * received_row[s];
                for (int i = 0; i < b.rows; i++) {
                    INDEPENDENT for (int64_t j = 0; j < net->units; j++)
                        b.adjoint[s][i * b.width + j] += from[i * received_row[s] + j];
                }
            }
            NAME(adjoint)[net->cell](&b);
        }
    restore_denormals(old);
}

#undef Block
#undef UNITS
#undef G
#undef DG
#undef OLD
#undef NEW
#undef D
#undef CONSTANT
#undef tanh_of
#undef sigmoid_of
#undef recur
#undef recur_back
#undef STEP
#endif
