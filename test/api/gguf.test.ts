import { FormatError, loadPhi } from "../../src/index.ts";
import { GGUF_CASES, ggufFile, openGgufGolden } from "../gguf-golden.ts";
import { suite, unless } from "../harness.ts";
import { MODES, noMode } from "./phi-tiny.ts";

const BOUND = { reference: 1.5e-4, strict: 3e-4 };

suite("api/gguf", ({ test, assert, engine }) => {
  for (const [folder, type] of GGUF_CASES) {
    // F16 stays exact only as f32; blocks stay as they are.
    const exact = { activations: "f32", weights: type === "F16" ? "f32" : "auto" } as const;
    for (const kernels of ["reference", "strict"] as const) {
      test(`${folder} ${type}, ${kernels}, f32 activations: logits of all positions within ${BOUND[kernels]} of HF's on the dequantized weights`, async () => {
        const { source, prompts } = await openGgufGolden(engine, folder, type);
        const phi = await loadPhi(source, { ...exact, kernels });
        for (const { ids, logits, id } of prompts)
          assert.close(await phi.forward(ids, { logits: "all" }), logits, BOUND[kernels], id);
        await phi.dispose();
      });
    }
    for (const mode of MODES) {
      unless(noMode(mode, engine), test)(
        `${folder} ${type}, ${mode.where}, from its bytes: greedy continuations of 24 tokens are HF's, across LongRoPE's switch, too`,
        async () => {
          const { prompts } = await openGgufGolden(engine, folder, type);
          const phi = await loadPhi(await ggufFile(engine, folder, type), { ...exact, worker: mode.worker });
          for (const { ids, greedy, id } of prompts) {
            const result = await phi.generate(ids, { maxTokens: 24, ignoreEos: true }).result();
            assert.deepEqual(result.ids, greedy.tokens, id);
            assert.equal(result.reprefills.length, greedy.crossesSwitch ? 1 : 0, id);
          }
          await phi.dispose();
        },
      );
    }
  }

  for (const [folder, type] of GGUF_CASES.filter(([, type]) => type !== "F16")) {
    test(`${folder} ${type}, as loaded by default (int8 activations and keys): the root mean square of the logits' errors is at most 0.1 of theirs`, async () => {
      const { source, prompts } = await openGgufGolden(engine, folder, type);
      const phi = await loadPhi(source);
      for (const { ids, logits, id } of prompts) {
        const got = await phi.forward(ids, { logits: "all" });
        const square = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0);
        const off = got.map((v, i) => v - logits[i]);
        assert.atMost(Math.sqrt(square(off) / square(logits)), 0.1, id);
      }
      await phi.dispose();
    });
  }

  test("a file's blocks stay what they are: formats and bytes of memory, and no notice", async () => {
    for (const [folder, type, weights, embedding] of [
      ["gguf-phi-4-mini", "Q8_0", "q8", "q8"],
      ["gguf-phi-4-mini", "Q4_0", "q4", "q4"],
      ["gguf-kquant", "Q4_K_M", "q4k", "q4k"],
      ["gguf-kquant", "Q5_K_M", "q5k", "q5k"],
      ["gguf-kquant", "Q6_K", "q6k", "q6k"],
    ]) {
      const phi = await loadPhi(await ggufFile(engine, folder, type));
      assert.equal(phi.weights, weights, type);
      assert.equal(phi.embedding, embedding, type);
      assert.deepEqual(
        phi.notices.filter(({ code }) => code.endsWith("_weights")),
        [],
      );
      await phi.dispose();
    }
  });

  test("a file is told by its content: a Blob without a name, a folder with only a .gguf; both have tokenizer, stop tokens and no surprises", async () => {
    const bytes = await ggufFile(engine, "gguf-phi-4-mini", "Q4_0");
    for (const source of [new Blob([bytes]), { "m.gguf": new Blob([bytes]) }]) {
      const phi = await loadPhi(source);
      assert.equal(phi.weights, "q4");
      assert.deepEqual(
        phi.notices.map(({ code }) => code),
        [],
      );
      assert.ok(phi.stopTokens.some(({ id }) => id === 310));
      assert.deepEqual(phi.tokenizer?.encode("<|endoftext|>", { parseSpecialTokens: true }), [310]);
      await phi.dispose();
    }
  });

  test("other formats may be wanted: q8 and q4 of a file's blocks; what is not built is refused by name", async () => {
    const bytes = await ggufFile(engine, "gguf-kquant", "Q6_K");
    for (const weights of ["q8", "q4"] as const) {
      const phi = await loadPhi(bytes, { weights });
      assert.equal(phi.weights, weights);
      await phi.dispose();
    }
    const spoilt = bytes.slice();
    const name = new TextEncoder().encode("blk.0.ffn_down.weight");
    const at = spoilt.findIndex((_, i) => name.every((b, k) => spoilt[i + k] === b));
    new DataView(spoilt.buffer).setUint32(at + name.length + 4 + 16, 18, true); // IQ3_XXS
    await assert.rejects(loadPhi(spoilt), FormatError, /blk\.0|mlp\.down_proj.*IQ3_XXS/);
  });
});
