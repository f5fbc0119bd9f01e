/**
 * Resampling with the same arithmetic as OpenCV, bit for bit: `resize` with INTER_AREA, and `warpAffine` with
 * INTER_LINEAR, whose coordinates are rounded to 1/32 px.
 *
 * @import { Affine, Pixels } from "./types.js"
 */

import { roundEven } from "./geometry.js";

export const BORDER_BGR = [104, 116, 124]; // ImageNet's mean, as `sdfl.geometry` has it
const STEPS = 32; // of a pixel
const FIXED = 1024;

/**
 * A smaller picture, each of whose pixels is the mean of what it covers.
 *
 * @param {Pixels} source
 * @param {number} width at most the source's.
 * @param {number} height at most the source's.
 * @returns {Pixels}
 */
export function shrink(source, width, height) {
  if (width === source.width && height === source.height) return source;
  const whole = source.width % width === 0 && source.height % height === 0;
  return whole ? shrinkBlocks(source, width, height) : shrinkFractions(source, width, height);
}

/**
 * @param {Pixels} source
 * @param {number} width a divisor of the source's.
 * @param {number} height a divisor of the source's.
 * @returns {Pixels}
 */
function shrinkBlocks({ data, width: stride, height: rows }, width, height) {
  const across = stride / width;
  const down = rows / height;
  const share = Math.fround(1 / (across * down));
  const isQuad = across === 2 && down === 2;
  const out = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 4) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let row = y * down; row < (y + 1) * down; row++) {
        const start = (row * stride + x * across) * 4;
        for (let at = start; at < start + across * 4; at += 4) {
          red += /** @type {number} */ (data[at]);
          green += /** @type {number} */ (data[at + 1]);
          blue += /** @type {number} */ (data[at + 2]);
        }
      }
      out[to] = isQuad ? (red + 2) >> 2 : roundEven(Math.fround(red * share));
      out[to + 1] = isQuad ? (green + 2) >> 2 : roundEven(Math.fround(green * share));
      out[to + 2] = isQuad ? (blue + 2) >> 2 : roundEven(Math.fround(blue * share));
    }
  }
  return { data: out, width, height };
}

/**
 * Which pixels along one axis a smaller picture's pixels cover, and how much of each.
 *
 * @param {number} from length of the axis, px.
 * @param {number} to the smaller length, px.
 * @returns {{ to: number, from: number, share: number }[]}
 */
function coverage(from, to) {
  const scale = from / to;
  const cells = [];
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * scale, i * scale + scale];
    const length = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1);
    const first = Math.min(Math.ceil(start), last);
    if (first - start > 1e-3) cells.push({ to: i, from: first - 1, share: Math.fround((first - start) / length) });
    for (let at = first; at < last; at++) cells.push({ to: i, from: at, share: Math.fround(1 / length) });
    if (end - last > 1e-3) {
      cells.push({ to: i, from: last, share: Math.fround(Math.min(end - last, 1, length) / length) });
    }
  }
  return cells;
}

/**
 * @param {Pixels} source
 * @param {number} width
 * @param {number} height
 * @returns {Pixels}
 */
function shrinkFractions({ data, width: stride, height: rows }, width, height) {
  const columns = coverage(stride, width);
  const row = new Float32Array(width * 3);
  const sums = new Float32Array(width * height * 3);
  for (const cell of coverage(rows, height)) {
    row.fill(0);
    for (const { to, from, share } of columns) {
      const at = (cell.from * stride + from) * 4;
      for (let c = 0; c < 3; c++) {
        row[3 * to + c] = (row[3 * to + c] ?? 0) + /** @type {number} */ (data[at + c]) * share;
      }
    }
    const start = cell.to * width * 3;
    for (let i = 0; i < row.length; i++) {
      sums[start + i] = (sums[start + i] ?? 0) + cell.share * /** @type {number} */ (row[i]);
    }
  }
  const out = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = roundEven(/** @type {number} */ (sums[3 * i + c]));
  }
  return { data: out, width, height };
}

/**
 * Sample a square crop, bilinearly; what lies beyond the pixels has the border's colour.
 *
 * @param {Pixels} source
 * @param {Affine} affine crop px -> px of the whole picture that `source` is a part of.
 * @param {number} left column of the picture that the source begins with.
 * @param {number} top row of the picture that the source begins with.
 * @param {number} size side of the crop, px.
 * @param {Uint8Array} out gets the crop, BGR row by row.
 */
export function warp(source, [a, b, c, d, e, f], left, top, size, out) {
  const { data, width, height } = source;
  const stride = width * 4;
  const half = FIXED / STEPS / 2;
  const across = new Int32Array(size);
  const down = new Int32Array(size);
  for (let x = 0; x < size; x++) {
    across[x] = roundEven(a * x * FIXED);
    down[x] = roundEven(d * x * FIXED);
  }
  for (let y = 0, to = 0; y < size; y++) {
    const startX = roundEven((b * y + c) * FIXED) + half;
    const startY = roundEven((e * y + f) * FIXED) + half;
    for (let x = 0; x < size; x++, to += 3) {
      const fineX = (startX + /** @type {number} */ (across[x])) >> 5;
      const fineY = (startY + /** @type {number} */ (down[x])) >> 5;
      const px = (fineX >> 5) - left;
      const py = (fineY >> 5) - top;
      const rightPart = fineX & 31;
      const lowerPart = fineY & 31;
      if (px < 0 || py < 0 || px >= width - 1 || py >= height - 1) {
        sampleAtBorder(source, px, py, rightPart, lowerPart, out, to);
        continue;
      }
      const w11 = rightPart * lowerPart;
      const w10 = STEPS * rightPart - w11;
      const w01 = STEPS * lowerPart - w11;
      const w00 = FIXED - w10 - w01 - w11;
      const at = py * stride + px * 4;
      const below = at + stride;
      for (let channel = 0; channel < 3; channel++) {
        const upper =
          w00 * /** @type {number} */ (data[at + channel]) + w10 * /** @type {number} */ (data[at + 4 + channel]);
        const lower =
          w01 * /** @type {number} */ (data[below + channel]) + w11 * /** @type {number} */ (data[below + 4 + channel]);
        out[to + 2 - channel] = (upper + lower + FIXED / 2) >> 10;
      }
    }
  }
}

/**
 * One pixel of a crop, some of whose four neighbours lie beyond the source.
 *
 * @param {Pixels} source
 * @param {number} px column of the upper left neighbour.
 * @param {number} py its row.
 * @param {number} rightPart weight of the right neighbours, of STEPS.
 * @param {number} lowerPart weight of the lower neighbours, of STEPS.
 * @param {Uint8Array} out
 * @param {number} to where the pixel's blue value goes.
 */
function sampleAtBorder({ data, width, height }, px, py, rightPart, lowerPart, out, to) {
  for (let channel = 0; channel < 3; channel++) {
    let sum = FIXED / 2;
    for (const [dx, wx] of /** @type {const} */ ([[0, STEPS - rightPart], [1, rightPart]])) {
      for (const [dy, wy] of /** @type {const} */ ([[0, STEPS - lowerPart], [1, lowerPart]])) {
        const [x, y] = [px + dx, py + dy];
        const isInside = x >= 0 && y >= 0 && x < width && y < height;
        const value = isInside ? data[(y * width + x) * 4 + channel] : BORDER_BGR[2 - channel];
        sum += wx * wy * /** @type {number} */ (value);
      }
    }
    out[to + 2 - channel] = sum >> 10;
  }
}
