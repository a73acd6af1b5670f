// A figure at the size of the window: drag or scroll to move, + and - for its size, 0 for all of it, Esc to leave.
"use strict";
(() => {
  const dialog = document.createElement("dialog");
  dialog.className = "figure-zoom";
  dialog.setAttribute("aria-label", "Enlarged figure");
  dialog.innerHTML = `
    <div class="figure-zoom-view" tabindex="0" autofocus><img draggable="false" alt=""></div>
    <div class="figure-zoom-bar">
      <button type="button" data-key="-" title="Smaller (-)" aria-label="Smaller">−</button>
      <button type="button" data-key="0" title="All of it (0)">fit</button>
      <button type="button" data-key="+" title="Larger (+)" aria-label="Larger">+</button>
      <button type="button" data-key="Escape" title="Close (Esc)" aria-label="Close">×</button>
    </div>`;
  document.body.append(dialog);
  const view = dialog.firstElementChild, image = view.firstElementChild;

  // The middle of what is seen stays in the middle.
  const resize = (width) => {
    const old = image.offsetWidth || width;
    const middle = [view.scrollLeft + view.clientWidth / 2, view.scrollTop + view.clientHeight / 2];
    const share = Math.min(Math.max(width, 100), 8000) / old;
    image.style.width = `${old * share}px`;
    view.scrollTo(middle[0] * share - view.clientWidth / 2, middle[1] * share - view.clientHeight / 2);
  };

  const fit = () => Math.min(view.clientWidth, view.clientHeight * image.width / image.height);

  const actions = {
    "+": () => resize(image.offsetWidth * 1.4),
    "-": () => resize(image.offsetWidth / 1.4),
    0: () => resize(fit()),
    Escape: () => dialog.close(),
  };
  actions["="] = actions["+"];

  const open = (link) => {
    const shown = [...link.querySelectorAll("img")].find((candidate) => candidate.offsetWidth);
    for (const name of ["src", "alt", "width", "height", "class"]) image.setAttribute(name, shown.getAttribute(name));
    dialog.showModal();
    // as wide as the window; where it was so before, on a phone, twice as wide
    const width = view.clientWidth > 1.3 * shown.offsetWidth ? view.clientWidth : 2 * shown.offsetWidth;
    image.style.width = `${width}px`;
    view.scrollTo(0, 0);
  };

  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has keys of its own
    if (event.key === "Escape" || event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });

  dialog.addEventListener("click", (event) => actions[event.target.dataset.key]?.());

  view.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return; // fingers scroll and pinch by themselves
    view.setPointerCapture(event.pointerId);
  });

  view.addEventListener("pointermove", (event) => {
    if (view.hasPointerCapture(event.pointerId)) view.scrollBy(-event.movementX, -event.movementY);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.figure-open");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
})();
