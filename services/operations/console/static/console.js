// What the pages do beyond links and forms; all of them work without it, they only stand still.
"use strict";

// A hidden tab asks for nothing; htmx's interval goes on, so the page is fresh soon after it is seen again.
document.addEventListener("htmx:before:request", (event) => {
  const isPoll = event.target.id === "live";
  if (isPoll && document.hidden) event.preventDefault();
});

const toggle = document.querySelector("[data-theme-toggle]");
if (toggle) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const label = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
  toggle.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    label();
  });
  dark.addEventListener("change", label);
  label();
  toggle.hidden = false;
}

// Arrow keys go from message to message.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const here = event.target.closest?.(".messages a");
  if (!step || !here) return;
  const all = [...document.querySelectorAll(".messages a")];
  const next = all[all.indexOf(here) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

// Where the message is below the timeline, not beside it, go there when one was chosen.
document.addEventListener("htmx:after:swap", (event) => {
  if (!event.target.closest?.(".messages")) return;
  if (matchMedia("(max-width: 60rem)").matches) document.getElementById("message")?.focus();
});
