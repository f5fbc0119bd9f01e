/**
 * What the network sees in regions of a frame, all in one inference, and what of it counts as a face; as in
 * `sdfl.runtime.tracking.observation`.
 *
 * @import { Affine, Network, ReadableFrame, Xyxy } from "./types.js"
 */

import { cutCrop } from "./crop.js";
import { landmarkBox, transformPoints } from "./geometry.js";
import { getLayout } from "./layout.js";

const MIN_FACE_PX = 8;
const MAX_FACE_FRAMES = 4;
const LARGEST_BATCH = 32;
const MAX_LOG_SCALE = 5;

/**
 * What the network saw in one region.
 *
 * @typedef {object} Observation
 * @property {Float32Array} points frame px, not smoothed.
 * @property {number} presence 0..1, how sure the network is that there is a face.
 * @property {Float32Array} spread expected error of each point, frame px.
 * @property {Xyxy} box around the points.
 */

/**
 * Run the network on regions of a frame.
 *
 * @param {Network} network
 * @param {ReadableFrame} frame
 * @param {readonly Affine[]} regions crop px -> frame px.
 * @returns {Promise<Observation[]>} one for each region.
 */
export async function observe(network, frame, regions) {
  const observations = [];
  for (let start = 0; start < regions.length; start += LARGEST_BATCH) {
    observations.push(...(await observeBatch(network, frame, regions.slice(start, start + LARGEST_BATCH))));
  }
  return observations;
}

/**
 * @param {Network} network
 * @param {ReadableFrame} frame
 * @param {readonly Affine[]} regions
 * @returns {Promise<Observation[]>}
 */
async function observeBatch(network, frame, regions) {
  const { inputSize, layout } = network.spec;
  const bytes = inputSize * inputSize * 3;
  const crops = new Uint8Array(regions.length * bytes);
  for (const [i, region] of regions.entries()) {
    await cutCrop(frame, region, inputSize, crops.subarray(i * bytes, (i + 1) * bytes));
  }
  const seen = await network.infer(crops, regions.length);
  const { numPoints } = getLayout(layout);
  return regions.map((region, i) => {
    const points = transformPoints(region, seen.points.subarray(2 * i * numPoints, 2 * (i + 1) * numPoints));
    const scale = Math.hypot(region[0], region[3]);
    const logScale = seen.logScale.subarray(i * numPoints, (i + 1) * numPoints);
    const spread = logScale.map((value) => Math.exp(Math.min(value, MAX_LOG_SCALE)) * scale);
    return { points, presence: seen.presence[i] ?? 0, spread, box: landmarkBox(points) };
  });
}

/**
 * Whether an observation is of a face that the next crop can be cut around.
 *
 * @param {Observation} seen
 * @param {{ width: number, height: number }} frame
 * @param {number} minPresence the least presence of a face.
 */
export function isFace({ box: [x0, y0, x1, y1], presence }, { width, height }, minPresence) {
  if (!(presence >= minPresence && Number.isFinite(x0 + y0 + x1 + y1))) return false;
  const isInside = x0 + x1 >= 0 && x0 + x1 < 2 * width && y0 + y1 >= 0 && y0 + y1 < 2 * height;
  const side = Math.max(x1 - x0, y1 - y0);
  return isInside && side >= MIN_FACE_PX && side <= MAX_FACE_FRAMES * Math.max(width, height);
}
