// Charts of curves, drawn by uPlot (vendor/uplot).

import { h } from "./dom.js";
import { power, short, steps, whole } from "./numbers.js";

const STYLES = [
  ["train", []],
  ["test", [5, 3]],
  ["generalize", [7, 3, 2, 3]],
  ["undecided", [2, 3]],
  ["memorize", []],
  ["ink", [5, 3]],
];
const MOST_DECADES = 5;
const PRINTED = 3; // dots per pixel on paper
const PAST = 11; // px right of the last step: half of its label

/** The metrics that share a chart, by name: losses, accuracies, norms, and every other metric alone. */
export function metricGroups(sweep) {
  const groups = new Map();
  sweep.curves.scales.forEach((scale, metric) => {
    const [, kind] = scale.name.match(/_(loss|accuracy|norm)$/) ?? [];
    const name = kind === "norm" ? "norms" : (kind ?? scale.name);
    if (!groups.has(name)) groups.set(name, { name, unit: scale.unit, log: scale.log, metrics: [] });
    groups.get(name).metrics.push(metric);
  });
  for (const group of groups.values()) Object.assign(group, range(sweep, group));
  return groups;
}

/** The range of a group's values over the whole sweep, so that all its charts have one scale. */
function range(sweep, group) {
  const shown = group.metrics.map((metric) => sweep.curves.scales[metric].shown);
  let [low, high] = [Math.min(...shown.map(([least]) => least)), Math.max(...shown.map(([, greatest]) => greatest))];
  if (group.log) return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high * 1.0001)) };
  if (group.unit === "share") [low, high] = [Math.min(low, 0), Math.max(high, 1)];
  const margin = (high - low || 1) * 0.04;
  return { low: low - margin, high: high + margin };
}

/** The name, colour and dashes of each line of a group. */
export function linesOf(sweep, group) {
  return group.metrics.map((metric, index) => {
    const [color, dash] = STYLES[index % STYLES.length];
    return { metric, name: sweep.curves.scales[metric].name, color, dash };
  });
}

/** The legend of the lines. */
export function lineKey(lines, draw) {
  return h("ul", { class: "linekey" }, ...lines.map((line) => h("li", {}, draw(line), line.name.replaceAll("_", " "))));
}

/**
 * Draws a chart into an element and returns it.
 *
 * `runs` are drawn over one another; `group` and `lines` say what; `last` is the axis's last step; `log` puts steps on a log scale;
 * `labels` tells which axes have labels; `levels` are values and `events` steps to draw lines at; `onPoint` is called with the
 * values under the pointer.
 */
export function drawChart(
  host,
  sweep,
  { runs, group, lines, width, height, last, log, labels, levels = [], events = [], onPoint, sync },
) {
  const curves = sweep.curves;
  const data = runs.flatMap((run) => {
    const at = curves.steps(run);
    const from = log && at[0] === 0 ? 1 : 0; // a log scale has no step 0
    return lines.map((line) => ({
      line,
      at: at.slice(from),
      values: curves.values(run, line.metric, group.log ? group.low : null).slice(from),
    }));
  });
  const [x, ...ys] = runs.length === 1 ? [data[0].at, ...data.map((each) => each.values)] : joined(data);
  const ink = colors();
  const fine = document.documentElement.classList.contains("printing") ? PRINTED : 1;
  host.classList.toggle("fine", fine > 1);
  const options = {
    width: width * fine,
    height: height * fine,
    padding: [6, PAST, labels.x ? 0 : 4, 0].map((size) => size * fine),
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      points: { show: false },
      sync: sync ? { key: sync } : undefined,
    },
    scales: {
      x: { time: false, distr: log ? 3 : 1, range: () => [log ? Math.max(1, x[0] ?? 1) : 0, last] },
      y: { distr: group.log ? 3 : 1, range: () => [group.low, group.high] },
    },
    axes: [axisX(log, last, labels, ink, fine), axisY(group, labels.y, ink, fine)],
    series: [{}, ...data.map(({ line }) => series(line, ink, runs.length, fine))],
    hooks: {
      draw: [(chart) => across(chart, levels, events, ink, fine)],
      setCursor: [(chart) => host.matches(":hover") && onPoint(readout(x, ys, chart.cursor.idx))],
    },
  };
  return new uPlot(options, [x, ...ys], host);
}

