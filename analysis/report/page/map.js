// The map: a panel for each value of the facet, a grid of cells in it, and in each cell a mark for each run or the phases' shares.

import { cellName, counted } from "./cells.js";
import { aggregated, isLight } from "./color.js";
import { fill, h, svg } from "./dom.js";
import { markPath, ringPath } from "./marks.js";
import { count, short } from "./numbers.js";

// Marks smaller than this many to a side cannot be distinguished; such cells are drawn as shares.
const MOST_A_SIDE = 12;
const MOST_A_SIDE_ALONE = 24; // of the only cell, which has more room
const MAP_HEIGHT = 640; // px; all panels fit in it if cells stay large enough
const SMALLEST_CELL = 26;
const LONGEST_LABEL = 120; // px; longer ones end in dots
const NARROW = 500; // px; no room beside the panels

/**
 * Draws the map; calls `listen.point` with the cell under the pointer or null, `listen.choose` with a cell, the run whose mark was hit, and
 * whether Shift was down.
 */
export class PhaseMap {
  constructor(sweep, host, listen) {
    Object.assign(this, { sweep, host, listen, nodes: new Map(), drawn: new Map() });
    host.addEventListener("pointerleave", () => listen.point(null));
    host.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.layout && this.size()).observe(host);
  }

  /** Builds the panels of a layout. */
  build(layout, state) {
    Object.assign(this, { layout, view: state.view });
    this.pages = Math.ceil(layout.panels.length / this.sweep.mostPanels);
    this.page = Math.min(state.page, Math.max(0, this.pages - 1));
    this.shownPanels = layout.panels.slice(this.page * this.sweep.mostPanels, (this.page + 1) * this.sweep.mostPanels);
    this.side = Math.ceil(Math.sqrt(layout.most));
    this.nodes.clear();
    this.drawn.clear();
    const panels = this.shownPanels.map((panel, index) => this.panel(panel, index));
    fill(this.host, ...(panels.length && layout.rows.length ? panels : [h("p", { class: "empty" }, "No run passes the filters.")]));
    this.size();
  }

  panel(panel, index) {
    const { x, y, facet } = this.layout.axes;
    const rows = panel.cells.map((cells, row) => this.row(cells, row, index)).reverse();
    const foot = h("tr", {}, h("td", {}), ...this.layout.columns.map((text) => h("th", { scope: "col", title: text }, h("span", {}, text))));
    const axes = [x && `${x.name} across`, y && `${y.name} upwards`].filter(Boolean).join(", ");
    const name = [facet && `${facet.name} ${panel.text}`, axes].filter(Boolean).join(": ") || "All runs";
    const table = h("table", { role: "grid", "aria-label": name }, h("tbody", {}, ...rows), x ? h("tfoot", {}, foot) : null);
    const title = facet ? h("figcaption", {}, h("span", { class: "name" }, facet.name), ` ${panel.text}`) : null;
    const upwards = y ? h("span", { class: "upwards name", "aria-hidden": "true" }, y.name) : null;
    const across = x ? h("span", { class: "across name", "aria-hidden": "true" }, x.name) : null;
    return h("figure", { class: "facet" }, title, upwards, table, across);
  }

  row(cells, row, panel) {
    const nodes = cells.map((cell, column) => this.cell(cell, panel, row, column));
    return h("tr", {}, h("th", { scope: "row", title: this.layout.rows[row] }, this.layout.rows[row]), ...nodes);
  }

  cell(cell, panel, row, column) {
    const picture = svg("svg", { "aria-hidden": "true" });
    const place = { "data-panel": panel, "data-row": row, "data-column": column };
    const node = h("td", { role: "gridcell", tabindex: row === 0 && column === 0 ? 0 : -1, ...place }, picture);
    if (!cell) {
      node.classList.add("none");
      node.setAttribute("aria-label", "no run");
      return node;
    }
    this.nodes.set(cell, node);
    node.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && this.listen.point(cell));
    node.addEventListener("focus", () => this.listen.point(cell));
    node.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // it would select the text between
    node.addEventListener("blur", () => this.listen.point(null));
    node.addEventListener("click", (event) => this.listen.choose(cell, this.hit(cell, picture, event), event.shiftKey));
    return node;
  }

  /** The run whose mark is under the pointer. */
  hit(cell, picture, event) {
    if (!this.dots() || event.detail === 0) return null;
    const box = picture.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top].map((pixels) => (pixels / box.width) * this.side);
    const on = (middle) => middle.every((each, axis) => Math.abs(at[axis] - each) <= 0.5);
    return cell.runs.find((_, index) => on(this.middle(index, cell.runs.length))) ?? null;
  }

  /** The middle of the mark of one of so many runs, in marks: row by row, all together in the middle of the cell. */
  middle(index, count) {
    const [across, down] = [Math.min(count, this.side), Math.ceil(count / this.side)];
    return [(index % this.side) + (this.side - across + 1) / 2, Math.floor(index / this.side) + (this.side - down + 1) / 2];
  }

  dots() {
    return this.view === "dots" && this.side <= this.mostASide();
  }

  mostASide() {
    const { rows, columns, panels } = this.layout;
    return rows.length * columns.length * panels.length === 1 ? MOST_A_SIDE_ALONE : MOST_A_SIDE;
  }

  /** Redraws the cells whose labels changed, or all if the colours did; `colors` of numbers, or null for those of the phases. */
  paint(labels, colors) {
    if (this.colors !== colors) this.drawn.clear();
    this.colors = colors;
    for (const [cell, node] of this.nodes) {
      const key = `${this.view}${cell.runs.map((run) => labels[run]).join()}`;
      if (this.drawn.get(cell) === key) continue;
      this.drawn.set(cell, key);
      const counts = counted(this.sweep, labels, cell.runs);
      const number = colors && aggregated(colors, cell.runs);
      const numbers = colors ? `, ${colors.of} of ${colors.name} ${short(number, 3)}` : "";
      node.setAttribute("aria-label", `${cellName(this.layout, cell)}: ${this.inWords(counts)}${numbers}`);
      const picture = node.firstChild;
      if (this.dots()) this.paintDots(picture, cell, labels);
      else if (colors) this.paintNumber(picture, number);
      else this.paintShares(picture, counts, cell.runs.length);
    }
  }

  inWords(counts) {
    const names = [...this.sweep.phases.map((phase) => phase.name), "missing"];
    return counts
      .map((number, phase) => number && `${number} ${names[phase]}`)
      .filter(Boolean)
      .join(", ");
  }

  paintDots(picture, cell, labels) {
    picture.setAttribute("viewBox", `0 0 ${this.side} ${this.side}`);
    if (this.colors) return fill(picture, ...cell.runs.map((run, index) => this.coloredDot(run, this.middle(index, cell.runs.length), labels)));
    const paths = this.sweep.phases.map(() => "").concat("");
    cell.runs.forEach((run, index) => {
      const [x, y] = this.middle(index, cell.runs.length);
      const phase = Math.min(labels[run], this.sweep.phases.length);
      const known = this.sweep.phases[phase];
      paths[phase] += known ? markPath(known.mark, x, y, 0.37) : ringPath(x, y, 0.37);
    });
    const drawn = paths.map((d, phase) => d && svg("path", { d, class: `mark ${this.sweep.phases[phase]?.name ?? "missing"}` }));
    return fill(picture, ...drawn.filter(Boolean));
  }

  /** The mark of a run's phase in the colour of its number; a ring if it has none. */
  coloredDot(run, [x, y], labels) {
    const phase = this.sweep.phases[labels[run]];
    const value = this.colors.number(run);
    if (!phase || !Number.isFinite(value)) return svg("path", { d: ringPath(x, y, 0.37), class: "mark missing" });
    return svg("path", { d: markPath(phase.mark, x, y, 0.37), fill: this.colors.color(value) });
  }

  /** A cell in the colour of its number, which is written in it. */
  paintNumber(picture, number) {
    picture.setAttribute("viewBox", "0 0 1 1");
    if (!Number.isFinite(number)) return fill(picture, svg("path", { d: ringPath(0.5, 0.5, 0.1), class: "mark missing" }));
    const words = { x: 0.5, y: 0.56, class: isLight(this.colors.scale.place(number)) ? "number on-light" : "number on-dark" };
    return fill(picture, svg("rect", { width: 1, height: 1, fill: this.colors.color(number) }), svg("text", words, short(number, 2)));
  }

  paintShares(picture, counts, total) {
    picture.setAttribute("viewBox", "0 0 1 1");
    let top = 1;
    const bands = counts.map((number, phase) => {
      if (!number) return null;
      const height = number / total;
      top -= height;
      const name = this.sweep.phases[phase]?.name ?? "missing";
      const band = svg("rect", { x: 0, y: top, width: 1, height, class: `band ${name}` });
      const mark = this.sweep.phases[phase]?.mark;
      const icon =
        mark && height >= 0.25 ? svg("path", { d: markPath(mark, 0.5, top + height / 2, 0.085), class: `inset ${name}` }) : null;
      return [band, icon];
    });
    fill(picture, ...bands.flat().filter(Boolean));
  }

  /** Outlines the pinned cells and those that the inspector shows. */
  mark(pinned, shown) {
    for (const [cell, node] of this.nodes) {
      node.classList.toggle("pinned", pinned.includes(cell));
      node.classList.toggle("pointed", shown.includes(cell));
      node.setAttribute("aria-selected", pinned.includes(cell));
    }
  }

  /** Chooses the panels per row so that the whole map can be seen at once, with cells as large as that allows. */
  size() {
    const { rows, columns, axes } = this.layout;
    const labels = axes.y ? Math.min(LONGEST_LABEL, 8 + 6.3 * Math.max(...rows.map((text) => text.length))) : 0;
    const width = this.host.clientWidth - 8; // less its padding
    const narrow = width < NARROW;
    const below = Math.min(LONGEST_LABEL, 14 + 6.3 * Math.max(0, ...columns.map((text) => text.length))); // where labels are slanted
    const [beside, above, gap] = [labels + (axes.y && !narrow ? 18 : 0), 30 + (axes.x ? 42 : 0), narrow ? 12 : 20];
    const largest = Math.min(Math.max(96, 420 / Math.max(rows.length, columns.length)), Math.max(48, 34 * this.side));
    const cellAt = (across) => Math.min(largest, ((width - (across - 1) * gap) / across - beside) / columns.length);
    const heightAt = (across) => Math.ceil(this.shownPanels.length / across) * (rows.length * cellAt(across) + above);
    let across = 1;
    while (across < this.shownPanels.length && heightAt(across) > MAP_HEIGHT && cellAt(across + 1) >= SMALLEST_CELL) across++;
    while (across < this.shownPanels.length && cellAt(across + 1) >= largest) across++;
    across = Math.ceil(this.shownPanels.length / Math.ceil(this.shownPanels.length / across)); // four panels as two and two, not three and one
    const room = Math.max(SMALLEST_CELL, 6 * this.side, (MAP_HEIGHT - above) / rows.length); // a panel fits the window
    const cell = Math.max(SMALLEST_CELL, Math.floor(Math.min(room, cellAt(across))));
    this.host.style.setProperty("--cell", `${cell}px`);
    this.host.style.setProperty("--labels", `${labels}px`);
    this.host.style.setProperty("--below", `${below}px`);
    this.host.style.setProperty("--across", across);
    const wide = Math.max(...columns.map((text) => text.length)) * 6.6 > cell - 2;
    this.host.classList.toggle("slanted", wide);
    this.host.classList.toggle("narrow", narrow);
  }

  /** The element of a cell, if that is shown. */
  node(cell) {
    return this.nodes.get(cell);
  }

  /** Arrow keys go from cell to cell, and across an edge to the next panel; Home and End along a row, Page Up and Down by panel. */
  key(event) {
    const node = event.target.closest("[role=gridcell]");
    if (!node || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return node.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: event.shiftKey }));
    }
    const moves = {
      ArrowRight: [0, 0, 1],
      ArrowLeft: [0, 0, -1],
      ArrowUp: [0, 1, 0],
      ArrowDown: [0, -1, 0],
      PageDown: [1, 0, 0],
      PageUp: [-1, 0, 0],
    };
    let [panel, row, column] = [node.dataset.panel, node.dataset.row, node.dataset.column].map(Number);
    if (event.key === "Home") column = 0;
    else if (event.key === "End") column = this.layout.columns.length - 1;
    else if (event.key in moves) {
      const [panels, rows, columns] = moves[event.key];
      [panel, row, column] = [panel + panels, row + rows, column + columns];
      if (column < 0) [panel, column] = [panel - 1, this.layout.columns.length - 1];
      if (column >= this.layout.columns.length) [panel, column] = [panel + 1, 0];
    } else return;
    event.preventDefault();
    this.focus(panel, row, column);
  }

  focus(panel, row, column) {
    const node = this.host.querySelector(`[data-panel="${panel}"][data-row="${row}"][data-column="${column}"]`);
    if (!node) return;
    node
      .closest("table")
      .querySelectorAll("[tabindex='0']")
      .forEach((each) => each.setAttribute("tabindex", -1));
    node.setAttribute("tabindex", 0);
    node.focus();
  }
}

