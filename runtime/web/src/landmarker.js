/**
 * The one object that most pages need: a model and a detector, put together.
 *
 * @import { ImageSource } from "./frame.js"
 * @import { TrackedFace } from "./tracker.js"
 */

import { DEVICES, openDevice } from "./device.js";
import { Face } from "./face.js";
import { FrameReader } from "./frame.js";
import { LandmarkNetwork, NetworkDetector } from "./network.js";
import { FaceTracker } from "./tracker.js";

export const MODELS = /** @type {const} */ (["nano", "small", "medium", "large", "free", "wflw98"]);
export const DEFAULT_MODEL = "small";
const EVERY_FACE = Number.MAX_SAFE_INTEGER;

/**
 * @typedef {object} Options
 * @property {string} [model] one of `MODELS`, or the address of an .onnx file that `sdfl export`
 *   wrote. Default: "small".
 * @property {"fp32" | "int8"} [precision] of a model that is given by its name. Default: "fp32", which browsers compute
 *   faster; int8 files are smaller.
 * @property {number} [maxFaces] largest number of faces. Default: one in a video, all in a picture.
 * @property {boolean} [smoothing] whether the points of tracked faces are steadied. Default: true.
 * @property {"wasm" | "webgpu"} [device] where landmarks are computed: WebAssembly on the processor, or WebGPU, which loads
 *   another 5 MB and falls back to the processor where the browser has no adapter. Default: "wasm".
 * @property {number} [threads] of WebAssembly; the first landmarker of a page decides. More than one needs a page that
 *   is cross-origin isolated. Default: 1.
 * @property {string} [assets] address of the folder with this library's other files. Default: where the library lies.
 */

/** Finds faces and their landmarks in pictures, and follows them through a video. Nothing leaves the browser. */
export class FaceLandmarker {
  #network;
  #detector;
  #maxFaces;
  #smoothing;
  #reader = new FrameReader();
  /** @type {FaceTracker} */
  #tracker;
  #isBusy = false;
  #isClosed = false;

  /**
   * Use `FaceLandmarker.create`.
   *
   * @param {LandmarkNetwork} network
   * @param {NetworkDetector} detector
   * @param {{ maxFaces: number | undefined, smoothing: boolean }} options
   */
  constructor(network, detector, { maxFaces, smoothing }) {
    this.#network = network;
    this.#detector = detector;
    this.#maxFaces = maxFaces;
    this.#smoothing = smoothing;
    this.#tracker = this.#newTracker();
  }

  /**
   * Load a model and the detector.
   *
   * @param {Options} [options]
   * @returns {Promise<FaceLandmarker>}
   * @throws {Error} an option is wrong, or a file cannot be loaded; says which.
   */
  static async create(options = {}) {
    const { model = DEFAULT_MODEL, precision, maxFaces, smoothing = true, ...rest } = checked(options);
    const assets = folderAddress(options.assets);
    const device = await openDevice(rest.device ?? "wasm", assets, rest.threads ?? 1);
    const [network, detector] = await Promise.all([
      LandmarkNetwork.open(device, modelAddress(model, precision, assets)),
      NetworkDetector.open(device, `${assets}models/sdfl_faces.onnx`),
    ]);
    return new FaceLandmarker(network, detector, { maxFaces, smoothing });
  }

  /** Where landmarks are computed: "wasm" or "webgpu". */
  get device() {
    return this.#network.deviceName;
  }

  /** What the model is called. */
  get modelName() {
    return this.#network.spec.name;
  }

  /**
   * The faces in the next frame of a video, those known longest first. They keep their ids from frame to frame.
   *
   * @param {ImageSource} video a <video> that plays, or any other picture of it.
   * @param {number} timestampMs of the frame.
   * @returns {Promise<Face[]>} points in px of the frame.
   * @throws {Error} the video has no frame yet, the last call has not finished, or the landmarker was closed.
   */
  async detectForVideo(video, timestampMs) {
    if (!Number.isFinite(timestampMs)) throw new Error(`timestampMs must be a number, got ${timestampMs}`);
    return this.#update(this.#tracker, video, timestampMs / 1000);
  }

