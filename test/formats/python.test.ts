import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { readFixture } from "../fixtures.ts";
import { suite } from "../harness.ts";

const DTYPES = [
  "BOOL",
  "U8",
  "I8",
  "F8_E5M2",
  "F8_E4M3",
  "I16",
  "U16",
  "F16",
  "BF16",
  "I32",
  "U32",
  "F32",
  "F64",
  "I64",
  "U64",
];

suite("safetensors/python", async ({ test, assert, engine }) => {
  // Made by Hugging Face's Python package: test/fixtures/safetensors/make.py.
  const bytes = await readFixture(engine, "safetensors/python.safetensors");

  test("a file of Hugging Face's writer opens: every dtype, a scalar, an empty tensor, names in Unicode, metadata", async () => {
    const file = await openSafetensors(bytes);
    for (const dtype of DTYPES) {
      const info = file.tensors.get(`d.${dtype}`);
      assert.equal(info?.dtype, dtype);
      assert.deepEqual(info?.shape, [2, 3]);
      const expected = Uint8Array.from(
        { length: info?.byteLength ?? 0 },
        (_, i) => (i * 37 + 11) % (dtype === "BOOL" ? 2 : 256),
      );
      assert.deepEqual(await file.read(`d.${dtype}`), expected, dtype);
    }
    assert.deepEqual(file.tensors.get("scalar")?.shape, []);
    assert.deepEqual(await file.toFloat32("scalar"), Float32Array.of(1.5));
    assert.deepEqual(file.tensors.get("empty")?.shape, [0, 4]);
    assert.equal((await file.toFloat32("empty")).length, 0);
    assert.deepEqual([...(await file.read('é"\\\n\u0001😀'))], [1]);
    assert.deepEqual(file.metadata, { format: "pt é\n" });
  });

  for (const name of [
    "all.F8_E4M3",
    "all.F8_E5M2",
    "some.F16",
    "some.BF16",
    "some.F64",
    "some.I64",
    "some.U64",
    "some.U32",
    "some.I32",
  ]) {
    test(`${name}: as float32 it equals numpy's conversion bit for bit (NaN as NaN)`, async () => {
      const file = await openSafetensors(bytes);
      const got = await file.toFloat32(name);
      assert.deepEqual([...got], [...(await file.toFloat32(`${name}.float32`))]);
      assert.ok(got.length >= 50);
    });
  }

  test("the writer makes the same bytes of the same tensors, whatever order they are given in", async () => {
    const file = await openSafetensors(bytes);
    const tensors: [string, TensorData][] = [];
    for (const { name, dtype, shape } of file.tensors.values())
      tensors.push([name, { dtype, shape, data: await file.read(name) }]);
    assert.deepEqual(writeSafetensors(tensors.reverse(), { metadata: file.metadata }), bytes);
    assert.deepEqual(writeSafetensors(Object.fromEntries(tensors), { metadata: file.metadata }), bytes);
  });
});
