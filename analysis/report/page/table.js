// The map as a table with a row for each cell.

import { allCells, counted } from "./cells.js";
import { byId, fill, h } from "./dom.js";
import { wilson } from "./numbers.js";
import { TRAINED } from "./sweep.js";

/** Shows the cells of a layout as a table, when it is open. */
export class CellTable {
  constructor(sweep) {
    Object.assign(this, { sweep, details: byId("table"), host: byId("table-host") });
    this.details.addEventListener("toggle", () => this.draw());
  }

  show(layout, labels) {
    Object.assign(this, { layout, labels });
    this.draw();
  }

  draw() {
    if (!this.details.open || !this.layout) return;
    const { layout, labels, sweep } = this;
    const axes = [layout.axes.facet, layout.axes.y, layout.axes.x].filter(Boolean);
    const phases = sweep.phases.map((phase, index) => index).filter((index) => labels.includes(index));
    const partial = sweep.trained < sweep.runs;
    const head = [
      ...axes.map((axis) => axis.name),
      "runs",
      ...phases.map((phase) => sweep.phases[phase].name),
      ...(partial ? ["missing"] : []),
    ];
    const rows = Array.from(allCells(layout), (cell) => {
      const counts = counted(sweep, labels, cell.runs);
      const trained = cell.runs.filter((run) => sweep.status[run] === TRAINED).length;
      const share = (phase) => {
        const [low, high] = wilson(counts[phase], Math.max(1, trained)).map((each) => Math.round(100 * each));
        return h(
          "td",
          { class: "number" },
          String(counts[phase]),
          counts[phase] ? h("span", { class: "soft" }, ` ${low}–${high} %`) : null,
        );
      };
      const missing = partial ? h("td", { class: "number" }, String(cell.runs.length - trained)) : null;
      return h(
        "tr",
        {},
        ...cell.at.map((text) => h("th", { scope: "row" }, text)),
        h("td", { class: "number" }, String(trained)),
        ...phases.map(share),
        missing,
      );
    });
    const caption = h("caption", {}, "Runs of each phase by cell, with 95 % Wilson intervals of their shares");
    fill(
      this.host,
      h(
        "table",
        { class: "cells" },
        caption,
        h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, ...rows),
      ),
    );
  }
}
