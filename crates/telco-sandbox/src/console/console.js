// The console. Whatever comes from outside reaches the page as text, never as markup.
"use strict";

const VIEWS = ["operations", "phones", "requests", "callbacks", "faults", "fidelity", "connect"];
const PAGE = 200;
const CALLBACK_FAULTS = ["lost", "late", "early", "twice", "reordered"];
const $ = (id) => document.getElementById(id);
let view = "operations";
let detail = null; // what the side shows, as a function that draws it again
let phases = [];
let rules = [];
let down = [];

/** An element: attributes, then children; strings become text. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

async function api(path, method = "GET", body) {
  const answer = await fetch(`_sandbox/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error ?? answer.status);
  return value;
}

/** Does something by button; what goes wrong is said where everybody looks. */
const act = (doing) => async (event) => {
  event?.preventDefault();
  try {
    await doing(event);
  } catch (error) {
    say(error.message);
  }
};

function say(text) {
  $("live").textContent = text;
  $("live").className = "live bad";
}

const part = (text) => encodeURIComponent(text);
const time = (ms) => new Date(ms).toISOString().slice(11, 23);
const query = () => {
  const wanted = new URLSearchParams({ limit: PAGE });
  if ($("search").value) wanted.set("search", $("search").value);
  if ($("provider").value) wanted.set("provider", $("provider").value);
  if ($("trouble").checked) wanted.set(view === "requests" ? "near_misses" : "trouble", "1");
  return wanted;
};

// ---- totals ---------------------------------------------------------------------------------------------------------

function totals(sums) {
  const alarms = ["doubled", "lost", "denied"];
  const names = ["doubled", "lost", "denied", "undecided", "requested", "delivered", "refused"];
  $("totals").replaceChildren(
    ...names.map((name) =>
      h("div", { id: `total-${name}`, class: alarms.includes(name) && sums[name] > 0 ? "alarm" : null },
        h("dt", {}, name), h("dd", {}, String(sums[name])))),
  );
}

// ---- operations -----------------------------------------------------------------------------------------------------

const lost = (op) => op.told === "accepted" && op.delivered === 0;
const denied = (op) => ["rejected", "not-sent"].includes(op.told) && op.delivered > 0;
const doubled = (op) => op.delivered > 1;

function badges(op) {
  const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);
  const all = [];
  if (doubled(op)) all.push(badge("bad", `delivered ${op.delivered} times`));
  else if (op.delivered === 1) all.push(badge("good", "delivered"));
  else if (op.refused > 0) all.push(badge("warn", "refused"));
  else all.push(badge("soft", "not done"));
  if (op.delivered > 0 && op.refused > 0) all.push(" ", badge("warn", "repeat refused"));
  if (lost(op)) all.push(" ", badge("bad", "lost"));
  if (denied(op)) all.push(" ", badge("bad", "denied"));
  return all;
}

/** What the client's end of the wire saw at last. */
const answered = (op) => op.story.filter((line) => line.what === "answered").at(-1)?.text ?? "";

function operationRow(op) {
  const told = op.told ? `told ${op.told}` : answered(op) && `saw ${answered(op)}`;
  return h("button", {
    class: `row${doubled(op) || lost(op) || denied(op) ? " trouble" : ""}`, "data-row": `${op.provider}/${op.reference}`,
    onclick: () => open(() => operationDetail(op.provider, op.reference)),
  },
    h("span", {}, op.provider), h("span", {}, op.kind), h("span", {}, op.reference),
    h("span", { class: "soft" }, op.number ?? ""), h("span", {}, ...badges(op), h("span", { class: "soft" }, ` ${told || "no answer yet"}`)));
}

