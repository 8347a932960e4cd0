// Writes dist/worker/code.js, "#worker-code" of the built package: the script of a worker, deflated. Comes after tsc.
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inlinedModule } from "./inline.mjs";
import { workerCode } from "./worker-code.mjs";

const script = Buffer.from(workerCode());
const module = inlinedModule("SCRIPT", script, "scripts/build-worker.mjs from src/worker/serve.ts").replace(
  "export const",
  "const",
);
const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
copyFileSync(inProject("src/worker/code.d.ts"), inProject("dist/worker/code.d.ts"));
// Written beside and moved into its place: another program may be reading it.
const target = inProject("dist/worker/code.js");
writeFileSync(
  `${target}.${process.pid}`,
  `import { inlinedBytes } from "../inline/inlined.js";
${module}
export const workerCode = () => new TextDecoder().decode(inlinedBytes(SCRIPT));
`,
);
renameSync(`${target}.${process.pid}`, target);
console.log(`worker/code.js: ${script.length} bytes of script`);
