/**
 * Cutting the crop that the network sees out of a frame, as `sdfl.geometry.cut_crop` does. Only the region that the
 * crop needs is read.
 *
 * @import { Affine, ReadableFrame } from "./types.js"
 */

import { shrink, warp } from "./pixels.js";

/**
 * Sample a region of a frame. Regions more than twice as large as the crop are first averaged down by a whole factor.
 *
 * @param {ReadableFrame} frame
 * @param {Affine} affine crop px -> frame px.
 * @param {number} size crop pixels per side.
 * @param {Uint8Array} out gets the crop, BGR row by row.
 */
export async function cutCrop(frame, affine, size, out) {
  const [a, b, c, d, e, f] = affine;
  const factor = Math.trunc(Math.sqrt(Math.abs(a * e - b * d)));
  if (factor < 2) {
    const [x0, x1] = span([a, b, c], size, 2, frame.width);
    const [y0, y1] = span([d, e, f], size, 2, frame.height);
    warp(await frame.read(x0, y0, x1 - x0, y1 - y0), affine, x0, y0, size, out);
    return;
  }
  const [x0, x1] = wholeBlocks([a, b, c], size, factor, frame.width);
  const [y0, y1] = wholeBlocks([d, e, f], size, factor, frame.height);
  const width = Math.max(Math.floor((x1 - x0) / factor), 1);
  const height = Math.max(Math.floor((y1 - y0) / factor), 1);
  const small = shrink(await frame.read(x0, y0, x1 - x0, y1 - y0), width, height);
  const [rx, ry] = [width / (x1 - x0), height / (y1 - y0)];
  const local = [a * rx, b * rx, c * rx + (0.5 - x0) * rx - 0.5, d * ry, e * ry, f * ry + (0.5 - y0) * ry - 0.5];
  warp(small, /** @type {Affine} */ (/** @type {unknown} */ (local.map(Math.fround))), 0, 0, size, out);
}

/**
 * First and last-but-one pixel, along one axis, of what a crop needs.
 *
 * @param {readonly [number, number, number]} row of the crop's affine.
 * @param {number} size of the crop, px.
 * @param {number} margin px beside the crop.
 * @param {number} limit length of the axis, px.
 */
function span([x, y, offset], size, margin, limit) {
  const last = size - 0.5;
  const low = offset + (Math.min(x, 0) + Math.min(y, 0)) * last - 0.5 * (Math.max(x, 0) + Math.max(y, 0)) - margin;
  const high = offset + (Math.max(x, 0) + Math.max(y, 0)) * last - 0.5 * (Math.min(x, 0) + Math.min(y, 0)) + margin + 1;
  const first = Math.min(Math.max(Math.floor(low), 0), limit - 1);
  return /** @type {[number, number]} */ ([first, Math.min(Math.max(Math.ceil(high), first + 1), limit)]);
}

/**
 * The same, with a length that is a multiple of `factor` where the picture is large enough.
 *
 * @param {readonly [number, number, number]} row
 * @param {number} size
 * @param {number} factor
 * @param {number} limit
 */
function wholeBlocks(row, size, factor, limit) {
  let [first, end] = span(row, size, factor, limit);
  const missing = () => (factor - ((end - first) % factor)) % factor;
  end = Math.min(end + missing(), limit);
  first = Math.max(first - missing(), 0);
  return /** @type {[number, number]} */ ([first, end]);
}
