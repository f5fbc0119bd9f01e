/**
 * Pictures of a browser as frames of which regions can be read. Nothing larger than the region is copied.
 *
 * @import { Pixels, ReadableFrame } from "./types.js"
 */

import { VideoFrameReader } from "./video_frame.js";

/**
 * What faces can be found in.
 *
 * @typedef {HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | ImageData |
 *   VideoFrame} ImageSource
 *
 * @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context
 */

/** Reads pixels: of videos from their planes where the browser gives these, else through a canvas of its own. */
export class FrameReader {
  /** @type {Context | null} */
  #context = null;
  #planes = new VideoFrameReader();

  /**
   * A frame of a source. The frame of a video stays the same, where the browser has `VideoFrame`, until it is closed.
   *
   * @param {ImageSource} source
   * @returns {ReadableFrame & { close: () => void }}
   * @throws {Error} it is no picture, or has no pixels yet.
   */
  open(source) {
    if (isImageData(source)) return frameOfPixels(source);
    const { width, height } = sizeOf(source);
    const frozen = frozenFrame(source);
    const shown = frozen ?? source;
    const close = () => (frozen === source ? undefined : frozen?.close());
    if (frozen && this.#planes.canRead(frozen)) {
      const read = (/** @type {number[]} */ ...[left = 0, top = 0, w = 0, h = 0]) =>
        this.#planes.read(frozen, { left, top, width: w, height: h });
      return { width, height, close, read };
    }
    return { width, height, close, read: async (left, top, w, h) => this.#read(shown, left, top, w, h) };
  }

  /**
   * @param {CanvasImageSource} source
   * @param {number} left
   * @param {number} top
   * @param {number} width
   * @param {number} height
   * @returns {Pixels}
   */
  #read(source, left, top, width, height) {
    const context = this.#contextOf(width, height);
    context.drawImage(source, left, top, width, height, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #contextOf(width, height) {
    const canvas = this.#context?.canvas;
    if (this.#context && canvas && canvas.width >= width && canvas.height >= height) return this.#context;
    const size = [Math.max(width, canvas?.width ?? 0), Math.max(height, canvas?.height ?? 0)];
    this.#context = newContext(.../** @type {[number, number]} */ (size));
    return this.#context;
  }
}

/**
 * The frame that a video shows now, or the frame itself; null for what is no video, and where browsers lack frames.
 *
 * @param {Exclude<ImageSource, ImageData>} source
 * @returns {VideoFrame | null}
 */
function frozenFrame(source) {
  if (typeof VideoFrame === "undefined") return null;
  if (source instanceof VideoFrame) return source;
  const isVideo = typeof HTMLVideoElement !== "undefined" && source instanceof HTMLVideoElement;
  return isVideo ? new VideoFrame(source) : null;
}

/**
 * @param {number} width
 * @param {number} height
 * @returns {Context}
 */
function newContext(width, height) {
  const options = { alpha: false, willReadFrequently: true };
  const canvas =
    typeof document === "undefined"
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {Context | null} */ (canvas.getContext("2d", options));
  if (!context) throw new Error(`this browser has no memory for a canvas of ${width} x ${height} pixels`);
  context.imageSmoothingEnabled = false;
  return context;
}

/**
 * @param {unknown} source
 * @returns {source is ImageData}
 */
function isImageData(source) {
  return typeof ImageData !== "undefined" && source instanceof ImageData;
}

/**
 * A frame of RGBA pixels that are already there.
 *
 * @param {Pixels} pixels
 * @returns {ReadableFrame & { close: () => void }}
 */
export function frameOfPixels({ data, width, height }) {
  return {
    width,
    height,
    close: () => {},
    read: async (left, top, w, h) => {
      const out = new Uint8Array(w * h * 4);
      for (let y = 0; y < h; y++) {
        const start = ((top + y) * width + left) * 4;
        out.set(data.subarray(start, start + w * 4), y * w * 4);
      }
      return { data: out, width: w, height: h };
    },
  };
}

/**
 * @param {Exclude<ImageSource, ImageData>} source
 * @returns {{ width: number, height: number }}
 */
function sizeOf(source) {
  const table = /** @type {Record<string, number | undefined>} */ (/** @type {unknown} */ (source ?? {}));
  const width = table.videoWidth ?? table.naturalWidth ?? table.displayWidth ?? table.width;
  const height = table.videoHeight ?? table.naturalHeight ?? table.displayHeight ?? table.height;
  if (typeof width !== "number" || typeof height !== "number") {
    throw new Error(
      "the picture must be a <video>, <img>, <canvas>, OffscreenCanvas, ImageBitmap, ImageData or VideoFrame",
    );
  }
  const isEarly = typeof table.readyState === "number" && table.readyState < 2;
  if (!width || !height || isEarly) {
    throw new Error("the picture has no pixels yet; wait until it is loaded (a video's event is 'loadeddata')");
  }
  return { width, height };
}
