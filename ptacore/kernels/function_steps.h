/* What follows the text of a function: steps of it, and orthonormal columns in between. functions.h says what is what. */

/* Runge-Kutta: stage s goes to x + NEXT[s] h k, and the sum collects SUM[s] h k. */
static const double NEXT[4] = {0.5, 0.5, 1.0, 0.0};
static const double SUM[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

/* One network, or the lanes of a vector full of them, on its way.
 *
 * Tangents lie in `vectors` vectors for each state, of which the text takes two at once where it has loops. */
typedef struct {
    const double *c, *m;
    double h;
    int k, vectors;
    num *x, *x_saved, *s;                      /* (N), (N), (STAGES, NUMBERS) */
    vec *V, *V_saved, *v, *next, *out;         /* (N, vectors), twice; (ROWS, 2), twice; (N, 2) */
    double *Q, *row, *length;                  /* (k, N), (N), (k) */
    num *square, *growth, *lost;               /* (k) each; the last two are results */
    int *gone;                                 /* (k) */
} Path;

/* Numbers of all stages of a step, which moves x. */
INLINE void step_state(const Path *p, num *s) {
    num *x = p->x;
#if FLOW
    num sum[N];
    for (int i = 0; i < N; i++) s[i] = sum[i] = x[i];
#pragma GCC unroll 4
    for (int stage = 0; stage < 4; stage++) {
        num f[N];
        values(p->c, p->m, s + stage * NUMBERS, f);
        for (int i = 0; i < N; i++) {
            sum[i] += f[i] * (p->h * SUM[stage]);
            if (stage < 3) s[(stage + 1) * NUMBERS + i] = x[i] + f[i] * (p->h * NEXT[stage]);
        }
    }
    for (int i = 0; i < N; i++) x[i] = sum[i];
#else
    num f[N];
    for (int i = 0; i < N; i++) s[i] = x[i];
    values(p->c, p->m, s, f);
    for (int i = 0; i < N; i++) x[i] = f[i];
#endif
}

/* W vectors of tangents through the stages of the same step; v, next and out are room. */
#define TANGENTS(program, W) \
    INLINE void tangents_##program(const Path *p, const num *s, vec *V, vec *v, vec *next, vec *out) { \
        const double *c = p->c, *m = p->m, h = p->h; \
        for (int i = 0; i < N * W; i++) v[i] = V[i]; \
        if (FLOW) { \
            program(c, m, s, v, V, V, out, next, h * SUM[0], h * NEXT[0]); \
            program(c, m, s + NUMBERS, next, V, out, out, v, h * SUM[1], h * NEXT[1]); \
            program(c, m, s + 2 * NUMBERS, v, V, out, out, next, h * SUM[2], h * NEXT[2]); \
            program(c, m, s + 3 * NUMBERS, next, V, out, V, v, h * SUM[3], h * NEXT[3]); \
        } else \
            program(c, m, s, v, V, V, V, next, 0.0, 0.0); \
    }
TANGENTS(one, 1)
TANGENTS(two, 2)

