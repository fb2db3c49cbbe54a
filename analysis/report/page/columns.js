// The columns of the runs by name: hyperparameters, provenance, outcomes, the run's id and its phase, as texts and as numbers.

import { NO_CODE } from "./bytes.js";
import { short } from "./numbers.js";
import { textAt } from "./sweep.js";

/** The column with a name: `text(run)` as it is shown, `exact(run)` as a file has it, `number(run)` NaN if it is none. Null for no name. */
export function columnOf(sweep, labels, name) {
  if (name === "run_id") return textColumn(name, (run) => sweep.runIds[run]);
  if (name === "phase") return textColumn(name, (run) => phaseName(sweep, labels, run));
  if (sweep.known.has(name)) return codedColumn(sweep.known.get(name));
  if (!sweep.has(name)) return null;
  const values = sweep.outcome(name);
  const exact = (run) => (Number.isNaN(values[run]) ? "" : String(values[run]));
  return { name, numeric: true, text: (run) => short(values[run], 4), exact, number: (run) => values[run] };
}

/** The name of a run's phase; "missing" for a run without one. */
function phaseName(sweep, labels, run) {
  return sweep.phases[labels[run]]?.name ?? "missing";
}

/** The names of all columns. */
export function columnNames(sweep) {
  const outcomes = sweep.outcomes.map((outcome) => outcome.name);
  return ["run_id", "phase", ...sweep.hyperparameters.map((column) => column.name), ...outcomes, ...sweep.provenance.map((column) => column.name)];
}

/** The names of the columns that are numbers, those that are the same for all runs left out. */
export function numberNames(sweep) {
  const coded = sweep.hyperparameters.filter((column) => isNumber(column) && column.values.length > 1);
  return [...sweep.outcomes.map((outcome) => outcome.name), ...coded.map((column) => column.name)];
}

function textColumn(name, text) {
  return { name, numeric: false, text, exact: text, number: () => NaN };
}

function codedColumn(column) {
  const numeric = isNumber(column);
  const value = (run) => (column.codes[run] === NO_CODE ? null : column.values[column.codes[run]]);
  return {
    name: column.name,
    numeric,
    text: (run) => textAt(column, run),
    exact: (run) => String(value(run) ?? ""),
    number: (run) => (numeric ? (value(run) ?? NaN) : NaN),
  };
}

function isNumber({ kind }) {
  return kind === "whole" || kind === "number";
}
