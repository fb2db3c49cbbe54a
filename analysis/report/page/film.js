// The weights of a run as they move: a film of the copies that the page has, step by step.

import { Reader, bytesOf } from "./bytes.js";
import { h } from "./dom.js";
import { short, whole } from "./numbers.js";

const FRAME = 120; // ms
const LARGEST = 210; // px
const MIDDLE = 128; // the code of 0

/** The weights of a run, unpacked: its steps, and for each matrix its codes by step; null if the page has none. */
export async function weightsOf(sweep, run) {
  const entry = sweep.snapshots.runs.find(([of]) => of === run);
  if (!entry) return null;
  const [, index, limits] = entry;
  const { steps, matrices } = sweep.snapshots.layouts[index];
  const reader = new Reader(await bytesOf(`weights${run}`));
  const unpacked = matrices.map((matrix, place) => {
    const size = matrix.rows * matrix.columns;
    const codes = reader.small(size * steps.length);
    for (let at = size; at < codes.length; at++) codes[at] += codes[at - size]; // they are differences along the steps
    return { ...matrix, codes, limit: limits[place] };
  });
  return { steps, matrices: unpacked.filter(({ rows, columns }) => rows > 0 && columns > 0) };
}

/** The film of some weights; calls `onStep` with the step that it shows, and `remember` with the step at which it rests. */
export class Film {
  constructor({ steps, matrices }, { step, last, onStep, remember }) {
    this.steps = steps.filter((each) => each <= last);
    Object.assign(this, { matrices, onStep, remember });
    this.canvases = matrices.map(canvasFor);
    const caption = (matrix) => h("figcaption", {}, h("span", { class: "name" }, matrix.name), sizeText(matrix));
    const pictures = matrices.map((matrix, index) => h("figure", {}, this.canvases[index], caption(matrix)));
    const range = { type: "range", id: "film", min: 0, max: this.steps.length - 1, step: 1, "aria-label": "Step of the weights" };
    this.slider = h("input", range);
    this.slider.addEventListener("input", () => this.stop() || this.show(Number(this.slider.value)));
    this.slider.addEventListener("change", () => this.remember(this.steps[this.at]));
    this.button = h("button", { type: "button", id: "play", onclick: () => (this.timer ? this.rest() : this.play()) }, "Play");
    this.text = h("output", { for: "film" });
    const key = "Blue is negative, orange positive; the strongest colour is the largest entry of the matrix at any step.";
    const row = h("div", { class: "row" }, this.button, this.slider, this.text);
    this.element = h("div", { class: "film" }, row, h("div", { class: "frames" }, ...pictures), h("p", { class: "soft" }, key));
    const near = this.steps.findLastIndex((each) => each <= (step ?? Infinity));
    this.show(Math.max(0, near));
  }

  /** Shows the weights at one of the steps. */
  show(at) {
    this.at = at;
    this.slider.value = at;
    this.text.textContent = `step ${whole(this.steps[at])}`;
    this.slider.setAttribute("aria-valuetext", this.text.textContent);
    this.matrices.forEach((matrix, index) => paint(this.canvases[index], matrix, at, this.steps[at]));
    this.onStep(this.steps[at]);
  }

  play() {
    this.button.textContent = "Pause";
    if (this.at === this.steps.length - 1) this.show(0);
    this.timer = setInterval(() => {
      if (!this.element.isConnected) return this.stop();
      this.show(this.at + 1);
      if (this.at === this.steps.length - 1) this.rest();
      return undefined;
    }, FRAME);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }

  rest() {
    this.stop();
    this.remember(this.steps[this.at]);
  }
}

/** A canvas with a pixel for each entry of a matrix, shown as large as is easily seen. */
function canvasFor({ rows, columns }) {
  const canvas = h("canvas", { width: columns, height: rows, role: "img" });
  const scale = Math.max(2, Math.min(16, Math.floor(LARGEST / Math.max(rows, columns))));
  canvas.style.width = `${scale * columns}px`;
  return canvas;
}

/** Paints the entries of a matrix at a step: orange if positive, blue if negative, the stronger the larger. */
function paint(canvas, { name, rows, columns, codes, limit }, at, step) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const size = rows * columns;
  for (let index = 0; index < size; index++) {
    const code = codes[at * size + index];
    const color = code > MIDDLE ? [213, 94, 0] : [0, 114, 178];
    image.data.set(code ? [...color, 2 * Math.min(127, Math.abs(code - MIDDLE)) + 1] : [128, 128, 128, 255], 4 * index);
  }
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `${name} at step ${whole(step)}, entries up to ${short(limit, 3)}`);
}

/** The size of a matrix, and how it was thinned. */
function sizeText({ rows, columns, every }) {
  const thinned = every.some((each) => each > 1) ? `, one row in ${every[0]} and one column in ${every[1]}` : "";
  return ` ${rows} × ${columns}${thinned}`;
}
