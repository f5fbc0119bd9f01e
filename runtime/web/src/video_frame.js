/**
 * Reading regions of a `VideoFrame` without a canvas: its planes are copied as they are, and converted to RGB here. That
 * takes a tenth of the time of a canvas, which converts the whole frame and may have to wait for the graphics processor.
 *
 * @import { Pixels } from "./types.js"
 */

/** @typedef {{ red: Int32Array, green: [Int32Array, Int32Array], blue: Int32Array, grey: Int32Array }} Tables */
/** @typedef {{ left: number, top: number, width: number, height: number }} Region px of the frame. */

const SHIFT = 14;
const BELOW = 512; // sums of table values lie within -BELOW and 2 * BELOW, in levels
const CLAMPED = Uint8Array.from({ length: 3 * BELOW }, (_, i) => Math.min(Math.max(i - BELOW, 0), 255));
const WEIGHTS = new Map([["bt709", [0.2126, 0.0722]], ["bt470bg", [0.299, 0.114]], ["smpte170m", [0.299, 0.114]]]);
const USUAL = "smpte170m"; // of frames that do not say it, as browsers take them
const PACKED = new Map([["RGBA", [0, 1, 2]], ["RGBX", [0, 1, 2]], ["BGRA", [2, 1, 0]], ["BGRX", [2, 1, 0]]]);
const PLANAR = ["I420", "NV12"];

/** Reads regions of frames; keeps its memory from frame to frame. */
export class VideoFrameReader {
  #memory = new Uint8Array(0);
  /** @type {Map<string, Tables>} */
  #tables = new Map();

  /**
   * Whether the planes of this frame can be read: it is neither turned nor scaled when it is shown, and of a known
   * format.
   *
   * @param {VideoFrame} frame
   */
  canRead(frame) {
    const { format, visibleRect, displayWidth, displayHeight, colorSpace } = frame;
    const { rotation = 0, flip = false } = /** @type {{ rotation?: number, flip?: boolean }} */ (frame);
    const isKnown = PACKED.has(format ?? "") || (PLANAR.includes(format ?? "") && WEIGHTS.has(colorSpace.matrix ?? USUAL));
    const isPlain = visibleRect?.width === displayWidth && visibleRect.height === displayHeight && !rotation && !flip;
    return isKnown && isPlain && visibleRect.x % 2 === 0 && visibleRect.y % 2 === 0;
  }

