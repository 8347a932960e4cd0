// Compiles src/kernels/wasm with AssemblyScript: each build of the table is written to dist/wasm/<build>.wasm, and inlined into
// src/kernels/generated/<build>.ts.
//   node scripts/build-wasm.mjs            writes them
//   node scripts/build-wasm.mjs --check    fails if a committed module is not what the sources give; writes nothing
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { inlinedIn, inlinedModule } from "./inline.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");

/** Build (a WasmBuild of src/kernels/kernels.ts) → what asc is told beside the flags of all. */
const BUILDS = {
  relaxed: ["--enable", "simd", "--enable", "relaxed-simd", "--memoryBase", "16384", "--lowMemoryLimit", "32768"],
  strict: ["--enable", "simd", "--memoryBase", "1024", "--lowMemoryLimit", "16384"],
};

const SOURCE = "scripts/build-wasm.mjs from src/kernels/wasm";

// Static data of each build has a place of its own, so that instances of several work in one memory, and ends below 32 KiB: above it, up to
// KERNEL_RESERVE, lies the scratch that simd.ts gives to calls.
const flags = [
  "src/kernels/wasm/index.ts",
  ...["--baseDir", root, "--outFile", "out.wasm"],
  ...["--runtime", "stub", "--noAssert", "-O3", "--shrinkLevel", "0", "--disable", "bulk-memory"],
  ...["--importMemory", "--noExportMemory", "--initialMemory", "1"],
];

/** A build is known by its name and by what it was made of; src/kernels/wasm-module.ts looks for it in a module that a user gives. */
const idOf = (build, wasm) => `${build} ${createHash("sha256").update(wasm).digest("hex").slice(0, 16)}`;

/** With a custom section "phi-ts" (WebAssembly specification, 5.5.3) behind the others. */
function withId(wasm, id) {
  const [name, content] = [Buffer.from("phi-ts"), Buffer.from(id)];
  const size = 1 + name.length + content.length;
  if (size > 127) throw new Error(`${id}: one byte tells the length of the section`);
  return Buffer.concat([wasm, Uint8Array.of(0, size, name.length), name, content]);
}

async function compile(build) {
  let wasm;
  const { error, stderr } = await asc.main([...flags, ...BUILDS[build]], {
    readFile: (name, dir) => textOf(new URL(name, `file://${dir.endsWith("/") ? dir : `${dir}/`}`)) ?? null,
    writeFile: (_, bytes) => {
      wasm = bytes;
    },
  });
  if (!error) return { id: idOf(build, wasm), wasm: withId(wasm, idOf(build, wasm)) };
  console.error(`${build}: ${stderr}`);
  process.exit(1);
}

function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

if (!check) mkdirSync(`${root}dist/wasm`, { recursive: true });
/** The first build, which the others resemble. */
let first;
for (const build of Object.keys(BUILDS)) {
  const { id, wasm } = await compile(build);
  const target = `src/kernels/generated/${build}.ts`;
  const same = inlinedIn(textOf(root + target) ?? "", first?.bytes)?.equals(wasm);
  if (check && !same) {
    console.error(`${target} is not what src/kernels/wasm gives: run "npm run build" and commit it`);
    process.exitCode = 1;
    continue;
  }
  if (!check) writeFileSync(`${root}dist/wasm/${build}.wasm`, wasm);
  if (!same) writeFileSync(root + target, inlinedModule(build, wasm, SOURCE, { id }, first));
  console.log(`${build}.wasm: ${wasm.length} bytes, ${same ? "up to date" : "written"}`);
  first ??= { name: build, bytes: wasm };
}
