// The line between before and after follows a pointer only. With these keys it can be reached and moved,
// and the picture looked at closer, by handing Gradio's slider the pointer it waits for.
const at = (box, share) => ({ clientX: box.left + box.width * share, clientY: box.top + box.height / 2 });
const send = (target, type, where, more) =>
  target.dispatchEvent(new (type === "wheel" ? WheelEvent : MouseEvent)(type, { bubbles: true, view: window, ...where, ...more }));

function onKey(event) {
  const line = event.currentTarget, box = line.previousElementSibling.getBoundingClientRect();
  const step = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
  const closer = { "+": -1, "=": -1, "-": 1 }[event.key];
  if (step === undefined && closer === undefined) return;
  event.preventDefault();
  if (closer) {
    for (let i = 0; i < 4; i++) send(line.previousElementSibling, "wheel", at(box, 0.5), { deltaY: closer, cancelable: true });
    return;
  }
  const share = Math.min(1, Math.max(0, Number(line.getAttribute("aria-valuenow")) / 100 + step));
  send(line, "mousedown", at(line.getBoundingClientRect(), 0.5));
  send(window, "mousemove", at(box, share));
  send(window, "mouseup", at(box, share));
  line.setAttribute("aria-valuenow", Math.round(100 * share));
}

new MutationObserver(() => {
  for (const line of document.querySelectorAll('#compare [data-testid="slider"]:not([tabindex])')) {
    const facts = { tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50,
      "aria-label": "Line between before and after: arrow keys move it, plus and minus look closer" };
    for (const [name, value] of Object.entries(facts)) line.setAttribute(name, value);
    line.addEventListener("keydown", onKey);
  }
}).observe(document, { childList: true, subtree: true });

// The form of the plan is HTML of our own, so that no event of it can come too late: the server knows all functions from
// the start. Its values are read when an event begins.
const plan = { busy: 0, expected: null, key: "" };
const formOfPlan = () => document.querySelector("#plan .restora-form");

function valueOf(field) {
  const kind = field.dataset.value;
  if (kind === "switch") return field.checked;
  if (kind === "kind") return field.querySelector(":checked").value;
  if (kind !== "number") return field.value || null;
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
function restoraBegin(inputs, place) {
  restoraRead(inputs, place);
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
  element.addEventListener("change", ({ target }) => target.closest("[data-remakes]") && trigger("submit"));
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
