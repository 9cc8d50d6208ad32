// A link to another record: type, choose from what the server finds. Without this the text is sent
// as NAME_text and the server looks it up.
class Lookup extends HTMLElement {
  connectedCallback() {
    [this.value, this.input] = this.querySelectorAll("input");
    this.list = this.querySelector("[role=listbox]");
    this.clear = this.querySelector(".lookup-clear");
    if (!this.list) return;
    const { input } = this;
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id, autocomplete: "off" })) input.setAttribute(name, value);
    input.addEventListener("input", () => this.changed());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => setTimeout(() => this.show(false), 150));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.choose(event.target.closest("[role=option]")));
    this.clear.addEventListener("click", () => this.take("", ""));
    this.clear.hidden = !this.value.value || input.readOnly;
  }
  changed() {
    this.value.value = "";
    this.clear.hidden = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), 180);
  }
  async ask() {
    this.asked?.abort();
    this.asked = new AbortController();
    const url = new URL(this.getAttribute("src"), location.href);
    url.searchParams.set("q", this.input.value);
    try {
      const answer = await fetch(url, { signal: this.asked.signal, headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      this.list.replaceChildren(...found.querySelectorAll("[role=option]"));
      if (!this.list.children.length) {
        const none = document.createElement("div");
        none.textContent = this.dataset.empty;
        none.className = "none";
        this.list.replaceChildren(none);
      }
      this.show(true);
    } catch (error) {
      if (error.name !== "AbortError") this.show(false);
    }
  }
  show(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }
  key(event) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    const here = options.findIndex((option) => option.ariaSelected === "true");
    if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      event.preventDefault();
      this.show(false);
    } else if (event.key === "Enter" && !this.list.hidden && here >= 0) {
      event.preventDefault();
      this.choose(options[here]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) return void this.ask();
      const to = (here + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
      options.forEach((option, index) => (option.ariaSelected = String(index === to)));
      options[to]?.scrollIntoView({ block: "nearest" });
      if (options[to]) this.input.setAttribute("aria-activedescendant", options[to].id);
    }
  }
  choose(option) {
    if (option) this.take(option.dataset.value, option.querySelector("span")?.textContent ?? option.textContent);
  }
  take(value, text) {
    this.value.value = value;
    this.input.value = text;
    this.clear.hidden = !value;
    this.show(false);
    this.input.focus();
    this.value.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
customElements.define("crm-lookup", Lookup);

// A record that was made in a dialog over a form: the link that wanted it takes it.
class Made extends HTMLElement {
  connectedCallback() {
    const { for: id, value, text } = this.dataset;
    document.getElementById(id)?.closest("crm-lookup")?.take(value, text);
    this.remove();
  }
}
customElements.define("crm-made", Made);
