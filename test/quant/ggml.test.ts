import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { dequantizeGgml, GGML_FORMATS, GGML_TYPES } from "../../src/quant/ggml/index.ts";
import { readFixture } from "../fixtures.ts";
import { suite } from "../harness.ts";

suite("quant/ggml", async ({ test, assert, engine }) => {
  const fixture = await openSafetensors(await readFixture(engine, "gguf/blocks.safetensors"));
  for (const format of GGML_FORMATS.filter((f) => f !== "F32")) {
    test(`${format}: blocks with scales of every kind (negative, denormal, the largest, infinite, NaN) have the very float32 bits of the gguf package`, async () => {
      const blocks = await fixture.read(`${format}.blocks`);
      const expected = await fixture.toFloat32(`${format}.values`);
      const { block, bytes } = GGML_TYPES[format];
      assert.equal((blocks.length / bytes) * block, expected.length);
      const got = new Float32Array(expected.length);
      dequantizeGgml(format, blocks, got);
      for (let i = 0; i < got.length; i++) assert.equal(got[i], expected[i], `weight ${i}`);
    });
  }

  test("F32: its bits, at any alignment", () => {
    const values = new Float32Array([0, -0, 1.5, -3e-45, 3e38, Infinity, Number.NaN]);
    const bytes = new Uint8Array(1 + values.byteLength);
    bytes.set(new Uint8Array(values.buffer), 1);
    const got = new Float32Array(values.length);
    dequantizeGgml("F32", bytes.subarray(1), got);
    assert.deepEqual(got, values);
  });
});
