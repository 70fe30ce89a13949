// What is to be filled is painted on a canvas over the picture. The strokes are kept as shares of the picture's sides,
// so that they are as sharp at its full size as they are on the screen; they are sent when Restore is pressed.
const brush = { strokes: [], picture: "", canvas: null };

function restoraStrokes() {
  return JSON.stringify(brush.strokes);
}

// Where the picture is within its element, which may be wider or higher than what it shows.
function shown(image) {
  const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
  const left = image.offsetLeft + (image.clientWidth - width) / 2, top = image.offsetTop + (image.clientHeight - height) / 2;
  return { left, top, width, height };
}

function paint() {
  const image = document.querySelector("#before img"), canvas = brush.canvas;
  if (!image || !canvas) return;
  const box = shown(image), longer = Math.max(box.width, box.height), sharp = window.devicePixelRatio || 1;
  for (const side of ["left", "top", "width", "height"]) canvas.style[side] = `${box[side]}px`;
  canvas.width = box.width * sharp;
  canvas.height = box.height * sharp;
  const pen = canvas.getContext("2d");
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#ff3b30";
  for (const { width, points } of brush.strokes) {
    pen.lineWidth = width * longer * sharp;
    pen.beginPath();
    // A point alone is a line to itself, which leaves a dot.
    for (const [x, y] of [points[0], ...points]) pen.lineTo(x * canvas.width, y * canvas.height);
    pen.stroke();
  }
}

function addPoint(event) {
  const box = brush.canvas.getBoundingClientRect();
  const point = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  brush.strokes.at(-1).points.push(point.map((share) => Math.round(1e5 * share) / 1e5));
  paint();
}

function layCanvas(image) {
  if (image.src !== brush.picture) brush.strokes = [];
  brush.picture = image.src;
  const canvas = (brush.canvas = document.createElement("canvas"));
  canvas.id = "brush";
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    brush.strokes.push({ width: Number(document.getElementById("brush-width").value) / 100, points: [] });
    addPoint(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && addPoint(event));
  image.parentElement.style.position = "relative";
  image.parentElement.append(canvas);
  image.addEventListener("load", paint);
  new ResizeObserver(paint).observe(image);
  paint();
}

document.addEventListener("click", ({ target }) => {
  if (target.id === "brush-undo") brush.strokes.pop();
  if (target.id === "brush-clear") brush.strokes = [];
  if (target.id?.startsWith("brush-")) paint();
});

// The canvas is there as long as its tools are, which come and go with the server's answers.
new MutationObserver(() => {
  const wanted = document.getElementById("brush-width"), image = document.querySelector("#before img");
  if (!wanted || !image || !brush.canvas?.isConnected || image.src !== brush.picture) {
    brush.canvas?.remove();
    brush.canvas = null;
    if (wanted && image) layCanvas(image);
  }
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] });
