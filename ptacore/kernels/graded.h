/* Columns that are small or nearly dependent, made orthonormal; dynamics/orthonormal.py says how. */
#pragma once
#include <math.h>

/* v to length one; the logarithm of its length. A zero stays, NaN stays NaN. */
static double unit(int n, double *v) {
    double largest = 0.0, square = 0.0;
    for (int i = 0; i < n; i++) largest = fabs(v[i]) > largest || v[i] != v[i] ? fabs(v[i]) : largest;
    if (largest == 0.0) return -INFINITY;
    for (int i = 0; i < n; i++) v[i] /= largest, square += v[i] * v[i];
    for (int i = 0; i < n; i++) v[i] /= sqrt(square);
    return log(largest) + 0.5 * log(square);
}

static void project_out(int n, int count, const double *Q, double *v) {
    for (int p = 0; p < count; p++) {
        double dot = 0.0;
        for (int i = 0; i < n; i++) dot += Q[p * n + i] * v[i];
        for (int i = 0; i < n; i++) v[i] -= dot * Q[p * n + i];
    }
}

/* Q: k columns of n numbers, one after the other, in and out; row (n): room; length (k) receives the logarithms of what
 * is new in each column, and lost (k) whether it does not stand out from rounding. */
static void orthonormalize_graded(int n, int k, double *Q, double *row, double *length, int *lost) {
    double faint = 16.0 * sqrt((double)n) * 0x1p-52;
    for (int i = 0; i < n; i++) {
        row[i] = 0.0;
        for (int c = 0; c < k; c++) row[i] = fabs(Q[c * n + i]) > row[i] ? fabs(Q[c * n + i]) : row[i];
    }
    for (int c = 0; c < k; c++) {
        double *v = Q + c * n, shrunk = -1.0;
        length[c] = unit(n, v);
        for (int pass = 0; pass < 50 && shrunk < -0.7 && shrunk > -INFINITY; pass++) {
            project_out(n, c, Q, v);
            length[c] += shrunk = unit(n, v);
        }
        int told = length[c] != length[c];
        for (int i = 0; i < n; i++)
            told |= v[i] != 0.0 && row[i] > 0.0 && log(fabs(v[i])) + length[c] - log(row[i]) > log(faint);
        lost[c] = !told;
        if (length[c] == -INFINITY || shrunk < -0.7) {   /* nothing, or rounding in the span: the axis least taken up */
            int axis = 0;
            double least = INFINITY;
            for (int i = 0; i < n; i++) {
                double taken = 0.0;
                for (int p = 0; p < c; p++) taken += Q[p * n + i] * Q[p * n + i];
                if (taken < least) least = taken, axis = i;
            }
            for (int i = 0; i < n; i++) v[i] = i == axis;
            for (int pass = 0; pass < 2; pass++) project_out(n, c, Q, v), unit(n, v);
        }
    }
}
