/**
 * Faces and their 68 landmarks in the browser: the same models, tracker and smoothing as the Python package `sdfl`.
 *
 * @typedef {import("./landmarker.js").Options} Options
 * @typedef {import("./frame.js").ImageSource} ImageSource
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Box} Box
 * @typedef {import("./types.js").Pose} Pose
 * @typedef {import("./types.js").Openness} Openness
 */

export { drawFaces } from "./draw.js";
export { Face } from "./face.js";
export { DEFAULT_MODEL, FaceLandmarker, MODELS } from "./landmarker.js";
export { LAYOUTS } from "./layout.js";
