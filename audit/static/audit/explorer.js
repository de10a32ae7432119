// The audit trail by keyboard, and an entry beside the list. Without this, a row's number is a link to the entry's page.
(() => {
  "use strict";
  const panel = document.getElementById("panel");
  const rows = [...document.querySelectorAll("a[data-row]")];
  const help = document.getElementById("keys");
  const on = document.getElementById("keys-on");
  const STORED = "lastmile.audit.keys";
  let at = -1;
  let follows = 0;

  const focusRow = (place) => {
    if (!rows.length) return;
    at = Math.max(0, Math.min(rows.length - 1, place));
    rows[at].focus();
    rows[at].closest("tr").scrollIntoView({ block: "nearest" });
    // An open panel follows, once the reader rests on a row: each entry that is shown is recorded as read.
    clearTimeout(follows);
    if (panel?.firstElementChild && !rows[at].hasAttribute("aria-current")) follows = setTimeout(show, 300, rows[at], true);
  };

  const show = async (row, keepFocus) => {
    clearTimeout(follows);
    at = rows.indexOf(row);
    await window.htmx.ajax("GET", row.href, { target: "#panel", swap: "innerHTML" });
    for (const other of rows) other.toggleAttribute("aria-current", other === row);
    if (keepFocus) return;
    panel.querySelector("h2")?.focus();
    panel.scrollIntoView({ block: "nearest" });
  };

  const close = () => {
    if (!panel?.firstElementChild) return false;
    clearTimeout(follows);
    panel.replaceChildren();
    for (const row of rows) row.removeAttribute("aria-current");
    focusRow(at);
    return true;
  };

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-close]")) {
      close();
      return;
    }
    const row = target?.closest("a[data-row]");
    if (!row || !panel || !window.htmx || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(row);
  });

  for (const row of rows) row.addEventListener("focus", () => { at = rows.indexOf(row); });

  const keys = {
    j: () => focusRow(at + 1),
    k: () => focusRow(at < 0 ? 0 : at - 1),
    o: () => { if (at >= 0) window.location.assign(rows[at].href); },
    "/": () => { const box = document.getElementById("q"); box.focus(); box.select(); },
    "?": () => { help.open = true; help.querySelector("summary").focus(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      if (typing) typing.blur();
      else if (close()) event.preventDefault();
      return;
    }
    if (typing || !on.checked || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  // Whoever speaks to the computer, or leans on a key, can switch single keys off for good.
  try {
    on.checked = window.localStorage.getItem(STORED) !== "off";
    on.addEventListener("change", () => window.localStorage.setItem(STORED, on.checked ? "on" : "off"));
  } catch {
    // No storage: the choice lasts as long as the page.
  }
})();
