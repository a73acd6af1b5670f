"use strict";
// What a mouse does without thought, for the keyboard: to scroll a wide box, and to close a sidebar that lies on the page.

// Boxes that scroll when what is in them is wider than they are, and the name by which each is then announced.
const BOXES = {
  ".pst-scrollable-table-container, .cell_output, .output [style*=overflow]": "Wide table",
  ".bd-article pre": "Code",
  ".bd-article div.math > :not(.eqno)": "Formula",
};

function nameWideBoxes() {
  const found = Object.entries(BOXES).flatMap(([boxes, name]) =>
    [...document.querySelectorAll(boxes)].map((box) => ({ box, name, wide: box.scrollWidth > box.clientWidth })));
  for (const { box, name, wide } of found) // all are measured before any is changed
    for (const [key, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": name }))
      wide ? box.setAttribute(key, value) : box.removeAttribute(key);
}

addEventListener("load", nameWideBoxes);
addEventListener("resize", nameWideBoxes);
addEventListener("toggle", nameWideBoxes, true); // of what was folded; it does not bubble

addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("input.sidebar-toggle:checked").forEach((box) => box.click());
});
