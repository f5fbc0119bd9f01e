/**
 * Where a head turns, and how far eyes and mouth are open, as in `sdfl.pose`.
 *
 * The pose is that of a generic face whose rigid points are fitted to the landmarks (perspective-n-point): scaled
 * orthography (POSIT's first step) to begin with, then Levenberg-Marquardt on the errors in the picture. Python begins
 * with EPnP; both end in the same minimum.
 *
 * @import { Openness, Pose } from "./types.js"
 */

import { getLayout } from "./layout.js";

const VIEW_DISTANCE = 6.5;
const ITERATIONS = 30;
const DEGREES = 180 / Math.PI;

// The generic face, in outer-eye distances: x right and y down as seen by the camera, z away from it.
const RIGID = [
  [-0.5, 0, 0], [-0.19, 0.01, -0.07], [0.19, 0.01, -0.07], [0.5, 0, 0],
  [0, -0.02, -0.16], [0, 0.12, -0.23], [0, 0.25, -0.31], [0, 0.38, -0.39],
  [-0.15, 0.47, -0.17], [0, 0.51, -0.24], [0.15, 0.47, -0.17],
];

/** @typedef {number[]} Vector */
/** @typedef {Vector[]} Matrix */

/** @type {Readonly<Pose>} */
export const UNKNOWN_POSE = Object.freeze({ yaw: NaN, pitch: NaN, roll: NaN });

/**
 * Where the head turns, degrees: `yaw` is positive where the face is turned to the picture's right, `pitch` where it
 * looks up, `roll` where it is tilted clockwise as seen.
 *
 * @param {Float32Array} points of one face.
 * @param {string} layout of the points.
 * @returns {Pose} NaN for a layout that does not tell, and for points that no head can have.
 */
