// The state of the page: everything that is chosen, and how it is written in the address, so that links reproduce it.

import { AGGREGATES } from "./color.js";
import { columnNames, numberNames } from "./columns.js";
import { axisNames, axisOf } from "./values.js";

const VIEWS = ["dots", "shares"];
const SWITCHES = ["log", "together", "runs", "pinnedOnly"];

/** The state in which the page opens. */
function firstState(sweep) {
  return {
    x: sweep.axes.x ?? "",
    y: sweep.axes.y ?? "",
    facet: sweep.axes.facet ?? "",
    page: 0,
    view: "dots",
    rule: sweep.rule.name,
    settings: sweep.rule.settings,
    budget: sweep.budget, // the step as of which all is shown; null: the last step of each run
    color: "", // a column whose numbers colour the map; "": phases do
    of: "median", // what the colour of a cell says of its runs
    runs: false, // whether the table of runs is open
    find: "", // conditions on the runs in it
    sort: "", // the column that it is sorted by, downwards with -
    pinnedOnly: false,
    only: {}, // hyperparameter -> texts that are shown; null: all of them
    cell: null, // texts of its facet, y and x
    beside: null, // texts of the cell that is pinned beside it
    run: null, // its run_id
    film: null, // the step at which its weights are shown
    curves: "", // a group of metrics; "" for the one that the rule looks at
    log: false, // steps on a log scale
    together: false, // all seeds in one chart
  };
}

/** The thresholds of a rule when the page opens: its defaults, or those that the page was written with. */
export function firstSettings(sweep, name) {
  if (name === sweep.rule.name) return { ...sweep.rule.settings };
  const rule = sweep.rules.find((each) => each.name === name);
  return Object.fromEntries(rule.fields.map((field) => [field.name, field.default]));
}

/** The part of the address after #: everything that differs from the state in which the page opens. */
export function fragmentOf(sweep, state) {
  const first = firstState(sweep);
  const parts = new URLSearchParams();
  for (const name of ["x", "y", "facet", "page", "view", "rule", "curves", "color", "of", "find", "sort"]) {
    if (state[name] !== first[name]) parts.set(name, state[name]);
  }
  if (state.budget !== first.budget) parts.set("budget", state.budget ?? "all");
  const settings = firstSettings(sweep, state.rule);
  for (const [name, value] of Object.entries(state.settings)) {
    if (value !== settings[name]) parts.set(`threshold.${name}`, value);
  }
  for (const [name, texts] of Object.entries(state.only)) {
    if (texts === null) parts.append("all", name);
    else if (!texts.length) parts.append("none", name);
    else texts.forEach((text) => parts.append(`only.${name}`, text));
  }
  for (const name of SWITCHES) if (state[name]) parts.set(name, "yes");
  for (const name of ["cell", "beside"]) state[name]?.forEach((text) => parts.append(name, text));
  if (state.run) parts.set("run", state.run);
  if (state.run && state.film !== null) parts.set("film", state.film);
  return parts.toString();
}

/** The state that a fragment describes, and a sentence for each part of it that this page does not have. */
export function stateOf(sweep, fragment) {
  const parts = new URLSearchParams(fragment);
  const [state, complaints] = [firstState(sweep), []];
  const say = (part, value, allowed) => complaints.push(`The link asks for ${part} = ${value}; this page has ${allowed}.`);
  readAxes(sweep, parts, state, say);
  readRule(sweep, parts, state, say);
  readFilters(sweep, parts, state, say);
  if (parts.has("view") && VIEWS.includes(parts.get("view"))) state.view = parts.get("view");
  state.page = Math.max(0, Math.floor(Number(parts.get("page"))) || 0);
  state.curves = parts.get("curves") ?? state.curves;
  for (const name of SWITCHES) state[name] = parts.has(name);
  readTable(sweep, parts, state, say);
  readBudget(sweep, parts, state, say);
  const axes = [state.facet, state.y, state.x].filter((name) => name);
  for (const name of ["cell", "beside"]) {
    const cell = parts.getAll(name);
    if (cell.length && cell.length === axes.length) state[name] = cell;
    else if (cell.length) say(name, cell.join(", "), `cells of ${axes.join(", ")}`);
  }
  if (!state.cell) state.beside = null;
  const run = parts.get("run");
  if (run && sweep.runIds.includes(run)) state.run = run;
  else if (run) say("run", run, "no such run");
  if (Number(parts.get("film")) >= 0 && parts.has("film")) state.film = Number(parts.get("film"));
  return [state, complaints];
}

