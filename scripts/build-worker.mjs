// Writes dist/worker/code.js, "#worker-code" of the built package: the script of a worker, deflated, with a hole for what the package carries
// anyway, the WASM; and that of a helper. Comes after tsc.
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { relaxed } from "../dist/kernels/generated/relaxed.js";
import { inlinedModule } from "./inline.mjs";
import { helperCode, workerCode } from "./worker-code.mjs";

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const HOLE = "<wasm>";
const parts = workerCode().split(relaxed.deflated);
if (parts.length !== 2) throw new Error(`the worker's script has the WASM ${parts.length - 1} times`);
const script = Buffer.from(parts.join(HOLE));
const module = inlinedModule("SCRIPT", script, "scripts/build-worker.mjs from src/worker/script.ts").replace(
  "export const",
  "const",
);
copyFileSync(inProject("src/worker/code.d.ts"), inProject("dist/worker/code.d.ts"));
// Written beside and moved into its place: another program may be reading it.
const target = inProject("dist/worker/code.js");
writeFileSync(
  `${target}.${process.pid}`,
  `import { inlinedBytes } from "../inline/inlined.js";
import { relaxed } from "../kernels/generated/relaxed.js";
${module}
export const workerCode = () => new TextDecoder().decode(inlinedBytes(SCRIPT)).replace("${HOLE}", relaxed.deflated);
export const helperCode = () => ${JSON.stringify(helperCode())};
`,
);
renameSync(`${target}.${process.pid}`, target);
console.log(`worker/code.js: ${script.length} bytes of script`);
