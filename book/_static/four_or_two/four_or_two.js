// The page "Four positive exponents, or two": a step and a scheme, and the exponents that they give, computed while one
// waits. spectra.js does the mathematics, data.js has the network and the notebook's spectra; here are the state, which
// the page's address holds, the work in slices, and drawing.
(() => {
  "use strict";
  const root = document.querySelector(".four-or-two"), part = (name) => root.querySelector(`.${name}`);
  const { K, SCHEMES, follower, settled } = spectra, data = fourOrTwo;
  const COLORS = ["#2a8fcf", "#de8f05", "#029e73", "#d55e00", "#b07cc6"]; // legible on white and on black
  const POSITIONS = 16, LARGEST = 0.4, HALVED = 4; // of the slider; step at its end, in tau; positions that halve it
  const FINEST = 0.05; // largest step of the orbit, in tau, where tangent vectors alone take Euler steps
  const LONGEST = 4000, MOST = 40_000; // of a run: tau, steps
  const STRETCHES = 20, STUDENT = 2.861; // of an average, and Student's t for 99% intervals from so many
  const FEWEST = 5, GLANCE = 50; // stretches from which an interval is shown; tau from which a value is
  const SLICE = 12; // ms of a frame for computing
  const WORDS = {
    printed: "Euler steps of the tangent vectors, along an accurate orbit",
    euler: "Euler steps of everything",
    kutta: "Runge–Kutta steps of everything",
  };

  // ---- networks: the notebook's, or the reader's ----

  const weights = new Float64Array(Uint8Array.from(atob(data.weights), (c) => c.charCodeAt(0)).buffer);
  const OURS = { W: weights, n: data.n, tau: data.tau, start: data.start, known: true };
  let network = OURS;

  function readMatrix(text) { // rows of numbers, between commas, semicolons or spaces
    const rows = text.trim().split(/\r?\n/).map((line) => line.trim().split(/[\s,;]+/).map(Number));
    const n = rows.length;
    if (rows.some((row) => row.length !== n)) throw new Error(`expected a square matrix, got ${n} rows of ${rows[0].length} numbers`);
    if (n < K || n > 400) throw new Error(`expected ${K} to 400 rows, got ${n}`);
    if (!rows.flat().every(isFinite)) throw new Error("expected numbers, got something else among them");
    return { W: Float64Array.from(rows.flat()), n };
  }

  // ---- state, and the address that holds it ----

  const state = { at: POSITIONS, scheme: "printed", divisor: "run", factor: 1 };
  const DIVISORS = ["run", "average"], FACTORS = [1, 4];
  const ratio = (at) => LARGEST * 2 ** ((at - POSITIONS) / HALVED); // step in tau
  const stepMs = (at) => Number((1000 * network.tau * ratio(at)).toPrecision(3));

  function address() {
    const { at, scheme, divisor, factor } = state;
    return `#${new URLSearchParams({ step: stepMs(at), scheme, divisor, ...(factor > 1 && { longer: factor }) })}`;
  }

  function readAddress() { // returns what it asks for in vain
    const given = new URLSearchParams(location.hash.slice(1)), vain = [];
    const choose = (name, among, set) => {
      if (!given.has(name)) return;
      const found = among.find((value) => String(value) === given.get(name));
      if (found === undefined) vain.push(`${name}=${given.get(name)}`);
      else set(found);
    };
    choose("step", Array.from({ length: POSITIONS + 1 }, (_, at) => stepMs(at)), (ms) => {
      state.at = Array.from({ length: POSITIONS + 1 }, (_, at) => at).find((at) => stepMs(at) === ms);
    });
    choose("scheme", SCHEMES, (scheme) => { state.scheme = scheme; });
    choose("divisor", DIVISORS, (divisor) => { state.divisor = divisor; });
    choose("longer", FACTORS, (factor) => { state.factor = factor; });
    return vain;
  }

  // ---- runs: each is kept, and goes on where it was left ----

  const runs = new Map();

  function currentRun() {
    const { at, scheme, factor } = state, key = [scheme, at, factor].join();
    if (!runs.has(key)) {
      const dt = network.tau * ratio(at), steps = Math.min(Math.round((LONGEST * network.tau) / dt), MOST) * factor;
      const skipped = Math.ceil(data.early * steps - 1e-9);
      const edges = Array.from({ length: STRETCHES + 1 }, (_, i) => skipped + Math.round((i * (steps - skipped)) / STRETCHES));
      runs.set(key, { scheme, at, dt, steps, edges, done: 0, growth: edges.map(() => new Float64Array(K)) });
    }
    return runs.get(key);
  }

  function go(run, milliseconds) { // growth[0] is of the steps that are left out, growth[i] of stretch i
    if (!run.follower) {
      network.settled ??= settled(network, network.start, 100 * network.tau, FINEST * network.tau);
      const basis = Array.from({ length: network.n }, (_, i) => Array.from({ length: K }, (_, c) => Number(i === c)));
      run.follower = follower(network, run.scheme, run.dt, network.settled, basis, Math.max(1, Math.ceil(ratio(run.at) / FINEST - 1e-9)));
    }
    const until = performance.now() + milliseconds, chunk = Math.max(1, Math.round(2e5 / network.n ** 2));
    while (run.done < run.steps && performance.now() < until) {
      const stretch = run.edges.findIndex((edge) => edge > run.done);
      const count = Math.min(chunk, run.edges[stretch] - run.done);
      run.follower.advance(count, run.growth[stretch]);
      run.done += count;
    }
  }

  // Exponents per second with the right divisor, and half the width of their 99% intervals. Before there are intervals:
  // from the stretches that there are, or from the steps that will be left out. Null at the very beginning.
  function estimate(run) {
    const whole = run.edges.findLastIndex((edge) => edge <= run.done), early = whole < FEWEST;
    if (whole < 1 && run.done * run.dt < GLANCE * network.tau) return null;
    const lengths = run.edges.map((edge, i) => (edge - (run.edges[i - 1] ?? 0)) * run.dt);
    const rates = whole < 1 ? [Array.from(run.growth[0], (sum) => sum / (run.done * run.dt))] :
      run.growth.slice(1, whole + 1).map((growth, i) => Array.from(growth, (sum) => sum / lengths[i + 1]));
    const values = COLORS.map((_, c) => rates.reduce((sum, rate) => sum + rate[c], 0) / rates.length);
    if (!values.every(isFinite)) return { diverged: true };
    const widths = values.map((mean, c) => (early ? Infinity :
      STUDENT * Math.sqrt(rates.reduce((sum, rate) => sum + (rate[c] - mean) ** 2, 0) / (whole - 1) / whole)));
    const kinds = values.map((v, c) => (early ? "early" : v > widths[c] ? "positive" : v < -widths[c] ? "negative" : "open"));
    return { values, widths, kinds, early };
  }

  const divided = () => (state.divisor === "run" ? 1 - data.early : 1);

  // ---- words ----

  const shown = (value, digits = 1) => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−");
  const COUNT = ["none", "one", "two", "three", "four", "five"];
  const counted = (n) => `${COUNT[n]} ${n < 2 ? "is" : "are"}`;
  const KINDS = { positive: "positive", negative: "negative", open: "may be zero", early: "…" };
  const count = (found, kind) => found.kinds.filter((each) => each === kind).length;

  function verdict(found) {
    if (found.early) return `<b>${found.values.filter((value) => value > data.threshold).length}</b> above zero so far …`;
    const open = count(found, "open");
    return `<b>${count(found, "positive")}</b> positive, ${open ? `<b>${open}</b> may be zero, ` : ""}<b>${count(found, "negative")}</b> negative`;
  }

  function sentence(run, found) {
    const list = found.values.map((v) => shown(v * divided())).join(", "), open = count(found, "open");
    const [first, ...more] = counted(count(found, "positive"));
    return [
      `${WORDS[run.scheme]}, ${stepMs(run.at)} ms or ${ratio(run.at).toPrecision(2)} τ long: ${list} per second.`,
      `${first.toUpperCase()}${more.join("")} positive${open ? `, ${counted(open).replace(/ .*/, "")} may be zero` : ""}.`,
      network.known ? `The network has ${COUNT[data.positive]}, and a zero.` : "",
      state.divisor === "run" ? "The sum is divided by all of the run, of which a fifth was not added: every size is a fifth too small. That changes no sign." : "",
    ].join(" ").trim();
  }

  function rows(run, found) { // of dashes, while there is nothing yet
    const scale = divided();
    return COLORS.map((color, c) => {
      const value = found?.values?.[c] * scale, width = found?.widths?.[c] * scale, some = isFinite(value);
      const cells = [
        some ? shown(value) + (isFinite(width) ? `\u00a0±\u00a0${shown(width)}` : "") : "–",
        some ? shown(value * run.dt, 3) : "–",
        some ? KINDS[found.kinds[c]] : "–",
        ...(network.known ? [`${shown(data.reference[c])}\u00a0±\u00a0${shown(data.tolerance[c])}`] : []),
      ];
      return `<tr class="${some ? found.kinds[c] : ""}"><th scope="row"><i style="background:${color}"></i>λ<sub>${c + 1}</sub></th>${
        cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
    }).join("");
  }

  // ---- drawing ----

  const plot = part("plot"), HEIGHT = 340, LEFT = 46, RIGHT = 28, TOP = 12, BOTTOM = 42;
  const tag = (name, attributes, inside = "") =>
    `<${name} ${Object.entries(attributes).map(([key, value]) => `${key}="${value}"`).join(" ")}>${inside}</${name}>`;

  function scales() {
    const width = plot.clientWidth || 640, most = 1000 * network.tau * LARGEST;
    const seen = [...runs.values()].map(estimate).filter((found) => found?.values).flatMap((found) => found.values);
    const known = network.known ? [...data.mended.flat(), ...data.ours.flat()] : [0];
    const all = [...seen, ...known], low = 10 * Math.floor((Math.min(...all) - 4) / 10), high = 10 * Math.ceil((Math.max(...all) + 4) / 10);
    const x = (ms) => LEFT + ((ms + 0.04 * most) / (1.08 * most)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    return { width, most, low, high, x, y };
  }

  function background({ width, most, low, high, x, y }) {
    const every = [5, 10, 20, 50, 100, 200, 500].find((step) => (high - low) / step <= 8) || 1000, marks = [];
    for (let value = Math.ceil(low / every) * every; value <= high; value += every)
      marks.push(tag("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: value ? "grid" : "zero" }),
        tag("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, shown(value, 0)));
    for (let i = 0; i <= 4; i++)
      marks.push(tag("text", { x: x((i * most) / 4), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, i ? Number(((i * most) / 4).toPrecision(3)) : "0"));
    marks.push(tag("text", { x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "step (ms)"),
      tag("text", { transform: `translate(11 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, "λ (per second)"));
    if (!network.known) return marks.join("");
    const made = { printed: data.mended, kutta: data.ours }[state.scheme], scale = divided();
    COLORS.forEach((color, c) => {
      if (made) marks.push(tag("polyline", { points: data.steps_ms.map((ms, i) => `${x(ms)},${y(made[i][c] * scale)}`).join(" "), stroke: color, class: "made" }));
      marks.push(errorBar(x(0), y, data.reference[c], data.tolerance[c], color, 4, "true"));
    });
    return marks.join("");
  }

  function errorBar(at, y, value, width, color, size, name) {
    const bar = isFinite(width) ? tag("path", { d: `M${at},${y(value - width)}V${y(value + width)}`, stroke: color }) : "";
    const mark = name === "true" ? tag("path", { d: `M${at - size},${y(value)}l${size},${-size}l${size},${size}l${-size},${size}z`, fill: color }) :
      tag("circle", { cx: at, cy: y(value), r: size, fill: color });
    return tag("g", { class: name }, bar + mark);
  }

  function points({ width, x, y }) {
    const scale = divided(), now = currentRun(), marks = [];
    const ms = (run) => 1000 * run.dt;
    marks.push(tag("line", { x1: x(ms(now)), x2: x(ms(now)), y1: TOP, y2: HEIGHT - BOTTOM, class: "here" }));
    for (const run of runs.values()) {
      const found = run.scheme === state.scheme && estimate(run);
      if (!found?.values) continue;
      found.values.forEach((value, c) => {
        const live = run === now;
        marks.push(errorBar(x(ms(run)), y, value * scale, live ? found.widths[c] * scale : NaN, COLORS[c], live ? 5 : 3, live ? "live" : "kept"));
        if (live) {
          const right = x(ms(run)) > width - 60;
          marks.push(tag("text", { x: x(ms(run)) + (right ? -9 : 9), y: y(value * scale) + 4, "text-anchor": right ? "end" : "start" },
            `λ<tspan dy="3" font-size="9">${c + 1}</tspan>`));
        }
      });
    }
    return marks.join("");
  }

  let spoken = ""; // what the sentence is about: none while a run is on

  function draw() {
    const run = currentRun(), found = estimate(run), size = scales();
    plot.setAttribute("viewBox", `0 0 ${size.width} ${HEIGHT}`);
    plot.innerHTML = background(size) + points(size);
    const complete = run.done >= run.steps || Boolean(found?.diverged);
    part("share").value = run.done / run.steps;
    part("course").textContent = complete ? `${shown(run.steps * run.dt, 1)} s of the network, ${run.steps.toLocaleString("en")} steps` :
      `computing: ${shown(run.done * run.dt, 1)} of ${shown(run.steps * run.dt, 1)} s of the network`;
    root.dataset.run = complete ? "complete" : "running";
    if (!found) part("verdict").textContent = "…";
    else if (found.diverged) part("verdict").textContent = "The state has grown beyond all numbers: the step is too large.";
    else part("verdict").innerHTML = verdict(found);
    part("rows").innerHTML = rows(run, found);
    part("truth").hidden = !network.known;
    const about = `${state.divisor} ${state.scheme} ${state.at} ${state.factor} ${network.name}`;
    const news = complete && found?.values ? about : "";
    if (spoken !== news) {
      spoken = news;
      part("words").textContent = news && sentence(run, found);
    }
  }

  // ---- the reader's hand ----

  let frame = null;

  function work() {
    frame = null;
    const run = currentRun();
    go(run, SLICE);
    draw();
    if (run.done < run.steps && !estimate(run)?.diverged) frame = requestAnimationFrame(work);
  }

  function again() { frame ??= requestAnimationFrame(work); }

  function changed() {
    const ms = stepMs(state.at), slider = part("step");
    slider.value = state.at;
    slider.setAttribute("aria-valuetext", `${ms} milliseconds, ${ratio(state.at).toPrecision(2)} time constants`);
    part("step-value").textContent = `${ms} ms = ${ratio(state.at).toPrecision(2)} τ`;
    for (const name of ["scheme", "divisor"])
      root.querySelectorAll(`input[name=four-${name}]`).forEach((input) => { input.checked = input.value === state[name]; });
    part("longer").checked = state.factor > 1;
    root.dataset.run = "running"; // what stands there until the next frame is of before
    again();
  }

  function take(found, name) { // another network: nothing that was computed holds for it
    network = { ...found, name };
    runs.clear();
    part("own").textContent = name ? `${name}: ${found.n} × ${found.n}` : "";
    part("back").hidden = !name;
    changed();
  }

  function listen() {
    part("step").addEventListener("input", (event) => act({ at: Number(event.target.value) }));
    root.addEventListener("change", ({ target }) => {
      if (target.name === "four-scheme") act({ scheme: target.value });
      if (target.name === "four-divisor") act({ divisor: target.value });
      if (target.className === "longer") act({ factor: target.checked ? FACTORS[1] : FACTORS[0] });
    });
    part("file").addEventListener("change", async ({ target }) => {
      const [file] = target.files;
      if (!file) return;
      try {
        const found = readMatrix(await file.text());
        take({ ...found, tau: OURS.tau, start: Array.from({ length: found.n }, (_, i) => Math.sin(i + 1)), known: false }, file.name);
      } catch (error) {
        part("own").textContent = `${file.name}: ${error.message}`;
      }
      target.value = "";
    });
    part("back").addEventListener("click", () => take(OURS, ""));
    addEventListener("hashchange", () => {
      if (location.hash !== address()) start();
    });
    new ResizeObserver(() => draw()).observe(plot);
  }

  function act(change) {
    Object.assign(state, change);
    history.replaceState(null, "", address());
    part("vain").textContent = "";
    changed();
  }

  function start() {
    const vain = readAddress();
    part("vain").textContent = vain.length ? `The address asks for ${vain.join(", ")}, which there is not here.` : "";
    changed();
  }

  root.hidden = false;
  listen();
  start();
})();
