// The equity of the run of a map's cell above its drawdown, and its benchmark's. Fetched when a map
// of this page says that a cell was clicked.

const DAY_MS = 86_400_000;
const TOP = 0.7; // of the height is equity, the rest drawdown
const GAP = 18;
const ASIDE = 10;
const BELOW = 22; // pixels for the dates
const LABEL_EVERY = { across: 90, down: 48 };
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];
const MONEY = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHARE = new Intl.NumberFormat("en-US", { style: "percent", maximumFractionDigits: 0 });
const EXACT_SHARE = new Intl.NumberFormat("en-US", {
  style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
});

const dated = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

// Round numbers from low to high, at most so many.
function steps(low, high, most) {
  const least = (high - low) / Math.max(most, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((one) => one * power >= least * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => (first + i) * step);
}

// First days of months or years, at most so many; days where there is not even a month.
function dates(first, last, most) {
  const at = (months) => Date.UTC(Math.floor(months / 12), months % 12, 1) / DAY_MS;
  const months = (day) => {
    const date = new Date(day * DAY_MS);
    return date.getUTCFullYear() * 12 + date.getUTCMonth();
  };
  const span = months(last) - months(first);
  if (span < 2) return steps(first, last, most).filter(Number.isInteger).map((day) => [day, dated(day)]);
  const step = MONTHS.find((one) => span / one <= most) ?? MONTHS.at(-1);
  const found = [];
  for (let month = Math.ceil(months(first) / step) * step; at(month) <= last; month += step) {
    if (at(month) >= first) found.push([at(month), dated(at(month)).slice(0, step < 12 ? 7 : 4)]);
  }
  return found;
}

class RunEquity extends Fetched {
  gone = "The page was away for long: reload it to see the run.";

  constructor(root) {
    super(root);
    this.names = make("div", "names");
    this.plot = make("div", "plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "application");
    this.canvas = make("canvas");
    this.line = make("div", "at");
    this.said = make("div", "said");
    this.said.setAttribute("aria-live", "polite");
    this.plot.append(this.canvas, this.line, this.said);
    root.replaceChildren(this.names, this.plot);
    this.plot.addEventListener("pointermove", (event) => this.look(this.under(event)));
    this.plot.addEventListener("pointerleave", () => this.look(null));
    this.plot.addEventListener("blur", () => this.look(null));
    this.plot.addEventListener("keydown", (event) => this.press(event));
    this.clicked = ({ detail: { name, cell, shown } }) => {
      if (name === this.data.name) shown.push(this.choose(cell));
    };
    new ResizeObserver(() => this.paint()).observe(this.plot);
    this.look(null);
  }

  get address() {
    const { address } = this.data;
    return this.cell ? `${address}?across=${this.cell[0]}&down=${this.cell[1]}` : address;
  }

  receive(data) {
    document.addEventListener("cell", this.clicked);
    const before = this.data;
    this.data = data;
    this.root.style.setProperty("--line", data.look.line);
    this.root.style.setProperty("--raised", data.look.raised);
    this.plot.style.height = `${data.height}px`;
    // What a run says that began before the click is no news.
    if (`${data.chosen}` !== `${before?.chosen}`) this.cell = data.chosen;
    if (JSON.stringify(data.look) !== JSON.stringify(before?.look)) this.paint();
    this.want();
  }

  choose(cell) {
    this.cell = cell;
    return this.want();
  }

  // Fetches what is not there or on its way; the end of that.
  want() {
    const idle = !this.cell && this.data.first;
    this.names.hidden = this.plot.hidden = Boolean(idle);
    if (idle) return this.say(this.data.first);
    if (this.from === this.address) return null;
    if (this.asked && this.asking === this.address) return this.coming;
    this.asking = this.address;
    this.tries = 0;
    this.root.classList.add("waiting");
    this.coming = this.fetch();
    return this.coming;
  }

  read(response) {
    return response.json();
  }

  take(curve, address) {
    this.from = address;
    this.asked = null;
    this.root.classList.remove("waiting");
    this.say(curve.problem);
    this.names.hidden = this.plot.hidden = Boolean(curve.problem);
    this.curve = curve.problem ? null : curve;
    this.root.dataset.drawn = curve.name ?? "";
    if (!this.curve) return;
    this.names.replaceChildren(
      ...curve.lines.toReversed().map(({ label, own }) => {
        const name = make("span", "", label);
        const line = make("i");
        line.style.color = own ? this.data.look.own : this.data.look.benchmark;
        name.prepend(line);
        return name;
      }),
    );
    const end = curve.lines.at(-1).equity.at(-1);
    this.plot.setAttribute("aria-label", `Equity and drawdown of ${curve.name}, `
      + `${dated(curve.sessions[0])} to ${dated(curve.sessions.at(-1))}, ${MONEY.format(end)} at the `
      + "end. Arrow keys move from session to session.");
    this.look(null);
    this.paint();
  }

  // Where things are: pixels of a session's place and of the values of both parts.
  measure(context) {
    const { sessions, lines } = this.curve;
    const { clientWidth: width, clientHeight: height } = this.plot;
    const equity = lines.flatMap((line) => line.equity);
    const low = equity.reduce((a, b) => Math.min(a, b));
    const high = equity.reduce((a, b) => Math.max(a, b));
    const worst = lines.reduce((a, line) => line.drawdown.reduce((b, c) => Math.min(b, c), a), -0.01);
    const room = 0.04 * (high - low) || 1;
    const middle = Math.round((height - BELOW - GAP) * TOP);
    const parts = [
      { of: "equity", low: low - room, high: high + room, top: 4, bottom: middle, shown: MONEY },
      { of: "drawdown", low: worst * 1.05, high: 0, top: middle + GAP, bottom: height - BELOW, shown: SHARE },
    ];
    for (const part of parts) {
      part.ticks = steps(part.low, part.high, (part.bottom - part.top) / LABEL_EVERY.down);
      part.y = (value) => part.bottom - ((part.bottom - part.top) * (value - part.low)) / (part.high - part.low);
    }
    const texts = parts.flatMap(({ ticks, shown }) => ticks.map((tick) => shown.format(tick)));
    const left = 10 + Math.max(...texts.map((text) => context.measureText(text).width));
    const [first, last] = [sessions[0], sessions.at(-1)];
    const x = (day) => left + ((width - left - 2) * (day - first)) / Math.max(last - first, 1);
    return { parts, left, right: width - 2, width, height, x, first, last };
  }

  paint() {
    if (!this.curve || !this.plot.clientWidth) return;
    const context = this.canvas.getContext("2d");
    const sharp = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.plot.clientWidth * sharp);
    this.canvas.height = Math.round(this.plot.clientHeight * sharp);
    context.scale(sharp, sharp);
    context.font = `12px ${getComputedStyle(this.root).fontFamily}`;
    this.space = this.measure(context);
    this.frame(context);
    for (const part of this.space.parts) {
      for (const line of this.curve.lines) this.trace(context, part, line);
    }
  }

  // Grid lines with their numbers, and the dates.
  frame(context) {
    const { parts, left, right, height, x, first, last } = this.space;
    const { text, line } = this.data.look;
    context.fillStyle = text;
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const { ticks, y, shown } of parts) {
      for (const tick of ticks) {
        const at = Math.round(y(tick)) + 0.5;
        context.beginPath();
        context.moveTo(left, at);
        context.lineTo(right, at);
        context.stroke();
        context.fillText(shown.format(tick), left - 8, at);
      }
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (const [day, label] of dates(first, last, (right - left) / LABEL_EVERY.across)) {
      const half = context.measureText(label).width / 2;
      context.fillText(label, Math.min(Math.max(x(day), left + half), right - half), height - 5);
    }
  }

  trace(context, { of, y, top }, line) {
    const { own, under, benchmark } = this.data.look;
    const { x } = this.space;
    const { sessions } = this.curve;
    context.beginPath();
    line[of].forEach((value, i) => context.lineTo(x(sessions[i]), y(value)));
    context.strokeStyle = line.own ? own : benchmark;
    context.lineWidth = line.own && of === "equity" ? 2 : 1.2;
    context.lineJoin = "round";
    context.stroke();
    if (of === "equity" || !line.own) return;
    context.lineTo(x(sessions.at(-1)), top);
    context.lineTo(x(sessions[0]), top);
    context.fillStyle = under;
    context.fill();
  }

  // The session nearest to the pointer, by its number.
  under(event) {
    if (!this.curve || !this.space) return null;
    const { first, last, left, right } = this.space;
    const { sessions } = this.curve;
    const along = (event.clientX - this.plot.getBoundingClientRect().left - left) / (right - left);
    const day = first + along * (last - first);
    let [low, high] = [0, sessions.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sessions[middle] < day) low = middle;
      else high = middle;
    }
    return day - sessions[low] < sessions[high] - day ? low : high;
  }

  look(i) {
    this.over = i;
    this.line.hidden = this.said.hidden = i === null || !this.curve;
    if (this.line.hidden) return;
    const { x, parts, width } = this.space;
    const { sessions, lines } = this.curve;
    const at = x(sessions[i]);
    this.line.style.left = `${at}px`;
    this.line.style.top = `${parts[0].top}px`;
    this.line.style.height = `${parts[1].bottom - parts[0].top}px`;
    this.said.textContent = [dated(sessions[i]), ...lines.toReversed().map((line) =>
      `${line.label}: ${MONEY.format(line.equity[i])}, drawdown ${EXACT_SHARE.format(line.drawdown[i])}`,
    )].join("\n");
    const { offsetWidth: wide } = this.said;
    const beside = at < width / 2 ? at + ASIDE : at - ASIDE - wide;
    this.said.style.left = `${Math.max(Math.min(beside, width - wide), 0)}px`;
    this.said.style.top = `${parts[0].top + 8}px`;
  }

  press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.curve) return;
    const last = this.curve.sessions.length - 1;
    this.look(Math.min(Math.max((this.over ?? last) + step, 0), last));
    event.preventDefault();
  }

  leave() {
    this.stop();
    document.removeEventListener("cell", this.clicked);
  }
}

export default function ({ data, parentElement }) {
  const equity = drawing(parentElement.querySelector(".curve"), RunEquity);
  equity.receive(data);
  return () => equity.leave();
}
