// The animation made by compass.py: its numbers were computed there; this draws a frame, and plays them in real time.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const INNER = 48, OUTER = 92; // radii of the ring; the picture is 220 wide
  const root = document.currentScript.closest(".pta-compass");
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const [svg, button, slider, text] = ["svg", "button", "input", "p"].map((name) => root.querySelector(name));
  const last = data.heading.length - 1, segments = data.bump[0].length;
  let frame = 0, playing = null; // playing: the frame and the clock at which it began

  const at = (radius, degrees) => {
    const angle = (degrees * Math.PI) / 180;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)]; // clockwise from the top
  };
  const add = (name, attributes) => {
    const element = svg.appendChild(document.createElementNS(SVG, name));
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const half = 180 / segments;
  const ring = data.bump[0].map((_, i) => {
    const [a, b] = [2 * i * half - half + 1, 2 * i * half + half - 1];
    const corners = [at(OUTER, a), at(OUTER, b), at(INNER, b), at(INNER, a)].map((p) => p.map((v) => v.toFixed(2)));
    const path = `M${corners[0]}A${OUTER} ${OUTER} 0 0 1 ${corners[1]}L${corners[2]}A${INNER} ${INNER} 0 0 0 ${corners[3]}Z`;
    return add("path", { d: path, fill: "#238b45", stroke: "currentColor", "stroke-opacity": 0.5 });
  });
  const arrow = add("path", { d: "M0 12L0 -34M-7 -24L0 -36L7 -24", fill: "none", stroke: "currentColor", "stroke-width": 4 });
  const dot = add("circle", { r: 5.5, fill: "#d55e00", stroke: "#fff", "stroke-width": 1.5 });

  function draw() {
    const { heading, decoded, bump, dark } = data;
    ring.forEach((segment, i) => segment.setAttribute("fill-opacity", bump[frame][i] / 99));
    arrow.setAttribute("transform", `rotate(${heading[frame]})`);
    const [x, y] = at(OUTER + 10, decoded[frame]);
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    const off = ((decoded[frame] - heading[frame] + 540) % 360) - 180;
    const time = (data.start + frame * data.dt).toFixed(1);
    const words = `heading ${heading[frame]}°, decoded ${decoded[frame]}° (${off < 0 ? "−" : "+"}${Math.abs(off)}°)`;
    text.textContent = `${time} s: ${words}${dark[frame] ? "; in the dark, at rest" : ""}`;
    slider.setAttribute("aria-valuetext", text.textContent);
    slider.value = frame;
  }

  function stop() {
    playing = null;
    button.textContent = "Play";
  }

  function tick(now) {
    if (!playing) return;
    playing.clock ??= now;
    frame = Math.min(last, playing.frame + Math.floor((now - playing.clock) / 1000 / data.dt));
    draw();
    if (frame === last) stop();
    else requestAnimationFrame(tick);
  }

  button.addEventListener("click", () => {
    if (playing) return stop();
    playing = { frame: frame === last ? 0 : frame, clock: null };
    button.textContent = "Pause";
    requestAnimationFrame(tick);
  });
  slider.max = last;
  slider.addEventListener("input", () => {
    stop();
    frame = Number(slider.value);
    draw();
  });
  draw();
})();
