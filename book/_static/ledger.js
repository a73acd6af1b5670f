"use strict";
// The ledger's table as an instrument: filters, search and a count, with their state in the address. Without this script
// it is a table whose rows have anchors.

const PAPER = "the paper";
const table = document.querySelector("table.ledger");
const plain = (text) => text.toLowerCase().replaceAll("−", "-").replace(/\s+/g, " ");

/** What the filters ask of a row, from the classes that it was written with. */
function describe(row) {
  const named = (kind) => [...row.classList].filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  const whose = row.querySelector(".work")?.textContent ?? PAPER, work = whose.replace(/^beside /, "");
  return { row, text: plain(row.textContent), verdict: named("verdict-"), page: named("page-"), figure: named("figure-"),
           work: [work], own: work !== whose };
}

function make(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

/** A menu of all that some row has, each with the number of its rows, in the table's order. */
function menu(label, name, rows, words, sorted = false) {
  const counts = new Map();
  for (const value of rows.flatMap((row) => row[name])) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = sorted ? [...counts.keys()].sort() : [...counts.keys()];
  const options = values.map((value) => make("option", { value }, `${words(value)} (${counts.get(value)})`));
  return labelled(label, make("select", { name }, make("option", { value: "" }, "all"), ...options));
}

function labelled(label, field) {
  field.id = `ledger-${field.name}`;
  return make("div", {}, make("label", { htmlFor: field.id }, label), field);
}

function setUp() {
  const rows = [...table.tBodies[0].rows].map(describe);
  const titles = Object.fromEntries([...document.querySelectorAll("article table:not(.ledger) a[href*='notebooks/']")].map(
    (link) => [/notebooks\/(\w+)/.exec(link.href)[1], link.textContent]));
  const count = make("output", { className: "ledger-count" });
  const form = make("form", { className: "ledger-filters", autocomplete: "off" },
    labelled("Search", make("input", { type: "search", name: "text" })),
    menu("Verdict", "verdict", rows, (value) => value.replaceAll("-", " ")),
    menu("Figure", "figure", rows, (value) => `Figure ${value}`, true),
    menu("Page", "page", rows, (value) => titles[value] ?? value),
    menu("Whose", "work", rows, (value) => value),
    make("button", { type: "reset" }, "Clear"), count);
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Statements");
  const fields = [...form.elements].filter((field) => field.name);
  const linked = () => document.getElementById(location.hash.slice(1))?.closest("table.ledger tbody tr");
  let named = linked(); // by the address: it is shown whatever the filters say, until they are changed

  function show(unknown = []) {
    const words = plain(form.elements.text.value).split(" ");
    const asked = fields.filter((field) => field.localName === "select" && field.value);
    const found = rows.filter((row) => asked.every((field) => row[field.name].includes(field.value))
      && words.every((word) => row.text.includes(word)));
    const matching = new Set(found.map(({ row }) => row));
    for (const { row } of rows) row.hidden = !matching.has(row) && row !== named;
    const paper = found.filter((row) => row.work[0] === PAPER).length, own = found.filter((row) => row.own).length;
    count.value = `${found.length} of ${rows.length} rows: ${paper} of the paper, ${found.length - paper - own} of its neighbours, `
      + `${own} of this book beside them`
      + (named && !matching.has(named) ? "; besides, the row that the address names" : "")
      + unknown.map((part) => `; no row has ${part}, which the address asks for`).join("");
  }

  /** Set the filters as the address has them; return what no row has. */
  function read() {
    const asked = new URLSearchParams(location.search), unknown = [];
    for (const field of fields) {
      field.value = asked.get(field.name) ?? "";
      if (asked.get(field.name) && !field.value.trim()) {
        field.value = "";
        unknown.push(`${field.name} “${asked.get(field.name)}”`);
      }
    }
    return unknown;
  }

  function write() {
    const asked = new URLSearchParams(fields.filter((field) => field.value).map((field) => [field.name, field.value]));
    history.replaceState(null, "", location.pathname + `?${asked}`.replace(/^\?$/, "") + location.hash);
  }

  function change() {
    named = null;
    show();
    write();
  }

  form.addEventListener("input", change);
  form.addEventListener("reset", () => setTimeout(change)); // once the fields are empty
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => {
    named = linked();
    show();
    named?.scrollIntoView({ behavior: "instant" });
  });
  (table.closest(".pst-scrollable-table-container") ?? table).before(form);
  show(read());
  named?.scrollIntoView({ behavior: "instant" });
}

/** As cards, parts of the table are blocks, and some browsers then forget what they are. */
function keepRoles() {
  const roles = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };
  table.setAttribute("role", "table");
  for (const part of table.querySelectorAll("thead, tbody, tr, th, td")) part.setAttribute("role", roles[part.localName]);
}

if (table) {
  keepRoles();
  setUp();
}
