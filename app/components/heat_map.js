// A map of a metric over two variables. Its numbers are fetched from their address when that is
// another, one pixel of a canvas each; a click says which cell it was, to the page and to the
// server, and nothing else is sent.

const SHADES = 256;
const TALL = 22; // pixels a label of a row needs
const LETTER = 7;
const PATIENCE_MS = 500;
const SCALE_PARTS = 4;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function shown(value, unit) {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const share = size >= 10 ? 0 : size >= 1 ? 1 : 2;
  const digits = { fraction: share, ratio: 2 }[unit] ?? 0;
  const style = unit === "fraction" ? "percent" : "decimal";
  return value.toLocaleString("en-US", { style, minimumFractionDigits: digits, maximumFractionDigits: digits });
}

class HeatMap extends Fetched {
  gone = "The page was away for long: reload it to see the map.";

  constructor(root) {
    super(root);
    this.plot = make("div", "plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "application");
    this.canvas = make("canvas");
    this.mark = make("div", "mark");
    this.frame = make("div", "over");
    this.said = make("div", "said");
    this.said.setAttribute("aria-live", "polite");
    this.plot.append(this.canvas, this.mark, this.frame, this.said);
    this.axes = { across: make("div", "labels across"), down: make("div", "labels down") };
    this.names = { across: make("div", "name across"), down: make("div", "name down") };
    this.scale = make("div", "scale");
    root.replaceChildren(
      this.plot, this.scale, ...Object.values(this.axes), ...Object.values(this.names),
    );
    this.plot.addEventListener("pointermove", (event) => this.look(this.under(event)));
    this.plot.addEventListener("pointerleave", () => this.look(null));
    this.plot.addEventListener("blur", () => this.look(null));
    this.plot.addEventListener("click", (event) => this.choose(this.under(event)));
    this.plot.addEventListener("keydown", (event) => this.press(event));
    this.look(null);
    new ResizeObserver(() => this.label()).observe(this.plot);
  }

  receive(data, setStateValue) {
    const before = this.data;
    this.data = data;
    this.report = setStateValue;
    this.wide = data.across.labels.length;
    this.high = data.down.labels.length;
    // What a run says that began before the click is no news.
    if (`${data.chosen}` !== `${before?.chosen}`) this.chosen = data.chosen;
    const { chosen, ...look } = data;
    const drawn = JSON.stringify(look);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.dress();
    }
    this.place(this.mark, this.chosen);
    const known = this.values && this.from === data.address;
    if (known || (this.asked && before?.address === data.address)) return;
    this.tries = 0;
    this.fetch();
  }

  async read(response) {
    return new Float32Array(await response.arrayBuffer());
  }

  take(values, address) {
    this.values = values;
    this.from = address;
    this.asked = null;
    this.say("");
    this.paint();
  }

  // Everything but the numbers.
  dress() {
    const { across, down, metric, height, raised, line } = this.data;
    this.root.style.height = `${height}px`;
    this.root.style.setProperty("--raised", raised);
    this.root.style.setProperty("--line", line);
    this.plot.setAttribute("aria-label",
      `${metric.label} by ${across.name} and ${down.name}. Arrow keys move, Enter shows the run.`);
    this.names.across.textContent = across.name;
    this.names.down.textContent = down.name;
    this.legend();
    this.label();
    this.paint();
  }

  legend() {
    const { span: [low, high], scale, metric } = this.data;
    const bar = make("div", "bar");
    bar.style.background = `linear-gradient(to top, ${scale.join(", ")})`;
    const numbers = make("div", "numbers");
    for (let i = SCALE_PARTS; i >= 0; i--) {
      numbers.append(make("span", "", shown(low + ((high - low) * i) / SCALE_PARTS, metric.unit)));
    }
    this.scale.replaceChildren(make("div", "title", metric.label), bar, numbers);
  }

  // As many labels as there is room for, evenly spread.
  label() {
    if (!this.data) return;
    const { across, down } = this.data;
    const longest = (labels) => labels.reduce((a, b) => (b.length > a.length ? b : a), "");
    const ticks = (labels, room, needed) => {
      const step = Math.max(1, Math.ceil((labels.length * needed) / Math.max(room, 1)));
      return labels.flatMap((text, i) => (i % step ? [] : [[(100 * (i + 0.5)) / labels.length, text]]));
    };
    const width = longest(across.labels).length * LETTER + 16;
    this.axes.across.replaceChildren(
      make("div", "room", "0"),
      ...ticks(across.labels, this.plot.clientWidth, width).map(([at, text]) => {
        const element = make("span", "", text);
        element.style.left = `${at}%`;
        element.style.top = 0;
        return element;
      }),
    );
    this.axes.down.replaceChildren(
      make("div", "room", longest(down.labels)),
      ...ticks(down.labels, this.plot.clientHeight, TALL).map(([at, text]) => {
        const element = make("span", "", text);
        element.style.top = `${100 - at}%`;
        element.title = text;
        return element;
      }),
    );
  }

