import { engineFlagsOf } from "../../src/cli/engine-flags.ts";
import { suite } from "../harness.ts";
import { runCli } from "./phi.ts";

const RELAXED = "--experimental-wasm-relaxed-simd";
const PAIRS = "--experimental-wasm-revectorize";

suite("cli/engine-flags", ({ test, assert }) => {
  const of = (v8: string, { arch = "x64", execArgv = [] as string[], env = {}, versions = {} } = {}) =>
    engineFlagsOf({ versions: { v8, ...versions }, arch, execArgv, env });

  test("each flag is set in the versions of V8 that are proven, and in no other; pairs of vectors on x64 only", () => {
    assert.deepEqual(of("11.3.244.8-node.38"), [RELAXED]);
    assert.deepEqual(of("13.6.233.17-node.53"), [PAIRS]);
    assert.deepEqual(of("14.6.202.34-node.34"), [PAIRS]);
    for (const version of ["11.30.1", "12.4.254.21-node.57", "13.60.1", "14.1.146.11", "15.0.1"])
      assert.deepEqual(of(version), [], version);
    assert.deepEqual(of("13.6.233.17", { arch: "arm64" }), []);
    assert.deepEqual(of("11.3.244.8", { arch: "arm64" }), [RELAXED]);
    for (const versions of [{ bun: "1.4.5" }, { deno: "2.9.0" }]) assert.deepEqual(of("13.6.233.10", { versions }), []);
  });

  test("nothing is set where whoever started Node has named the flag, in any spelling, or PHI_NO_ENGINE_FLAGS is set", () => {
    for (const flag of [PAIRS, "--no-experimental-wasm-revectorize", "--no_experimental_wasm_revectorize"])
      assert.deepEqual(of("13.6.1", { execArgv: ["--expose-gc", flag] }), [], flag);
    assert.deepEqual(of("13.6.1", { env: { NODE_OPTIONS: `--expose-gc ${PAIRS}` } }), []);
    assert.deepEqual(of("13.6.1", { env: { PHI_NO_ENGINE_FLAGS: "1" } }), []);
    assert.deepEqual(of("13.6.1", { execArgv: [RELAXED], env: { PHI_NO_ENGINE_FLAGS: "" } }), [PAIRS]);
  });

  test("with --verbose a command says which flags it has set; with PHI_NO_ENGINE_FLAGS it sets none; both answer alike", async () => {
    const args = ["logits", "--model", "models/phi-tiny", "12 + 30 = 4", "--verbose"];
    const [set, unset] = await Promise.all([
      runCli("main", args),
      runCli("main", args, { env: { PHI_NO_ENGINE_FLAGS: "1" } }),
    ]);
    const { versions, arch, env } = process;
    const flags = engineFlagsOf({ versions, arch, env, execArgv: [] });
    assert.equal(set.stderr, flags.length > 0 ? `phi logits: V8 runs with ${flags.join(" ")}\n` : "");
    assert.equal(unset.stderr, "");
    assert.equal(set.stdout, unset.stdout);
    assert.deepEqual([set.code, unset.code], [0, 0]);
  });
});
