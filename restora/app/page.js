// The form of the plan is HTML of our own, so that no event of it can come too late: the server knows all functions from
// the start. Its values are read when an event begins.
const plan = { busy: 0, expected: null, key: "" };
const formOfPlan = () => document.querySelector("#plan .restora-form");

function valueOf(field) {
  const kind = field.dataset.value;
  if (kind === "switch") return field.checked;
  if (kind === "kind") return field.querySelector(":checked").value;
  if (kind !== "number") return field.value || null; // a file, or a method
  if (field.value === "") return null;
  return Number(field.value === field.defaultValue ? field.dataset.exact : field.value);
}

function restoraForm() {
  const form = formOfPlan();
  if (!form) return "";
  const values = [...form.querySelectorAll("[data-value]")].map(valueOf);
  return JSON.stringify({ draft: form.dataset.draft, more: form.dataset.more || "", values });
}

function restoraRead(inputs, place) {
  if (place >= 0) inputs[place] = restoraForm();
  return inputs;
}

// An event begins that makes another plan. Until its form is displayed, nothing can be changed in the old one, and
// nothing can be pressed that needs it: it would be lost.
function restoraBegin(inputs, place, share) {
  restoraRead(inputs, place);
  if (share >= 0) inputs[share] = restoraShare();
  plan.busy += 1;
  settle();
  return inputs;
}

function restoraEnd(html) {
  plan.busy = Math.max(0, plan.busy - 1);
  plan.expected = /data-draft="(\w+)"/.exec(html ?? "")?.[1] ?? "";
  settle();
}

function settle() {
  const form = formOfPlan(), key = form?.dataset.draft ?? "";
  if (key === plan.expected) plan.expected = null;
  const waits = plan.busy > 0 || plan.expected !== null;
  if (form && key !== plan.key) form.reset(); // Gradio keeps elements, and with them what was typed into the old form
  plan.key = key;
  if (form) form.inert = waits;
  const size = document.getElementById("scale");
  if (size) size.inert = waits && !size.contains(document.activeElement); // unless it is what makes the plan again
  for (const name of ["go", "mark", "blur", "edit", "back"]) {
    const button = document.getElementById(name);
    const off = waits || (name === "go" && form?.dataset.work === "no");
    if (button && button.disabled !== off) button.disabled = off;
  }
}

// A slider and its number are one value. A new preview of a kernel comes beside the form.
function restoraListen(element, trigger) {
  element.addEventListener("change", ({ target }) => {
    const method = target.matches("[data-sets]") && target.closest(".restora-change").querySelector("[data-method]");
    if (method) method.value = target.value;
    if (method || target.closest("[data-remakes]")) trigger("submit");
  });
  element.addEventListener("input", ({ target }) => {
    for (const twin of target.closest(".restora-number")?.querySelectorAll("input") ?? []) {
      if (twin !== target) twin.value = target.value;
    }
    if (target.closest("[data-kernel]")) trigger("input");
  });
  element.addEventListener("click", ({ target }) => {
    if (!target.matches("[data-more]")) return;
    formOfPlan().dataset.more = target.dataset.more;
    trigger("submit");
  });
}

function showKernel() {
  const drawn = document.querySelector("#kernel-drawn [data-draft]"), place = document.getElementById("kernel-preview");
  if (!drawn || !place || drawn.dataset.draft !== formOfPlan()?.dataset.draft) return;
  if (place.innerHTML !== drawn.innerHTML) place.innerHTML = drawn.innerHTML;
}

document.addEventListener("submit", (event) => event.target.matches(".restora-form") && event.preventDefault());
new MutationObserver(() => {
  settle();
  showKernel();
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-draft", "data-work"] });
