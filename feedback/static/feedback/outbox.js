// Files while there is no line: what was written waits in this browser and is sent once, under an id made here.
// Without JavaScript, or outside a secure context, the form is a plain form.
(() => {
  "use strict";
  const box = document.querySelector("[data-outbox]");
  if (!box || !window.isSecureContext || !window.indexedDB) return;
  const { outbox: scope, owner = "", api = "", action = "", memory } = box.dataset;
  const form = box.querySelector("form");
  const state = box.querySelector("[data-outbox-state]");
  const AGAIN = 30_000; // ms between tries
  const PATIENCE = 10_000; // ms for an answer

  const opened = memory ? null : new Promise((resolve, reject) => {
    const opening = indexedDB.open("lastmile-outbox", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("items", { keyPath: "id" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });

  async function store(mode, act) {
    const database = await opened;
    return new Promise((resolve, reject) => {
      const asked = act(database.transaction("items", mode).objectStore("items"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  // Where a trace in the browser could give somebody away, what waits is kept by the open page alone.
  const here = new Map();
  const mine = (one) => one.scope === scope && one.owner === owner;
  const waiting = async () => (memory ? [...here.values()] : (await store("readonly", (items) => items.getAll())).filter(mine));
  const forget = (id) => (memory ? here.delete(id) : store("readwrite", (items) => items.delete(id)));
  const keep = (one) => (memory ? here.set(one.id, one) : store("readwrite", (items) => items.put(one)));

  function say(words, more = "") {
    if (!state) return;
    state.hidden = !words;
    state.textContent = more ? `${words} ${more}` : words;
  }

  function cookie(name) {
    const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
  }

  // The answer, or null where there is none to be had now: no line, a server in trouble, or nobody signed in.
  async function sent(one) {
    const signal = AbortSignal.timeout(PATIENCE);
    const given = api
      ? { headers: { "Content-Type": "application/json", "Idempotency-Key": one.id, "X-CSRFToken": cookie("csrftoken") }, body: JSON.stringify(one.fields) }
      : { body: new URLSearchParams({ ...one.fields, id: one.id }) };
    try {
      const answer = await fetch(api || action, { method: "POST", signal, ...given });
      return answer.status >= 500 || [401, 403, 409, 429].includes(answer.status) ? null : answer;
    } catch {
      return null;
    }
  }

  async function show(answer) {
    if (api) {
      window.location.replace(box.dataset.done.replace("FB-0", (await answer.json()).ref));
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    const title = document.querySelector("main h1");
    title.tabIndex = -1;
    title.focus();
  }

  let draining = false;
  async function drain() {
    if (draining) return;
    draining = true;
    try {
      for (const one of await waiting()) {
        const answer = await sent(one);
        if (!answer) break;
        await forget(one.id);
        if (!answer.ok) say(box.dataset.refused, `“${one.fields.text}”`);
        else if (api) say(box.dataset.sent, (await answer.json()).ref);
        else say(box.dataset.sent, box.dataset.receipts ? receiptIn(await answer.text()) : "");
      }
    } finally {
      draining = false;
    }
  }

  function receiptIn(text) {
    return new DOMParser().parseFromString(text, "text/html").querySelector(".secret")?.textContent || "";
  }

  async function file(one) {
    await keep(one);
    draining = true;
    const answer = await sent(one);
    draining = false;
    if (!answer) {
      form.reset();
      say(box.dataset.kept);
      form.dispatchEvent(new CustomEvent("kept", { bubbles: true }));
      return;
    }
    await forget(one.id);
    if (answer.ok) await show(answer);
    else form.submit(); // the page itself says what is wrong
  }

  form?.addEventListener("submit", async (event) => {
    const given = new FormData(form);
    if ([...given.values()].some((value) => value instanceof File && value.size)) return; // files go with the form itself
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "1";
    const fields = Object.fromEntries([...given].filter(([name, value]) => typeof value === "string" && !["csrfmiddlewaretoken", "id"].includes(name) && value !== ""));
    if (api && fields.on_behalf) {
      fields.person = fields.on_behalf;
      delete fields.on_behalf;
    }
    try {
      await file({ id: crypto.randomUUID(), scope, owner, fields });
    } catch {
      form.submit(); // a browser that keeps nothing
    } finally {
      delete form.dataset.sent;
    }
  });

  // This page again without a line: itself and what it is made of, and nothing older.
  async function prepare() {
    await navigator.serviceWorker.register(box.dataset.worker, { scope });
    const parts = performance.getEntriesByType("resource").map((one) => one.name);
    const page = new Request(window.location.href, { cache: "force-cache" }); // as it came just now
    const wanted = [...new Set(parts.filter((name) => new URL(name).pathname.startsWith("/static/"))), page.url];
    const cache = await caches.open(`lastmile ${scope}`);
    await cache.addAll([...wanted.slice(0, -1), page]);
    for (const request of await cache.keys()) if (!wanted.includes(request.url)) await cache.delete(request);
  }

  window.addEventListener("online", drain);
  window.setInterval(drain, AGAIN);
  drain().catch(() => {});
  if ("serviceWorker" in navigator && box.dataset.worker) window.addEventListener("load", () => prepare().catch(() => {}));
})();
