// The texts of the page: its head, the notice about missing runs, and the notes below the map.

import { byId, fill, h } from "./dom.js";
import { count, whole } from "./numbers.js";

/** The head of the page. */
export function showHead(sweep) {
  byId("title").textContent = sweep.title;
  byId("description").textContent = sweep.description;
  const constant = (name) => {
    const column = sweep.known.get(name);
    return column?.values.length === 1 ? column.texts[0].replaceAll("_", " ") : null;
  };
  const facts = [
    count(sweep.trained, "run"),
    ...["task", "model", "optimizer"].map(constant),
    ends(sweep.lengths).map(whole).join(" to ") + " steps",
  ];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
}

/** The first and the last of some numbers. */
function ends(numbers) {
  return [...new Set([numbers[0], numbers.at(-1)])];
}

/** A sentence about runs of different lengths, if there are any. */
function lengthNotice(sweep) {
  const { lengths } = sweep;
  const short = sweep.short ? ` ${count(sweep.short, "run")} made fewer steps than a spec asks for.` : "";
  if (lengths.length < 2) return short.trim();
  return [
    `The runs were trained for different numbers of steps, from ${whole(lengths[0])} to ${whole(lengths.at(-1))}.`,
    `They are shown as of one step, ${whole(sweep.budget)} when the page opens; runs that made fewer are missing.${short}`,
  ].join(" ");
}

/** Shows a notice about missing runs, and one for each part of a link that this page does not have. */
export function showNotice(sweep, complaints) {
  const missing = sweep.runs - sweep.trained;
  const failures = sweep.status.reduce((sum, each) => sum + (each === 2 ? 1 : 0), 0);
  const partial = missing
    ? `A partial map: ${whole(missing)} of ${count(sweep.runs, "planned run")} ${missing === 1 ? "is" : "are"} missing, and shown as rings.`
    : "";
  const failed = failures ? ` ${count(failures, "of them failed", "of them failed")} too often and ${failures === 1 ? "is" : "are"} in quarantine.` : "";
  const sentences = [partial + failed, lengthNotice(sweep), ...complaints].filter(Boolean);
  fill(byId("notice"), ...sentences.map((sentence) => h("p", {}, sentence)));
  byId("notice").hidden = sentences.length === 0;
}

/** Shows the notes at the bottom: the rule in words, and how the curves were rounded and thinned. */
export function showNotes(sweep, state) {
  const rule = sweep.rules.find((each) => each.name === state.rule);
  const meaning = rule.meaning.split(/\n\n+/).map((part) => h("p", {}, ...marked(part)));
  const { every, rows } = sweep.curves;
  const thinned =
    every > 1
      ? `To keep the page small, the curves have one logged step in ${every} and the last one, so short spikes may be missing. grokjax curves draws all steps.`
      : `The curves have all ${whole(rows)} logged steps.`;
  fill(
    byId("notes"),
    h("h2", {}, `The rule ${rule.name}`),
    h("p", { class: "soft" }, rule.source),
    ...meaning,
    h("h2", {}, "The numbers"),
    h(
      "p",
      {},
      `Labels and counts are computed from the exact outcomes of the runs. The curves are rounded to 0.5 % (losses and norms) or 0.00013 (shares). ${thinned}`,
    ),
    ...aboutSize(sweep).map((sentence) => h("p", {}, sentence)),
    h("p", {}, "Intervals are Wilson score intervals at 95 %. This page contains all its data and contacts no server."),
    h(
      "p",
      { class: "soft" },
      `Written by grokjax ${sweep.version}. Curves are drawn by uPlot (MIT License, © Leon Sorokin); its licence is in this file.`,
    ),
  );
}

/** Sentences about what was left out to keep the page small. */
function aboutSize(sweep) {
  const { dropped, steps } = sweep.budgets;
  const { runs, kept } = sweep.snapshots;
  const earlier = steps.length
    ? `it can be shown as of ${count(steps.length, "earlier step")}, ${dropped} fewer than usual`
    : "it cannot be shown as of an earlier step";
  const rounded = "The weights of a run are rounded to 8 bits, and large matrices are thinned";
  return [
    dropped && `To keep the page small, ${earlier}; --budget takes any.`,
    kept && `${rounded}. ${runs.length < kept ? `To keep the page small, it has those of ${whole(runs.length)} of ${count(kept, "run")}.` : ""}`,
  ].filter(Boolean);
}

/** A text with the words in back quotes as code. */
function marked(text) {
  return text
    .replace(/\s+/g, " ")
    .split("`")
    .map((part, index) => (index % 2 ? h("code", {}, part) : part));
}
