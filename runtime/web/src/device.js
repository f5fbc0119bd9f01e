/**
 * What networks run on: ONNX Runtime Web in WebAssembly, or its larger build for WebGPU, which is loaded when it is asked
 * for.
 */

import * as wasmRuntime from "onnxruntime-web/wasm";

export const DEVICES = /** @type {const} */ (["wasm", "webgpu"]);

/**
 * @typedef {typeof wasmRuntime} Runtime
 * @typedef {wasmRuntime.InferenceSession} Session
 * @typedef {wasmRuntime.InferenceSession.SessionOptions} SessionOptions
 *
 * @typedef {object} Device What networks run on.
 * @property {typeof DEVICES[number]} name
 * @property {Runtime} runtime
 * @property {SessionOptions} forLandmarks
 * @property {SessionOptions} forDetector
 */

/** @type {SessionOptions} */
const ON_PROCESSOR = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
/** @type {SessionOptions} */
const ON_GPU = { executionProviders: ["webgpu"], graphOptimizationLevel: "all" };

/** @type {Map<string, Promise<Device>>} each runtime and its threads are started once for a page. */
const started = new Map();

/**
 * A device; WebAssembly in place of WebGPU, with a line on the console, where the browser has no adapter for it.
 *
 * @param {typeof DEVICES[number]} name
 * @param {string} assets address of the folder with the runtime's files, with a slash at its end.
 * @param {number} threads of WebAssembly; the first call for a page and device decides about these.
 * @returns {Promise<Device>}
 * @throws {Error} the build for WebGPU cannot be loaded.
 */
export async function openDevice(name, assets, threads) {
  const isThere = name === "wasm" || (await hasAdapter());
  if (!isThere) console.warn("sdfl: this browser offers no WebGPU adapter; WebAssembly on the processor is used instead");
  const chosen = isThere ? name : "wasm";
  const device = started.get(chosen) ?? STARTS[chosen](assets, threads);
  started.set(chosen, device);
  return device;
}

const STARTS = { wasm: startWasm, webgpu: startWebgpu };

/** @returns {Promise<boolean>} */
async function hasAdapter() {
  const { gpu } = /** @type {{ gpu?: { requestAdapter: () => Promise<object | null> } }} */ (navigator);
  return Boolean(await gpu?.requestAdapter().catch(() => null));
}

/**
 * @param {string} assets
 * @param {number} threads
 * @returns {Promise<Device>}
 */
async function startWasm(assets, threads) {
  configure(wasmRuntime, `${assets}ort-wasm-simd-threaded`, threads);
  return { name: "wasm", runtime: wasmRuntime, forLandmarks: ON_PROCESSOR, forDetector: ON_PROCESSOR };
}

/**
 * The detector stays on the processor: few frames need it, and it answers sooner there.
 *
 * @param {string} assets
 * @param {number} threads
 * @returns {Promise<Device>}
 */
async function startWebgpu(assets, threads) {
  const address = `${assets}webgpu/ort.js`;
  /** @type {Runtime} */
  const runtime = await import(/* webpackIgnore: true */ /* @vite-ignore */ address).catch(() => {
    started.delete("webgpu");
    throw new Error(`${address} cannot be loaded; set the option assets to the library's folder`);
  });
  configure(runtime, `${assets}webgpu/ort-wasm-simd-threaded.asyncify`, threads);
  return { name: "webgpu", runtime, forLandmarks: ON_GPU, forDetector: ON_PROCESSOR };
}

/**
 * @param {Runtime} runtime
 * @param {string} stem address of its files without their suffixes.
 * @param {number} threads
 */
function configure({ env: { wasm } }, stem, threads) {
  wasm.numThreads = threads;
  wasm.wasmPaths = { mjs: `${stem}.mjs`, wasm: `${stem}.wasm` };
}
