// Builds dist/sdfl/: the library in one file with its types, and ONNX Runtime's files, compressed; in webgpu/ those that
// are loaded only where WebGPU is asked for. `npm ci && npm run build`
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist/sdfl");
const runtime = join(here, "node_modules/onnxruntime-web/dist");
const STEMS = { ".": "ort-wasm-simd-threaded", webgpu: "ort-wasm-simd-threaded.asyncify" }; // of the runtime's files

rmSync(join(here, "dist"), { recursive: true, force: true });
mkdirSync(join(dist, "webgpu"), { recursive: true });

await build({
  entryPoints: { "face-landmarker": join(here, "src/index.js"), "webgpu/ort": "onnxruntime-web/webgpu" },
  absWorkingDir: here,
  outdir: dist,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  conditions: ["onnxruntime-web-use-extern-wasm"],
  legalComments: "eof",
});
const types = spawnSync(
  process.execPath,
  [join(here, "node_modules/typescript/bin/tsc"), "--declaration", "--emitDeclarationOnly", "--rootDir", "src", "--outDir", join(dist, "types")],
  { cwd: here, stdio: "inherit" },
);
if (types.status !== 0) process.exit(types.status ?? 1);

writeFileSync(join(dist, "face-landmarker.d.ts"), 'export * from "./types/index.js";\n');
cpSync(join(here, "THIRD-PARTY.txt"), join(dist, "THIRD-PARTY.txt"));
const { name, version, license } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const entry = { types: "./face-landmarker.d.ts", default: "./face-landmarker.js" };
const shown = { name, version, license, type: "module", exports: { ".": entry, "./*": "./*" } };
writeFileSync(join(dist, "package.json"), JSON.stringify(shown, null, 2) + "\n");

for (const [folder, stem] of Object.entries(STEMS)) {
  cpSync(join(runtime, `${stem}.mjs`), join(dist, folder, `${stem}.mjs`));
  // The largest files are kept compressed alone: whoever needs the plain bytes gets them from the .gz.
  compress(join(dist, folder, `${stem}.wasm`), readFileSync(join(runtime, `${stem}.wasm`)));
  for (const file of readdirSync(join(dist, folder))) {
    if (/\.m?js$/.test(file)) compress(join(dist, folder, file), readFileSync(join(dist, folder, file)));
  }
}

function compress(path, bytes) {
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
}
