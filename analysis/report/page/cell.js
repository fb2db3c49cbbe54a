// The curves of a cell: a small chart for each seed, all on one scale, or all seeds in one chart.

import { cellName, counted } from "./cells.js";
import { drawChart, lineKey, linesOf } from "./charts.js";
import { fill, h, svg } from "./dom.js";
import { markIcon } from "./marks.js";
import { count, short, whole, wilson } from "./numbers.js";
import { ruleOf } from "./rules.js";
import { TRAINED, textAt } from "./sweep.js";

/** More seeds than these are drawn in one chart. */
const MOST_TILES = 25;
const WORDS = { x: 20, y: 36 }; // px of an axis's labels
const SMALL = 112; // px; charts narrower than this have no room for the name of a phase above

/** The head of a cell: its hyperparameters, and the shares of its phases with intervals. */
export function cellHead(sweep, layout, cell, labels) {
  const parts = [layout.axes.facet, layout.axes.y, layout.axes.x].filter(Boolean);
  const trained = cell.runs.filter((run) => sweep.status[run] === TRAINED).length;
  const shares = counted(sweep, labels, cell.runs).map((number, phase) => {
    if (!number) return null;
    if (phase === sweep.phases.length) return h("li", {}, markIcon(sweep, phase), `${number} missing`);
    const [low, high] = wilson(number, trained).map((share) => Math.round(100 * share));
    const interval = h("span", { class: "soft", title: "95 % Wilson interval of the share" }, ` ${low}–${high} %`);
    return h("li", {}, markIcon(sweep, phase), h("span", {}, `${sweep.phases[phase].name} ${number} of ${trained}`, interval));
  });
  const part = (axis, index) =>
    h("span", {}, h("span", { class: "name" }, `${axis.name} `), h("span", { class: "value" }, cell.at[index]));
  const title = parts.length ? parts.map(part) : [h("span", {}, h("span", { class: "value" }, "All runs"))];
  return [h("h2", { id: "inspected", class: "at" }, ...title), h("ul", { class: "shares" }, ...shares)];
}

/**
 * Draws the charts of a cell into an element; calls `open` with the run whose chart was clicked, `onPoint` with the values under
 * the pointer. Returns a function that shows other labels and thresholds in the same charts.
 */
export async function drawCell(host, { sweep, layout, cell, labels, state, groups, open, onPoint, stale }) {
  const runs = cell.runs.filter((run) => sweep.curves.kept[run]);
  await sweep.curves.ready(runs);
  if (stale()) return null;
  const group = groups.get(state.curves) ?? groups.values().next().value;
  const lines = linesOf(sweep, group);
  const width = host.clientWidth;
  const binned = Object.values(layout.axes).filter((axis) => axis?.binned);
  const also = [...layout.mixed, ...binned.map((axis) => axis.name)]; // what else the runs of the cell differ in
  const settings = { sweep, lines, group, also, last: lastStep(sweep, runs), log: state.log, rule: ruleOf(sweep, state.rule), state, onPoint };
  const together = state.together || cell.runs.length > MOST_TILES;
  const drawn = together ? oneChart(runs, width, settings) : tiles(cell, labels, width, settings, open);
  const many =
    cell.runs.length > MOST_TILES
      ? h("p", { class: "soft" }, `${count(cell.runs.length, "run")}: too many for a chart each.`)
      : null;
  host.replaceChildren(lineKey(lines, sample), ...[many].filter(Boolean), drawn.element);
  drawn.draw();
  host.setAttribute("aria-label", `Curves of ${cellName(layout, cell)}`);
  return (labels, state) => drawn.relabel(labels, { ...settings, rule: ruleOf(sweep, state.rule), state });
}

/** The greatest last step of some runs. */
export function lastStep(sweep, runs) {
  return Math.max(1, ...runs.map((run) => sweep.curves.lastSteps[run]));
}

/** A sample of a line, in its colour and dashes. */
export function sample(line) {
  const stroke = svg("path", { d: "M0 4H22", class: `sample ${line.color}`, "stroke-dasharray": line.dash.join(" ") || "none" });
  return svg("svg", { viewBox: "0 0 22 8", class: "stroke", "aria-hidden": "true" }, stroke);
}

/** The thresholds of the rule that belong to the lines of a chart. */
export function levelsOf({ sweep, lines, rule, state }, run) {
  const names = lines.map((line) => line.name);
  const found = rule.lines(sweep, state.settings, run).filter(([metric]) => names.includes(metric));
  return [...new Set(found.map(([, level]) => level))];
}

function oneChart(runs, width, settings) {
  const element = h("div", { class: "chart", role: "img", "aria-label": `${count(runs.length, "run")} over one another` });
  if (!runs.length) return { element, draw: () => {}, relabel: () => {} };
  const levels = levelsOf(settings, runs[0]);
  const size = { width, height: Math.round(width * 0.62), labels: { x: true, y: true } };
  let chart = null;
  const draw = () => (chart = drawChart(element, settings.sweep, { ...settings, ...size, runs, levels }));
  const relabel = (labels, now) => move(levels, levelsOf(now, runs[0]), chart);
  return { element, draw, relabel };
}

/** Moves the levels of a chart. */
function move(levels, others, chart) {
  if (levels.join() === others.join()) return;
  levels.splice(0, levels.length, ...others);
  chart.redraw(false, false);
}

function tiles(cell, labels, width, settings, open) {
  const { sweep } = settings;
  const across = Math.ceil(Math.sqrt(cell.runs.length));
  const gap = 6;
  const plot = Math.floor((width - WORDS.y - gap * (across - 1)) / across);
  const height = Math.round(Math.max(54, Math.min(plot * 0.82, 190, room() / Math.ceil(cell.runs.length / across))));
  const charts = [];
  const nodes = cell.runs.map((run, index) => {
    const words = { x: index + across >= cell.runs.length, y: index % across === 0 };
    const host = h("div", { class: "chart" });
    if (sweep.curves.kept[run]) {
      const size = { width: plot + (words.y ? WORDS.y : 0), height: height + (words.x ? WORDS.x : 0) };
      const levels = levelsOf(settings, run);
      const draw = () => drawChart(host, sweep, { ...settings, ...size, runs: [run], labels: words, levels, sync: "cell" });
      charts.push({ run, levels, draw });
    }
    const head = h("span", { class: "head" });
    return h(
      "button",
      { class: `tile${words.y ? " first" : ""}`, type: "button", "data-run": run, onclick: () => open(run) },
      head,
      host,
    );
  });
  const name = (labels) => cell.runs.forEach((run, index) => nameTile(nodes[index], settings, run, labels));
  name(labels);
  const element = h("div", { class: plot < SMALL ? "tiles small" : "tiles" }, ...nodes);
  element.style.setProperty("--across", across);
  element.style.setProperty("--plot", `${plot}px`);
  const draw = () => charts.forEach((each) => (each.chart = each.draw()));
  const relabel = (labels, now) => {
    name(labels);
    for (const { run, levels, chart } of charts) move(levels, levelsOf(now, run), chart);
  };
  return { element, draw, relabel };
}

/** The height that all charts together may take, where the inspector is a sheet at the bottom of the window. */
function room() {
  return matchMedia("(max-width: 899px)").matches ? 0.62 * innerHeight - 270 : Infinity;
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