async function operationDetail(provider, reference) {
  const op = await api(`ledger/${part(provider)}/${part(reference)}`);
  const phone = op.number ? (await api(`handsets/${part(op.number)}`)).received : [];
  const arrived = phone.filter((one) => one.provider === provider && one.reference === reference);
  const refusals = new Set(op.story.filter((line) => line.what === "refused" && line.exchange).map((line) => line.exchange));
  const requests = await Promise.all([...refusals].slice(-5).map((id) => api(`requests/${id}`).catch(() => null)));
  const why = requests.flatMap((one) => one?.near_misses ?? []);
  const side = { answered: "client", told: "client" };
  const line = (one) => {
    const text = `${one.what}${one.text ? `: ${one.text}` : ""}`;
    const kind = { delivered: "good", refused: "warn", told: "soft" }[one.what] ?? "";
    const cell = h("span", { class: kind }, text);
    const when = one.exchange
      ? h("button", { class: "plain", title: "its request", onclick: () => open(() => requestDetail(one.exchange)) }, time(one.at_ms))
      : h("span", { class: "soft" }, time(one.at_ms));
    return h("li", {}, when,
      side[one.what] ? h("span") : cell, side[one.what] ? cell : h("span"));
  };
  const tell = (told) => h("button", { onclick: act(() => api("told", "POST", { provider, reference, told })) }, told);
  return [
    h("h2", {}, `${op.provider} ${op.kind} `, ...badges(op)),
    h("p", {}, `${op.reference} `, h("span", { class: "soft" }, op.number ?? "")),
    h("p", { class: "soft" }, op.detail.map(([name, value]) => `${name} ${value}`).join(" · ")),
    ...arrived.map((one) => h("p", {}, arrival(one))),
    ...why.map((text) => h("p", { class: "near" }, text)),
    h("ol", { class: "timeline" },
      h("li", { class: "heads" }, h("span", {}, "time"), h("span", {}, "what really happened"), h("span", {}, "what the client was told")),
      op.story.map(line)),
    h("p", {}, "The caller was told: ", ...["accepted", "rejected", "not-sent", "unknown"].flatMap((told) => [tell(told), " "])),
    h("p", {}, h("button", { onclick: act(() => api(`trigger/${part(provider)}`, "POST", { reference })) }, "push its callback again")),
  ];
}

// ---- phones ---------------------------------------------------------------------------------------------------------

/** What reached a phone, the code in it set apart. */
function arrival(one) {
  const { kind, from, text, flow, variables } = one.arrival;
  if (kind === "missed-call") {
    return h("span", {}, "missed call from ", from.slice(0, -4), h("span", { class: "code" }, from.slice(-4)));
  }
  if (kind === "message") {
    const parts = text.split(/(\d{4,8})/);
    const shown = parts.map((piece, at) => (at % 2 ? h("span", { class: "code" }, piece) : piece));
    return h("span", { dir: "auto" }, h("span", { class: "soft" }, `${from}: `), ...shown);
  }
  const words = Object.entries(variables ?? {}).map(([name, value]) => `${name} = ${value}`);
  return h("span", {}, `call of flow ${flow}: `, words.join(", "));
}

function phoneRow(one) {
  return h("button", { class: "row", "data-row": `${one.number}/${one.at_ms}`, onclick: () => open(() => operationDetail(one.provider, one.reference)) },
    h("span", { class: "soft" }, time(one.at_ms)), h("span", {}, one.provider), h("span", {}, one.number),
    h("span", { class: "soft" }, one.reference), arrival(one));
}

// ---- requests -------------------------------------------------------------------------------------------------------

function requestRow(one) {
  const near = one.near_misses.length ? h("span", { class: "warn" }, one.near_misses[0]) : null;
  return h("button", { class: "row", "data-row": String(one.id), onclick: () => open(() => requestDetail(one.id)) },
    h("span", { class: "soft" }, time(one.at_ms)), h("span", {}, one.provider), h("span", {}, one.request_line),
    h("span", {}, one.answered || "waiting", one.fault ? h("span", { class: "bad" }, ` fault: ${one.fault}`) : null),
    near ?? h("span", { class: "soft" }, one.reference ?? ""));
}

async function requestDetail(id) {
  const one = await api(`requests/${id}`);
  return [
    h("h2", {}, `${one.provider} ${one.operation}`),
    ...one.near_misses.map((why) => h("p", { class: "near" }, why)),
    h("pre", {}, `${one.request_line}\n${one.headers}\n${one.body}`),
    h("h2", {}, `answered: ${one.answered || "nothing yet"}`),
    one.fault || one.quirk ? h("p", { class: "bad" }, `fault: ${one.fault ?? one.quirk}`) : null,
    h("pre", {}, one.answer_body),
  ];
}

// ---- callbacks ------------------------------------------------------------------------------------------------------

