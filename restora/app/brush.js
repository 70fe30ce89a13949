// What is to be filled is painted on a canvas over the picture. The strokes are kept as shares of the picture's sides,
// so that they are as sharp at its full size as they are on the screen; they are sent when Restore is pressed. A mask
// that is edited stays on the server; here it is only displayed, and strokes are painted over it.
const brush = { strokes: [], painting: "", canvas: null, image: null, pointers: new Map(), pinch: null };
const view = { scale: 1, x: 0, y: 0, hand: false, space: false };
const CLOSEST = 16, SHARPEST = 4096;

function restoraStrokes() {
  return JSON.stringify({ painting: brush.painting, strokes: brush.strokes });
}

// Where the picture is within its element, which may be wider or higher than what it shows; without the zoom.
function shown(image) {
  const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
  const left = image.offsetLeft + (image.clientWidth - width) / 2, top = image.offsetTop + (image.clientHeight - height) / 2;
  return { left, top, width, height };
}

function paint() {
  const { canvas, image } = brush;
  if (!image?.naturalWidth || !canvas) return;
  const box = shown(image), longer = Math.max(box.width, box.height);
  const sharp = Math.min((window.devicePixelRatio || 1) * view.scale, SHARPEST / longer);
  for (const side of ["left", "top", "width", "height"]) canvas.style[side] = `${box[side]}px`;
  canvas.width = Math.round(box.width * sharp);
  canvas.height = Math.round(box.height * sharp);
  const pen = canvas.getContext("2d"), base = document.getElementById("brush-base");
  pen.imageSmoothingEnabled = false;
  if (base?.complete && base.naturalWidth) pen.drawImage(base, 0, 0, canvas.width, canvas.height);
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#ff3b30";
  for (const { width, points, erase, clear } of brush.strokes) {
    if (clear) {
      pen.clearRect(0, 0, canvas.width, canvas.height);
      continue;
    }
    pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
    pen.lineWidth = width * Math.max(canvas.width, canvas.height);
    pen.beginPath();
    // A point alone is a line to itself, which leaves a dot.
    for (const [x, y] of [points[0], ...points]) pen.lineTo(x * canvas.width, y * canvas.height);
    pen.stroke();
  }
  pen.globalCompositeOperation = "source-over";
}

function addPoint(event) {
  const box = brush.canvas.getBoundingClientRect();
  const point = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  brush.strokes.at(-1).points.push(point.map((share) => Math.round(1e5 * share) / 1e5));
  paint();
}

