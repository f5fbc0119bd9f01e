/**
 * The networks in ONNX Runtime Web.
 *
 * @import { Device, Session, SessionOptions } from "./device.js"
 * @import { Detector, Network } from "./types.js"
 */

import { cellGrid, decode, layOut } from "./cells.js";
import { readModelSpec, readThreshold } from "./model_file.js";

const INPUT = "image";

/** @type {Promise<unknown>} sessions are made one after the other, since the first one for WebGPU must start alone. */
let beforeThis = Promise.resolve();

/**
 * A file of a model.
 *
 * @param {string} address
 * @returns {Promise<Uint8Array>}
 * @throws {Error} it cannot be loaded.
 */
export async function download(address) {
  const answer = await fetch(address).catch((error) => {
    throw new Error(`${address} cannot be loaded (${error.message}); check the connection`);
  });
  if (!answer.ok) {
    throw new Error(`${address} cannot be loaded (${answer.status}); set the option assets to the library's folder`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

/** A landmark network. */
export class LandmarkNetwork {
  #session;
  #device;

  /**
   * @param {Device} device
   * @param {Session} session
   * @param {Network["spec"]} spec
   */
  constructor(device, session, spec) {
    this.#device = device;
    this.#session = session;
    this.spec = spec;
  }

  /**
   * @param {Device} device
   * @param {string} address of the ONNX file.
   */
  static async open(device, address) {
    const bytes = await download(address);
    const spec = readModelSpec(bytes, address);
    return new LandmarkNetwork(device, await openSession(device, device.forLandmarks, bytes, address), spec);
  }

  /** Name of the device that the network runs on. */
  get deviceName() {
    return this.#device.name;
  }

  /** @type {Network["infer"]} */
  async infer(crops, count) {
    const size = this.spec.inputSize;
    const input = new this.#device.runtime.Tensor("uint8", crops, [count, size, size, 3]);
    const outputs = await this.#session.run({ [INPUT]: input });
    return { points: floats(outputs, "points"), presence: floats(outputs, "presence"), logScale: floats(outputs, "log_scale") };
  }

  /** Free the network. */
  async close() {
    await this.#session.release();
  }
}

/**
 * A face detector.
 *
 * @implements {Detector}
 */
export class NetworkDetector {
  #session;
  #device;
  #threshold;
  /** @type {Map<string, ReturnType<typeof cellGrid>>} */
  #grids = new Map();

  /**
   * @param {Device} device
   * @param {Session} session
   * @param {number} threshold
   */
  constructor(device, session, threshold) {
    this.#device = device;
    this.#session = session;
    this.#threshold = threshold;
  }

  /**
   * @param {Device} device
   * @param {string} address of the ONNX file.
   */
  static async open(device, address) {
    const bytes = await download(address);
    const threshold = readThreshold(bytes, address);
    return new NetworkDetector(device, await openSession(device, device.forDetector, bytes, address), threshold);
  }

  /** @type {Detector["detect"]} */
  async detect(frame) {
    const { data, width, height, scaleX, scaleY } = await layOut(frame);
    const input = new this.#device.runtime.Tensor("uint8", data, [1, height, width, 3]);
    const outputs = await this.#session.run({ [INPUT]: input });
    const size = `${width} x ${height}`;
    const grid = this.#grids.get(size) ?? cellGrid(width, height);
    this.#grids.set(size, grid);
    return decode(floats(outputs, "cells"), grid, this.#threshold, scaleX, scaleY);
  }

  /** Free the network. */
  async close() {
    await this.#session.release();
  }
}

/**
 * @param {Device} device
 * @param {SessionOptions} options
 * @param {Uint8Array} bytes
 * @param {string} address
 * @returns {Promise<Session>}
 */
function openSession({ runtime }, options, bytes, address) {
  const session = beforeThis.then(() => runtime.InferenceSession.create(bytes, options));
  beforeThis = session.catch(() => {});
  return session.catch((error) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${address} cannot be opened in this browser (${reason.split("\n")[0]})`);
  });
}

/**
 * @param {Awaited<ReturnType<Session["run"]>>} outputs
 * @param {string} name
 * @returns {Float32Array}
 */
function floats(outputs, name) {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the network has no output ${name} of float32`);
  return data;
}
