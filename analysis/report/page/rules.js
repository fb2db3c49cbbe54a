// The rules of analysis/labels/rules.py, so that thresholds can be moved here; tests compare their labels.

import { NO_CODE } from "./bytes.js";
import { TRAINED } from "./sweep.js";

/** The label of a run that was not trained yet. */
const MISSING = 255;

/** The label of each run: the index of its phase in `sweep.phases`, or MISSING. */
export function classify(sweep, name, settings) {
  const rule = ruleOf(sweep, name);
  const phase = rule.judge(sweep, settings);
  const index = Object.fromEntries(sweep.phases.map((each, place) => [each.name, place]));
  const certain = new Set(rule.certain(settings));
  const stopped = sweep.known.get("stopped_by")?.codes;
  const labels = new Uint8Array(sweep.runs).fill(MISSING);
  for (let run = 0; run < sweep.runs; run++) {
    if (sweep.status[run] !== TRAINED) continue;
    const found = phase(run);
    labels[run] = index[stopped && stopped[run] !== NO_CODE && !certain.has(found) ? "undecided" : found];
  }
  return labels;
}

/** A rule by name: one of RULES, or one of another package, whose labels the page holds. */
export function ruleOf(sweep, name) {
  if (name in RULES) return RULES[name];
  const labels = sweep.labels.get(name);
  return {
    judge: () => (run) => sweep.phases[labels[run]].name,
    certain: () => sweep.phases.map((phase) => phase.name),
    columns: () => sweep.rules.find((rule) => rule.name === name).columns,
    spread: () => ({}),
    looks: () => ({ levels: [], steps: [], points: [] }),
  };
}

/**
 * For each rule of this package: `judge` returns a function from a run to its phase, `certain` the phases that no later step could change,
 * `columns` the outcomes that the rule reads, `spread` the values of all runs that a threshold is compared with, and `looks` what the
 * rule looks at in the curves of a run: `levels` as pairs of metric and threshold, `steps` at which the train and the test metric
 * crossed theirs, and `points` as metric, value, and whether that is the "least" or the "last" of the curve.
 */
