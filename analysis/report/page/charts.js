// Charts of curves, drawn by uPlot (vendor/uplot).

import { h } from "./dom.js";
import { markEvidence } from "./evidence.js";
import { LINE_COLORS } from "./groups.js";
import { power, short, steps } from "./numbers.js";
import { canvasPen } from "./pen.js";

const MOST_DECADES = 5;
const PRINTED = 3; // dots per pixel on paper
/** The pixels beside a plot: above it, right of its last step for half of a label, below it without labels; and those of labels. */
export const MARGIN = { top: 6, right: 11, bottom: 4, labelsX: 20, labelsY: 36 };

/**
 * Draws a chart into an element and returns it.
 *
 * `runs` are drawn over one another; `group` and `lines` say what; `last` is the axis's last step; `log` puts steps on a log scale;
 * `labels` tells which axes have labels; `evidence` is what the rule looks at, and `events` are steps with a letter each; `onPoint` is
 * called with the step under the pointer and the least and greatest value of each metric at it.
 */
export function drawChart(host, sweep, settings) {
  const { runs, group, width, height, last, log, labels, evidence, events = [], onPoint, sync } = settings;
  const data = dataOf(sweep, settings);
  const [x, ...ys] = runs.length === 1 ? [data[0].at, ...data.map((each) => each.values)] : joined(data);
  const ink = colors();
  const fine = document.documentElement.classList.contains("printing") ? PRINTED : 1;
  host.classList.toggle("fine", fine > 1);
  const options = {
    width: width * fine,
    height: height * fine,
    padding: [MARGIN.top, MARGIN.right, labels.x ? 0 : MARGIN.bottom, 0].map((size) => size * fine),
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      points: { show: false },
      sync: sync ? { key: sync } : undefined,
    },
    scales: {
      x: { time: false, distr: log ? 3 : 1, range: () => [firstStep(log, x), last] },
      y: { distr: group.log ? 3 : 1, range: () => [group.low, group.high] },
    },
    axes: [axisX(log, last, labels, ink, fine), axisY(group, labels.y, ink, fine)],
    series: [{}, ...data.map(({ line }) => series(line, ink, runs.length, fine))],
    hooks: {
      draw: [(chart) => mark(chart, evidence, events, ink, fine)],
      setCursor: [(chart) => onPoint(valuesAt(data, x, ys, chart.cursor.idx), host)],
    },
  };
  return new uPlot(options, [x, ...ys], host);
}

/** The lines of a chart: each with its steps and values, null where a value is missing. */
export function dataOf(sweep, { runs, group, lines, log }) {
  return runs.flatMap((run) => {
    const at = sweep.curves.steps(run);
    const from = log && at[0] === 0 ? 1 : 0; // a log scale has no step 0
    return lines.map((line) => ({
      line,
      at: at.slice(from),
      values: sweep.curves.values(run, line.metric, group.log ? group.low : null).slice(from),
    }));
  });
}

/** The first step on the axis of a chart. */
export function firstStep(log, at) {
  return log ? Math.max(1, at[0] ?? 1) : 0;
}

/** The step at an index, and by metric the least and the greatest value there; null beside the curves. */
function valuesAt(data, x, ys, at) {
  if (at === null || at === undefined) return null;
  const values = new Map();
  data.forEach(({ line }, index) => {
    const value = ys[index][at];
    if (value === null || value === undefined) return;
    const [low, high] = values.get(line.metric) ?? [Infinity, -Infinity];
    values.set(line.metric, [Math.min(low, value), Math.max(high, value)]);
  });
  return { step: x[at], values };
}

/** Curves of different runs on the steps of all of them. */
function joined(data) {
  return uPlot.join(
    data.map(({ at, values }) => [at, values]),
    data.map(() => [2]),
  );
}

/** How opaque each line is if so many runs lie over one another. */
export function opacity(runs) {
  return runs > 1 ? Math.max(0.25, Math.min(0.8, 5 / runs)) : 1;
}

