import { FormatError } from "../../src/errors.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { createKernels, unpack } from "../../src/kernels/index.ts";
import type { Slot } from "../../src/load/allocate.ts";
import { checkWeights } from "../../src/load/check-weights.ts";
import { fillWeights } from "../../src/load/fill.ts";
import { withJoined } from "../../src/load/parts.ts";
import { joined, matrix, vector, type WeightSpec } from "../../src/model/weights.ts";
import { allocMatrix, type WeightFormat } from "../../src/quant/index.ts";
import { Arena } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

const C = 40;
const PARTS = (rows: readonly number[]) =>
  [
    ["q", rows[0]],
    ["k", rows[1]],
    ["v", rows[2]],
  ] as const;

/** A checkpoint whose tensors a.q, a.k, a.v are matrices of so many rows, or vectors; they lie in the order k, q, v. */
function checkpoint(rows: readonly number[], isVector: boolean, dtypes: readonly ("F32" | "BF16")[] = []) {
  const total = rows.reduce((a, b) => a + b);
  const name = isVector ? "a.qkv.bias" : "a.qkv.weight";
  const spec: WeightSpec = joined(isVector ? vector(name, 0, "w", total) : matrix(name, 0, "w", total, C), PARTS(rows));
  const width = isVector ? 1 : C;
  const values = rows.map((n, i) => randomFloats(i + 1, n * width, 0.02));
  const kind = isVector ? "bias" : "weight";
  const entry = (i: number) => {
    const shape = isVector ? [rows[i]] : [rows[i], C];
    const data = dtypes[i] === "BF16" ? new Uint16Array(values[i].length) : values[i];
    return { dtype: dtypes[i] ?? "F32", shape, data };
  };
  const bytes = writeSafetensors({
    [`a.v.${kind}`]: entry(2),
    [`a.q.${kind}`]: entry(0),
    [`a.k.${kind}`]: entry(1),
  });
  return { spec, bytes, whole: values.flatMap((v) => [...v]) };
}

async function filled({ spec, bytes }: ReturnType<typeof checkpoint>, format: WeightFormat) {
  const files = withJoined(await openSafetensors(bytes), [spec]);
  checkWeights(files, [spec]);
  const arena = new Arena(1 << 18);
  const placed = allocMatrix(arena, format, spec.rows, spec.cols);
  const staging = { ptr: arena.alloc(16 * 4096), bytes: 24 * C * 4 };
  const stage = { arena, kernels: createKernels(arena, "strict") } as Slot["stage"];
  const order: string[] = [];
  await fillWeights(files, [{ spec, stage, matrix: placed, staging }], { onBlock: (_, tensor) => order.push(tensor) });
  return { values: [...unpack(placed).f32], bytes: new Uint8Array(arena.buffer, placed.ptr, placed.byteLength), order };
}

/** The same weights in a checkpoint that has them in one. */
const inOne = ({ spec, whole }: ReturnType<typeof checkpoint>) => ({
  spec: { ...spec, parts: undefined },
  bytes: writeSafetensors({ [spec.name]: { dtype: "F32", shape: [spec.rows, C], data: Float32Array.from(whole) } }),
  whole,
});

suite("load/parts", ({ test, assert }) => {
  for (const rows of [
    [32, 8, 8],
    [40, 24, 17],
    [18, 6, 6],
    [1, 1, 1],
  ]) {
    test(`tensors of ${rows} rows become one matrix, whose bytes in every format are those of one tensor`, async () => {
      const given = checkpoint(rows, false);
      assert.deepEqual((await filled(given, "f32")).values, given.whole);
      for (const format of ["q8", "q4"] as const)
        assert.deepEqual((await filled(given, format)).bytes, (await filled(inOne(given), format)).bytes, format);
    });

    test(`vectors of ${rows} elements become one`, async () => {
      const given = checkpoint(rows, true);
      assert.deepEqual((await filled(given, "f32")).values, given.whole);
    });
  }

  test("a file is read from its beginning to its end, whatever the order of the rows", async () => {
    const { order } = await filled(checkpoint([32, 8, 8], false), "q4");
    assert.deepEqual([...new Set(order)], ["a.k.weight", "a.q.weight", "a.v.weight"]);
  });

  test("the joined tensor can be read by itself: any bytes of it, and as float32", async () => {
    const { spec, bytes, whole } = checkpoint([3, 2, 1], false);
    const files = withJoined(await openSafetensors(bytes), [spec]);
    assert.deepEqual([...(await files.toFloat32(spec.name))], whole);
    const all = new Uint8Array(Float32Array.from(whole).buffer);
    assert.deepEqual(await files.readInto(spec.name, 0, new Uint8Array(all.length)), all);
    for (const [from, to] of [
      [0, 1],
      [3 * C * 4 - 2, 3 * C * 4 + 3],
      [100, 6 * C * 4],
    ])
      assert.deepEqual(await files.readInto(spec.name, from, new Uint8Array(to - from)), all.slice(from, to));
  });

  test("a part that is missing, has another shape or another dtype than the first is refused by its own name", async () => {
    const { spec, bytes } = checkpoint([4, 2, 2], false);
    const open = await openSafetensors(bytes);
    const check = (other: WeightSpec) => checkWeights(withJoined(open, [other]), [other]);
    const lacking = joined(spec, [
      ["q", 4],
      ["k", 2],
      ["x", 2],
    ]);
    assert.throws(() => check(lacking), FormatError, /tensor a\.x\.weight: the checkpoint lacks/);
    const other = joined(spec, [
      ["q", 4],
      ["k", 3],
      ["v", 1],
    ]);
    assert.throws(() => check(other), FormatError, /a\.k\.weight.*2, 40.*3, 40/s);
    const mixed = checkpoint([4, 2, 2], false, ["F32", "BF16", "F32"]);
    const files = await openSafetensors(mixed.bytes);
    assert.throws(() => withJoined(files, [mixed.spec]), FormatError, /a\.k\.weight.*another dtype than a\.q\.weight/s);
  });
});
