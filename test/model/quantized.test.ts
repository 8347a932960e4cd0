import { loadModel } from "../../src/load/load-model.ts";
import type { LoadOptions } from "../../src/load/options.ts";
import { openCheckpoint } from "../../src/load-phi.ts";
import { bytesSink, quantizeCheckpoint } from "../../src/quantize/index.ts";
import { bytesSource, type Source } from "../../src/source/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { phiTinyFolder, readFixture, readFixtureJson, readJson } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { type Exact, exactOf, type Quality, qualityOf, WINDOW } from "./windows.ts";

interface Reference {
  results: Record<string, { text_windows: { perplexity: number; tokens_scored: number }; text_tokens?: number }>;
}

/** A row of docs/quality.json: figures over the whole of text.txt, by scripts/quality.ts. */
interface Row extends Quality {
  weights: string;
  embedding: string;
  activations: string;
}

/** Tokens of the text that are measured here. `.ci/run` measures the whole, on which the same bars hold. */
const TOKENS = 4096;

suite("model/quantized", async ({ test, assert, engine }) => {
  if (!engine.vitest)
    return test.skip(
      "quality of q8 and q4 on text.txt",
      "once is enough: that the bits are equal everywhere the hashes tell",
    );

  const load = async (options: LoadOptions, source: Source = phiTinyFolder(engine)) =>
    (await loadModel(source, { contextSize: WINDOW, ...options })).decoder;
  const { bf16 } = (await readFixtureJson<Reference>(engine, "evals/reference.json")).results;
  const tokenizer = await loadTokenizer(phiTinyFolder(engine));
  const text = new TextDecoder().decode(await readFixture(engine, "evals/text.txt"));
  const all = tokenizer.encode(text, { addSpecialTokens: false });
  const ids = all.slice(0, TOKENS);
  const rows = await readJson<Row[]>(engine, "docs/quality.json");
  const find = (weights: string, embedding: string, activations: string): Row => {
    const found = rows.find((r) => r.weights === weights && r.embedding === embedding && r.activations === activations);
    if (!found) throw new Error(`docs/quality.json has no ${weights}, ${embedding}, ${activations}`);
    return found;
  };

  test("float32, by docs/quality.json: the whole text has the reference's tokens, and its perplexity is 1.6196 within 1e-4", () => {
    assert.equal(all.length, bf16.text_tokens);
    assert.equal(all.length - Math.ceil(all.length / WINDOW), bf16.text_windows.tokens_scored);
    assert.close([find("f32", "f32", "f32").perplexity], [bf16.text_windows.perplexity], 1e-4);
  });

  /** Of the float32 run. */
  let exact: Exact | undefined;
  const compare = async (options: LoadOptions, source?: Source): Promise<Quality> => {
    exact ??= exactOf(await load({ weights: "f32" }), ids);
    return qualityOf(await load(options, source), ids, exact);
  };

  const show = (name: string, { kl, top1 }: Quality) =>
    console.log(`${name}: KL ${kl.toFixed(6)}, top-1 ${top1.toFixed(4)}`);

  /**
   * Bars: what ggml's Q8_0 and Q4_0 reach with float32 activations, as measured by the reference (int8_emb8: 0.000023 and 0.9966; int4_emb4:
   * 0.0061 and 0.956). Int8 activations are held to the same bar at q4; at q8 they are most of what is left.
   */
  const bars: [LoadOptions, number, number][] = [
    [{ weights: "q8", activations: "f32" }, 0.000025, 0.9966],
    [{ weights: "q8", activations: "int8" }, 0.0001, 0.993],
    [{ weights: "q4", activations: "int8", embedding: "q8" }, 0.003, 0.974],
    [{ weights: "q4", activations: "f32" }, 0.0055, 0.956],
    [{ weights: "q4", activations: "int8" }, 0.0055, 0.956],
  ];
  for (const [options, kl, top1] of bars) {
    const { weights = "", activations = "", embedding } = options;
    const name = `${weights}, ${activations} activations, embedding ${embedding ?? "included"}`;
    test(`${name}: KL from float32 at most ${kl}, the same first choice in at least ${top1}, here on 4,096 tokens and on the whole text by docs/quality.json${activations === "int8" ? "; int8 keys and values add at most 0.0001" : ""}`, async () => {
      const got = await compare(options);
      show(name, got);
      const whole = find(weights === "q4" ? "q4, while loading" : weights, embedding ?? weights, activations);
      for (const quality of [got, whole]) {
        assert.atMost(quality.kl, kl);
        assert.ok(quality.top1 >= top1, `top-1 ${quality.top1}`);
      }
      if (activations !== "int8") return;
      const withF32 = await compare({ ...options, kv: "f32" });
      show(`${name}, f32 KV`, withF32);
      assert.atMost(got.kl - withF32.kl, 0.0001, "what the int8 KV cache adds");
    });
  }

  // With half of the usual calibration, which takes half of the time; docs/quality.md has the whole, also with the embedding in q8, and .ci/run
  // measures it again.
  test("q4 by phi quantize, int8 activations, calibrated on 8,192 tokens of the model's own: KL from float32 at most 0.0033, the same first choice in at least 0.968, on 4,096 tokens; calibrated on 16,384, on the whole text by docs/quality.json", async () => {
    const files = new Map<string, Uint8Array>();
    const { file } = await quantizeCheckpoint(phiTinyFolder(engine), bytesSink(files), { tokens: 8192 });
    const packed = bytesSource({ [file]: files.get(file) as Uint8Array });
    const got = await compare({}, await openCheckpoint("test", packed));
    show("q4 by phi quantize", got);
    for (const quality of [got, find("q4, `phi quantize`", "q4", "int8")]) {
      assert.atMost(quality.kl, 0.0033);
      assert.ok(quality.top1 >= 0.968, `top-1 ${quality.top1}`);
    }
  });
});
