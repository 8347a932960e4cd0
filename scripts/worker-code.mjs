// What runs in a worker, and in a helper thread, each as one classic script that defines phiTsWorker.serve(port): bundled from src when it is asked
// for. This is what "#worker-code" is when the library runs from source; for dist, scripts/build-worker.mjs writes it into a module.
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const made = new Map();

export const workerCode = () => bundled("src/worker/script.ts");
export const helperCode = () => bundled("src/threads/helper.ts");

function bundled(entry) {
  const known = made.get(entry);
  if (known !== undefined) return known;
  const code = esbuild.buildSync({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "phiTsWorker",
    // "browser": no module of Node, since the same script runs everywhere.
    platform: "browser",
    conditions: ["phi-ts-source"],
    target: "es2022",
    minify: true,
  }).outputFiles[0].text;
  made.set(entry, code);
  return code;
}
