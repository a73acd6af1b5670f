// A preview of what a link to a citation, an equation, an API name or a term leads to.
//
// With a mouse it comes when the pointer rests on the link, with the keyboard when the link has the focus. A finger's
// first tap shows it, a second one, or a tap on "Open", follows the link. Esc closes it, and it stays while the pointer is on it.
"use strict";
(() => {
  const LINKS = "a.reference.internal[href*='#equation-'], a.reference.internal[href*='#ptacore.'], " +
    "a.reference.internal[href*='#term-'], a.reference.internal[href*='bibliography.html#']";
  const WAIT = 250, STAY = 200; // milliseconds
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const box = document.createElement("div");
  box.id = "preview";
  box.className = "preview";
  box.hidden = true;
  box.setAttribute("role", "tooltip");
  document.body.append(box);

  // Files of the book that are needed now for the first time.
  const loaded = {};
  const load = (path) => loaded[path] ??= new Promise((resolve) => {
    const style = path.endsWith(".css");
    const file = document.createElement(style ? "link" : "script");
    Object.assign(file, style ? { rel: "stylesheet", href: new URL(path, root) } : { src: new URL(path, root) });
    file.onload = file.onerror = resolve;
    document.head.append(file);
  });

  const part = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  const contents = async (link) => {
    await load("_static/preview_text.js");
    const address = new URL(link.href);
    const said = window.PREVIEWS?.[address.pathname.slice(root.pathname.length) + decodeURIComponent(address.hash)];
    if (!said) return null;
    const parts = [];
    if (said.code) parts.push(part("code", said.code));
    if (said.head) parts.push(part("strong", said.head));
    if (said.tex) {
      if (!window.katex) await Promise.all([load("_static/katex/katex.min.css"), load("_static/katex/katex.min.js")]);
      const formula = part("div", "");
      katex.render(said.tex, formula, { displayMode: true, throwOnError: false });
      parts.push(formula);
    }
    if (said.text) parts.push(part("p", said.text));
    return parts;
  };

  let shown = null, wanted = null, timer = 0;

  const hide = () => {
    clearTimeout(timer);
    wanted = null;
    box.hidden = true;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  };

  const place = (link) => {
    const at = link.getClientRects()[0], width = Math.min(440, innerWidth - 24);
    box.style.width = `${width}px`;
    box.style.left = `${Math.max(12, Math.min(at.left, innerWidth - width - 12)) + scrollX}px`;
    const below = at.bottom + 6, above = at.top - box.offsetHeight - 6;
    box.style.top = `${(below + box.offsetHeight > innerHeight && above > 0 ? above : below) + scrollY}px`;
  };

  const show = async (link, tapped) => {
    wanted = link;
    const parts = await contents(link);
    if (wanted !== link) return; // the reader has gone on
    if (!parts) return tapped && link.click();
    hide();
    shown = link;
    if (tapped) {
      const open = part("a", "Open");
      open.href = link.href;
      parts.push(open);
    }
    box.replaceChildren(...parts);
    box.hidden = false;
    link.setAttribute("aria-describedby", box.id);
    place(link);
  };

  const later = (wait, action) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };
  const linkOf = (event) => event.target.closest?.(LINKS);

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const link = linkOf(event);
    if (link && link !== shown) later(WAIT, () => show(link, false));
    else if (link || box.contains(event.target)) clearTimeout(timer);
    else if (shown && shown !== document.activeElement) later(STAY, hide);
    else if (!shown) hide();
  });
  document.addEventListener("focusin", (event) => {
    const link = linkOf(event);
    if (link?.matches(":focus-visible")) show(link, false);
    else if (!box.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  document.addEventListener("click", (event) => {
    const link = linkOf(event), tapped = event.pointerType === "touch";
    if (link && tapped && link !== shown && event.isTrusted) {
      event.preventDefault();
      show(link, true);
    } else if (!box.contains(event.target)) hide();
  });
})();
