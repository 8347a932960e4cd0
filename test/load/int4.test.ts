import { ConfigError, FormatError, OptionError } from "../../src/errors.ts";
import { loadPhi } from "../../src/index.ts";
import { EVERY_PART } from "../../src/load/every-part.ts";
import { inspectModel } from "../../src/load/plan-model.ts";
import { folder } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { maxAbs } from "../metrics.ts";
import { at, CASES, type Case, edited, expectedOf, type Header, QKV, words } from "./int4-cases.ts";

suite("load/int4", ({ test, assert, engine }) => {
  for (const [name, formats] of Object.entries(CASES) as [Case, readonly string[]][]) {
    for (const options of [
      { activations: "f32", threads: 1 },
      { activations: "f32", kernels: "reference" },
      { weights: "f32" },
    ] as const) {
      test(`${name}, ${JSON.stringify(options)}: logits within 3e-4 of those that transformers has from the dequantized weights`, async () => {
        const { ids, logits } = await expectedOf(engine, name);
        const phi = await loadPhi(folder(engine, at(name)), options);
        assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 3e-4);
        await phi.dispose();
      });
    }

    test(`${name}: int8 activations, by default, move no logit by more than 0.35 of the logits' root mean square; matrices are ${formats.join(" and ")}`, async () => {
      const { ids, logits } = await expectedOf(engine, name);
      const phi = await loadPhi(folder(engine, at(name)));
      const size = Math.sqrt(logits.reduce((sum, v) => sum + v * v, 0) / logits.length);
      assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 0.35 * size);
      assert.equal(phi.weights, formats[0]);
      await phi.dispose();
      const { plan, files } = await inspectModel(folder(engine, at(name)), EVERY_PART);
      await files.close();
      const found = plan.specs
        .filter((s) => typeof s.place === "number" && !s.vector)
        .map((s) => plan.formats?.get(s.name));
      assert.deepEqual(new Set(found), new Set(formats));
    });
  }

  test("a bias of zeros, as older tools write, is left out; another one that the model has not is a FormatError", async () => {
    const { ids, logits } = await expectedOf(engine, "gptq-64-asym");
    const bias = (from: "zeros" | "scales") => (h: Header) => {
      const ends = Object.values(h).map(({ data_offsets }) => data_offsets[1]);
      const at = from === "zeros" ? Math.max(...ends) : h[`${QKV}.scales`].data_offsets[0];
      h[`${QKV}.bias`] = { dtype: "F16", shape: [256], data_offsets: [at, at + 512] };
    };
    const phi = await loadPhi(await edited(engine, "gptq-64-asym", { header: bias("zeros") }), { activations: "f32" });
    assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 3e-4);
    await phi.dispose();
    const wrong = loadPhi(await edited(engine, "gptq-64-asym", { header: bias("scales") }));
    await assert.rejects(wrong, FormatError, /qkv_proj\.bias.*without this bias, and it is not 0/s);
  });

  test("the same bits whatever the chunks, with and without an order of inputs", async () => {
    for (const name of ["gptq-v2-32-asym-order", "awq-32"] as const) {
      const { ids } = await expectedOf(engine, name);
      const phi = await loadPhi(folder(engine, at(name)));
      const whole = await phi.forward(ids, { logits: "all" });
      const sequence = await phi.sequence();
      const rows: number[] = [];
      for (const id of ids) rows.push(...(await sequence.forward([id], { logits: "all" })));
      assert.deepEqual(rows, [...whole]);
      await phi.dispose();
    }
  });

  for (const [title, name, change, error, message] of [
    [
      "the zero points are missing",
      "gptq-64-asym",
      { header: (h) => delete h[`${QKV}.qzeros`] },
      FormatError,
      /qkv_proj\.qzeros.*lacks this tensor/s,
    ],
    [
      "the scales are missing",
      "awq-32",
      { header: (h) => delete h[`${QKV}.scales`] },
      FormatError,
      /qkv_proj\.scales.*lacks this tensor/s,
    ],
    [
      "the zero points of an asymmetric matrix are missing",
      "packed-32-asym",
      { header: (h) => delete h[`${QKV}.weight_zero_point`] },
      FormatError,
      /weight_zero_point.*lacks this tensor/s,
    ],
    [
      "the words are missing",
      "gptq-64-asym",
      { header: (h) => delete h[`${QKV}.qweight`] },
      FormatError,
      /qkv_proj\.weight.*lacks this tensor/s,
    ],
    [
      "words of another shape",
      "gptq-64-asym",
      { header: (h) => h[`${QKV}.qweight`].shape.reverse() },
      FormatError,
      /qkv_proj\.qweight.*shape is not what config\.json says; got \[256, 16\]; expected \[16, 256\]/s,
    ],
    [
      "words of floats",
      "awq-32",
      { header: (h) => Object.assign(h[`${QKV}.qweight`], { dtype: "F32" }) },
      FormatError,
      /another dtype.*got "F32"/s,
    ],
    [
      "another group size than the config says",
      "gptq-64-asym",
      { config: (c) => Object.assign(c.quantization_config as object, { group_size: 32 }) },
      FormatError,
      /scales.*shape is not what config\.json says/s,
    ],
    [
      "groups of 16 inputs",
      "packed-32-asym",
      { header: (h) => h[`${QKV}.weight_scale`].shape.splice(0, 2, 128, 8) },
      FormatError,
      /weight_scale/,
    ],
    [
      "an input's group that is not there",
      "gptq-v2-32-asym-order",
      { data: (h, d) => words(h, d, `${QKV}.g_idx`).setInt32(4 * 7, 4, true) },
      FormatError,
      /g_idx.*group of input 7.*got 4; expected 0 … 3/s,
    ],
    [
      "a negative group",
      "packed-32-asym-order",
      { data: (h, d) => words(h, d, `${QKV}.weight_g_idx`).setInt32(0, -1, true) },
      FormatError,
      /group of input 0.*got -1/s,
    ],
    [
      "groups of uneven sizes",
      "gptq-v2-32-asym-order",
      {
        data: (h, d) => {
          const g = words(h, d, `${QKV}.g_idx`);
          g.setInt32(0, (g.getInt32(0, true) + 1) % 4, true);
        },
      },
      FormatError,
      /a number of inputs that is not built; got 3[13]; expected a multiple of 32/,
    ],
    [
      "q and k in different orders",
      "phi-gptq-32-asym-order",
      {
        data: (h, d) => {
          const g = words(h, d, "model.layers.0.self_attn.k_proj.g_idx");
          const groups = Array.from({ length: 128 }, (_, i) => g.getInt32(4 * i, true));
          for (const [i, group] of groups.reverse().entries()) g.setInt32(4 * i, group, true);
        },
      },
      FormatError,
      /g_idx.*in another order than in the matrix that it is joined with/s,
    ],
    [
      "groups out of order that the config denies",
      "gptq-v2-32-asym-order",
      { config: (c) => Object.assign(c.quantization_config as object, { desc_act: false }) },
      FormatError,
      /in another group than its neighbours.*desc_act/s,
    ],
    [
      "zero points that the config denies",
      "gptq-64-asym",
      { config: (c) => Object.assign(c.quantization_config as object, { sym: true }) },
      FormatError,
      /the zero point of group \d+ of output \d+; got \d+; expected 8, since/,
    ],
    [
      "an int8 zero point that is no int4",
      "packed-64-asym-int8-zeros",
      { data: (h, d) => words(h, d, `${QKV}.weight_zero_point`).setInt8(3, 9) },
      FormatError,
      /zero point of group 1 of output 1; got 17/,
    ],
    [
      "a scale that is not finite",
      "awq-32",
      { data: (h, d) => words(h, d, `${QKV}.scales`).setUint16(2 * 5, 0x7c00, true) },
      FormatError,
      /qkv_proj\.scales.*not finite; got "output 5, inputs from 0 on"/s,
    ],
    [
      "nothing that says how it is quantized",
      "gptq-all-sym",
      {},
      ConfigError,
      /nothing says how the weights are quantized/,
    ],
    [
      "a scheme that is not built",
      "awq-32",
      { config: (c) => Object.assign(c.quantization_config as object, { version: "gemv" }) },
      ConfigError,
      /"awq, version gemv" is not built/,
    ],
  ] as [string, Case, Parameters<typeof edited>[2], new (...args: never[]) => Error, RegExp][]) {
    test(`${title}: a ${error.name}`, async () => {
      await assert.rejects(loadPhi(await edited(engine, name, change)), error as never, message);
    });
  }

  test("a group in no order that a format holds is read as f32; other formats than a checkpoint's own are refused", async () => {
    const { ids, logits } = await expectedOf(engine, "gptq-64-asym");
    const config = (c: Record<string, unknown>) => Object.assign(c.quantization_config as object, { sym: true });
    const phi = await loadPhi(await edited(engine, "gptq-64-asym", { config }), { weights: "f32" });
    assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 3e-4);
    await phi.dispose();
    const wanted = loadPhi(folder(engine, at("awq-32")), { weights: "q8" });
    await assert.rejects(wanted, OptionError, /"weights": the checkpoint is quantized already.*expected auto or f32/s);
  });

  test("embedding and output layer: q8 with a notice, what option embedding says, or float32 where activations are", async () => {
    const source = folder(engine, at("awq-32"));
    for (const [options, embedding, noticed] of [
      [{}, "q8", true],
      [{ embedding: "q4" }, "q4", true],
      [{ activations: "f32" }, "f32", false],
    ] as const) {
      const phi = await loadPhi(source, options);
      assert.equal(phi.embedding, embedding);
      assert.equal(
        phi.notices.some(({ code }) => code === "rounded_weights"),
        noticed,
      );
      await phi.dispose();
    }
  });

  test("scales in f32 are rounded to f16 with a notice, or kept in f32 weights with float32 activations", async () => {
    const source = folder(engine, at("packed-64-asym-int8-zeros"));
    for (const [options, weights] of [
      [{}, "q4z"],
      [{ activations: "f32" }, "f32"],
    ] as const) {
      const phi = await loadPhi(source, options);
      assert.equal(phi.weights, weights);
      const noticed = phi.notices.some(({ code }) => code === "rounded_scales");
      assert.equal(noticed, weights === "q4z");
      await phi.dispose();
    }
  });

  test("progress counts every byte of words, scales, zero points and groups, once", async () => {
    const seen: number[] = [];
    let total = 0;
    const onProgress = (p: { loaded: number; total: number }) => {
      seen.push(p.loaded);
      total = p.total;
    };
    const phi = await loadPhi(folder(engine, at("gptq-v2-32-asym-order")), { onProgress });
    await phi.dispose();
    assert.equal(seen.at(-1), total);
    assert.ok(seen.every((loaded, i) => i === 0 || loaded >= seen[i - 1]));
  });
});
