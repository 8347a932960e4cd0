import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { REST } from "../../src/kernels/rest.ts";
import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { inProject } from "../engines/disk.ts";
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

/** Asks every variant of the module, in each of its forms, and prints the operations whose answers are wrong. */
const ASK = `
  import { Arena } from ${JSON.stringify(inProject("src/tensor/index.ts"))};
  import { KNOWN_ANSWERS, wrongAnswers } from ${JSON.stringify(inProject("src/kernels/known-answers.ts"))};
  import { REST as rest } from ${JSON.stringify(inProject("src/kernels/rest.ts"))};
  import { formsOf, simdKernels } from ${JSON.stringify(inProject("src/kernels/simd.ts"))};
  import { instantiate, moduleOf } from ${JSON.stringify(inProject("src/kernels/wasm-module.ts"))};
  const answers = [...KNOWN_ANSWERS, ...rest.answers];
  const result = {};
  for (const variant of ["relaxed", "strict", "relaxed-shared", "strict-shared"]) {
    const shared = variant.endsWith("shared");
    const module = moduleOf(variant, { rest });
    const forms = formsOf(variant, instantiate(new Arena(0, { name: "forms", shared }), variant, module));
    for (const form of forms) {
      const bind = (arena) => simdKernels(instantiate(arena, variant, module), form, rest);
      result[variant + ", " + form] = wrongAnswers(answers, bind, shared);
    }
  }
  console.log(JSON.stringify(result));`;

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

  paired("each form of all four modules gives its known answers in such code", async () => {
    const flags = FLAGS.filter((flag) => !flag.startsWith("--trace"));
    const args = [...flags, "--conditions=phi-ts-source", "--import", "tsx", "--input-type=module", "--eval", ASK];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: inProject("."), timeout: 100_000 });
    const wrong = Object.entries(JSON.parse(stdout) as Record<string, string[]>);
    assert.deepEqual(
      wrong.filter(([, names]) => names.length > 0),
      [],
    );
    assert.atMost(6, wrong.length);
  });
});
