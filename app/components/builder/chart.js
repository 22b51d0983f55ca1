// The flow as a chart: boxes of one size on a plane to pan and zoom, drawn from the outline's rows.
// Places are computed, so boxes cannot overlap. Selecting, keys and commands are the outline's.

const BOX = { width: 212, height: 52, across: 64, between: 16, indent: 40 };
const LEAST_SCALE = 0.04;
const MOST_SCALE = 2;
const CLICK_PX = 4;
const HINT_MS = 1500;
const MAP = { width: 150, height: 96 };
const ARRANGEMENTS = { across: "Across", down: "Down", stacked: "Stacked" };

// Where each row stands, by id, parents before children. A parent is in the middle of its children.
function places(rows, folded, arrangement) {
  const order = [];
  const stack = rows.size ? [[rows.keys().next().value, "", 0]] : [];
  while (stack.length) {
    const [id, parent, depth] = stack.pop();
    const inside = folded.has(id) ? [] : rows.get(id).inside;
    order.push({ id, parent, depth, inside });
    for (let i = inside.length - 1; i >= 0; i--) stack.push([inside[i], id, depth + 1]);
  }
  const line = new Map();
  let leaves = 0;
  order.forEach((spot, i) => {
    if (arrangement === "stacked") line.set(spot.id, i);
    else if (!spot.inside.length) line.set(spot.id, leaves++);
  });
  for (const { id, inside } of arrangement === "stacked" ? [] : [...order].reverse()) {
    if (inside.length) line.set(id, (line.get(inside[0]) + line.get(inside[inside.length - 1])) / 2);
  }
  const { width, height, across, between, indent } = BOX;
  const spots = new Map();
  for (const { id, parent, depth } of order) {
    const at = line.get(id);
    if (arrangement === "down") spots.set(id, { parent, x: at * (width + between), y: depth * (height + across) });
    else {
      const x = depth * (arrangement === "stacked" ? indent : width + across);
      spots.set(id, { parent, x, y: at * (height + between) });
    }
  }
  return spots;
}

