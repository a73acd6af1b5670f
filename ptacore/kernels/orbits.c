/* Orbits of many networks of two units without bias, in double precision: what `oscillators.certificates` measures.
 *
 * The network is that of Eq. 19: the map x <- (1 - c) x + c tanh(c W x), or the flow dx/dt = c (-x + tanh(c W x)), c being
 * 1, or 1/2 in a GRU. Arrays have a column for each network; WIDE networks move together, so that loops over them
 * vectorize.
 */
#include "real.h"

#define WIDE 32
typedef double wide[WIDE];

INLINE double exp_of(double y) {
    double grown = fast_expm1_double(fabs(y)) + 1.0;
    return y < 0.0 ? 1.0 / grown : grown;
}

INLINE double tanh_of(double x) {
    double slope;
    return fast_tanh_double(x, &slope);
}

/* Rows of m numbers: those of `count` networks from the first on, or back. Lanes that nobody asked for stay at 0. */
INLINE void take(wide out, const double *row, int64_t first, int count) {
    for (int l = 0; l < WIDE; l++) out[l] = 0;
    for (int l = 0; l < count; l++) out[l] = row[first + l];
}

INLINE void put(double *row, const wide in, int64_t first, int count) {
    for (int l = 0; l < count; l++) row[first + l] = in[l];
}

typedef struct { wide a, b, c, d; } Weights;             /* times c, row by row */

static void weights_of(Weights *W, const double *rows, double c, int64_t m, int64_t first, int count) {
    wide *entries[] = {&W->a, &W->b, &W->c, &W->d};
    for (int i = 0; i < 4; i++) {
        take(*entries[i], rows + i * m, first, count);
        for (int l = 0; l < WIDE; l++) (*entries[i])[l] *= c;
    }
}

/* ------------------------------------------------------------------------------------------------------ flows */

typedef struct { wide e0, e1, f0, f1; } Direction;       /* a unit vector, and its image under c W */

static void direction_of(Direction *at, const Weights *W, const double *cosine, const double *sine, int64_t first,
                         int count) {
    take(at->e0, cosine, first, count);
    take(at->e1, sine, first, count);
    for (int l = 0; l < WIDE; l++) {
        at->f0[l] = W->a[l] * at->e0[l] + W->b[l] * at->e1[l];
        at->f1[l] = W->c[l] * at->e0[l] + W->d[l] * at->e1[l];
    }
}

typedef struct { wide s, t, v; } Course;                 /* log radius, time, integral of the divergence over it */

/* k: derivatives with respect to the angle at y + part times the step's k; nan where the flow does not turn on. */
INLINE void rates(const Course *y, const Course *before, double part, const wide step, const Direction *at,
                  const Weights *W, double c, Course *k) {
    for (int l = 0; l < WIDE; l++) {
        double r = exp_of(y->s[l] + part * step[l] * before->s[l]);
        double F0 = tanh_of(r * at->f0[l]), F1 = tanh_of(r * at->f1[l]);
        double angular = (at->e0[l] * F1 - at->e1[l] * F0) / r;
        double inverse = angular > 0 && r > 1e-300 ? 1.0 / angular : NAN; /* one that hardly turns may shoot to 0 */
        k->s[l] = ((at->e0[l] * F0 + at->e1[l] * F1) / r - 1.0) * inverse;
        k->t[l] = inverse / c;
        k->v[l] = (W->a[l] * (1.0 - F0 * F0) + W->d[l] * (1.0 - F1 * F1) - 2.0) * inverse;
    }
}

/* Runge-Kutta steps over given angles: those of cosine and sine (2 steps + 1, m), in each second row the middle of a step
 * of size (steps, m). W: (4, m). y (3, m), log radius first: in and out. times (steps, m): that of each step. */
