// Two pictures in each row of the landing page's table: what becomes of a kick, and of a learning signal. Four systems
// are networks of two neurons, dx/dt = -x + phi(W x + b); chaos needs three dimensions, and is Lorenz's system.
// tests/book/test_landing.py asks ptacore whether each is what its row says. Without this script the table is a table.
const systems = (() => {
  "use strict";
  const SIGNAL = 14; // time constants over which the signal is followed
  const KICKED = "#de8f05", LEFT = "#2a8fcf", FAINT = "rgba(128,128,128,0.45)";

  const turn = (alpha, theta) => [
    [alpha * Math.cos(theta), -alpha * Math.sin(theta)],
    [alpha * Math.sin(theta), alpha * Math.cos(theta)],
  ];
  const tanh = { value: Math.tanh, slope: (u) => 1 - Math.tanh(u) ** 2 };
  const threshold = { value: (u) => Math.max(u, 0), slope: (u) => (u > 0 ? 1 : 0) };

  function network(W, { value, slope }, b = [0, 0]) { // rates, and what they are differentiated by, transposed, times p
    const drive = (x) => W.map((weights, i) => weights[0] * x[0] + weights[1] * x[1] + b[i]);
    const rates = (x) => drive(x).map((u, i) => value(u) - x[i]);
    const back = (x, p) => {
      const q = drive(x).map((u, i) => slope(u) * p[i]);
      return p.map((size, j) => W[0][j] * q[0] + W[1][j] * q[1] - size);
    };
    return { rates, back, W, b, dt: 0.02 };
  }

  const lorenz = {
    rates: ([x, y, z]) => [10 * (y - x), x * (28 - z) - y, x * y - (8 / 3) * z],
    back: ([x, y, z], [p, q, r]) => [-10 * p + (28 - z) * q + y * r, 10 * p - q + x * r, -x * q - (8 / 3) * r],
    dt: 0.004,
    see: ([x, , z]) => [x / 22, (z - 25) / 26],
  };
  const ROWS = [ // start, kick, how long both are shown, and the plane that is seen
    { ...network(turn(0.7, 1.1), tanh), start: [0, 0], kick: [0.7, 0.5], shown: 8, size: 0.8 },
    { ...network([[1.3, -0.6], [-0.6, 1.3]], tanh), start: [0.9, -0.9], kick: [-1.1, 1.3], shown: 8, size: 1.2 },
    { ...network([[0, -1], [-1, 0]], threshold, [1, 1]), start: [0.75, 0.25], kick: [-0.2, 0.4], shown: 5, size: 0.6,
      centre: [0.5, 0.5], line: [[0, 1], [1, 0]] },
    { ...lorenz, start: [1, 1, 20], kick: [0.05, 0, 0], shown: 12, size: 1 },
    { ...network(turn(2, 0.9), tanh), start: [0.5, 0], kick: [-0.35, 0.3], shown: 20, size: 0.7 },
  ];

  function follow(row, start, steps) { // Runge-Kutta of fourth order
    const states = [start], plus = (x, h, k) => x.map((value, i) => value + h * k[i]);
    for (let i = 0; i < steps; i++) {
      const x = states[i], k1 = row.rates(x), k2 = row.rates(plus(x, row.dt / 2, k1));
      const k3 = row.rates(plus(x, row.dt / 2, k2)), k4 = row.rates(plus(x, row.dt, k3));
      states.push(x.map((value, j) => value + (row.dt / 6) * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j])));
    }
    return states;
  }

  // Norm of the adjoint from the end of an orbit backwards, by the midpoint rule.
  function signal(row, states) {
    let psi = states[0].map((_, i) => (i ? 0 : 1));
    const sizes = [1];
    for (let t = states.length - 1; t > 0; t--) {
      const x = states[t].map((value, i) => (value + states[t - 1][i]) / 2);
      const half = row.back(x, psi).map((k, i) => psi[i] + (row.dt / 2) * k);
      psi = row.back(x, half).map((k, i) => psi[i] + row.dt * k);
      sizes.push(Math.hypot(...psi));
    }
    return sizes;
  }

  function prepare(row) {
    row.rest = follow(row, row.start, 40 / row.dt).at(-1); // on the attractor
    const steps = Math.round(row.shown / row.dt), kicked = row.rest.map((value, i) => value + row.kick[i]);
    row.left = follow(row, row.rest, steps);
    row.kicked = follow(row, kicked, steps);
    row.signal = signal(row, follow(row, row.rest, SIGNAL / row.dt));
  }

  // ---- drawing ----

  function canvas(cell, width, height, label) {
    const made = document.createElement("canvas"), scale = window.devicePixelRatio || 1;
    Object.assign(made, { width: width * scale, height: height * scale });
    Object.assign(made.style, { width: `${width}px`, height: `${height}px` });
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    (cell.querySelector("p") || cell).prepend(made);
    const pen = made.getContext("2d");
    pen.scale(scale, scale);
    return Object.assign(pen, { wide: width, high: height });
  }

  function curve(pen, points, color, width) {
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x, y);
    Object.assign(pen, { strokeStyle: color, lineWidth: width, lineJoin: "round" });
    pen.stroke();
  }

  function drawKick(row, pen, share) { // both orbits up to a share of what is shown
    const scale = Math.min(pen.wide, pen.high) / 2 / row.size, [cx, cy] = row.centre || [0, 0];
    const place = ([x, y]) => [pen.wide / 2 + (x - cx) * scale, pen.high / 2 - (y - cy) * scale];
    const at = (x) => place(row.see ? row.see(x) : x);
    const count = Math.max(1, Math.round(share * row.left.length));
    pen.clearRect(0, 0, pen.wide, pen.high);
    if (row.line) curve(pen, row.line.map(place), FAINT, 2);
    for (const [states, color] of [[row.left, LEFT], [row.kicked, KICKED]]) {
      curve(pen, states.slice(0, count).map(at), color, 1.1);
      const [x, y] = at(states[count - 1]);
      pen.fillStyle = color;
      pen.beginPath();
      pen.arc(x, y, 3.2, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  function drawSignal(row, pen) { // logarithmic, six decades up and down
    const y = (size) => pen.high / 2 - (Math.log10(size) / 6) * (pen.high / 2 - 2);
    curve(pen, [[0, pen.high / 2], [pen.wide, pen.high / 2]], FAINT, 1);
    curve(pen, row.signal.map((size, i) => [pen.wide - (i / (row.signal.length - 1)) * pen.wide, y(size)]), LEFT, 1.6);
  }

  async function show(table) {
    const pens = [...table.tBodies[0].rows].map((line) => {
      const words = [...line.cells].map((cell) => cell.textContent.trim());
      const kick = canvas(line.cells[0], 84, 52, `A kick: ${words[1]}`);
      return [kick, canvas(line.cells[2], 60, 36, `Learning signal against its delay: ${words[2]}`)];
    });
    const draw = (share) => ROWS.forEach((row, i) => drawKick(row, pens[i][0], share));
    function play() { // four seconds, once
      let begun = null;
      requestAnimationFrame(function frame(now) {
        begun ??= now;
        draw(Math.min(1, (now - begun) / 4000));
        if (now - begun < 4000) requestAnimationFrame(frame);
      });
    }
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Kick them again", disabled: true });
    button.addEventListener("click", play);
    const legend = document.createElement("p");
    legend.innerHTML = `<i style="color:${LEFT}">●</i> undisturbed, <i style="color:${KICKED}">●</i> after a kick: what is left of it is the memory. ` +
      "Curves: size of the learning signal, logarithmic. It starts at the error, at the right, and goes back in time to the left. ";
    legend.append(button);
    table.closest(".systems").append(legend);
    for (const [i, row] of ROWS.entries()) {
      await new Promise(requestAnimationFrame); // the page is not kept waiting
      prepare(row);
      drawSignal(row, pens[i][1]);
      drawKick(row, pens[i][0], 1);
    }
    button.disabled = false;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play();
  }

  const table = document.querySelector(".systems table");
  if (table) show(table);
  return { ROWS };
})();