async function callbacks() {
  const all = await api(`callbacks?limit=${PAGE}`);
  const url = h("input", { type: "url", id: "listen-url", required: true, placeholder: "http://127.0.0.1:8080/hook" });
  const provider = providerSelect("listen-provider", false);
  return [
    h("form", { class: "form", onsubmit: act(async () => { await api("listen", "POST", { provider: provider.value, url: url.value }); await draw(); }) },
      h("label", {}, "provider", provider), h("label", {}, "push to", url), h("button", {}, "listen")),
    h("ul", {}, Object.entries(all.listeners).map(([name, to]) =>
      h("li", {}, `${name} → ${to} `, h("button", { onclick: act(async () => { await api("listen", "POST", { provider: name, url: null }); await draw(); }) }, "stop")))),
    list(all.callbacks, (one) => h("button", {
      class: "row", "data-row": `callback-${one.id}`, onclick: () => open(async () => [
        h("h2", {}, `${one.provider} ${one.event}: ${one.fate}`), h("p", {}, one.url ?? "nobody listens"), h("pre", {}, one.body)]),
    },
      h("span", { class: "soft" }, time(one.due_ms)), h("span", {}, one.provider), h("span", {}, one.event),
      h("span", { class: "soft" }, one.reference ?? ""), h("span", {}, one.fate, one.fault ? h("span", { class: "bad" }, ` fault: ${one.fault}`) : null))),
  ];
}

// ---- faults ---------------------------------------------------------------------------------------------------------

function providerSelect(id, all = true) {
  const names = [...$("provider").options].map((option) => option.value).filter(Boolean);
  return h("select", { id }, all ? h("option", { value: "" }, "all") : null, names.map((name) => h("option", { value: name }, name)));
}

/** The rule that a switch stands for: this one thing, always, for everybody (or the chosen provider). */
const bare = (what, provider) => ({ ...what, ...(provider ? { provider } : {}) });
const thing = (rule) => JSON.stringify([rule.phases ?? [], rule.quirk ?? "", rule.callback ?? ""]);
const isSwitch = (rule, what, provider) =>
  thing(rule) === thing(what) && (rule.provider ?? "") === provider && (rule.when ?? "always") === "always" &&
  !rule.operation && !rule.number && !rule.reference;

async function faults() {
  const [all, known] = await Promise.all([api("faults"), api("fidelity")]);
  learn(all);
  const provider = $("provider").value;
  const put = async (next) => { learn(await api("faults", "PUT", next)); await draw(); };
  const toggle = (name, what, title) => {
    const on = rules.some((rule) => isSwitch(rule, what, provider));
    return h("button", {
      id: `switch-${name}`, "aria-pressed": String(on), title,
      onclick: act(() => put(on ? rules.filter((rule) => !isSwitch(rule, what, provider)) : [...rules, bare(what, provider)])),
    }, name);
  };
  const group = (label, children) => h("div", { class: "switches", role: "group", "aria-label": label }, children);
  const quirks = provider ? known[provider].quirks : [];
  const names = [...$("provider").options].map((option) => option.value).filter(Boolean);
  const downs = names.map((name) => h("button", {
    id: `down-${name}`, "aria-pressed": String(down.includes(name)),
    onclick: act(async () => { await api("down", "POST", { provider: name, down: !down.includes(name) }); await draw(); }),
  }, `${name} down`));
  const field = (name, type = "text") => h("input", { name, type });
  const form = h("form", {
    class: "form",
    onsubmit: act(async (event) => { await api("faults", "POST", ruleOf(new FormData(event.target))); await draw(); }),
  },
    h("label", {}, "phase", h("select", { name: "phase" }, phases.map((phase) => h("option", {}, phase)))),
    h("label", {}, "operation", field("operation")), h("label", {}, "number", field("number")), h("label", {}, "reference", field("reference")),
    h("label", {}, "when", h("select", { name: "when" }, ["always", "times", "nth", "chance"].map((when) => h("option", {}, when)))),
    h("label", {}, "n or chance", field("n")), h("label", {}, "delay, ms", field("delay_ms", "number")),
    h("label", {}, "lookups blind, ms", field("lookup_delay_ms", "number")), h("button", {}, "add rule"));
  return [
    h("p", {}, `Switches for ${provider || "all providers"} (choose above): what goes wrong from now on.`),
    group("Faults", phases.map((phase) => toggle(phase, { phases: [phase] }))),
    h("h2", {}, "Callbacks"), group("Callbacks", CALLBACK_FAULTS.map((callback) => toggle(callback, { callback }))),
    h("h2", {}, "Quirks"), quirks.length
      ? group("Quirks", quirks.map((quirk) => toggle(quirk.name, { quirk: quirk.name }, quirk.meaning)))
      : h("p", { class: "soft" }, "choose a provider to see its own"),
    h("h2", {}, "Ports"), group("Ports", downs),
    h("h2", {}, "One rule"), form,
    h("h2", {}, "Rules in force"),
    rules.length ? h("ol", {}, rules.map((rule, at) => h("li", {}, h("code", {}, words(rule)), " ",
      h("button", { onclick: act(() => put(rules.filter((_, other) => other !== at))) }, "remove")))) : h("p", { class: "empty" }, "none: everything works"),
  ];
}

