// htmx would note the page's address in the tab's storage, for a history that is not used here. Nothing is stored about
// people who have not agreed to it, so there is no storage to be had. (This file is loaded before htmx.)
Object.defineProperty(window, "sessionStorage", {
  get() {
    throw new DOMException("this shop stores nothing in the browser but its cookies", "SecurityError");
  },
});

// What neither HTML nor htmx does: on a narrow screen the panel is a sheet that can be drawn up.
const knows = document.getElementById("knows");
const toggle = knows?.querySelector(".sheet-toggle");
toggle?.addEventListener("click", () => {
  const open = knows.classList.toggle("open");
  toggle.setAttribute("aria-expanded", String(open));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && knows?.classList.contains("open")) toggle.click();
});
