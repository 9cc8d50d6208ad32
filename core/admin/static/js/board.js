// Cards are moved by dragging, by Ctrl and arrows, or by their menu; all three post the same form.
// The card goes at once and comes back if the server says no.
const rtl = () => document.documentElement.dir === "rtl";
class Board extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("submit", (event) => this.submit(event));
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
      if (change && /^\d+$/.test(number.textContent)) number.textContent = String(Number(number.textContent) + change);
    }
  }
  say(text, card, column) {
    const title = column.querySelector("[data-title]").textContent;
    this.querySelector("[data-voice]").textContent = text.replace("{card}", card.dataset.title).replace("{column}", title);
  }
  async post(card, to, back) {
    const column = to.closest("[data-key]");
    const form = card.querySelector("form");
    const body = new URLSearchParams(new FormData(form));
    body.set(this.dataset.name, column.dataset.key);
    card.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.statusText);
      this.say(this.dataset.moved, card, column);
      this.dispatchEvent(new CustomEvent("crm:moved", { bubbles: true }));
    } catch {
      back.from.insertBefore(card, back.before);
      this.say(this.dataset.failed, card, column);
      this.dispatchEvent(new CustomEvent("crm:refused", { bubbles: true, detail: this.dataset.failed }));
    }
    card.removeAttribute("aria-busy");
    card.querySelectorAll("[name][value][aria-pressed]").forEach((item) => {
      item.setAttribute("aria-pressed", String(item.value === card.closest("[data-key]").dataset.key));
    });
    this.tally();
  }
}
customElements.define("crm-board", Board);
document.querySelectorAll("crm-board").forEach((board) => board.tally());
