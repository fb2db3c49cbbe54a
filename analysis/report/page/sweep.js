// The sweep that the page shows: columns of R runs, and their curves when they are asked for.

import { NO_CODE, Reader, bytesOf } from "./bytes.js";
import { short } from "./numbers.js";

/** The status of a run that was trained; 1: missing, 2: in quarantine, 3: with fewer steps than the budget. */
export const TRAINED = 0;
const MISSING_CODE = 0;
const NOT_POSITIVE = 1;
const FIRST_VALUE = 2;

/** The sweep, with all but its curves unpacked. */
export async function readSweep() {
  const metadata = JSON.parse(document.getElementById("metadata").textContent);
  const columns = new Reader(await bytesOf("columns"));
  const runs = metadata.runs;
  const status = columns.small(runs);
  const coded = (column) => ({ ...column, codes: columns.codes(runs), texts: textsOf(column) });
  const hyperparameters = metadata.hyperparameters.map(coded);
  const provenance = metadata.provenance.map(coded);
  const outcomes = new Map(metadata.outcomes.map((outcome) => [outcome.name, columns.numbersLater(runs)]));
  const factors = new Map(metadata.conventions.map((name) => [name, columns.numbers(runs)]));
  const computed = metadata.rules.filter((rule) => rule.columns !== null);
  const labels = new Map(computed.map((rule) => [rule.name, columns.small(runs)]));
  const runIds = columns.text().split("\n");
  const asOf = new Reader(await bytesOf("labels"));
  const each = (name) => [name, metadata.budgets.steps.map(() => asOf.small(runs))];
  const labelsAsOf = new Map(computed.map((rule) => each(rule.name)));
  const happened = new Reader(await bytesOf("events"));
  const [eventRuns, eventSteps] = [happened.numbersLater(metadata.events), happened.numbersLater(metadata.events)];
  const events = { runs: eventRuns, steps: eventSteps, kinds: happened.small(metadata.events) };
  const nothing = new Float64Array(runs).fill(NaN);
  const points = new Reader(await bytesOf("points"));
  const [grid, kept] = [points.codes(runs), points.codes(runs)];
  return {
    ...metadata,
    status,
    hyperparameters,
    provenance,
    factors,
    labels,
    events,
    labelsAsOf, // for each budget
    runIds,
    known: new Map([...provenance, ...hyperparameters].map((column) => [column.name, column])),
    outcome: (name) => outcomes.get(name)?.() ?? nothing,
    has: (name) => outcomes.has(name),
    trained: status.reduce((sum, each) => sum + (each === TRAINED ? 1 : 0), 0),
    curves: new Curves(metadata.curves, grid, kept, outcomes.get("steps")()),
  };
}

/** The values of a column as texts: numbers with as few digits as keep them distinct. */
function textsOf({ kind, values }) {
  if (kind === "truth") return values.map((value) => (value ? "true" : "false"));
  if (kind !== "number") return values.map(String);
  for (let digits = 4; digits < 17; digits++) {
    const texts = values.map((value) => short(value, digits));
    if (new Set(texts).size === values.length) return texts;
  }
  return values.map(String);
}

/** The value of a run in a column, as text; "none" if it has none. */
export function textAt(column, run) {
  const code = column.codes[run];
  return code === NO_CODE ? "none" : column.texts[code];
}

/** The curves of the runs, unpacked one chunk at a time. */
class Curves {
  constructor(metadata, grid, kept, lastSteps) {
    Object.assign(this, { ...metadata, grid, kept, lastSteps, ends: lastSteps, limit: Infinity, chunks: new Map() });
    this.starts = new Uint32Array(kept.length); // of each run in its chunk
    for (let run = 1; run < kept.length; run++) {
      this.starts[run] = run % this.runsPerChunk ? this.starts[run - 1] + kept[run - 1] : 0;
    }
  }

  /** The same curves up to a step. */
  until(step) {
    const lastSteps = this.ends.map((last) => Math.min(last, step));
    return Object.assign(Object.create(this), { limit: step, lastSteps });
  }

  /** Unpacks the curves of some runs, if they are not unpacked yet. */
  async ready(runs) {
    const chunks = new Set(Array.from(runs, (run) => Math.floor(run / this.runsPerChunk)));
    await Promise.all(Array.from(chunks, (chunk) => this.chunk(chunk)));
  }

  /** Unpacks all curves while the browser is idle. */
  async unpackAhead() {
    const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 50));
    for (let chunk = 0; chunk * this.runsPerChunk < this.kept.length; chunk++) {
      await new Promise((then) => idle(then));
      await this.chunk(chunk);
    }
  }

  chunk(index) {
    if (!this.chunks.has(index))
      this.chunks.set(
        index,
        this.unpack(index).then((codes) => this.chunks.set(index, codes) && codes),
      );
    return this.chunks.get(index);
  }

  async unpack(index) {
    const reader = new Reader(await bytesOf(`chunk${index}`));
    const first = index * this.runsPerChunk;
    const kept = this.kept.subarray(first, first + this.runsPerChunk);
    const total = kept.reduce((sum, points) => sum + points, 0);
    return this.scales.map(() => summed(reader.codes(total), kept));
  }

  /** The logged steps of a run that the page has. */
  steps(run) {
    const points = this.kept[run];
    const steps = this.grids[this.grid[run]].slice(0, points);
    if (points) steps[points - 1] = this.ends[run];
    return this.limit === Infinity ? steps : steps.filter((step) => step <= this.limit);
  }

  /** A metric of an unpacked run at those steps; null if missing, `floor` if a log scale cannot show it. */
  values(run, metric, floor = null) {
    const scale = this.scales[metric];
    const codes = this.chunks.get(Math.floor(run / this.runsPerChunk))[metric];
    const start = this.starts[run];
    const points = this.limit === Infinity ? this.kept[run] : this.steps(run).length;
    return Array.from(codes.subarray(start, start + points), (code) => {
      if (code === MISSING_CODE) return null;
      if (code === NOT_POSITIVE) return floor;
      const place = scale.low + (code - FIRST_VALUE) * scale.step;
      return scale.log ? 10 ** place : place;
    });
  }
}

/** Codes from their second differences; the first of each run is the code itself, the second a first difference. */
function summed(differences, kept) {
  let at = 0;
  for (const points of kept) {
    let [code, slope] = [0, 0];
    for (let point = 0; point < points; point++, at++) {
      const folded = differences[at];
      slope += (folded >>> 1) ^ -(folded & 1);
      code = (code + slope) & 0xffff;
      if (point === 0) slope = 0;
      differences[at] = code;
    }
  }
  return differences;
}
