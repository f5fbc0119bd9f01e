/**
 * Drawing landmarks, in the colours of `sdfl.runtime.outputs.overlay`.
 *
 * @import { Face } from "./face.js"
 */

import { getLayout } from "./layout.js";

/** @type {Readonly<Record<string, string>>} */
const REGION_COLOURS = {
  contour: "#3cb4fa",
  brows: "#ffbe46",
  nose: "#6ee18c",
  eyes: "#5aebff",
  mouth: "#ff6e96",
};
const POINT_COLOUR = "#ffffff";
const LEAST_WIDTH = 1.5; // of lines, px of the canvas

/**
 * Draw the points of faces, and the curves that they lie on.
 *
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context in which one unit is one px of the
 *   picture; `context.scale` makes it so.
 * @param {readonly Face[]} faces
 */
export function drawFaces(context, faces) {
  for (const face of faces) drawFace(context, face);
}

/**
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Face} face
 */
function drawFace(context, { points, box, layout }) {
  const { curves, regions } = getLayout(layout);
  const size = Math.max(box.right - box.left, box.bottom - box.top);
  const least = LEAST_WIDTH / (Math.abs(context.getTransform().a) || 1);
  context.lineWidth = Math.max(least, size / 180);
  context.lineJoin = context.lineCap = "round";
  for (const [region, indices] of Object.entries(regions)) {
    context.strokeStyle = REGION_COLOURS[region] ?? POINT_COLOUR;
    context.beginPath();
    for (const curve of curves.filter(([first = -1]) => indices.includes(first))) {
      for (const [place, index] of curve.entries()) {
        const { x, y } = points[index] ?? { x: NaN, y: NaN };
        if (place) context.lineTo(x, y);
        else context.moveTo(x, y);
      }
    }
    context.stroke();
  }
  const radius = Math.max(least * 0.8, size / 160);
  context.fillStyle = POINT_COLOUR;
  context.beginPath();
  for (const { x, y } of points) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
}
