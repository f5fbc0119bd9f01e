"use strict";
const POLL_MS = 250, ANSWER_MS = 3000, GIVE_UP_MS = 10000, IDLE_S = 2, SHOWN_FRAMES = 300, CAMERA_WIDTH_PX = 640, JPEG_QUALITY = 0.85;
const FIGURES = { source: null, faces: null, model: null, ms: 1, fps: 0, latency_p50_ms: 1, latency_p95_ms: 1 };  // decimals
const at = id => document.getElementById(id);
let live = false, last = -1, running = "", state = null;

// ---- figures and state

function say(text, isLive) {
  at("status").textContent = text;
  at("status").classList.toggle("live", isLive);
  if (isLive && !live) showStream();  // sdfl was started again
  if (isLive !== live && !isLive) {
    last = -1;  // so that the whole history is sent again
    for (const name in rows) rows[name] = [];
  }
  at("frame").classList.toggle("waiting", !isLive && last < 0);
  live = isLive;
}

function showStream() {  // a hidden page must not hold a connection: a browser opens only six to one server
  if (document.hidden) at("picture").removeAttribute("src");
  else at("picture").src = "/stream.mjpg?" + Date.now();
}
document.addEventListener("visibilitychange", showStream);
at("picture").addEventListener("error", () => setTimeout(() => { if (live) showStream(); }, 1000));

async function refresh() {
  try { await refreshOnce(); } finally { setTimeout(refresh, POLL_MS); }
}

async function refreshOnce() {
  let table;
  const before = changes;  // a state from before a change must not be shown after it
  try {
    const answer = await fetch("/stats.json?after=" + last, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.status === 403) return say(await answer.text(), false);  // sdfl was started again, with another token
    table = await answer.json();
  } catch {
    return say("tracking has ended", false);
  }
  const isLive = Boolean(table.source) && !(table.camera && table.age_s > IDLE_S);
  say(isLive ? "live" : table.camera ? "waiting for a camera" : "waiting for the first frame", isLive);
  if (isLive) {
    for (const [key, decimals] of Object.entries(FIGURES))
      at(key).textContent = decimals === null ? table[key] : table[key].toFixed(decimals);
    plot(table);
    const { naturalWidth, naturalHeight } = at("picture");
    if (naturalHeight) at("frame").style.setProperty("--ratio", naturalWidth / naturalHeight);
  }
  askForCamera(table.camera);
  if (table.state && asked === 0 && before === changes) showState(table.state);
}

// ---- plots

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rows = { number: [], ms: [], latency: [], jitter: [] };
let plots = [];

