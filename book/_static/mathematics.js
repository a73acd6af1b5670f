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
    const sign = /^[.,;:!?)]+/.exec(element.nextSibling?.data);
    if (sign) keepTogether(element, sign[0].length);
  } catch (error) {
    // the formula stays as it was written, marked, with the reason beside it
    element.classList.add("math-error");
    element.append(` ${error.message}`);
    console.error(`${error.message} in ${element.textContent}`);
  }
}

// A line may end within a formula, but not between its last part and the sign that closes the sentence.
function keepTogether(formula, length) {
  const rest = formula.nextSibling, both = document.createElement("span"), before = document.createElement("span");
  const parts = formula.querySelector(".katex-html");
  before.className = "math-breaks";
  before.append(...[...parts.children].slice(0, -1));
  parts.prepend(before);
  rest.splitText(length);
  both.className = "math-and-sign";
  formula.replaceWith(both);
  both.append(formula, rest);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".math").forEach(typeset));
