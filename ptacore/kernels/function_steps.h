/* What follows the text of a function: steps of it, and orthonormal columns in between. functions.h says what is what. */

/* Runge-Kutta: stage s goes to x + NEXT[s] h k, and the sum collects SUM[s] h k. */
static const double NEXT[4] = {0.5, 0.5, 1.0, 0.0};
static const double SUM[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

/* One network, or the lanes of a vector full of them, on its way.
 *
 * Tangents lie in `vectors` vectors for each state, of which the text takes two at once where it has loops. */
typedef struct {
    const fixed *c;
    const double *m;
    double h;
    int k, vectors;
    num *x, *x_saved, *s;                      /* (N), (N), (STAGES, NUMBERS) */
    vec *V, *V_saved, *v, *next, *out;         /* (N, vectors), twice; (ROWS, 2), twice; (N, 2) */
    double *Q, *row, *length;                  /* (k, N), (N), (k) */
    num *square, *growth, *lost;               /* (k) each; the last two are results */
    int *gone;                                 /* (k) */
    fixed *own;                                /* (OWN) */
} Path;

/* Each group g of networks is a path p[g]. Numbers of all stages of a step, which moves x: */
INLINE void step_state(const Path *p, num *s) {
    const int STEP = STAGES * NUMBERS;
    num f[N];
#if FLOW
    num sum[GROUPS * N];
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < N; i++) s[g * STEP + i] = sum[g * N + i] = p[g].x[i];
#pragma GCC unroll 4
    for (int stage = 0; stage < 4; stage++)
        for (int g = 0; g < GROUPS; g++) {
            num *here = s + g * STEP + stage * NUMBERS;
            values(p[g].c, p->m, here, f);
            for (int i = 0; i < N; i++) {
                sum[g * N + i] += f[i] * (p->h * SUM[stage]);
                if (stage < 3) here[NUMBERS + i] = p[g].x[i] + f[i] * (p->h * NEXT[stage]);
            }
        }
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < N; i++) p[g].x[i] = sum[g * N + i];
#else
    for (int g = 0; g < GROUPS; g++) {
        for (int i = 0; i < N; i++) s[g * STEP + i] = p[g].x[i];
        values(p[g].c, p->m, s + g * STEP, f);
        for (int i = 0; i < N; i++) p[g].x[i] = f[i];
    }
#endif
}

/* W vectors of tangents through the stages of the same step; v, next and out are room. */
#define TANGENTS(program, W) \
    INLINE void tangents_##program(const Path *p, const num *s, vec *V, vec *v, vec *next, vec *out, int used) { \
        const fixed *c = p->c; \
        const double *m = p->m, h = p->h; \
        for (int i = 0; i < N * W; i++) v[i] = V[i]; \
        if (FLOW) { \
            program(c, m, s, v, V, V, out, next, h * SUM[0], h * NEXT[0], used); \
            program(c, m, s + NUMBERS, next, V, out, out, v, h * SUM[1], h * NEXT[1], used); \
            program(c, m, s + 2 * NUMBERS, v, V, out, out, next, h * SUM[2], h * NEXT[2], used); \
            program(c, m, s + 3 * NUMBERS, next, V, out, V, v, h * SUM[3], h * NEXT[3], used); \
        } else \
            program(c, m, s, v, V, V, V, next, 0.0, 0.0, used); \
    }
TANGENTS(one, 1)
TANGENTS(two, 2)

/* Tangent vectors from vector `first` on */
INLINE int columns_of(const Path *p, int first) { return p->k - first * LANES; }

static __attribute__((noinline)) void steps_of(const Path *p, int64_t steps) {
#if SMALL
    num s[GROUPS * STAGES * NUMBERS];
    vec v[ROWS], next[ROWS], out[N];
#else
    num *s = p->s;
    vec *v = p->v, *next = p->next, *out = p->out;
#endif
    for (int64_t step = 0; step < steps; step++) {
        step_state(p, s);
        for (int g = 0; g < GROUPS; g++) {
            int first = 0;
            const num *here = s + g * STAGES * NUMBERS;
#if !SMALL
            for (; first + 2 <= p->vectors; first += 2)
                tangents_two(p + g, here, p[g].V + (size_t)first * N, v, next, out, columns_of(p, first));
#endif
            for (; first < p->vectors; first++)
                tangents_one(p + g, here, p[g].V + (size_t)first * N, v, next, out, columns_of(p, first));
        }
    }
}

