/**
 * Matching the faces seen in a frame with those known, as in `sdfl.runtime.tracking.assignment`: a linear assignment,
 * solved by the Hungarian method with potentials (shortest augmenting paths).
 *
 * @import { Xyxy } from "./types.js"
 */

const SCALE_WEIGHT = 1;

/**
 * How unlike two boxes are: the offset of their centres in mean sizes, plus the logarithm of the ratio of sizes.
 *
 * @param {Xyxy} a
 * @param {Xyxy} b
 */
export function distance(a, b) {
  const sizeA = Math.max(a[2] - a[0], a[3] - a[1], 1e-3);
  const sizeB = Math.max(b[2] - b[0], b[3] - b[1], 1e-3);
  const offset = Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2;
  return (2 * offset) / (sizeA + sizeB) + SCALE_WEIGHT * Math.abs(Math.log(sizeA / sizeB));
}

/**
 * The matching with the least total distance, in which a face without a partner costs half of `limit`.
 *
 * @param {readonly Xyxy[]} known boxes where known faces should be.
 * @param {readonly Xyxy[]} seen boxes of the faces that were seen.
 * @param {number} limit largest distance of a pair.
 * @param {readonly number[]} penalty added to the distances of each known face; empty for none.
 * @returns {Map<number, number>} index of a seen face -> index of the known face that it is.
 */
export function assign(known, seen, limit, penalty = []) {
  const [rows, columns] = [seen.length, known.length];
  if (!rows || !columns) return new Map();
  const cost = Array.from({ length: rows + columns }, (_, row) =>
    Array.from({ length: rows + columns }, (_, column) => {
      const [a, b] = [known[column], seen[row]];
      if (a && b) return Math.fround(distance(a, b)) + (penalty[column] ?? 0);
      return a || b ? limit / 2 : 0;
    }),
  );
  const chosen = solve(cost);
  return new Map([...chosen.entries()].filter(([row, column]) => row < rows && column < columns));
}

/**
 * The cheapest perfect matching of a square table.
 *
 * @param {readonly (readonly number[])[]} cost
 * @returns {number[]} the column of each row.
 */
function solve(cost) {
  const size = cost.length;
  const ofRow = new Float64Array(size + 1); // potentials
  const ofColumn = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1); // of each column, counted from 1; 0 for none
  for (let row = 1; row <= size; row++) {
    rowOf[0] = row;
    const least = new Float64Array(size + 1).fill(Infinity);
    const before = new Int32Array(size + 1);
    const isDone = new Uint8Array(size + 1);
    let column = 0;
    do {
      isDone[column] = 1;
      const from = at(rowOf, column);
      let [step, next] = [Infinity, 0];
      for (let j = 1; j <= size; j++) {
        if (isDone[j]) continue;
        const reduced = (cost[from - 1]?.[j - 1] ?? 0) - at(ofRow, from) - at(ofColumn, j);
        if (reduced < at(least, j)) {
          least[j] = reduced;
          before[j] = column;
        }
        if (at(least, j) < step) [step, next] = [at(least, j), j];
      }
      for (let j = 0; j <= size; j++) {
        if (isDone[j]) {
          ofRow[at(rowOf, j)] = at(ofRow, at(rowOf, j)) + step;
          ofColumn[j] = at(ofColumn, j) - step;
        } else least[j] = at(least, j) - step;
      }
      column = next;
    } while (at(rowOf, column));
    while (column) {
      rowOf[column] = at(rowOf, at(before, column));
      column = at(before, column);
    }
  }
  const columnOf = new Array(size).fill(0);
  for (let j = 1; j <= size; j++) columnOf[at(rowOf, j) - 1] = j - 1;
  return columnOf;
}

/**
 * @param {Float64Array | Int32Array} values
 * @param {number} index
 */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}
