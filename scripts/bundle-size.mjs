// What a page that uses phi-ts has to load: bundles dist as its users do (esbuild, minified, for browsers) and prints the bytes after gzip -9,
// with the WASM of all builds in them. scripts/check-package.mjs holds them against the bounds.
//   node scripts/bundle-size.mjs        after npm run build
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Name → what a program imports, under which condition, the most kB (1000 bytes) that it may come to, and which parts of src may be in it. */
export const BUNDLES = {
  "the core: ids to ids, safetensors and packed files, WASM of all builds": {
    code: 'export { loadPhi } from "phi-ts/core";',
    kB: 60,
    not: /^(tokenizer\/(?!chat\/eos)|formats\/gguf\/(?!magic)|load\/(gguf|int4|adapters)|kernels\/(rest|generated\/rest)|model\/(phi|phimoe|phi3small)\.|threads\/(?!choose|index)|worker|open|source\/http)/,
  },
  "the core's worker": { code: 'export { serve } from "phi-ts/core/worker";', kB: 60 },
  "the engine: ids to ids, all formats of weights, WASM": { code: 'import "phi-ts/worker";', kB: 98 },
  "loadPhi with a file for the worker": {
    code: 'export { loadPhi } from "phi-ts";',
    conditions: ["phi-ts-worker-file"],
    kB: 142,
  },
  loadPhi: { code: 'export { loadPhi } from "phi-ts";', kB: 218 },
  "the tokenizer alone": {
    code: 'export { loadTokenizer } from "phi-ts/tokenizer";',
    kB: 29,
    not: /^(kernels|model|load|generate|quant|formats|tensor|worker|threads|core|inline)/,
  },
  "safetensors alone": {
    code: 'export { openSafetensors } from "phi-ts/safetensors";',
    kB: 15.5,
    not: /^(kernels|model|load|generate|quant|formats\/gguf|tokenizer|worker|threads|core|inline)/,
  },
};

/**
 * Bytes of a bundle after gzip -9, and the files of dist that are in it.
 * @param folder where "phi-ts" is found: in it, or installed there
 */
export async function bundleSize({ code, conditions = [] }, folder) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions,
    logLevel: "error",
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const files = Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0);
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  return { bytes, files: files.map((file) => file.replace(/^.*\bdist\//, "")) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, bundle] of Object.entries(BUNDLES)) {
    const { bytes } = await bundleSize(bundle, fileURLToPath(new URL("..", import.meta.url)));
    console.log(`${String((bytes / 1000).toFixed(1)).padStart(6)} kB (at most ${bundle.kB})  ${name}`);
  }
}
