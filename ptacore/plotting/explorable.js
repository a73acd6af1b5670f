// The picture made by explorable.py: all numbers were computed there. This script decodes them, has plotly draw them,
// links the map with the three panels below it, and says in words what is selected.
(() => {
  "use strict";
  const BLUE = "#2a8fcf", GREEN = "#029e73", RED = "#d55e00"; // legible on white and on black
  const FAINT = "rgba(128,128,128,0.4)";
  const BLUES = ["#08306b", "#2171b5", "#6baed6", "#c6dbef", "#f7fbff"];
  const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
  const DARKEST = -2; // λ₁ where the blues begin
  const [REST, LOCKED, CIRCLE, CYCLE, CHAOS] = [1, 2, 3, 4, 5]; // up to 1: at rest; see KINDS in certificates.py

  // ---- numbers and words ----

  function decode({ bits, offset, step, data }) {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const whole = bits === 8 ? new Int8Array(bytes.buffer) : new Int16Array(bytes.buffer);
    const none = -(2 ** (bits - 1));
    return Float64Array.from(whole, (v) => (v === none ? NaN : offset + step * v));
  }

  const number = (v, digits) => (Math.abs(v) < 0.5 * 10 ** -digits ? 0 : v).toFixed(digits).replace("-", "−");
  const zero = (kind) => kind === CIRCLE || kind === CYCLE; // whether the leading exponent is

  function prepare(system) {
    const { cells, orbits } = system;
    for (const part of [cells, orbits])
      for (const [name, packed] of Object.entries(part)) if (packed.data) part[name] = decode(packed);
    cells.kind = cells.flags.map((f) => f & 7);
    cells.copies = cells.flags.map((f) => 1 << ((f >> 3) & 3));
    cells.bistable = cells.flags.map((f) => f >> 5);
    return Object.assign(system, { per: system.flow ? "unit time" : "step", selected: system.first });
  }

  const exponent = (v, lowest) => (v <= lowest + 1e-3 ? `≤ ${number(lowest, 0)}` : number(v, 3));

  // What is known of cell k, phrase by phrase.
  function phrases(data, system, k) {
    const c = system.cells, kind = c.kind[k], columns = system.theta.length;
    const theta = system.theta[k % columns], alpha = system.alpha[Math.floor(k / columns)];
    const found = [`θ = ${number(theta, 3)} (${number(theta / Math.PI, 3)} π), α = ${number(alpha, 3)}`];
    let what = data.classes[kind][0], turns = `${number(c.frequency[k], 4)} turns per ${system.per}`;
    if (kind === LOCKED) {
      what += ` of period ${c.period[k]}`;
      turns = `${number(c.frequency[k] * c.period[k], 0)}/${c.period[k]} turns per step`;
    } else if (kind === CYCLE) what += ` of period ${(1 / Math.abs(c.frequency[k])).toPrecision(3)}`;
    const [first, second] = [c.first[k], c.second[k]].map((v) => exponent(v, data.lowest));
    found.push(what, `λ₁ = ${first}, λ₂ = ${second} per ${system.per}`);
    if (kind > REST) found.push(turns);
    const residual = c.residual[k] < -16 ? "below 1e−16" : (10 ** c.residual[k]).toExponential(0).replace("-", "−");
    const multiplier = c.multiplier[k] < 5e-5 ? "below 0.0001" : number(c.multiplier[k], 4);
    found.push((Number.isNaN(c.multiplier[k]) ? "" : `multiplier ${multiplier}, `) + `residual ${residual}`);
    if (c.copies[k] > 1) found.push(`one of ${c.copies[k]} that quarter turns carry into each other`);
    if (c.bistable[k]) found.push("another start leads to another attractor");
    return found;
  }

  // ---- drawing ----

  function draw(root, Plotly) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const systems = data.systems.map(prepare);
    const part = (name) => root.querySelector(`.${name}`);
    const map = part("map");
    let system = systems[0], quantity = 0, ink = "";

    const axis = (title, more) => ({
      title: { text: title, standoff: 6 }, color: ink, gridcolor: FAINT, linecolor: FAINT, showline: true,
      zeroline: false, ticks: "outside", ticklen: 4, fixedrange: true, automargin: true, ...more,
    });
    const layout = (more) => ({
      autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      dragmode: false, hovermode: "closest", margin: { l: 8, r: 10, t: 8, b: 8 },
      font: { family: getComputedStyle(root).fontFamily, size: 12, color: ink }, hoverlabel: { align: "left" }, ...more,
    });
    const show = (name, traces, more) => Plotly.react(
      part(name), traces, layout(more), { staticPlot: name !== "map", displayModeBar: false, responsive: true });

    const line = ([x, y], color, width, more) =>
      ({ type: "scatter", mode: "lines", x, y, hoverinfo: "skip", line: { color, width, ...more } });

    // Of the chosen quantity: values of the cells, plotly's scale of colours for them, and the legend.
    function coloring() {
      const { kind, bistable, first, frequency } = system.cells;
      const patch = (color, words) => `<span><i style="background:${color}"></i>${words}</span>`;
      const bar = (low, colors, high) =>
        `<span>${low}<i class="scale" style="background:linear-gradient(to right,${colors})"></i>${high}</span>`;
      if (quantity === 0) {
        const count = data.classes.length, z = kind.map((v, k) => (bistable[k] ? count - 1 : v));
        const scale = data.classes.flatMap(([, color], i) => [[i / count, color], [(i + 1) / count, color]]);
        const legend = data.classes.filter((_, i) => z.includes(i)).map(([name, color]) => patch(color, name));
        return { z, zmin: -0.5, zmax: count - 0.5, scale, legend };
      }
      if (quantity === 1) { // negative in blues, then two steps: zero, positive
        const zmax = 0.4, place = (v) => (v - DARKEST) / (zmax - DARKEST);
        const z = first.map((v, k) => (zero(kind[k]) ? 0.1 : kind[k] === CHAOS ? 0.3 : Math.min(v, 0)));
        const blues = BLUES.map((color, i) => [place(0) * i / (BLUES.length - 1), color]);
        const scale = [...blues, [place(0), GREEN], [place(0.2), GREEN], [place(0.2), RED], [1, RED]];
        const legend = [bar(`λ₁ ≤ ${number(DARKEST, 0)}`, BLUES, "below 0"), patch(GREEN, "zero")];
        if (kind.includes(CHAOS)) legend.push(patch(RED, "positive"));
        return { z, zmin: DARKEST, zmax, scale, legend };
      }
      const z = frequency.map((v, k) => (kind[k] > REST ? Math.abs(v) : NaN));
      const zmax = z.reduce((a, b) => (b > a ? b : a), 1e-9);
      const scale = VIRIDIS.map((color, i) => [i / (VIRIDIS.length - 1), color]);
      const legend = [bar("0", VIRIDIS, `${number(zmax, 2)} turns per ${system.per}`), "<span>blank: at rest</span>"];
      return { z, zmin: 0, zmax, scale, legend };
    }

    function drawMap() {
      const { theta, alpha, curves, cells } = system;
      const rows = (values) => alpha.map((_, i) => Array.from(values.slice(i * theta.length, (i + 1) * theta.length)));
      system.hover ??= rows([...cells.kind].map((_, k) => phrases(data, system, k).join("<br>")));
      const { z, zmin, zmax, scale, legend } = coloring();
      const traces = [
        { type: "heatmap", x: theta, y: alpha, z: rows(z), zmin, zmax, colorscale: scale, showscale: false,
          text: system.hover, hovertemplate: "%{text}<extra></extra>" },
        ...curves.lines.map((l) => line(l, "#fff", 3.5)), ...curves.lines.map((l) => line(l, "#000", 1.3)),
      ];
      const names = curves.names.map(([text, x, y]) => ({
        text, x, y, showarrow: false, font: { color: "#000" }, bgcolor: "rgba(255,255,255,0.85)", borderpad: 2,
        xanchor: x <= theta[0] + 0.2 ? "left" : x >= theta.at(-1) - 0.2 ? "right" : "center",
      }));
      const span = (v) => [v[0] - (v[1] - v[0]) / 2, v.at(-1) + (v.at(-1) - v.at(-2)) / 2];
      const quarters = Array.from({ length: 17 }, (_, i) => i - 8);
      const label = (q) => (q === 0 ? "0" : `${q / 4} π`.replace(/^1 /, "").replace("-", "−"));
      show("map", traces, {
        annotations: names, shapes: marker(),
        xaxis: axis("angle θ", { range: span(theta), showgrid: false,
          tickvals: quarters.map((q) => (q * Math.PI) / 4), ticktext: quarters.map(label) }),
        yaxis: axis("gain α", { range: span(alpha), showgrid: false }),
      }).then(Plotly.Fx.unhover); // after a tap the label would come back
      const curve = '<span><i class="curve"></i>bifurcations in closed form; tongues by rotation number</span>';
      part("legend").innerHTML = [...legend, curve].join("");
    }

    // The selected point: a ring of fixed size, black in white.
    function marker() {
      const [i, j] = system.selected;
      const x = system.theta[system.columns[j]], y = system.alpha[system.rows[i]];
      return [["#fff", 5], ["#000", 2.2]].map(([color, width]) => ({
        type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: y, x0: -7, x1: 7, y0: -7, y1: 7,
        line: { color, width },
      }));
    }

    function drawPanels() {
      const { orbits, cells, flow, per } = system;
      const [i, j] = system.selected, n = data.samples;
      const k = system.rows[i] * system.theta.length + system.columns[j], m = i * system.columns.length + j;
      const [x, y, log] = [orbits.x, orbits.y, orbits.adjoint].map((v) => Array.from(v.slice(m * n, (m + 1) * n)));
      const path = (x, y, opacity) => ({
        type: "scatter", mode: flow ? "lines" : "markers", x, y, opacity,
        line: { color: BLUE, width: 1.6, shape: "spline" }, marker: { color: BLUE, size: 4 },
      });
      const negated = (v) => v.map((u) => -u);
      const turned = { 1: [], 2: [[negated(y), x]], 4: [[negated(y), x], [negated(x), negated(y)], [y, negated(x)]] };
      const end = { type: "scatter", mode: "markers", x: [x.at(-1)], y: [y.at(-1)],
        marker: { symbol: "circle-open", size: 10, color: ink, line: { width: 1.6 } } };
      const unit = { range: [-1.08, 1.08], tickvals: [-1, 0, 1] };
      show("orbit", [...turned[cells.copies[k]].map((c) => path(...c, 0.3)), path(x, y, 1), end], {
        xaxis: axis("x₁", unit), yaxis: axis("x₂", { ...unit, scaleanchor: "x" }),
      });

      const spacing = orbits.dt * orbits.stride[m], back = log.map((_, i) => spacing * (n - 1 - i));
      const slope = Math.max(cells.first[k], data.lowest);
      show("adjoint", [
        line([back, log.map((v) => 10 ** v)], BLUE, 1.6),
        line([back, back.map((s) => Math.exp(slope * s))], ink, 1.2, { dash: "dot" }),
      ], {
        xaxis: axis(flow ? "time before the end" : "steps before the end", { range: [0, back[0]] }),
        yaxis: axis("‖ψ‖", { type: "log", range: [-5.2, 1.4], tickvals: [1e-4, 1], ticktext: ["10⁻⁴", "1"] }),
      });

      const values = [cells.first[k], cells.second[k]];
      const dagger = [zero(cells.kind[k]), false];
      const floor = -3, shown = values.map((v) => Math.max(v, floor));
      const words = values.map((v, i) => exponent(v, data.lowest) + (dagger[i] ? " †" : ""));
      const color = values.map((v, i) => (dagger[i] ? GREEN : v > 0 ? RED : BLUE));
      const dots = { color, size: 9, symbol: values.map((v) => (v < floor ? "triangle-down" : "circle")) };
      show("spectrum", [
        ...shown.map((v, i) => line([[i, i], [0, v]], color[i], 2)),
        { type: "scatter", mode: "markers", x: [0, 1], y: shown, marker: dots, cliponaxis: false },
        { type: "scatter", mode: "text", x: [0, 1], y: [0.75, 0.75], text: words },
      ], {
        xaxis: axis("", { range: [-0.6, 1.6], tickvals: [0, 1], ticktext: ["λ₁", "λ₂"], showgrid: false }),
        yaxis: axis(`per ${per}`, { range: [floor * 1.05, 1.1], tickvals: [-3, -2, -1, 0], zeroline: true }),
      });
      part("selected").textContent = `${system.name} at ${phrases(data, system, k).join("; ")}.`;
    }

    // ---- the reader's hand ----

    function select(i, j) {
      const within = (v, places) => Math.min(Math.max(v, 0), places.length - 1);
      system.selected = [within(i, system.rows), within(j, system.columns)];
      Plotly.relayout(map, { shapes: marker() }).then(Plotly.Fx.unhover);
      drawPanels();
    }

    function buttons(name, words, choose) {
      const button = (word) => Object.assign(document.createElement("button"), { type: "button", textContent: word });
      const all = words.map(button), press = (i) => all.forEach((button, k) => button.setAttribute("aria-pressed", k === i));
      all.forEach((each, i) => each.addEventListener("click", () => {
        choose(i);
        press(i);
        drawAll();
      }));
      part(name).append(...all);
      press(0);
    }

    function drawAll() {
      ink = getComputedStyle(root).color;
      drawMap();
      drawPanels();
    }

    buttons("systems", systems.map((s) => s.name), (i) => { system = systems[i]; });
    buttons("quantities", ["class", "λ₁", "frequency"], (i) => { quantity = i; });
    drawAll();
    const nearest = (places, v) =>
      places.reduce((best, p, i) => (Math.abs(p - v) < Math.abs(places[best] - v) ? i : best), 0);
    map.on("plotly_click", ({ points: [{ pointIndex }] }) => {
      select(nearest(system.rows, pointIndex[0]), nearest(system.columns, pointIndex[1]));
      map.focus({ preventScroll: true });
    });
    map.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      select(system.selected[0] + move[0], system.selected[1] + move[1]);
    });
    const theme = new MutationObserver(() => getComputedStyle(root).color === ink || drawAll());
    for (const element of [document.documentElement, document.body]) theme.observe(element, { attributes: true });
  }

  // Plotly may come later than this script, or never.
  function start(root, patience) {
    if (window.Plotly) draw(root, window.Plotly);
    else if (patience > 0) setTimeout(start, 100, root, patience - 1);
    else root.querySelector(".selected").textContent = "plotly's script is missing: explorable(..., plotlyjs='inline')";
  }

  for (const root of document.querySelectorAll(".pta-explorable:not([data-started])")) {
    root.dataset.started = "";
    start(root, 100);
  }
})();
