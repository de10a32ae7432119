// Shows what others said that is like the words being typed. Without JavaScript there is the suggestion box.
(() => {
  "use strict";
  const place = document.querySelector("[data-alike]");
  const text = document.querySelector("textarea[name=text]");
  if (!place || !text) return;
  let timer = 0;
  let asking = null;

  async function look() {
    asking?.abort();
    asking = new AbortController();
    const asked = new URLSearchParams({ text: text.value, system: text.form.elements.system?.value || "" });
    try {
      const answer = await fetch(`${place.dataset.alike}?${asked}`, { headers: { "HX-Request": "true" }, signal: asking.signal });
      if (!answer.ok || answer.redirected) return;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      place.replaceChildren(...found.body.childNodes);
    } catch {
      // No line: nothing alike to show.
    }
  }

  text.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(look, 600);
  });
})();
