/**
 * What the points of a face are, as in `sdfl.layouts`; a test compares both.
 *
 * @typedef {object} Layout
 * @property {number} numPoints
 * @property {readonly [number, number]} eyeCorners outer corners, from the picture's left to its right.
 * @property {readonly (readonly number[])[]} curves points that are joined when a face is drawn.
 * @property {Readonly<Record<string, readonly number[]>>} regions points of one colour.
 * @property {readonly number[]} rigid the points that `headPose` uses; empty where they are missing.
 * @property {readonly (readonly number[])[]} lids both eyes and the inner lips: two corners, then pairs; or empty.
 */

/**
 * @param {number} first
 * @param {number} last
 * @param {boolean} closed
 */
function run(first, last, closed = false) {
  const indices = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return closed ? [...indices, first] : indices;
}

/** @type {Readonly<Record<string, Layout>>} */
export const LAYOUTS = {
  ibug68: {
    numPoints: 68,
    eyeCorners: [36, 45],
    curves: [
      run(0, 16), run(17, 21), run(22, 26), run(27, 30), run(31, 35),
      run(36, 41, true), run(42, 47, true), run(48, 59, true), run(60, 67, true),
    ],
    regions: { contour: run(0, 16), brows: run(17, 26), nose: run(27, 35), eyes: run(36, 47), mouth: run(48, 67) },
    rigid: [36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35],
    lids: [[36, 39, 37, 41, 38, 40], [42, 45, 43, 47, 44, 46], [60, 64, 61, 67, 62, 66, 63, 65]],
  },
  wflw98: {
    numPoints: 98,
    eyeCorners: [60, 72],
    curves: [
      run(0, 32), run(33, 41, true), run(42, 50, true), run(51, 54), run(55, 59),
      run(60, 67, true), run(68, 75, true), run(76, 87, true), run(88, 95, true),
    ],
    regions: {
      contour: run(0, 32), brows: run(33, 50), nose: run(51, 59), eyes: [...run(60, 75), 96, 97], mouth: run(76, 95),
    },
    rigid: [60, 64, 68, 72, 51, 52, 53, 54, 55, 57, 59],
    lids: [[60, 64, 61, 67, 62, 66, 63, 65], [68, 72, 69, 75, 70, 74, 71, 73], [88, 92, 89, 95, 90, 94, 91, 93]],
  },
  cofw29: {
    numPoints: 29,
    eyeCorners: [8, 9],
    curves: [
      [0, 4, 2, 5, 0], [1, 6, 3, 7, 1], [8, 12, 10, 13, 8], [9, 14, 11, 15, 9], [18, 20, 19], [22, 24, 23, 27, 22],
    ],
    regions: { contour: [28], brows: run(0, 7), nose: run(18, 21), eyes: run(8, 17), mouth: run(22, 27) },
    rigid: [],
    lids: [],
  },
};

/**
 * The layout of that name.
 *
 * @param {string} name
 */
export function getLayout(name) {
  const layout = LAYOUTS[name];
  if (!layout) throw new Error(`layout must be one of ${Object.keys(LAYOUTS).join(", ")}, got ${name}`);
  return layout;
}
