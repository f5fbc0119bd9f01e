/**
 * Pictures of a browser as frames of which regions can be read. Nothing larger than the region is copied.
 *
 * @import { Pixels, ReadableFrame } from "./types.js"
 */

/**
 * What faces can be found in.
 *
 * @typedef {HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | ImageData |
 *   VideoFrame} ImageSource
 *
 * @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context
 */

/** Reads pixels through a canvas of its own, which grows as needed. */
export class FrameReader {
  /** @type {Context | null} */
  #context = null;

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
    const isVideo = typeof HTMLVideoElement !== "undefined" && source instanceof HTMLVideoElement;
    const frozen = isVideo && typeof VideoFrame !== "undefined" ? new VideoFrame(source) : null;
    /** @type {CanvasImageSource} */
    const drawn = frozen ?? source;
    return {
      width,
      height,
      read: (left, top, w, h) => this.#read(drawn, left, top, w, h),
      close: () => frozen?.close(),
    };
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
    read: (left, top, w, h) => {
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
