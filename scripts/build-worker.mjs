// Writes dist/worker/code.js, "#worker-code" of the built package: the script of a worker, deflated, with holes for what the package carries
// anyway, the WASM; and that of a helper. Comes after tsc.
import { copyFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inlinedModule } from "./inline.mjs";
import { helperCode, workerCode } from "./worker-code.mjs";

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Every base64 of a WASM build, with the expression that gives it. */
const builds = readdirSync(inProject("src/kernels/generated")).map((file) => file.replace(/\.ts$/, ""));
const carried = [];
for (const build of builds) {
  const { [build]: inlined } = await import(`../dist/kernels/generated/${build}.js`);
  const parts = inlined.parts?.map(({ deflated }, i) => [deflated, `${build}.parts[${i}].deflated`]);
  carried.push(...(parts ?? [[inlined.deflated, `${build}.deflated`]]));
}
let text = workerCode();
for (const [i, [base64, expression]] of carried.entries()) {
  const [before, behind, ...more] = text.split(base64);
  if (behind === undefined || more.length > 0) throw new Error(`the worker's script has ${expression} not once`);
  text = `${before}<wasm ${i}>${behind}`;
}
const script = Buffer.from(text);
const module = inlinedModule("SCRIPT", script, "scripts/build-worker.mjs from src/worker/serve.ts").replace(
  "export const",
  "const",
);
copyFileSync(inProject("src/worker/code.d.ts"), inProject("dist/worker/code.d.ts"));
// Written beside and moved into its place: another program may be reading it.
const target = inProject("dist/worker/code.js");
writeFileSync(
  `${target}.${process.pid}`,
  `import { inlinedBytes } from "../inline/inlined.js";
${builds.map((build) => `import { ${build} } from "../kernels/generated/${build}.js";`).join("\n")}
${module}
const WASM = [${carried.map(([, expression]) => expression).join(", ")}];
export const workerCode = () => new TextDecoder().decode(inlinedBytes(SCRIPT)).replace(/<wasm (\\d+)>/g, (_, i) => WASM[i]);
export const helperCode = () => ${JSON.stringify(helperCode())};
`,
);
renameSync(`${target}.${process.pid}`, target);
console.log(`worker/code.js: ${script.length} bytes of script`);
