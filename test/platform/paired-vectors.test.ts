import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { engineFlagsOf } from "../../src/cli/engine-flags.ts";
import { inProject } from "../engines/disk.ts";
import { suite, unless } from "../harness.ts";

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

const FLAG = "--experimental-wasm-revectorize";

suite("platform/paired-vectors", ({ test, assert, engine }) => {
  const { versions, arch } = process;
  const proven = engine.name === "node" && engineFlagsOf({ versions, arch, execArgv: [], env: {} }).includes(FLAG);
  const where = proven ? undefined : `for versions of V8 in which the phi command sets ${FLAG}`;

  unless(where, test)(
    `with ${FLAG} V8's optimizing compiler takes every function of the four modules, and every form gives its known answers in that code`,
    async () => {
      const args = [
        FLAG,
        "--no-liftoff",
        "--no-wasm-lazy-compilation",
        "--conditions=phi-ts-source",
        "--import",
        "tsx",
      ];
      const { stdout } = await promisify(execFile)(process.execPath, [...args, "--input-type=module", "--eval", ASK], {
        cwd: inProject("."),
        timeout: 100_000,
      });
      const wrong = JSON.parse(stdout) as Record<string, string[]>;
      assert.deepEqual(
        Object.entries(wrong).filter(([, names]) => names.length > 0),
        [],
      );
      assert.ok(Object.keys(wrong).length >= 6, stdout);
    },
  );
});
