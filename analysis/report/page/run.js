// One run: its curves, the outcomes that the rule reads, its events, its config, and a command that trains it again.

import { NO_CODE } from "./bytes.js";
import { drawChart } from "./charts.js";
import { commandOf } from "./command.js";
import { copy, h } from "./dom.js";
import { Film, weightsOf } from "./film.js";
import { linesOf } from "./groups.js";
import { lineKey, showValues, stepText } from "./legend.js";
import { markIcon } from "./marks.js";
import { short, whole } from "./numbers.js";
import { ruleOf } from "./rules.js";
import { TRAINED, textAt } from "./sweep.js";
import { evidenceFor, lastStep, seedName } from "./tiles.js";

const CHARTS = ["loss", "accuracy", "norms", "l1_norms"];
// By status.
const WHY_MISSING = [
  "",
  "This run is planned and has not been trained yet.",
  "This run failed too often and is in quarantine; grokjax retry trains it again.",
  "This run made fewer steps than the step as of which the page shows the sweep.",
];

/** The head of a run: its hyperparameters, its phase and its run_id. */
export function runHead(sweep, layout, run, labels) {
  const phase = Math.min(labels[run], sweep.phases.length);
  const label = sweep.phases[phase]?.name ?? "missing";
  const axes = [layout.axes.facet, layout.axes.y, layout.axes.x].filter(Boolean).map((axis) => axis.name);
  const varied = [...new Set([...axes, ...sweep.varied, ...sweep.seeds])].map((name) => sweep.known.get(name));
  const part = (column) =>
    h("span", {}, h("span", { class: "name" }, `${column.name} `), h("span", { class: "value" }, textAt(column, run)));
  const title = varied.length ? varied.map(part) : [h("span", { class: "value" }, seedName(sweep, run))];
  return [
    h("h2", { class: "at" }, ...title),
    h("p", { class: "verdict" }, markIcon(sweep, phase), ` ${label} `, h("span", { class: "soft mono" }, sweep.runIds[run])),
  ];
}

/** Draws a run into an element, and returns the figure of its charts. */
export async function drawRun(host, { sweep, run, labels, state, groups, onPoint, stale, remember }) {
  const trained = sweep.status[run] === TRAINED;
  if (trained) await sweep.curves.ready([run]);
  const weights = trained ? await weightsOf(sweep, run) : null;
  if (stale()) return null;
  const charts = trained ? runCharts(host.clientWidth, { sweep, run, state, groups, onPoint }) : [];
  host.replaceChildren(
    ...charts.map((chart) => chart.element),
    ...(weights ? [film(weights, sweep, run, charts, state, remember)] : []),
    ...(trained
      ? [judged(sweep, run, state, labels), events(sweep, run), crossings(sweep, run)]
      : [h("p", {}, WHY_MISSING[sweep.status[run]])]),
    again(sweep, run),
    config(sweep, run),
    ...(trained ? [provenance(sweep, run), outcomes(sweep, run)] : []),
  );
  host.setAttribute("aria-label", `Run ${sweep.runIds[run]}`);
  for (const chart of charts) chart.drawn = chart.draw();
  const phase = sweep.phases[labels[run]]?.name ?? "missing";
  const panels = charts.map(({ drawing }) => ({ title: () => "", drawing }));
  return { lines: [], parts: [{ title: `${seedName(sweep, run)}, run ${sweep.runIds[run]}: ${phase}`, panels, across: 1 }] };
}

/** The film of a run's weights, whose step is also that of the pointer in the charts. */
function film(weights, sweep, run, charts, state, remember) {
  const pointAt = (step) => {
    for (const { drawn } of charts) drawn?.setCursor({ left: drawn.valToPos(step, "x"), top: 0 });
  };
  const shown = { step: state.film, last: sweep.curves.limit, onStep: pointAt, remember: (step) => remember({ film: step }) };
  return section("Weights", new Film(weights, shown).element);
}

function runCharts(width, { sweep, run, state, groups, onPoint }) {
  const chosen = groups.has(state.curves) ? [state.curves] : [];
  const names = [...new Set([...CHARTS.filter((name) => groups.has(name)), ...chosen])];
  const marks = eventsOf(sweep, run);
  return names.map((name, index) => {
    const group = groups.get(name);
    const lines = linesOf(sweep, group);
    const host = h("div", { class: "chart", role: "img", "aria-label": `${name.replaceAll("_", " ")} over steps` });
    const key = lineKey(lines);
    const point = (at) => {
      showValues(key, at);
      onPoint(stepText(at));
    };
    const drawing = {
      runs: [run],
      group,
      lines,
      width,
      height: 150,
      last: lastStep(sweep, [run]),
      log: state.log,
      labels: { x: true, y: true },
      evidence: evidenceFor(sweep, state, lines)([run]),
      events: marks.map((mark) => ({ step: mark.step, letter: index === 0 ? mark.letter : "" })),
      onPoint: point,
      sync: "run",
      legend: true,
    };
    return { element: h("div", {}, key, host), drawing, draw: () => drawChart(host, sweep, drawing) };
  });
}

