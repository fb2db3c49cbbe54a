// In words: what the page shows, what is missing from it, and what its numbers are.

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
    count(sweep.made, "run"),
    ...["task", "model", "optimizer"].map(constant),
    sweep.steps && `${whole(sweep.steps)} steps`,
  ];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
}

/** A sentence where the sweep is not whole, and those about a link that asked for what is not here. */
export function showNotice(sweep, complaints) {
  const missing = sweep.runs - sweep.made;
  const aside = sweep.standing.reduce((sum, each) => sum + (each === 2 ? 1 : 0), 0);
  const partial = missing
    ? `A partial map: ${whole(missing)} of ${count(sweep.runs, "planned run")} ${missing === 1 ? "is" : "are"} missing, and shown as rings.`
    : "";
  const failed = aside ? ` ${count(aside, "of them failed", "of them failed")} as often as it may, and was set aside.` : "";
  const sentences = [partial + failed, ...complaints].filter(Boolean);
  fill(byId("notice"), ...sentences.map((sentence) => h("p", {}, sentence)));
  byId("notice").hidden = sentences.length === 0;
}

/** Under everything: the rule in words, and how the curves were rounded and thinned. */
export function showNotes(sweep, state) {
  const rule = sweep.rules.find((each) => each.name === state.rule);
  const meaning = rule.meaning.split(/\n\n+/).map((part) => h("p", {}, ...marked(part)));
  const { every, rows } = sweep.curves;
  const thinned =
    every > 1
      ? `One logged step in ${every} of each curve is drawn, and the last, to keep the page small; shorter spikes may not show. grokjax curves draws them all.`
      : `All ${whole(rows)} logged steps of the curves are drawn.`;
  fill(
    byId("notes"),
    h("h2", {}, `The rule ${rule.name}`),
    h("p", { class: "soft" }, rule.source),
    ...meaning,
    h("h2", {}, "The numbers"),
    h(
      "p",
      {},
      `Labels and counts come from the exact outcomes of the runs. The values of the curves are rounded to 0.12 % (losses and norms) or 0.00005 (shares). ${thinned}`,
    ),
    h("p", {}, "Intervals are Wilson score intervals at 95 %. This page holds all its data and asks no server for anything."),
    h(
      "p",
      { class: "soft" },
      `Written by grokjax ${sweep.version}. Curves are drawn by uPlot (MIT License, © Leon Sorokin); its licence stands in this file.`,
    ),
  );
}

/** A text whose words in back quotes are names. */
function marked(text) {
  return text
    .replace(/\s+/g, " ")
    .split("`")
    .map((part, index) => (index % 2 ? h("code", {}, part) : part));
}