/** The step under the pointer, and the values at it unless there are too many. */
function readout(x, ys, at) {
  if (at === null || at === undefined) return "";
  const values = ys.length <= STYLES.length ? ys.map((values) => short(values[at] ?? NaN, 3)).join(", ") : "";
  return `step ${whole(x[at])}${values && `: ${values}`}`;
}

/** Curves of different runs on the steps of all of them. */
function joined(data) {
  return uPlot.join(
    data.map(({ at, values }) => [at, values]),
    data.map(() => [2]),
  );
}

function series(line, ink, runs, fine) {
  const alpha = runs > 1 ? Math.max(0.25, Math.min(0.8, 5 / runs)) : 1;
  return {
    stroke: ink[line.color],
    width: (runs > 1 ? 1 : 1.4) * fine,
    dash: line.dash.map((size) => size * fine),
    alpha,
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
    size: labelled ? 20 * fine : 0,
    space: 24 * fine,
    splits,
    values: labelled ? (chart, values) => (log ? decade(chart, values) : some(values)) : (chart, values) => values.map(() => ""),
  };
}

function axisY(group, labelled, ink, fine) {
  const decades = Math.round(Math.log10(group.high / group.low));
  const every = Math.ceil(decades / MOST_DECADES);
  const first = Math.round(Math.log10(group.low));
  const splits = group.log
    ? () => Array.from({ length: Math.floor(decades / every) + 1 }, (_, index) => 10 ** (first + index * every))
    : undefined;
  const text = (value) => (group.log ? power(Math.round(Math.log10(value))) : short(value, 3));
  return {
    ...plain(ink, fine),
    size: labelled ? 36 * fine : 0,
    space: 26 * fine,
    splits,
    filter: (chart, values) => values,
    values: labelled ? (chart, values) => values.map(text) : (chart, values) => values.map(() => ""),
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

/** Draws levels as horizontal dotted lines, and events as vertical lines with a letter each. */
function across(chart, levels, events, ink, fine) {
  const { ctx, bbox } = chart;
  const pixel = uPlot.pxRatio * fine;
  ctx.save();
  ctx.lineWidth = pixel;
  ctx.strokeStyle = ink.soft;
  ctx.setLineDash([2 * pixel, 2 * pixel]);
  for (const level of levels) {
    const y = Math.round(chart.valToPos(level, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    stroke(ctx, bbox.left, y, bbox.left + bbox.width, y);
  }
  ctx.setLineDash([]);
  ctx.font = `600 ${10 * pixel}px ${ink.font}`;
  ctx.fillStyle = ink.soft;
  for (const { step, letter } of events) {
    const x = Math.round(chart.valToPos(step, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    stroke(ctx, x, bbox.top, x, bbox.top + bbox.height);
    const left = x + 12 * pixel > bbox.left + bbox.width; // of the line, where there is no room beside it
    ctx.textAlign = left ? "right" : "left";
    if (letter) ctx.fillText(letter, x + (left ? -4 : 4) * pixel, bbox.top + 11 * pixel);
  }
  ctx.restore();
}

function stroke(ctx, fromX, fromY, toX, toY) {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

let found = null;

/** Makes the next chart read the page's colours again, after they changed. */
export function forgetColors() {
  found = null;
}

/** The page's colours in the form that a canvas needs. */
function colors() {
  if (found) return found;
  const probe = h("i", { class: "aside" });
  document.body.append(probe);
  const color = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = [...STYLES.map(([name]) => name), "soft", "line"];
  found = Object.fromEntries(names.map((name) => [name, color(name)]));
  found.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return found;
}
