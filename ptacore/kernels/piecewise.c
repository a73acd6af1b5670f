/* Piecewise linear networks that are forced by data, forward in time, and their adjoints backward, on one core.
 *
 * z(t + 1) = decay z(t) + shift + outward phi(inward z(t) + threshold), with phi = max(0, .) but for the first `linear`
 * of the hidden units; without `inward` the hidden units are z itself. Behind each step the first `forced` units are
 * moved towards data by the share alpha. Arrays are (steps, units, width): the batch, filled up to whole vectors, is
 * contiguous, and a vector of it goes through all steps at a time.
 *
 * The file includes itself twice, as double and as float.
 */
#ifndef REAL
#include <stdint.h>

typedef struct {
    int64_t units, hidden, linear, forced, width;
    const void *decay, *shift, *outward, *inward, *threshold;
} Net;

#include "real.h"
#include "piecewise.c"
#define SINGLE
#include "real.h"
#include "piecewise.c"

#else /* ------------------------------------------------------------------------------------- in either precision */

#define AT(array, unit) (*(vec *)((array) + (unit) * w))

/* out (rows) += weight (rows, inputs) in (inputs), for a vector of the batch; `w`: numbers from one unit to the next. */
INLINE void NAME(product)(int64_t rows, int64_t inputs, const REAL *weight, const REAL *in, REAL *out, int64_t w) {
    for (int64_t first = 0; first < rows; first += ROWS) {
        int valid = rows - first < ROWS ? (int)(rows - first) : ROWS;
        const REAL *row[ROWS];
        vec sum[ROWS];
        for (int i = 0; i < ROWS; i++) {                 /* the last row stands in for those that are missing */
            row[i] = weight + (first + (i < valid ? i : valid - 1)) * inputs;
            sum[i] = (vec){0};
        }
        for (int64_t k = 0; k < inputs; k++) {
            vec x = *(const vec *)(in + k * w);
            for (int i = 0; i < ROWS; i++) sum[i] += (row[i][k] - (vec){0}) * x;
        }
        for (int i = 0; i < valid; i++) AT(out, first + i) += sum[i];
    }
}

/* states (steps + 1, units, width), the first of which is given; hidden (steps, hidden, width) becomes phi, and
 * predicted (steps, forced, width) what the forced units were before data (of that shape) moved them by alpha. */
void NAME(advance)(const Net *net, int64_t steps, const REAL *data, const REAL *alpha, REAL *states, REAL *hidden,
                   REAL *predicted) {
    const int64_t n = net->units, m = net->hidden, w = net->width, forced = net->forced;
    const REAL *decay = net->decay, *shift = net->shift, *threshold = net->threshold;
    uint64_t old = flush_denormals();
    for (int64_t column = 0; column < w; column += LANES)
        for (int64_t t = 0; t < steps; t++) {
            const REAL *z = states + t * n * w + column, *x = data + t * forced * w + column;
            REAL *next = states + (t + 1) * n * w + column, *phi = hidden + t * m * w + column;
            REAL *seen = predicted + t * forced * w + column;
            for (int64_t j = 0; j < m; j++) {
                if (net->inward) AT(phi, j) = threshold[j] - (vec){0};
                else AT(phi, j) = *(const vec *)(z + j * w);
            }
            if (net->inward) NAME(product)(m, n, net->inward, z, phi, w);
            for (int64_t j = net->linear; j < m; j++)
                for (int k = 0; k < LANES; k++) phi[j * w + k] = phi[j * w + k] < 0 ? 0 : phi[j * w + k];
            for (int64_t i = 0; i < n; i++)
                AT(next, i) = (decay[i] - (vec){0}) * *(const vec *)(z + i * w) + (shift[i] - (vec){0});
            NAME(product)(n, m, net->outward, phi, next, w);
            for (int64_t i = 0; i < forced; i++) {
                AT(seen, i) = AT(next, i);
                AT(next, i) = AT(next, i) * (1 - alpha[t]) + alpha[t] * *(const vec *)(x + i * w);
            }
        }
    restore_denormals(old);
}

/* The adjoints of all that: `net` has outward and inward transposed, received (steps, forced, width) is the gradient of
 * predicted. of_next (steps, units, width) becomes that of each step's state before it is forced, of_hidden (steps,
 * hidden, width) that of what phi is taken of, and start (units, width), zero before, that of the first state. */
void NAME(retreat)(const Net *net, int64_t steps, const REAL *alpha, const REAL *hidden, const REAL *received,
                   REAL *of_next, REAL *of_hidden, REAL *start) {
    const int64_t n = net->units, m = net->hidden, w = net->width, forced = net->forced;
    const REAL *decay = net->decay;
    uint64_t old = flush_denormals();
    for (int64_t column = 0; column < w; column += LANES)
        for (int64_t t = steps - 1; t >= 0; t--) {
            const REAL *phi = hidden + t * m * w + column, *given = received + t * forced * w + column;
            REAL *d = of_next + t * n * w + column, *q = of_hidden + t * m * w + column, *back = start + column;
            for (int64_t i = 0; i < n; i++) {
                AT(d, i) = AT(back, i);
                if (i < forced) AT(d, i) = AT(d, i) * (1 - alpha[t]) + *(const vec *)(given + i * w);
            }
            for (int64_t j = 0; j < m; j++) AT(q, j) = (vec){0};
            NAME(product)(m, n, net->outward, d, q, w);
            for (int64_t j = net->linear; j < m; j++)
                for (int k = 0; k < LANES; k++) q[j * w + k] = phi[j * w + k] > 0 ? q[j * w + k] : 0;
            for (int64_t i = 0; i < n; i++) {
                AT(back, i) = (decay[i] - (vec){0}) * AT(d, i);
                if (!net->inward) AT(back, i) += AT(q, i);
            }
            if (net->inward) NAME(product)(n, m, net->inward, q, back, w);
        }
    restore_denormals(old);
}
#undef AT
#endif
