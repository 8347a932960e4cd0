// What a page that uses phi-ts has to load: bundles dist as its users do (esbuild, minified, for browsers) and prints the bytes after gzip -9,
// with the WASM of all builds in them. scripts/check-package.mjs holds them against the bounds.
//   node scripts/bundle-size.mjs        after npm run build
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Name → what a program imports, under which condition, and the most kB (1000 bytes) that it may come to. */
export const BUNDLES = {
  "the core: ids to ids, safetensors and packed files, in-thread or with a worker's file, WASM of all builds": {
    code: 'export { loadPhi } from "phi-ts/core";',
    kB: 83,
  },
  "the core's worker": { code: 'export { serve } from "phi-ts/core/worker";', kB: 73 },
  "the engine: ids to ids, all formats of weights, WASM": { code: 'import "phi-ts/worker";', kB: 91 },
  "loadPhi with a file for the worker": {
    code: 'export { loadPhi } from "phi-ts";',
    conditions: ["phi-ts-worker-file"],
    kB: 133,
  },
  loadPhi: { code: 'export { loadPhi } from "phi-ts";', kB: 202 },
  "the tokenizer alone": { code: 'export { loadTokenizer } from "phi-ts/tokenizer";', kB: 29 },
};

/** @param folder where "phi-ts" is found: in it, or installed there */
export async function bundleSize({ code, conditions = [] }, folder) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions,
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, bundle] of Object.entries(BUNDLES)) {
    const bytes = await bundleSize(bundle, fileURLToPath(new URL("..", import.meta.url)));
    console.log(`${String((bytes / 1000).toFixed(1)).padStart(6)} kB (at most ${bundle.kB})  ${name}`);
  }
}
