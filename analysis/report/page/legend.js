// The legend of the lines of charts, which also shows their values at the step under the pointer.

import { h, svg } from "./dom.js";
import { short, whole } from "./numbers.js";

/** The legend of some lines. */
export function lineKey(lines) {
  const item = (line) =>
    h("li", { "data-metric": line.metric }, sample(line), h("span", {}, line.name.replaceAll("_", " ")), h("output", { class: "value" }));
  return h("ul", { class: "linekey" }, ...lines.map(item));
}

/** A sample of a line, in its colour and dashes. */
function sample(line) {
  const stroke = svg("path", { d: "M0 4H22", class: `sample ${line.color}`, "stroke-dasharray": line.dash.join(" ") || "none" });
  return svg("svg", { viewBox: "0 0 22 8", class: "stroke", "aria-hidden": "true" }, stroke);
}

/** Shows the values at the step under the pointer in a legend, beside the names of their lines; null shows none. */
export function showValues(key, at) {
  for (const item of key.children) {
    const range = at?.values.get(Number(item.dataset.metric));
    const ends = range ? [...new Set(range.map((value) => short(value, 3)))] : [];
    item.lastChild.textContent = ends.join(" to ");
  }
}

/** The step under the pointer, in words. */
export function stepText(at) {
  return at ? `step ${whole(at.step)}` : "";
}
