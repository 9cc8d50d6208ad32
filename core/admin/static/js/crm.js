// What every page does beyond the browser: palette, menus by arrow keys, selection, shortcuts,
// a warning before typed text is lost. All of it works without, too.
const root = document.documentElement;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
root.classList.add("scripted");

// Dialogs that are on every page; those that the server answers: see dialogs.js.
const openDialog = (dialog) => {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.dispatchEvent(new Event("crm:opened"));
};
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openDialog(dialog);
});

// Menus: arrows walk, a choice closes.
const menuOf = (element) => element?.closest?.(".menu-list");
document.addEventListener(
  "toggle",
  (event) => {
    if (event.newState === "open" && event.target.matches?.(".menu-list"))
      event.target.querySelector("a, button")?.focus();
  },
  true,
);
document.addEventListener("keydown", (event) => {
  const opens = event.key === "ArrowDown" && document.getElementById(event.target.getAttribute?.("popovertarget") ?? "");
  if (opens && opens.matches(".menu-list:not(:popover-open)")) {
    event.preventDefault();
    event.target.click();
    return;
  }
  const menu = menuOf(event.target);
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  const items = all("a, button:not(:disabled)", menu);
  const here = items.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
  items.at(to % items.length)?.focus();
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest(".menu-item")) menuOf(event.target)?.hidePopover();
});

// Rows: all, a range with Shift, and how many.
let last = null;
const boxesOf = (box) => all(`input[name="${CSS.escape(box.name)}"]`, box.closest("table"));
const count = (scope) => {
  const number = all(".cell-select [name]:checked", scope).length;
  all("[data-count-text]", scope).forEach((text) => {
    const words = (number === 1 && text.dataset.countOne) || text.dataset.countText;
    text.textContent = words.replace("{n}", new Intl.NumberFormat(root.lang).format(number));
  });
  all("[data-select-all]", scope).forEach((head) => {
    const boxes = all(".cell-select [name]", scope).length;
    head.checked = boxes > 0 && number === boxes;
    head.indeterminate = number > 0 && number < boxes;
  });
};
const scopeOf = (box) => box.closest("form, .card") ?? document;
document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.(".cell-select [name]")) return;
  if (event.shiftKey && last?.isConnected) {
    const boxes = boxesOf(box);
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (from >= 0) boxes.slice(from, to + 1).forEach((one) => (one.checked = box.checked));
  }
  last = box;
});
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches?.("[data-select-all]"))
    all(`.cell-select [name="${box.dataset.selectAll}"]`, box.closest("table")).forEach((one) => (one.checked = box.checked));
  if (box.matches?.(".cell-select input")) count(scopeOf(box));
});

// Forms: what was typed is not lost unasked; the first mistake gets the focus.
const dirty = new Set();
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.dataset.guard) dirty.add(form);
});
document.addEventListener("submit", (event) => dirty.delete(event.target));
addEventListener("beforeunload", (event) => {
  if ([...dirty].some((form) => form.isConnected)) event.preventDefault();
});
const mistakes = (from) => (from.querySelector("form [aria-invalid=true]") ?? from.querySelector("[data-focus]"))?.focus();
if (document.querySelector("[data-focus]")) mistakes(document);

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.target instanceof Element ? event.target : document.body;
  all(".command").forEach((command) => command.refresh?.());
  all("form, .card", target).forEach(count);
  // A single field that was judged is left as it is: somebody has gone on to the next.
  if (!target.matches("input, select, textarea, a, button")) mistakes(target.matches("form") ? target.parentElement : target);
  target.querySelector("form [autofocus]")?.focus();
});

// Shortcuts. Single keys can be turned off (WCAG 2.1.4); Ctrl K stays.
const typing = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const rows = () => all("[data-row]").filter((row) => row.offsetParent);
const walk = (step) => {
  const found = rows();
  const here = found.findIndex((row) => row.hasAttribute("data-here"));
  const next = found[Math.max(0, Math.min(found.length - 1, here + step))];
  found[here]?.removeAttribute("data-here");
  next?.setAttribute("data-here", "");
  next?.scrollIntoView({ block: "nearest" });
  (next?.querySelector("[data-primary] a, td a") ?? next?.querySelector("input"))?.focus({ preventScroll: true });
};
// Two keys in a row: g, then the letter of a place.
let going = 0;
const go = (letter) => {
  const gone = performance.now() - going < 1500 && document.querySelector(`[data-go="${letter}"]`);
  going = 0;
  gone && gone.click();
  return Boolean(gone);
};
const keys = {
  g: () => (going = performance.now()),
  "?": () => openDialog(document.getElementById("shortcuts")),
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
  x: () => document.querySelector("[data-here] .cell-select input")?.click(),
};
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog(document.getElementById("palette"));
    return;
  }
  const busy = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  if (busy || document.body.dataset.shortcuts === "off" || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (/^[a-z]$/.test(event.key) && going && go(event.key)) return;
  const act = keys[event.key] ?? (/^[a-z]$/.test(event.key) && (() => document.querySelector(`[data-key="${event.key}"]`)?.click()));
  if (!act) return;
  if ("/?".includes(event.key)) event.preventDefault();
  act();
});
