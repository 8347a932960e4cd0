// Compiles src/kernels/wasm with AssemblyScript, once: the build "relaxed" is what comes out, "strict" the same with the functions that need
// relaxed SIMD blanked. Both are written to dist/wasm/<build>.wasm, for shared memory to dist/wasm/<build>-shared.wasm. The code carries the
// former in src/kernels/generated: relaxed.ts is the module of programs that must be small, in which functions are blanked that these do not
// need; rest.ts has them, each with its place. Both say what strict has blanked of theirs.
//   node scripts/build-wasm.mjs            writes them
//   node scripts/build-wasm.mjs --check    fails if the committed ones are not what the sources give; writes nothing
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { fieldsText, inlinedModule } from "./inline.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const SOURCE = "scripts/build-wasm.mjs from src/kernels/wasm";

// Static data is only read, so that instances of several builds work in one memory, and ends below 32 KiB: above it, up to KERNEL_RESERVE, lies
// the scratch that simd.ts gives to calls.
const flags = [
  "src/kernels/wasm/index.ts",
  ...["--baseDir", root, "--outFile", "out.wasm"],
  ...["--runtime", "stub", "--noAssert", "-O3", "--shrinkLevel", "0", "--disable", "bulk-memory"],
  ...["--enable", "simd", "--enable", "relaxed-simd", "--memoryBase", "16384", "--lowMemoryLimit", "32768"],
  ...["--importMemory", "--noExportMemory", "--initialMemory", "1", "--maximumMemory", "65536", "--enable", "threads"],
  "--debug", // the names of functions; nothing else
];

/** The functions of rest.ts, by FILE/NAME<TYPES>: what the decoder of phi3 does not call with weights as safetensors and packed files have them. */
const REST = [
  // Blocks of GGUF files and words of int4 files; K-formats, and q4z (u16 in place of weights)
  /^(k-formats|gemm-k|gemv-k|rows-k|unpack-k|repack-k|repack-rows|repack-int4)\//,
  /^(gemm|gemv|linear-f32|linear-int8|unpack-rows)\/(\w+<u16\b|linearK<)/,
  // LoRA, other architectures, and what only users of phi-ts/kernels call
  /^(add-bias|add-low-rank|add-rows|argmax|exp|gelu|geglu|layernorm|permute|softmax|topk)\/|^unpack-rows\/unpackRows$/,
];

