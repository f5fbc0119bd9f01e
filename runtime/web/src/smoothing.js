/**
 * Smoothing without lag, as in `sdfl.runtime.tracking.smoothing`: low-pass filters that open as the face moves,
 * separate for its motion and its shape. Points are complex numbers, kept as separate real and imaginary parts.
 */

const FIRST_STEP_S = 1 / 30;
const FORGET_S = 0.5;
const MOST_TRUST = 4;
const MOTION = { cutoffHz: 1, slack: 0.017, slopeHz: 1800, watchHz: 4 };
const SHAPE = { cutoffHz: 0.5, slack: 0.007, slopeHz: 900, watchHz: 4 };

/** @typedef {readonly [number, number]} Complex real and imaginary part. */
/** @typedef {{ re: Float64Array, im: Float64Array }} Complexes */

/** Smooths the points of one face. To be given every frame in which the face is seen. */
export class Smoother {
  /** @type {number | null} */
  #seenS = null;
  /** @type {Complexes} */
  #shape = zeros(0);
  /** @type {Complexes} */
  #shapeBehind = zeros(0);
  /** @type {Complex} */
  #centre = [0, 0];
  /** @type {Complex} */
  #turn = [1, 0];
  /** @type {[Complex, Complex]} place, and logarithm of size and roll. */
  #behind = [[0, 0], [0, 0]];

