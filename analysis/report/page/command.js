// A command that trains one run again: its whole spec, so that it needs no other file.

import { NO_CODE } from "./bytes.js";
import { TRAINED } from "./sweep.js";

/** A shell command that writes a spec of one run and trains it. */
export function commandOf(sweep, run) {
  // safe in a shell, and not a hidden file
  const name = `${sweep.spec}-${sweep.runIds[run].slice(0, 8)}`.replace(/[^A-Za-z0-9._]+/g, "-").replace(/^[-.]+/, "");
  const ended = sweep.status[run] === TRAINED && Number.isNaN(sweep.outcome("diverged_step")[run]) && !stopped(sweep, run);
  // of a run that ended early, the steps that were planned
  const steps = ended || sweep.steps === null ? sweep.outcome("steps")[run] : sweep.steps;
  const lines = sweep.hyperparameters
    .filter((column) => column.name !== "component_versions" && column.codes[run] !== NO_CODE) // those of the installed code
    .map((column) => `${key(column.name)} = ${literal(column.kind, column.values[column.codes[run]])}`);
  if (!Number.isNaN(steps)) lines.push(`steps = ${steps}`);
  const spec = [`name = ${quoted(name)}`, "", "[run]", ...lines].join("\n");
  return `cat > ${name}.toml <<'END'\n${spec}\nEND\ngrokjax run ${name}.toml --root results/${name}`;
}

/** Whether a run was stopped before its last step. */
function stopped(sweep, run) {
  const column = sweep.known.get("stopped_by");
  return column !== undefined && column.codes[run] !== NO_CODE;
}

/** A value as TOML writes it. */
function literal(kind, value) {
  if (kind === "text") return quoted(value);
  if (kind === "number" && Number.isInteger(value)) return value.toFixed(1);
  return String(value);
}

function key(name) {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : quoted(name);
}

function quoted(text) {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}
