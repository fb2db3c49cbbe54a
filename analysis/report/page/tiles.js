// The charts of a cell: a small one for each seed, all on one scale, or all seeds in one chart.

import { MARGIN, drawChart, opacity } from "./charts.js";
import { fill, h } from "./dom.js";
import { evidenceOf } from "./evidence.js";
import { markIcon } from "./marks.js";
import { count, short, whole } from "./numbers.js";
import { textAt } from "./sweep.js";

const SMALL = 112; // px; charts narrower than this have no room for the name of a phase above
const NARROWEST = 80; // px of a chart
const GAP = 6;

/**
 * The charts of runs over one another: their `element`, `draw` to draw them there, `relabel` to show other labels and thresholds, and
 * their `panels` for a figure.
 */
export function oneChart(runs, width, settings) {
  const element = h("div", { class: "chart", role: "img", "aria-label": `${count(runs.length, "run")} over one another` });
  if (!runs.length) return { element, draw: () => {}, relabel: () => {}, panels: [], across: 1 };
  const evidence = settings.evidence(runs);
  const size = { width, height: Math.round(width * 0.62), labels: { x: true, y: true } };
  const drawing = { ...settings, ...size, runs, evidence, alpha: opacity(runs.length) };
  let chart = null;
  const draw = () => (chart = drawChart(element, settings.sweep, drawing));
  const relabel = (labels, now) => move(evidence, now.evidence(runs), chart);
  return { element, draw, relabel, panels: [{ title: () => count(runs.length, "run"), drawing }], across: 1 };
}

/** A chart for each run of a cell, as `oneChart`; `open` is called with the run whose chart was clicked. */
export function tiles(cell, labels, width, settings, open) {
  const { sweep } = settings;
  const square = Math.ceil(Math.sqrt(cell.runs.length));
  const most = Math.max(1, Math.min(square, Math.floor((width - MARGIN.labelsY + GAP) / (NARROWEST + GAP))));
  const down = Math.ceil(cell.runs.length / most);
  const across = Math.ceil(cell.runs.length / down); // so that the last row is not much shorter than the others
  const plot = Math.floor((width - MARGIN.labelsY - GAP * (across - 1)) / across);
  const height = Math.round(Math.max(54, Math.min(plot * 0.82, 190, room() / down)));
  const charts = [];
  const nodes = cell.runs.map((run, index) => {
    const words = { x: index + across >= cell.runs.length, y: index % across === 0 };
    const host = h("div", { class: "chart" });
    if (sweep.curves.kept[run]) charts.push(tileChart(run, host, plot, height, words, settings));
    const head = h("span", { class: "head" });
    const attributes = { class: `tile${words.y ? " first" : ""}`, type: "button", "data-run": run, onclick: () => open(run) };
    return h("button", attributes, head, host);
  });
  let now = labels;
  const name = () => cell.runs.forEach((run, index) => nameTile(nodes[index], settings, run, now));
  name();
  const element = h("div", { class: plot < SMALL ? "tiles small" : "tiles" }, ...nodes);
  element.style.setProperty("--columns", ["auto", ...new Array(across - 1).fill(`${plot}px`)].join(" "));
  element.style.setProperty("--plot", `${plot}px`);
  const draw = () => charts.forEach((each) => (each.chart = each.draw()));
  const relabel = (labels, settings) => {
    now = labels;
    name();
    for (const { run, drawing, chart } of charts) move(drawing.evidence, settings.evidence([run]), chart);
  };
  const title = (run) => () => `${seedName(sweep, run)}: ${sweep.phases[now[run]]?.name ?? "missing"}`;
  return { element, draw, relabel, panels: charts.map(({ run, drawing }) => ({ title: title(run), drawing })), across };
}

/** One chart of the tiles. The plots of all are equally high, with labels below or not. */
function tileChart(run, host, plot, height, words, settings) {
  const below = words.x ? MARGIN.labelsX - MARGIN.bottom : 0;
  const size = { width: plot + (words.y ? MARGIN.labelsY : 0), height: height + below };
  const drawing = { ...settings, ...size, runs: [run], labels: words, evidence: settings.evidence([run]), sync: "cell" };
  return { run, drawing, draw: () => drawChart(host, settings.sweep, drawing) };
}

/** Moves the evidence of a chart. */
function move(evidence, other, chart) {
  if (JSON.stringify(evidence) === JSON.stringify(other)) return;
  Object.assign(evidence, other);
  chart.redraw(false, false);
}

/** The height that all charts together may take, where the inspector is a sheet at the bottom of the window. */
function room() {
  return matchMedia("(max-width: 899px)").matches ? 0.62 * innerHeight - 270 : Infinity;
}

/** What the settings of a chart say about the evidence of its runs. */
export function evidenceFor(sweep, state, lines) {
  const metrics = lines.map((line) => line.metric);
  return (runs) => evidenceOf(sweep, state, runs, metrics);
}

/** The greatest last step of some runs. */
export function lastStep(sweep, runs) {
  return Math.max(1, ...runs.map((run) => sweep.curves.lastSteps[run]));
}

/** Writes the seed and the phase of a chart's run above it. */
function nameTile(node, { sweep, lines, also }, run, labels) {
  const phase = Math.min(labels[run], sweep.phases.length);
  if (node.dataset.phase === String(phase)) return;
  node.dataset.phase = phase;
  const [name, label] = [seedName(sweep, run), sweep.phases[phase]?.name ?? "missing"];
  fill(node.firstChild, h("span", { class: "seed" }, name), markIcon(sweep, phase), h("span", { class: "phase" }, label));
  const values = sweep.phases[phase] ? `: ${inWords(sweep, lines, run)}` : "";
  const others = also.map((each) => `, ${each} ${textAt(sweep.known.get(each), run)}`).join("");
  node.setAttribute("aria-label", `${name}${others}, ${label}${values}. Open this run.`);
  if (others) node.title = name + others;
}

/** The seeds of a run; the beginning of its run_id if its seeds do not vary. */
export function seedName(sweep, run) {
  const seeds = sweep.seeds.map((name) => `${name} ${textAt(sweep.known.get(name), run)}`);
  return seeds.join(", ") || `run ${sweep.runIds[run].slice(0, 6)}`;
}

/** The first and last value of a run's lines, for screen readers. */
function inWords(sweep, lines, run) {
  const ends = lines.map((line) => {
    const values = sweep.curves.values(run, line.metric, 0).filter((value) => value !== null);
    return values.length
      ? `${line.name} from ${short(values[0], 2)} to ${short(values[values.length - 1], 2)}`
      : `${line.name} missing`;
  });
  return `${ends.join(", ")}, over ${whole(sweep.curves.lastSteps[run])} steps`;
}