function ruleOf(form) {
  const rule = bare({ phases: [form.get("phase")] }, $("provider").value);
  for (const name of ["operation", "number", "reference"]) if (form.get(name)) rule[name] = form.get(name);
  for (const name of ["delay_ms", "lookup_delay_ms"]) if (form.get(name)) rule[name] = Number(form.get(name));
  const n = Number(form.get("n") || 1);
  rule.when = { always: "always", times: { times: n }, nth: { nth: [n] }, chance: { chance: n } }[form.get("when")];
  return rule;
}

const words = (rule) => Object.entries(rule)
  .filter(([name]) => name !== "location" || rule.phases?.includes("redirect"))
  .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ");

function learn(all) {
  ({ phases, rules, down } = all);
  $("tab-faults").textContent = rules.length + down.length ? `Faults (${rules.length + down.length})` : "Faults";
}

// ---- fidelity and connect -------------------------------------------------------------------------------------------

async function fidelity() {
  const [all, settings] = await Promise.all([api("fidelity"), api("settings")]);
  const only = $("provider").value;
  const text = $("search").value;
  return Object.entries(all).filter(([name]) => !only || name === only).map(([name, about]) => {
    const rows = about.rules.filter((rule) => !text || JSON.stringify(rule).includes(text));
    const area = h("textarea", { "aria-label": `settings of ${name}`, spellcheck: "false" });
    area.value = JSON.stringify(settings[name], null, 2);
    const pairs = (list) => h("ul", {}, list.map((one) => h("li", {}, h("code", {}, one.name), ` ${one.meaning}`)));
    return h("section", {}, h("h2", {}, name),
      h("table", {}, h("thead", {}, h("tr", {}, ["grade", "rule", "here", "setting"].map((head) => h("th", {}, head)))),
        h("tbody", {}, rows.map((rule) => h("tr", {}, h("td", { class: "soft" }, rule.grade), h("td", {}, rule.rule), h("td", {}, rule.behaviour), h("td", {}, h("code", {}, rule.setting ?? "")))))),
      h("details", {}, h("summary", {}, "numbers that behave"), pairs(about.scenarios)),
      h("details", {}, h("summary", {}, "quirks"), pairs(about.quirks)),
      h("details", {}, h("summary", {}, "settings"), area,
        h("button", { onclick: act(async () => { await api(`settings/${part(name)}`, "POST", changed(settings[name], JSON.parse(area.value))); await draw(); }) }, "save")));
  });
}

/** The fields that were edited: others may have moved meanwhile, as a balance does. */
const changed = (before, after) =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));

async function connect() {
  const all = await api("describe");
  return Object.entries(all).filter(([name]) => name !== "console").map(([name, about]) =>
    h("section", {}, h("h2", {}, name), h("table", {}, h("tbody", {}, Object.entries(about).map(([field, value]) =>
      h("tr", {}, h("th", {}, field), h("td", {}, h("code", {}, typeof value === "string" ? value : JSON.stringify(value)))))))));
}

// ---- drawing --------------------------------------------------------------------------------------------------------

function list(items, row) {
  if (!items.length) return h("p", { class: "empty" }, "Nothing yet. Point a client at a base URL (view Connect).");
  return h("ul", { class: "rows" }, items.map((item) => h("li", {}, row(item))));
}

const content = {
  async operations() {
    const all = await api(`ledger?${query()}`);
    totals(all.totals);
    return [list(all.operations, operationRow)];
  },
  async phones() {
    const all = await api(`handsets?limit=${PAGE}`);
    const [text, only] = [$("search").value, $("provider").value];
    const fits = (one) => (!only || one.provider === only) && (!text || JSON.stringify(one).includes(text));
    return [list(all.received.filter(fits), phoneRow)];
  },
  async requests() {
    return [list((await api(`requests?${query()}`)).requests, requestRow)];
  },
  callbacks, faults, fidelity, connect,
};

