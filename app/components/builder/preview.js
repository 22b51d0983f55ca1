// The light backtest: fetched from the server as soon as there is a result, and drawn. The page's
// script is not run for it.

const WIDE = 100;
const HIGH = 40;

function curve(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = 0.05 * (high - low) || 0.05;
  const x = (i) => ((WIDE * i) / Math.max(values.length - 1, 1)).toFixed(2);
  const y = (value) => (HIGH - (HIGH * (value - low + room)) / (high - low + 2 * room)).toFixed(2);
  const line = values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Equity");
  for (const [name, path] of [["area", `${line}L${WIDE} ${HIGH}L0 ${HIGH}Z`], ["line", line]]) {
    const part = document.createElementNS("http://www.w3.org/2000/svg", "path");
    part.setAttribute("class", name);
    part.setAttribute("d", path);
    svg.append(part);
  }
  return svg;
}

class Preview extends Fetched {
  gone = "The page was away for long: reload it for new figures.";

  receive(data) {
    const before = this.data;
    this.data = data;
    if (before && before.number === data.number && before.address === data.address) {
      const known = this.answer && this.answer.number >= data.number && !this.answer.pending;
      if (!known && !this.asked) this.fetch(); // its end was a redrawing of the page
      return;
    }
    if (before && before.address !== data.address) this.answer = null;
    this.draw();
    this.tries = 0;
    this.fetch();
  }

  // The server answers when the run is done.
  read(response) {
    return response.json();
  }

  take(answer) {
    if (answer.number < this.data.number) return;
    this.answer = answer;
    this.tries = 0;
    this.draw();
    if (answer.pending) this.timer = setTimeout(() => this.fetch(), RETRY_MS[0]);
  }

  draw() {
    const { answer, data } = this;
    const result = answer?.result;
    const current = Boolean(answer && answer.current && answer.number === data.number);
    this.root.classList.toggle("old", !current);
    this.root.dataset.number = answer ? answer.number : "";
    this.root.dataset.state = current ? "current" : "old";
    const parts = [];
    if (result) {
      const figures = make("dl");
      for (const { label, shown, meaning } of result.figures) {
        const one = make("div");
        const name = Object.assign(make("dt", "", label), { title: meaning });
        one.append(name, make("dd", "", shown));
        figures.append(one);
      }
      parts.push(curve(result.curve), figures);
    }
    parts.push(make("p", "", this.said(answer, result, current)));
    this.root.replaceChildren(...parts);
  }

  said(answer, result, current) {
    const known = answer && answer.number === this.data.number;
    if (known && answer.error) return answer.error;
    if (result) {
      const basis = `${result.start} to ${result.end} on ${this.data.source}`;
      return current ? basis : `${basis}. Before your last change.`;
    }
    if (!this.data.runs) return "Equity and key figures appear here as soon as the strategy can run.";
    return "Working out a first result.";
  }
}

export default function ({ data, parentElement }) {
  const preview = drawing(parentElement.querySelector(".preview"), Preview);
  preview.receive(data);
  return () => preview.stop();
}
