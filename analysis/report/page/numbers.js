// Numbers as text, and the interval of a share.

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const Z = 1.959963984540054; // of a 95 % interval

/** A number in few characters: 64, 0.003, 1e-5, 2.35e6. */
export function short(value, digits = 6) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (rounded === 0 || (size >= 1e-3 && size < 1e6)) return String(rounded).replace("-", "−");
  return rounded.toExponential().replace("e+", "e").replace(/^-/, "−");
}

/** A whole number with commas between its thousands. */
export function whole(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A power of ten: 10⁻⁵. */
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

/** A share in percent, without decimals. */
export function percent(share) {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? "<1" : value > 99 && value < 100 ? ">99" : Math.round(value)} %`;
}

/** A count with its noun: 1 run, 1,125 runs. */
export function count(number, noun, nouns = `${noun}s`) {
  return `${whole(number)} ${number === 1 ? noun : nouns}`;
}

/** The Wilson score interval of a share at 95 % (Wilson 1927). */
export function wilson(successes, trials) {
  const share = successes / trials;
  const scale = 1 + (Z * Z) / trials;
  const middle = (share + (Z * Z) / (2 * trials)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / trials + (Z * Z) / (4 * trials * trials));
  return [successes === 0 ? 0 : middle - half, successes === trials ? 1 : middle + half];
}
