// A choice of the book's versions, where the site has more than one (versions.js): the same page of another, if it has it.
"use strict";
(() => {
  const { here, known } = VERSIONS;
  if (known.length < 2) return;
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const page = location.pathname.slice(root.pathname.length) || "index.html";
  const address = ({ folder, pages }) => new URL(folder + (pages.includes(page) ? page + location.hash : "index.html"), root);
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", "Version");
  choice.append(...known.map(({ version }) => new Option(version, version, version === here, version === here)));
  choice.addEventListener("change", () => { location.href = address(known[choice.selectedIndex]); });
  const place = document.querySelector(".version");
  place.querySelector("span").replaceWith(choice);
  if (known[0].version === here) return;
  const newest = Object.assign(document.createElement("a"), { href: address(known[0]), textContent: `${known[0].version} is newer` });
  place.append(" ", newest);
})();