static __attribute__((noinline)) void steps_of(const Path *p, int64_t steps) {
#if SMALL
    num s[STAGES * NUMBERS];
    vec v[ROWS], next[ROWS], out[N];
#else
    num *s = p->s;
    vec *v = p->v, *next = p->next, *out = p->out;
#endif
    for (int64_t i = 0; i < steps; i++) {
        step_state(p, s);
        int first = 0;
#if !SMALL
        for (; first + 2 <= p->vectors; first += 2) tangents_two(p, s, p->V + (size_t)first * N, v, next, out);
#endif
        for (; first < p->vectors; first++) tangents_one(p, s, p->V + (size_t)first * N, v, next, out);
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

/* Modified Gram-Schmidt without the normalization; squares of lengths. */
INLINE void orthogonalize(const Path *p) {
    vec *V = p->V;
    for (int c = 0; c < p->k; c++) {
#ifdef MEMBERS
        vec square = {0};
        for (int i = 0; i < N; i++) square += V[at(p, c, i)] * V[at(p, c, i)];
        vec inverse = 1.0 / square;
        for (int q = c + 1; q < p->k; q++) {
            vec dot = {0};
            for (int i = 0; i < N; i++) dot += V[at(p, c, i)] * V[at(p, q, i)];
            dot *= inverse;
            for (int i = 0; i < N; i++) V[at(p, q, i)] -= V[at(p, c, i)] * dot;
        }
        p->square[c] = square;
#else
        int own = c / LANES, l = c % LANES;
        double inverse = 0.0;
        for (int q = own; q < p->vectors; q++) {
            vec dot = {0};
            for (int i = 0; i < N; i++) dot += V[at(p, q, i)] * (((double *)&V[at(p, own, i)])[l] - (vec){0});
            if (q == own) {
                p->square[c] = dot[l], inverse = 1.0 / dot[l];
                for (int before = 0; before <= l; before++) dot[before] = 0.0;
            }
            dot *= inverse - (vec){0};
            for (int i = 0; i < N; i++) V[at(p, q, i)] -= dot * (((double *)&V[at(p, own, i)])[l] - (vec){0});
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

/* One step, normalized, for lengths that leave the range or columns that become dependent. */
static void careful_step(const Path *p) {
    steps_of(p, 1);
    memcpy(p->V_saved, p->V, (size_t)p->vectors * N * sizeof(vec));
    orthogonalize(p);
    for (int l = 0; l < NETWORKS; l++)
        if (!sound(p, l)) normalize_graded(p, l);
    normalize(p);
}

INLINE int all_finite(const num *x) {
    double zero = 0.0;
    for (int i = 0; i < N; i++)
        for (int l = 0; l < NETWORKS; l++) zero += ((const double *)(x + i))[l] * 0.0;
    return zero == 0.0;
}

/* Steps, normalized every DELAY of them; where something is lost on the way, again, with care. */
static void orthonormal_steps(const Path *p, int64_t steps) {
    for (int64_t done = 0; done < steps && all_finite(p->x); done += DELAY) {
        int64_t count = steps - done < DELAY ? steps - done : DELAY;
        memcpy(p->x_saved, p->x, N * sizeof(num));
        memcpy(p->V_saved, p->V, (size_t)p->vectors * N * sizeof(vec));
        steps_of(p, count);
        orthogonalize(p);
        int fine = 1;
        for (int l = 0; l < NETWORKS; l++) fine &= sound(p, l);
        if (fine) {
            normalize(p);
            continue;
        }
        memcpy(p->x, p->x_saved, N * sizeof(num));
        memcpy(p->V, p->V_saved, (size_t)p->vectors * N * sizeof(vec));
        for (int64_t i = 0; i < count; i++) careful_step(p);
    }
}

/* x (batch, n), V (batch, n, k): in and out. c: constants; m: packed matrices. growth and lost (batch, k), in and out,
 * receive what the columns have grown by (logarithm) and in how many steps they were lost, where V is to be kept
 * orthonormal: then a stretch may be taken in several calls, each but the last of a multiple of DELAY. growth is NULL
 * where it is not. Returns 0, or -1 where there is no memory. */
int advance(int64_t batch, int k, int64_t steps, double h, const double *c, const double *m, double *x, double *V,
            double *growth, double *lost) {
    Path p = {.c = c, .m = m, .h = h, .k = k};
#ifdef MEMBERS
    p.vectors = k;
#else
    p.vectors = (k + LANES - 1) / LANES;
#endif
    size_t columns = (size_t)p.vectors * N * sizeof(vec), row = N * sizeof(num);
    struct { void *at; size_t size; } rooms[] = {
        {&p.x, row}, {&p.x_saved, row}, {&p.s, STAGES * NUMBERS * sizeof(num)}, {&p.V, columns}, {&p.V_saved, columns},
        {&p.v, ROWS * 2 * sizeof(vec)}, {&p.next, ROWS * 2 * sizeof(vec)}, {&p.out, N * 2 * sizeof(vec)},
        {&p.Q, (size_t)k * N * 8}, {&p.row, N * 8}, {&p.length, (size_t)k * 8}, {&p.square, k * sizeof(num)},
        {&p.growth, k * sizeof(num)}, {&p.lost, k * sizeof(num)}, {&p.gone, k * sizeof(int)},
    };
    size_t total = 0, count = sizeof rooms / sizeof *rooms;
    for (size_t r = 0; r < count; r++) total += rooms[r].size = (rooms[r].size + 63) / 64 * 64;
    char *memory = aligned_alloc(64, total);
    if (!memory) return -1;
    memset(memory, 0, total);
    char *next = memory;
    for (size_t r = 0; r < count; next += rooms[r].size, r++) memcpy(rooms[r].at, &next, sizeof next);
    uint64_t old = flush_denormals();
    for (int64_t first = 0; first < batch; first += NETWORKS) {
        for (int l = 0; l < NETWORKS; l++) {
            int64_t b = first + l < batch ? first + l : batch - 1;       /* the last lanes repeat the last network */
            for (int i = 0; i < N; i++) {
                *lane(p.x + i, l) = x[b * N + i];
                for (int q = 0; q < k; q++) ((double *)p.V)[entry(&p, l, i, q)] = V[(b * N + i) * k + q];
            }
            for (int q = 0; growth && q < k; q++)
                *lane(p.growth + q, l) = growth[b * k + q], *lane(p.lost + q, l) = lost[b * k + q];
        }
        if (growth) orthonormal_steps(&p, steps);
        else steps_of(&p, steps);
        for (int l = 0; l < NETWORKS && first + l < batch; l++) {
            int64_t b = first + l;
            for (int i = 0; i < N; i++) {
                x[b * N + i] = *lane(p.x + i, l);
                for (int q = 0; q < k; q++) V[(b * N + i) * k + q] = ((double *)p.V)[entry(&p, l, i, q)];
            }
            for (int q = 0; growth && q < k; q++)
                growth[b * k + q] = *lane(p.growth + q, l), lost[b * k + q] = *lane(p.lost + q, l);
        }
    }
    restore_denormals(old);
    free(memory);
    return 0;
}
