// Hyperparameters as axes: the order of their values, and bins if they have many.

import { NO_CODE } from "./bytes.js";
import { short } from "./numbers.js";

/** Numbers with more distinct values than this are put into bins. */
const MOST_VALUES = 40;
const BINS = 12;
const LOG_SPAN = 4; // as in analysis/statistics/scale.py
/** The text of a run that has no value. */
export const NONE = "none";
const axes = new Map();

/**
 * A hyperparameter as an axis: the `texts` of its values in order, "none" last, and the index `places` [R] of each run's value.
 * Null for no name.
 */
export function axisOf(sweep, name) {
  if (!name) return null;
  if (!axes.has(name)) axes.set(name, axisFrom(sweep, sweep.known.get(name)));
  return axes.get(name);
}

/** The hyperparameters that can be put on an axis: those that vary, the seeds, and those that the page opened with. */
export function axisNames(sweep) {
  return [...new Set([...sweep.varied, ...sweep.seeds, ...Object.values(sweep.axes).filter(Boolean)])];
}

function axisFrom(sweep, column) {
  const many = column.values.length > MOST_VALUES && ["whole", "number"].includes(column.kind);
  const [texts, placeOf] = many ? binned(column.values) : [column.texts, (code) => code];
  const places = Uint16Array.from(column.codes, (code) => (code === NO_CODE ? texts.length : placeOf(code)));
  const lacking = column.codes.includes(NO_CODE);
  return { ...column, texts: lacking ? [...texts, NONE] : texts, places, lacking, binned: many };
}

/**
 * Bins for ascending numbers: of equal ratio if none is negative and the positive ones span a factor of LOG_SPAN, else of equal width.
 * Among bins of equal ratio, 0 has one of its own below the others.
 */
function binned(values) {
  const positive = values.filter((value) => value > 0);
  const log = values[0] >= 0 && positive.at(-1) >= LOG_SPAN * positive[0];
  const [low, high] = [log ? positive[0] : values[0], values.at(-1)];
  const place = log ? (value) => Math.log(value / low) / Math.log(high / low) : (value) => (value - low) / (high - low);
  const bin = (value) => (log && value === 0 ? -1 : Math.min(BINS - 1, Math.floor(BINS * place(value))));
  const used = [...new Set(values.map(bin))].sort((a, b) => a - b);
  const ends = used.map((index) => values.filter((value) => bin(value) === index)).map((within) => [within[0], within.at(-1)]);
  const words = (digits) =>
    ends.map(([least, greatest]) => {
      const numbers = [short(least, digits), short(greatest, digits)];
      return least === greatest ? numbers[0] : numbers.join("–");
    });
  const ambiguous = (digits) => new Set(ends.flat().map((end) => short(end, digits))).size < new Set(ends.flat()).size;
  let digits = 2;
  while (digits < 17 && ambiguous(digits)) digits++;
  const texts = words(digits);
  return [texts, (code) => used.indexOf(bin(values[code]))];
}
