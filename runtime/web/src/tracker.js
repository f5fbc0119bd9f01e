/**
 * Following faces from frame to frame, as in `sdfl.runtime.tracking.tracker`: the last landmarks give the next region;
 * the detector only finds new faces. A face that is not seen is hidden: it is no longer reported, but remembered for a
 * second. In a frame of another size every face is a new one.
 *
 * @import { Observation } from "./observation.js"
 * @import { Track } from "./track.js"
 * @import { Detection, Detector, Network, ReadableFrame, Xyxy } from "./types.js"
 */

import { assign, distance } from "./assignment.js";
import { boxAffine, boxIou, regionOfLandmarks } from "./geometry.js";
import { isFace, observe } from "./observation.js";
import { Smoother } from "./smoothing.js";
import { expected, newTrack, seenAgain, unseen } from "./track.js";

const MIN_PRESENCE = 0.5;
const NEW_PRESENCE = 0.8;
const DUPLICATE_IOU = 0.4;
const NEAR_IOU = 0.02;
const KEEP_S = 1;
const MAX_JUMP = 0.8;
const HIDDEN_COST = 0.2;
const EVERY_S = 0.3; // between two detections while some face is tracked
const EVERY_ALONE_S = 0.05; // while none is

/** @typedef {{ track: Track, points: Float32Array }} TrackedFace points: frame px, smoothed if that is wanted. */

/** Follows the faces of one video. */
export class FaceTracker {
  #network;
  #detector;
  #maxFaces;
  #smoothing;
  /** @type {Track[]} */
  #tracks = [];
  /** @type {Map<number, Smoother>} */
  #smoothers = new Map();
  #lastId = 0;
  /** @type {{ width: number, height: number } | null} */
  #size = null;
  /** @type {number | null} when the detector was asked last. */
  #askedS = null;

  /**
   * @param {Network} network
   * @param {Detector} detector
   * @param {{ maxFaces: number, smoothing: boolean }} options
   */
  constructor(network, detector, { maxFaces, smoothing }) {
    this.#network = network;
    this.#detector = detector;
    this.#maxFaces = maxFaces;
    this.#smoothing = smoothing;
  }

