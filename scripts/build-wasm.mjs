// Compiles src/kernels/wasm with AssemblyScript, once: the build "relaxed" is what comes out, "strict" the same with the functions that need
// relaxed SIMD blanked. Both are written to dist/wasm/<build>.wasm, for shared memory to dist/wasm/<build>-shared.wasm; the code carries the
// former in src/kernels/generated/relaxed.ts, and what is blanked in strict.ts beside it.
//   node scripts/build-wasm.mjs            writes them
//   node scripts/build-wasm.mjs --check    fails if the committed ones are not what the sources give; writes nothing
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { inlinedModule } from "./inline.mjs";
import { unroll } from "./unroll.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const SOURCE = "scripts/build-wasm.mjs from src/kernels/wasm";

// Static data is only read, so that instances of several builds work in one memory, and ends below 32 KiB: above it, up to KERNEL_RESERVE, lies
// the scratch that simd.ts gives to calls. Optimizing more makes one expression of all that leads to a sum, so that V8 sums one row after the other
// and has more values at hand than registers: gemv.ts is a tenth slower then.
const flags = [
  "src/kernels/wasm/index.ts",
  ...["--baseDir", root, "--outFile", "out.wasm"],
  ...["--runtime", "stub", "--noAssert", "--optimizeLevel", "1", "--shrinkLevel", "0", "--disable", "bulk-memory"],
  ...["--enable", "simd", "--enable", "relaxed-simd", "--memoryBase", "16384", "--lowMemoryLimit", "32768"],
  ...["--importMemory", "--noExportMemory", "--initialMemory", "1", "--maximumMemory", "65536", "--enable", "threads"],
];

async function compile() {
  let wasm;
  const { error, stderr } = await asc.main(flags, {
    readFile: (name, dir) => {
      const text = textOf(new URL(name, `file://${dir.endsWith("/") ? dir : `${dir}/`}`));
      return text === undefined ? null : unroll(text);
    },
    writeFile: (_, bytes) => {
      wasm = Buffer.from(bytes);
    },
  });
  if (!error) return wasm;
  console.error(stderr.toString());
  process.exit(1);
}

/**
 * Where the import of the memory says whether it is shared (WebAssembly threads, "limits": 1 has a maximum, 3 is shared as well): all else is
 * the same in both variants, since atomic instructions work on unshared memory, too.
 */
function sharedFlagOf(wasm) {
  const entry = Buffer.from("\x03env\x06memory\x02\x01", "latin1");
  const at = wasm.indexOf(entry);
  if (at < 0 || wasm.indexOf(entry, at + 1) >= 0) throw new Error("no import of a memory with a maximum");
  return at + entry.length - 1;
}

/** A number in LEB128 (WebAssembly specification, 5.2.2) at byte `at`, and where it ends. */
function leb(wasm, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

/** Where the functions' bodies begin and end: section 10 of a module (5.5.13). */
function bodiesOf(wasm) {
  const bodies = [];
  for (let at = 8; at < wasm.length; ) {
    const id = wasm[at];
    let [size, begin] = leb(wasm, at + 1);
    at = begin + size;
    if (id !== 10) continue;
    let count;
    for ([count, begin] = leb(wasm, begin); count > 0; count--) {
      [size, begin] = leb(wasm, begin);
      bodies.push([begin, begin + size]);
      begin += size;
    }
  }
  return bodies;
}

/** Instructions of relaxed SIMD are 0xfd and a number from 0x100 to 0x113, in two bytes. */
const RELAXED = /\xfd[\x80-\x93]\x02/;

/**
 * What strict has as zeros: all bytes but the last of each function with an instruction of relaxed SIMD. So it has no locals and goes on with
 * `unreachable`, which suits any type; nobody calls it (FORM in src/kernels/simd.ts).
 */
const blankIn = (wasm) =>
  bodiesOf(wasm)
    .filter(([begin, end]) => RELAXED.test(wasm.toString("latin1", begin, end)))
    .map(([begin, end]) => [begin, end - 1]);

/** A variant as src/kernels/wasm-module.ts makes it, known by its name and by what it was made of: a section "phi-ts" (5.5.3) says both. */
function variantOf(wasm, { hash, sharedFlag, blank }, name) {
  const bytes = Buffer.from(wasm);
  if (name.startsWith("strict")) for (const [from, to] of blank) bytes.fill(0, from, to);
  if (name.endsWith("shared")) bytes[sharedFlag] = 3;
  const content = Buffer.from(`\x06phi-ts${name} ${hash}`);
  return Buffer.concat([bytes, Uint8Array.of(0, content.length), content]);
}

function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

const wasm = await compile();
const hash = createHash("sha256").update(wasm).digest("hex").slice(0, 16);
const facts = { hash, sharedFlag: sharedFlagOf(wasm), blank: blankIn(wasm) };
const { sharedFlag, blank } = facts;

if (!check) {
  mkdirSync(`${root}dist/wasm`, { recursive: true });
  for (const name of ["relaxed", "relaxed-shared", "strict", "strict-shared"])
    writeFileSync(`${root}dist/wasm/${name}.wasm`, variantOf(wasm, facts, name));
}
const strictModule = `// Generated by ${SOURCE}: do not edit.
/** What of the relaxed build the strict one has as zeros: from, to. */
export const strict = ${JSON.stringify(blank)};
`;

/** The bytes that a module of src carries, by the very code that will unpack them; undefined for what it does not take. */
async function carriedBy(text) {
  const [, size, packed] = /size: (\d+),\s+packed: "([^"]*)"/.exec(text) ?? [];
  const entry = `${root}src/inline/unpack.ts`;
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm" });
  const { unpack } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  try {
    return Buffer.from(unpack(Buffer.from(packed, "base64"), Number(size)));
  } catch {
    return undefined;
  }
}

const carried = await carriedBy(textOf(`${root}src/kernels/generated/relaxed.ts`) ?? "");

// What is right already is not packed anew, which takes seconds.
for (const [build, made, isMade] of [
  [
    "relaxed",
    () => inlinedModule("relaxed", wasm, SOURCE, { hash, sharedFlag }),
    (text) => carried?.equals(wasm) && text.includes(`hash: "${hash}",`) && text.includes(`sharedFlag: ${sharedFlag},`),
  ],
  ["strict", () => strictModule, (text) => text === strictModule],
]) {
  const target = `src/kernels/generated/${build}.ts`;
  const same = isMade(textOf(root + target) ?? "");
  if (check && !same) {
    console.error(`${target} is not what src/kernels/wasm gives: run "npm run build" and commit it`);
    process.exitCode = 1;
    continue;
  }
  if (!same) writeFileSync(root + target, made());
  console.log(`${target}: ${same ? "up to date" : "written"}`);
}
console.log(
  `${wasm.length} bytes, of which ${blank.reduce((sum, [from, to]) => sum + to - from, 0)} are for relaxed SIMD`,
);
