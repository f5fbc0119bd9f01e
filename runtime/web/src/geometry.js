/**
 * Boxes, affines and the region around a face, as in `sdfl.geometry` and `sdfl.runtime.tracking.region`.
 *
 * Points of one face are a Float32Array: x, y, x, y, ... An affine maps crop px to frame px. Values that are float32 in
 * Python are rounded to it here, so that the same pixels are read.
 *
 * @import { Affine, ModelSpec, Xyxy } from "./types.js"
 */

import { getLayout } from "./layout.js";

const { fround } = Math;
const RADIANS = Math.PI / 180;

/**
 * The nearest whole number; of two, the even one, as Python and OpenCV do.
 *
 * @param {number} value
 */
export function roundEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * The tight box around points.
 *
 * @param {Float32Array} points
 * @returns {Xyxy}
 */
export function landmarkBox(points) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i] ?? NaN;
    const y = points[i + 1] ?? NaN;
    x0 = Math.min(x0, x);
    y0 = Math.min(y0, y);
    x1 = Math.max(x1, x);
    y1 = Math.max(y1, y);
  }
  return [x0, y0, x1, y1];
}

/**
 * Intersection over union, 0..1.
 *
 * @param {Xyxy} a
 * @param {Xyxy} b
 */
export function boxIou(a, b) {
  const inside =
    Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside;
  return total > 0 ? inside / total : 0;
}

/**
 * The square that crops are cut from.
 *
 * @param {Xyxy} box
 * @param {number} scale side of the square in longer sides of the box.
 * @returns {{ x: number, y: number, side: number }} its centre and its side, at least 2 px.
 */
export function squareAround([x0, y0, x1, y1], scale) {
  const side = Math.max(x1 - x0, y1 - y0, 2 / scale) * scale;
  return { x: fround((x0 + x1) / 2), y: fround((y0 + y1) / 2), side };
}

/**
 * The affine of a square region.
 *
 * @param {number} x of its centre, frame px.
 * @param {number} y of its centre, frame px.
 * @param {number} sidePx side of the region in the frame.
 * @param {number} size crop pixels per side.
 * @param {number} angleDeg how far the region is turned, clockwise as seen on the screen.
 * @returns {Affine}
 */
export function cropAffine(x, y, sidePx, size, angleDeg = 0) {
  const scale = sidePx / size;
  const middle = (size - 1) / 2;
  const cos = scale * Math.cos(angleDeg * RADIANS);
  const sin = scale * Math.sin(angleDeg * RADIANS);
  const rows = [cos, -sin, x - (cos - sin) * middle, sin, cos, y - (sin + cos) * middle];
  return /** @type {Affine} */ (/** @type {unknown} */ (rows.map(fround)));
}

/**
 * The affine of the axis-aligned crop around a box.
 *
 * @param {Xyxy} box
 * @param {ModelSpec} spec of the network that the crop is for.
 */
export function boxAffine(box, spec) {
  const { x, y, side } = squareAround(box, spec.cropScale);
  return cropAffine(x, y, side, spec.inputSize);
}

/**
 * Points moved by an affine.
 *
 * @param {Affine} affine
 * @param {Float32Array} points
 */
export function transformPoints([a, b, c, d, e, f], points) {
  const moved = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i] ?? NaN;
    const y = points[i + 1] ?? NaN;
    moved[i] = a * x + b * y + c;
    moved[i + 1] = d * x + e * y + f;
  }
  return moved;
}

/**
 * The region around a face, turned so that the face is upright in the crop. Its side is `spec.cropScale` times the
 * longer side of the landmarks' box, which is measured along the turned axes.
 *
 * @param {Float32Array} points
 * @param {ModelSpec} spec
 */
export function regionOfLandmarks(points, spec) {
  const [left, right] = getLayout(spec.layout).eyeCorners;
  const dx = fround((points[2 * right] ?? NaN) - (points[2 * left] ?? NaN));
  const dy = fround((points[2 * right + 1] ?? NaN) - (points[2 * left + 1] ?? NaN));
  const angleDeg = Math.atan2(dy, dx) / RADIANS;
  const cos = Math.cos(angleDeg * RADIANS);
  const sin = Math.sin(angleDeg * RADIANS);
  const [c, s] = [fround(cos), fround(sin)];
  const upright = transformPoints([c, s, 0, -s, c, 0], points);
  const { x, y, side } = squareAround(landmarkBox(upright), spec.cropScale);
  return cropAffine(cos * x - sin * y, sin * x + cos * y, side, spec.inputSize, angleDeg);
}
