import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { REST } from "../../src/kernels/rest.ts";
import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { type Engine, suite, unless } from "../harness.ts";

/** All functions through the optimizing compiler at once, with pairs of vectors made one, and a word on each. */
const FLAGS = [
  ...["--experimental-wasm-revectorize", "--trace-wasm-revectorize"],
  ...["--no-liftoff", "--no-wasm-lazy-compilation", "--single-threaded"],
];

/** Tiles of int8 linears: of one token q4, q4z and q8, and of four; the relaxed forms of both besides, where q8 with one token has none. */
const TILES = { strict: 6, relaxed: 6 + 4 + 5 };

/** V8 of 13.6 or later, which has the flag and does well with it. */
function hasFlag(engine: Engine): boolean {
  if (engine.name !== "node" || process.arch !== "x64") return false;
  const [major, minor] = process.versions.v8.split(".").map(Number);
  return major > 13 || (major === 13 && minor >= 6);
}

/** What V8 says while it compiles the module. Throws if that ends the process. */
async function compile(bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "phi-ts-"));
  try {
    const file = join(folder, "kernels.wasm");
    await writeFile(file, bytes);
    const program = `new WebAssembly.Module(require("node:fs").readFileSync(${JSON.stringify(file)}))`;
    const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, "-e", program], { maxBuffer: 1 << 26 });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

suite("wider vectors", ({ test, assert, engine }) => {
  const paired = unless(hasFlag(engine) ? undefined : "is about V8 13.6 and later, in Node, on x64", test);
  for (const build of ["strict", "relaxed"] as const) {
    const title = `${build}: V8 compiles every function with pairs of vectors made one, and makes them in ${TILES[build]} functions or more`;
    paired(title, async () => {
      const said = await compile(moduleBytes(build, REST));
      if (!said.includes("Begin revec")) return; // this processor has no AVX2
      assert.atMost(TILES[build], said.match(/Decided? to vectorize, [1-9]/g)?.length ?? 0);
    });
  }
});
