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
