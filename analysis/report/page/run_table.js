// The runs on the map as a table that sorts and filters, and their selection as a file or as conditions.

import { columnNames, columnOf } from "./columns.js";
import { byId, copy, fill, h } from "./dom.js";
import { download, fileName } from "./download.js";
import { conditionsOf } from "./find.js";
import { markIcon } from "./marks.js";
import { count, whole } from "./numbers.js";
import { ruleOf } from "./rules.js";
import { csvText, whereText } from "./where.js";

const ROWS = 100; // shown at first, and more at a time

/** The table; calls `change` with what is chosen in it. */
export class RunTable {
  constructor(sweep, change) {
    Object.assign(this, { sweep, change, rows: ROWS, details: byId("runs"), find: byId("find") });
    this.details.addEventListener("toggle", () => this.open());
    this.find.addEventListener("input", () => this.change({ find: this.find.value }, false));
    this.find.addEventListener("change", () => this.change({ find: this.find.value }, true));
    byId("save-csv").addEventListener("click", () => this.save());
    byId("copy-where").addEventListener("click", () => copy(whereText(this.sweep, this.selected(), this.state.budget), byId("copy-where")));
    byId("more-runs").addEventListener("click", () => this.more());
  }

  /** Shows the runs of a layout; those of the pinned cells, if only they are asked for. */
  show(layout, labels, state, pinned) {
    const key = JSON.stringify([state.find, state.sort, state.pinnedOnly, pinned.map((cell) => cell.at)]);
    if (key !== this.key) this.rows = ROWS;
    Object.assign(this, { layout, labels, state, pinned, key });
    if (this.details.open !== state.runs) this.details.open = state.runs;
    this.draw();
  }

  open() {
    if (this.state && this.details.open !== this.state.runs) this.change({ runs: this.details.open });
  }

  more() {
    this.rows += 4 * ROWS;
    this.draw();
  }

  /** The runs in the table, in its order. */
  selected() {
    const { sweep, labels, state, layout } = this;
    const { test, complaint } = conditionsOf(sweep, labels, state.find);
    this.complaint = complaint;
    const within = state.pinnedOnly && this.pinned.length ? new Set(this.pinned.flatMap((cell) => cell.runs)) : null;
    const runs = [];
    for (let run = 0; run < sweep.runs; run++) if (layout.shown[run] && (!within || within.has(run)) && test(run)) runs.push(run);
    return sorted(runs, columnOf(sweep, labels, state.sort.replace(/^-/, "")), state.sort.startsWith("-"));
  }

  draw() {
    if (!this.details.open || !this.layout) return;
    const runs = this.selected();
    const { find, complaint, sweep, labels, state } = this;
    if (document.activeElement !== find) find.value = state.find;
    find.setAttribute("aria-invalid", complaint !== null);
    byId("find-complaint").textContent = complaint ?? "";
    byId("runs-count").textContent = count(runs.length, "run");
    const only = h("input", { type: "checkbox", onchange: () => this.change({ pinnedOnly: only.checked }) });
    only.checked = state.pinnedOnly;
    const hadFocus = document.activeElement?.closest("#runs-pinned") !== null && document.activeElement !== null;
    fill(byId("runs-pinned"), this.pinned.length || state.pinnedOnly ? h("label", { class: "check" }, only, "pinned cells only") : null);
    if (hadFocus) only.focus();
    const columns = this.columnNames().map((name) => columnOf(sweep, labels, name)).filter(Boolean);
    const head = h("thead", {}, h("tr", {}, ...columns.map((column) => this.header(column.name))));
    const body = h("tbody", {}, ...runs.slice(0, this.rows).map((run) => this.row(run, columns)));
    const focused = document.activeElement?.dataset?.sorts;
    const caption = h("caption", { class: "aside" }, "Runs on the map, with their phases and what the rule reads");
    fill(byId("runs-host"), h("table", { class: "cells" }, caption, head, body));
    if (focused) byId("runs-host").querySelector(`[data-sorts="${CSS.escape(focused)}"]`)?.focus();
    byId("more-runs").hidden = runs.length <= this.rows;
    byId("more-runs").textContent = `Show more of ${whole(runs.length)}`;
  }

  /** The columns that are shown: what varies, the phase, what the rule reads, and what the map is coloured by. */
  columnNames() {
    const { sweep, state } = this;
    const own = [...sweep.varied, ...sweep.seeds, "phase", ...ruleOf(sweep, state.rule).columns(state.settings), state.color];
    const sort = state.sort.replace(/^-/, "");
    return [...new Set(["run_id", ...own, sort])].filter((name) => name && columnNames(sweep).includes(name));
  }

  header(name) {
    const { sort } = this.state;
    const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : null;
    const next = order === "ascending" ? `-${name}` : order === "descending" ? "" : name;
    const arrow = h("span", { "aria-hidden": "true" }, { ascending: " ↑", descending: " ↓" }[order] ?? "");
    const button = h("button", { type: "button", class: "plain", "data-sorts": name, onclick: () => this.change({ sort: next }) }, name, arrow);
    return h("th", { scope: "col", "aria-sort": order ?? "none" }, button);
  }

  row(run, columns) {
    const cells = columns.map((column) => {
      if (column.name === "phase") return h("td", {}, markIcon(this.sweep, this.labels[run]), ` ${column.text(run)}`);
      if (column.name !== "run_id") return h("td", { class: "number" }, column.text(run));
      const open = () => this.change({ run: this.sweep.runIds[run] });
      return h("th", { scope: "row" }, h("button", { type: "button", class: "plain mono", onclick: open }, column.text(run).slice(0, 8)));
    });
    return h("tr", { "data-run": this.sweep.runIds[run] }, ...cells);
  }

  save() {
    download(csvText(this.sweep, this.labels, this.selected()), fileName(this.sweep, "runs", "csv"), "text/csv");
  }
}

/** Runs in the order of a column, those without a value last; in their own order for no column. */
function sorted(runs, column, downwards) {
  if (!column) return runs;
  const sign = downwards ? -1 : 1;
  const value = column.numeric ? column.number : column.text;
  const lacks = (each) => Number.isNaN(each) || each === "none";
  const keyed = runs.map((run) => [value(run), run]);
  const compare = ([a], [b]) => {
    if (lacks(a) || lacks(b)) return Number(lacks(a)) - Number(lacks(b));
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
  return keyed.sort(compare).map(([, run]) => run);
}
