// Large buttons on a device that many people share: nothing stays on it, and 45 seconds without a touch start over.
(() => {
  "use strict";
  const kiosk = document.querySelector("[data-kiosk]");
  if (!kiosk) {
    // Not enrolled, or revoked: what waited here goes with the right to send it.
    window.indexedDB?.deleteDatabase("lastmile-outbox");
    if (window.caches) caches.keys().then((names) => names.forEach((name) => caches.delete(name)));
    return;
  }
  const START = kiosk.dataset.kiosk;
  const AFTER = 45_000; // ms
  let timer = 0;

  function start() {
    for (const form of document.forms) form.reset();
    window.location.replace(START);
  }

  function again() {
    window.clearTimeout(timer);
    timer = window.setTimeout(start, AFTER);
  }

  // A page taken back out of the browser's memory would show what somebody else wrote.
  window.addEventListener("pageshow", (event) => event.persisted && start());
  for (const name of ["pointerdown", "keydown", "input"]) document.addEventListener(name, again, { passive: true });
  again();

  // A tile opens the sentence here, so that the address tells nothing and no line is needed.
  document.addEventListener("click", (event) => {
    const tile = event.target instanceof Element ? event.target.closest("a[data-kind]") : null;
    const write = document.querySelector("[data-write]");
    if (!tile || !write) return;
    event.preventDefault();
    write.querySelector("[name=kind]").value = tile.dataset.kind;
    write.querySelector("h2").textContent = tile.textContent.trim();
    write.hidden = false;
    document.querySelector("[data-tiles]").hidden = true;
    write.querySelector("textarea").focus();
  });

  document.addEventListener("kept", () => {
    document.querySelector("[data-write]").hidden = true;
    again();
  });
})();
