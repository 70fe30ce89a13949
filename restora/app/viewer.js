// A picture before and after, from tiles of the server: at 100 % one pixel of the picture is one pixel of the page. The
// line between both halves is moved with a pointer or with the arrow keys; the picture is moved and enlarged likewise.
const TILE = 512, MOST_TILES = 300, NEAREST = 8, LENS = 150;

class Viewer {
  constructor(place) {
    place.innerHTML = `
      <div class="restora-viewer" role="group" aria-label="The picture"><canvas tabindex="0" role="img"></canvas>
      <div class="restora-line" role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100"
      aria-label="Line between before and after: arrow keys move it"><span></span></div>
      <b class="restora-before">Before</b><b class="restora-after">After</b>
      <p class="restora-stale" role="status" hidden></p></div>
      <div class="restora-bar"><span class="restora-together"><button type="button" data-view="fit">Whole</button>
      <button type="button" data-view="full">100 %</button></span><button type="button" data-view="changed">Most changed</button><button type="button" data-view="lens" aria-pressed="false">Lens</button><button type="button"
      data-view="hold" aria-pressed="false" title="Press and hold to see the picture before">Before</button><button type="button"
      data-view="marks" aria-pressed="false" title="Show what was filled, in red, on the picture before">Marks</button><button type="button"
      data-view="screen">Full screen</button><output></output></div>`;
    this.place = place;
    this.root = place.firstElementChild;
    [this.canvas, this.line] = this.root.children;
    this.bar = place.querySelector(".restora-bar");
    this.button("screen").hidden = !document.fullscreenEnabled;
    Object.assign(this, { facts: null, amount: 1, texture: 0, split: 0.5, zoom: 1, x: 0, y: 0 });
    Object.assign(this, { tiles: new Map(), pointers: new Map(), lens: false, lensAt: null, held: false, marked: false, waits: false });
    this.listen();
    new ResizeObserver(() => this.resize()).observe(place);
  }

  // Another picture, or another result of the same picture, which is then displayed at the same place.
  show(facts, anew) {
    const layers = facts.layers, [width, height] = (layers.after ?? layers.before)[0];
    const compared = Boolean(layers.after), was = Boolean(this.facts?.layers.after);
    const same = !anew && this.width === width && this.height === height && compared === was;
    Object.assign(this, { facts, width, height, lensAt: null });
    for (const part of this.root.querySelectorAll(".restora-line, .restora-before, .restora-after")) part.hidden = !compared;
    for (const name of ["changed", "lens", "hold"]) this.button(name).hidden = !compared;
    this.button("marks").hidden = !layers.marks;
    if (!compared) this.setLens(false);
    this.resize();
    if (!same) compared ? this.changed() : this.fit();
    this.say();
  }

  button(name) { return this.bar.querySelector(`[data-view="${name}"]`); }

