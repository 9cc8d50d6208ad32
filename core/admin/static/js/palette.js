// What was opened last: the browser keeps ids alone, the server tells names to who may see them.
const KEY = "crm:recent";
const MOST = 8;
const RECORD = /^\/app\/([a-z0-9-]+\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/$/;
const read = () => {
  try {
    return (localStorage.getItem(KEY) ?? "").split(",").filter(Boolean);
  } catch {
    return [];
  }
};
const keep = (found) => {
  try {
    localStorage.setItem(KEY, found.slice(0, MOST).join(","));
  } catch {
    // A browser that keeps nothing has nothing to show.
  }
};
const palette = document.getElementById("palette");
const here = location.pathname.match(RECORD)?.[1];
if (!palette) keep([]);
else if (here) keep([here, ...read().filter((one) => one !== here)]);
palette?.addEventListener("crm:opened", () => {
  palette.querySelector("[data-recent]").value = read()
    .filter((one) => one !== here)
    .join(",");
  const input = palette.querySelector("[name=q]");
  input.select();
  input.dispatchEvent(new Event("opened"));
});
