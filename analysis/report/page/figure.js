// The charts of the inspector as one SVG file.

import { MARGIN, colors, dataOf, decadesOf, firstStep, markEvents, opacity, valueText } from "./charts.js";
import { svg } from "./dom.js";
import { markEvidence } from "./evidence.js";
import { steps } from "./numbers.js";
import { svgPen } from "./pen.js";

const NAME = 16; // px of the title of a panel
const LEGEND = 22;
const BESIDE = 14;
const FONT = "Helvetica, Arial, sans-serif";

/**
 * A figure as the text of an SVG file.
 *
 * `lines` are those of the legend, none for panels with lines of their own. `parts` stand side by side: each with a `title` and its
 * `panels`, so many `across`, each with a `title` and the settings of its `drawing`, as for `drawChart`.
 */
export function svgText(sweep, { lines, parts }) {
  const ink = { ...colors(), text: colors().soft };
  const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", "font-family": FONT });
  const ground = svg("rect", { width: "100%", height: "100%", fill: ink.card });
  root.append(ground);
  let [left, bottom] = [8, 0];
  for (const part of parts) {
    const group = svg("g", { transform: `translate(${left} 8)` });
    root.append(group);
    const size = drawPart(group, sweep, part, lines, ink);
    left += size.width + BESIDE;
    bottom = Math.max(bottom, size.height);
  }
  const [width, height] = [Math.ceil(left - BESIDE + 8), Math.ceil(bottom + 16)];
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) root.setAttribute(name, value);
  return new XMLSerializer().serializeToString(root);
}

function drawPart(group, sweep, { title, panels, across }, lines, ink) {
  const pen = svgPen(group, ink);
  pen.text(title, 0, 12, { size: 12, weight: 600 });
  drawLegend(group, lines, LEGEND + 6, ink);
  let [x, y, width, row] = [0, 18 + (lines.length ? LEGEND : 4), 0, 0];
  panels.forEach(({ title, drawing }, index) => {
    if (index && index % across === 0) [x, y, row] = [0, y + row + 4, 0];
    const own = drawing.lines === lines || !drawing.legend ? 0 : LEGEND;
    const panel = svg("g", { transform: `translate(${x} ${y})` });
    group.append(panel);
    if (own) drawLegend(panel, drawing.lines, 8, ink);
    else svgPen(panel, ink).text(title(), drawing.labels.y ? MARGIN.labelsY : 0, 11, {});
    const chart = svg("g", { transform: `translate(0 ${own || NAME})` });
    panel.append(chart);
    drawPanel(chart, sweep, drawing, ink);
    x += drawing.width + 6;
    width = Math.max(width, x);
    row = Math.max(row, drawing.height + (own || NAME));
  });
  return { width: Math.max(width, 7 * title.length), height: y + row };
}

function drawLegend(group, lines, y, ink) {
  let x = 0;
  for (const line of lines) {
    const pen = svgPen(group, ink);
    pen.line(x, y - 4, x + 22, y - 4, { color: line.color, dash: line.dash, width: 2 });
    const words = line.name.replaceAll("_", " ");
    pen.text(words, x + 27, y, {});
    x += 45 + 5.6 * words.length;
  }
}

/** Draws one chart: its axes, its curves, and the marks of the rule. */
function drawPanel(group, sweep, drawing, ink) {
  const { width, height, labels, last, log, group: metrics, evidence, events = [], runs } = drawing;
  const left = labels.y ? MARGIN.labelsY : 0;
  const box = { left, top: MARGIN.top, width: width - left - MARGIN.right, height: height - MARGIN.top - (labels.x ? MARGIN.labelsX : MARGIN.bottom) };
  const data = dataOf(sweep, drawing);
  const first = firstStep(log, data[0]?.at ?? []);
  const x = placesOf(first, last, log, box.left, box.left + box.width);
  const y = placesOf(metrics.low, metrics.high, metrics.log, box.top + box.height, box.top);
  const pen = svgPen(group, ink);
  for (const value of ticksX(first, last, log)) {
    pen.line(x(value), box.top, x(value), box.top + box.height, { color: "line" });
    if (labels.x && (value > 0 || labels.y)) pen.text(steps(value), x(value), height - 6, { align: "middle" });
  }
  for (const value of metrics.log ? decadesOf(metrics) : linearTicks(metrics)) {
    pen.line(box.left, y(value), box.left + box.width, y(value), { color: "line" });
    if (labels.y) pen.text(valueText(metrics, value), box.left - 4, y(value) + 3.5, { align: "end" });
  }
  for (const { line, at, values } of data) {
    const points = values.map((value, index) => (value === null ? null : [x(at[index]), clamp(y(value), box)]));
    pen.path(points, { color: line.color, dash: line.dash, width: runs.length > 1 ? 1 : 1.4, alpha: opacity(runs.length) });
  }
  markEvidence(pen, evidence, x, y, box);
  markEvents(pen, events, x, box, 1);
}

function clamp(at, { top, height }) {
  return Math.min(top + height, Math.max(top, at));
}

/** The place of a value between two ends of an axis. */
function placesOf(low, high, log, from, to) {
  const place = log ? Math.log10 : (value) => value;
  const span = place(high) - place(low) || 1;
  return (value) => from + ((place(value) - place(low)) / span) * (to - from);
}

function ticksX(first, last, log) {
  if (!log) return [0, last / 2, last];
  const decades = Math.floor(Math.log10(last)) - Math.ceil(Math.log10(first)) + 1;
  return Array.from({ length: Math.max(0, decades) }, (_, index) => 10 ** (Math.ceil(Math.log10(first)) + index));
}

/** Three to six round numbers between the ends of a group's axis. */
function linearTicks({ low, high }) {
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * unit).find((each) => each >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}