/* Where vector q of state i lies. */
INLINE size_t at(const Path *p, int q, int i) {
    return !SMALL && (q | 1) < p->vectors ? (size_t)(q & ~1) * N + 2 * i + (q & 1) : (size_t)q * N + i;
}

/* Where the entry (i, c) of network l lies, in V as numbers. */
INLINE size_t entry(const Path *p, int l, int i, int c) {
#ifdef MEMBERS
    return at(p, c, i) * LANES + l;
#else
    (void)l;
    return at(p, c / LANES, i) * LANES + c % LANES;
#endif
}

/* Lane l of the numbers a */
INLINE double *lane(num *a, int l) { return (double *)a + l; }

#ifdef MEMBERS
#define FACTOR(p, q, i, l) (p)->V[at(p, q, i)]
#else
#define FACTOR(p, q, i, l) (((const double *)&(p)->V[at(p, q, i)])[l] - (vec){0})
#endif

/* Dot products of vector q with column (own, l), in parts: one sum would wait for itself. */
INLINE vec dots(const Path *p, int own, int l, int q) {
    (void)l;
    vec sum[4] = {{0}};
    int i = 0;
    for (; i + 4 <= N; i += 4)
        for (int part = 0; part < 4; part++) sum[part] += p->V[at(p, q, i + part)] * FACTOR(p, own, i + part, l);
    for (; i < N; i++) sum[i % 4] += p->V[at(p, q, i)] * FACTOR(p, own, i, l);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Modified Gram-Schmidt without the normalization; squares of lengths. */
INLINE void orthogonalize(const Path *p) {
    vec *V = p->V;
    for (int c = 0; c < p->k; c++) {
#ifdef MEMBERS
        p->square[c] = dots(p, c, 0, c);
        vec inverse = 1.0 / p->square[c];
        for (int q = c + 1; q < p->k; q++) {
            vec share = dots(p, c, 0, q) * inverse;
            for (int i = 0; i < N; i++) V[at(p, q, i)] -= share * FACTOR(p, c, i, 0);
        }
#else
        int own = c / LANES, l = c % LANES;
        double inverse = 0.0;
        for (int q = own; q < p->vectors; q++) {
            vec share = dots(p, own, l, q);
            if (q == own) {
                p->square[c] = share[l], inverse = 1.0 / share[l];
                for (int before = 0; before <= l; before++) share[before] = 0.0;
            }
            share *= inverse - (vec){0};
            for (int i = 0; i < N; i++) V[at(p, q, i)] -= share * FACTOR(p, own, i, l);
        }
#endif
    }
}

#define TINY 1e-250               /* squares of lengths between this and its inverse are safe */
#define SPREAD 2.7e10             /* eps^(-2/3): so far apart, columns stay orthogonal to rounding */

/* Whether the lengths of network l are such that rounding has left what projections leave. */
INLINE int sound(const Path *p, int l) {
    double least = INFINITY, most = 0.0;
    int fine = 1;
    for (int c = 0; c < p->k; c++) {
        double square = *lane(p->square + c, l);
        fine &= square > TINY && square < 1.0 / TINY;
        least = square < least ? square : least, most = square > most ? square : most;
    }
    return fine && most <= SPREAD * least;
}

/* Columns to length one; the logarithms of their lengths go to the growth. */
INLINE void normalize(const Path *p) {
    for (int c = 0; c < p->k; c++) {
        for (int l = 0; l < NETWORKS; l++) *lane(p->growth + c, l) += 0.5 * log(*lane(p->square + c, l));
        num inverse;
        for (int l = 0; l < NETWORKS; l++) *lane(&inverse, l) = 1.0 / sqrt(*lane(p->square + c, l));
        for (int i = 0; i < N; i++) *(num *)((double *)p->V + entry(p, 0, i, c)) *= inverse;
    }
}

/* Network l alone, from the image of its columns, with care. */
static void normalize_graded(const Path *p, int l) {
    const double *image = (const double *)p->V_saved;
    for (int c = 0; c < p->k; c++)
        for (int i = 0; i < N; i++) p->Q[c * N + i] = image[entry(p, l, i, c)];
    orthonormalize_graded(N, p->k, p->Q, p->row, p->length, p->gone);
    for (int c = 0; c < p->k; c++) {
        *lane(p->growth + c, l) += p->gone[c] ? 0.0 : p->length[c];
        *lane(p->lost + c, l) += p->gone[c];
        *lane(p->square + c, l) = 1.0;
        for (int i = 0; i < N; i++) ((double *)p->V)[entry(p, l, i, c)] = p->Q[c * N + i];
    }
}

INLINE void copy_columns(const Path *p, vec *to, const vec *from) {
    memcpy(to, from, (size_t)p->vectors * N * sizeof(vec));
}

/* One step, normalized, for lengths that leave the range or columns that become dependent. */
static void careful_step(const Path *p) {
    steps_of(p, 1);
    for (int g = 0; g < GROUPS; g++) {
        copy_columns(p + g, p[g].V_saved, p[g].V);
        orthogonalize(p + g);
        for (int l = 0; l < NETWORKS; l++)
            if (!sound(p + g, l)) normalize_graded(p + g, l);
        normalize(p + g);
    }
}

INLINE int all_finite(const Path *p) {
    double zero = 0.0;
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < N; i++)
            for (int l = 0; l < NETWORKS; l++) zero += *lane(p[g].x + i, l) * 0.0;
    return zero == 0.0;
}

