// Steps over a page: dialogs that the server answers, cells that are changed where they stand, the
// list under both, which is read anew once something was done; and messages about the network.
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const PLACES = "#over, #deed, #quick";
const toasts = document.querySelector(".toaster-home");
const openers = new WeakMap();

// Browsers that do not know `command` yet.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog) button.getAttribute("command") === "close" ? dialog.close() : dialog.showModal();
  });
}

// What is outside a modal dialog cannot be reached: messages come along into it.
const carry = () => {
  const home = all("dialog:modal").at(-1) ?? document.body;
  if (toasts && toasts.parentNode !== home) home.append(toasts);
};
const reopen = () => {
  all("dialog[data-open]").forEach((dialog) => {
    const place = dialog.closest(PLACES);
    // Where a dialog takes the place of another, the way back is still the first one's.
    if (place && document.activeElement !== document.body) openers.set(place, document.activeElement);
    dialog.removeAttribute("data-open");
    dialog.removeAttribute("open");
    dialog.showModal();
    // A dialog that scrolls would have the focus itself.
    dialog.querySelector("form :is(input:not([type=hidden], [tabindex]), select, textarea)")?.focus();
  });
  carry();
};
document.addEventListener(
  "close",
  ({ target: dialog }) => {
    const place = dialog.closest?.(PLACES);
    carry();
    if (!place) return;
    dialog.remove();
    const opener = openers.get(place);
    if (document.activeElement === document.body) (opener?.isConnected ? opener : document.getElementById("rows"))?.focus();
  },
  true,
);
document.addEventListener("step-done", () => all(`:is(${PLACES}) dialog`).forEach((dialog) => dialog.close()));
document.addEventListener("selection-done", () => {
  const chosen = all(".cell-select input:checked, .bulk-all input:checked");
  chosen.forEach((box) => (box.checked = false));
  chosen[0]?.dispatchEvent(new Event("change", { bubbles: true }));
});

// A cell: what stood there is kept, so that to give up asks nobody.
const stood = new WeakMap();
let cell = null;
const leave = (form) => {
  const here = form.closest("td");
  if (!stood.has(here)) return false;
  here.innerHTML = stood.get(here);
  window.htmx.process(here);
  here.querySelector(".cell-pencil")?.focus();
  return true;
};
document.addEventListener(
  "click",
  ({ target }) => {
    const here = target.closest(".cell-pencil")?.closest("td");
    if (here) stood.set(here, here.innerHTML);
  },
  true,
);
document.addEventListener("click", (event) => {
  const form = event.target.closest("td .inline-form [data-leave]")?.closest("form");
  if (form && leave(form)) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && event.target.closest?.("td .inline-form");
  if (form && leave(form)) event.preventDefault();
});
document.addEventListener("submit", (event) => (cell = event.target.closest("td") ?? cell));

// Waiting for a list shows; style sheets draw bones in its place when it takes long.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.target?.id === "list") ctx.target.ariaBusy = "true";
});
document.addEventListener("htmx:finally:request", () => document.getElementById("list")?.removeAttribute("aria-busy"));
document.addEventListener("htmx:before:swap", () => toasts && toasts.parentNode !== document.body && document.body.append(toasts));
document.addEventListener("htmx:after:swap", () => {
  reopen();
  if (!cell || document.querySelector("td .inline-form")) return;
  if (document.activeElement === document.body) cell.querySelector(".cell-pencil")?.focus();
  cell = null;
});
reopen();

// Requests: the token goes along; without an answer people are told, and may try again.
const say = (text, retry, more = "") => {
  const toaster = document.getElementById("toaster");
  const make = (tag, attributes, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };
  const close = make("button", { type: "button", className: "btn" }, retry ? toaster.dataset.retry : toaster.dataset.close);
  Object.assign(close.dataset, { variant: "outline", size: "sm" });
  if (retry) close.addEventListener("click", retry);
  toaster.querySelector("[data-tried]")?.remove();
  const content = make("div", { className: "toast-content" }, make("section", {}, make("h2", {}, text), ...(more ? [make("p", {}, more)] : [])), make("footer", { role: "group" }, close));
  const toast = make("div", { className: "toast", role: "alert" }, content);
  Object.assign(toast.dataset, { tone: "danger", duration: "-1", ...(retry && { tried: "" }) });
  toaster.append(toast);
};
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.request.method !== "GET") ctx.request.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]')?.content ?? "";
});
// What stands between people and the server may answer in its place, e.g. when too much is asked:
// what it says is told, and never put into the page.
const unsent = (retry, response) => {
  const { failed, busy, later } = document.getElementById("toaster").dataset;
  const wait = response?.headers.get("Retry-After");
  const seconds = /^\d+$/.test(wait) ? Number(wait) : Math.max(1, Math.ceil((Date.parse(wait) - Date.now()) / 1000));
  say(response?.status === 429 ? busy : failed, retry, seconds ? later.replace("{n}", new Intl.NumberFormat(document.documentElement.lang).format(seconds)) : "");
};
const failed = (ctx, response) => {
  const source = ctx?.sourceElement;
  // A field that could not be judged now is judged when its form is sent.
  if (!source || ctx.request.action.includes("?check=")) return;
  const form = source.matches("form") ? source : source.form?.matches("[hx-get]") && source.form;
  const retry = () => {
    if (form) form.requestSubmit(ctx.request.submitter);
    else if (source.matches("a, button")) source.click();
    else for (const name of ["input", "change", "opened", "records-changed"]) source.dispatchEvent(new Event(name, { bubbles: true }));
  };
  unsent(retry, response);
};
document.addEventListener("htmx:error", ({ detail: { ctx } }) => failed(ctx));
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const { raw, status } = ctx.response;
  if (status < 400 || raw.headers.has("HX-Retarget") || raw.headers.has("HX-Redirect")) return;
  if (raw.headers.get("Content-Type")?.startsWith("text/html") && !/<html|<!doctype/i.test(ctx.text)) return;
  event.preventDefault();
  failed(ctx, raw);
});
document.addEventListener("crm:refused", ({ detail }) => say(detail));
document.addEventListener("crm:unsent", ({ detail: { send, response } }) => unsent(send, response));
