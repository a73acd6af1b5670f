"use strict";
// What a mouse does without thought, for the keyboard: to scroll a wide box, and to close a sidebar that lies on the page.

// Boxes that scroll when what is in them is wider than they are, and the name by which each is then announced.
const BOXES = {
  ".pst-scrollable-table-container, .bd-article .cell_output": "Wide table",
  ".bd-article pre": "Code",
  ".bd-article div.math > :not(.eqno)": "Formula",
};

function nameWideBoxes() {
  for (const [boxes, name] of Object.entries(BOXES))
    for (const box of document.querySelectorAll(boxes)) {
      const wide = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
      const values = { tabindex: "0", role: "group", "aria-label": name };
      for (const [key, value] of Object.entries(values)) wide ? box.setAttribute(key, value) : box.removeAttribute(key);
    }
}

for (const event of ["load", "resize", "toggle"]) addEventListener(event, nameWideBoxes, true);

addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("input.sidebar-toggle:checked").forEach((box) => box.click());
});
