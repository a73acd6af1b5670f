// The explorer: a point on the phase diagram, and what the block does there, computed anew as the point moves.
// oscillator.js does the mathematics; here are the state, which the page's address holds, the reader's hand, and drawing.
(() => {
  "use strict";
  const root = document.querySelector(".pta-explorer");
  const part = (name) => root.querySelector(`.${name}`);
  const { SYSTEMS, STARTS, gate, isFlow, timeStep, follow, path, adjoint, kind, criticalGain, saddleNodeAngle, tongues } = oscillator;
  const BLUE = "#2a8fcf", ORANGE = "#de8f05", GREEN = "#029e73", RED = "#d55e00"; // legible on white and on black
  const FAINT = "rgba(128,128,128,0.35)";
  const COLUMNS = 160, ROWS = 112, COARSEST = 16; // cells of the map; blocks are halved from the coarsest down to one cell
  const SLICE = 8; // ms of a frame in which the map may be refined
  const ZERO = 1e-3; // exponents of the map closer to zero than this are painted as zero

  // ---- state, and the address that holds it ----

  const state = { system: "tanh map", alpha: 1.2, theta: 0.5, start: 0, colour: "exponent", zoom: 1, at: [0, 0] };
  const whole = () => [0, Math.PI, 0, 5 / gate(state.system)]; // angles from, to; gains from, to
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function view() { // the part of the whole that is shown: 1 / zoom of each side, about state.at as far as there is room
    const [t0, t1, a0, a1] = whole(), [w, h] = [(t1 - t0) / state.zoom, (a1 - a0) / state.zoom];
    const t = clamp(state.at[0] - w / 2, t0, t1 - w), a = clamp(state.at[1] - h / 2, a0, a1 - h);
    return [t, t + w, a, a + h];
  }

  function move(alpha, theta) {
    const [t0, t1, a0, a1] = whole();
    Object.assign(state, { alpha: clamp(alpha, a0, a1), theta: clamp(theta, t0, t1) });
  }

  const tidy = (value) => String(Number(value.toPrecision(8)));

  function address() {
    const { system, alpha, theta, start, colour, zoom, at } = state;
    const words = { network: system.replace(" ", "-"), alpha: tidy(alpha), theta: tidy(theta) };
    if (start) words.start = start;
    if (colour !== "exponent") words.colour = colour;
    if (zoom > 1) Object.assign(words, { zoom, at: at.map(tidy).join(" ") });
    return `#${new URLSearchParams(words)}`;
  }

  // What is missing stays as it is; what makes no sense too, or it is moved to the nearest that does, and that is said.
  // An address without "=" is a place on the page.
  function readAddress() {
    if (!location.hash.includes("=")) return;
    const given = new URLSearchParams(location.hash.slice(1)), complaints = [];
    const wrong = (name, accepted) => complaints.push(`${name} “${given.get(name)}” is not ${accepted}`);
    const choice = (name, all, otherwise) => {
      if (all.includes(given.get(name))) return given.get(name);
      if (given.has(name)) wrong(name, `one of ${all.join(", ")}`);
      return otherwise;
    };
    const number = (name, low, high, otherwise) => {
      if (!given.has(name)) return otherwise;
      const value = given.get(name).trim() === "" ? NaN : Number(given.get(name));
      if (!(value >= low && value <= high + 1e-7)) wrong(name, `a number from ${tidy(low)} to ${tidy(high)}`);
      return isFinite(value) ? clamp(value, low, high) : otherwise;
    };
    const names = SYSTEMS.map((system) => system.replace(" ", "-"));
    state.system = choice("network", names, state.system.replace(" ", "-")).replace("-", " ");
    const [t0, t1, a0, a1] = whole();
    move(number("alpha", a0, a1, state.alpha), number("theta", t0, t1, state.theta));
    state.start = Number(choice("start", Object.keys(STARTS), "0"));
    state.colour = choice("colour", ["exponent", "frequency"], "exponent");
    state.zoom = number("zoom", 1, 4096, 1);
    const at = (given.get("at") || "").split(" ").map(Number), two = at.length === 2 && at.every(isFinite);
    if (given.has("at") && !two) wrong("at", "an angle and a gain");
    state.at = two ? at : [state.theta, state.alpha];
    part("heed").textContent = complaints.length ? `In the address, ${complaints.join("; ")}. The nearest state is shown.` : "";
  }

  // ---- drawing: a plot is a canvas with two axes ----

  const shown = (value, digits) => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−");
  const raised = (n) => `10${[...String(n)].map((c) => ({ "-": "⁻" })[c] || "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")}`;

  function ticks(low, high, most) { // multiples of 1, 2 or 5 times a power of ten
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= rough), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const values = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) values.push(i * step);
    return values.map((value) => [value, shown(value, digits)]);
  }

  function quarters(low, high, most) { // angles: as fractions of pi while there is room for them
    if (high - low < 1) return ticks(low, high, most);
    return [0, 1, 2, 3, 4].map((q) => [(q * Math.PI) / 4, ["0", "π/4", "π/2", "3π/4", "π"][q]]).filter(([v]) => v >= low - 1e-9 && v <= high + 1e-9);
  }

  class Plot {
    constructor(name) {
      this.canvas = part(name);
      this.pen = this.canvas.getContext("2d");
    }

    // Clears the canvas, draws its axes, and clips what follows to them.
    axes([x0, x1], [y0, y1], xlabel, ylabel, xticks, yticks, { square = false, below = () => {} } = {}) {
      const { canvas, pen } = this, { width, height } = canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
      if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale))
        Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, width, height);
      let [left, top, w, h] = [54, 8, width - 66, height - 44];
      if (square) {
        const side = Math.min(w, h);
        [left, w, h] = [left + (w - side) / 2, side, side];
      }
      this.x = (v) => left + ((v - x0) / (x1 - x0)) * w;
      this.y = (v) => top + h - ((v - y0) / (y1 - y0)) * h;
      this.inverse = (px, py) => [x0 + ((px - left) / w) * (x1 - x0), y0 + ((top + h - py) / h) * (y1 - y0)];
      below(left, top, w, h);
      pen.font = `12px ${this.font ??= getComputedStyle(root).fontFamily}`;
      pen.strokeStyle = pen.fillStyle = ink;
      pen.lineWidth = 1;
      pen.strokeRect(left, top, w, h);
      pen.textAlign = "center";
      for (const [value, label] of xticks) {
        pen.fillRect(this.x(value) - 0.5, top + h, 1, 4);
        pen.fillText(label, this.x(value), top + h + 17);
      }
      pen.fillText(xlabel, left + w / 2, top + h + 33);
      pen.textAlign = "right";
      for (const [value, label] of yticks) {
        pen.fillRect(left - 4, this.y(value) - 0.5, 4, 1);
        pen.fillText(label, left - 7, this.y(value) + 4);
      }
      pen.save();
      pen.textAlign = "center";
      pen.translate(left - 42, top + h / 2);
      pen.rotate(-Math.PI / 2);
      pen.fillText(ylabel, 0, 0);
      pen.restore();
      pen.save();
      pen.beginPath();
      pen.rect(left, top, w, h);
      pen.clip();
      return this;
    }

    done() { this.pen.restore(); }

    line(xs, ys, color, width = 1.5, dash = []) {
      const { pen } = this;
      pen.beginPath();
      for (let i = 0; i < xs.length; i++) pen.lineTo(this.x(xs[i]), this.y(ys[i]));
      Object.assign(pen, { strokeStyle: color, lineWidth: width, lineJoin: "round" });
      pen.setLineDash(dash);
      pen.stroke();
      pen.setLineDash([]);
    }

    dots(xs, ys, color, radius = 2) {
      const { pen } = this;
      pen.fillStyle = color;
      for (let i = 0; i < xs.length; i++) {
        pen.beginPath();
        pen.arc(this.x(xs[i]), this.y(ys[i]), radius, 0, 2 * Math.PI);
        pen.fill();
      }
    }

    name(text, x, y, align) { // black on white, over any colour
      const { pen } = this, shift = { left: 5, center: 0, right: -5 }[align];
      Object.assign(pen, { textAlign: align, strokeStyle: "#fff", lineWidth: 4, fillStyle: "#000" });
      pen.strokeText(text, this.x(x) + shift, this.y(y) + 4);
      pen.fillText(text, this.x(x) + shift, this.y(y) + 4);
    }

    ring(x, y, color, radius, width) {
      const { pen } = this;
      pen.beginPath();
      pen.arc(this.x(x), this.y(y), radius, 0, 2 * Math.PI);
      Object.assign(pen, { strokeStyle: color, lineWidth: width });
      pen.stroke();
    }
  }

  // ---- the map: from coarse to fine, a few milliseconds in each frame ----

  const picture = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: ROWS });
  const pixels = new ImageData(COLUMNS, ROWS);
  let refining = null, curves = [];

  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const SCALES = {
    blues: ["#08306b", "#2171b5", "#6baed6", "#c6dbef"].map(rgb),
    viridis: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"].map(rgb),
  };

  function mixed(scale, share) {
    const place = clamp(share, 0, 1) * (scale.length - 1), i = Math.min(Math.floor(place), scale.length - 2);
    return scale[i].map((v, c) => v + (place - i) * (scale[i + 1][c] - v));
  }

  function color(alpha, theta) {
    const flow = isFlow(state.system), dt = (flow ? 4 : 1) * timeStep(state.system);
    const run = (steps, transient) => follow(state.system, alpha, theta, { steps, transient, dt, start: STARTS[state.start] });
    let { exponents: [first], frequency } = run(600, 200);
    if (first > ZERO) ({ exponents: [first], frequency } = run(4000, 2000)); // growth out of the start may have been taken for chaos
    if (state.colour === "frequency")
      return first < -0.02 ? [200, 200, 200] : mixed(SCALES.viridis, Math.abs(frequency) / (flow ? 0.25 * gate(state.system) : 0.5));
    return Math.abs(first) < ZERO ? rgb(GREEN) : first > 0 ? rgb(RED) : mixed(SCALES.blues, 1 + first / 2);
  }

  function* refine() {
    const [t0, t1, a0, a1] = view();
    for (let size = COARSEST; size >= 1; size /= 2)
      for (let row = 0; row < ROWS; row += size)
        for (let column = 0; column < COLUMNS; column += size) {
          if (size < COARSEST && row % (2 * size) === 0 && column % (2 * size) === 0) continue; // known
          const alpha = a1 - ((row + 0.5) / ROWS) * (a1 - a0), theta = t0 + ((column + 0.5) / COLUMNS) * (t1 - t0);
          const [r, g, b] = color(alpha, theta);
          for (let y = row; y < row + size; y++)
            for (let x = column; x < column + size; x++) pixels.data.set([r, g, b, 255], 4 * (y * COLUMNS + x));
          yield;
        }
  }

  function findCurves() { // where the origin loses its stability, and the edges of the strong tongues
    const [t0, t1, a0, a1] = view(), steps = Array.from({ length: 200 }, (_, i) => i / 199);
    const angles = steps.map((u) => t0 + u * (t1 - t0));
    curves = [[angles, angles.map((t) => Math.min(criticalGain(state.system, t), 100))]];
    for (const { centre, tip } of tongues(state.system)) {
      const gains = steps.map((u) => Math.max(a0, tip) + u * (a1 - Math.max(a0, tip))).filter((a) => a >= tip);
      const widths = gains.map((a) => saddleNodeAngle(a / tip, 64));
      for (const side of [-1, 1]) curves.push([gains.map((_, i) => centre + side * widths[i]), gains]);
    }
  }

  function drawMap() {
    const [t0, t1, a0, a1] = view();
    picture.getContext("2d").putImageData(pixels, 0, 0);
    plots.map.axes([t0, t1], [a0, a1], "angle θ", "gain α", quarters(t0, t1, 5), ticks(a0, a1, 6), {
      below: (...box) => {
        plots.map.pen.imageSmoothingEnabled = false;
        plots.map.pen.drawImage(picture, ...box);
      },
    });
    for (const [ts, as] of curves) plots.map.line(ts, as, "#fff", 3);
    for (const [ts, as] of curves) plots.map.line(ts, as, "#000", 1.2);
    for (const { name, centre, tip } of tongues(state.system)) {
      const alpha = clamp(a1 - 0.06 * (a1 - a0), 1.35 * tip, 2.2 * tip); // inside, where the tongue is wide enough for its name
      const inset = centre < 0.1 ? "left" : centre > 3 ? "right" : "center";
      plots.map.name(name, centre, alpha, inset);
    }
    plots.map.ring(state.theta, state.alpha, "#fff", 8, 5);
    plots.map.ring(state.theta, state.alpha, "#000", 8, 2.2);
    plots.map.done();
  }

  function legend() {
    const patch = (hex, words) => `<span><i style="background:${hex}"></i>${words}</span>`;
    const bar = (low, scale, high) => `<span>${low}<i class="scale" style="background:linear-gradient(to right,${
      scale.map((c) => `rgb(${c})`)})"></i>${high}</span>`;
    const unit = isFlow(state.system) ? "unit time" : "step", top = isFlow(state.system) ? 0.25 * gate(state.system) : 0.5;
    part("legend").innerHTML = state.colour === "exponent" ?
      bar("λ₁ ≤ −2", SCALES.blues, "below 0") + patch(GREEN, "zero") + patch(RED, "positive") :
      bar("0", SCALES.viridis, `${top} turns per ${unit}`) + patch("#c8c8c8", "λ₁ below −0.02");
  }

  // ---- the point: everything about it, in every frame in which it has moved ----

  let measured = null;

  function drawPoint() {
    const { system, alpha, theta } = state, flow = isFlow(system), start = STARTS[state.start];
    measured = follow(system, alpha, theta, { start });
    measured.kind = kind(system, alpha, theta, measured);
    const dt = timeStep(system), n = flow ? 1600 : 80, unit = flow ? "time" : "steps";
    const early = path(system, alpha, theta, start, n), late = path(system, alpha, theta, measured.state, flow ? n : 1000);
    const draw = (plot, xs, ys, color, radius) => (flow ? plot.line(xs, ys, color) : plot.dots(xs, ys, color, radius));

    const unitRange = [-1.08, 1.08], unitTicks = [[-1, "−1"], [0, "0"], [1, "1"]];
    plots.plane.axes(unitRange, unitRange, "x₁", "x₂", unitTicks, unitTicks, { square: true });
    plots.plane.line(...early, FAINT, 1);
    draw(plots.plane, ...early, "rgba(128,128,128,0.7)", 1.5);
    draw(plots.plane, ...late, BLUE, 1.8);
    plots.plane.dots(...late.map((v) => [v[n]]), BLUE, 4);
    plots.plane.ring(...start, ink, 4, 1.5);
    plots.plane.done();

    const times = Float64Array.from({ length: n + 1 }, (_, i) => i * dt), span = [0, n * dt];
    plots.course.axes(span, unitRange, `${unit} from the start`, "x₁, x₂", ticks(...span, 5), unitTicks);
    for (const [k, color] of [[1, ORANGE], [0, BLUE]]) {
      plots.course.line(times, early[k], color, flow ? 1.5 : 0.7);
      if (!flow) plots.course.dots(times, early[k], color, 2);
    }
    plots.course.done();

    const end = late.map((v) => v.subarray(0, n + 1)), [p, q] = adjoint(system, alpha, theta, end);
    const size = p.map((v, i) => Math.log10(Math.max(Math.hypot(v, q[i]), 1e-300))), back = times.map((t) => n * dt - t);
    const decades = [-8, -6, -4, -2, 0, 2].map((d) => [d, raised(d)]);
    plots.adjoint.axes(span, [-8.5, 2.5], `${unit} before the end`, "|ψ|", ticks(...span, 5), decades);
    const slope = Math.max(measured.exponents[0], -1e3); // of a superstable orbit too
    plots.adjoint.line(span, span.map((t) => (slope * t) / Math.LN10), ink, 1.2, [3, 3]);
    plots.adjoint.line(back, size, BLUE, 1.8);
    plots.adjoint.done();

    const floor = -2.5, values = measured.exponents.map((v) => Math.max(v, floor)), zero = isZero();
    plots.spectrum.axes([0.4, 2.6], [floor - 0.1, 0.95], "", `per ${flow ? "unit time" : "step"}`, [[1, "λ₁"], [2, "λ₂"]], ticks(-2, 0.5, 6));
    plots.spectrum.line([0.4, 2.6], [0, 0], FAINT, 1);
    values.forEach((value, i) => {
      const color = i === 0 && zero ? GREEN : value > measured.resolution ? RED : BLUE;
      plots.spectrum.line([i + 1, i + 1], [0, value], color, 2);
      plots.spectrum.dots([i + 1], [value], color, 5);
      plots.spectrum.pen.fillStyle = ink;
      plots.spectrum.pen.textAlign = "center";
      plots.spectrum.pen.fillText(exponent(i), plots.spectrum.x(i + 1), plots.spectrum.y(i ? 0.28 : 0.6));
    });
    plots.spectrum.done();
    drawNumbers();
  }

  const isZero = () => ["limit cycle", "invariant circle"].includes(measured.kind.name);
  const counted = (value) => Number(value.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 3 });

  function exponent(i) {
    const value = measured.exponents[i];
    return value === -Infinity ? "−∞" : value < -8 ? "below −8" : shown(value, 4) + (i === 0 && isZero() ? " †" : "");
  }

  // The line that puts oscillators of this point into a network of the reader's; one that is none must be asked for.
  function initializer() {
    const { system, alpha, theta } = state, at = `alpha=${tidy(alpha)}, theta=${tidy(theta)}`;
    const rest = isZero() ? "" : ", certified=False";
    return isFlow(system) ? `pta.pta_(weight, ${at}, system="${system}"${rest})` : `pta.pta_(rnn, ${at}${rest})`;
  }

  function drawNumbers() {
    const { system, alpha, theta } = state;
    part("alpha").value = alpha;
    part("theta").value = theta;
    part("alpha-value").textContent = shown(alpha, 4);
    part("theta-value").textContent = `${shown(theta, 4)} (${shown(theta / Math.PI, 4)} π)`;
    part("alpha").setAttribute("aria-valuetext", shown(alpha, 4));
    part("theta").setAttribute("aria-valuetext", `${shown(theta / Math.PI, 4)} pi`);
    part("code").textContent = `pta.certify("${system}", ${tidy(alpha)}, ${tidy(theta)})`;
    part("line").textContent = initializer();
  }

  function words() {
    const { system, alpha, theta } = state, { exponents: [first], frequency, resolved, resolution } = measured;
    const { name, period } = measured.kind, per = isFlow(system) ? "unit time" : "step", unit = isFlow(system) ? "units of time" : "steps";
    const spell = (length) => counted(length) === "1" ? per : `${counted(length)} ${unit}`;
    const turns = Math.round(frequency * period), span = `${counted(Math.LN10 / resolution)} ${unit}`;
    const comes = {
      "stable origin": "The orbit comes to rest at the origin",
      "fixed points": "The orbit comes to rest at one of four fixed points, which quarter turns carry into each other",
      "locked orbit": `The orbit is locked: it returns after ${period} steps, in ${turns === 1 ? "one turn" : `${turns} turns`}`,
      "invariant circle": `The orbit goes round an invariant circle, ${resolved ? `${shown(frequency, 5)} turns a step` : "how fast is not resolved"}, ` +
        "and does not close within 256 steps",
      "limit cycle": `The orbit is a limit cycle of period ${(1 / Math.abs(frequency)).toPrecision(5)}`,
      chaos: "The orbit is chaotic",
      unresolved: `Not resolved: what the orbit comes to is not decided in the ${span} for which it is followed; a bifurcation is near`,
    }[name];
    const lives = name === "unresolved" ? "Whether the adjoint lasts is not resolved" :
      isZero() ? "The adjoint keeps its size: an error teaches what happened any time ago" :
      first === -Infinity ? "The adjoint is zero after one step: nothing that happened before is learned" :
      Math.abs(first) <= resolution ? `The adjoint’s decay is slower than ${span} can tell: λ₁ is not resolved` :
      first < 0 ? `The adjoint falls by half every ${spell(-Math.LN2 / first)}: what happened long ago is not learned` :
      `The adjoint doubles every ${spell(Math.LN2 / first)}: it explodes`;
    const values = name === "unresolved" ? "" : ` λ₁ = ${exponent(0)}, λ₂ = ${exponent(1)} per ${per}.`;
    return `The ${system} with α = ${shown(alpha, 4)}, θ = ${shown(theta, 4)} (${shown(theta / Math.PI, 4)} π). ${comes}.${values} ${lives}.`;
  }

  // ---- frames ----

  let ink = "", frame = 0, moved = true, changed = true, settling = 0, plots = {};

  function settle() { // once the hand rests: words for those who listen, the address, and the map's refinement
    part("words").textContent = words();
    part("map").setAttribute("aria-label", `Phase diagram over angle and gain. ${words()}`);
    if (location.hash !== address()) location.replace(address());
    part("link").href = address();
    settling = 0;
    root.dataset.hand = "at rest";
    request();
  }

  function draw() {
    frame = 0;
    ink = getComputedStyle(root).color;
    if (changed) {
      root.dataset.map = "refining";
      refining = refine();
      findCurves();
      legend();
    }
    if (moved) {
      drawPoint();
      clearTimeout(settling);
      settling = setTimeout(settle, 200);
    } else if (refining && !settling) {
      const until = performance.now() + SLICE;
      while (refining && performance.now() < until) if (refining.next().done) refining = null;
      if (!refining) root.dataset.map = "complete";
    }
    moved = changed = false;
    drawMap();
    if (refining && !settling) request();
  }

  const request = () => { frame ||= requestAnimationFrame(draw); };
  const again = () => { moved = true; root.dataset.hand = "moving"; request(); };
  const anew = () => { changed = true; again(); };

  // ---- the reader's hand ----

  function buttons(name, choices, chosen, choose) {
    const all = choices.map(([value, words]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
      button.addEventListener("click", () => { choose(value); anew(); });
      part(name).append(button);
      return [value, button];
    });
    return () => all.forEach(([value, button]) => button.setAttribute("aria-pressed", String(value === chosen())));
  }

  function setSystem(network, time) { // the same gain before tanh, so that the place in the diagram stays
    const system = `${network} ${time}`, factor = gate(state.system) / gate(system);
    state.at[1] *= factor;
    state.system = system;
    move(state.alpha * factor, state.theta);
    part("alpha").max = whole()[3];
  }

  function zoom(factor) {
    state.zoom = factor ? clamp(state.zoom * factor, 1, 4096) : 1;
    state.at = [state.theta, state.alpha];
    anew();
  }

  function listen() {
    const [network, time] = [() => state.system.split(" ")[0], () => state.system.split(" ")[1]];
    const press = [
      buttons("network", [["tanh", "tanh"], ["GRU", "GRU"]], network, (value) => setSystem(value, time())),
      buttons("time", [["map", "map (steps)"], ["flow", "flow (continuous)"]], time, (value) => setSystem(network(), value)),
      buttons("colour", [["exponent", "λ₁"], ["frequency", "frequency"]], () => state.colour, (value) => { state.colour = value; }),
      buttons("start", STARTS.map(([x, y], i) => [i, `(${x}, ${y})`]), () => state.start, (value) => { state.start = value; }),
    ];
    const pressed = () => press.forEach((each) => each());
    root.addEventListener("click", pressed);
    for (const event of ["click", "input", "keydown"])
      root.addEventListener(event, () => { part("heed").textContent = ""; }); // the reader has gone on
    part("copy").addEventListener("click", async () => {
      await navigator.clipboard.writeText(part("line").textContent);
      part("copied").textContent = "copied";
      setTimeout(() => { part("copied").textContent = ""; }, 2000);
    });
    pressed();
    for (const [name, words, factor] of [["in", "+", 2], ["out", "−", 0.5], ["reset", "0", 0]]) {
      part(name).addEventListener("click", () => zoom(factor));
      part(name).title = `key ${words}`;
    }
    part("alpha").addEventListener("input", (event) => { move(Number(event.target.value), state.theta); again(); });
    part("theta").addEventListener("input", (event) => { move(state.alpha, Number(event.target.value)); again(); });

    const map = part("map");
    const follows = (event) => {
      const box = map.getBoundingClientRect(), [theta, alpha] = plots.map.inverse(event.clientX - box.x, event.clientY - box.y);
      const [t0, t1, a0, a1] = view();
      move(clamp(alpha, a0, a1), clamp(theta, t0, t1));
      again();
    };
    map.addEventListener("pointerdown", (event) => {
      map.setPointerCapture(event.pointerId);
      map.focus({ preventScroll: true });
      follows(event);
      event.preventDefault();
    });
    map.addEventListener("pointermove", (event) => { if (map.hasPointerCapture(event.pointerId)) follows(event); });
    map.addEventListener("keydown", (event) => {
      const [t0, t1, a0, a1] = view(), far = event.shiftKey ? 0.1 : 0.01;
      const arrow = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      const factor = { "+": 2, "=": 2, "-": 0.5, 0: 0 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey || (!arrow && factor === undefined)) return;
      event.preventDefault();
      event.stopPropagation(); // the theme turns pages by arrow keys
      if (arrow) {
        move(clamp(state.alpha + arrow[0] * far * (a1 - a0), a0, a1), clamp(state.theta + arrow[1] * far * (t1 - t0), t0, t1));
        again();
      } else zoom(factor);
    });
    window.addEventListener("hashchange", () => {
      if (location.hash === address() || !location.hash.includes("=")) return;
      readAddress();
      pressed();
      anew();
    });
    new ResizeObserver(again).observe(root);
    const theme = new MutationObserver(again);
    theme.observe(document.documentElement, { attributes: true });
  }

  function offerShortcut() { // past the theme's header and sidebar, for those who go by keys
    const first = document.querySelector("#pst-skip-link");
    if (!first) return;
    const link = first.cloneNode(true);
    link.removeAttribute("id");
    const anchor = link.matches("a") ? link : link.querySelector("a");
    Object.assign(anchor, { href: "#explorer-map", textContent: "Skip to the map" });
    anchor.addEventListener("click", (event) => {
      event.preventDefault();
      part("map").focus();
    });
    first.after(link);
  }

  plots = Object.fromEntries(["map", "plane", "course", "adjoint", "spectrum"].map((name) => [name, new Plot(name)]));
  readAddress();
  part("alpha").max = whole()[3];
  part("theta").max = Math.PI;
  listen();
  offerShortcut();
  draw();
})();
