"use strict";
// What is wider than its box scrolls in it: tables, code, output, formulas. Such a box can be focused, so that the arrow
// keys scroll it, and has a name to be announced by.

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
