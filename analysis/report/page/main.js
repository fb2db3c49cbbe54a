// The page. All that is chosen is one state; `change` changes it, writes it to the address and draws it.

import { BudgetSlider } from "./budget_slider.js";
import { Budgets } from "./budgets.js";
import { allCells, cellOfRun, findCell, layoutOf } from "./cells.js";
import { forgetColors } from "./charts.js";
import { colorsOf } from "./color.js";
import { Controls, Counts } from "./controls.js";
import { byId, copy, fill } from "./dom.js";
import { Inspector } from "./inspector.js";
import { PhaseMap, mapNotes } from "./map.js";
import { showHead, showNotes, showNotice } from "./notes.js";
import { classify } from "./rules.js";
import { RunTable } from "./run_table.js";
import { fragmentOf, stateOf } from "./state.js";
import { readSweep } from "./sweep.js";
import { CellTable } from "./table.js";
import { Thresholds } from "./thresholds.js";

const THEMES = ["auto", "light", "dark"];
const page = { pointed: null, comparing: false, drawn: {} };

/** Changes part of the state and draws it; with `done` false, as while a slider moves, the address is written a moment later. */
function change(part, done = true) {
  page.state = { ...page.state, ...part };
  clearTimeout(page.writing);
  if (done) write();
  else page.writing = setTimeout(write, 400);
  return draw();
}

/** Changes a part of the state that is shown already. */
function remember(part) {
  page.state = { ...page.state, ...part };
  write();
}

function write() {
  const fragment = fragmentOf(page.sweep, page.state);
  if (`#${fragment}` !== (location.hash || "#")) history.pushState(null, "", `#${fragment}`);
}

/** Takes the state from the address: at the start, when going back, and when a link is followed. */
function read() {
  const [state, complaints] = stateOf(page.sweep, location.hash.slice(1));
  page.state = state;
  page.pointed = null;
  const drawn = draw();
  const lost =
    state.cell && !findCell(page.layout, state.cell)
      ? [`The link asks for the cell ${state.cell.join(", ")}, which has no runs on this page.`]
      : [];
  showNotice(page.sweep, [...complaints, ...lost]);
  if (page.budgets.has(state.budget)) seeCell();
  else drawn.then(seeCell);
  return drawn;
}

function draw() {
  const { sweep, state, drawn, map, budgets } = page;
  const layoutKey = JSON.stringify([state.x, state.y, state.facet, state.only]);
  if (drawn.layout !== layoutKey) page.layout = layoutOf(sweep, state);
  const mapKey = JSON.stringify([layoutKey, state.view, state.page]);
  if (!budgets.has(state.budget)) return budgets.unpack(state.budget).then(draw);
  const view = budgets.view(state.budget);
  const labelKey = JSON.stringify([state.rule, state.settings, state.budget]);
  if (drawn.labels !== labelKey) page.labels = classify(view, state.rule, state.settings);
  if (drawn.map !== mapKey) {
    page.pointed = null;
    map.build(page.layout, state);
    fill(byId("map-notes"), ...mapNotes(sweep, page.layout, map, (to) => change({ page: to })));
  }
  const colorKey = JSON.stringify([layoutKey, state.budget, state.color, state.of, state.color === "phase" && labelKey]);
  if (drawn.color !== colorKey) page.colors = colorsOf(view, page.labels, state, page.layout.shown);
  for (const part of [page.controls, page.thresholds, page.counts, page.table, page.runTable, page.inspector]) part.sweep = view;
  map.paint(page.labels, page.colors);
  page.controls.show(state, page.layout, page.colors, map.dots());
  page.thresholds.show(state);
  page.budgetSlider.show(state);
  if (drawn.layout !== layoutKey || drawn.labels !== labelKey) {
    page.counts.show(page.labels, page.layout.shown);
    page.table.show(page.layout, page.labels);
  }
  page.runTable.show(page.layout, page.labels, state, pinnedCells());
  if (drawn.rule !== state.rule) showNotes(sweep, state);
  page.drawn = { layout: layoutKey, map: mapKey, labels: labelKey, color: colorKey, rule: state.rule };
  return inspect();
}

/** The pinned cells that the map has, at most two. */
function pinnedCells() {
  return [page.state.cell, page.state.beside].map((at) => findCell(page.layout, at)).filter(Boolean);
}

