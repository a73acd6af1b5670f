// The 2 x 2 block of Eq. 19 in four networks, as in ptacore: steps, exponents, frequency, adjoint, and the bifurcation
// curves in closed form. Pure functions, no page needed; tests/book/test_explorer.py holds them against ptacore.
//
// All four networks are one family. With W = alpha (cos -sin; sin cos) and y = tanh(g W x), the flow is
// dx/dt = g (y - x) and the map is x <- x + g (y - x); g is 1 for tanh and 1/2 for the GRU, whose gates stand at 1/2.
const oscillator = (() => {
  "use strict";
  const SYSTEMS = ["tanh map", "tanh flow", "GRU map", "GRU flow"];
  const STARTS = [[0.11, 0.29], [0.02, 0.003], [0.97, 0.93]]; // anywhere, near the origin, near a corner
  const BASIS = [-0.5774400386550567, 0.8164330969271434, 0.8164330969271434, 0.5774400386550569]; // ptacore's for seed 0
  const FEW = 3; // turns that a run must hold to time them
  const SAME = 2e-5; // how close, as a share, two measures of a frequency are that agree to five digits
  const STRETCHES = 200; // of the averaging window, each with its weight

  const gate = (system) => (system.startsWith("GRU") ? 0.5 : 1);
  const isFlow = (system) => system.endsWith("flow");
  const timeStep = (system) => (isFlow(system) ? 0.025 / gate(system) : 1); // of a flow, 1/40 time constant

  // ---- one step of the state and two tangent vectors: s = [x, y, u1, u2, v1, v2], in place ----

  function stepper(system, alpha, theta, dt = timeStep(system)) {
    const g = gate(system), a = g * alpha * Math.cos(theta), b = g * alpha * Math.sin(theta);
    function rates(s, out) {
      const y = Math.tanh(a * s[0] - b * s[1]), z = Math.tanh(b * s[0] + a * s[1]);
      const d = 1 - y * y, e = 1 - z * z;
      out[0] = g * (y - s[0]);
      out[1] = g * (z - s[1]);
      for (let i = 2; i < 6; i += 2) {
        out[i] = g * (d * (a * s[i] - b * s[i + 1]) - s[i]);
        out[i + 1] = g * (e * (b * s[i] + a * s[i + 1]) - s[i + 1]);
      }
    }
    const [k1, k2, k3, k4, at] = Array.from({ length: 5 }, () => new Float64Array(6));
    const shift = (s, h, k) => { for (let i = 0; i < 6; i++) at[i] = s[i] + h * k[i]; };
    return (s) => {
      rates(s, k1);
      if (!isFlow(system)) {
        for (let i = 0; i < 6; i++) s[i] += k1[i];
        return;
      }
      shift(s, dt / 2, k1);
      rates(at, k2);
      shift(s, dt / 2, k2);
      rates(at, k3);
      shift(s, dt, k3);
      rates(at, k4);
      for (let i = 0; i < 6; i++) s[i] += (dt / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    };
  }

  // Gram-Schmidt; adds the logarithms of the lengths to growth[at], growth[at + 1]. A vector that the step has made
  // zero (gain 0) has grown by -Infinity, and goes on as any unit vector.
  function orthonormalize(s, growth, at) {
    const first = Math.hypot(s[2], s[3]);
    [s[2], s[3]] = first > 0 ? [s[2] / first, s[3] / first] : [1, 0];
    const along = s[2] * s[4] + s[3] * s[5];
    s[4] -= along * s[2];
    s[5] -= along * s[3];
    const second = Math.hypot(s[4], s[5]);
    [s[4], s[5]] = second > 0 ? [s[4] / second, s[5] / second] : [-s[3], s[2]];
    growth[at] += Math.log(first);
    growth[at + 1] += Math.log(second);
  }

  // Both Lyapunov exponents and the turns about the origin, per unit of time, averaged over `steps` with the weights
  // exp(-1 / u (1 - u)) of ptacore's smooth_exponents; and the state at the end. A flow that has gone round is timed by
  // its whole turns instead, which on a cycle is exact. `resolved` tells whether the turns of the first half say the same.
  function follow(system, alpha, theta, { steps = 10000, transient = steps / 5, dt = timeStep(system), start = STARTS[0] } = {}) {
    const step = stepper(system, alpha, theta, dt);
    const s = Float64Array.of(...start, ...BASIS);
    const spare = new Float64Array(2);
    for (let i = 0; i < transient; i++) {
      step(s);
      orthonormalize(s, spare, 0);
    }
    // angles count from the one by which a map turns at the origin, so that no branch cut is near
    const g = gate(system), reference = isFlow(system) ? 0 :
      Math.atan2(g * g * alpha * Math.sin(theta), 1 - g + g * g * alpha * Math.cos(theta));
    const c = Math.cos(reference), d = Math.sin(reference);
    const parts = Math.min(STRETCHES, steps), total = [0, 0, 0], returns = [0];
    let weights = 0, begin = 0, angle = 0, early = 0, earlyWeights = 0;
    for (let m = 0; m < parts; m++) {
      const end = Math.round(((m + 1) * steps) / parts), growth = [0, 0];
      let turned = 0;
      for (let i = begin; i < end; i++) {
        const x = s[0], y = s[1];
        step(s);
        orthonormalize(s, growth, 0);
        const dot = x * s[0] + y * s[1], cross = x * s[1] - y * s[0];
        const by = reference + Math.atan2(cross * c - dot * d, dot * c + cross * d);
        turned += by;
        angle += by;
        const turns = returns.length;
        if (angle >= 2 * Math.PI * turns) returns.push((i + 1 - (angle - 2 * Math.PI * turns) / by) * dt);
      }
      const u = (begin + end) / 2 / steps, weight = Math.exp(-1 / (u * (1 - u)));
      weights += weight * (end - begin) * dt;
      for (const [i, value] of [growth[0], growth[1], turned / (2 * Math.PI)].entries()) total[i] += weight * value;
      if (m < parts >> 1) {
        const weight = Math.exp(-1 / (2 * u * (1 - 2 * u)));
        early += (weight * turned) / (2 * Math.PI);
        earlyWeights += weight * (end - begin) * dt;
      }
      begin = end;
    }
    const [first, second, mean] = total.map((value) => value / weights), turns = returns.length - 1;
    const timed = isFlow(system) && turns > 0, frequency = timed ? turns / returns[turns] : mean;
    const before = timed ? (turns >> 1) / returns[turns >> 1] : early / earlyWeights;
    const resolved = (turns >= FEW || !isFlow(system)) && Math.abs(before - frequency) < SAME * Math.abs(frequency);
    return { exponents: [first, second], frequency, resolved, state: [s[0], s[1]], resolution: Math.LN10 / (steps * dt) };
  }

  // States x(0) ... x(n) from a start, as two arrays.
  function path(system, alpha, theta, start, n, dt = timeStep(system)) {
    const step = stepper(system, alpha, theta, dt), s = Float64Array.of(...start, 0, 0, 0, 0);
    const x = new Float64Array(n + 1), y = new Float64Array(n + 1);
    for (let i = 0; i <= n; i++) {
      [x[i], y[i]] = s;
      step(s);
    }
    return [x, y];
  }

  // Adjoint psi(0) ... psi(n) of that path (Eq. 11), backward from (1, 0) at its end by the transposed steps.
  function adjoint(system, alpha, theta, [x, y], dt = timeStep(system)) {
    const step = stepper(system, alpha, theta, dt), s = new Float64Array(6);
    const p = new Float64Array(x.length), q = new Float64Array(x.length);
    p[x.length - 1] = 1;
    for (let i = x.length - 2; i >= 0; i--) {
      s.set([x[i], y[i], 1, 0, 0, 1]);
      step(s); // the step's derivative, column by column
      p[i] = s[2] * p[i + 1] + s[3] * q[i + 1];
      q[i] = s[4] * p[i + 1] + s[5] * q[i + 1];
    }
    return [p, q];
  }

  // What the orbit comes to, from what was measured: the kinds of ptacore.certify, and the period of a locked orbit.
  // Next to a saddle-node an orbit may stand still for long: rest is believed where it attracts within the run. In a
  // plane no flow is chaotic.
  function kind(system, alpha, theta, { exponents: [first], resolved, state, resolution }) {
    const step = stepper(system, alpha, theta), s = Float64Array.of(...state, 0, 0, 0, 0);
    step(s);
    const size = Math.hypot(...state), speed = Math.hypot(s[0] - state[0], s[1] - state[1]) / timeStep(system);
    const dies = alpha <= criticalGain(system, theta);
    if (size < (dies ? 0.05 : 1e-5)) return { name: dies ? "stable origin" : "unresolved" };
    if (speed < 1e-7) return { name: first < -resolution ? "fixed points" : "unresolved" };
    if (isFlow(system)) return { name: Math.abs(first) <= resolution && resolved ? "limit cycle" : "unresolved" };
    if (first > resolution) return { name: "chaos" };
    for (let q = 2; q <= 256; q++) {
      step(s);
      if (Math.hypot(s[0] - state[0], s[1] - state[1]) < 1e-7) return { name: "locked orbit", period: q };
    }
    return { name: Math.abs(first) <= resolution ? "invariant circle" : "unresolved" };
  }

  // ---- bifurcation curves, as in ptacore.models.oscillator ----

  // Gain at which the origin loses stability; infinite where none makes it unstable.
  function criticalGain(system, theta) {
    const cosine = Math.cos(theta);
    if (isFlow(system)) return cosine > 0 ? 1 / (gate(system) * cosine) : Infinity;
    return system === "tanh map" ? 1 : -2 * cosine + Math.sqrt(12 + 4 * cosine * cosine);
  }

  // Angle LL(gain) below which x = tanh(gain R(theta) x) has solutions other than 0: largest over directions of u.
  function saddleNodeAngle(gain, directions = 256) {
    if (gain <= 1) return 0;
    const angles = Array.from({ length: directions }, (_, i) => {
      const phi = (i * Math.PI) / 4 / (directions - 1), c = Math.cos(phi), s = Math.sin(phi);
      let low = 0, high = Math.SQRT2 * gain;
      for (let k = 0; k < 54; k++) {
        const r = (low + high) / 2;
        if (r < gain * Math.hypot(Math.tanh(r * c), Math.tanh(r * s))) low = r;
        else high = r;
      }
      return Math.atan2(Math.tanh(high * s), Math.tanh(high * c)) - phi;
    });
    const best = angles.reduce((top, angle, i) => (angle > angles[top] ? i : top), 1);
    const [before, at, after] = [-1, 0, 1].map((i) => angles[Math.min(Math.max(best, 1), directions - 2) + i]);
    const bend = before - 2 * at + after;
    return Math.max(at - (bend < 0 ? (after - before) ** 2 / (8 * bend) : 0), 0);
  }

  // The tongues whose orbits turn by whole quarters in a step; of a flow, the region where it rests.
  function tongues(system) {
    const g = gate(system);
    if (isFlow(system)) return [{ name: "rest", centre: 0, tip: 1 / g }];
    return [["0:1", 1, 0], ["1:4", 0, 1], ["1:2", -1, 0]].map(([name, re, im]) => {
      const [x, y] = [(re - 1 + g) / g, im / g]; // y = c x there, c = (i^k - 1 + g) / g
      return { name, centre: Math.abs(Math.atan2(y, x)), tip: Math.hypot(x, y) / g };
    });
  }

  return { SYSTEMS, STARTS, gate, isFlow, timeStep, follow, path, adjoint, kind, criticalGain, saddleNodeAngle, tongues };
})();
if (typeof module !== "undefined") module.exports = oscillator;
