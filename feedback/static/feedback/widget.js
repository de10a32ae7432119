/* <lastmile-box portal key token recommendation why>: see docs/how-to/widget.md.
   As a worker this file is the line to the portal: what fails in there reaches nobody's console. */
(() => {
  const call = async ({ url, ...options }) => {
    try {
      const answer = await fetch(url, { ...options, credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(10000) });
      return { status: answer.status, said: await answer.json() };
    } catch {
      return { status: 0 };
    }
  };

  if (!self.document) {
    onmessage = async ({ data }) => postMessage(await call(data));
    return;
  }
  if (customElements.get("lastmile-box")) return;

  const safely = (act) => {
    try {
      return act();
    } catch {}
  };

  // The line, or this page itself where it may not have a worker.
  const source = document.currentScript?.src;
  const trusted = () => (own ??= self.trustedTypes?.createPolicy("lastmile", { createScriptURL: () => source }).createScriptURL("") || source);
  let own;
  const ask = (request) => {
    const worker = safely(() => new URL(source).origin === location.origin && new Worker(trusted()));
    if (!worker) return call(request);
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => resolve(event.preventDefault() || { status: 0 });
      worker.postMessage(request);
    }).finally(() => worker.terminate());
  };

  // What waits to be sent: one entry of the storage each, because tabs share it; one tab at a time sends.
  const PREFIX = "lastmile:";
  const store = (entry) => safely(() => (localStorage.setItem(PREFIX + entry.id, JSON.stringify(entry)), true));
  const drop = (name) => safely(() => localStorage.removeItem(name));
  const stored = () => safely(() => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) || [];
  const alone = (act) => navigator.locks.request("lastmile", act);

  // Taken or refused for good; anything else is tried again.
  const final = (status) => status >= 200 && status < 500 && status !== 401 && status !== 429;

  const DECIDE = { overridden: "I overrule it", adjusted: "I change it" };
  const KINDS = {
    wrong_answer: "It was wrong",
    idea: "I have an idea",
    problem: "There is a problem",
    praise: "It helped",
    concern: "I have a concern",
    incident: "Something happened",
  };
  const REASONS = {
    "": "I would rather not say",
    will_monitor: "I will watch it myself",
    already_handled: "Already handled",
    not_applicable_here: "Does not apply here",
    benefit_outweighs: "The benefit outweighs it",
    data_wrong_or_outdated: "Data wrong or outdated",
    policy_or_customer_constraint: "A rule or the customer says otherwise",
    local_knowledge: "I know this place",
    unsafe: "Unsafe",
    other: "Something else",
  };
  const NAMES = {
    named: "Everyone here",
    confidential: "Only compliance, and each look is recorded",
    anonymous: "Nobody: no name is kept, and it appears tomorrow",
  };

  const CSS = `
:host { display: inline-block; font: 400 16px/1.45 system-ui, sans-serif; --ink: var(--lastmile-ink, #16202b);
  --paper: var(--lastmile-paper, #fff); --accent: var(--lastmile-accent, #0b5c6b); --edge: 1px solid #75838f }
:host([hidden]), [hidden] { display: none !important }
* { box-sizing: border-box; font: inherit }
button, select, textarea, .text { min-height: 44px; padding: 8px 12px; border: var(--edge); border-radius: 8px;
  background: var(--paper); color: var(--ink) }
button { font-weight: 600; cursor: pointer }
.main { background: var(--accent); color: #fff }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
dialog { width: min(27rem, calc(100vw - 24px)); padding: 20px; border: var(--edge); border-radius: 12px;
  background: var(--paper); color: var(--ink) }
h2, p { margin: 0 0 8px }
h2 { font-size: 1.125rem; font-weight: 700 }
fieldset { margin: 0 0 12px; padding: 0; border: 0 }
legend, .word { display: block; margin: 0 0 6px; padding: 0; font-weight: 600 }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0 0 }
.row label { display: flex; gap: 8px; align-items: center; min-height: 44px; padding: 6px 12px; border: var(--edge); border-radius: 22px }
.row label:has(:checked) { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent) }
input { width: 18px; height: 18px; margin: 0; flex: none; accent-color: var(--accent) }
textarea, select, .text { width: 100%; height: auto; margin: 0 0 12px }`;
  const TITLE = "What should it know?";
  let sheet;

  const make = (tag, values = {}, ...parts) => {
    const element = Object.assign(document.createElement(tag), values);
    element.append(...parts);
    return element;
  };
  const cards = (name, words, chosen) =>
    Object.entries(words).map(([value, word]) =>
      make("label", {}, make("input", { type: "radio", name, value, checked: value === chosen }), word));
  const labelled = (word, field) => make("label", {}, make("span", { className: "word" }, word), field);

  class LastmileBox extends HTMLElement {
    static observedAttributes = ["token", "recommendation", "why"];

    connectedCallback() {
      if (!this.shadowRoot) {
        if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(CSS);
        this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      }
      this.draw();
      this.again = () => this.flush();
      addEventListener("online", this.again);
      this.timer = setInterval(this.again, 60000);
      this.later();
    }

    disconnectedCallback() {
      removeEventListener("online", this.again);
      clearInterval(this.timer);
    }

    attributeChangedCallback(name, before, after) {
      if (!this.dialog || before === after) return;
      if (!this.dialog.open) this.draw();
      this.later();
    }

    event(name) {
      this.dispatchEvent(new CustomEvent("lastmile:" + name, { bubbles: true, composed: true }));
    }

    of(name) {
      return this.getAttribute(name) || "";
    }

    // Not before the page has loaded.
    later() {
      const act = () => (self.requestIdleCallback || setTimeout)(() => this.explain().then(this.again));
      document.readyState === "complete" ? act() : addEventListener("load", act, { once: true });
    }

    draw() {
      const decides = this.of("token") && this.of("recommendation");
      this.form = make("form");
      this.line = make("p", { hidden: true });
      this.status = make("p", { role: "status" });
      this.fields = make("div", {},
        make("fieldset", {}, make("legend", {}, "What happened?"),
          make("div", { className: "row" }, ...cards("kind", { ...(decides ? DECIDE : {}), ...KINDS }, "wrong_answer"))),
        (this.changed = labelled("Changed to", make("input", { className: "text", name: "after", maxLength: 500 }))),
        (this.reason = labelled("Why?", make("select", { name: "reason" },
          ...Object.entries(REASONS).map(([value, word]) => make("option", { value }, word))))),
        (this.names = make("fieldset", {}, make("legend", {}, "Who sees your name?"),
          make("div", { className: "row" },
            ...cards("identity", this.who ? NAMES : { anonymous: NAMES.anonymous }, this.who ? "named" : "anonymous")))),
        labelled("One sentence is enough", make("textarea", { name: "text", maxLength: 2000 })));
      this.close = make("button", { type: "button", onclick: () => this.dialog.close() }, "Cancel");
      this.buttons = make("div", { className: "row" },
        make("button", { className: "main" }, "Send"), this.close,
        make("button", { value: "friction" }, "I am just frustrated with this screen"));
      this.form.append(make("h2", {}, TITLE), this.fields, this.status, this.buttons);
      this.form.onsubmit = (event) => {
        event.preventDefault();
        if (!this.busy) this.submit(event.submitter?.value);
      };
      this.form.onchange = ({ target }) => this.arrange(target.name);
      this.dialog = make("dialog", { ariaLabel: TITLE, onclose: () => this.sent && this.draw() }, this.form);
      const open = make("button", { ariaHasPopup: "dialog", part: "button", onclick: () => this.dialog.showModal() }, "Tell it");
      const focused = this.sent;
      this.sent = false;
      this.shadowRoot.replaceChildren(this.line, open, this.dialog);
      if (focused) open.focus();
      this.arrange();
      this.tell(this.of("why"));
    }

    arrange(changed) {
      const { kind: { value: kind }, identity } = this.form.elements;
      if (changed === "kind" && kind === "concern" && identity.value === "named") identity.value = "confidential";
      this.changed.hidden = kind !== "adjusted";
      this.names.hidden = kind in DECIDE;
      this.reason.hidden = !this.names.hidden;
    }

    tell(why, sure) {
      this.line.hidden = !why;
      this.line.textContent = why && `Why: ${why}${sure ? ` (${sure} sure)` : ""}`;
    }

    async explain() {
      if (!this.of("token") || !this.of("recommendation")) return;
      const uid = this.of("recommendation");
      const { status, said } = await this.ask("recommendations/" + encodeURIComponent(uid));
      if (status !== 200 || uid !== this.of("recommendation")) return;
      if (said.why) return this.tell(said.why, said.sure);
      if (said.reason_required) this.tell("it gave no reason, although one is required here");
      this.event("unexplained");
    }

    ask(path, entry) {
      const named = !entry || entry.who;
      const headers = { "Content-Type": "application/json" };
      const body = entry && { ...entry.body };
      if (named) Object.assign(headers, { Authorization: "Bearer " + this.of("key"), "Widget-Token": this.of("token") });
      else Object.assign(body, { id: entry.id, key: entry.key });
      if (named && entry) headers["Idempotency-Key"] = entry.id;
      return ask({
        url: this.of("portal") + (named ? "/api/v1/widget/" + path : "/anonymous/widget"),
        method: entry ? "POST" : "GET",
        headers,
        body: entry && JSON.stringify(body),
      });
    }

    // A token's first part differs by person: nothing is sent in another's name.
    get who() {
      return this.of("token").split(".")[0];
    }

    submit(friction) {
      const given = Object.fromEntries(new FormData(this.form));
      const kind = friction || given.kind;
      const decides = kind in DECIDE;
      const text = given.text.trim();
      if (kind === "adjusted" && !given.after.trim()) return this.refuse("Say what you changed it to.", "after");
      if (!decides && !friction && !text) return this.refuse("One sentence, please.", "text");
      const recommendation = this.of("recommendation");
      const nameless = given.identity === "anonymous";
      this.send({
        id: crypto.randomUUID(),
        at: Date.now(),
        key: this.of("key"),
        who: decides || !nameless ? this.who : "",
        path: decides ? "outcomes" : "items",
        body: decides
          ? { recommendation, outcome: kind, reason: given.reason, text, after: kind === "adjusted" ? given.after : "" }
          : { kind, text, recommendation, ...(!nameless && { identity: given.identity }) },
      });
    }

    refuse(words, field) {
      this.status.textContent = words;
      this.form.elements[field]?.focus();
    }

    async send(entry) {
      this.status.textContent = "Sending…";
      const safe = store(entry);
      this.busy = true;
      const { status, said } = await alone(() => this.deliver(entry));
      this.busy = false;
      if (final(status) && !said?.receipt && status >= 300) this.refuse(said?.detail || "It was not taken.");
      else if (said?.receipt) this.done(`Sent without your name. Your receipt: ${said.receipt}. Write it down: it is shown this once.`);
      else if (final(status)) this.done(said?.ref ? `Sent: ${said.ref}. You will hear back by ${said.reply_due}.` : "Done: it is in force.");
      else if (safe) this.done("Kept on this device; it is sent when the portal answers" + (entry.who ? "." : ", without a receipt."));
      else this.refuse("It could not be sent. Try again later.");
    }

    done(words) {
      this.sent = true;
      this.fields.hidden = true;
      this.status.textContent = words;
      this.close.textContent = "Close";
      this.buttons.replaceChildren(this.close);
      this.close.focus();
    }

    async deliver(entry) {
      const answer = await this.ask(entry.path, entry);
      if (final(answer.status)) drop(PREFIX + entry.id);
      if (answer.status === 401) this.event("token");
      return answer;
    }

    flush() {
      if (!stored().length) return;
      return alone(async () => {
        for (const name of stored()) {
          const entry = safely(() => JSON.parse(localStorage.getItem(name)));
          if (!entry || entry.at < Date.now() - 7 * 24 * 3600_000) drop(name);
          else if (entry.key === this.of("key") && (!entry.who || entry.who === this.who) && !(await this.deliver(entry)).status) return;
        }
      });
    }
  }
  customElements.define("lastmile-box", LastmileBox);
})();
