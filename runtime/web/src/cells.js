/**
 * From the detector's canvas to boxes, as in `sdfl.runtime.detector`: where a frame lies on the canvas, what the cells
 * of the network's output say, and which overlapping boxes are kept.
 *
 * @import { Detection, Pixels, ReadableFrame, Xyxy } from "./types.js"
 */

import { boxIou, roundEven } from "./geometry.js";
import { BORDER_BGR, shrink } from "./pixels.js";

const LONGER_SIDE_PX = 320;
const SHORTER_SIDES_PX = [192, 256, 320];
const STRIDES = [8, 16, 32];
const COLUMNS = 15; // of a cell: score, centre, size, five points
const NMS_IOU = 0.4;
const MOST_BOXES = 400;
const LARGEST_LOG_SIDE = 8;
const { fround } = Math;

/**
 * A frame in the top left corner of a canvas of one of a few sizes, shrunk if it is too large.
 *
 * @param {ReadableFrame} frame
 * @returns {Promise<{ data: Uint8Array, width: number, height: number, scaleX: number, scaleY: number }>} BGR; frame px
 *   for each px of the canvas.
 */
export async function layOut(frame) {
  const factor = Math.min(1, LONGER_SIDE_PX / Math.max(frame.width, frame.height));
  const w = Math.max(1, roundEven(frame.width * factor));
  const h = Math.max(1, roundEven(frame.height * factor));
  const picture = shrink(await frame.read(0, 0, frame.width, frame.height), w, h);
  const shorter = /** @type {number} */ (SHORTER_SIDES_PX.find((side) => side >= Math.min(w, h)));
  const [width, height] = w >= h ? [LONGER_SIDE_PX, shorter] : [shorter, LONGER_SIDE_PX];
  return { data: placed(picture, width, height), width, height, scaleX: frame.width / w, scaleY: frame.height / h };
}

/**
 * @param {Pixels} picture
 * @param {number} width of the canvas.
 * @param {number} height of the canvas.
 */
function placed(picture, width, height) {
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < out.length; i += 3) out.set(BORDER_BGR, i);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0, from = y * picture.width * 4, to = y * width * 3; x < picture.width; x++, from += 4, to += 3) {
      for (let c = 0; c < 3; c++) out[to + c] = /** @type {number} */ (picture.data[from + 2 - c]);
    }
  }
  return out;
}

/**
 * The cells of a canvas, in the order of the network's output.
 *
 * @param {number} width of the canvas, px.
 * @param {number} height of the canvas, px.
 * @returns {{ x: number, y: number, stride: number }[]} centres, px.
 */
export function cellGrid(width, height) {
  const cells = [];
  for (const stride of STRIDES) {
    for (let row = 0; row < Math.floor(height / stride); row++) {
      for (let column = 0; column < Math.floor(width / stride); column++) {
        cells.push({ x: (column + 0.5) * stride - 0.5, y: (row + 0.5) * stride - 0.5, stride });
      }
    }
  }
  return cells;
}

/**
 * The faces that the network's output tells of, the best first.
 *
 * @param {Float32Array} cells the network's output.
 * @param {ReturnType<typeof cellGrid>} grid
 * @param {number} threshold score above which something is a face.
 * @param {number} scaleX frame px for each px of the canvas.
 * @param {number} scaleY
 * @returns {Detection[]}
 */
export function decode(cells, grid, threshold, scaleX, scaleY) {
  const least = Math.log(threshold / (1 - threshold));
  const sure = grid
    .map((cell, index) => ({ cell, at: index * COLUMNS, logit: cells[index * COLUMNS] ?? NaN }))
    .filter(({ logit }) => logit > least)
    .sort((a, b) => b.logit - a.logit)
    .slice(0, MOST_BOXES)
    .map(({ cell, at, logit }) => ({ xyxy: boxOf(cells, at, cell), score: 1 / (1 + Math.exp(-logit)) }));
  return withoutOverlaps(sure).map(({ xyxy: [x0, y0, x1, y1], score }) => {
    const [left, right] = [x0, x1].map((x) => fround((x + 0.5) * scaleX - 0.5));
    const [top, bottom] = [y0, y1].map((y) => fround((y + 0.5) * scaleY - 0.5));
    return { xyxy: /** @type {Xyxy} */ ([left, top, right, bottom]), score };
  });
}

/**
 * @param {Float32Array} cells
 * @param {number} at where the cell begins.
 * @param {{ x: number, y: number, stride: number }} cell
 * @returns {Xyxy} canvas px.
 */
function boxOf(cells, at, { x, y, stride }) {
  const [dx, dy, logWidth, logHeight] = /** @type {[number, number, number, number]} */ (
    /** @type {unknown} */ (cells.subarray(at + 1, at + 5))
  );
  const middleX = x + dx * stride;
  const middleY = y + dy * stride;
  const halfWidth = (Math.exp(Math.min(logWidth, LARGEST_LOG_SIDE)) * stride) / 2;
  const halfHeight = (Math.exp(Math.min(logHeight, LARGEST_LOG_SIDE)) * stride) / 2;
  return [middleX - halfWidth, middleY - halfHeight, middleX + halfWidth, middleY + halfHeight];
}

/**
 * Non-maximum suppression: the boxes that no better one overlaps.
 *
 * @param {Detection[]} detections the best first.
 */
export function withoutOverlaps(detections) {
  /** @type {Detection[]} */
  const kept = [];
  for (const each of detections) {
    if (kept.every((better) => boxIou(each.xyxy, better.xyxy) <= NMS_IOU)) kept.push(each);
  }
  return kept;
}
