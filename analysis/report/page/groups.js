// The metrics that share a chart, and the lines that they are drawn as.

const STYLES = [
  ["train", []],
  ["test", [5, 3]],
  ["generalize", [7, 3, 2, 3]],
  ["undecided", [2, 3]],
  ["memorize", []],
  ["ink", [5, 3]],
];
/** The colours of lines, in the order of their use. */
export const LINE_COLORS = STYLES.map(([color]) => color);

/**
 * The metrics that share a chart, by name: losses, accuracies, L1 norms, other norms, and every other metric alone. L1 norms are so much
 * larger than the others that these would be flat lines beside them.
 */
export function metricGroups(sweep) {
  const groups = new Map();
  sweep.curves.scales.forEach((scale, metric) => {
    const [, kind] = scale.name.match(/_(loss|accuracy|l1_norm|norm)$/) ?? [];
    const name = { norm: "norms", l1_norm: "l1_norms" }[kind] ?? kind ?? scale.name;
    if (!groups.has(name)) groups.set(name, { name, unit: scale.unit, log: scale.log, metrics: [] });
    groups.get(name).metrics.push(metric);
  });
  const last = groups.get("l1_norms");
  if (last && groups.delete(last.name)) groups.set(last.name, last);
  for (const group of groups.values()) Object.assign(group, range(sweep, group));
  return groups;
}

/** The range of a group's values over the whole sweep, so that all its charts have one scale. */
function range(sweep, group) {
  const shown = group.metrics.map((metric) => sweep.curves.scales[metric].shown);
  let [low, high] = [Math.min(...shown.map(([least]) => least)), Math.max(...shown.map(([, greatest]) => greatest))];
  if (group.log) return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high * 1.0001)) };
  if (group.unit === "share") [low, high] = [Math.min(low, 0), Math.max(high, 1)];
  const margin = (high - low || 1) * 0.04;
  return { low: low - margin, high: high + margin };
}

/** The name, colour and dashes of each line of a group. */
export function linesOf(sweep, group) {
  return group.metrics.map((metric, index) => {
    const [color, dash] = STYLES[index % STYLES.length];
    return { metric, name: sweep.curves.scales[metric].name, color, dash };
  });
}