/* Steps, normalized every DELAY of them; where something is lost on the way, again, with care. */
static void orthonormal_steps(const Path *p, int64_t steps) {
    for (int64_t done = 0; done < steps && all_finite(p); done += DELAY) {
        int64_t count = steps - done < DELAY ? steps - done : DELAY;
        for (int g = 0; g < GROUPS; g++) {
            memcpy(p[g].x_saved, p[g].x, N * sizeof(num));
            copy_columns(p, p[g].V_saved, p[g].V);
        }
        steps_of(p, count);
        int fine = 1;
        for (int g = 0; g < GROUPS; g++) {
            orthogonalize(p + g);
            for (int l = 0; l < NETWORKS; l++) fine &= sound(p + g, l);
        }
        for (int g = 0; fine && g < GROUPS; g++) normalize(p + g);
        if (fine) continue;
        for (int g = 0; g < GROUPS; g++) {
            memcpy(p[g].x, p[g].x_saved, N * sizeof(num));
            copy_columns(p, p[g].V, p[g].V_saved);
        }
        for (int64_t i = 0; i < count; i++) careful_step(p);
    }
}

/* Room for a path, from `memory` on where that is not NULL; its size. */
static size_t lay_out(Path *p, char *memory) {
    size_t columns = (size_t)p->vectors * N * sizeof(vec), row = N * sizeof(num), k = p->k, total = 0;
    struct { void *pointer; size_t size; } rooms[] = {
        {&p->x, row}, {&p->x_saved, row}, {&p->s, STAGES * NUMBERS * sizeof(num)}, {&p->V, columns},
        {&p->V_saved, columns}, {&p->v, ROWS * 2 * sizeof(vec)}, {&p->next, ROWS * 2 * sizeof(vec)},
        {&p->out, N * 2 * sizeof(vec)}, {&p->Q, k * N * 8}, {&p->row, N * 8}, {&p->length, k * 8},
        {&p->square, k * sizeof(num)}, {&p->growth, k * sizeof(num)}, {&p->lost, k * sizeof(num)},
        {&p->gone, k * sizeof(int)}, {&p->own, OWN * sizeof(fixed)},
    };
    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++) {
        char *at = memory + total;
        if (memory) memcpy(rooms[r].pointer, &at, sizeof at);
        total += (rooms[r].size + 63) / 64 * 64;
    }
    return total;
}

