/**
 * Keeps the page's files, so that it works without a network. `sdfl web` puts a line in front of this file:
 * `self.SITE = { version, files }`, the version of the site and what to keep from the beginning.
 *
 * @typedef {{ version: string, files: string[] }} Site
 */

const scope = /** @type {ServiceWorkerGlobalScope & { SITE: Site }} */ (/** @type {unknown} */ (self));
const CACHE = `sdfl-${scope.SITE.version}`;

// Static hosts often cannot set headers; with these, WebAssembly may use threads.
const ISOLATION = {
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

scope.addEventListener("install", (event) => event.waitUntil(keepFirst()));
scope.addEventListener("activate", (event) => event.waitUntil(takeOver()));
scope.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(scope.registration.scope)) event.respondWith(answer(event.request));
});

async function keepFirst() {
  const cache = await caches.open(CACHE);
  await Promise.all(
    scope.SITE.files.map(async (file) => {
      const response = await fetch(file, { cache: "no-cache" });
      if (!response.ok) throw new Error(`${file}: ${response.status}`);
      await cache.put(file, isolated(response));
    }),
  );
  await scope.skipWaiting();
}

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("sdfl-") && name !== CACHE).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (!response.ok) return response;
  const shown = isolated(response);
  await cache.put(request, shown.clone());
  return shown;
}

/** @param {Response} response */
function isolated(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
