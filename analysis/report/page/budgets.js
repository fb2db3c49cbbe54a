// The sweep as it stood at earlier steps: the outcomes of the runs as if they had been trained for so many steps.

import { NO_CODE, Reader, bytesOf } from "./bytes.js";
import { TRAINED } from "./sweep.js";

/** The status of a run that made fewer steps than the budget. */
const TOO_SHORT = 3;
const NAN_BITS = 0x7ff80000;

/** The sweep as of each step that the page has. */
export class Budgets {
  constructor(sweep) {
    this.sweep = sweep;
    this.steps = sweep.budgets.steps;
    this.known = new Map(); // the columns at the steps that are unpacked
    this.views = new Map();
  }

  /** The sweep as of a step; null for the last step of each run. Unpacks it first. */
  async at(step) {
    if (step === null) return this.sweep;
    await this.unpack(step);
    return this.view(step);
  }

  /** The sweep as of an unpacked step. */
  view(step) {
    if (step === null) return this.sweep;
    if (!this.views.has(step)) this.views.set(step, sweepAt(this.sweep, step, this.known.get(step), this.steps.indexOf(step)));
    return this.views.get(step);
  }

  has(step) {
    return step === null || this.known.has(step);
  }

  /** Unpacks a step and those after it, on which it builds. */
  async unpack(step) {
    const first = this.steps.indexOf(step);
    for (let index = this.steps.length - 1; index >= first; index--) {
      if (this.known.has(this.steps[index])) continue;
      const reader = new Reader(await bytesOf(`budget${index}`));
      const changed = new Map(this.sweep.budgets.columns[index].map((name) => [name, reader.numbers(this.sweep.runs)]));
      if (!this.known.has(this.steps[index])) this.known.set(this.steps[index], this.columnsAt(index, changed));
    }
  }

  /** Unpacks all steps while the browser is idle. */
  async unpackAhead() {
    const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 50));
    for (const step of this.steps.toReversed()) {
      await new Promise((then) => idle(then));
      await this.unpack(step);
    }
  }

  columnsAt(index, changed) {
    const later = this.known.get(this.steps[index + 1]);
    const names = this.sweep.budgets.names;
    const columns = names.map((name) => {
      const values = expected(name, later?.get(name) ?? this.sweep.outcome(name), this.steps[index]);
      return [name, changed.has(name) ? differing(values, changed.get(name)) : values];
    });
    return new Map(columns);
  }
}

/** What a column is expected to be as of a step, from what it is later; as in analysis/report/budgets.py. */
function expected(name, later, step) {
  if (name === "steps") return later.map((value) => Math.min(value, step));
  if (!isStep(name)) return later;
  const values = later.slice();
  const words = new Uint32Array(values.buffer);
  const high = new Uint8Array(new Uint16Array([1]).buffer)[0];
  for (let run = 0; run < values.length; run++) {
    if (later[run] <= step) continue;
    words[2 * run + high] = NAN_BITS; // any other NaN would not be restored
    words[2 * run + 1 - high] = 0;
  }
  return values;
}

/** Whether a column is a step at which something happened, and NaN where it never did. */
export function isStep(name) {
  return name === "diverged_step" || name.startsWith("first_step_") || name.startsWith("sustained_step_");
}

/** Numbers with some of their bits turned. */
function differing(values, bits) {
  const words = new Uint32Array(values.slice().buffer);
  const turned = new Uint32Array(bits.buffer, bits.byteOffset, words.length);
  for (let index = 0; index < words.length; index++) words[index] ^= turned[index];
  return new Float64Array(words.buffer);
}

/** The sweep with the outcomes as of a step; outcomes that the page does not have as of a step are not there. */
function sweepAt(sweep, step, columns, index) {
  const [made, diverged] = [sweep.outcome("steps"), sweep.outcome("diverged_step")];
  const stopped = sweep.known.get("stopped_by");
  const ended = (run) => !Number.isNaN(diverged[run]) || (stopped && stopped.codes[run] !== NO_CODE);
  const status = sweep.status.map((each, run) => (each === TRAINED && made[run] < step && !ended(run) ? TOO_SHORT : each));
  const known = new Map(sweep.known);
  if (stopped) known.set("stopped_by", { ...stopped, codes: stopped.codes.map((code, run) => (made[run] < step ? code : NO_CODE)) });
  const nothing = new Float64Array(sweep.runs).fill(NaN);
  const values = new Map(
    Array.from(columns, ([name, numbers]) => [name, numbers.map((value, run) => (status[run] === TRAINED ? value : NaN))]),
  );
  const curves = sweep.curves.until(step);
  const labels = new Map(Array.from(sweep.labelsAsOf ?? [], ([name, all]) => [name, all[index]]));
  const outcomes = sweep.outcomes.filter((outcome) => values.has(outcome.name));
  const trained = status.filter((each) => each === TRAINED).length;
  const outcome = (name) => values.get(name) ?? nothing;
  return { ...sweep, status, known, curves, labels, outcomes, trained, outcome, has: (name) => values.has(name) };
}