class Chart {
  constructor(outline) {
    this.outline = outline;
    this.spots = new Map();
    this.x = this.y = 0;
    this.scale = 1;
    this.pinch = null;
    this.root = make("div", "chart");
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "tree");
    this.root.setAttribute("aria-label", "Blocks as a chart");
    this.world = make("div", "world");
    this.edges = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.map = make("canvas", "map");
    this.map.width = MAP.width * 2;
    this.map.height = MAP.height * 2;
    const hint = make("div", "hint", "Two fingers move and zoom the chart");
    this.root.append(this.world, this.controls(), this.map, hint);
    this.resized = new ResizeObserver(() => (this.fitted ? this.move() : this.fit()));
    this.listen();
  }

  controls() {
    const bar = make("div", "controls");
    bar.setAttribute("role", "radiogroup");
    bar.setAttribute("aria-label", "Arrangement");
    this.ways = Object.entries(ARRANGEMENTS).map(([way, label]) => {
      const button = make("button", "", label);
      button.setAttribute("role", "radio");
      button.onclick = () => this.outline.arrange(way);
      button.dataset.way = way;
      return button;
    });
    bar.append(...this.ways, make("span", "gap"));
    for (const [icon, help, act] of [
      ["zoom_in", "Zoom in (+)", () => this.zoom(1.3)],
      ["zoom_out", "Zoom out (-)", () => this.zoom(1 / 1.3)],
      ["fit_screen", "Show all (0)", () => this.fit()],
    ]) {
      const button = make("button");
      button.title = help;
      button.setAttribute("aria-label", help);
      button.append(make("span", "icon", icon));
      button.onclick = act;
      bar.append(button);
    }
    for (const button of bar.querySelectorAll("button")) button.type = "button";
    return bar;
  }

  // -- drawing -------------------------------------------------------------------------------

  draw() {
    const { rows, folded, arrangement } = this.outline;
    const before = this.arrangement;
    this.arrangement = arrangement;
    this.spots = places(rows, folded, arrangement);
    this.root.dataset.arrangement = arrangement;
    for (const button of this.ways) button.setAttribute("aria-checked", button.dataset.way === arrangement);
    const boxes = [...this.spots].map(([id, spot]) => this.box(rows.get(id), spot));
    this.drawEdges(rows);
    this.world.replaceChildren(this.edges, ...boxes);
    this.mark();
    if (before !== arrangement) this.fit();
    else this.move();
  }

  box(row, spot) {
    const box = make("div", "box");
    box.dataset.id = row.id;
    box.setAttribute("role", "treeitem");
    box.style.cssText = `left:${spot.x}px;top:${spot.y}px;width:${BOX.width}px;height:${BOX.height}px`;
    box.style.setProperty("--colour", row.colour);
    const head = make("div", "head");
    head.append(make("span", "icon kind", row.icon));
    if (row.tag) head.append(make("span", `tag ${row.tone || ""}`, row.tag));
    head.append(make("span", "title", row.title));
    const hidden = this.outline.folded.has(row.id) && row.inside.length;
    box.append(head, make("div", "text", row.problem || (hidden ? "Folded" : row.text || row.label || "")));
    box.title = row.problem || (row.text ? `${row.title}: ${row.text}` : row.title);
    if (row.place) box.classList.add("empty");
    if (row.problem) box.classList.add(row.severity === "error" ? "problem" : "warned");
    if (row.inside.length) {
      const fold = make("span", "icon fold", hidden ? "add_circle" : "do_not_disturb_on");
      fold.dataset.fold = "";
      fold.title = "Fold";
      box.append(fold);
      box.setAttribute("aria-expanded", !hidden);
    }
    return box;
  }

  drawEdges(rows) {
    const { width, height, across, indent } = BOX;
    const paths = [];
    let right = 0;
    let bottom = 0;
    for (const [id, { parent, x, y }] of this.spots) {
      right = Math.max(right, x + width);
      bottom = Math.max(bottom, y + height);
      if (!parent) continue;
      const from = this.spots.get(parent);
      let path;
      if (this.arrangement === "down") {
        const middle = y - across / 2;
        path = `M${from.x + width / 2} ${from.y + height}V${middle}H${x + width / 2}V${y}`;
      } else if (this.arrangement === "stacked") {
        path = `M${from.x + indent / 2} ${from.y + height}V${y + height / 2}H${x}`;
      } else path = `M${from.x + width} ${from.y + height / 2}H${x - across / 2}V${y + height / 2}H${x}`;
      const edge = document.createElementNS("http://www.w3.org/2000/svg", "path");
      edge.setAttribute("d", path);
      edge.setAttribute("class", rows.get(id).tone || "");
      paths.push(edge);
    }
    this.size = { width: right, height: bottom };
    this.edges.setAttribute("width", right);
    this.edges.setAttribute("height", bottom);
    this.edges.replaceChildren(...paths);
  }

  mark() {
    const chosen = this.outline.selected;
    for (const box of this.world.querySelectorAll(".box")) {
      box.classList.toggle("selected", box.dataset.id === chosen);
      box.setAttribute("aria-selected", box.dataset.id === chosen);
    }
  }

  element(id) {
    return this.world.querySelector(`.box[data-id="${CSS.escape(id)}"]`);
  }

  // -- the view ------------------------------------------------------------------------------

  move() {
    this.world.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.scale})`;
    this.root.classList.toggle("far", this.scale < 0.3);
    cancelAnimationFrame(this.painting);
    this.painting = requestAnimationFrame(() => this.paint());
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.root;
    this.fitted = Boolean(width && this.size);
    if (!this.fitted) return;
    this.scale = Math.min((width - 32) / this.size.width, (height - 76) / this.size.height, 1);
    this.scale = Math.max(this.scale, LEAST_SCALE);
    this.x = Math.max(16, (width - this.size.width * this.scale) / 2);
    this.y = Math.max(52, (height + 36 - this.size.height * this.scale) / 2);
    this.move();
  }

  zoom(by, at) {
    const from = at || { x: this.root.clientWidth / 2, y: this.root.clientHeight / 2 };
    const scale = Math.min(Math.max(this.scale * by, LEAST_SCALE), MOST_SCALE);
    this.x = from.x - ((from.x - this.x) * scale) / this.scale;
    this.y = from.y - ((from.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move();
  }

  // Brings a block that is out of view, or too small to read, to the middle.
  show(id) {
    const spot = this.spots.get(id);
    if (!spot || !this.root.clientWidth) return;
    const left = this.x + spot.x * this.scale;
    const top = this.y + spot.y * this.scale;
    const within = left >= 0 && top >= 0 && left + BOX.width * this.scale <= this.root.clientWidth
      && top + BOX.height * this.scale <= this.root.clientHeight;
    if (within) return;
    this.centre(spot.x + BOX.width / 2, spot.y + BOX.height / 2);
  }

  centre(x, y) {
    this.x = this.root.clientWidth / 2 - x * this.scale;
    this.y = this.root.clientHeight / 2 - y * this.scale;
    this.move();
  }

  paint() {
    const pen = this.map.getContext("2d");
    pen.clearRect(0, 0, this.map.width, this.map.height);
    if (!this.size || !this.size.width) return;
    const scale = Math.min(this.map.width / this.size.width, this.map.height / this.size.height) * 0.94;
    this.mapped = {
      scale,
      x: (this.map.width - this.size.width * scale) / 2,
      y: (this.map.height - this.size.height * scale) / 2,
    };
    const rows = this.outline.rows;
    for (const [id, spot] of this.spots) {
      pen.fillStyle = id === this.outline.selected ? this.outline.data.colours.chosen : rows.get(id).colour;
      pen.fillRect(this.mapped.x + spot.x * scale, this.mapped.y + spot.y * scale,
        Math.max(BOX.width * scale, 1.5), Math.max(BOX.height * scale, 1.5));
    }
    pen.strokeStyle = this.outline.data.colours.chosen;
    pen.lineWidth = 2;
    pen.strokeRect(this.mapped.x - (this.x / this.scale) * scale, this.mapped.y - (this.y / this.scale) * scale,
      (this.root.clientWidth / this.scale) * scale, (this.root.clientHeight / this.scale) * scale);
  }

  // -- mouse and fingers ---------------------------------------------------------------------

  listen() {
    this.root.addEventListener("keydown", (event) => this.keydown(event));
    this.root.addEventListener("paste", (event) => this.outline.paste(event));
    this.root.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), this.point(event));
    }, { passive: false });
    for (const name of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
      this.root.addEventListener(name, (event) => this.touch(event), { passive: false });
    }
    this.root.addEventListener("pointerdown", (event) => this.down(event));
    this.root.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.root.addEventListener(name, (event) => this.up(event, name === "pointerup"));
    }
    for (const name of ["pointerdown", "pointermove"]) {
      this.map.addEventListener(name, (event) => {
        if (!event.buttons || !this.mapped) return;
        event.stopPropagation();
        const area = this.map.getBoundingClientRect();
        const x = ((event.clientX - area.left) * this.map.width) / area.width;
        const y = ((event.clientY - area.top) * this.map.height) / area.height;
        this.centre((x - this.mapped.x) / this.mapped.scale, (y - this.mapped.y) / this.mapped.scale);
      });
    }
  }

  keydown(event) {
    const act = { "+": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), 0: () => this.fit() }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return this.outline.keydown(event);
    act();
    event.preventDefault();
    return undefined;
  }

  point(event) {
    const area = this.root.getBoundingClientRect();
    return { x: event.clientX - area.left, y: event.clientY - area.top };
  }

  // One finger belongs to the page, which scrolls; the browser sees to that (touch-action). What is
  // between two fingers stays between them.
  touch(event) {
    const here = [...event.touches].filter((finger) => this.root.contains(finger.target));
    const [one, other] = here.map((finger) => this.point(finger));
    if (!one) this.pinch = null;
    if (!other) {
      // The last finger of a pinch neither scrolls nor moves anything.
      if (this.pinch && event.cancelable) event.preventDefault();
      if (this.pinch) this.pinch = { x: one.x, y: one.y, apart: 0 };
      return;
    }
    if (event.cancelable) event.preventDefault();
    const before = this.pinch;
    const apart = Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.pinch = { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart };
    this.held = null;
    if (!before?.apart) return;
    this.x += this.pinch.x - before.x;
    this.y += this.pinch.y - before.y;
    this.zoom(apart / before.apart, this.pinch);
  }

  down(event) {
    if (event.button || event.target.closest(".controls")) return;
    this.root.focus({ preventScroll: true });
    if (event.isPrimary) this.pinch = null; // the first finger of all
    if (this.pinch) return;
    this.root.setPointerCapture(event.pointerId);
    const id = event.target.closest(".box")?.dataset.id;
    const from = this.point(event);
    this.held = { pointer: event.pointerId, id, fold: Boolean(event.target.closest("[data-fold]")), from, at: from, far: false };
  }

  drag(event) {
    if (this.held?.pointer !== event.pointerId) return;
    const now = this.point(event);
    const { from, id, at } = this.held;
    this.held.at = now;
    if (Math.hypot(now.x - from.x, now.y - from.y) > CLICK_PX) this.held.far = true;
    if (!this.held.far || event.pointerType !== "mouse") return;
    if (!id || id === "flow" || id.includes("@")) {
      this.x += now.x - at.x;
      this.y += now.y - at.y;
      this.move();
      return;
    }
    const box = this.element(id);
    const shift = `translate(${(now.x - from.x) / this.scale}px,${(now.y - from.y) / this.scale}px)`;
    if (box) box.style.transform = shift;
    box?.classList.add("dragged");
    for (const other of this.world.querySelectorAll(".over")) other.classList.remove("over");
    const target = this.target(now);
    if (target) this.element(target)?.classList.add("over");
  }

  // The page took the finger and scrolls.
  hint() {
    clearTimeout(this.hinting);
    this.root.classList.add("hinted");
    this.hinting = setTimeout(() => this.root.classList.remove("hinted"), HINT_MS);
  }

  // The box under a point onto which what is held may be dropped.
  target(point) {
    const x = (point.x - this.x) / this.scale;
    const y = (point.y - this.y) / this.scale;
    for (const [id, spot] of this.spots) {
      const over = x >= spot.x && x <= spot.x + BOX.width && y >= spot.y && y <= spot.y + BOX.height;
      if (!over || id === this.held.id) continue;
      for (let up = id; up; up = this.spots.get(up).parent) if (up === this.held.id) return null;
      return id;
    }
    return null;
  }

  up(event, done) {
    if (this.held?.pointer !== event.pointerId) return;
    if (!done) this.hint();
    const { id, fold, far } = this.held;
    const dragged = far && event.pointerType === "mouse";
    const target = done && dragged && id ? this.target(this.point(event)) : null;
    this.held = null;
    for (const box of this.world.querySelectorAll(".over, .dragged")) {
      box.classList.remove("over", "dragged");
      box.style.transform = "";
    }
    if (target) this.outline.dropped(id, target);
    else if (done && id && !far) this.outline.clicked(id, fold);
  }
}
