// How sure a share is.

const Z = 1.959963984540054; // of 95 %

/** The Wilson score interval of a share at 95 % (Wilson 1927). */
export function wilson(successes, trials) {
  const share = successes / trials;
  const scale = 1 + (Z * Z) / trials;
  const middle = (share + (Z * Z) / (2 * trials)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / trials + (Z * Z) / (4 * trials * trials));
  return [successes === 0 ? 0 : middle - half, successes === trials ? 1 : middle + half];
}
