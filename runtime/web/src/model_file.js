/**
 * What a model file says about itself: the metadata of an ONNX file, a flat list of protobuf fields. `metadata_props`
 * are fields 14, with the key in field 1 and the value in field 2; values of this project's keys are JSON.
 *
 * @import { ModelSpec } from "./types.js"
 */

const PREFIX = "sdfl.";
const METADATA_FIELD = 14;
const FIXED_BYTES = new Map([[1, 8], [5, 4]]);

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {[value: number, next: number]}
 */
function varint(bytes, at) {
  let value = 0;
  for (let shift = 0; shift < 64; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
  throw new RangeError("cut off");
}

/**
 * @param {Uint8Array} bytes of one message.
 * @returns {Generator<[number: number, content: Uint8Array]>}
 */
function* fields(bytes) {
  let at = 0;
  while (at < bytes.length) {
    /** @type {number} */
    let tag;
    [tag, at] = varint(bytes, at);
    let end = at + (FIXED_BYTES.get(tag & 7) ?? 0);
    if ((tag & 7) === 0) [, end] = varint(bytes, at);
    if ((tag & 7) === 2) {
      const [length, start] = varint(bytes, at);
      [at, end] = [start, start + length];
    }
    if (end === at || end > bytes.length) {
      if (!((tag & 7) === 2 && end === at)) throw new RangeError("cut off");
    }
    yield [Math.floor(tag / 8), bytes.subarray(at, end)];
    at = end;
  }
}

/**
 * The entries of this project in an ONNX file.
 *
 * @param {Uint8Array} bytes of the file.
 * @param {string} origin for errors.
 * @returns {Record<string, unknown>} without the prefix.
 * @throws {Error} the file is damaged or something else.
 */
export function readMetadata(bytes, origin) {
  const decoder = new TextDecoder();
  /** @type {Record<string, unknown>} */
  const found = {};
  try {
    for (const [number, content] of fields(bytes)) {
      if (number !== METADATA_FIELD) continue;
      const pair = new Map(fields(content));
      const key = decoder.decode(pair.get(1));
      if (key.startsWith(PREFIX)) found[key.slice(PREFIX.length)] = JSON.parse(decoder.decode(pair.get(2)));
    }
  } catch {
    throw new Error(`${origin} is not a complete ONNX file; copy or export it again`);
  }
  return found;
}

/**
 * What a landmark model says about itself.
 *
 * @param {Uint8Array} bytes of the file.
 * @param {string} origin for errors.
 * @returns {ModelSpec}
 * @throws {Error} it is no landmark model of this project.
 */
export function readModelSpec(bytes, origin) {
  const { name, layout, input_size: inputSize, crop_scale: cropScale } = readMetadata(bytes, origin);
  if (typeof layout !== "string" || typeof inputSize !== "number") {
    throw new Error(`${origin} is not a landmark model of this project; take one that \`sdfl export\` wrote`);
  }
  return { name: String(name), layout, inputSize, cropScale: typeof cropScale === "number" ? cropScale : 1.25 };
}

/**
 * The score above which a detector's cell is a face.
 *
 * @param {Uint8Array} bytes of the file.
 * @param {string} origin for errors.
 * @returns {number}
 * @throws {Error} it is no detector of this project.
 */
export function readThreshold(bytes, origin) {
  const { threshold } = readMetadata(bytes, origin);
  if (typeof threshold !== "number") {
    throw new Error(`${origin} is not a face detector of this project; take one that \`sdfl export\` wrote`);
  }
  return threshold;
}
