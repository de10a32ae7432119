// What the shell adds when JavaScript runs. Every page works without it.
(() => {
  "use strict";
  document.documentElement.dataset.js = "";

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-print]")) {
      window.print();
      return;
    }
    for (const menu of document.querySelectorAll("details.more[open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.more[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Whoever signs out leaves no filing page of theirs behind for the next person.
  document.addEventListener("submit", (event) => {
    if (!event.target.action?.endsWith("/account/sign-out") || !window.caches) return;
    caches.keys().then((names) => names.filter((name) => name.startsWith("lastmile ")).forEach((name) => caches.delete(name)));
  });

  // A second tap on a slow line must not send a form twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.target) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
