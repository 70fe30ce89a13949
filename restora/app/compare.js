// What the server says about pictures and results (its facts) is displayed here: the viewer, the amounts, the links.
const shownNow = { viewer: null, facts: "", items: [], index: 0, strength: "normal", told: null, plan: null, pending: null };

const itemNow = () => shownNow.items[shownNow.index];
const resultNow = (item = itemNow()) => item?.results[shownNow.strength] ?? Object.values(item?.results ?? {})[0];
const canBlend = () => shownNow.items.some((item) => resultNow(item)?.blends);
const hasResults = () => shownNow.items.some((item) => resultNow(item));
const amountOf = (name) => Number(document.getElementById(name)?.value ?? 0) / 100;

function readFacts() {
  const told = document.querySelector("#facts [data-facts]")?.dataset.facts ?? "";
  const place = document.getElementById("viewer");
  if (!place || told === shownNow.facts) return;
  shownNow.facts = told;
  place.hidden = !told;
  document.querySelector(".restora-title")?.classList.toggle("restora-open", Boolean(told));
  const facts = told ? JSON.parse(told) : { items: [], strength: "normal" }, had = hasResults();
  Object.assign(shownNow, { items: facts.items, strength: facts.strength, index: Math.min(shownNow.index, Math.max(0, facts.items.length - 1)) });
  if (hasResults() && shownNow.pending !== null) [shownNow.plan, shownNow.pending] = [shownNow.pending, null];
  if (!had || !hasResults()) setAmounts(1, 0);
  if (told) {
    if (!shownNow.viewer || !place.firstElementChild) shownNow.viewer = new Viewer(place);
    display();
  }
  settleResult();
}

function display(anew = false) {
  const item = itemNow(), { viewer } = shownNow;
  if (!item) return;
  const facts = resultNow(item) ?? item.plain, left = resultNow(item) && !Object.hasOwn(facts.layers, "after");
  viewer.show(facts, anew || viewer.of !== item.plain.key || left);
  viewer.of = item.plain.key;
  Object.assign(viewer, facts.blends ? { amount: amountOf("amount"), texture: amountOf("texture") } : { amount: 1, texture: 0 });
  viewer.draw();
  markCard();
}

function markCard() {
  for (const card of document.querySelectorAll("[data-show]")) {
    const pressed = String(Number(card.dataset.show) === shownNow.index);
    if (card.getAttribute("aria-pressed") !== pressed) card.setAttribute("aria-pressed", pressed);
  }
}

// The amounts: a share of the change, and of the texture that was removed.
function setAmounts(amount, texture) {
  for (const [name, value] of [["amount", amount], ["texture", texture]]) {
    const field = document.getElementById(name);
    if (field) field.value = Math.round(100 * value);
  }
}

const share = (key) => {
  const { blends } = Object.values(itemNow()?.results ?? {}).find((facts) => facts.key === key) ?? { blends: true };
  return blends ? { strength: amountOf("amount"), texture: amountOf("texture") } : { strength: 1, texture: 0 };
};

function restoraAmounts(element, trigger) {
  element.addEventListener("input", () => settleResult());
  element.addEventListener("click", ({ target }) => {
    const name = target.dataset.strength, item = itemNow();
    if (!name || !item) return;
    const light = name === "light" && canBlend(), strength = light ? "normal" : name;
    setAmounts(light ? 0.5 : 1, amountOf("texture"));
    if (shownNow.items.some((one) => resultNow(one) && one.strengths.includes(name) && !one.results[strength])) {
      shownNow.wanted = strength;
      shownNow.pending = shownNow.plan;
      trigger("submit");
    }
    if (item.results[strength]) shownNow.strength = strength;
    settleResult();
  });
}

const restoraWanted = () => shownNow.wanted ?? "";
const restoraShare = () => JSON.stringify({ key: resultNow()?.key ?? "", ...share(resultNow()?.key) });

