/** The page of `sdfl web`: the camera's picture with the landmarks of its faces. */

import { DEFAULT_MODEL, drawFaces, FaceLandmarker, MODELS } from "./sdfl/face-landmarker.js";

/** @import { Face } from "./sdfl/face-landmarker.js" */

const MEMORY = 0.9; // weight of the old value in running means
const SHOW_EVERY_MS = 250;
const PROBLEMS = /** @type {Record<string, string>} */ ({
  NotAllowedError: "The browser may not use the camera. Allow it in the address bar and try again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program is using the camera.",
});
const NEEDS_HTTPS =
  "Browsers allow the camera only on pages from the same device or over HTTPS. Start sdfl web --https and open the address that it prints.";
const NO_ADAPTER = "This browser offers WebGPU, but no graphics processor for it; the processor is used.";

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 */
const at = (id) => /** @type {T} */ (document.getElementById(id));
const video = /** @type {HTMLVideoElement} */ (at("video"));
const overlay = /** @type {HTMLCanvasElement} */ (at("overlay"));
const select = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ (at(id));
const RELOADING = ["set-model", "set-faces", "set-device"]; // settings that need a new landmarker
const isOn = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (at(id)).checked;

/** @type {FaceLandmarker | null} */
let landmarker = null;
/** @type {FaceLandmarker | null} that takes over before the next frame. */
let successor = null;
/** @type {Map<string, string>} setting -> its value when the landmarker was made. */
let inUse = new Map();
/** @type {MediaStream | null} */
let stream = null;

// ---- what the page says

/**
 * @param {string} text
 * @param {boolean} isLive
 */
function say(text, isLive = false) {
  at("status").textContent = text;
  at("status").classList.toggle("live", isLive);
}

/** @param {string} text */
function showProblem(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

const figures = { periodMs: NaN, ms: NaN, latencyMs: NaN, lastMs: NaN, shownMs: 0 };

/**
 * @param {number} old
 * @param {number} value
 */
const running = (old, value) => (Number.isNaN(old) ? value : MEMORY * old + (1 - MEMORY) * value);

/**
 * @param {number} faces
 * @param {number} startedMs
 * @param {number} capturedMs
 */
function count(faces, startedMs, capturedMs) {
  const nowMs = performance.now();
  if (!Number.isNaN(figures.lastMs)) figures.periodMs = running(figures.periodMs, nowMs - figures.lastMs);
  figures.lastMs = nowMs;
  figures.ms = running(figures.ms, nowMs - startedMs);
  figures.latencyMs = running(figures.latencyMs, nowMs - capturedMs);
  if (nowMs - figures.shownMs < SHOW_EVERY_MS) return;
  figures.shownMs = nowMs;
  at("faces").textContent = String(faces);
  at("fps").textContent = Number.isNaN(figures.periodMs) ? "–" : (1000 / figures.periodMs).toFixed(1);
  at("ms").textContent = figures.ms.toFixed(1);
  at("latency").textContent = figures.latencyMs.toFixed(1);
}

// ---- the model

async function loadModel() {
  const model = select("set-model").value;
  const maxFaces = Number(select("set-faces").value);
  const device = /** @type {"wasm" | "webgpu"} */ (select("set-device").value);
  for (const id of RELOADING) select(id).disabled = true;
  if (!stream) say(`loading ${model}`);
  try {
    const loaded = await FaceLandmarker.create({ model, maxFaces, device });
    await successor?.close();
    successor = loaded;
    if (!stream) await current();
    showProblem(loaded.device === device ? "" : NO_ADAPTER);
    select("set-device").value = loaded.device;
    inUse = new Map(RELOADING.map((id) => [id, select(id).value]));
    if (!stream) say("ready");
  } catch (error) {
    showProblem(error instanceof Error ? error.message : String(error));
    for (const [id, value] of inUse) select(id).value = value;
    if (!landmarker) say("not ready");
  } finally {
    for (const id of RELOADING) select(id).disabled = false;
  }
}

/** @returns {Promise<FaceLandmarker | null>} what follows the faces from now on. */
async function current() {
  if (successor) {
    const before = landmarker;
    [landmarker, successor] = [successor, null];
    await before?.close();
  }
  return landmarker;
}

// ---- the camera

/** @param {string | null} deviceId */
async function startCamera(deviceId) {
  at("why").textContent = "";
  if (!navigator.mediaDevices) return stopCamera(NEEDS_HTTPS);
  /** @type {HTMLButtonElement} */ (at("start")).disabled = true;
  try {
    stopCamera("");
    const choice = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, height: { ideal: 480 }, ...choice },
      audio: false,
    });
    const [track] = stream.getVideoTracks();
    track?.addEventListener("ended", () => stopCamera("The camera was disconnected."));
    video.srcObject = stream;
    await video.play();
    at("ask").hidden = true;
    const facing = track?.getSettings().facingMode;
    setMirror(facing !== "environment");
    await listCameras(track?.getSettings().deviceId);
    say("live", true);
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    stopCamera(PROBLEMS[name] ?? message);
  } finally {
    /** @type {HTMLButtonElement} */ (at("start")).disabled = false;
  }
}