  /**
   * Take the points of the next frame.
   *
   * @param {Float32Array} points frame px.
   * @param {Float32Array} spread expected error of each point, in any unit.
   * @param {number} nowS timestamp of the frame.
   * @returns {Float32Array} frame px, the smoothed points.
   */
  update(points, spread, nowS) {
    const raw = split(points);
    const trust = trustOf(spread);
    const lastS = this.#seenS;
    this.#seenS = nowS;
    if (lastS === null || nowS - lastS > FORGET_S) {
      this.#begin(raw, trust);
      return points;
    }
    const stepS = nowS > lastS ? nowS - lastS : FIRST_STEP_S;
    const { turn, centre } = fit(this.#shape, raw, trust);
    this.#move(turn, centre, stepS);
    this.#reshape(raw, turn, centre, trust, stepS);
    return this.#smooth();
  }

  /**
   * @param {Complexes} raw
   * @param {Float64Array} trust
   */
  #begin(raw, trust) {
    const count = raw.re.length;
    const total = sum(trust);
    this.#centre = [dot(trust, raw.re) / total, dot(trust, raw.im) / total];
    let squares = 0;
    for (let i = 0; i < count; i++) squares += (at(raw.re, i) - this.#centre[0]) ** 2 + (at(raw.im, i) - this.#centre[1]) ** 2;
    const size = Math.max(Math.sqrt(squares / count), 1e-6);
    this.#turn = [size, 0];
    this.#shape = {
      re: raw.re.map((value) => (value - this.#centre[0]) / size),
      im: raw.im.map((value) => (value - this.#centre[1]) / size),
    };
    this.#behind = [[0, 0], [0, 0]];
    this.#shapeBehind = zeros(count);
  }

  /**
   * Follow place, size and roll.
   *
   * @param {Complex} turn
   * @param {Complex} centre
   * @param {number} stepS
   */
  #move(turn, centre, stepS) {
    const size = Math.hypot(...this.#turn);
    /** @type {[Complex, Complex]} */
    const off = [
      [(centre[0] - this.#centre[0]) / size, (centre[1] - this.#centre[1]) / size],
      log(divide(turn, this.#turn)),
    ];
    const watch = gain(MOTION.watchHz, stepS);
    const [place, form] = this.#behind;
    this.#behind = [towards(place, off[0], watch), towards(form, off[1], watch)];
    const behind = Math.max(0, Math.hypot(...this.#behind.flat()) - MOTION.slack);
    const follow = gain(MOTION.cutoffHz + MOTION.slopeHz * behind, stepS);
    this.#centre = [this.#centre[0] + follow * off[0][0] * size, this.#centre[1] + follow * off[0][1] * size];
    this.#turn = multiply(this.#turn, exp([follow * off[1][0], follow * off[1][1]]));
  }

  /**
   * Follow each point within the face, the uncertain ones more slowly.
   *
   * @param {Complexes} raw
   * @param {Complex} turn
   * @param {Complex} centre
   * @param {Float64Array} trust
   * @param {number} stepS
   */
  #reshape(raw, turn, centre, trust, stepS) {
    const watch = gain(SHAPE.watchHz, stepS);
    const [shape, lag] = [this.#shape, this.#shapeBehind];
    for (let i = 0; i < trust.length; i++) {
      const [re, im] = divide([at(raw.re, i) - centre[0], at(raw.im, i) - centre[1]], turn);
      const [offRe, offIm] = [re - at(shape.re, i), im - at(shape.im, i)];
      lag.re[i] = at(lag.re, i) + watch * (offRe - at(lag.re, i));
      lag.im[i] = at(lag.im, i) + watch * (offIm - at(lag.im, i));
      const behind = Math.max(0, Math.hypot(at(lag.re, i), at(lag.im, i)) - SHAPE.slack / at(trust, i));
      const follow = gain(SHAPE.cutoffHz * at(trust, i) + SHAPE.slopeHz * behind, stepS);
      shape.re[i] = at(shape.re, i) + follow * offRe;
      shape.im[i] = at(shape.im, i) + follow * offIm;
    }
  }

  #smooth() {
    const points = new Float32Array(this.#shape.re.length * 2);
    for (let i = 0; i < this.#shape.re.length; i++) {
      const [re, im] = multiply(this.#turn, [at(this.#shape.re, i), at(this.#shape.im, i)]);
      points[2 * i] = re + this.#centre[0];
      points[2 * i + 1] = im + this.#centre[1];
    }
    return points;
  }
}

/**
 * Turn and centre of the similarity shape -> turn * shape + centre that fits `raw` best.
 *
 * @param {Complexes} shape
 * @param {Complexes} raw
 * @param {Float64Array} trust
 * @returns {{ turn: Complex, centre: Complex }}
 */
function fit(shape, raw, trust) {
  const total = sum(trust);
  const middle = /** @type {Complex} */ ([dot(trust, shape.re) / total, dot(trust, shape.im) / total]);
  const middleRaw = /** @type {Complex} */ ([dot(trust, raw.re) / total, dot(trust, raw.im) / total]);
  let [re, im, squares] = [0, 0, 0];
  for (let i = 0; i < trust.length; i++) {
    const weight = at(trust, i) / total;
    const [flatRe, flatIm] = [at(shape.re, i) - middle[0], at(shape.im, i) - middle[1]];
    const [rawRe, rawIm] = [at(raw.re, i) - middleRaw[0], at(raw.im, i) - middleRaw[1]];
    re += weight * (flatRe * rawRe + flatIm * rawIm);
    im += weight * (flatRe * rawIm - flatIm * rawRe);
    squares += weight * (flatRe * flatRe + flatIm * flatIm);
  }
  squares = Math.max(squares, 1e-12);
  const turn = /** @type {Complex} */ ([re / squares, im / squares]);
  const [x, y] = multiply(turn, middle);
  return { turn, centre: [middleRaw[0] - x, middleRaw[1] - y] };
}

/**
 * Share of a new value in a first-order low pass.
 *
 * @param {number} cutoffHz
 * @param {number} stepS
 */
function gain(cutoffHz, stepS) {
  const rate = 2 * Math.PI * stepS * cutoffHz;
  return rate / (1 + rate);
}

/**
 * About 1 for each point: how certain it is beside the average one.
 *
 * @param {Float32Array} spread
 */
function trustOf(spread) {
  const mean = spread.reduce((total, value) => total + value, 0) / spread.length;
  return Float64Array.from(spread, (value) => Math.min(Math.max(mean / Math.max(value, 1e-9), 1 / MOST_TRUST), MOST_TRUST));
}

/** @param {Complex} from @param {Complex} to @param {number} share @returns {Complex} */
function towards(from, to, share) {
  return [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
}

/** @param {Float32Array} points @returns {Complexes} */
function split(points) {
  const count = points.length / 2;
  const part = (/** @type {0 | 1} */ offset) => Float64Array.from({ length: count }, (_, i) => points[2 * i + offset] ?? 0);
  return { re: part(0), im: part(1) };
}

/** @param {number} count @returns {Complexes} */
function zeros(count) {
  return { re: new Float64Array(count), im: new Float64Array(count) };
}

/** @param {Float64Array} values @param {number} i */
function at(values, i) {
  return /** @type {number} */ (values[i]);
}

/** @param {Float64Array} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** @param {Float64Array} a @param {Float64Array} b */
function dot(a, b) {
  return a.reduce((total, value, i) => total + value * at(b, i), 0);
}

/** @param {Complex} a @param {Complex} b @returns {Complex} */
function multiply(a, b) {
  return [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
}

/** @param {Complex} a @param {Complex} b @returns {Complex} */
function divide(a, b) {
  const squares = b[0] * b[0] + b[1] * b[1];
  return [(a[0] * b[0] + a[1] * b[1]) / squares, (a[1] * b[0] - a[0] * b[1]) / squares];
}

/** @param {Complex} a @returns {Complex} */
function log([re, im]) {
  return [Math.log(Math.hypot(re, im)), Math.atan2(im, re)];
}

/** @param {Complex} a @returns {Complex} */
function exp([re, im]) {
  return [Math.exp(re) * Math.cos(im), Math.exp(re) * Math.sin(im)];
}
