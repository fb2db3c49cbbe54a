// The selection of runs as text: conditions for the command line, and comma-separated values.

import { columnNames, columnOf } from "./columns.js";

const PLAIN = /^[A-Za-z0-9_.,=+-]+$/; // needs no quotes in a shell

/**
 * Options of the command line that select exactly these runs: conditions on hyperparameters if there are such, else their run_ids; and
 * the budget, if there is one.
 */
export function whereText(sweep, runs, budget) {
  const conditions = conditionsFor(sweep, runs) ?? [`run_id=${runs.map((run) => sweep.runIds[run]).join()}`];
  const options = conditions.map((condition) => `--where ${shellQuoted(condition)}`);
  return [...options, ...(budget === null ? [] : [`--budget ${budget}`])].join(" ");
}

/** Conditions on the hyperparameters that vary which only these runs meet; null if there are none. */
function conditionsFor(sweep, runs) {
  const chosen = new Uint8Array(sweep.runs);
  for (const run of runs) chosen[run] = 1;
  const met = new Uint8Array(sweep.runs).fill(1);
  const conditions = [];
  for (const name of [...sweep.varied, ...sweep.seeds]) {
    const { codes, values } = sweep.known.get(name);
    const used = new Set(runs.map((run) => codes[run]));
    const all = new Set(codes);
    if (used.size === all.size) continue;
    const texts = Array.from(used, (code) => values[code]);
    if (texts.some((value) => value === undefined || !safe(value))) return null; // no value, or one that a list cannot have
    for (let run = 0; run < codes.length; run++) if (!used.has(codes[run])) met[run] = 0;
    conditions.push(`${name}=${texts.sort((a, b) => (a > b ? 1 : -1)).join()}`);
  }
  return met.every((each, run) => each === chosen[run]) ? conditions : null;
}

/** Whether the command line reads the text of a value as that value. */
function safe(value) {
  return typeof value !== "string" || (/^[^\s,[\](){}]+$/.test(value) && !value.includes("..") && Number.isNaN(Number(value)));
}

function shellQuoted(text) {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The runs as comma-separated values (RFC 4180), with all their columns, a row a run. */
export function csvText(sweep, labels, runs) {
  const columns = columnNames(sweep).map((name) => columnOf(sweep, labels, name));
  const field = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const row = (texts) => texts.map(field).join(",");
  return [row(columns.map((column) => column.name)), ...runs.map((run) => row(columns.map((column) => column.exact(run)))), ""].join("\r\n");
}