/** @param {string} why */
function stopCamera(why) {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  video.srcObject = null;
  at("ask").hidden = false;
  at("why").textContent = why;
  overlay.getContext("2d")?.clearRect(0, 0, overlay.width, overlay.height);
  landmarker?.reset();
  if (landmarker) say("ready");
}

/** @param {string | undefined} chosen */
async function listCameras(chosen) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  const options = cameras.map(({ label, deviceId }, i) => new Option(label || `Camera ${i + 1}`, deviceId));
  select("set-camera").replaceChildren(...options);
  if (chosen) select("set-camera").value = chosen;
  select("set-camera").disabled = false;
}

/** @param {boolean} isMirrored */
function setMirror(isMirrored) {
  /** @type {HTMLInputElement} */ (at("set-mirror")).checked = isMirrored;
  at("frame").classList.toggle("mirrored", isMirrored);
}

// ---- following the faces

/** @returns {Promise<number>} when the next frame of the camera was captured, as far as the browser tells. */
function nextFrame() {
  return new Promise((done) => {
    const timer = setTimeout(() => done(performance.now()), 500); // a hidden page draws no frames
    const take = (/** @type {number | undefined} */ capturedMs) => {
      clearTimeout(timer);
      done(capturedMs ?? performance.now());
    };
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback((_, { captureTime }) => take(captureTime));
    else requestAnimationFrame(() => take(undefined));
  });
}

async function follow() {
  for (;;) {
    const capturedMs = await nextFrame();
    const follower = await current();
    if (!stream || !follower || document.hidden || video.readyState < 2) continue;
    const startedMs = performance.now();
    try {
      const faces = await follower.detectForVideo(video, startedMs);
      if (!stream) continue;
      draw(faces);
      count(faces.length, startedMs, capturedMs);
    } catch (error) {
      showProblem(error instanceof Error ? error.message : String(error));
    }
  }
}

/** @param {Face[]} faces */
function draw(faces) {
  const { videoWidth, videoHeight } = video;
  at("frame").style.setProperty("--ratio", String(videoWidth / videoHeight));
  const { width, height } = overlay.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (overlay.width !== size[0]) overlay.width = size[0] ?? 0;
  if (overlay.height !== size[1]) overlay.height = size[1] ?? 0;
  const pen = overlay.getContext("2d");
  if (!pen) return;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, overlay.width, overlay.height);
  const scale = overlay.width / videoWidth;
  pen.setTransform(scale, 0, 0, scale, scale / 2, scale / 2); // whole numbers are the middles of pixels
  if (isOn("set-points")) drawFaces(pen, faces);
}

// ---- offline

async function keepForLater() {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  await navigator.serviceWorker.register("sw.js").catch((error) => console.warn(`not kept for later: ${error.message}`));
}

select("set-model").replaceChildren(...MODELS.map((name) => new Option(name, name)));
select("set-model").value = DEFAULT_MODEL;
at("start").addEventListener("click", () => startCamera(null));
select("set-camera").addEventListener("change", (event) => {
  startCamera(/** @type {HTMLSelectElement} */ (event.target).value);
});
at("device").hidden = !("gpu" in navigator);
for (const id of RELOADING) select(id).addEventListener("change", loadModel);
at("set-mirror").addEventListener("change", () => setMirror(isOn("set-mirror")));
if (!navigator.mediaDevices) stopCamera(NEEDS_HTTPS);

await loadModel();
void keepForLater();
await follow();
