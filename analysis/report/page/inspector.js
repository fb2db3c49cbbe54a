// The inspector beside the map: the cell under the pointer, else the pinned one, or the open run.

import { cellHead, drawCell } from "./cell.js";
import { metricGroups } from "./charts.js";
import { byId, fill, h, radios } from "./dom.js";
import { drawRun, runHead } from "./run.js";

/** Shows cells and runs; calls `change` with what is chosen in it. */
export class Inspector {
  constructor(sweep, change) {
    Object.assign(this, { sweep, change, groups: metricGroups(sweep), turn: 0 });
    this.head = byId("inspector-head");
    this.body = byId("inspector-body");
    this.readout = byId("readout");
    this.switches = byId("switches");
    byId("inspector-close").addEventListener("click", () => this.close());
  }

  /** Shows a run, or a cell, or a hint. The latest call wins. */
  async show({ layout, labels, state, cell, run }) {
    const key =
      run === null && cell
        ? [cell.at.join(), cell.runs.join(), state.curves, state.log, state.together, state.cell !== null, this.looks()].join("|")
        : null;
    if (key !== null && key === this.drawnKey) {
      fill(this.head, ...cellHead(this.sweep, layout, cell, labels));
      this.relabel(labels, state);
      this.body.dataset.shown = cell.at.join();
      return;
    }
    this.drawnKey = null;
    this.turn += 1;
    const turn = this.turn;
    const stale = () => this.turn !== turn;
    const onPoint = (text) => this.read(text);
    this.shown = { cell, run };
    byId("inspector").classList.toggle("empty", !cell && run === null);
    byId("inspector-back").hidden = run === null;
    byId("inspector-close").hidden = !state.cell && run === null;
    this.drawSwitches(state, run);
    this.read("");
    const common = { sweep: this.sweep, labels, state, groups: this.groups, onPoint, stale };
    if (run !== null) {
      fill(this.head, ...runHead(this.sweep, layout, run, labels));
      await drawRun(this.body, { ...common, run });
    } else if (cell) {
      fill(this.head, ...cellHead(this.sweep, layout, cell, labels));
      const open = (each) => this.change({ run: this.sweep.runIds[each] });
      this.relabel = await drawCell(this.body, { ...common, layout, cell, open });
      if (!stale()) this.drawnKey = key;
    } else {
      fill(this.head, h("h2", { id: "inspected" }, "Curves"));
      fill(this.body, h("p", { class: "soft" }, "Point at a cell, or tab to it, to see the curves of its seeds."));
    }
    if (!stale()) this.body.dataset.shown = run !== null ? this.sweep.runIds[run] : (cell?.at.join() ?? "");
  }

  /** The width and the colours that the charts were drawn with. */
  looks() {
    const root = document.documentElement;
    return [this.body.clientWidth, root.className, root.dataset.theme, matchMedia("(prefers-color-scheme: dark)").matches].join();
  }

  drawSwitches(state, run) {
    const key = [state.curves, state.log, state.together, run !== null].join();
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
      run === null && names.length > 1
        ? radios("curves", "Curves of", names, state.curves, (curves) => this.change({ curves }))
        : null;
    fill(
      this.switches,
      metrics,
      h("div", { class: "checks" }, box("log", "log steps"), run === null ? box("together", "seeds together") : null),
    );
    if (focused) this.switches.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
  }

  read(text) {
    this.readout.textContent = text;
  }

  /** Closes the open run, else the pinned cell. */
  close() {
    this.change(this.shown?.run !== null && this.shown?.run !== undefined ? { run: null } : { cell: null });
  }
}
