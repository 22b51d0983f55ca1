// What a component shows, fetched from its address; while the server is away it is asked again.
// A component of this kind has ``data`` and ``root``, reads an answer in ``read``, takes it in
// ``take``, and says in ``gone`` what there is to say when the address is forgotten.

const RETRY_MS = [500, 1000, 2000, 5000];
const there = new WeakMap();

// The one drawing of this kind in an element, made when it is first seen.
function drawing(root, Kind) {
  if (!there.has(root)) there.set(root, new Kind(root));
  return there.get(root);
}

// Text only ever becomes textContent.
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

class Fetched {
  tries = 0;

  constructor(root) {
    this.root = root;
  }

  get address() {
    return this.data.address;
  }

  // One request at a time.
  async fetch() {
    this.stop();
    const asked = new AbortController();
    const { address } = this;
    this.asked = asked;
    try {
      const response = await fetch(new URL(address, document.baseURI), { signal: asked.signal });
      if (response.status === 404) return this.say(this.gone);
      if (!response.ok) throw new Error(response.statusText);
      const answer = await this.read(response);
      if (this.asked === asked) this.take(answer, address);
    } catch (error) {
      if (error.name === "AbortError" || this.asked !== asked) return;
      this.say("The server is out of reach: trying again.");
      this.timer = setTimeout(() => this.fetch(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.asked = null;
  }

  // A sentence in place of what is not there.
  say(text) {
    this.root.querySelector(".problem")?.remove();
    if (text) this.root.append(make("p", "problem", text));
  }
}
