// Colours for numbers: the map coloured by a column of the runs, and the legend of the colours.

import { isStep } from "./budgets.js";
import { columnOf } from "./columns.js";
import { h, svg } from "./dom.js";
import { count, short } from "./numbers.js";

// The colours of viridis (Smith and van der Walt 2015), which are read in order in grey and by the colour-blind too.
const STOPS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const LOG_RANGE = 20; // numbers that span this factor have a log scale

/** What a cell's colour says of the numbers of its runs. */
export const AGGREGATES = {
  median: (values) => (values.length % 2 ? values[(values.length - 1) / 2] : (values[values.length / 2 - 1] + values[values.length / 2]) / 2),
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  least: (values) => values[0],
  greatest: (values) => values[values.length - 1],
};

/** The colours of a column over the shown runs; null for no column. */
export function colorsOf(sweep, labels, state, shown) {
  const column = state.color && columnOf(sweep, labels, state.color);
  if (!column) return null;
  const values = [];
  let lacking = 0;
  for (let run = 0; run < sweep.runs; run++) {
    if (!shown[run]) continue;
    if (Number.isFinite(column.number(run))) values.push(column.number(run));
    else lacking++;
  }
  values.sort((a, b) => a - b);
  const scale = scaleOf(values);
  return { name: column.name, number: column.number, of: state.of, lacking, scale, color: (value) => mixed(scale.place(value)) };
}

/**
 * The number of a cell: an aggregate of its runs' numbers; NaN if no run has one. As in analysis/statistics/aggregate.py, a step that a
 * run never reached counts as later than all steps, and the aggregate is NaN where it is no step.
 */
export function aggregated({ name, number, of }, runs) {
  const numbers = runs.map(number);
  const counted = isStep(name) ? numbers.map((value) => (Number.isFinite(value) ? value : Infinity)) : numbers.filter(Number.isFinite);
  const value = counted.length ? AGGREGATES[of](counted.sort((a, b) => a - b)) : NaN;
  return Number.isFinite(value) ? value : NaN;
}

/**
 * The scale of ascending numbers: logarithmic if none is negative and the positive ones span a large factor. 0 is then one step below the
 * least positive number; a step is the median distance of neighbours, as in analysis/statistics/scale.py.
 */
function scaleOf(values) {
  const [low, high] = [values[0] ?? 0, values.at(-1) ?? 1];
  const places = [...new Set(values.filter((value) => value > 0))].map(Math.log);
  const log = low >= 0 && places.length > 1 && places.at(-1) - places[0] >= Math.log(LOG_RANGE);
  const distances = places.slice(1).map((place, index) => place - places[index]).sort((a, b) => a - b);
  const zero = log ? places[0] - AGGREGATES.median(distances) : 0;
  const at = (value) => (log ? (value > 0 ? Math.log(value) : zero) : value);
  const span = at(high) - at(low) || 1;
  return { low, high, log, place: (value) => Math.min(1, Math.max(0, (at(value) - at(low)) / span)) };
}

/** The colour at a place from 0 to 1. */
function mixed(place) {
  const at = place * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(at));
  const channel = (stop, from) => parseInt(stop.slice(from, from + 2), 16);
  const parts = [1, 3, 5].map((from) => {
    const [a, b] = [channel(STOPS[index], from), channel(STOPS[index + 1], from)];
    return Math.round(a + (b - a) * (at - index));
  });
  return `rgb(${parts.join(" ")})`;
}

/** Whether black text is read better than white on the colour at a place. */
export function isLight(place) {
  return place > 0.6;
}

/** The legend of the colours. */
export function colorLegend(colors, dots) {
  const bars = Array.from({ length: 48 }, (_, index) => svg("rect", { x: index, y: 0, width: 1.05, height: 1, fill: mixed(index / 47) }));
  const ramp = svg("svg", { viewBox: "0 0 48 1", preserveAspectRatio: "none", class: "ramp", "aria-hidden": "true" }, ...bars);
  const { low, high, log } = colors.scale;
  const what = dots ? colors.name : `${colors.of} of ${colors.name}`;
  const rest = [log && "log scale", colors.lacking && `${count(colors.lacking, "run")} without a value, as rings`].filter(Boolean).join("; ");
  return [h("span", { class: "name" }, what), h("span", {}, short(low, 3)), ramp, h("span", {}, short(high, 3)), h("span", { class: "soft" }, rest)];
}
