// Conditions on runs, as a reader writes them: weight_decay=0.1,1 phase=grok min_test_loss<1e-3

import { columnNames, columnOf } from "./columns.js";

const CONDITION = /^([^\s!<>=]+)(<=|>=|!=|=|<|>)(.+)$/;
const COMPARE = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/**
 * The test of a run that conditions describe, and a sentence about the first condition that cannot be read; null if all can. A word
 * without a comparison is a phase or the beginning of a run_id.
 */
export function conditionsOf(sweep, labels, text) {
  const tests = [];
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const test = testOf(sweep, labels, word);
    if (typeof test === "string") return { test: () => true, complaint: test };
    tests.push(test);
  }
  return { test: (run) => tests.every((test) => test(run)), complaint: null };
}

function testOf(sweep, labels, word) {
  const parts = word.match(CONDITION);
  if (!parts) {
    const phases = [...sweep.phases.map((phase) => phase.name), "missing"];
    const phase = columnOf(sweep, labels, "phase");
    if (phases.includes(word)) return (run) => phase.text(run) === word;
    if (sweep.runIds.some((id) => id.startsWith(word))) return (run) => sweep.runIds[run].startsWith(word);
    return `${word} is no condition; write NAME=VALUE, NAME<VALUE, a phase, or the beginning of a run_id`;
  }
  const [, name, sign, value] = parts;
  const column = columnOf(sweep, labels, name);
  if (!column) return `there is no column ${name}; ${nearest(name, columnNames(sweep))}`;
  if (sign in COMPARE) {
    if (!column.numeric || Number.isNaN(Number(value))) return `${word} compares numbers; use = or != with ${name}`;
    return (run) => COMPARE[sign](column.number(run), Number(value));
  }
  const wanted = value.split(",");
  const has = (run) => wanted.some((each) => (column.numeric && each !== "none" ? column.number(run) === Number(each) : column.text(run) === each));
  return sign === "=" ? has : (run) => !has(run);
}

/** Names like a mistyped one, in words. */
function nearest(name, names) {
  const pairs = (text) => new Set(Array.from({ length: text.length - 1 }, (_, index) => text.slice(index, index + 2)));
  const mine = pairs(name);
  const alike = (other) => [...pairs(other)].filter((pair) => mine.has(pair)).length / Math.max(mine.size, other.length - 1);
  const close = names.filter((other) => alike(other) > 0.5).sort((a, b) => alike(b) - alike(a));
  return close.length ? `did you mean ${close[0]}?` : "the header of the table has some names";
}
