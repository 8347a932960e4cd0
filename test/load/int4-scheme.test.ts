import { ConfigError } from "../../src/errors.ts";
import { int4SchemeBeside, int4SchemeOf } from "../../src/load/int4/scheme.ts";
import { bytesSource } from "../../src/source/index.ts";
import { suite } from "../harness.ts";

const GPTQ = { quant_method: "gptq", bits: 4, group_size: 128, sym: true, desc_act: false };
const AWQ = { quant_method: "awq", bits: 4, group_size: 64, version: "gemm", zero_point: true };
const WEIGHTS = { num_bits: 4, type: "int", symmetric: true, strategy: "group", group_size: 32 };
const packed = (weights: object = {}, config: object = {}) => ({
  ...{ quant_method: "compressed-tensors", format: "pack-quantized", ...config },
  config_groups: { group_0: { weights: { ...WEIGHTS, ...weights }, targets: ["Linear"] } },
});
const of = (quantization_config: unknown) => int4SchemeOf({ quantization_config });

suite("load/int4-scheme", ({ test, assert }) => {
  test("no quantization_config, or null: no scheme", () => {
    for (const config of [{}, { quantization_config: null }]) assert.equal(int4SchemeOf(config), undefined);
  });

  test("GPTQ: v1 by default, v2 by checkpoint_format; act-order unless desc_act is false; symmetric only if it says so", () => {
    const scheme = { name: "GPTQ", layout: "gptq", groupSize: 128, symmetric: true, zerosLess: 1, ordered: false };
    assert.deepEqual(of(GPTQ), scheme);
    assert.deepEqual(of({ ...GPTQ, checkpoint_format: "gptq_v2" }), { ...scheme, zerosLess: 0 });
    assert.deepEqual(of({ ...GPTQ, sym: false, desc_act: true }), { ...scheme, symmetric: false, ordered: true });
    assert.deepEqual(of({ quant_method: "gptq", bits: 4, group_size: -1 }), {
      ...{ ...scheme, groupSize: -1, symmetric: false, ordered: true },
    });
  });

  test("AWQ, and compressed-tensors under both of its keys", () => {
    assert.deepEqual(of(AWQ), {
      ...{ name: "AWQ", layout: "awq", groupSize: 64, symmetric: false, zerosLess: 0, ordered: false },
    });
    const scheme = {
      name: "compressed-tensors",
      layout: "pack-quantized",
      symmetric: true,
      zerosLess: 0,
      ordered: true,
    };
    assert.deepEqual(of(packed()), scheme);
    assert.deepEqual(int4SchemeOf({ compression_config: packed({ symmetric: false, strategy: "channel" }) }), {
      ...scheme,
      symmetric: false,
    });
  });

  for (const [title, config, named] of [
    [
      "bitsandbytes nf4",
      { quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "nf4" },
      /"bitsandbytes nf4" is not built/,
    ],
    [
      "bitsandbytes fp4",
      { quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "fp4" },
      /"bitsandbytes fp4"/,
    ],
    ["bitsandbytes int8", { quant_method: "bitsandbytes", load_in_8bit: true }, /"bitsandbytes int8"/],
    ["fp8", { quant_method: "fp8", activation_scheme: "dynamic" }, /"fp8"/],
    ["GPTQ with 3 bits", { ...GPTQ, bits: 3 }, /"gptq with 3 bits"/],
    ["GPTQ with 8 bits", { ...GPTQ, bits: 8 }, /"gptq with 8 bits"/],
    ["GPTQ packed for Marlin, either way", { ...GPTQ, is_marlin_format: true }, /"gptq packed for Marlin"/],
    ["GPTQ's format marlin", { ...GPTQ, checkpoint_format: "marlin" }, /"gptq in the format marlin"/],
    ["GPTQ in words of 16 bits", { ...GPTQ, pack_dtype: "int16" }, /"gptq in int16"/],
    ["groups that 32 does not divide", { ...GPTQ, group_size: 48 }, /"group_size" of quantized weights; got 48/],
    ["AWQ GEMV", { ...AWQ, version: "GEMV" }, /"awq, version gemv"/],
    ["AWQ with 8 bits", { ...AWQ, bits: 8 }, /"awq with 8 bits"/],
    [
      "compressed-tensors float-quantized",
      packed({}, { format: "float-quantized" }),
      /"compressed-tensors float-quantized"/,
    ],
    ["compressed-tensors with 8 bits", packed({ num_bits: 8 }), /"compressed-tensors with 8 bits"/],
    ["compressed-tensors nvfp4", packed({ type: "float" }), /"compressed-tensors of type float"/],
    ["compressed-tensors by blocks", packed({ strategy: "block" }), /strategy block/],
    ["a quantized KV cache", packed({}, { kv_cache_scheme: { num_bits: 8 } }), /quantized KV cache/],
    [
      "sparse compressed-tensors",
      packed({}, { sparsity_config: { format: "sparse-24-bitmask" } }),
      /sparsity sparse-24-bitmask/,
    ],
    ["an unknown method", { quant_method: "hqq" }, /"hqq" is not built; expected 4-bit gptq, awq/],
    ["no method", { x: 1 }, /"null" is not built/],
    ["no object", "gptq", /"quantization_config"; got "gptq"/],
  ] as [string, unknown, RegExp][]) {
    test(`refuses ${title} by name, as a ConfigError`, () => {
      assert.throws(() => of(config), ConfigError, named);
    });
  }

  test("older tools write quantize_config.json or quant_config.json beside; without either it is a ConfigError", async () => {
    const beside = (name: string, json: object) =>
      int4SchemeBeside(bytesSource({ [name]: new TextEncoder().encode(JSON.stringify(json)) }));
    assert.equal((await beside("quantize_config.json", { bits: 4, group_size: 64, desc_act: false })).name, "GPTQ");
    const old = { zero_point: true, q_group_size: 128, w_bit: 4, version: "GEMM" };
    assert.equal((await beside("quant_config.json", old)).groupSize, 128);
    await assert.rejects(beside("readme.json", {}), ConfigError, /nothing says how the weights are quantized/);
  });
});
