// Before the first paint: Basecoat's dark variants follow a class, the system's wish is a query.
const wanted = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const follow = () => {
  if (root.dataset.mode === "system") root.classList.toggle("dark", wanted.matches);
};
follow();
wanted.addEventListener("change", follow);