async function compile() {
  let wasm;
  const { error, stderr } = await asc.main(flags, {
    readFile: (name, dir) => textOf(new URL(name, `file://${dir.endsWith("/") ? dir : `${dir}/`}`)) ?? null,
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

/** A module's sections (5.5.2): id, and where section and content begin and end. */
function* sectionsOf(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const [size, begin] = leb(wasm, at + 1);
    const end = begin + size;
    yield { id: wasm[at], at, begin, end };
    at = end;
  }
}

/** A string of the module, and where it ends. */
function textAt(wasm, at) {
  const [length, begin] = leb(wasm, at);
  return [wasm.toString("utf8", begin, begin + length), begin + length];
}

/** Names of functions by their numbers: subsection 1 of the custom section "name" (7.4.1). */
function namesOf(wasm) {
  const names = [];
  for (const { id, begin, end } of sectionsOf(wasm)) {
    let [name, at] = id === 0 ? textAt(wasm, begin) : [];
    while (name === "name" && at < end) {
      const subsection = wasm[at];
      let [size, from] = leb(wasm, at + 1);
      at = from + size;
      if (subsection !== 1) continue;
      let count;
      for ([count, from] = leb(wasm, from); count > 0; count--) {
        const [index, text] = leb(wasm, from);
        [names[index], from] = textAt(wasm, text);
      }
    }
  }
  return names.map((name) => name.replace(/^src\/kernels\/wasm\//, ""));
}

/** The module without its custom sections. */
const bare = (wasm) =>
  Buffer.concat([
    wasm.subarray(0, 8),
    ...[...sectionsOf(wasm)].filter(({ id }) => id !== 0).map(({ at, end }) => wasm.subarray(at, end)),
  ]);

/** Where the functions' bodies begin and end: section 10 (5.5.13). None is imported, so that the first is number 0. */
function bodiesOf(wasm) {
  const bodies = [];
  for (let { id, begin } of sectionsOf(wasm)) {
    if (id !== 10) continue;
    let count;
    for ([count, begin] = leb(wasm, begin); count > 0; count--) {
      const [size, from] = leb(wasm, begin);
      bodies.push([from, from + size]);
      begin = from + size;
    }
  }
  return bodies;
}

/** Instructions of relaxed SIMD are 0xfd and a number from 0x100 to 0x113, in two bytes. */
const RELAXED = /\xfd[\x80-\x93]\x02/;
const isRelaxed = (wasm, [from, to]) => RELAXED.test(wasm.toString("latin1", from, to));

/**
 * A function is blanked by zeros in place of all its bytes but the last. So it has no locals and goes on with `unreachable`, which suits any type.
 * Nobody calls those that strict lacks (FORM in src/kernels/simd.ts), nor those of rest.ts who does not have it.
 */
const blankable = ([begin, end]) => [begin, end - 1];
function blanked(wasm, places) {
  const bytes = Buffer.from(wasm);
  for (const [from, to] of places) bytes.fill(0, from, to);
  return bytes;
}

/** A variant as src/kernels/wasm-module.ts makes it, known by its name and by what it was made of: a section "phi-ts" (5.5.3) says both. */
function variantOf(wasm, { hash, sharedFlag, relaxed }, name) {
  const bytes = blanked(wasm, name.startsWith("strict") ? relaxed : []);
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

const named = await compile();
const wasm = bare(named);
const names = namesOf(named);
const bodies = bodiesOf(wasm);
const isRest = (_, i) => REST.some((of) => of.test(names[i]));
const inRest = bodies.filter(isRest).map(blankable);
const relaxedOf = (some) => some.filter((body) => isRelaxed(wasm, body)).map(blankable);
const facts = {
  hash: createHash("sha256").update(wasm).digest("hex").slice(0, 16),
  sharedFlag: sharedFlagOf(wasm),
  relaxed: relaxedOf(bodies),
};

if (!check) {
  mkdirSync(`${root}dist/wasm`, { recursive: true });
  for (const name of ["relaxed", "relaxed-shared", "strict", "strict-shared"])
    writeFileSync(`${root}dist/wasm/${name}.wasm`, variantOf(wasm, facts, name));
}

/** What src/kernels/generated has: name → bytes, and the fields beside them. */
const core = blanked(wasm, inRest);
const CARRIED = {
  relaxed: {
    bytes: core,
    fields: {
      hash: facts.hash,
      sharedFlag: facts.sharedFlag,
      strict: relaxedOf(bodies.filter((body, i) => !isRest(body, i))),
    },
  },
  rest: {
    bytes: Buffer.concat(inRest.map(([from, to]) => wasm.subarray(from, to))),
    before: core,
    fields: { places: inRest, strict: relaxedOf(bodies.filter(isRest)) },
  },
};

const textsOf = () => Object.keys(CARRIED).map((name) => textOf(`${root}src/kernels/generated/${name}.ts`) ?? "");

/** The bytes that modules of src carry, by the very code that will unpack them; none for what it does not take. */
async function carriedBy(texts) {
  const parts = texts.map((text) => {
    const [, size, packed = ""] = /size: (\d+),\s+packed: "([^"]*)"/.exec(text) ?? [];
    return { size: Number(size), packed: Buffer.from(packed, "base64") };
  });
  const entry = `${root}src/inline/unpack.ts`;
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm" });
  const { unpack } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  try {
    return unpack(parts);
  } catch {
    return [];
  }
}

const carried = await carriedBy(textsOf());
// What is right already is not packed anew, which takes seconds.
const same = textsOf().every((text, i) => {
  const { bytes, fields } = Object.values(CARRIED)[i];
  return text.includes(fieldsText(fields)) && carried[i] && bytes.equals(carried[i]);
});
if (check && !same) {
  console.error('src/kernels/generated is not what src/kernels/wasm gives: run "npm run build" and commit it');
  process.exitCode = 1;
} else {
  if (!same) {
    for (const [name, what] of Object.entries(CARRIED))
      writeFileSync(`${root}src/kernels/generated/${name}.ts`, inlinedModule(name, what, SOURCE));
  }
  console.log(`src/kernels/generated: ${same ? "up to date" : "written"}`);
}
const sum = (places) => places.reduce((bytes, [from, to]) => bytes + to - from, 0);
console.log(`${wasm.length} bytes, of which ${sum(facts.relaxed)} are for relaxed SIMD and ${sum(inRest)} in rest.ts`);