function axis(space) {
  return { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui", space };
}

function drawPlot(id, series) {
  const box = at(id);
  box.replaceChildren();
  const options = {
    width: box.clientWidth, height: 140, legend: { show: false }, cursor: { show: false }, padding: [8, 6, 0, 0],
    scales: { x: { time: false }, y: { range: chart => [0, ceiling(chart)] } },
    axes: [{ ...axis(80), size: 24 }, { ...axis(28), size: 40 }],
    series: [{ label: "frame" }, ...series.map(([label, name]) => ({ label, stroke: colour(name), width: 1.5, points: { show: false } }))],
  };
  return new uPlot(options, [[], ...series.map(() => [])], box);
}

function ceiling(chart) {  // a single slow frame must not flatten the curve
  const values = chart.data[1].filter(value => value !== null).sort((a, b) => a - b);
  return Math.max(1.5 * (values[Math.floor(values.length * 0.97)] ?? 0), 0.1);
}

function makePlots() {
  plots = [
    [drawPlot("latency-plot", [["from capture to result", "--accent"], ["tracking only", "--warm"]]), ["latency", "ms"]],
    [drawPlot("jitter-plot", [["jitter", "--accent"]]), ["jitter"]],
  ];
  updatePlots();
}

function updatePlots() {
  for (const [chart, names] of plots) chart.setData([rows.number, ...names.map(name => rows[name])]);
}

function plot(table) {
  for (const [number, ms, latency, jitter] of table.samples) {
    if (number <= last) continue;
    last = number;
    rows.number.push(number); rows.ms.push(ms); rows.latency.push(latency); rows.jitter.push(jitter);
  }
  for (const name in rows) rows[name] = rows[name].slice(-SHOWN_FRAMES);
  const jitter = table.jitter_p50_p95_percent;
  at("jitter_p50").textContent = jitter ? jitter[0].toFixed(2) : "–";
  at("jitter_p95").textContent = jitter ? jitter[1].toFixed(2) : "–";
  updatePlots();
}

new ResizeObserver(() => plots.forEach(([chart]) => chart.setSize({ width: chart.root.parentElement.clientWidth, height: 140 })))
  .observe(at("latency-plot"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", makePlots);

// ---- settings

let refusal = "", asked = 0, changes = 0;  // changes without an answer yet, and all changes

const RELOADING = ["model", "precision", "smoothing", "edges"];  // settings that may load a model: one at a time

function lock(locked) {
  for (const key of RELOADING) at("set-" + key).disabled = locked;
}

async function change(settings) {
  asked++; changes++;
  refusal = "";
  if (RELOADING.some(key => key in settings)) lock(true);
  let fresh = state;
  try {
    const answer = await fetch("/settings", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(settings),
    });
    if (answer.ok) fresh = await answer.json(); else refusal = await answer.text();
  } catch {
    refusal = "sdfl does not respond";
  }
  asked--;
  showState(fresh);
}

function showProblem(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

function fill(select, names, chosen) {
  if ([...select.options].map(option => option.value).join() !== names.join())
    select.replaceChildren(...names.map(name => new Option(name, name)));
  select.value = chosen;
}

function showState(fresh) {
  state = fresh;
  if (asked) return;
  const { settings, choices, loading, problem } = fresh;
  at("settings").hidden = false;
  if (document.activeElement !== at("set-model")) fill(at("set-model"), Object.keys(choices), settings.model);
  if (document.activeElement !== at("set-precision")) fill(at("set-precision"), choices[settings.model], settings.precision);
  lock(loading);
  at("set-smoothing").checked = settings.smoothing;
  at("set-edges").checked = settings.edges;
  at("legend").hidden = !settings.edges;
  if (!dragging && !sending) placeOccluder(settings.occluder);
  at("set-occluder").checked = box !== null;
  showProblem(refusal || problem);
}

for (const key of ["model", "precision"])
  at("set-" + key).addEventListener("change", event => {
    event.target.blur();
    change(key === "model" ? { model: event.target.value } : { precision: event.target.value });
  });
for (const key of ["smoothing", "edges"])
  at("set-" + key).addEventListener("change", event => change({ [key]: event.target.checked }));
at("set-occluder").addEventListener("change", event => {
  const box = event.target.checked ? [0.4, 0.45, 0.6, 0.7] : null;
  placeOccluder(box);
  change({ occluder: box });
});

// ---- occluder: fractions of the picture's size; the program draws it into the frame before the network gets it

const LEAST = 0.03;
let box = null, dragging = null, sending = false, unsent = false;

function placeOccluder(wanted) {
  box = wanted;
  at("occluder").hidden = at("occluder-hint").hidden = !box;
  if (!box) return;
  const [x0, y0, x1, y1] = box.map(share => share * 100);
  Object.assign(at("occluder").style, { left: x0 + "%", top: y0 + "%", width: x1 - x0 + "%", height: y1 - y0 + "%" });
}

async function sendOccluder() {  // one request at a time; the last one has the latest place
  unsent = true;
  if (sending) return;
  sending = true;
  try {
    while (unsent) { unsent = false; await change({ occluder: box }); }
  } finally { sending = false; }
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

function moved(start, dx, dy, resize) {
  const [x0, y0, x1, y1] = start;
  if (resize) return [x0, y0, within(x1 + dx, x0 + LEAST, 1), within(y1 + dy, y0 + LEAST, 1)];
  dx = within(dx, -x0, 1 - x1); dy = within(dy, -y0, 1 - y1);
  return [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
}

at("occluder").addEventListener("pointerdown", event => {
  event.preventDefault();
  at("occluder").focus();
  at("occluder").setPointerCapture(event.pointerId);
  dragging = { x: event.clientX, y: event.clientY, start: box, resize: event.target.tagName === "I" };
});
at("occluder").addEventListener("pointermove", event => {
  if (!dragging) return;
  const { width, height } = at("frame").getBoundingClientRect();
  placeOccluder(moved(dragging.start, (event.clientX - dragging.x) / width, (event.clientY - dragging.y) / height, dragging.resize));
  sendOccluder();
});
for (const name of ["pointerup", "pointercancel"]) at("occluder").addEventListener(name, () => { dragging = null; });
at("occluder").addEventListener("keydown", event => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  placeOccluder(moved(box, step[0] * 0.02, step[1] * 0.02, event.shiftKey));
  sendOccluder();
});

// ---- the camera of this browser: one picture is sent at a time, so that none is old when it arrives

const ABOUT_ONE_PICTURE = [400, 408, 429];  // damaged, too slow, too many at once
let stream = null;

function askForCamera(wanted) {
  at("ask").hidden = !wanted || stream !== null || live;
  if (wanted && !navigator.mediaDevices) {
    at("camera").hidden = true;
    at("why").textContent = "Browsers allow the camera only on pages from the same computer or over HTTPS. Forward the port with "
      + `ssh -L ${location.port}:localhost:${location.port} ${location.hostname} and open the printed address with localhost instead of ${location.hostname}`;
  }
}

async function useCamera() {
  if (at("camera").disabled) return;
  at("camera").disabled = true;  // until the user has answered the browser's question
  at("why").textContent = "";
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: CAMERA_WIDTH_PX }, facingMode: "user" }, audio: false });
    stream.getVideoTracks()[0].addEventListener("ended", () => releaseCamera("The camera was disconnected."));
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    at("ask").hidden = true;
    await sendPictures(video);
  } catch (error) {
    releaseCamera({ NotAllowedError: "The browser may not use the camera. Allow it in the address bar and try again.",
      NotFoundError: "This computer has no camera.", NotReadableError: "Another program is using the camera.",
    }[error.name] ?? error.message);
  } finally { at("camera").disabled = false; }
}

