// The layout of the map: which runs are shown, and in which cells.

import { NO_CODE } from "./bytes.js";
import { NONE, axisNames, axisOf } from "./values.js";

/**
 * The layout of a state: which runs are `shown` [R], the `filters` by hyperparameter, the texts of columns, rows and panels, and
 * the cells with runs by panel, row and column. `mixed` lists hyperparameters with several values in one cell.
 */
export function layoutOf(sweep, state) {
  const [x, y, facet] = [state.x, state.y, state.facet].map((name) => axisOf(sweep, name));
  const shown = new Uint8Array(sweep.runs).fill(1);
  const asked = axisNames(sweep).filter((name) => name in state.only);
  const filters = Object.fromEntries(asked.map((name) => [name, { texts: state.only[name], given: true }]));
  for (const name of asked) keep(shown, axisOf(sweep, name), state.only[name]);
  const cellOf = (run) => ((facet?.places[run] ?? 0) * 65536 + (y?.places[run] ?? 0)) * 65536 + (x?.places[run] ?? 0);
  const free = sweep.varied.filter((name) => ![state.x, state.y, state.facet].includes(name));
  for (const name of free.filter((each) => !(each in state.only))) {
    const axis = axisOf(sweep, name);
    if (axis.binned || !mixes(axis, shown, cellOf)) continue;
    const texts = [axis.texts[mostFrequent(axis, shown)], ...(axis.lacking ? [NONE] : [])]; // runs without it are mixed with none
    filters[name] = { texts, given: false };
    keep(shown, axis, texts);
  }
  const mixed = free.filter((name) => mixes(axisOf(sweep, name), shown, cellOf));
  return { ...cells(sweep, { x, y, facet }, shown, cellOf), axes: { x, y, facet }, shown, filters, mixed };
}

function keep(shown, axis, texts) {
  if (texts === null) return;
  const kept = axis.texts.map((text) => texts.includes(text));
  for (let run = 0; run < shown.length; run++) if (!kept[axis.places[run]]) shown[run] = 0;
}

/** Whether some cell has several values of a hyperparameter; to have none is not another value. */
function mixes(axis, shown, cellOf) {
  const seen = new Map();
  for (let run = 0; run < shown.length; run++) {
    if (!shown[run] || axis.codes[run] === NO_CODE) continue;
    const cell = cellOf(run);
    if (!seen.has(cell)) seen.set(cell, axis.codes[run]);
    else if (seen.get(cell) !== axis.codes[run]) return true;
  }
  return false;
}

/** The place of the value that most runs have. */
function mostFrequent(axis, shown) {
  const counts = new Array(axis.texts.length).fill(0);
  for (let run = 0; run < shown.length; run++) if (shown[run] && axis.codes[run] !== NO_CODE) counts[axis.places[run]]++;
  return counts.indexOf(Math.max(...counts));
}

function cells(sweep, { x, y, facet }, shown, cellOf) {
  const byCell = new Map();
  for (let run = 0; run < sweep.runs; run++) {
    if (!shown[run]) continue;
    const key = cellOf(run);
    if (!byCell.has(key)) byCell.set(key, []);
    byCell.get(key).push(run);
  }
  const used = (axis) => {
    if (!axis) return [0];
    const places = new Set();
    for (let run = 0; run < sweep.runs; run++) if (shown[run]) places.add(axis.places[run]);
    return [...places].sort((a, b) => a - b);
  };
  const [columns, rows, panels] = [used(x), used(y), used(facet)];
  const text = (axis, place) => (axis ? [axis.texts[place]] : []);
  const cell = (f, r, c) => {
    const runs = byCell.get((f * 65536 + r) * 65536 + c);
    return runs ? { at: [...text(facet, f), ...text(y, r), ...text(x, c)], runs } : null;
  };
  return {
    columns: columns.map((place) => text(x, place)[0] ?? ""),
    rows: rows.map((place) => text(y, place)[0] ?? ""),
    panels: panels.map((f) => ({
      text: text(facet, f)[0] ?? "",
      cells: rows.map((r) => columns.map((c) => cell(f, r, c))),
    })),
    most: Math.max(1, ...Array.from(byCell.values(), (runs) => runs.length)),
  };
}

/** The cell whose facet, y and x have the texts `at`; null if there is none. */
export function findCell(layout, at) {
  if (!at) return null;
  for (const cell of allCells(layout)) if (cell.at.every((text, index) => text === at[index])) return cell;
  return null;
}

/** The cell that holds a run; null if it is not shown. */
export function cellOfRun(layout, run) {
  for (const cell of allCells(layout)) if (cell.runs.includes(run)) return cell;
  return null;
}

/** The cells that have runs, panel by panel. */
export function* allCells(layout) {
  for (const panel of layout.panels) for (const row of panel.cells) for (const cell of row) if (cell) yield cell;
}

/** How many of some runs have each phase, in the order of the phases; at the end the number of missing runs. */
export function counted(sweep, labels, runs) {
  const counts = new Array(sweep.phases.length + 1).fill(0);
  for (const run of runs) counts[Math.min(labels[run], sweep.phases.length)]++;
  return counts;
}

/** The name of a cell: "weight_decay 0.1, train_size 750". */
export function cellName(layout, cell) {
  const names = [layout.axes.facet, layout.axes.y, layout.axes.x].filter((axis) => axis).map((axis) => axis.name);
  return names.map((name, index) => `${name} ${cell.at[index]}`).join(", ") || "all runs";
}
