// Pens: the same marks on the canvas of a chart and in an SVG.

import { svg } from "./dom.js";

/** A pen for a canvas; `pixel` is the size of a pixel of the page on it, `ink` the colours by name. */
export function canvasPen(context, pixel, ink) {
  const use = ({ color = "soft", dash = [], width = 1, alpha = 1 }) => {
    context.strokeStyle = ink[color];
    context.fillStyle = ink[color];
    context.globalAlpha = alpha;
    context.lineWidth = width * pixel;
    context.setLineDash(dash.map((size) => size * pixel));
    context.beginPath();
  };
  return {
    line(fromX, fromY, toX, toY, style) {
      use(style);
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
      context.stroke();
    },
    circle(x, y, radius, style) {
      use(style);
      context.arc(x, y, radius * pixel, 0, 2 * Math.PI);
      context.stroke();
    },
    text(words, x, y, { align = "start", ...style }) {
      use(style);
      context.font = `600 ${10 * pixel}px ${ink.font}`;
      context.textAlign = align;
      context.fillText(words, x, y);
    },
  };
}

/** A pen that adds elements to an SVG group. */
export function svgPen(group, ink) {
  const stroke = ({ color = "soft", dash = [], width = 1, alpha = 1 }) => ({
    fill: "none",
    stroke: ink[color],
    "stroke-width": width,
    "stroke-dasharray": dash.length ? dash.join(" ") : null,
    "stroke-opacity": alpha < 1 ? alpha : null,
  });
  return {
    line: (fromX, fromY, toX, toY, style) => group.append(svg("path", { d: `M${rounded(fromX)} ${rounded(fromY)}L${rounded(toX)} ${rounded(toY)}`, ...stroke(style) })),
    circle: (x, y, radius, style) => group.append(svg("circle", { cx: rounded(x), cy: rounded(y), r: radius, ...stroke(style) })),
    path: (points, style) => group.append(svg("path", { d: pathOf(points), "stroke-linejoin": "round", ...stroke(style) })),
    text: (words, x, y, { align = "start", color = "soft", size = 10, weight = null }) =>
      group.append(svg("text", { x: rounded(x), y: rounded(y), "text-anchor": align, "font-size": size, "font-weight": weight, fill: ink[color] }, words)),
  };
}

/** SVG path data through points; null breaks the line. */
function pathOf(points) {
  let pen = "M";
  return points
    .map((point) => {
      if (point === null) pen = "M";
      const part = point && `${pen}${rounded(point[0])} ${rounded(point[1])}`;
      if (point) pen = "L";
      return part ?? "";
    })
    .join("");
}

function rounded(value) {
  return Math.round(value * 100) / 100;
}