/** The notes under the map: what it leaves out, and what its cells mix. */
export function mapNotes(sweep, layout, map, turn) {
  const notes = [];
  const { facet, x, y } = layout.axes;
  if (map.pages > 1) {
    const first = map.page * sweep.mostPanels;
    const last = Math.min(first + sweep.mostPanels, layout.panels.length);
    const button = (text, page, label) =>
      h("button", { disabled: page < 0 || page >= map.pages, "aria-label": label, onclick: () => turn(page) }, text);
    notes.push([
      `${facet.name} has ${layout.panels.length} values; panels ${first + 1} to ${last} are shown. `,
      button("←", map.page - 1, "Earlier panels"),
      " ",
      button("→", map.page + 1, "Later panels"),
    ]);
  }
  for (const axis of [facet, y, x]) {
    if (axis?.binned)
      notes.push([`${axis.name} has ${count(axis.values.length, "value")}, gathered into ${axis.texts.length} bins.`]);
  }
  for (const name of layout.mixed)
    notes.push([`Each cell mixes values of ${name}; choose some of them under Filter, or put it on an axis.`]);
  for (const [name, filter] of Object.entries(layout.filters)) {
    if (!filter.given) notes.push([`Only ${name} ${filter.texts[0]}: it varies too, and no axis shows it. Filter has the others.`]);
  }
  if (map.side > map.mostASide()) notes.push([`Up to ${layout.most} runs a cell are too many for dots; cells show shares.`]);
  return notes.map((note) => h("p", {}, ...note));
}
