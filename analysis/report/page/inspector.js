// The inspector beside the map: the cell under the pointer, else the pinned ones, or the open run.

import { cellHeads, drawCells, shownGroup } from "./cell.js";
import { byId, fill, h, radios } from "./dom.js";
import { download, fileName } from "./download.js";
import { svgText } from "./figure.js";
import { metricGroups } from "./groups.js";
import { drawRun, runHead } from "./run.js";

/**
 * Shows cells and runs; calls `change` with what is chosen in it, `compare` when another cell is to be pinned beside this one, and
 * `remember` with what is to be in the address and is shown already.
 */
export class Inspector {
  constructor(sweep, change, compare, remember) {
    Object.assign(this, { sweep, change, remember, groups: metricGroups(sweep), turn: 0 });
    this.head = byId("inspector-head");
    this.body = byId("inspector-body");
    this.readout = byId("readout");
    this.switches = byId("switches");
    byId("inspector-close").addEventListener("click", () => this.close());
    byId("inspector-compare").addEventListener("click", compare);
  }

  /** Shows a run, or one or two cells, or a hint. The latest call wins. */
  async show({ layout, labels, state, cells, run, comparing }) {
    this.shown = { cells, run, state };
    this.drawButtons(state, cells, run, comparing);
    const key = run === null && cells.length ? this.keyOf(cells, state) : null;
    if (key !== null && key === this.drawnKey) {
      fill(this.head, ...cellHeads(this.sweep, layout, cells, labels));
      this.relabel(labels, state);
      this.body.dataset.shown = cells.map((cell) => cell.at.join()).join("|");
      return;
    }
    this.drawnKey = null;
    this.turn += 1;
    const turn = this.turn;
    const stale = () => this.turn !== turn;
    byId("inspector").classList.toggle("empty", !cells.length && run === null);
    this.drawSwitches(state, run);
    this.readout.textContent = "";
    const common = { sweep: this.sweep, labels, state, groups: this.groups, onPoint: (text) => (this.readout.textContent = text), stale };
    if (run !== null) {
      fill(this.head, ...runHead(this.sweep, layout, run, labels));
      const figure = await drawRun(this.body, { ...common, run, remember: this.remember });
      if (!stale()) this.figure = figure;
    } else if (cells.length) {
      fill(this.head, ...cellHeads(this.sweep, layout, cells, labels));
      const open = (each) => this.change({ run: this.sweep.runIds[each] });
      const drawn = await drawCells(this.body, { ...common, layout, cells, open });
      if (!stale()) Object.assign(this, { ...drawn, drawnKey: key });
    } else {
      this.figure = null;
      fill(this.head, h("h2", {}, "Curves"));
      fill(this.body, h("p", { class: "soft" }, "Point at a cell, or tab to it, to see the curves of its seeds."));
    }
    if (!stale()) this.body.dataset.shown = run !== null ? this.sweep.runIds[run] : cells.map((cell) => cell.at.join()).join("|");
  }

  /** What the charts of cells depend on, apart from labels and thresholds, which they show without being drawn anew. */
  keyOf(cells, state) {
    const which = cells.map((cell) => `${cell.at.join()}|${cell.runs.join()}`);
    const group = shownGroup(this.sweep, state, this.groups).name;
    return [...which, group, state.budget, state.log, state.together, this.looks()].join("|");
  }

  /** The width and the colours that the charts were drawn with. */
  looks() {
    const root = document.documentElement;
    return [this.body.clientWidth, root.className, root.dataset.theme, matchMedia("(prefers-color-scheme: dark)").matches].join();
  }

  drawButtons(state, cells, run, comparing) {
    byId("inspector-back").hidden = run === null;
    byId("inspector-close").hidden = !state.cell && run === null;
    const button = byId("inspector-compare");
    button.hidden = run !== null || !state.cell || cells.length > 1;
    button.setAttribute("aria-pressed", comparing);
    button.textContent = comparing ? "Choose a cell …" : "Compare";
  }

  drawSwitches(state, run) {
    const chosen = shownGroup(this.sweep, state, this.groups)?.name;
    const key = [chosen, state.log, state.together, run !== null].join();
    if (this.switched === key) return;
    this.switched = key;
    const names = Array.from(this.groups.keys(), (name) => [name, name.replaceAll("_", " ")]);
    const box = (name, text) => {
      const input = h("input", { type: "checkbox", onchange: () => this.change({ [name]: input.checked }) });
      input.checked = state[name];
      return h("label", { class: "check" }, input, text);
    };
    const focused = document.activeElement?.closest("#switches") && document.activeElement.value;
    const metrics =
      run === null && names.length > 1 ? radios("curves", "Curves of", names, chosen, (curves) => this.change({ curves })) : null;
    const save = h("button", { type: "button", id: "save-svg", class: "plain", onclick: () => this.save() }, "Save SVG");
    fill(
      this.switches,
      metrics,
      h("div", { class: "checks" }, box("log", "log steps"), run === null ? box("together", "seeds together") : null, save),
    );
    if (focused) this.switches.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Saves the charts that are shown as one SVG file. */
  save() {
    const { cells, run } = this.shown;
    if (!this.figure) return;
    const part = run !== null ? this.sweep.runIds[run] : cells.map((cell) => cell.at.join("-")).join("-beside-");
    download(svgText(this.sweep, this.figure), fileName(this.sweep, part, "svg"), "image/svg+xml");
  }

  /** Closes the open run, else the second pinned cell, else the pinned one. */
  close() {
    const { run, state } = this.shown;
    this.change(run !== null ? { run: null } : state.beside ? { beside: null } : { cell: null });
  }
}