/** Shows the open run, else two pinned cells, the cell under the pointer, the pinned one, or the one with most runs that grok. */
function inspect() {
  const { sweep, state, layout, labels } = page;
  const run = state.run === null ? null : sweep.runIds.indexOf(state.run);
  const pinned = pinnedCells();
  const one = () => page.pointed ?? pinned[0] ?? mostGrokking(layout, labels);
  const cells = run !== null ? [cellOfRun(layout, run)] : pinned.length > 1 ? pinned : [one()];
  const shown = cells.filter(Boolean);
  page.map.mark(pinned, shown);
  byId("inspector").classList.toggle("open", pinned.length > 0 || run !== null);
  return page.inspector.show({ layout, labels, state, cells: shown, run, comparing: page.comparing });
}

/** The cell with most runs that grok. */
function mostGrokking(layout, labels) {
  const grok = page.sweep.phases.findIndex((phase) => phase.name === "grok");
  let [best, most] = [null, -1];
  for (const cell of allCells(layout)) {
    const number = cell.runs.filter((run) => labels[run] === grok).length;
    if (number > most) [best, most] = [cell, number];
  }
  return best;
}

function point(cell) {
  if (page.pointed === cell || (page.state.run !== null && cell)) return;
  page.pointed = cell;
  if (page.state.run === null) inspect();
}

/** Pins a cell, or pins it beside the pinned one; in a pinned cell, opens the run whose mark was clicked. */
function choose(cell, run, shift) {
  const [first, second] = [page.state.cell, page.state.beside].map((at) => findCell(page.layout, at));
  const beside = (shift || page.comparing) && first && first !== cell;
  page.comparing = false;
  if (beside) return change({ beside: cell.at, run: null });
  if ((first === cell || second === cell) && run !== null) return change({ run: page.sweep.runIds[run] });
  change({ cell: cell.at, beside: null, run: null });
  return seeCell();
}

/** Makes the next cell that is chosen a second pinned one, or not. */
function compare() {
  page.comparing = !page.comparing;
  inspect();
}

/** Scrolls to the pinned cell if it is out of view. */
function seeCell() {
  page.map.node(findCell(page.layout, page.state.cell))?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

async function leave(event) {
  if (event.key !== "Escape" || event.defaultPrevented) return undefined;
  const { state, layout } = page;
  const pinned = findCell(layout, state.cell);
  const open = state.run;
  if (page.comparing) return compare();
  if (open !== null) await change({ run: null });
  else if (state.beside) await change({ beside: null });
  else if (pinned) await change({ cell: null });
  else return undefined;
  const tile = open !== null && byId("inspector-body").querySelector(`[data-run="${page.sweep.runIds.indexOf(open)}"]`);
  (tile || page.map.node(pinned))?.focus();
  return undefined;
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  forgetColors();
  if (page.state) inspect();
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  try {
    localStorage.setItem("grokjax-theme", theme);
  } catch {} // where the browser stores nothing
  showTheme(theme);
}

function storedTheme() {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem("grokjax-theme")) ?? "auto";
  } catch {
    return "auto";
  }
}

function redrawOnChanges() {
  const redraw = () => {
    forgetColors();
    inspect();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const [event, printing] of [
    ["beforeprint", true],
    ["afterprint", false],
  ]) {
    addEventListener(event, () => {
      document.documentElement.classList.toggle("printing", printing);
      page.map.size();
      redraw();
    });
  }
  let width = byId("inspector-body").clientWidth;
  new ResizeObserver(() => {
    if (byId("inspector-body").clientWidth === width) return;
    width = byId("inspector-body").clientWidth;
    inspect();
  }).observe(byId("inspector-body"));
}

async function start() {
  page.sweep = await readSweep();
  showTheme(storedTheme());
  showHead(page.sweep);
  page.map = new PhaseMap(page.sweep, byId("map"), { point, choose });
  page.inspector = new Inspector(page.sweep, change, compare, remember);
  page.controls = new Controls(page.sweep, change);
  page.thresholds = new Thresholds(page.sweep, change);
  page.counts = new Counts(page.sweep);
  page.table = new CellTable(page.sweep);
  page.runTable = new RunTable(page.sweep, change);
  page.budgets = new Budgets(page.sweep);
  page.budgetSlider = new BudgetSlider(page.sweep, change);
  byId("theme").addEventListener("click", nextTheme);
  byId("link").addEventListener("click", () => copy(location.href, byId("link")));
  byId("inspector-back").addEventListener("click", () => change({ run: null }));
  addEventListener("keydown", leave);
  addEventListener("popstate", read);
  addEventListener("hashchange", read);
  await read();
  redrawOnChanges();
  document.documentElement.dataset.ready = "yes"; // shows the page, in place of the sentence that it is being drawn
  page.sweep.curves.unpackAhead().then(() => page.budgets.unpackAhead());
}

start().catch((error) => {
  byId("drawing").textContent = `This page could not be drawn (${error.message}). It needs a browser of 2024 or later.`;
  throw error;
});