  paint() {
    const { wide, high, values } = this;
    if (!values || this.from !== this.data.address || values.length !== wide * high) return;
    const { span: [low, top] } = this.data;
    const shades = this.shades();
    Object.assign(this.canvas, { width: wide, height: high });
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(wide, high);
    const pixels = new Uint32Array(image.data.buffer);
    values.forEach((value, i) => {
      if (Number.isNaN(value)) return;
      const share = Math.min(Math.max((value - low) / (top - low), 0), 1);
      const row = high - 1 - Math.floor(i / wide); // the first row is the lowest
      pixels[row * wide + (i % wide)] = shades[Math.round(share * (SHADES - 1))];
    });
    context.putImageData(image, 0, 0);
    this.root.dataset.drawn = this.from;
  }

  shades() {
    const { scale } = this.data;
    const context = Object.assign(document.createElement("canvas"), { width: SHADES, height: 1 })
      .getContext("2d", { willReadFrequently: true });
    const gradient = context.createLinearGradient(0, 0, SHADES, 0);
    scale.forEach((colour, i) => gradient.addColorStop(i / (scale.length - 1), colour));
    context.fillStyle = gradient;
    context.fillRect(0, 0, SHADES, 1);
    return new Uint32Array(context.getImageData(0, 0, SHADES, 1).data.buffer);
  }

  under(event) {
    const area = this.plot.getBoundingClientRect();
    const at = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    return [
      at((event.clientX - area.left) / area.width, this.wide),
      at((area.bottom - event.clientY) / area.height, this.high),
    ];
  }

  value([across, down]) {
    return this.from === this.data.address ? this.values[down * this.wide + across] : NaN;
  }

  place(element, cell) {
    element.hidden = !cell;
    if (!cell) return;
    const [across, down] = cell;
    element.style.left = `${(100 * across) / this.wide}%`;
    element.style.width = `${100 / this.wide}%`;
    element.style.bottom = `${(100 * down) / this.high}%`;
    element.style.height = `${100 / this.high}%`;
  }

  look(cell) {
    this.over = cell;
    this.place(this.frame, cell);
    this.said.hidden = !cell;
    if (!cell) return;
    const { across, down, metric } = this.data;
    const [x, y] = cell;
    this.said.textContent = `${across.name} ${across.labels[x]}, ${down.name} ${down.labels[y]}\n`
      + `${metric.label} ${shown(this.value(cell), metric.unit)}`;
    const right = x >= this.wide / 2;
    const upper = y >= this.high / 2;
    this.said.style.left = right ? "auto" : `${(100 * (x + 1)) / this.wide}%`;
    this.said.style.right = right ? `${100 - (100 * x) / this.wide}%` : "auto";
    this.said.style.top = upper ? `${100 - (100 * y) / this.high}%` : "auto";
    this.said.style.bottom = upper ? "auto" : `${(100 * (y + 1)) / this.high}%`;
  }

  // Who shows the cell hears of it first and has the server to itself for as long as that takes,
  // but not for long. The time tells two clicks on one cell apart, with one on another map between.
  choose(cell) {
    if (!cell || Number.isNaN(this.value(cell))) return;
    this.chosen = cell;
    this.place(this.mark, cell);
    const detail = { name: this.data.name, cell, shown: [] };
    document.dispatchEvent(new CustomEvent("cell", { detail }));
    const patience = new Promise((done) => setTimeout(done, PATIENCE_MS));
    Promise.race([Promise.allSettled(detail.shown), patience]).then(() => {
      if (this.chosen === cell) {
        this.report("clicked", { across: cell[0], down: cell[1], at: Date.now() });
      }
    });
  }

  press(event) {
    const step = STEPS[event.key];
    if (step) {
      const [x, y] = this.over ?? this.chosen ?? [0, 0];
      const within = (at, count) => Math.min(Math.max(at, 0), count - 1);
      this.look([within(x + step[0], this.wide), within(y + step[1], this.high)]);
    } else if (event.key === "Enter" || event.key === " ") {
      this.choose(this.over);
    } else return;
    event.preventDefault();
  }
}

export default function ({ data, setStateValue, parentElement }) {
  const map = drawing(parentElement.querySelector(".heat"), HeatMap);
  map.receive(data, setStateValue);
  return () => map.stop();
}