let drawing = 0;
async function draw() {
  const mine = ++drawing;
  const focused = document.activeElement?.dataset?.row ?? document.activeElement?.id;
  const children = await content[view]();
  if (mine !== drawing) return; // a newer drawing is on its way
  $("main").replaceChildren(...children);
  if (detail) $("detail").replaceChildren(closeButton(), ...(await detail()).filter(Boolean));
  const again = focused && (document.querySelector(`[data-row="${CSS.escape(focused)}"]`) ?? $(focused));
  if (again && document.activeElement === document.body) again.focus();
}

/** Draws soon: many events in a burst are one drawing. Forms that are being filled in are left alone. */
let due = null;
function drawSoon() {
  due ??= setTimeout(() => {
    due = null;
    const busy = $("main").contains(document.activeElement) && /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName);
    if (!busy) draw().catch((error) => say(error.message));
  }, 60);
}

function show(next) {
  view = next;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.dataset.view === view;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  $("main").setAttribute("aria-labelledby", `tab-${view}`);
  history.replaceState(null, "", `#${view}`);
  act(draw)();
}

const closeButton = () => h("button", { class: "close", id: "close", onclick: close }, "close (Esc)");
let opener = null;

async function open(what) {
  opener = document.activeElement?.dataset?.row;
  detail = what;
  await act(async () => {
    $("detail").replaceChildren(closeButton(), ...(await what()).filter(Boolean));
    $("detail").hidden = false;
    $("close").focus();
  })();
}

function close() {
  detail = null;
  $("detail").hidden = true;
  if (opener) document.querySelector(`[data-row="${CSS.escape(opener)}"]`)?.focus();
}

async function clock() {
  const now = await api("time");
  $("clock").textContent = `sandbox time ${new Date(now.now_ms).toISOString()}${now.frozen ? " (frozen)" : ""}`;
  $("freeze").textContent = now.frozen ? "let time run" : "freeze time";
  $("freeze").dataset.frozen = now.frozen;
}

// ---- live -----------------------------------------------------------------------------------------------------------

function watch() {
  const events = new EventSource("_sandbox/events");
  events.onopen = () => { $("live").textContent = "live"; $("live").className = "live on"; drawSoon(); };
  events.onerror = () => say("the sandbox cannot be reached");
  events.onmessage = (message) => {
    const { kind, value } = JSON.parse(message.data);
    if (kind === "operation") totals(value.totals);
    if (kind === "faults") learn(value);
    if (kind === "reset" || kind === "time") act(clock)();
    const concerns = {
      operation: ["operations"], arrival: ["phones"], exchange: ["requests"], callback: ["callbacks"],
      faults: ["faults"], reset: VIEWS, reload: VIEWS,
    }[kind] ?? [];
    if (concerns.includes(view) || detail) drawSoon();
  };
}

function step(by) {
  const rows = [...document.querySelectorAll(".row")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !$("detail").hidden) return close();
  if (/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
  const tab = event.target.getAttribute?.("role") === "tab" && { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (tab) {
    show(VIEWS[(VIEWS.indexOf(view) + tab + VIEWS.length) % VIEWS.length]);
    $(`tab-${view}`).focus();
  } else if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  } else if (/^[1-7]$/.test(event.key)) {
    show(VIEWS[event.key - 1]);
  }
});

for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => show(tab.dataset.view));
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", act(() => api("time", "POST", { advance_ms: Number(button.dataset.advance) })));
}
$("freeze").addEventListener("click", act(() => api("time", "POST", { freeze: $("freeze").dataset.frozen !== "true" })));
$("reset").addEventListener("click", act(async () => {
  if (confirm("Forget all operations, requests, faults and callbacks?")) await api("reset", "POST");
}));
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("filter").addEventListener("input", drawSoon);

act(async () => {
  const all = await api("describe");
  for (const name of Object.keys(all).filter((name) => name !== "console")) $("provider").append(h("option", { value: name }, name));
  totals((await api("ledger?limit=0")).totals);
  learn(await api("faults"));
  await clock();
  setInterval(() => act(clock)(), 5000);
  show(VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "operations");
  watch();
})();
