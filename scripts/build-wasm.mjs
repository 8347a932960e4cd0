// Compiles src/kernels/wasm with AssemblyScript: each build of the table is written to dist/wasm/<build>.wasm, for shared memory to
// dist/wasm/<build>-shared.wasm, and inlined into src/kernels/generated/<build>.ts.
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
  ...["--importMemory", "--noExportMemory", "--initialMemory", "1", "--maximumMemory", "65536", "--enable", "threads"],
];

/** A build is known by its name and by what it was made of; src/kernels/wasm-module.ts looks for it in a module that a user gives. */
const idOf = (build, wasm) => `${build} ${createHash("sha256").update(wasm).digest("hex").slice(0, 16)}`;

/**
 * Where the import of the memory says whether it is shared (WebAssembly threads, "limits": 1 has a maximum, 3 is shared as well): all else is
 * the same in both variants, since atomic instructions work on unshared memory, too.
 */
function flagOf(wasm) {
  const entry = Buffer.from("\x03env\x06memory\x02\x01", "latin1");
  const at = wasm.indexOf(entry);
  if (at < 0 || wasm.indexOf(entry, at + 1) >= 0) throw new Error("no import of a memory with a maximum");
  return at + entry.length - 1;
}

/** The variant for shared memory: its flag, and another name in its id. */
function sharedVariant({ id, wasm, flag }, build) {
  const shared = Buffer.from(wasm.subarray(0, wasm.lastIndexOf(id) - "phi-ts".length - 3));
  shared[flag] = 3;
  return withId(shared, id.replace(build, `${build}-shared`));
}

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
  if (!error) return { id: idOf(build, wasm), wasm: withId(wasm, idOf(build, wasm)), flag: flagOf(Buffer.from(wasm)) };
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
  const { id, wasm, flag } = await compile(build);
  const target = `src/kernels/generated/${build}.ts`;
  const text = textOf(root + target) ?? "";
  const same = inlinedIn(text, first?.bytes)?.equals(wasm) && text.includes(`sharedFlag: ${flag},`);
  if (check && !same) {
    console.error(`${target} is not what src/kernels/wasm gives: run "npm run build" and commit it`);
    process.exitCode = 1;
    continue;
  }
  if (!check) {
    writeFileSync(`${root}dist/wasm/${build}.wasm`, wasm);
    writeFileSync(`${root}dist/wasm/${build}-shared.wasm`, sharedVariant({ id, wasm, flag }, build));
  }
  if (!same) writeFileSync(root + target, inlinedModule(build, wasm, SOURCE, { id, sharedFlag: flag }, first));
  console.log(`${build}.wasm: ${wasm.length} bytes, ${same ? "up to date" : "written"}`);
  first ??= { name: build, bytes: wasm };
}
