// Hyperparameters as axes: the places that their values take, many numbers gathered into bins.

import { NO_CODE } from "./bytes.js";
import { short } from "./numbers.js";

/** More values than these are gathered into bins, if they are numbers. */
const MOST_VALUES = 40;
const BINS = 12;
const axes = new Map();

/**
 * A hyperparameter as an axis: `texts` of its places in order, `places` [R] of the runs; "none" comes last. Null for no name.
 */
export function axisOf(sweep, name) {
  if (!name) return null;
  if (!axes.has(name)) axes.set(name, made(sweep, sweep.known.get(name)));
  return axes.get(name);
}

/** What can be put on an axis: what the sweep varies, seeds last, and what the page was asked to open with. */
export function axisNames(sweep) {
  return [...new Set([...sweep.varied, ...sweep.seeds, ...Object.values(sweep.axes).filter(Boolean)])];
}

function made(sweep, column) {
  const many = column.values.length > MOST_VALUES && ["whole", "number"].includes(column.kind);
  const [texts, placeOf] = many ? binned(column.values) : [column.texts, (code) => code];
  const places = Uint16Array.from(column.codes, (code) => (code === NO_CODE ? texts.length : placeOf(code)));
  const lacking = column.codes.includes(NO_CODE);
  return { ...column, texts: lacking ? [...texts, "none"] : texts, places, binned: many };
}

/** Bins between the least and the greatest of ascending numbers, of equal width, or of equal ratio where they span decades. */
function binned(values) {
  const [low, high] = [values[0], values[values.length - 1]];
  const log = low > 0 && high / low >= 20;
  const place = log ? (value) => Math.log(value / low) / Math.log(high / low) : (value) => (value - low) / (high - low);
  const bin = (value) => Math.min(BINS - 1, Math.floor(BINS * place(value)));
  const used = [...new Set(values.map(bin))].sort((a, b) => a - b);
  const ends = used.map((index) => values.filter((value) => bin(value) === index)).map((within) => [within[0], within.at(-1)]);
  const words = (digits) =>
    ends.map(([least, greatest]) => {
      const told = [short(least, digits), short(greatest, digits)];
      return least === greatest ? told[0] : told.join("–");
    });
  const ambiguous = (digits) => new Set(ends.flat().map((end) => short(end, digits))).size < new Set(ends.flat()).size;
  let digits = 2;
  while (digits < 17 && ambiguous(digits)) digits++;
  const texts = words(digits);
  return [texts, (code) => used.indexOf(bin(values[code]))];
}
