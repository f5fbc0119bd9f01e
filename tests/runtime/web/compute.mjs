// Computes in JavaScript what test_vectors.py asks for: a list of [function, arguments] in, a list of results out.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const source = resolve(dirname(fileURLToPath(import.meta.url)), "../../../runtime/web/src");
const load = name => import(pathToFileURL(resolve(source, name)).href);
const [assignment, cells, crop, frame, geometry, layout, modelFile, pose, smoothing, track] = await Promise.all(
  ["assignment", "cells", "crop", "frame", "geometry", "layout", "model_file", "pose", "smoothing", "track"]
    .map(name => load(name + ".js")));

const floats = values => Float32Array.from(values);
const base64 = bytes => Buffer.from(bytes).toString("base64");
const picture = ({ data, width, height }) => frame.frameOfPixels({ data: Buffer.from(data, "base64"), width, height });

const FUNCTIONS = {
  async crop(image, affine, size) {
    const out = new Uint8Array(size * size * 3);
    await crop.cutCrop(picture(image), affine, size, out);
    return base64(out);
  },
  async canvas(image) {
    const { data, ...rest } = await cells.layOut(picture(image));
    return { ...rest, data: base64(data) };
  },
  region: (points, spec) => geometry.regionOfLandmarks(floats(points), spec),
  boxAffine: (box, spec) => geometry.boxAffine(box, spec),
  decode: (values, width, height, threshold, scaleX, scaleY) =>
    cells.decode(floats(values), cells.cellGrid(width, height), threshold, scaleX, scaleY),
  smooth(frames) {
    const smoother = new smoothing.Smoother();
    return frames.map(({ points, spread, now }) => [...smoother.update(floats(points), floats(spread), now)]);
  },
  pose: (points, layout) => pose.headPose(floats(points), layout),
  openness: (points, layout) => pose.openness(floats(points), layout),
  assign: (known, seen, limit, penalty) => [...assignment.assign(known, seen, limit, penalty)],
  distance: (a, b) => assignment.distance(a, b),
  layouts: () => layout.LAYOUTS,
  spec: path => modelFile.readModelSpec(readFileSync(path), path),
  threshold: path => modelFile.readThreshold(readFileSync(path), path),
  expected(steps) {
    let face = null;
    return steps.map(({ points, box, now, contested }) => {
      const observation = { points: floats(points), box, presence: 1, spread: floats([]) };
      const ahead = face && track.expected(face, now);
      face = face ? track.seenAgain(face, observation, now, contested) : track.newTrack(1, observation, now);
      return ahead && { points: [...ahead.points], box: ahead.box };
    });
  },
};

const [asked, answered] = process.argv.slice(2);
const results = [];
for (const [name, args] of JSON.parse(readFileSync(asked))) {
  try {
    results.push(await FUNCTIONS[name](...args));
  } catch (error) {
    results.push({ error: error.message });
  }
}
writeFileSync(answered, JSON.stringify(results));