// Everything that follows from the facts, the amounts and the plan.
function settleResult() {
  const { items, viewer } = shownNow, done = hasResults(), result = resultNow();
  document.getElementById("desk")?.classList.toggle("restora-done", done);
  const amounts = document.querySelector(".restora-amounts"), take = document.querySelector(".restora-take");
  if (!amounts || !take) return;
  const blends = canBlend(), names = new Set(items.flatMap((item) => item.strengths ?? []));
  amounts.hidden = !done || !(blends || names.size);
  for (const label of amounts.querySelectorAll("label")) label.hidden = !blends;
  const light = blends && amountOf("amount") === 0.5 && shownNow.strength === "normal";
  const chosen = light ? "light" : !blends || amountOf("amount") === 1 ? shownNow.strength : "";
  for (const button of amounts.querySelectorAll("[data-strength]")) {
    button.hidden = !names.has(button.dataset.strength);
    button.setAttribute("aria-pressed", String(button.dataset.strength === chosen));
  }
  for (const label of amounts.querySelectorAll("label")) {
    label.querySelector("output").textContent = `${label.querySelector("input").value} %`;
  }
  take.hidden = !done;
  settleLinks();
  if (viewer && itemNow()) display();
  settleStale(result);
}

function settleLinks() {
  const { items } = shownNow, several = items.length > 1, many = items.filter((item) => resultNow(item));
  for (const link of document.querySelectorAll("[data-link]")) {
    const own = link.dataset.item !== undefined, item = own ? items[link.dataset.item] : itemNow();
    const result = resultNow(item), all = several && !own, kind = link.dataset.link;
    const { strength, texture } = all || result?.blends ? { strength: amountOf("amount"), texture: amountOf("texture") } : { strength: 1, texture: 0 };
    const keys = many.map((one) => resultNow(one).key).join();
    const path = all ? `page/zip?keys=${keys}&` : `page/${result?.key}/${kind}?`;
    if (all || result) link.setAttribute("href", `${path}strength=${strength}&texture=${texture}`);
    if (!own) link.hidden = all && kind === "report";
    const words = all ? "Download all as zip" : "Download";
    if (!own && kind === "download" && link.textContent !== words) link.textContent = words;
  }
}

// A result is stale if the plan is not the one any more from which it was made.
function planNow() {
  const steps = [...document.querySelectorAll("#plan .restora-step")].map((step) => step.firstChild.textContent + step.children[1]?.textContent);
  const form = restoraForm();
  return JSON.stringify([steps, form ? JSON.parse(form).values : [], document.querySelector("#scale input[type=number]")?.value]);
}

function restoraGo() {
  shownNow.pending = planNow();
  shownNow.running = true;
  settleStale();
}

function settleStale() {
  const note = document.querySelector(".restora-stale");
  const stale = hasResults() && !shownNow.running && shownNow.plan !== null && shownNow.plan !== planNow();
  document.getElementById("desk")?.classList.toggle("restora-old", stale);
  const older = document.querySelector(".restora-older");
  if (older) older.hidden = !stale;
  if (!note) return;
  const words = stale ? "You changed the plan. This is the result of the plan before; restore again." : "";
  if (note.textContent !== words) note.textContent = words;
  note.hidden = !stale;
}

// When a restoration has ended: the result gets the focus, at the line between before and after.
function restoraShown() {
  shownNow.running = false;
  settleStale();
  const line = document.querySelector(".restora-line");
  if (!hasResults() || !line || line.hidden) return;
  line.focus({ preventScroll: true });
  document.getElementById("sight").scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", ({ target }) => {
  const card = target.closest?.("[data-show]");
  if (!card) return;
  shownNow.index = Number(card.dataset.show);
  display(true);
  settleLinks();
  document.getElementById("viewer").scrollIntoView({ block: "nearest" });
});
for (const type of ["input", "change"]) {
  document.addEventListener(type, ({ target }) => target.closest?.("#plan, #scale") && setTimeout(settleStale));
}

// What Gradio does not say: which files can be chosen, so that a phone opens its photographs, and what buttons do.
const KINDS = "image/*,.jpg,.jpeg,.png,.tif,.tiff,.webp,.avif,.heic,.heif,.gif";
function describe() {
  const input = document.querySelector("#drop input[type=file]");
  if (input && input.accept !== KINDS) input.accept = KINDS;
  const named = [["#drop button", () => "Choose photographs"], ["#samples button", (button) => button.querySelector("img")?.alt]];
  for (const [which, words] of named) {
    for (const button of document.querySelectorAll(which)) {
      const label = words(button);
      if (label && button.ariaLabel !== label) button.ariaLabel = label;
    }
  }
}

new MutationObserver(() => {
  describe();
  readFacts();
  markCard();
  if (hasResults()) {
    settleLinks();
    settleStale();
  }
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-facts"] });