  // The view is as high as the picture needs, up to a share of the window.
  resize() {
    if (!this.facts || !this.root.offsetWidth) return;
    const fits = this.isWhole;
    const full = document.fullscreenElement === this.place;
    const most = window.innerHeight * (window.innerWidth < 700 ? 0.5 : 0.68);
    const wide = this.root.clientWidth, ratio = this.height / this.width;
    this.root.style.height = full ? "" : `${Math.round(Math.min(most, Math.max(240, Math.min(wide, 2 * this.width) * ratio)))}px`;
    this.density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.root.clientWidth * this.density);
    this.canvas.height = Math.round(this.root.clientHeight * this.density);
    fits ? this.fit() : this.look(this.zoom, this.x, this.y);
  }

  get box() { return { width: this.root.clientWidth, height: this.root.clientHeight }; }
  get whole() { return Math.min(this.box.width / this.width, this.box.height / this.height); }
  get farthest() { return Math.min(this.whole, 1); }
  // All of it, but small pictures not blurred for nothing.
  get fitting() { return this.whole < 1.5 ? Math.min(1, this.whole) : Math.min(2, this.whole); }
  get isWhole() { return Math.abs(this.zoom / this.fitting - 1) < 0.01; }

  // Display the picture so many times larger, with this point of it in the middle.
  look(zoom, x, y) {
    if (!this.facts) return;
    const { width, height } = this.box;
    this.zoom = Math.min(NEAREST, Math.max(this.farthest, zoom));
    const inside = (at, size, room) => (size * this.zoom <= room ? size / 2 : Math.min(size - room / 2 / this.zoom, Math.max(room / 2 / this.zoom, at)));
    this.x = inside(x, this.width, width);
    this.y = inside(y, this.height, height);
    this.canvas.style.touchAction = this.lens || this.moves ? "none" : "pan-y";
    this.canvas.classList.toggle("restora-hand", this.moves && !this.lens);
    this.button("fit").setAttribute("aria-pressed", String(this.isWhole));
    this.button("full").setAttribute("aria-pressed", String(Math.abs(this.zoom - 1) < 0.01));
    this.bar.querySelector("output").textContent = `${Math.round(100 * this.zoom)} %`;
    this.draw();
  }

  get moves() { return this.width * this.zoom > this.box.width + 1 || this.height * this.zoom > this.box.height + 1; }

  fit() { this.look(this.fitting, this.width / 2, this.height / 2); }
  full(x = this.x, y = this.y) { this.look(1, x, y); }
  changed() { this.look(Math.max(1, this.fitting), ...this.facts.middle); }

  closer(times, clientX, clientY) {
    const at = this.point(clientX, clientY), old = this.zoom;
    const zoom = Math.min(NEAREST, Math.max(this.farthest, old * times));
    this.look(zoom, at.x + ((this.x - at.x) * old) / zoom, at.y + ((this.y - at.y) * old) / zoom);
  }

  point(clientX, clientY) {
    const box = this.root.getBoundingClientRect();
    const x = this.x + (clientX - box.left - box.width / 2) / this.zoom;
    return { x, y: this.y + (clientY - box.top - box.height / 2) / this.zoom };
  }

  setSplit(share) {
    this.split = Math.min(1, Math.max(0, share));
    this.draw();
  }

  setLens(on) {
    Object.assign(this, { lens: on, lensAt: on ? { x: this.x, y: this.y } : null });
    this.line.classList.toggle("restora-faint", on);
    this.button("lens").setAttribute("aria-pressed", String(on));
    if (this.facts) this.look(this.zoom, this.x, this.y);
  }

  setMarks(on) {
    this.marked = on;
    this.button("marks").setAttribute("aria-pressed", String(on));
    this.draw();
  }

  hold(on) {
    this.held = on;
    this.button("hold").setAttribute("aria-pressed", String(on));
    this.draw();
  }

  say() {
    const compared = this.facts.layers.after ? ": before on the left of the line, after on the right" : "";
    this.canvas.setAttribute("aria-label", `${this.facts.name}${compared}. Arrow keys move it, plus and minus change its size.`);
  }

  // Drawing. Tiles that are not there yet are drawn from the coarsest level, of which all is loaded first.
  draw() {
    this.root.dataset.drawn = "no";
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      if (this.facts) this.paint();
    });
  }

  paint() {
    const pen = this.canvas.getContext("2d"), { width, height } = this.canvas;
    this.lacking = 0;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    const zoom = this.zoom * this.density;
    const place = { zoom, left: Math.round(width / 2 - this.x * zoom), top: Math.round(height / 2 - this.y * zoom) };
    const compared = Boolean(this.facts.layers.after), cut = compared ? Math.round((this.held ? 1 : this.split) * width) : width;
    this.half(pen, place, [0, 0, cut, height], false);
    if (compared) this.half(pen, place, [cut, 0, width - cut, height], true);
    const share = 100 * this.split;
    Object.assign(this.line.style, { left: `${share}%` });
    this.line.setAttribute("aria-valuenow", Math.round(share));
    if (this.lensAt && compared) this.paintLens(pen);
    this.root.dataset.drawn = this.lacking ? "no" : "yes";
  }

  // One half within a rectangle of the canvas: what was given, or what was made of it.
  half(pen, place, [left, top, width, height], after) {
    if (width <= 0) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    const area = { left, top, right: left + width, bottom: top + height };
    pen.imageSmoothingEnabled = place.zoom < 3;
    const layer = (name, alpha) => {
      pen.globalAlpha = alpha;
      this.layer(pen, place, area, name);
    };
    if (!after) {
      layer("before", 1);
      if (this.facts.layers.marks && this.marked) layer("marks", 1);
    } else {
      layer("after", 1);
      if (this.texture > 0) layer("texture", this.texture);
      if (this.amount < 1) layer("before", 1 - this.amount);
    }
    pen.restore();
  }

  layer(pen, place, area, name) {
    const sizes = this.facts.layers[name === "texture" ? "after" : name], [full] = sizes[0];
    const ratio = (this.width / full) * place.zoom; // pixels of the canvas for one of this layer
    const level = Math.max(0, Math.min(sizes.length - 1, Math.floor(-Math.log2(ratio) + 0.3)));
    const [width, height] = sizes[level], [coarseWide, coarseHigh] = sizes.at(-1);
    const right = (this.width * place.zoom) / width, down = (this.height * place.zoom) / height;
    const first = (at, start, step) => Math.max(0, Math.floor((at - start) / step / TILE));
    for (let row = first(area.top, place.top, down); row * TILE < height; row++) {
      const y = Math.round(place.top + row * TILE * down), tall = Math.min(TILE, height - row * TILE);
      const bottom = Math.round(place.top + (row * TILE + tall) * down);
      if (y > area.bottom) break;
      for (let column = first(area.left, place.left, right); column * TILE < width; column++) {
        const x = Math.round(place.left + column * TILE * right), wide = Math.min(TILE, width - column * TILE);
        const end = Math.round(place.left + (column * TILE + wide) * right);
        if (x > area.right) break;
        const tile = this.tile(name, level, row, column);
        if (tile) {
          pen.drawImage(tile, x, y, end - x, bottom - y);
          continue;
        }
        this.lacking += 1;
        const coarse = this.tile(name, sizes.length - 1, 0, 0), across = coarseWide / width, along = coarseHigh / height;
        if (coarse) pen.drawImage(coarse, column * TILE * across, row * TILE * along, wide * across, tall * along, x, y, end - x, bottom - y);
      }
    }
  }

  tile(layer, level, row, column) {
    const address = `page/${this.facts.key}/${layer}/${level}-${row}-${column}`;
    let image = this.tiles.get(address);
    if (image) this.tiles.delete(address); // the latest ones are at the end
    else {
      image = new Image();
      image.onload = () => this.draw();
      image.src = address;
    }
    this.tiles.set(address, image);
    if (this.tiles.size > MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
    return image.complete && image.naturalWidth ? image : null;
  }

  // Two squares side by side with the same part of the picture, before and after, at 100 % or larger.
  paintLens(pen) {
    const side = Math.min(LENS, this.box.width / 2 - 8) * this.density, zoom = Math.max(1, 2 ** Math.ceil(Math.log2(this.zoom))) * this.density;
    const near = this.zoom * this.density, { width, height } = this.canvas;
    const x = width / 2 + (this.lensAt.x - this.x) * near, y = height / 2 + (this.lensAt.y - this.y) * near;
    const left = Math.round(Math.min(width - side - 4, Math.max(side + 4, x))), top = Math.round(Math.min(height - side - 4, Math.max(4, y - side / 2)));
    for (const [start, after] of [[left - side, false], [left, true]]) {
      const middle = start + side / 2;
      const place = { zoom, left: Math.round(middle - this.lensAt.x * zoom), top: Math.round(top + side / 2 - this.lensAt.y * zoom) };
      pen.clearRect(start, top, side, side);
      this.half(pen, place, [start, top, side, side], after);
      pen.lineWidth = 2 * this.density;
      pen.strokeStyle = "white";
      pen.strokeRect(start, top, side, side);
      pen.font = `600 ${13 * this.density}px system-ui, sans-serif`;
      pen.fillStyle = "rgba(0, 0, 0, 0.6)";
      const words = after ? "After" : "Before", room = pen.measureText(words).width + 12 * this.density;
      pen.fillRect(start, top, room, 22 * this.density);
      pen.fillStyle = "white";
      pen.fillText(words, start + 6 * this.density, top + 16 * this.density);
    }
  }

  listen() {
    const { canvas, line, bar } = this;
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.closer(2 ** (-event.deltaY / 300), event.clientX, event.clientY);
    }, { passive: false });
    canvas.addEventListener("dblclick", ({ clientX, clientY }) => {
      const at = this.point(clientX, clientY);
      Math.abs(this.zoom - 1) < 0.01 ? this.fit() : this.full(at.x, at.y);
    });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    line.addEventListener("keydown", (event) => this.onKey(event, true));
    line.addEventListener("pointerdown", (event) => line.setPointerCapture(event.pointerId));
    line.addEventListener("pointermove", (event) => {
      if (line.hasPointerCapture(event.pointerId)) this.splitAt(event.clientX);
    });
    const acts = { fit: () => this.fit(), full: () => this.full(), changed: () => this.changed(), lens: () => this.setLens(!this.lens) };
    acts.marks = () => this.setMarks(!this.marked);
    acts.screen = () => (document.fullscreenElement ? document.exitFullscreen() : this.place.requestFullscreen());
    bar.addEventListener("click", ({ target }) => acts[target.dataset.view]?.());
    const hold = this.button("hold");
    hold.addEventListener("pointerdown", () => this.hold(true));
    for (const type of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) hold.addEventListener(type, () => this.hold(false));
    hold.addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && this.hold(true));
    hold.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  splitAt(clientX) {
    const box = this.root.getBoundingClientRect();
    this.setSplit((clientX - box.left) / box.width);
  }

  onDown(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.lens) this.onMove(event);
  }

  onMove(event) {
    const was = this.pointers.get(event.pointerId), now = { x: event.clientX, y: event.clientY };
    if (this.lens && (was || event.pointerType === "mouse")) {
      this.lensAt = this.point(now.x, now.y);
      this.draw();
      return;
    }
    if (!was) return;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, now);
    if (others.length) {
      const apart = (place) => Math.max(1, Math.hypot(place.x - others[0].x, place.y - others[0].y));
      this.closer(apart(now) / apart(was), (now.x + others[0].x) / 2, (now.y + others[0].y) / 2);
    }
    if (this.moves) this.look(this.zoom, this.x - (now.x - was.x) / this.zoom / (1 + others.length), this.y - (now.y - was.y) / this.zoom / (1 + others.length));
    else if (!others.length && this.facts.layers.after) this.splitAt(now.x);
  }

  onKey(event, line = false) {
    const { width, height } = this.box, step = 0.1 / this.zoom;
    const right = { ArrowLeft: -1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const times = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key], end = { Home: 0, End: 1 }[event.key];
    if (line && right) this.setSplit(this.split + 0.05 * right);
    else if (line && end !== undefined) this.setSplit(end);
    else if (times) this.look(this.zoom * times, this.x, this.y);
    else if (event.key === "0") this.fit();
    else if (event.key === "1") this.full();
    else if ((right || down) && !line) {
      this.look(this.zoom, this.x + (right ?? 0) * step * width, this.y + (down ?? 0) * step * height);
      if (this.lens) this.lensAt = { x: this.x, y: this.y };
    } else return;
    event.preventDefault();
  }
}
