/**
 * The types that the modules share. Pixel coordinates: x right, y down; (0, 0) is the centre of the top-left pixel.
 *
 * @typedef {{ x: number, y: number }} Point px of the frame.
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Box px of the frame.
 * @typedef {{ yaw: number, pitch: number, roll: number }} Pose degrees, see `headPose`; NaN where it is unknown.
 * @typedef {{ leftEye: number, rightEye: number, mouth: number }} Openness height over width; NaN where it is unknown.
 *
 * @typedef {{ data: Uint8Array | Uint8ClampedArray, width: number, height: number }} Pixels RGBA, row by row.
 * @typedef {readonly [number, number, number, number, number, number]} Affine x' = a x + b y + c, y' = d x + e y + f.
 * @typedef {readonly [number, number, number, number]} Xyxy left, top, right, bottom, px.
 *
 * @typedef {object} ReadableFrame One picture, of which regions can be read.
 * @property {number} width px.
 * @property {number} height px.
 * @property {(left: number, top: number, width: number, height: number) => Promise<Pixels>} read the pixels of a
 *   region that lies within the picture.
 *
 * @typedef {object} ModelSpec What a landmark model says about itself.
 * @property {string} name what the model is called.
 * @property {string} layout order of the points.
 * @property {number} inputSize side of the crops, px.
 * @property {number} cropScale side of the crop in longer sides of the box around the landmarks.
 *
 * @typedef {object} Prediction What a landmark network says about some crops.
 * @property {Float32Array} points x and y of each point of each crop, crop px.
 * @property {Float32Array} presence 0..1, for each crop.
 * @property {Float32Array} logScale natural logarithm of the expected error of each point, crop px.
 *
 * @typedef {object} Network Runs a landmark network.
 * @property {ModelSpec} spec what the network expects and gives.
 * @property {(crops: Uint8Array, count: number) => Promise<Prediction>} infer crops: BGR, one after the other.
 *
 * @typedef {{ xyxy: Xyxy, score: number }} Detection A detected face, frame px; score 0..1.
 * @typedef {{ detect: (frame: ReadableFrame) => Promise<Detection[]> }} Detector Gives the best face first.
 */

export {};
