// The marks of the phases: shapes that differ without colour, the same as in the figures.

import { svg } from "./dom.js";

const SHAPES = {
  s: polygon([-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]),
  o: circle(0.95),
  "^": polygon([0, -1], [1, 0.8], [-1, 0.8]),
  X: polygon(...cross()),
  "*": polygon(...star()),
  D: polygon([0, -1.05], [1.05, 0], [0, 1.05], [-1.05, 0]),
};

/** SVG path data of a mark around a point. */
export function markPath(mark, x, y, radius) {
  return SHAPES[mark](x, y, radius);
}

/** The ring of a missing run. */
export function ringPath(x, y, radius) {
  return circle(0.8)(x, y, radius);
}

/** A mark to put beside text. `phase` is an index into `sweep.phases`; past its end, the ring of a missing run. */
export function markIcon(sweep, phase) {
  const known = sweep.phases[phase];
  const shape = known ? markPath(known.mark, 8, 8, 6) : ringPath(8, 8, 6);
  const path = svg("path", { d: shape, class: `mark ${known?.name ?? "missing"}` });
  return svg("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, path);
}

function polygon(...corners) {
  return (x, y, radius) => `M${corners.map(([dx, dy]) => `${near(x + dx * radius)} ${near(y + dy * radius)}`).join("L")}Z`;
}

function circle(size) {
  return (x, y, radius) => {
    const r = near(size * radius);
    return `M${near(x - r)} ${near(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  };
}

function cross() {
  const [arm, notch] = [0.95, 0.42];
  const quarter = [
    [0, -notch],
    [arm - notch, -arm],
    [arm, notch - arm],
  ];
  return [0, 1, 2, 3].flatMap((turns) => quarter.map((corner) => turned(corner, (turns * Math.PI) / 2)));
}

function star() {
  return Array.from({ length: 10 }, (_, index) => turned([0, index % 2 ? -0.46 : -1.15], (index * Math.PI) / 5));
}

function turned([x, y], angle) {
  return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
}

function near(value) {
  return Math.round(value * 1000) / 1000;
}