void turn(int64_t m, int64_t steps, double c, const double *W_rows, const double *size, const double *cosine,
          const double *sine, double *y_rows, double *times) {
    for (int64_t first = 0; first < m; first += WIDE) {
        int count = m - first < WIDE ? (int)(m - first) : WIDE;
        Weights W;
        Direction from, middle, to;
        Course y, k[4];
        memset(k, 0, sizeof k);
        weights_of(&W, W_rows, c, m, first, count);
        take(y.s, y_rows, first, count);
        take(y.t, y_rows + m, first, count);
        take(y.v, y_rows + 2 * m, first, count);
        direction_of(&to, &W, cosine, sine, first, count);
        for (int64_t i = 0; i < steps; i++) {
            wide step, took;
            take(step, size + i * m, first, count);
            from = to;
            direction_of(&middle, &W, cosine + (2 * i + 1) * m, sine + (2 * i + 1) * m, first, count);
            direction_of(&to, &W, cosine + (2 * i + 2) * m, sine + (2 * i + 2) * m, first, count);
            rates(&y, &k[0], 0.0, step, &from, &W, c, &k[0]);
            rates(&y, &k[0], 0.5, step, &middle, &W, c, &k[1]);
            rates(&y, &k[1], 0.5, step, &middle, &W, c, &k[2]);
            rates(&y, &k[2], 1.0, step, &to, &W, c, &k[3]);
            for (int l = 0; l < WIDE; l++) {
                double sixth = step[l] / 6.0;
                y.s[l] += sixth * (k[0].s[l] + 2.0 * (k[1].s[l] + k[2].s[l]) + k[3].s[l]);
                y.v[l] += sixth * (k[0].v[l] + 2.0 * (k[1].v[l] + k[2].v[l]) + k[3].v[l]);
                took[l] = sixth * (k[0].t[l] + 2.0 * (k[1].t[l] + k[2].t[l]) + k[3].t[l]);
                y.t[l] += took[l];
            }
            put(times + i * m, took, first, count);
        }
        put(y_rows, y.s, first, count);
        put(y_rows + m, y.t, first, count);
        put(y_rows + 2 * m, y.v, first, count);
    }
}

/* ------------------------------------------------------------------------------------------------------- maps */

INLINE void image(const Weights *W, double c, wide x0, wide x1) {
    for (int l = 0; l < WIDE; l++) {
        double y0 = tanh_of(W->a[l] * x0[l] + W->b[l] * x1[l]), y1 = tanh_of(W->c[l] * x0[l] + W->d[l] * x1[l]);
        x0[l] = (1.0 - c) * x0[l] + c * y0;
        x1[l] = (1.0 - c) * x1[l] + c * y1;
    }
}

/* Weighted means over an orbit of x (2, m), which moves on: of |x|^2 after each step and, where there is a reference, of
 * the angle of each step beyond it; the reference (2, m) is given by its cosine and sine. */
void average(int64_t m, int64_t steps, double c, const double *W_rows, const double *weight, double *x_rows,
             double *square, const double *reference, double *turned) {
    for (int64_t first = 0; first < m; first += WIDE) {
        int count = m - first < WIDE ? (int)(m - first) : WIDE;
        Weights W;
        wide x0, x1, before0, before1, co, si, squares = {0}, angles = {0};
        weights_of(&W, W_rows, c, m, first, count);
        take(x0, x_rows, first, count);
        take(x1, x_rows + m, first, count);
        if (turned) take(co, reference, first, count), take(si, reference + m, first, count);
        for (int64_t i = 0; i < steps; i++) {
            memcpy(before0, x0, sizeof x0);
            memcpy(before1, x1, sizeof x1);
            image(&W, c, x0, x1);
            for (int l = 0; l < WIDE; l++) squares[l] += weight[i] * (x0[l] * x0[l] + x1[l] * x1[l]);
            for (int l = 0; turned && l < count; l++) {
                double dot = before0[l] * x0[l] + before1[l] * x1[l], cross = before0[l] * x1[l] - before1[l] * x0[l];
                angles[l] += weight[i] * atan2(cross * co[l] - dot * si[l], dot * co[l] + cross * si[l]);
            }
        }
        put(x_rows, x0, first, count);
        put(x_rows + m, x1, first, count);
        put(square, squares, first, count);
        if (turned) put(turned, angles, first, count);
    }
}

/* Steps (m), at most `longest`, after which the orbit is back at x (2, m) within `near`, or else nearest to it; and the
 * distance. */
void shortest_return(int64_t m, int64_t longest, double c, const double *W_rows, const double *x_rows, double near,
                     int64_t *steps, double *nearest) {
    for (int64_t first = 0; first < m; first += WIDE) {
        int count = m - first < WIDE ? (int)(m - first) : WIDE;
        Weights W;
        wide start0, start1, x0, x1, least, at;
        weights_of(&W, W_rows, c, m, first, count);
        take(start0, x_rows, first, count);
        take(start1, x_rows + m, first, count);
        memcpy(x0, start0, sizeof x0);
        memcpy(x1, start1, sizeof x1);
        for (int l = 0; l < WIDE; l++) least[l] = l < count ? INFINITY : 0.0, at[l] = 1.0;
        int64_t open = 1;
        for (int64_t q = 1; q <= longest && open; q++) {
            image(&W, c, x0, x1);
            open = 0;
            for (int l = 0; l < WIDE; l++) {
                double d0 = x0[l] - start0[l], d1 = x1[l] - start1[l], distance = sqrt(d0 * d0 + d1 * d1);
                int64_t better = (distance < least[l]) & (least[l] > near);
                at[l] = better ? (double)q : at[l];
                least[l] = better ? distance : least[l];
                open |= least[l] > near;
            }
        }
        for (int l = 0; l < count; l++) steps[first + l] = (int64_t)at[l];
        put(nearest, least, first, count);
    }
}