  /**
   * Follow the faces into the next frame.
   *
   * @param {ReadableFrame} frame
   * @param {number} nowS its timestamp.
   * @returns {Promise<TrackedFace[]>} the faces that are seen in it, those known longest first.
   */
  async update(frame, nowS) {
    const before = this.#tracks.filter((track) => !track.hidden).length;
    const isResized = this.#size !== null && (this.#size.width !== frame.width || this.#size.height !== frame.height);
    this.#size = { width: frame.width, height: frame.height };
    if (isResized) this.#tracks = [];
    let { tracks, observations } = await this.#follow(frame, nowS);
    const tracked = observations.length;
    if (tracked < this.#maxFaces && (isResized || tracked < before || this.#isDue(nowS, tracked))) {
      this.#askedS = nowS;
      const boxes = await this.#detector.detect(frame);
      if (boxes.length) tracks = await this.#add(frame, nowS, tracks, observations, boxes);
    }
    this.#tracks = tracks;
    const ids = new Set(tracks.map((track) => track.id));
    for (const id of this.#smoothers.keys()) if (!ids.has(id)) this.#smoothers.delete(id);
    return tracks.filter((track) => !track.hidden).map((track) => ({ track, points: this.#points(track, nowS) }));
  }

  /**
   * @param {number} nowS
   * @param {number} tracked
   */
  #isDue(nowS, tracked) {
    const everyS = tracked ? EVERY_S : EVERY_ALONE_S;
    return this.#askedS === null || !(this.#askedS <= nowS && nowS < this.#askedS + everyS - 1e-6);
  }

  /**
   * Every remembered track after this frame, and the observations of those that are visible.
   *
   * @param {ReadableFrame} frame
   * @param {number} nowS
   */
  async #follow(frame, nowS) {
    const known = this.#tracks.filter((track) => !track.hidden || nowS - track.seenS <= KEEP_S);
    const visible = known.filter((track) => !track.hidden).length;
    const asked = known.filter((track) => !track.hidden || visible < this.#maxFaces);
    const places = asked.map((track) => expected(track, nowS));
    const regions = places.map(({ points }) => regionOfLandmarks(points, this.#network.spec));
    const seen = await observe(this.#network, frame, regions);
    const boxes = places.map(({ box }) => box);
    const owned = this.#owners(asked, boxes, seen, frame);
    let free = this.#maxFaces - known.filter((track) => !track.hidden && owned.has(track.id)).length;
    /** @type {Observation[]} */
    const observations = [];
    const tracks = known.map((track) => {
      const own = owned.get(track.id);
      if (own && track.hidden) free -= 1;
      if (!own || (track.hidden && free < 0)) return unseen(track);
      const isNear = asked.some((other, i) => other !== track && boxIou(own.box, at(boxes, i)) > NEAR_IOU);
      observations.push(own);
      return seenAgain(track, own, nowS, isNear);
    });
    return { tracks, observations };
  }

  /**
   * Id -> the observation of that track.
   *
   * @param {readonly Track[]} asked
   * @param {readonly Xyxy[]} boxes where each track should be.
   * @param {readonly Observation[]} seen
   * @param {ReadableFrame} frame
   * @returns {Map<number, Observation>}
   */
  #owners(asked, boxes, seen, frame) {
    const candidates = asked
      .map((track, i) => ({ track, observation: at(seen, i), jump: distance(at(boxes, i), at(seen, i).box) }))
      .filter(({ track, observation, jump }) => {
        return isFace(observation, frame, track.hidden ? NEW_PRESENCE : MIN_PRESENCE) && jump <= MAX_JUMP;
      });
    const areMeeting = candidates.some((a, i) =>
      candidates.slice(i + 1).some((b) => boxIou(a.observation.box, b.observation.box) > NEAR_IOU),
    );
    if (!areMeeting) return new Map(candidates.map(({ track, observation }) => [track.id, observation]));
    const cost = (/** @type {Track} */ track) => (track.hidden ? HIDDEN_COST : 0);
    candidates.sort((a, b) => a.jump + cost(a.track) - (b.jump + cost(b.track)));
    const single = withoutDuplicates(candidates.map(({ observation }) => observation));
    const pairs = assign(boxes, single.map((each) => each.box), MAX_JUMP, asked.map(cost));
    return new Map([...pairs].map(([index, place]) => [at(asked, place).id, at(single, index)]));
  }

  /**
   * Add new faces up to the limit, the best detection first.
   *
   * @param {ReadableFrame} frame
   * @param {number} nowS
   * @param {readonly Track[]} tracks
   * @param {readonly Observation[]} observations of the visible tracks.
   * @param {readonly Detection[]} boxes
   * @returns {Promise<Track[]>}
   */
  async #add(frame, nowS, tracks, observations, boxes) {
    const found = await this.#find(frame, observations, boxes);
    const hidden = tracks.filter((track) => track.hidden);
    const places = assign(hidden.map((track) => expected(track, nowS).box), found.map((each) => each.box), MAX_JUMP);
    const returned = new Set([...places.values()].map((place) => hidden[place]));
    const added = found.map((each, index) => {
      const old = hidden[places.get(index) ?? -1];
      return old ? seenAgain(old, each, nowS, true) : newTrack(++this.#lastId, each, nowS);
    });
    return [...tracks.filter((track) => !returned.has(track)), ...added].sort((a, b) => a.id - b.id);
  }

  /**
   * Observations of new faces up to the limit, the best detection first.
   *
   * @param {ReadableFrame} frame
   * @param {readonly Observation[]} known
   * @param {readonly Detection[]} boxes
   * @returns {Promise<Observation[]>}
   */
  async #find(frame, known, boxes) {
    const free = this.#maxFaces - known.length;
    /** @type {Observation[]} */
    let found = [];
    let next = 0;
    while (found.length < free) {
      const batch = [];
      for (; next < boxes.length && batch.length < free - found.length; next++) {
        const { xyxy } = at(boxes, next);
        if ([...known, ...found].every((face) => boxIou(xyxy, face.box) < DUPLICATE_IOU)) batch.push(xyxy);
      }
      if (!batch.length) break;
      const begun = await this.#begin(frame, batch);
      found = withoutDuplicates([...known, ...found, ...begun]).slice(known.length);
    }
    return found;
  }

  /**
   * Observe each box twice: in an upright crop of the box, then in the crop that tracking would use.
   *
   * @param {ReadableFrame} frame
   * @param {readonly Xyxy[]} boxes
   */
  async #begin(frame, boxes) {
    const { spec } = this.#network;
    const first = await observe(this.#network, frame, boxes.map((box) => boxAffine(box, spec)));
    const rough = first.filter((each) => isFace(each, frame, MIN_PRESENCE));
    const second = await observe(this.#network, frame, rough.map((each) => regionOfLandmarks(each.points, spec)));
    return second.filter((each) => isFace(each, frame, NEW_PRESENCE));
  }

  /**
   * @param {Track} track
   * @param {number} nowS
   * @returns {Float32Array}
   */
  #points({ id, observation }, nowS) {
    if (!this.#smoothing) return observation.points;
    const smoother = this.#smoothers.get(id) ?? new Smoother();
    this.#smoothers.set(id, smoother);
    return smoother.update(observation.points, observation.spread, nowS);
  }
}

/**
 * The observations without those that show the same face as an earlier one.
 *
 * @param {readonly Observation[]} observations
 */
function withoutDuplicates(observations) {
  /** @type {Observation[]} */
  const kept = [];
  for (const each of observations) {
    if (kept.every((other) => boxIou(each.box, other.box) < DUPLICATE_IOU)) kept.push(each);
  }
  return kept;
}

/**
 * @template T
 * @param {readonly T[]} values
 * @param {number} index that is known to exist.
 */
function at(values, index) {
  return /** @type {T} */ (values[index]);
}