export function headPose(points, layout) {
  const { rigid } = getLayout(layout);
  const image = rigid.map((i) => [points[2 * i] ?? NaN, points[2 * i + 1] ?? NaN]);
  const [xs, ys] = [image.map((point) => get(point, 0)), image.map((point) => get(point, 1))];
  const size = Math.hypot(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  if (!rigid.length || !(size > 1e-3) || !Number.isFinite(size)) return UNKNOWN_POSE;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const unit = image.map((point) => [(get(point, 0) - meanX) / size, (get(point, 1) - meanY) / size]);
  const { rotation, shift } = refine(unit, begin(unit));
  const isHead = rotation.flat().every(Number.isFinite) && get(shift, 2) > 0;
  return isHead ? angles(rotation) : UNKNOWN_POSE;
}

/**
 * How far eyes and mouth are open: height over width. An eye of about 0.3 is open, one below 0.15 shut.
 *
 * @param {Float32Array} points of one face.
 * @param {string} layout of the points.
 * @returns {Openness} NaN for a layout that does not tell.
 */
export function openness(points, layout) {
  const [leftEye = NaN, rightEye = NaN, mouth = NaN] = getLayout(layout).lids.map((indices) => {
    const lengths = [];
    for (let i = 0; i < indices.length; i += 2) {
      const [a, b] = [get(indices, i), get(indices, i + 1)];
      lengths.push(Math.hypot(at(points, a, 0) - at(points, b, 0), at(points, a, 1) - at(points, b, 1)));
    }
    const [width = 0, ...heights] = lengths;
    return width > 1e-6 ? mean(heights) / width : 0;
  });
  return { leftEye, rightEye, mouth };
}

/**
 * A first pose, from scaled orthography.
 *
 * @param {Matrix} unit points of the picture.
 * @returns {{ rotation: Matrix, shift: Vector }}
 */
function begin(unit) {
  const middle = [0, 1, 2].map((c) => mean(RIGID.map((point) => get(point, c))));
  const model = RIGID.map((point) => point.map((value, c) => value - get(middle, c)));
  const square = product(transposed(model), model);
  const [i, j] = [0, 1].map((axis) => {
    const side = model[0]?.map((_, c) => model.reduce((sum, point, k) => sum + get(point, c) * entry(unit, k, axis), 0));
    return solve(square, side ?? []);
  });
  const scale = (length(i ?? []) + length(j ?? [])) / 2 || 1;
  const first = scaled(i ?? [], 1 / length(i ?? []));
  const third = cross(first, j ?? []);
  const axis = scaled(third, 1 / length(third));
  const rotation = [first, cross(axis, first), axis];
  const turned = rotation.map((row) => dot(row, middle));
  const depth = VIEW_DISTANCE / scale;
  return { rotation, shift: [-get(turned, 0), -get(turned, 1), depth - get(turned, 2)] };
}

/**
 * Levenberg-Marquardt on the six parameters of the pose.
 *
 * @param {Matrix} unit
 * @param {{ rotation: Matrix, shift: Vector }} pose
 */
function refine(unit, pose) {
  let damping = 1e-3;
  let { error, normal, gradient } = linearised(unit, pose);
  for (let i = 0; i < ITERATIONS && damping < 1e9; i++) {
    const damped = normal.map((row, r) => row.map((value, c) => (r === c ? value * (1 + damping) + 1e-12 : value)));
    const step = solve(damped, gradient);
    const moved = {
      rotation: product(rotationOf(step.slice(0, 3)), pose.rotation),
      shift: pose.shift.map((value, k) => value + get(step, 3 + k)),
    };
    const next = linearised(unit, moved);
    if (next.error <= error) {
      pose = moved;
      ({ error, normal, gradient } = next);
      damping /= 10;
      if (length(step) < 1e-9) break;
    } else damping *= 10;
  }
  return pose;
}

/**
 * Squared error of a pose, and the normal equations of its improvement.
 *
 * @param {Matrix} unit
 * @param {{ rotation: Matrix, shift: Vector }} pose
 */
function linearised(unit, { rotation, shift }) {
  const normal = Array.from({ length: 6 }, () => new Array(6).fill(0));
  const gradient = new Array(6).fill(0);
  let error = 0;
  for (const [k, point] of RIGID.entries()) {
    const turned = rotation.map((row) => dot(row, point));
    const [x, y, z] = /** @type {[number, number, number]} */ (turned.map((value, c) => value + get(shift, c)));
    const f = VIEW_DISTANCE / z;
    for (const [axis, place] of [x, y].entries()) {
      const off = entry(unit, k, axis) - f * place;
      const bySpace = [axis === 0 ? f : 0, axis === 1 ? f : 0, (-f * place) / z];
      const row = [...cross(turned, bySpace), ...bySpace];
      error += off * off;
      for (let a = 0; a < 6; a++) {
        gradient[a] += get(row, a) * off;
        for (let b = 0; b < 6; b++) /** @type {Vector} */ (normal[a])[b] = entry(normal, a, b) + get(row, a) * get(row, b);
      }
    }
  }
  return { error, normal, gradient };
}

/**
 * Yaw and pitch are the nose's direction, roll what is left around it.
 *
 * @param {Matrix} rotation generic face to camera.
 * @returns {Pose}
 */
function angles(rotation) {
  const [x, y, z] = /** @type {[number, number, number]} */ (rotation.map((row) => -get(row, 2)));
  const yaw = Math.atan2(x, -z);
  const pitch = Math.asin(Math.min(Math.max(-y, -1), 1));
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const turned = [[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]];
  const raised = [[1, 0, 0], [0, cp, sp], [0, -sp, cp]];
  const rest = product(transposed(product(turned, raised)), rotation);
  const roll = Math.atan2(entry(rest, 1, 0), entry(rest, 0, 0));
  return { yaw: yaw * DEGREES, pitch: pitch * DEGREES, roll: roll * DEGREES };
}

/** Rodrigues' formula. @param {Vector} turn axis times angle. @returns {Matrix} */
function rotationOf(turn) {
  const angle = length(turn);
  if (angle < 1e-12) return [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const [x, y, z] = /** @type {[number, number, number]} */ (scaled(turn, 1 / angle));
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const v = 1 - c;
  return [
    [x * x * v + c, x * y * v - z * s, x * z * v + y * s],
    [y * x * v + z * s, y * y * v + c, y * z * v - x * s],
    [z * x * v - y * s, z * y * v + x * s, z * z * v + c],
  ];
}

/** Gaussian elimination with pivots. @param {Matrix} matrix @param {Vector} side @returns {Vector} */
function solve(matrix, side) {
  const rows = matrix.map((row, i) => [...row, get(side, i)]);
  const size = rows.length;
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let r = i + 1; r < size; r++) if (Math.abs(entry(rows, r, i)) > Math.abs(entry(rows, pivot, i))) pivot = r;
    [rows[i], rows[pivot]] = [/** @type {Vector} */ (rows[pivot]), /** @type {Vector} */ (rows[i])];
    for (let r = 0; r < size; r++) {
      if (r === i) continue;
      const factor = entry(rows, r, i) / entry(rows, i, i);
      rows[r] = /** @type {Vector} */ (rows[r]).map((value, c) => value - factor * entry(rows, i, c));
    }
  }
  return rows.map((row, i) => get(row, size) / get(row, i));
}

/** @param {Matrix} a @param {Matrix} b @returns {Matrix} */
function product(a, b) {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

/** @param {Matrix} matrix @returns {Matrix} */
function transposed(matrix) {
  return (matrix[0] ?? []).map((_, c) => matrix.map((row) => get(row, c)));
}

/** @param {Vector} a @param {Vector} b @returns {Vector} */
function cross(a, b) {
  const part = (/** @type {number} */ i, /** @type {number} */ j) => get(a, i) * get(b, j) - get(a, j) * get(b, i);
  return [part(1, 2), part(2, 0), part(0, 1)];
}

/** @param {Vector} a @param {Vector} b */
function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * get(b, i), 0);
}

/** @param {Vector} vector */
function length(vector) {
  return Math.hypot(...vector);
}

/** @param {Vector} vector @param {number} factor */
function scaled(vector, factor) {
  return vector.map((value) => value * factor);
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {readonly number[]} values @param {number} i */
function get(values, i) {
  return values[i] ?? NaN;
}

/** @param {Matrix} matrix @param {number} row @param {number} column */
function entry(matrix, row, column) {
  return matrix[row]?.[column] ?? NaN;
}

/** @param {Float32Array} points @param {number} index @param {0 | 1} axis */
function at(points, index, axis) {
  return points[2 * index + axis] ?? NaN;
}