function releaseCamera(why) {
  stream?.getTracks().forEach(track => track.stop());
  stream = null;
  at("why").textContent = why;
}

async function sendPictures(video) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  let unheardSince = 0;
  while (stream) {
    await nextPicture(video);
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    context.drawImage(video, 0, 0);
    const jpeg = await new Promise(done => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
    if (!jpeg) continue;  // the camera has not given a picture yet
    const answer = await fetch("/camera", {
      method: "POST", headers: { "Content-Type": "image/jpeg" }, body: jpeg, signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => null);
    if (answer && !answer.ok && !ABOUT_ONE_PICTURE.includes(answer.status)) return releaseCamera(await answer.text());
    if (answer) { unheardSince = 0; continue; }
    unheardSince ||= Date.now();
    if (Date.now() - unheardSince > GIVE_UP_MS) return releaseCamera("sdfl does not respond; the camera was turned off.");
    await new Promise(done => setTimeout(done, 500));
  }
}

function nextPicture(video) {
  return new Promise(done => {
    const timer = setTimeout(done, 200);  // in a hidden page no video frames are drawn
    const drawn = () => { clearTimeout(timer); done(); };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(drawn); else requestAnimationFrame(drawn);
  });
}

at("camera").addEventListener("click", useCamera);

makePlots();
refresh();
