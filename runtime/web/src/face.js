/** @import { Box, Openness, Point, Pose } from "./types.js" */

import { landmarkBox } from "./geometry.js";
import { headPose, openness } from "./pose.js";

/** A face that was found in a picture, or is followed through a video. All lengths are px of the picture. */
export class Face {
  /** @type {Pose | null} */
  #pose = null;
  /** @type {Openness | null} */
  #openness = null;
  #flat;

  /**
   * @param {{ id: number, presence: number, ageFrames: number, layout: string, points: Float32Array }} values
   */
  constructor({ id, presence, ageFrames, layout, points }) {
    this.#flat = points;
    /** Unique while a landmarker follows one video. */
    this.id = id;
    /** 0..1, how sure the network is that it looks at a face. */
    this.presence = presence;
    /** Frames since the face was found. */
    this.ageFrames = ageFrames;
    /** Order of the points: a name of `LAYOUTS`. */
    this.layout = layout;
    /** @type {Point[]} the landmarks. */
    this.points = Array.from({ length: points.length / 2 }, (_, i) => ({
      x: points[2 * i] ?? NaN,
      y: points[2 * i + 1] ?? NaN,
    }));
    const [left, top, right, bottom] = landmarkBox(points);
    /** @type {Box} around the points. */
    this.box = { left, top, right, bottom };
  }

  /** Where the head turns, degrees; computed when it is asked for. NaN for a layout that does not tell. */
  get pose() {
    this.#pose ??= headPose(this.#flat, this.layout);
    return this.#pose;
  }

  /** How far eyes and mouth are open; left and right as seen in the picture. NaN for a layout that does not tell. */
  get openness() {
    this.#openness ??= openness(this.#flat, this.layout);
    return this.#openness;
  }
}
