"use strict";
// Typeset the formulas, which Sphinx leaves as \(...\) and \[...\] in elements of the class "math".

function typeset(element) {
  const text = [...element.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const parts = /^\\([([])([^]*)\\[)\]]$/.exec(text?.data.trim());
  const place = document.createElement("span");
  try {
    if (!parts) throw new Error("a formula is not between \\( and \\) or \\[ and \\]");
    katex.render(parts[2], place, { displayMode: parts[1] === "[" });
    text.replaceWith(place);
  } catch (error) {
    // the formula stays as it was written, marked, with the reason beside it
    element.classList.add("math-error");
    element.append(` ${error.message}`);
    console.error(`${error.message} in ${element.textContent}`);
  }
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".math").forEach(typeset));
