/**
 * One followed face between two frames, as in `sdfl.runtime.tracking.track`: where it was seen, how fast it moved, and
 * where it should be next.
 *
 * @import { Observation } from "./observation.js"
 * @import { Xyxy } from "./types.js"
 */

const VELOCITY_MEMORY_S = 0.06;
const MAX_COAST_S = 0.6;
const DEFAULT_STEP_S = 1 / 30;

/**
 * A face that is known.
 *
 * @typedef {object} Track
 * @property {number} id of the face.
 * @property {Observation} observation the last one.
 * @property {number} seenS timestamp of the frame that it was made in.
 * @property {readonly [number, number]} velocityPxS of the middle of its box.
 * @property {number} ageFrames frames since the face was found.
 * @property {boolean} hidden whether it was not seen in the last frame.
 */

/**
 * The track of a face that was just found.
 *
 * @param {number} id
 * @param {Observation} observation
 * @param {number} nowS
 * @returns {Track}
 */
export function newTrack(id, observation, nowS) {
  return { id, observation, seenS: nowS, velocityPxS: [0, 0], ageFrames: 0, hidden: false };
}

/**
 * Where the face should be, if it has moved at constant velocity.
 *
 * @param {Track} track
 * @param {number} nowS
 * @returns {{ points: Float32Array, box: Xyxy }} frame px.
 */
export function expected(track, nowS) {
  const stepS = Math.min(step(track.seenS, nowS), MAX_COAST_S);
  const [x, y] = /** @type {[number, number]} */ (track.velocityPxS.map((speed) => Math.fround(speed * stepS)));
  const points = track.observation.points.map((value, i) => value + (i % 2 ? y : x));
  const [x0, y0, x1, y1] = track.observation.box;
  return { points, box: [x0 + x, y0 + y, x1 + x, y1 + y] };
}

/**
 * The track after the face was seen again.
 *
 * @param {Track} track
 * @param {Observation} observation
 * @param {number} nowS timestamp of its frame.
 * @param {boolean} contested whether another face is so near that the motion cannot be trusted.
 * @returns {Track}
 */
export function seenAgain(track, observation, nowS, contested) {
  let velocityPxS = track.velocityPxS;
  if (!contested) {
    const stepS = step(track.seenS, nowS);
    const share = track.hidden ? 1 : -Math.expm1(-stepS / VELOCITY_MEMORY_S);
    const [before, now] = [middle(track.observation.box), middle(observation.box)];
    const along = (/** @type {0 | 1} */ axis) =>
      track.velocityPxS[axis] + share * ((now[axis] - before[axis]) / stepS - track.velocityPxS[axis]);
    velocityPxS = [along(0), along(1)];
  }
  return { id: track.id, observation, seenS: nowS, velocityPxS, ageFrames: track.ageFrames + 1, hidden: false };
}

/**
 * The track after a frame in which the face was not seen.
 *
 * @param {Track} track
 * @returns {Track}
 */
export function unseen(track) {
  return { ...track, hidden: true, ageFrames: track.ageFrames + 1 };
}

/**
 * @param {Xyxy} box
 * @returns {readonly [number, number]}
 */
function middle([x0, y0, x1, y1]) {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

/**
 * @param {number} beforeS
 * @param {number} nowS
 */
function step(beforeS, nowS) {
  return nowS > beforeS ? nowS - beforeS : DEFAULT_STEP_S;
}
