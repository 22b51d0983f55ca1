// The blocks of a flow, as a tree or as a chart: drawn from data, they send commands and never
// change the data.
// Text of users only ever becomes textContent.
//
// Commands are numbered and kept until Python says it has seen them: two sent within one run of the
// script would otherwise become one, and one sent to a run that is dropped would be lost. Python
// does each once, in order. They outlive their element: one made just before another tab was chosen
// is done when this one is seen again.

const KEYS = [
  ["↑ ↓", "Select the block above or below"],
  ["← →", "Fold or go out; unfold or go in"],
  ["Home End", "First or last block"],
  ["Enter", "Edit it in the inspector; on an empty place, choose a block"],
  ["Escape", "From the inspector back to the outline"],
  ["F2", "Rename"],
  ["A", "Add a block inside, or behind"],
  ["W", "Put it inside a new block"],
  ["U", "Unwrap: what it holds takes its place"],
  ["L", "Lift: it takes its parent's place"],
  ["Alt+↑ Alt+↓", "Move before or behind its neighbour"],
  ["Alt+← Alt+→", "Move out of its parent; into its neighbour"],
  ["Ctrl+C Ctrl+X Ctrl+V", "Copy, cut, paste; also between strategies, and as JSON"],
  ["Ctrl+D", "Duplicate"],
  ["Delete", "Delete"],
  ["Ctrl+Z Ctrl+Y", "Undo, redo"],
  ["Ctrl+S", "Save"],
  ["+ − 0", "In the chart: zoom in, zoom out, show all"],
  ["?", "This list"],
];
const MODIFIED = { c: "copy", x: "cut", d: "duplicate", y: "redo" };
const PLAIN = { delete: "remove", backspace: "remove", u: "unwrap", l: "lift" };
const SHIFTS = { arrowup: "up", arrowdown: "down", arrowleft: "out", arrowright: "in" };
const RESEND_MS = 2000;
const mounted = new WeakMap();
const latest = new Map(); // by strategy: the outline drawn last

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (className?.startsWith("icon")) element.setAttribute("aria-hidden", "true");
  return element;
}

class Outline {
  constructor(root, key) {
    this.root = root;
    this.key = key;
    const before = latest.get(key);
    latest.set(key, this);
    this.client = before ? before.client : Math.random().toString(36).slice(2);
    this.sent = before ? before.sent : 0;
    this.waiting = before ? before.waiting : [];
    this.flown = 0;
    root.dataset.sent = this.sent;
    this.selected = "flow";
    this.folded = new Set();
    this.copied = null;
    this.bar = make("div", "bar");
    this.bar.setAttribute("role", "toolbar");
    this.tree = make("div", "tree");
    this.tree.tabIndex = 0;
    this.tree.setAttribute("role", "tree");
    this.tree.setAttribute("aria-label", "Blocks");
    this.arrangement = "across";
    this.chart = new Chart(this);
    root.replaceChildren(this.bar, this.tree, this.chart.root);
    this.listen();
  }

  // -- talking to Python ---------------------------------------------------------------------

  send(name, more = {}) {
    this.waiting.push({ n: ++this.sent, token: this.data.token, do: name, ...more });
    this.root.dataset.sent = this.sent;
    if (!this.flown) this.flush();
  }

  // One batch at a time: what is done meanwhile goes together, when Python has answered.
  flush() {
    clearTimeout(this.timer);
    this.flown = 0;
    if (!this.waiting.length) return;
    this.flown = this.sent;
    this.trigger("commands", { client: this.client, list: this.waiting });
    this.timer = setTimeout(() => this.flush(), RESEND_MS);
  }

  // What Python knows now. A selection made since then stays until Python has heard of it.
  receive(data, trigger) {
    this.trigger = trigger;
    document.addEventListener("keydown", this.leave);
    this.chart.resized.observe(this.chart.root);
    const before = this.data;
    this.data = data;
    if (data.client === this.client) {
      this.waiting = this.waiting.filter((command) => command.n > data.seen);
    }
    clearTimeout(this.timer);
    if (this.waiting.length) {
      const answered = data.client === this.client && data.seen >= this.flown;
      this.timer = setTimeout(() => this.flush(), answered ? 0 : RESEND_MS);
    } else {
      this.flown = 0;
      const known = data.rows.some((row) => row.id === this.selected);
      const within = known && this.selected.startsWith(data.selected + "@");
      const moved = this.selected !== data.selected && !within;
      if (moved) this.selected = data.selected;
      this.folded = new Set(data.folded);
      this.arrangement = data.arrangement;
      this.stale = moved;
    }
    for (const [name, colour] of Object.entries(data.colours)) {
      this.root.style.setProperty("--" + name, colour);
    }
    this.root.dataset.revision = data.revision;
    this.root.dataset.seen = data.client === this.client ? data.seen : 0;
    this.root.style.height = data.height + "px";
    const chosen = !before || before.chart !== data.chart;
    this.tree.hidden = data.chart;
    this.chart.root.hidden = !data.chart;
    if (chosen || this.looking() !== this.looks) this.draw();
    else this.mark();
    if (chosen && data.chart) this.chart.fit();
    this.drawBar();
    if (this.stale) this.show();
    if (this.copied !== null && data.copied.n > this.copied) this.write(data.copied.text);
    this.copied = data.copied.n;
  }

