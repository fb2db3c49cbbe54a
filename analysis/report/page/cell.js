// A cell in the inspector: its hyperparameters, the shares of its phases, and the charts of its runs; or two cells side by side.

import { cellName, counted } from "./cells.js";
import { h } from "./dom.js";
import { groupOfRule } from "./evidence.js";
import { linesOf } from "./groups.js";
import { lineKey, showValues, stepText } from "./legend.js";
import { markIcon } from "./marks.js";
import { count, wilson } from "./numbers.js";
import { TRAINED } from "./sweep.js";
import { evidenceFor, lastStep, oneChart, tiles } from "./tiles.js";

/** More seeds than these are drawn in one chart. */
const MOST_TILES = 25;
const BETWEEN = 16; // px between two cells

/** The head of a cell: its hyperparameters, and the shares of its phases with intervals. */
function cellHead(sweep, layout, cell, labels) {
  const parts = [layout.axes.facet, layout.axes.y, layout.axes.x].filter(Boolean);
  const trained = cell.runs.filter((run) => sweep.status[run] === TRAINED).length;
  const shares = counted(sweep, labels, cell.runs).map((number, phase) => {
    if (!number) return null;
    if (phase === sweep.phases.length) return h("li", {}, markIcon(sweep, phase), `${number} missing`);
    const [low, high] = wilson(number, trained).map((share) => Math.round(100 * share));
    const interval = h("span", { class: "soft", title: "95 % Wilson interval of the share" }, ` ${low}–${high}\u00a0%`);
    return h("li", {}, markIcon(sweep, phase), h("span", {}, `${sweep.phases[phase].name} ${number} of ${trained}`, interval));
  });
  const part = (axis, index) =>
    h("span", {}, h("span", { class: "name" }, `${axis.name} `), h("span", { class: "value" }, cell.at[index]));
  const title = parts.length ? parts.map(part) : [h("span", {}, h("span", { class: "value" }, "All runs"))];
  return [h("h2", { class: "at" }, ...title), h("ul", { class: "shares" }, ...shares)];
}

/** The heads of the cells that are shown. */
export function cellHeads(sweep, layout, cells, labels) {
  if (cells.length === 1) return cellHead(sweep, layout, cells[0], labels);
  return [h("div", { class: "beside" }, ...cells.map((cell) => h("div", {}, ...cellHead(sweep, layout, cell, labels))))];
}

/** The group of metrics that is shown: the chosen one, else the one that the rule looks at, else the first. */
export function shownGroup(sweep, state, groups) {
  return groups.get(state.curves) ?? groupOfRule(sweep, state, groups) ?? groups.values().next().value;
}

/**
 * Draws the charts of one or two cells into an element; calls `open` with the run whose chart was clicked, and `onPoint` with words
 * for the step under the pointer. Returns `relabel`, which shows other labels and thresholds in the same charts, and the `figure`.
 */
export async function drawCells(host, { sweep, layout, cells, labels, state, groups, open, onPoint, stale }) {
  const curved = cells.map((cell) => cell.runs.filter((run) => sweep.curves.kept[run]));
  await sweep.curves.ready(curved.flat());
  if (stale()) return null;
  const group = shownGroup(sweep, state, groups);
  const lines = linesOf(sweep, group);
  const key = lineKey(lines);
  const point = (at, chart) => {
    if (at && !chart.matches(":hover")) return; // the pointer is on another chart, which moves the cursor of this one
    showValues(key, at);
    onPoint(stepText(at));
  };
  const settings = { sweep, lines, group, also: others(layout), last: lastStep(sweep, curved.flat()), log: state.log, onPoint: point };
  const width = (host.clientWidth - BETWEEN * (cells.length - 1)) / cells.length;
  const evidence = evidenceFor(sweep, state, lines);
  const drawn = cells.map((cell, index) => {
    const together = state.together || cell.runs.length > MOST_TILES;
    const all = { ...settings, evidence };
    return together ? oneChart(curved[index], Math.floor(width), all) : tiles(cell, labels, Math.floor(width), all, open);
  });
  const many = cells.filter((cell) => cell.runs.length > MOST_TILES && !state.together);
  const notes = many.map((cell) => h("p", { class: "soft" }, `${count(cell.runs.length, "run")}: too many for a chart each.`));
  const elements = drawn.map((each) => each.element);
  host.replaceChildren(key, ...notes, ...(cells.length > 1 ? [h("div", { class: "beside" }, ...elements)] : elements));
  for (const each of drawn) each.draw();
  host.setAttribute("aria-label", `Curves of ${cells.map((cell) => cellName(layout, cell)).join(", and of ")}`);
  const relabel = (labels, state) => {
    const now = { evidence: evidenceFor(sweep, state, lines) };
    for (const each of drawn) each.relabel(labels, now);
  };
  const parts = drawn.map(({ panels, across }, index) => ({ title: cellName(layout, cells[index]), panels, across }));
  return { relabel, figure: { lines, parts } };
}

/** What else the runs of a cell differ in. */
function others(layout) {
  const binned = Object.values(layout.axes).filter((axis) => axis?.binned);
  return [...layout.mixed, ...binned.map((axis) => axis.name)];
}
