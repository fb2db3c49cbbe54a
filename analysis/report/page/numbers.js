// How numbers read.

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A number in few characters: 64, 0.003, 1e-5, 2.35e6. */
export function short(value, digits = 6) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (rounded === 0 || (size >= 1e-3 && size < 1e6)) return String(rounded).replace("-", "−");
  return rounded.toExponential().replace("e+", "e").replace(/^-/, "−");
}

/** A whole number with its thousands set apart. */
export function whole(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A power of ten as it is written: 10⁻⁵. */
export function power(exponent) {
  if (exponent === 0) return "1";
  const digits = [...String(Math.abs(exponent))].map((digit) => RAISED[digit]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/** Steps on an axis: 0, 500, 20k, 1.5M. */
export function steps(value) {
  const [unit, by] = value >= 1e6 ? ["M", 1e6] : value >= 1e3 ? ["k", 1e3] : ["", 1];
  return `${Number((value / by).toPrecision(3))}${unit}`;
}

/** A share in per cent, without decimals that say nothing. */
export function percent(share) {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? "<1" : value > 99 && value < 100 ? ">99" : Math.round(value)} %`;
}

/** One or many: 1 run, 1,125 runs. */
export function count(number, noun, nouns = `${noun}s`) {
  return `${whole(number)} ${number === 1 ? noun : nouns}`;
}