// The picture and the canvas are moved and enlarged together, within the frame around them.
function look(scale, x, y) {
  const stage = brush.image?.parentElement;
  if (!stage) return;
  const width = stage.offsetWidth, height = stage.offsetHeight, sharper = scale !== view.scale;
  view.scale = Math.min(CLOSEST, Math.max(1, scale));
  view.x = Math.min(0, Math.max(width * (1 - view.scale), x));
  view.y = Math.min(0, Math.max(height * (1 - view.scale), y));
  stage.style.transformOrigin = "0 0";
  stage.style.transform = view.scale === 1 ? "" : `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  if (sharper) paint();
}

// Enlarge around a point of the window, which stays where it is, and moves by so much.
function closer(times, clientX, clientY, right = 0, down = 0) {
  const box = brush.image.parentElement.getBoundingClientRect();
  const left = box.left - view.x, top = box.top - view.y; // of the frame
  const scale = Math.min(CLOSEST, Math.max(1, view.scale * times)), real = scale / view.scale;
  const x = clientX - left, y = clientY - top;
  look(scale, x - (x - view.x) * real + right, y - (y - view.y) * real + down);
}

function closerInTheMiddle(times) {
  const frame = brush.image.parentElement.parentElement.getBoundingClientRect();
  closer(times, frame.left + frame.width / 2, frame.top + frame.height / 2);
}

const twoFingers = () => {
  const [a, b] = [...brush.pointers.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
};

function onDown(event) {
  event.preventDefault();
  brush.canvas.setPointerCapture(event.pointerId);
  brush.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (brush.pointers.size === 2) {
    if (brush.doing === "paint") brush.strokes.pop(); // the first finger of two began a stroke
    [brush.doing, brush.pinch] = ["pinch", twoFingers()];
    paint();
  } else if (brush.pointers.size === 1) {
    brush.doing = view.hand || view.space || event.button === 1 ? "move" : "paint";
    if (brush.doing === "move") return;
    // As wide on the screen as without the zoom: finer on the picture.
    const width = Number(document.getElementById("brush-width").value) / 100 / view.scale;
    brush.strokes.push({ width: Number(width.toPrecision(4)), points: [], ...(erases() && { erase: true }) });
    addPoint(event);
  }
}

function onMove(event) {
  const before = brush.pointers.get(event.pointerId);
  if (!before) return;
  brush.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (brush.doing === "paint") addPoint(event);
  if (brush.doing === "move") look(view.scale, view.x + event.clientX - before.x, view.y + event.clientY - before.y);
  if (brush.doing === "pinch" && brush.pointers.size === 2) {
    const now = twoFingers(), was = brush.pinch;
    closer(now.apart / was.apart, was.x, was.y, now.x - was.x, now.y - was.y);
    brush.pinch = now;
  }
}

function onUp(event) {
  brush.pointers.delete(event.pointerId);
  if (!brush.pointers.size || brush.doing !== "pinch") brush.doing = "";
}

function onWheel(event) {
  event.preventDefault();
  closer(2 ** (-event.deltaY / 300), event.clientX, event.clientY);
}

const erases = () => document.getElementById("brush-erase")?.getAttribute("aria-pressed") === "true";

function layCanvas(image, tools) {
  if (tools.dataset.painting !== brush.painting) brush.strokes = [];
  brush.painting = tools.dataset.painting;
  const canvas = (brush.canvas = document.createElement("canvas"));
  Object.assign(brush, { image, doing: "", pinch: null });
  brush.pointers.clear();
  canvas.id = "brush";
  for (const [type, act] of [["pointerdown", onDown], ["pointermove", onMove], ["pointerup", onUp], ["pointercancel", onUp]]) {
    canvas.addEventListener(type, act);
  }
  canvas.addEventListener("wheel", onWheel, { passive: false });
  image.parentElement.style.position = "relative";
  image.parentElement.parentElement.style.overflow = "hidden";
  image.parentElement.append(canvas);
  image.addEventListener("load", paint);
  document.getElementById("brush-base")?.addEventListener("load", paint);
  new ResizeObserver(() => look(view.scale, view.x, view.y) ?? paint()).observe(image);
  look(1, 0, 0);
  paint();
}

function takeCanvasAway() {
  look(1, 0, 0);
  brush.canvas?.remove();
  Object.assign(brush, { canvas: null, image: null });
}

function pressed(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  return on;
}

function showCursor() {
  brush.canvas?.classList.toggle("restora-hand", view.hand || view.space);
}

const TOOLS = {
  "brush-undo": () => brush.strokes.pop(),
  "brush-clear": () => brush.strokes.push({ clear: true }),
  "brush-in": () => closerInTheMiddle(1.5),
  "brush-out": () => closerInTheMiddle(1 / 1.5),
  "brush-erase": pressed,
  "brush-move": (button) => (view.hand = pressed(button)),
};

document.addEventListener("click", ({ target }) => {
  if (!Object.hasOwn(TOOLS, target.id) || !brush.canvas) return;
  TOOLS[target.id](target);
  showCursor();
  paint();
});

// The space bar moves the picture as long as it is held, unless it presses a button or is typed.
for (const type of ["keydown", "keyup"]) {
  document.addEventListener(type, (event) => {
    if (event.key !== " " || !brush.canvas || event.target.closest("button, input, select, textarea, summary, a")) return;
    event.preventDefault();
    view.space = type === "keydown";
    showCursor();
  });
}

// The canvas is there as long as its tools are, which come and go with the server's answers.
new MutationObserver(() => {
  const tools = document.querySelector(".restora-tools"), image = document.querySelector("#before img");
  const fits = brush.canvas?.isConnected && brush.image === image && tools?.dataset.painting === brush.painting;
  if (tools && image && fits) return;
  if (brush.canvas) takeCanvasAway();
  if (tools && image) layCanvas(image, tools);
  else view.hand = view.space = false;
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["src", "data-painting"] });
