// One engine on the browser's camera. `openEngine` loads it and waits for the first landmarks; `run` follows frames.
const video = document.getElementById("video");

const ENGINES = {
  none: async () => () => 0,
  async sdfl(options) {
    const { FaceLandmarker } = await import("./sdfl/face-landmarker.js");
    const landmarker = await FaceLandmarker.create(options);
    return async timestampMs => (await landmarker.detectForVideo(video, timestampMs)).length;
  },
  async mediapipe({ delegate }) {
    const { FaceLandmarker, FilesetResolver } = await import("./mediapipe/vision_bundle.mjs");
    const files = await FilesetResolver.forVisionTasks("/mediapipe/wasm");
    const baseOptions = { modelAssetPath: "/mediapipe/face_landmarker.task", delegate };
    const landmarker = await FaceLandmarker.createFromOptions(files, { baseOptions, runningMode: "VIDEO", numFaces: 1 });
    return timestampMs => landmarker.detectForVideo(video, timestampMs).faceLandmarks.length;
  },
};

const nextFrame = () => new Promise(done => video.requestVideoFrameCallback(done));
let follow = null;

window.openCamera = async () => {
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
  await video.play();
  await nextFrame();
};

window.openEngine = async (name, options) => {
  const startMs = performance.now();
  follow = await ENGINES[name](options);
  while (name !== "none" && !(await follow(performance.now()))) await nextFrame();
  return performance.now() - startMs;
};

window.run = async frames => {
  let found = 0;
  const wallMs = [];
  for (let i = 0; i < frames; i++) {
    await nextFrame();
    const startMs = performance.now();
    found += (await follow(startMs)) > 0;
    wallMs.push(performance.now() - startMs);
  }
  return { found, wallMs };
};

window.isReady = true;
