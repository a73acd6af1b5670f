// Leading Lyapunov exponents of tau dx/dt = -x + W tanh(x), by three schemes. Pure functions, no page needed;
// tests/book/test_four_or_two.py holds them against ptacore and the notebook.
//
// A block holds the state and five tangent vectors side by side: row i is (x_i, v1_i, ..., v5_i).
const spectra = (() => {
  "use strict";
  const K = 5, WIDTH = K + 1; // exponents; columns of a block
  const SCHEMES = ["printed", "euler", "kutta"];

  // out = W B for a block B.
  function timesBlock(W, B, out, n) {
    for (let i = 0, w = 0; i < n; i++) {
      let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
      for (let j = 0, p = 0; j < n; j++, w++, p += WIDTH) {
        const v = W[w];
        a += v * B[p];
        b += v * B[p + 1];
        c += v * B[p + 2];
        d += v * B[p + 3];
        e += v * B[p + 4];
        f += v * B[p + 5];
      }
      const p = i * WIDTH;
      out[p] = a;
      out[p + 1] = b;
      out[p + 2] = c;
      out[p + 3] = d;
      out[p + 4] = e;
      out[p + 5] = f;
    }
  }

  // out = W y for a vector y, four rows at a time: one sum would wait for itself.
  function timesVector(W, y, out, n) {
    let i = 0;
    for (; i + 3 < n; i += 4) {
      let a = 0, b = 0, c = 0, d = 0;
      for (let j = 0, p = i * n, q = p + n, r = q + n, s = r + n; j < n; j++, p++, q++, r++, s++) {
        const v = y[j];
        a += W[p] * v;
        b += W[q] * v;
        c += W[r] * v;
        d += W[s] * v;
      }
      out[i] = a;
      out[i + 1] = b;
      out[i + 2] = c;
      out[i + 3] = d;
    }
    for (; i < n; i++) {
      out[i] = 0;
      for (let j = 0; j < n; j++) out[i] += W[i * n + j] * y[j];
    }
  }

  // One Runge-Kutta step of order 4, in place: rates(z, out) with arrays of one length.
  function kuttaStep(rates, length) {
    const [k1, k2, k3, k4, at] = Array.from({ length: 5 }, () => new Float64Array(length));
    const shift = (z, h, k) => { for (let i = 0; i < length; i++) at[i] = z[i] + h * k[i]; };
    return (z, dt) => {
      rates(z, k1);
      shift(z, dt / 2, k1);
      rates(at, k2);
      shift(z, dt / 2, k2);
      rates(at, k3);
      shift(z, dt, k3);
      rates(at, k4);
      for (let i = 0; i < length; i++) z[i] += (dt / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    };
  }

  // Gram-Schmidt on the five tangent vectors of a block; adds the logarithms of their lengths to growth.
  function orthonormalize(Z, n, growth) {
    for (let c = 1; c < WIDTH; c++) {
      for (let b = 1; b < c; b++) {
        let along = 0;
        for (let i = 0, p = 0; i < n; i++, p += WIDTH) along += Z[p + b] * Z[p + c];
        for (let i = 0, p = 0; i < n; i++, p += WIDTH) Z[p + c] -= along * Z[p + b];
      }
      let square = 0;
      for (let i = 0, p = 0; i < n; i++, p += WIDTH) square += Z[p + c] * Z[p + c];
      const size = Math.sqrt(square);
      for (let i = 0, p = 0; i < n; i++, p += WIDTH) Z[p + c] /= size;
      growth[c - 1] += Math.log(size);
    }
  }

  // The state x and five orthonormal columns V (n rows), which `advance` moves by steps of dt.
  //   printed: the tangent vectors by Euler steps along an orbit that takes `substeps` Runge-Kutta steps for each;
  //   euler:   the state by Euler steps, too;
  //   kutta:   both through the stages of one Runge-Kutta step.
  function follower({ W, n, tau }, scheme, dt, x, V, substeps = 1) {
    const Z = new Float64Array(n * WIDTH), rate = new Float64Array(n * WIDTH), B = new Float64Array(n * WIDTH);
    const state = Float64Array.from(x), y = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      Z[i * WIDTH] = x[i];
      for (let c = 0; c < K; c++) Z[i * WIDTH + 1 + c] = V[i][c];
    }
    const blockRates = (z, out) => { // of state and tangent vectors: (W tanh(x) - x) / tau and J(x) V
      for (let i = 0, p = 0; i < n; i++, p += WIDTH) {
        const t = Math.tanh(z[p]), slope = 1 - t * t;
        B[p] = t;
        for (let c = 1; c < WIDTH; c++) B[p + c] = slope * z[p + c];
      }
      timesBlock(W, B, out, n);
      for (let p = 0; p < out.length; p++) out[p] = (out[p] - z[p]) / tau;
    };
    const stateRates = (z, out) => {
      for (let i = 0; i < n; i++) y[i] = Math.tanh(z[i]);
      timesVector(W, y, out, n);
      for (let i = 0; i < n; i++) out[i] = (out[i] - z[i]) / tau;
    };
    const moveBlock = kuttaStep(blockRates, n * WIDTH), moveState = kuttaStep(stateRates, n);

    function step() {
      if (scheme === "kutta") {
        moveBlock(Z, dt);
        return;
      }
      blockRates(Z, rate);
      for (let p = 0; p < Z.length; p++) Z[p] += dt * rate[p];
      if (scheme === "euler") return;
      for (let s = 0; s < substeps; s++) moveState(state, dt / substeps);
      for (let i = 0; i < n; i++) Z[i * WIDTH] = state[i];
    }

    return {
      advance(steps, growth) {
        for (let i = 0; i < steps; i++) {
          step();
          orthonormalize(Z, n, growth);
        }
      },
      state: () => Array.from({ length: n }, (_, i) => Z[i * WIDTH]),
    };
  }

  // The state after a time, by Runge-Kutta steps.
  function settled({ W, n, tau }, x, time, dt) {
    const z = Float64Array.from(x), y = new Float64Array(n);
    const move = kuttaStep((at, out) => {
      for (let i = 0; i < n; i++) y[i] = Math.tanh(at[i]);
      timesVector(W, y, out, n);
      for (let i = 0; i < n; i++) out[i] = (out[i] - at[i]) / tau;
    }, n);
    for (let i = Math.round(time / dt); i > 0; i--) move(z, dt);
    return Array.from(z);
  }

  return { K, SCHEMES, follower, settled };
})();
if (typeof module !== "undefined") module.exports = spectra;