  async write(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Plain http, or no permission: the old way, and else the session's own clipboard.
      const area = make("textarea");
      area.value = text;
      area.style.cssText = "position:fixed;opacity:0";
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      this.focus();
    }
  }

  // -- drawing -------------------------------------------------------------------------------

  looking() {
    return JSON.stringify([this.data.token, this.data.revision, this.data.mode, [...this.folded], this.arrangement]);
  }

  draw() {
    this.looks = this.looking();
    const rows = new Map(this.data.rows.map((row) => [row.id, row]));
    this.rows = rows;
    if (this.data.chart) {
      this.tree.replaceChildren();
      this.chart.draw();
      return;
    }
    const top = this.data.rows[0];
    this.tree.replaceChildren(...(top ? [this.block(top, 1)] : []));
    this.mark();
  }

  // Nested by construction: what is inside a block is inside its element.
  block(row, level) {
    const block = make("div", "block");
    block.append(this.row(row, level));
    if (row.inside.length && !this.folded.has(row.id)) {
      const inside = make("div", "inside");
      inside.setAttribute("role", "group");
      inside.append(...row.inside.map((id) => this.block(this.rows.get(id), level + 1)));
      block.append(inside);
    }
    return block;
  }

  row(row, level) {
    const element = make("div", "row");
    element.dataset.id = row.id;
    element.id = `${this.client}-${row.id}`;
    element.setAttribute("role", "treeitem");
    element.setAttribute("aria-level", level);
    element.style.setProperty("--colour", row.colour);
    const fold = make("span", "icon fold");
    if (row.inside.length) {
      fold.textContent = this.folded.has(row.id) ? "chevron_right" : "expand_more";
      fold.title = "Fold";
      fold.dataset.fold = "";
      element.setAttribute("aria-expanded", !this.folded.has(row.id));
    }
    element.append(fold, make("span", "icon kind", row.icon));
    if (row.tag) element.append(make("span", `tag ${row.tone || ""}`, row.tag));
    element.append(make("span", "title", row.title));
    if (row.text) element.append(make("span", "text", row.text));
    element.title = row.problem || (row.text ? `${row.title}: ${row.text}` : row.title);
    if (row.place) element.classList.add("empty");
    else if (row.id !== "flow") element.draggable = true;
    if (row.problem) {
      element.classList.add(row.severity === "error" ? "problem" : "warned");
      element.append(make("span", "icon mark", row.severity === "error" ? "error" : "warning"));
    }
    return element;
  }

  mark() {
    if (this.data.chart) {
      this.chart.mark();
      this.chart.move();
      return;
    }
    for (const element of this.tree.querySelectorAll(".row")) {
      const chosen = element.dataset.id === this.selected;
      element.classList.toggle("selected", chosen);
      element.setAttribute("aria-selected", chosen);
      if (chosen) this.tree.setAttribute("aria-activedescendant", element.id);
    }
  }

  show() {
    // Unfold what hides the selection, then bring it into view.
    const parents = new Map();
    for (const row of this.data.rows) for (const id of row.inside) parents.set(id, row.id);
    let hidden = false;
    for (let id = parents.get(this.selected); id; id = parents.get(id)) {
      if (this.folded.delete(id)) {
        hidden = true;
        this.send("unfold", { id });
      }
    }
    if (hidden) this.draw();
    this.reveal();
    this.stale = false;
  }

  reveal() {
    if (this.data.chart) this.chart.show(this.selected);
    else this.element(this.selected)?.scrollIntoView({ block: "nearest" });
  }

  focus() {
    (this.data.chart ? this.chart.root : this.tree).focus({ preventScroll: true });
  }

  element(id) {
    if (this.data.chart) return this.chart.element(id);
    return this.tree.querySelector(`.row[data-id="${CSS.escape(id)}"]`);
  }

  // -- toolbar and menus ---------------------------------------------------------------------

  drawBar() {
    const can = this.data.can;
    const node = this.selected !== "flow" && !this.selected.includes("@");
    const parts = [
      ["add", "Add", "add", "Add a block (A)", true, () => this.chooseKind("add")],
      ["wrap", "Wrap", "select_all", "Put it inside a new block (W)", node, () => this.chooseKind("wrap")],
      ["unwrap", "", "remove_selection", "Unwrap: what it holds takes its place (U)", node],
      ["lift", "", "vertical_align_top", "Lift: it takes its parent's place (L)", node],
      null,
      ["copy", "", "content_copy", "Copy (Ctrl+C)", true],
      ["cut", "", "content_cut", "Cut (Ctrl+X)", node],
      ["paste", "", "content_paste", "Paste (Ctrl+V)", true, () => this.pasteFromBar()],
      ["duplicate", "", "library_add", "Duplicate (Ctrl+D)", node],
      ["remove", "", "delete", "Delete (Delete)", node],
      null,
      ["undo", "", "undo", `Undo${can.undo ? ": " + can.undo : ""} (Ctrl+Z)`, Boolean(can.undo)],
      ["redo", "", "redo", `Redo${can.redo ? ": " + can.redo : ""} (Ctrl+Y)`, Boolean(can.redo)],
      null,
      ["fold", "", "unfold_less", "Fold all", true, () => this.foldAll(true)],
      ["unfold", "", "unfold_more", "Unfold all", true, () => this.foldAll(false)],
      ["keys", "", "keyboard", "Shortcuts (?)", true, () => this.showKeys()],
    ];
    const signature = JSON.stringify(parts.map((part) => part && part.slice(0, 5)));
    if (signature === this.barSignature) return;
    this.barSignature = signature;
    const focused = this.root.getRootNode().activeElement?.dataset?.action;
    this.bar.replaceChildren(...parts.map((part) => {
      if (!part) return make("span", "gap");
      const [name, word, icon, help, enabled, act] = part;
      const button = make("button");
      button.type = "button";
      button.dataset.action = name;
      button.title = help;
      button.setAttribute("aria-label", help);
      button.disabled = !enabled;
      button.append(make("span", "icon", icon));
      if (word) {
        button.classList.add("first");
        button.append(make("span", "word", word));
      }
      button.onclick = act || (() => this.act(name));
      return button;
    }));
    if (focused) this.bar.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  chooseKind(name, anchor) {
    this.closeMenu();
    const menu = make("div", "menu");
    menu.setAttribute("role", "menu");
    for (const kind of this.data.kinds.filter((kind) => name === "add" || kind.wraps)) {
      const button = make("button");
      button.type = "button";
      button.setAttribute("role", "menuitem");
      button.dataset.kind = kind.kind;
      button.style.setProperty("--colour", kind.colour);
      button.append(make("span", "icon", kind.icon), make("span", "", kind.label), make("small", "", kind.meaning));
      button.onclick = () => {
        this.closeMenu();
        this.act(name, { kind: kind.kind });
      };
      menu.append(button);
    }
    menu.onkeydown = (event) => this.menuKey(event, menu);
    const from = (anchor || this.bar.querySelector(`[data-action="${name}"]`)).getBoundingClientRect();
    const area = this.root.getBoundingClientRect();
    this.root.append(menu);
    this.menu = menu;
    menu.style.left = Math.max(4, Math.min(from.left - area.left, area.width - menu.offsetWidth - 8)) + "px";
    const below = from.bottom - area.top + 4;
    menu.style.top = Math.max(4, Math.min(below, area.height - menu.offsetHeight - 8)) + "px";
    menu.querySelector("button").focus();
  }

  menuKey(event, menu) {
    const buttons = [...menu.querySelectorAll("button")];
    const at = buttons.indexOf(this.root.getRootNode().activeElement);
    const key = event.key.toLowerCase();
    if (key === "arrowdown") buttons[(at + 1) % buttons.length].focus();
    else if (key === "arrowup") buttons[(at + buttons.length - 1) % buttons.length].focus();
    else if (key === "escape") this.closeMenu();
    else if (/^[a-z]$/.test(key)) {
      const next = [...buttons.slice(at + 1), ...buttons.slice(0, at + 1)];
      next.find((button) => button.dataset.kind.startsWith(key))?.focus();
    } else if (key !== "enter" && key !== " ") return;
    if (key !== "enter" && key !== " ") event.preventDefault();
    event.stopPropagation();
  }

  closeMenu() {
    if (!this.menu) return;
    this.menu.remove();
    this.menu = null;
    this.focus();
  }

  showKeys() {
    if (this.root.querySelector(".keys")) return;
    const keys = make("div", "keys");
    keys.setAttribute("role", "dialog");
    keys.setAttribute("aria-label", "Shortcuts");
    keys.append(make("strong", "", "Shortcuts in the outline"));
    const list = make("dl");
    for (const [key, meaning] of KEYS) list.append(make("dt", "", key), make("dd", "", meaning));
    const close = make("button", "", "Close");
    const end = () => {
      keys.remove();
      this.focus();
    };
    close.onclick = end;
    keys.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Escape" || event.key === "?") end();
    };
    keys.append(list, close);
    this.root.append(keys);
    close.focus();
  }

  // -- doing ---------------------------------------------------------------------------------

  act(name, more = {}) {
    const place = this.rows?.get(this.selected)?.place;
    const id = place ? place.block : this.selected;
    this.send(name, { id, ...(place ? { place } : {}), ...more });
  }

  async pasteFromBar() {
    let text = "";
    try {
      text = await navigator.clipboard.readText();
    } catch {
      // No permission: Python pastes what was copied in this session.
    }
    this.act("paste", { text: looksLikeBlock(text) ? text : "" });
  }

  select(id) {
    if (id === this.selected) return;
    this.selected = id;
    this.mark();
    this.drawBar();
    this.reveal();
    this.send("select", { id: this.rows.get(id)?.place?.block || id });
  }

  fold(id, folded) {
    if (folded) this.folded.add(id);
    else this.folded.delete(id);
    this.draw();
    this.send(folded ? "fold" : "unfold", { id });
  }

  foldAll(folded) {
    const holders = this.data.rows.filter((row) => row.inside.length && row.id !== "flow");
    this.folded = new Set(folded ? holders.map((row) => row.id) : []);
    this.draw();
    this.send("folded", { ids: [...this.folded] });
  }

  arrange(way) {
    this.arrangement = way;
    this.draw();
    this.send("arrange", { way });
  }

  edit(field) {
    const inspector = document.querySelector("." + CSS.escape(this.data.inspector));
    const inputs = [...(inspector?.querySelectorAll("input:not([type=hidden]), textarea") || [])];
    const wanted = field === "name" ? inputs.find((input) => input.getAttribute("aria-label") === "Name") : inputs[0];
    wanted?.focus();
    wanted?.select?.();
  }

  // -- keyboard ------------------------------------------------------------------------------

  listen() {
    this.tree.addEventListener("keydown", (event) => this.keydown(event));
    this.tree.addEventListener("paste", (event) => this.paste(event));
    this.tree.addEventListener("click", (event) => this.click(event));
    this.root.addEventListener("pointerdown", (event) => {
      if (this.menu && !this.menu.contains(event.target)) this.closeMenu();
    });
    for (const name of ["dragstart", "dragover", "dragleave", "drop", "dragend"]) {
      this.tree.addEventListener(name, (event) => this[name](event));
    }
    this.leave = (event) => {
      if (event.key !== "Escape" || !this.data) return;
      if (event.target.closest?.("." + CSS.escape(this.data.inspector))) this.focus();
    };
  }

  end() {
    clearTimeout(this.timer);
    this.chart.resized.disconnect();
    document.removeEventListener("keydown", this.leave);
  }

  paste(event) {
    event.preventDefault();
    const text = event.clipboardData.getData("text/plain");
    this.act("paste", { text: looksLikeBlock(text) ? text : "" });
  }

  keydown(event) {
    if (this.handle(event.key.toLowerCase(), event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  handle(key, event) {
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") this.send(event.shiftKey ? "redo" : "undo");
      else if (key === "y") this.send("redo");
      else if (MODIFIED[key]) this.act(MODIFIED[key]);
      else return false; // Ctrl+V comes as a paste, with the clipboard's text
      return true;
    }
    if (event.altKey) {
      if (SHIFTS[key]) this.act("shift", { way: SHIFTS[key] });
      return Boolean(SHIFTS[key]);
    }
    if (PLAIN[key]) this.act(PLAIN[key]);
    else if (key === "a") this.chooseKind("add", this.element(this.selected));
    else if (key === "w") this.chooseKind("wrap", this.element(this.selected));
    else if (key === "?") this.showKeys();
    else if (key === "f2") this.edit("name");
    else if (key === "enter") {
      if (this.selected.includes("@")) this.chooseKind("add", this.element(this.selected));
      else this.edit();
    } else return this.walk(key);
    return true;
  }

  walk(key) {
    const shown = [...places(this.rows, this.folded, "stacked").keys()];
    const at = shown.indexOf(this.selected);
    const row = this.rows.get(this.selected);
    const parent = this.data.rows.find((other) => other.inside.includes(this.selected));
    if (key === "arrowdown") this.select(shown[Math.min(at + 1, shown.length - 1)]);
    else if (key === "arrowup") this.select(shown[Math.max(at - 1, 0)]);
    else if (key === "home") this.select(shown[0]);
    else if (key === "end") this.select(shown[shown.length - 1]);
    else if (key === "arrowleft") {
      if (row?.inside.length && !this.folded.has(row.id)) this.fold(row.id, true);
      else if (parent) this.select(parent.id);
    } else if (key === "arrowright") {
      if (row?.inside.length && this.folded.has(row.id)) this.fold(row.id, false);
      else if (row?.inside.length) this.select(row.inside[0]);
    } else return false;
    return true;
  }

  // -- mouse ---------------------------------------------------------------------------------

  click(event) {
    const element = event.target.closest(".row");
    if (!element) return;
    this.focus();
    this.clicked(element.dataset.id, Boolean(event.target.closest("[data-fold]")));
  }

  clicked(id, fold) {
    if (fold) this.fold(id, !this.folded.has(id));
    else {
      this.select(id);
      if (id.includes("@")) this.chooseKind("add", this.element(id));
    }
  }

  dragstart(event) {
    const element = event.target.closest?.(".row");
    if (!element) return;
    this.dragged = element.dataset.id;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", this.dragged);
  }

  // Above, below or inside, by where the pointer is; null where the block cannot go.
  target(event) {
    const element = event.target.closest?.(".row");
    if (!element || !this.dragged || element.closest(".block").parentElement.closest(".block")?.querySelector(":scope > .row")?.dataset.id === this.dragged) return null;
    const id = element.dataset.id;
    if (this.dragged === id || this.element(this.dragged)?.closest(".block").contains(element)) return null;
    const row = this.rows.get(id);
    if (row.place) return { element, id: row.place.block, place: row.place, where: "inside" };
    const box = element.getBoundingClientRect();
    const part = (event.clientY - box.top) / box.height;
    if (row.id === "flow") return row.holds ? { element, id, where: "inside" } : null;
    if (row.holds) return { element, id, where: part < 0.25 ? "before" : part > 0.75 ? "after" : "inside" };
    return { element, id, where: part < 0.5 ? "before" : "after" };
  }

  dragover(event) {
    const target = this.target(event);
    this.dragleave();
    if (!target) return;
    event.preventDefault();
    target.element.classList.add("drop-" + target.where);
  }

  dragleave() {
    for (const element of this.tree.querySelectorAll("[class*=drop-]")) {
      element.classList.remove("drop-before", "drop-after", "drop-inside");
    }
  }

  drop(event) {
    const target = this.target(event);
    event.preventDefault();
    this.dragleave();
    if (target) {
      const { id, where, place } = target;
      this.select(this.dragged);
      this.send("move", { id: this.dragged, to: id, where, ...(place ? { place } : {}) });
    }
    this.dragged = null;
  }

  // A box of the chart was dropped on another: it goes inside, or behind where nothing goes inside.
  dropped(id, target) {
    const row = this.rows.get(target);
    const place = row.place;
    this.select(id);
    this.send("move", {
      id, to: place ? place.block : target, where: row.holds || place ? "inside" : "after",
      ...(place ? { place } : {}),
    });
  }

  dragend() {
    this.dragleave();
    this.dragged = null;
  }
}

function looksLikeBlock(text) {
  return /^\s*\{/.test(text) && /"(kind|sluice)"/.test(text);
}

export default function ({ data, setTriggerValue, parentElement }) {
  const root = parentElement.querySelector(".builder");
  let outline = mounted.get(root);
  if (outline?.key !== data.key) {
    // Another strategy's page may be given the same element: nothing of the one before may stay.
    outline?.end();
    outline = new Outline(root, data.key);
    mounted.set(root, outline);
  }
  outline.receive(data, setTriggerValue);
  return () => outline.end();
}