function series(line, ink, runs, fine) {
  return {
    stroke: ink[line.color],
    width: (runs > 1 ? 1 : 1.4) * fine,
    dash: line.dash.map((size) => size * fine),
    alpha: opacity(runs),
    spanGaps: runs > 1,
    points: { show: false },
  };
}

function axisX(log, last, labels, ink, fine) {
  const labelled = labels.x;
  const some = (values) => values.map((value) => (value === null || (value === 0 && !labels.y) ? "" : steps(value))); // no room for half a 0
  const splits = log ? undefined : () => [0, last / 2, last];
  const decade = (chart, values) => values.map((value) => (Number.isInteger(Math.log10(value)) ? steps(value) : ""));
  return {
    ...plain(ink, fine),
    size: labelled ? MARGIN.labelsX * fine : 0,
    space: 24 * fine,
    splits,
    values: labelled ? (chart, values) => (log ? decade(chart, values) : some(values)) : (chart, values) => values.map(() => ""),
  };
}

/** The decades of a group's log axis that have a label. */
export function decadesOf(group) {
  const decades = Math.round(Math.log10(group.high / group.low));
  const every = Math.ceil(decades / MOST_DECADES);
  const first = Math.round(Math.log10(group.low));
  return Array.from({ length: Math.floor(decades / every) + 1 }, (_, index) => 10 ** (first + index * every));
}

/** The label of a value on the axis of a group. */
export function valueText(group, value) {
  return group.log ? power(Math.round(Math.log10(value))) : short(value, 3);
}

function axisY(group, labelled, ink, fine) {
  const splits = group.log ? () => decadesOf(group) : undefined;
  return {
    ...plain(ink, fine),
    size: labelled ? MARGIN.labelsY * fine : 0,
    space: 26 * fine,
    splits,
    filter: (chart, values) => values,
    values: labelled ? (chart, values) => values.map((value) => valueText(group, value)) : (chart, values) => values.map(() => ""),
  };
}

function plain(ink, fine) {
  const grid = { stroke: ink.line, width: fine };
  return {
    stroke: ink.soft,
    font: `${10 * fine}px ${ink.font}`,
    gap: 4 * fine,
    ticks: { show: false },
    grid,
    border: { show: false },
  };
}

/** Marks the evidence of the rule, and events as vertical lines with a letter each. */
function mark(chart, evidence, events, ink, fine) {
  const { ctx, bbox } = chart;
  const pixel = uPlot.pxRatio * fine;
  const place = (scale) => (value) => Math.round(chart.valToPos(value, scale, true));
  ctx.save();
  const pen = canvasPen(ctx, pixel, ink);
  markEvidence(pen, evidence, place("x"), place("y"), bbox);
  markEvents(pen, events, place("x"), bbox, pixel);
  ctx.restore();
}

/** Marks events with a pen. */
export function markEvents(pen, events, x, { left, top, width, height }, pixel) {
  for (const { step, letter } of events) {
    const at = x(step);
    if (at < left || at > left + width) continue;
    pen.line(at, top, at, top + height, { color: "soft" });
    const before = at + 12 * pixel > left + width; // the line, where there is no room beside it
    if (letter) pen.text(letter, at + (before ? -4 : 4) * pixel, top + 11 * pixel, { align: before ? "end" : "start", color: "soft", weight: 600 });
  }
}

let found = null;

/** Makes the next chart read the page's colours again, after they changed. */
export function forgetColors() {
  found = null;
}

/** The page's colours in the form that a canvas needs. */
export function colors() {
  if (found) return found;
  const probe = h("i", { class: "aside" });
  document.body.append(probe);
  const color = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = [...LINE_COLORS, "soft", "line", "card"];
  found = Object.fromEntries(names.map((name) => [name, color(name)]));
  found.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return found;
}
