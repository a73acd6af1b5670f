// The search page: ranks the sections in search_text.js by the words of the question, and shows where these stand.
//
// A section's fields are weighed as in BM25F (Robertson, Zaragoza and Taylor, 2004). Words that follow each other in the
// question and in the text count once more. A page is listed once, at its best section.
"use strict";
(() => {
  const FIELDS = [["page", 5], ["words", 5], ["title", 5], ["prose", 1], ["code", 0.3]];
  const SATURATION = 1.5, BY_LENGTH = 0.6, SHOWN = 30, EXCERPT = 240;
  const IDLE = new Set([...stopwords, ..."how does do what when where why which who can could i my me you your we am has have".split(" ")]);

  // ---- words ----

  const stemmer = new Stemmer(), stems = new Map();
  const stem = (word) => {
    if (!stems.has(word)) stems.set(word, word.length > 2 ? stemmer.stemWord(word) : word);
    return stems.get(word);
  };

  // Words with their places: fig3 is fig and 3, lyapunov_spectrum is lyapunov and spectrum.
  const split = (text) => [...text.toLowerCase().matchAll(/\d+[a-z]?(?![a-z])|\p{Letter}+/gu)]
    .map((match) => ({ stem: stem(match[0]), idle: IDLE.has(match[0]), start: match.index, end: match.index + match[0].length }));
  const words = (text) => split(text).filter((word) => !word.idle).map((word) => word.stem);

  // ---- the book ----

  const sections = [], known = new Map(); // from a word to the number of sections that have it
  for (const [address, keywords, ...parts] of SEARCH_TEXT.pages) {
    const page = words(parts[0][1]);
    parts.forEach(([anchor, title, prose, code], i) => {
      const fields = { page, words: words(keywords), title: i ? words(title) : page, prose: words(prose), code: words(code) };
      sections.push({ address, pageTitle: parts[0][1], anchor, title, prose, fields, first: i === 0 });
      for (const word of new Set(Object.values(fields).flat())) known.set(word, (known.get(word) ?? 0) + 1);
    });
  }
  const mean = Object.fromEntries(FIELDS.map(([name]) =>
    [name, sections.reduce((sum, section) => sum + section.fields[name].length, 0) / sections.length || 1]));
  const same = SEARCH_TEXT.same.map((group) => group.map((words_) => words(words_)));
  const rarity = (count) => Math.log(1 + (sections.length - count + 0.5) / (count + 0.5));

  // ---- a question ----

  const oneLetterOff = (a, b) => {
    if (a.length < 4 || Math.abs(a.length - b.length) > 1 || a === b) return false;
    let i = 0, j = 0;
    while (i < a.length && a[i] === b[i]) i++;
    while (j < a.length - i && j < b.length - i && a.at(-1 - j) === b.at(-1 - j)) j++;
    return Math.max(a.length, b.length) - i - j <= 1;
  };

  // From a word of the book to how well it answers one of the question.
  const answers = (word) => {
    if (known.has(word)) return new Map([[word, 1]]);
    const begun = [...known.keys()].filter((other) => word.length > 1 && other.startsWith(word));
    return new Map((begun.length ? begun : [...known.keys()].filter((other) => oneLetterOff(word, other))).map((w) => [w, 0.6]));
  };

  // What is asked, and what else it may be called: each a list of words that follow each other.
  const questions = (text) => {
    const asked = words(text);
    const others = same.flatMap((group) => group.flatMap((phrase) => {
      const at = asked.findIndex((_, i) => phrase.length && phrase.every((word, k) => asked[i + k] === word));
      return at < 0 ? [] : group.filter((other) => other !== phrase)
        .map((other) => asked.toSpliced(at, phrase.length, ...other));
    }));
    return [asked.length ? asked : split(text).map((word) => word.stem), ...others];
  };

  const score = (section, terms) => {
    let total = 0, met = 0, all = 0;
    const counts = terms.map(() => 0), pairs = terms.map(() => 0);
    for (const [name, weight] of FIELDS) {
      const field = section.fields[name];
      const share = weight / (1 - BY_LENGTH + BY_LENGTH * field.length / mean[name]);
      field.forEach((word, at) => terms.forEach((term, i) => {
        const fits = term.words.get(word);
        if (!fits) return;
        counts[i] += share * fits;
        if (i + 1 < terms.length && terms[i + 1].words.has(field[at + 1])) pairs[i] += share;
      }));
    }
    terms.forEach((term, i) => {
      total += term.rarity * (counts[i] / (SATURATION + counts[i]) + pairs[i] / (SATURATION + pairs[i]));
      all += term.rarity;
      if (counts[i]) met += term.rarity;
    });
    return all ? total * (met / all) ** 3 : 0; // words that are not there weigh more than those that are
  };

  const search = (text) => {
    const asked = questions(text).map((phrase) => phrase.map((word) => {
      const found = answers(word);
      return { words: found, rarity: rarity(Math.max(...[...found.keys()].map((w) => known.get(w)), 0)) };
    }));
    const pages = new Map();
    for (const section of sections) {
      const value = Math.max(...asked.map((terms, i) => score(section, terms) * (i ? 0.9 : 1)));
      if (!value) continue;
      if (!pages.has(section.address)) pages.set(section.address, []);
      pages.get(section.address).push({ section, value });
    }
    const ranked = [...pages.values()].map((found) => {
      found.sort((a, b) => b.value - a.value); // stable: of equals, the first on the page
      return { found, value: found[0].value + 0.1 * (found[1]?.value ?? 0) };
    });
    ranked.sort((a, b) => b.value - a.value);
    const marked = new Set(asked.flat().flatMap((term) => [...term.words.keys()]));
    const named = ({ fields }) => // in its titles, by all words
      asked[0].every((term) => [...fields.page, ...fields.title].some((word) => term.words.has(word)));
    return { marked, named, pages: ranked.filter((page) => page.value > 0.1 * ranked[0].value).map((page) => page.found) };
  };

  // ---- what is shown ----

  const element = (name, className, ...children) => {
    const made = Object.assign(document.createElement(name), { className });
    made.append(...children);
    return made;
  };

  // The piece of prose that has most of the words, or its beginning, with these marked.
  const excerpt = (prose, marked, begin) => {
    const hits = split(prose).filter((word) => !word.idle && marked.has(word.stem));
    let best = 0, most = 0;
    if (!begin) hits.forEach((hit, i) => {
      const inside = new Set(hits.slice(i).filter((other) => other.end < hit.start + EXCERPT - 40).map((other) => other.stem)).size;
      if (inside > most) [best, most] = [hit.start, inside];
    });
    let start = Math.max(0, best - 40), end = Math.min(prose.length, start + EXCERPT);
    while (start > 0 && prose[start - 1] !== " ") start--;
    while (end < prose.length && prose[end] !== " ") end++;
    const shown = element("p", "context", start ? "… " : "");
    for (const hit of hits.filter((word) => word.start >= start && word.end <= end)) {
      shown.append(prose.slice(start, hit.start), element("mark", "", prose.slice(hit.start, hit.end)));
      start = hit.end;
    }
    shown.append(prose.slice(start, end), end < prose.length ? " …" : "");
    return shown;
  };

  const link = ({ address, anchor }, text) => {
    const made = element("a", "", text);
    made.href = address + (anchor ? `#${anchor}` : "");
    return made;
  };

  const item = (found, marked, named) => {
    const [{ section, value }] = found;
    const shown = element("li", "", link(section, section.first ? section.pageTitle : `${section.pageTitle} › ${section.title}`));
    if (section.prose) shown.append(excerpt(section.prose, marked, named(section)));
    const names = new Set([section.title]);
    const more = found.slice(1).filter((other) => !other.section.first && other.value > 0.4 * value
      && !names.has(other.section.title) && names.add(other.section.title)).slice(0, 3);
    if (more.length) shown.append(element("p", "also", "Also: ", ...more.flatMap((other, i) =>
      [i ? " · " : "", link(other.section, other.section.title)])));
    return shown;
  };

  const show = (text) => {
    const results = document.getElementById("search-results");
    if (!text.trim()) return results.replaceChildren();
    const { pages, marked, named } = search(text);
    const count = pages.length ? `${pages.length} ${pages.length > 1 ? "pages" : "page"}` : "No page has these words.";
    const status = element("p", "search-summary", count), list = element("ul", "search");
    status.setAttribute("role", "status");
    list.append(...pages.slice(0, SHOWN).map((found) => item(found, marked, named)));
    results.replaceChildren(status, list);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const fields = document.querySelectorAll("input[name=q]");
    const ask = (text) => {
      fields.forEach((other) => { if (other.value !== text) other.value = text; });
      show(text);
    };
    ask(new URLSearchParams(location.search).get("q") ?? "");
    fields.forEach((input) => input.addEventListener("input", () => {
      if (location.protocol !== "file:") history.replaceState(null, "", `?${new URLSearchParams({ q: input.value })}`);
      ask(input.value);
    }));
  });
})();