/** The events of a run in order, with a letter each. */
function eventsOf(sweep, run) {
  const [runs, steps, { kinds }] = [sweep.events.runs(), sweep.events.steps(), sweep.events];
  const found = [];
  for (let at = 0; at < runs.length; at++) {
    if (runs[at] !== run || steps[at] > sweep.curves.limit) continue;
    found.push({ step: steps[at], letter: "abcdefghijklmnopqrstuvwxyz"[found.length] ?? "", ...sweep.kinds[kinds[at]] });
  }
  return found;
}

function events(sweep, run) {
  const found = eventsOf(sweep, run);
  if (!sweep.kinds.length) return "";
  const rows = found.map((event) =>
    h(
      "tr",
      {},
      h("td", {}, event.letter),
      h("th", { scope: "row" }, event.name),
      h("td", { class: "number" }, whole(event.step)),
      h("td", { class: "soft" }, event.meaning),
    ),
  );
  return section(
    "Events",
    rows.length ? h("table", { class: "facts events" }, h("tbody", {}, ...rows)) : h("p", { class: "soft" }, "None."),
  );
}

function judged(sweep, run, state, labels) {
  const rows = ruleOf(sweep, state.rule).columns(state.settings).map((name) => fact(name, valueOf(sweep, name, run)));
  const stopped = sweep.known.get("stopped_by");
  if (stopped && stopped.codes[run] !== NO_CODE) rows.push(fact("stopped_by", textAt(stopped, run)));
  return section(`What the rule ${state.rule} reads`, h("table", { class: "facts" }, h("tbody", {}, ...rows)));
}

/** A column of a run, as text. */
function valueOf(sweep, name, run) {
  return sweep.known.has(name) ? textAt(sweep.known.get(name), run) : short(sweep.outcome(name)[run], 8);
}

function crossings(sweep, run) {
  const step = (name) =>
    h("td", { class: "number" }, Number.isNaN(sweep.outcome(name)[run]) ? "–" : whole(sweep.outcome(name)[run]));
  const rows = sweep.crossings.map((each) => {
    const reached = `${each.metric.replaceAll("_", " ")} ${each.metric.endsWith("loss") ? "≤" : "≥"} ${short(each.threshold)}`;
    return h("tr", {}, h("th", { scope: "row" }, reached), step(each.first), step(each.sustained));
  });
  const head = h("tr", {}, h("td", {}), h("th", { scope: "col" }, "first step"), h("th", { scope: "col" }, "sustained from"));
  return folded(
    "Steps at which thresholds were crossed",
    h("table", { class: "facts" }, h("thead", {}, head), h("tbody", {}, ...rows)),
  );
}

function again(sweep, run) {
  const command = commandOf(sweep, run);
  const button = h("button", { type: "button", class: "copy", onclick: () => copy(command, button) }, "Copy");
  return section(
    "Train it again",
    h("div", { class: "command" }, button, h("pre", { tabindex: 0, "aria-label": "Command" }, command)),
  );
}

function config(sweep, run) {
  const rows = sweep.hyperparameters
    .filter((column) => column.codes[run] !== NO_CODE)
    .map((column) => fact(column.name, textAt(column, run), column.meaning));
  return section("Config", h("table", { class: "facts" }, h("tbody", {}, ...rows)));
}

function provenance(sweep, run) {
  const rows = sweep.provenance
    .filter((column) => column.codes[run] !== NO_CODE)
    .map((column) => fact(column.name, textAt(column, run)));
  return folded("Provenance", h("table", { class: "facts" }, h("tbody", {}, ...rows)));
}

function outcomes(sweep, run) {
  const rows = sweep.outcomes.filter((each) => !Number.isNaN(sweep.outcome(each.name)[run]));
  return folded(
    "All outcomes",
    h(
      "table",
      { class: "facts" },
      h("tbody", {}, ...rows.map((each) => fact(each.name, short(sweep.outcome(each.name)[run], 8), each.meaning))),
    ),
  );
}

function fact(name, value, meaning = "") {
  return h("tr", { title: meaning || null }, h("th", { scope: "row", class: "name" }, name), h("td", {}, value));
}

function section(title, ...children) {
  return h("section", {}, h("h3", {}, title), ...children);
}

function folded(title, ...children) {
  return h("details", {}, h("summary", {}, title), ...children);
}