function readTable(sweep, parts, state, say) {
  state.find = parts.get("find") ?? "";
  const sort = parts.get("sort") ?? "";
  if (sort && !columnNames(sweep).includes(sort.replace(/^-/, ""))) say("sort", sort, "no such column");
  else state.sort = sort;
  const color = parts.get("color") ?? "";
  if (color && !numberNames(sweep).includes(color)) say("color", color, "no such column of numbers");
  else state.color = color;
  if (parts.get("of") in AGGREGATES) state.of = parts.get("of");
}

function readBudget(sweep, parts, state, say) {
  if (!parts.has("budget")) return;
  const [text, mixed] = [parts.get("budget"), sweep.lengths.length > 1]; // lengths that differ are compared as of one step
  const step = text === "all" && !mixed ? null : Number(text);
  if (step === null || sweep.budgets.steps.includes(step)) state.budget = step;
  else say("budget", text, `the steps ${sweep.budgets.steps.join(", ")}${mixed ? "" : " and all"}`);
}

function readAxes(sweep, parts, state, say) {
  const names = axisNames(sweep);
  const asked = ["x", "y", "facet"].filter((place) => parts.has(place));
  const wanted = Object.fromEntries(asked.map((place) => [place, parts.get(place)]));
  for (const place of asked) {
    const name = wanted[place];
    if (name && !names.includes(name)) {
      say(place, name, names.join(", ") || "no axes");
      delete wanted[place];
    }
  }
  Object.assign(state, wanted);
  const seen = new Set();
  for (const place of ["x", "y", "facet"]) {
    if (state[place] && seen.has(state[place])) state[place] = "";
    seen.add(state[place]);
  }
}

function readRule(sweep, parts, state, say) {
  if (parts.has("rule")) {
    const names = sweep.rules.map((rule) => rule.name);
    if (names.includes(parts.get("rule"))) state.rule = parts.get("rule");
    else say("rule", parts.get("rule"), names.join(", "));
  }
  state.settings = firstSettings(sweep, state.rule);
  const fields = sweep.rules.find((rule) => rule.name === state.rule).fields;
  for (const [key, text] of parts) {
    if (!key.startsWith("threshold.")) continue;
    const field = fields.find((each) => `threshold.${each.name}` === key);
    const known = field?.name === "loss_convention" ? sweep.conventions : null; // those that this sweep can use
    const value = field && (known && !known.includes(text) ? undefined : settingOf(field, text));
    if (value === undefined)
      say(key, text, field ? allowed(field) : `the thresholds ${fields.map((each) => each.name).join(", ")}`);
    else state.settings[field.name] = value;
  }
}

/** A threshold from text; undefined if the value is not allowed. */
export function settingOf(field, text) {
  if (field.options.length) return field.options.find((option) => String(option) === text || option === Number(text));
  const value = text.trim() === "" ? NaN : Number(text.replace("−", "-"));
  return value >= field.low && value <= field.high ? value : undefined;
}

/** The allowed values of a threshold, in words. */
export function allowed(field) {
  return field.options.length ? field.options.join(", ") : `numbers from ${field.low} to ${field.high}`;
}

function readFilters(sweep, parts, state, say) {
  const names = axisNames(sweep);
  for (const name of parts.getAll("all")) if (names.includes(name)) state.only[name] = null;
  for (const name of parts.getAll("none")) if (names.includes(name)) state.only[name] = [];
  for (const [key, text] of parts) {
    if (!key.startsWith("only.")) continue;
    const name = key.slice("only.".length);
    if (!names.includes(name)) say(key, text, names.join(", ") || "no filters");
    else if (!axisOf(sweep, name).texts.includes(text)) say(key, text, axisOf(sweep, name).texts.join(", "));
    else state.only[name] = [...(state.only[name] ?? []), text];
  }
}