/* Steps of the states alone, which go to `states` (steps, batch, N) for the networks from `first` on. */
static void tell_states(const Path *p, int64_t steps, int64_t batch, int64_t first, double *states) {
    for (int64_t step = 0; step < steps; step++, states += batch * N) {
        steps_of(p, 1);
        for (int g = 0; g < GROUPS; g++)
            for (int l = 0; l < NETWORKS && first + g * NETWORKS + l < batch; l++)
                for (int i = 0; i < N; i++) states[(first + g * NETWORKS + l) * N + i] = *lane(p[g].x + i, l);
    }
}

/* x (batch, n), V (batch, n, k): in and out. c: constants, (batch, OWN) where each has its own; m: packed matrices.
 * growth and lost (batch, k), in and out, receive what the columns have grown by (logarithm) and in how many steps they
 * were lost, where V is to be kept orthonormal: then a stretch may be taken in several calls, each but the last of a
 * multiple of DELAY. growth is NULL where it is not. states (steps, batch, n), where it is not NULL, receives the states
 * after each step; then k is 0. Returns 0, or -1 where there is no memory. */
int advance(int64_t batch, int k, int64_t steps, double h, const double *c, const double *m, double *x, double *V,
            double *growth, double *lost, double *states) {
    Path p[GROUPS];
    for (int g = 0; g < GROUPS; g++) p[g] = (Path){.m = m, .h = h, .k = k};
    for (int g = 0; g < GROUPS; g++) p[g].vectors = NETWORKS > 1 ? k : (k + LANES - 1) / LANES;
    size_t size = lay_out(p, NULL);
    char *memory = aligned_alloc(64, GROUPS * size);
    if (!memory) return -1;
    memset(memory, 0, GROUPS * size);
    for (int g = 0; g < GROUPS; g++) {
        lay_out(p + g, memory + g * size);
        p[g].c = OWN ? p[g].own : (const fixed *)c;
    }
    uint64_t old = flush_denormals();
    for (int64_t first = 0; first < batch; first += GROUPS * NETWORKS) {
        for (int g = 0; g < GROUPS; g++)
            for (int l = 0; l < NETWORKS; l++) {                         /* the last lanes repeat the last network */
                int64_t own = first + g * NETWORKS + l, b = own < batch ? own : batch - 1;
                for (int j = 0; j < OWN; j++) ((double *)(p[g].own + j))[l] = c[b * OWN + j];
                for (int i = 0; i < N; i++) {
                    *lane(p[g].x + i, l) = x[b * N + i];
                    for (int q = 0; q < k; q++) ((double *)p[g].V)[entry(p, l, i, q)] = V[(b * N + i) * k + q];
                }
                for (int q = 0; growth && q < k; q++)
                    *lane(p[g].growth + q, l) = growth[b * k + q], *lane(p[g].lost + q, l) = lost[b * k + q];
            }
        if (states) tell_states(p, steps, batch, first, states);
        else if (growth) orthonormal_steps(p, steps);
        else steps_of(p, steps);
        for (int g = 0; g < GROUPS; g++)
            for (int l = 0; l < NETWORKS && first + g * NETWORKS + l < batch; l++) {
                int64_t b = first + g * NETWORKS + l;
                for (int i = 0; i < N; i++) {
                    x[b * N + i] = *lane(p[g].x + i, l);
                    for (int q = 0; q < k; q++) V[(b * N + i) * k + q] = ((double *)p[g].V)[entry(p, l, i, q)];
                }
                for (int q = 0; growth && q < k; q++)
                    growth[b * k + q] = *lane(p[g].growth + q, l), lost[b * k + q] = *lane(p[g].lost + q, l);
            }
    }
    restore_denormals(old);
    free(memory);
    return 0;
}
