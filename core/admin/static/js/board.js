// Cards are moved by dragging, by Ctrl and arrows, or by their menu; all three post the same form.
// The card goes at once and comes back if the server says no.
const rtl = () => document.documentElement.dir === "rtl";
class Board extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("submit", (event) => this.submit(event));
    if ("fixed" in this.dataset) return;
    for (const list of this.querySelectorAll(".board-cards")) {
      window.Sortable?.create(list, {
        group: this.id, animation: 140, delay: 180, delayOnTouchOnly: true, filter: "button, a", preventOnFilter: false,
        onEnd: ({ item, from, oldIndex, to }) => from !== to && this.post(item, to, { from, before: from.children[oldIndex] ?? null }),
      });
    }
  }
  lists() {
    return [...this.querySelectorAll(".board-cards")];
  }
  key(event) {
    const card = event.target.closest(".board-card");
    if (!card || event.target !== card || !event.ctrlKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    const step = (event.key === "ArrowRight") === !rtl() ? 1 : -1;
    const lists = this.lists();
    const to = lists[lists.indexOf(card.parentElement) + step];
    if (to) this.move(card, to);
  }
  submit(event) {
    const card = event.target.closest(".board-card");
    const key = event.submitter?.value;
    const to = this.lists().find((list) => list.closest("[data-key]").dataset.key === key);
    if (!card || !to) return;
    event.preventDefault();
    if (to !== card.parentElement) this.move(card, to);
  }
  move(card, to) {
    const back = { from: card.parentElement, before: card.nextElementSibling };
    to.prepend(card);
    card.focus();
    this.post(card, to, back);
  }
  tally() {
    for (const column of this.querySelectorAll(".board-column")) {
      const number = column.querySelector("[data-count]");
      const now = column.querySelectorAll(".board-card").length;
      const change = now - (column.shown ?? now);
      column.shown = now;
      if (change && !this.counted && /^\d+$/.test(number.textContent)) number.textContent = String(Number(number.textContent) + change);
    }
  }
  say(text, card, column) {
    const title = column.querySelector("[data-title]").textContent;
    this.querySelector("[data-voice]").textContent = text.replace("{card}", card.dataset.title).replace("{column}", title);
  }
  // The card is where it was; why, the server says in a message.
  back(card, column, back, said, away) {
    back.from.insertBefore(card, back.before);
    card.removeAttribute("aria-busy");
    this.say(this.dataset.failed, card, column);
    this.tally();
    if (away) return void (location.href = away);
    const toast = said?.querySelector(".toast");
    if (toast) document.getElementById("toaster").append(toast);
    else this.dispatchEvent(new CustomEvent("crm:refused", { bubbles: true, detail: this.dataset.failed }));
  }
  // What the server knows better: the card, counts and sums, and the way back.
  renewed(card, said) {
    const fresh = said.querySelector(".board-card");
    const toast = said.querySelector(".toast");
    for (const one of said.querySelectorAll("[data-column]")) {
      const column = this.querySelector(`[data-key="${CSS.escape(one.dataset.column)}"]`);
      if (!column) continue;
      column.querySelector("[data-count]").textContent = one.dataset.count;
      const sum = column.querySelector("[data-sum]");
      if (sum) sum.textContent = one.dataset.sum;
    }
    if (toast) document.getElementById("toaster").append(toast);
    if (!fresh) return card;
    const here = card === document.activeElement;
    card.replaceWith(fresh);
    if (here) fresh.focus();
    this.counted = true;
    return fresh;
  }
  async post(card, to, back) {
    const column = to.closest("[data-key]");
    const form = card.querySelector("form");
    const body = new URLSearchParams(new FormData(form));
    body.set(this.dataset.name, column.dataset.key);
    card.setAttribute("aria-busy", "true");
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
      const said = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok) return this.back(card, column, back, said, answer.headers.get("HX-Redirect"));
      card = this.renewed(card, said);
      this.say(this.dataset.moved, card, column);
      this.dispatchEvent(new CustomEvent("crm:moved", { bubbles: true }));
    } catch {
      this.back(card, column, back);
      return;
    }
    card.removeAttribute("aria-busy");
    card.querySelectorAll("[name][value][aria-pressed]").forEach((item) => {
      item.setAttribute("aria-pressed", String(item.value === card.closest("[data-key]").dataset.key));
    });
    this.tally();
    this.counted = false;
  }
}
customElements.define("crm-board", Board);
document.querySelectorAll("crm-board").forEach((board) => board.tally());