  /**
   * The faces in one picture, the most certain first. Their points are not smoothed.
   *
   * @param {ImageSource} image
   * @returns {Promise<Face[]>} points in px of the picture.
   * @throws {Error} the picture is not loaded, the last call has not finished, or the landmarker was closed.
   */
  async detect(image) {
    const every = this.#maxFaces ?? EVERY_FACE;
    const tracker = new FaceTracker(this.#network, this.#detector, { maxFaces: every, smoothing: false });
    return this.#update(tracker, image, 0);
  }

  /** Forget every face: the next frame begins a new video. */
  reset() {
    this.#tracker = this.#newTracker();
  }

  /** Free the model. May be called twice; every other call then throws. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all([this.#network.close(), this.#detector.close()]);
  }

  #newTracker() {
    const options = { maxFaces: this.#maxFaces ?? 1, smoothing: this.#smoothing };
    return new FaceTracker(this.#network, this.#detector, options);
  }

  /**
   * @param {FaceTracker} tracker
   * @param {ImageSource} source
   * @param {number} nowS
   */
  async #update(tracker, source, nowS) {
    if (this.#isClosed) throw new Error("this FaceLandmarker was closed; create a new one");
    if (this.#isBusy) throw new Error("the last call has not finished; await it before the next one");
    this.#isBusy = true;
    const frame = this.#open(source);
    try {
      const faces = await tracker.update(frame, nowS);
      return faces.map((face) => asFace(face, this.#network.spec.layout));
    } finally {
      frame.close();
      this.#isBusy = false;
    }
  }

  /** @param {ImageSource} source */
  #open(source) {
    try {
      return this.#reader.open(source);
    } catch (error) {
      this.#isBusy = false;
      throw error;
    }
  }
}

/**
 * @param {TrackedFace} face
 * @param {string} layout
 */
function asFace({ track: { id, ageFrames, observation }, points }, layout) {
  return new Face({ id, ageFrames, presence: observation.presence, layout, points });
}

/**
 * @param {Options} options
 * @returns {Options}
 */
function checked(options) {
  const known = ["model", "precision", "maxFaces", "smoothing", "device", "threads", "assets"];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown) throw new Error(`${unknown}: no such option; there are ${known.join(", ")}`);
  for (const key of /** @type {const} */ (["maxFaces", "threads"])) {
    const value = options[key];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      throw new Error(`${key} must be a whole number of at least 1, got ${value}`);
    }
  }
  const { precision, device } = options;
  if (precision !== undefined && precision !== "fp32" && precision !== "int8") {
    throw new Error(`precision must be fp32 or int8, got ${precision}`);
  }
  if (device !== undefined && !DEVICES.includes(device)) {
    throw new Error(`device must be ${DEVICES.join(" or ")}, got ${device}`);
  }
  if ((options.threads ?? 1) > 1 && !globalThis.crossOriginIsolated) {
    throw new Error("threads need a page with the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy");
  }
  return options;
}

/**
 * @param {string} model
 * @param {string | undefined} precision
 * @param {string} assets
 */
function modelAddress(model, precision, assets) {
  const isName = MODELS.some((name) => name === model);
  if (isName) return `${assets}models/${model}${precision === "int8" ? "_int8" : ""}.onnx`;
  if (!model.endsWith(".onnx")) {
    throw new Error(`model must be one of ${MODELS.join(", ")} or the address of an .onnx file, got ${model}`);
  }
  if (precision !== undefined) throw new Error(`precision ${precision} goes with the name of a model, got ${model}`);
  return model;
}

/** @param {string | undefined} assets */
function folderAddress(assets) {
  const base = globalThis.location?.href ?? import.meta.url;
  const address = assets === undefined ? new URL("./", import.meta.url) : new URL(assets, base);
  return address.href.endsWith("/") ? address.href : `${address.href}/`;
}