const RULES = {
  article: {
    judge(sweep, { loss_threshold, ratio_threshold, loss_convention }) {
      const [train, test, ratio, diverged] = articleColumns().map(sweep.outcome);
      const factor = sweep.factors.get(loss_convention);
      return (run) => {
        const loss = loss_threshold * factor[run];
        if (train[run] <= loss && test[run] <= loss && ratio[run] >= ratio_threshold) return "grok";
        if (!Number.isNaN(diverged[run])) return "diverged";
        if (Number.isNaN(train[run])) return "undecided";
        if (train[run] > loss) return "fail";
        if (Number.isNaN(test[run])) return "undecided";
        if (test[run] > loss) return "memorize";
        return Number.isNaN(ratio[run]) ? "undecided" : "generalize";
      };
    },
    certain: () => ["grok"],
    columns: articleColumns,
    spread: (sweep) => ({
      loss_threshold: [sweep.outcome("min_train_loss"), sweep.outcome("min_test_loss")],
      ratio_threshold: [sweep.outcome("max_loss_ratio")],
    }),
    looks(sweep, { loss_threshold, loss_convention }, run) {
      const level = loss_threshold * sweep.factors.get(loss_convention)[run];
      const losses = ["train_loss", "test_loss"];
      return {
        levels: losses.map((metric) => [metric, level]),
        steps: [],
        points: losses.map((metric) => [metric, sweep.outcome(`min_${metric}`)[run], "least"]),
      };
    },
  },

  accuracy_delay: {
    judge(sweep, settings) {
      const [train, test, diverged] = accuracyColumns(settings).map(sweep.outcome);
      const inBudget = (step) => (step <= settings.budget ? step : NaN);
      return (run) => {
        const [fitted, generalized] = [inBudget(train[run]), inBudget(test[run])];
        if (generalized - fitted === settings.delay) return "undecided";
        return byDelay(fitted, generalized, settings.delay, diverged[run]);
      };
    },
    certain: () => ["grok", "generalize"],
    columns: accuracyColumns,
    spread(sweep, settings) {
      const [train, test] = accuracyColumns(settings).map(sweep.outcome);
      return { delay: [train.map((step, run) => test[run] - step)], budget: [train, test] };
    },
    looks: (sweep, settings, run) => ({
      levels: ["train_accuracy", "test_accuracy"].map((metric) => [metric, settings.accuracy]),
      steps: accuracyColumns(settings)
        .slice(0, 2)
        .map((name) => sweep.outcome(name)[run]),
      points: [],
    }),
  },

  crossing: {
    judge(sweep, settings) {
      const [train, test] = crossingSteps(sweep, settings);
      const diverged = sweep.outcome("diverged_step");
      return (run) => byDelay(train[run], test[run], settings.delay, diverged[run]);
    },
    certain: ({ kind }) => (kind === "first" ? ["grok", "generalize"] : []),
    columns: crossingColumns,
    spread(sweep, settings) {
      const [train, test] = crossingSteps(sweep, settings);
      return { delay: [train.map((step, run) => test[run] - step)] };
    },
    looks(sweep, settings, run) {
      const columns = [`first_step_train_${settings.train}`, `first_step_test_${settings.test}`];
      const kept = columns.flatMap((name) => sweep.crossings.filter((each) => each.first === name));
      return {
        levels: kept.map((each) => [each.metric, each.threshold]),
        steps: crossingSteps(sweep, settings).map((steps) => steps[run]),
        points: [],
      };
    },
  },

  final: {
    judge(sweep, { train_accuracy, test_accuracy, ratio_threshold }) {
      const [train, test, ratio, diverged] = finalColumns().map(sweep.outcome);
      const reaches = (value, threshold) => Math.fround(value) >= Math.fround(threshold);
      return (run) => {
        const [fitted, generalized] = [reaches(train[run], train_accuracy), reaches(test[run], test_accuracy)];
        if (!Number.isNaN(diverged[run])) return "diverged";
        if (Number.isNaN(train[run]) || Number.isNaN(test[run]) || (generalized && !fitted)) return "undecided";
        if (!fitted) return "fail";
        if (!generalized) return "memorize";
        if (Number.isNaN(ratio[run])) return "undecided";
        return ratio[run] >= ratio_threshold ? "grok" : "generalize";
      };
    },
    certain: () => [],
    columns: finalColumns,
    spread: (sweep) => ({
      train_accuracy: [sweep.outcome("final_train_accuracy")],
      test_accuracy: [sweep.outcome("final_test_accuracy")],
      ratio_threshold: [sweep.outcome("max_loss_ratio")],
    }),
    looks: (sweep, { train_accuracy, test_accuracy }, run) => ({
      levels: [
        ["train_accuracy", train_accuracy],
        ["test_accuracy", test_accuracy],
      ],
      steps: [],
      points: ["train_accuracy", "test_accuracy"].map((metric) => [metric, sweep.outcome(`final_${metric}`)[run], "last"]),
    }),
  },
};

function articleColumns() {
  return ["min_train_loss", "min_test_loss", "max_loss_ratio", "diverged_step"];
}

function accuracyColumns({ accuracy }) {
  const label = Number((100 * accuracy).toPrecision(6));
  return [`first_step_train_accuracy_${label}`, `first_step_test_accuracy_${label}`, "diverged_step"];
}

function crossingColumns({ kind, train, test }) {
  const kinds = kind === "held" ? ["first", "sustained"] : [kind];
  return [...kinds.flatMap((each) => [`${each}_step_train_${train}`, `${each}_step_test_${test}`]), "diverged_step"];
}

/** The steps at which the train and the test metric cross their thresholds; NaN for crossings that do not count. */
function crossingSteps(sweep, settings) {
  const [train, test, ...others] = crossingColumns(settings).map(sweep.outcome);
  if (others.length === 1) return [train, test];
  return [train, test].map((steps, part) => steps.map((step, run) => (Number.isNaN(others[part][run]) ? NaN : step)));
}

function finalColumns() {
  return ["final_train_accuracy", "final_test_accuracy", "max_loss_ratio", "diverged_step"];
}

/** The phase from the steps, NaN if never, at which the train and the test metric crossed their thresholds. */
function byDelay(train, test, delay, diverged) {
  const [fitted, generalized] = [!Number.isNaN(train), !Number.isNaN(test)];
  if (test - train >= delay) return "grok";
  if (fitted && generalized) return "generalize";
  if (!Number.isNaN(diverged)) return "diverged";
  if (fitted) return "memorize";
  return generalized ? "undecided" : "fail";
}
