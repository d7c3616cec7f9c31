// The one thing that neither HTML nor htmx does: on a narrow screen the panel is a sheet that can be drawn up.
const knows = document.getElementById("knows");
const toggle = knows?.querySelector(".sheet-toggle");
toggle?.addEventListener("click", () => {
  const open = knows.classList.toggle("open");
  toggle.setAttribute("aria-expanded", String(open));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && knows?.classList.contains("open")) toggle.click();
});
