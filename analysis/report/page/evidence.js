// The evidence of a rule: what it looks at in the curves of a run, and how charts mark it.

import { ruleOf } from "./rules.js";

const PARTS = ["train", "test"];

/**
 * What the rule looks at in the curves of some runs, for the charts of some metrics.
 *
 * `levels` are thresholds of these metrics. `steps` are the steps at which train and test metrics crossed a threshold, for any chart.
 * `points` are the values that the rule reads, each at a step of one of these metrics.
 */
export function evidenceOf(sweep, state, runs, metrics) {
  const rule = ruleOf(sweep, state.rule);
  const places = new Map(metrics.map((metric) => [sweep.curves.scales[metric].name, metric]));
  const found = runs.map((run) => ({ run, ...rule.looks(sweep, state.settings, run) }));
  const levels = found.flatMap((each) => each.levels).filter(([name]) => places.has(name));
  const points = runs.length > 1 ? [] : found.flatMap(({ run, points }) => points.map((point) => ({ run, point })));
  return {
    levels: [...new Set(levels.map(([, value]) => value))],
    steps: found.flatMap((each) => each.steps.map((step, part) => ({ step, part: PARTS[part] }))).filter(({ step }) => !Number.isNaN(step)),
    points: points
      .filter(({ point: [name, value] }) => places.has(name) && !Number.isNaN(value))
      .map(({ run, point: [name, value, which] }) => ({ part: name.split("_")[0], value, step: stepOf(sweep.curves, run, places.get(name), which) })),
  };
}

/** The logged step of a run at which a metric is least, or the last one. */
function stepOf(curves, run, metric, which) {
  const steps = curves.steps(run);
  if (which === "last") return steps.at(-1);
  const values = curves.values(run, metric, 0).map((value) => value ?? Infinity);
  return steps[values.indexOf(Math.min(...values))];
}

/** The metric groups that a rule looks at, by the first level that it has for a trained run; null if it has none. */
export function groupOfRule(sweep, state, groups) {
  const run = sweep.status.indexOf(0);
  const [level] = run < 0 ? [] : ruleOf(sweep, state.rule).looks(sweep, state.settings, run).levels;
  if (!level) return null;
  for (const group of groups.values()) {
    if (group.metrics.some((metric) => sweep.curves.scales[metric].name === level[0])) return group;
  }
  return null;
}

/**
 * Marks evidence with a pen: levels as dotted lines across, steps as lines upwards in the colour of the train or test metric, values
 * that the rule reads as circles. `x` and `y` turn steps and values into places; `box` is the area of the plot.
 */
export function markEvidence(pen, { levels, steps, points }, x, y, { left, top, width, height }) {
  const [right, bottom] = [left + width, top + height];
  for (const level of levels) {
    const at = y(level);
    if (at >= top && at <= bottom) pen.line(left, at, right, at, { color: "soft", dash: [2, 2], width: 1 });
  }
  for (const { step, part } of steps) {
    const at = x(step);
    const alpha = steps.length > PARTS.length ? 0.45 : 0.85;
    if (at >= left && at <= right) pen.line(at, top, at, bottom, { color: part, dash: part === "test" ? [4, 2] : [], width: 1, alpha });
  }
  for (const { step, value, part } of points) {
    const [across, up] = [x(step), Math.min(bottom, Math.max(top, y(value)))];
    if (across >= left && across <= right) pen.circle(across, up, 3.5, { color: part, width: 1.4 });
  }
}
