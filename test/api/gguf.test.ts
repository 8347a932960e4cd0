import { ConfigError, FormatError, inspect, loadPhi, PhiError } from "../../src/index.ts";
import { GGUF_CASES, ggufFile, openGgufGolden } from "../gguf-golden.ts";
import { suite, unless } from "../harness.ts";
import { randomSource } from "../random.ts";
import { MODES, noMode } from "./phi-tiny.ts";

const BOUND = { reference: 1.5e-4, strict: 3e-4 };

/** The same file with a u32 so many bytes behind a name of its header. */
function spoiled(bytes: Uint8Array, name: string, behind: number, value: number): Uint8Array {
  const [out, text] = [bytes.slice(), new TextEncoder().encode(name)];
  const at = out.findIndex((_, i) => text.every((b, k) => out[i + k] === b));
  new DataView(out.buffer).setUint32(at + text.length + behind, value, true);
  return out;
}

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

  for (const [folder, type] of GGUF_CASES) {
    test(`${folder} ${type}, as loaded by default (int8 activations and keys): over all prompts the logits' errors have a root mean square of at most 0.1 of theirs`, async () => {
      const { source, prompts } = await openGgufGolden(engine, folder, type);
      const phi = await loadPhi(source);
      let [off, all] = [0, 0];
      for (const { ids, logits } of prompts) {
        const got = await phi.forward(ids, { logits: "all" });
        got.forEach((v, i) => {
          off += (v - logits[i]) ** 2;
          all += logits[i] ** 2;
        });
      }
      assert.atMost(Math.sqrt(off / all), 0.1);
      await phi.dispose();
    });
  }

  test("a file's blocks stay what they are: the formats that hold them, and no notice; F16 becomes q8, with one", async () => {
    for (const [folder, type, weights, embedding] of [
      ["gguf-phi-4-mini", "F16", "q8", "q8"],
      ["gguf-phi-4-mini", "Q8_0", "q8", "q8"],
      ["gguf-phi-4-mini", "Q4_0", "q4", "q4"],
      ["gguf-kquant", "Q4_K_M", "q4k", "q4k"],
      ["gguf-kquant", "Q5_K_M", "q5k", "q5k"],
      ["gguf-kquant", "Q6_K", "q6k", "q6k"],
    ]) {
      const phi = await loadPhi(await ggufFile(engine, folder, type));
      assert.equal(phi.weights, weights, type);
      assert.equal(phi.embedding, embedding, type);
      const codes = phi.notices.map(({ code }) => code).filter((code) => code.endsWith("_weights"));
      assert.deepEqual(codes, type === "F16" ? ["rounded_weights"] : [], type);
      await phi.dispose();
    }
  });

  test("300 damaged files: each loads and answers, or is refused by a PhiError; nothing else is thrown, in loading or in the first forward", async () => {
    const files = [await ggufFile(engine, "gguf-kquant", "Q4_K_M"), await ggufFile(engine, "gguf-phi-4-mini", "Q4_0")];
    const next = randomSource(3);
    const below = (n: number) => Math.floor(next() * n);
    const header = 7400;
    const codes = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const bytes = files[i % 2].slice();
      const at = below(header);
      const kind = below(4);
      if (kind === 0) bytes[at] ^= 1 << below(8);
      else if (kind === 1) bytes.fill(255, at, at + 1 + below(8));
      else if (kind === 2) bytes[at] = below(256);
      else bytes.copyWithin(at, below(header), below(header));
      try {
        const phi = await loadPhi(bytes, { kernels: "strict" });
        codes.add("loaded");
        await phi.forward([1, 2, 3]).finally(() => phi.dispose());
      } catch (error) {
        if (!(error instanceof PhiError)) throw error;
        codes.add(error.code);
      }
    }
    for (const code of ["loaded", "gguf_truncated", "gguf_value", "gguf_type"]) assert.ok(codes.has(code), code);
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
      const sources = new Map(phi.stopTokens.map((stop) => [stop.id, stop.sources]));
      assert.deepEqual(sources.get(310), ["metadata", "end of turn in phi-4-mini"]);
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
    const spoilt = spoiled(bytes, "blk.0.ffn_down.weight", 4 + 16, 18); // IQ3_XXS
    await assert.rejects(loadPhi(spoilt), FormatError, /mlp\.down_proj.*IQ3_XXS/);
  });

  test("an error about the configuration says that it is made of the file's metadata", async () => {
    const bytes = await ggufFile(engine, "gguf-kquant", "Q6_K");
    const deep = spoiled(bytes, "phi3.block_count", 4, 5000);
    const message = /^file config\.json, made of the metadata of model\.gguf: "num_hidden_layers"; got 5000/;
    await assert.rejects(loadPhi(deep), ConfigError, message);
    const { faults } = await inspect(deep);
    assert.ok(
      faults.some((fault) => message.test(fault.message)),
      `${faults}`,
    );
  });
});