  /**
   * The pixels of a region.
   *
   * @param {VideoFrame} frame for which `canRead` holds.
   * @param {Region} region
   * @returns {Promise<Pixels>}
   */
  async read(frame, region) {
    const [left, top] = [region.left & ~1, region.top & ~1]; // where a colour sample begins
    const [dx, dy] = [region.left - left, region.top - top];
    const [width, height] = [region.width + dx, region.height + dy];
    const { x = 0, y = 0 } = frame.visibleRect ?? {};
    const rect = { x: x + left, y: y + top, width, height };
    const bytes = frame.allocationSize({ rect });
    if (this.#memory.length < bytes) this.#memory = new Uint8Array(bytes);
    const planes = await frame.copyTo(this.#memory, { rect });
    const order = PACKED.get(frame.format ?? "");
    const out = new Uint8ClampedArray(region.width * region.height * 4);
    const within = { left: dx, top: dy, width: region.width, height: region.height };
    if (order) unpack(this.#memory, planes, order, within, out);
    else convert(this.#memory, planes, this.#tablesOf(frame.colorSpace), within, out);
    return { data: out, width: region.width, height: region.height };
  }

  /**
   * @param {VideoColorSpace} space
   * @returns {Tables}
   */
  #tablesOf({ matrix, fullRange }) {
    const key = `${matrix} ${fullRange}`;
    const tables = this.#tables.get(key) ?? makeTables(matrix ?? USUAL, fullRange ?? false);
    this.#tables.set(key, tables);
    return tables;
  }
}

/**
 * What each value of a plane adds to red, green and blue, in fixed point (ITU-R BT.601 and BT.709).
 *
 * @param {string} matrix
 * @param {boolean} isFull whether all 256 levels are used.
 * @returns {Tables}
 */
function makeTables(matrix, isFull) {
  const [kr = 0, kb = 0] = WEIGHTS.get(matrix) ?? [];
  const kg = 1 - kr - kb;
  const [lumaScale, chromaScale, black] = isFull ? [1, 1, 0] : [255 / 219, 255 / 224, 16];
  const table = (/** @type {number} */ factor, /** @type {number} */ zero, round = 0) =>
    Int32Array.from({ length: 256 }, (_, value) => Math.round((value - zero) * factor * 2 ** SHIFT) + round);
  return {
    grey: table(lumaScale, black, 2 ** (SHIFT - 1)),
    red: table(2 * (1 - kr) * chromaScale, 128),
    blue: table(2 * (1 - kb) * chromaScale, 128),
    green: [
      table(((-2 * kb * (1 - kb)) / kg) * chromaScale, 128),
      table(((-2 * kr * (1 - kr)) / kg) * chromaScale, 128),
    ],
  };
}

/**
 * Convert I420 (three planes) or NV12 (two).
 *
 * @param {Uint8Array} memory
 * @param {readonly PlaneLayout[]} planes
 * @param {Tables} tables
 * @param {Region} region within the planes.
 * @param {Uint8ClampedArray} out RGBA.
 */
function convert(memory, planes, { grey, red, green, blue }, { left, top, width, height }, out) {
  const [luma, first, second] = /** @type {[PlaneLayout, PlaneLayout, PlaneLayout | undefined]} */ (
    /** @type {unknown} */ (planes)
  );
  const [greenU, greenV] = green;
  const step = second ? 1 : 2;
  const apart = second ? second.offset - first.offset : 1;
  const pixels = new Int32Array(out.buffer); // a pixel in one store; browsers run on little-endian processors
  for (let y = 0, to = 0; y < height; y++) {
    const row = luma.offset + (top + y) * luma.stride;
    const colours = first.offset + ((top + y) >> 1) * first.stride;
    for (let x = left; x < left + width; ) {
      const at = colours + (x >> 1) * step;
      const u = /** @type {number} */ (memory[at]);
      const v = /** @type {number} */ (memory[at + apart]);
      const addRed = /** @type {number} */ (red[v]);
      const addGreen = /** @type {number} */ (greenU[u]) + /** @type {number} */ (greenV[v]);
      const addBlue = /** @type {number} */ (blue[u]);
      const end = Math.min((x | 1) + 1, left + width); // both pixels that share this colour
      for (; x < end; x++, to++) {
        const level = /** @type {number} */ (grey[/** @type {number} */ (memory[row + x])]);
        const r = /** @type {number} */ (CLAMPED[((level + addRed) >> SHIFT) + BELOW]);
        const g = /** @type {number} */ (CLAMPED[((level + addGreen) >> SHIFT) + BELOW]);
        const b = /** @type {number} */ (CLAMPED[((level + addBlue) >> SHIFT) + BELOW]);
        pixels[to] = 0xff000000 | (b << 16) | (g << 8) | r;
      }
    }
  }
}

/**
 * @param {Uint8Array} memory
 * @param {readonly PlaneLayout[]} planes
 * @param {readonly number[]} order where red, green and blue are.
 * @param {Region} region within the plane.
 * @param {Uint8ClampedArray} out RGBA.
 */
function unpack(memory, [plane], order, { left, top, width, height }, out) {
  const { offset, stride } = /** @type {PlaneLayout} */ (plane);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = offset + (top + y) * stride + left * 4; x < width; x++, from += 4, to += 4) {
      for (const [channel, place] of order.entries()) out[to + channel] = /** @type {number} */ (memory[from + place]);
      out[to + 3] = 255;
    }
  }
}
