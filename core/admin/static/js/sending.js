// A form that leads to another page leaves only while the server can be reached: else what was
// typed would be lost to the browser's own page of errors. A form made for an earlier session gets
// the token of this one with the answer that says so.
const checked = new WeakSet();
const waiting = new WeakSet();
const alive = document.querySelector('link[rel="icon"]').href;
document.addEventListener(
  "submit",
  async (event) => {
    const { target: form, submitter } = event;
    if (form.method !== "post" || form.matches("[hx-post]") || submitter?.matches("[hx-post]") || checked.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting.has(form)) return;
    waiting.add(form);
    const send = () => form.requestSubmit(submitter);
    try {
      const response = await fetch(alive, { method: "HEAD", cache: "no-store" });
      if (response.status === 429 || response.status > 500) throw response;
      checked.add(form);
    } catch (refused) {
      const response = refused instanceof Response ? refused : undefined;
      document.dispatchEvent(new CustomEvent("crm:unsent", { detail: { send, response } }));
    }
    waiting.delete(form);
    if (checked.has(form)) send();
  },
  true,
);
document.addEventListener("crm:token", ({ detail }) => (document.querySelector('meta[name="csrf"]').content = detail.value));
