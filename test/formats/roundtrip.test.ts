import fc from "fast-check";
import { FormatError, MemoryError, OptionError, PhiError, SourceError } from "../../src/errors.ts";
import {
  DTYPE_BYTES,
  openSafetensors,
  type SafetensorsDType,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { suite } from "../harness.ts";
import { craft, entry } from "./craft.ts";

const DTYPES = Object.keys(DTYPE_BYTES) as SafetensorsDType[];

const tensorData = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), fc.nat({ max: 255 }))
  .map(([dtype, shape, start]): TensorData => {
    const n = shape.reduce((size, d) => size * d, DTYPE_BYTES[dtype]);
    return { dtype, shape, data: Uint8Array.from({ length: n }, (_, i) => start + i) };
  });
const text = fc.string({ unit: "grapheme", maxLength: 8 });
const checkpoint = fc.record({
  tensors: fc.uniqueArray(
    fc.tuple(
      text.filter((name) => name !== "__metadata__"),
      tensorData,
    ),
    { selector: ([name]) => name, maxLength: 6 },
  ),
  metadata: fc.option(fc.dictionary(text, text, { maxKeys: 3 }), { nil: undefined }),
});

suite("safetensors/round trip", ({ test, assert }) => {
  test("any tensors and metadata come back as they were written, aligned to 8 bytes, each wide dtype to its own size", async () => {
    await fc.assert(
      fc.asyncProperty(checkpoint, async ({ tensors, metadata }) => {
        const bytes = writeSafetensors(tensors, { metadata });
        const file = await openSafetensors(bytes);
        assert.equal(file.tensors.size, tensors.length);
        assert.deepEqual({ ...file.metadata }, { ...metadata });
        for (const [name, { dtype, shape, data }] of tensors) {
          const info = file.tensors.get(name);
          assert.deepEqual([info?.dtype, info?.shape], [dtype, shape]);
          assert.equal((info?.offset ?? 1) % DTYPE_BYTES[dtype], 0);
          assert.deepEqual(await file.read(name), data);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("any byte put, dropped or added anywhere gives a typed error or a valid file whose tensors can all be read", async () => {
    const damage = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom("put", "drop", "add", "cut"),
      value: fc.nat({ max: 255 }),
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        checkpoint,
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        async ({ tensors, metadata }, damages) => {
          let bytes = [...writeSafetensors(tensors, { metadata })];
          for (const { at, kind, value } of damages) {
            const place = at % (bytes.length + 1);
            if (kind === "cut") bytes = bytes.slice(0, place);
            else bytes.splice(place, kind === "add" ? 0 : 1, ...(kind === "drop" ? [] : [value]));
          }
          try {
            const file = await openSafetensors(Uint8Array.from(bytes));
            for (const { name, byteLength } of file.tensors.values()) {
              assert.equal((await file.read(name)).length, byteLength);
              await file.toFloat32(name);
            }
          } catch (error) {
            assert.ok(error instanceof PhiError, String(error));
            refused++;
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(refused > 300);
  });

  test("key order and offset order are free: tensors are listed as they lie in the file", async () => {
    const header = { b: entry("U8", [2], 1, 3), __metadata__: {}, c: entry("U8", [], 0, 1), a: entry("U8", [0], 1, 1) };
    const file = await openSafetensors(craft(header, Uint8Array.of(7, 8, 9)));
    assert.deepEqual([...file.tensors.keys()], ["c", "a", "b"]);
    assert.deepEqual([...(await file.read("b"))], [8, 9]);
  });

  test("white space in the header, escapes, an empty name, no tensors at all and 64 dimensions are fine", async () => {
    const spaced = `{ "\\u0061\\/" :\n{"dtype"\t:"U8" , "shape":[ 1 ],"data_offsets":[0 , 1]} }   `;
    assert.deepEqual([...(await openSafetensors(craft(spaced, 1))).tensors.keys()], ["a/"]);
    assert.equal(
      (await openSafetensors(craft({ "": entry("I8", Array(64).fill(1), 0, 1) }, 1))).tensors.get("")?.shape.length,
      64,
    );
    assert.equal((await openSafetensors(craft("{}"))).tensors.size, 0);
  });

  test('names such as "__proto__" and "constructor" are tensors like others', async () => {
    const one: TensorData = { dtype: "U8", shape: [1], data: Uint8Array.of(5) };
    const file = await openSafetensors(
      writeSafetensors([
        ["__proto__", one],
        ["constructor", one],
      ]),
    );
    assert.deepEqual([...file.tensors.keys()], ["__proto__", "constructor"]);
    assert.deepEqual([...(await file.read("__proto__"))], [5]);
    await assert.rejects(() => file.read("toString"), FormatError);
  });

  test("readInto fills its view from any byte of the tensor on, and never reads a neighbour", async () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const file = await openSafetensors(
      writeSafetensors({ x: { dtype: "F32", shape: [4], data }, y: { dtype: "F32", shape: [4], data } }),
    );
    const two = new Float32Array(2);
    await file.readInto("x", 4, new Uint8Array(two.buffer));
    assert.deepEqual(two, Float32Array.of(2, 3));
    for (const [offset, length] of [
      [12, 8],
      [-1, 1],
      [0.5, 1],
      [17, 0],
    ]) {
      await assert.rejects(
        () => file.readInto("x", offset, new Uint8Array(length)),
        SourceError,
        /past the end of tensor x/,
      );
    }
    const error = (await assert.rejects(() => file.readInto("z", 0, new Uint8Array(1)), FormatError)) as FormatError;
    assert.equal(error.code, "safetensors_missing");
    assert.equal(error.tensor, "z");
  });

  test("the writer refuses what no reader may get", () => {
    const ok: TensorData = { dtype: "F32", shape: [1], data: new Float32Array(1) };
    const code = (run: () => unknown) => (assert.throws(run, FormatError) as FormatError).code;
    assert.equal(
      code(() => writeSafetensors({ __metadata__: ok })),
      "safetensors_name",
    );
    assert.equal(
      code(() => writeSafetensors({ "\ud800": ok })),
      "safetensors_name",
    );
    assert.equal(
      code(() =>
        writeSafetensors([
          ["a", ok],
          ["a", ok],
        ]),
      ),
      "safetensors_name",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, dtype: "F31" as SafetensorsDType } })),
      "safetensors_dtype",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, shape: [2] } })),
      "safetensors_size",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, shape: [1.5] } })),
      "safetensors_shape",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, shape: [-1] } })),
      "safetensors_shape",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, shape: 1 as never } })),
      "safetensors_shape",
    );
    assert.equal(
      code(() => writeSafetensors({ a: { ...ok, shape: [2 ** 53] } })),
      "safetensors_shape",
    );
    assert.equal(
      code(() => writeSafetensors({ a: ok }, { metadata: { a: 1 } as never })),
      "safetensors_metadata",
    );
    assert.throws(() => writeSafetensors({ a: ok }, { meta: {} } as never), OptionError);
  });

  test("a tensor larger than any array of the engine is a MemoryError when it is asked for as a whole, and readable in part", async () => {
    const size = 2 ** 50;
    const head = craft({ a: entry("U8", [size], 0, size) });
    const file = await openSafetensors({
      size: head.length + size,
      read: async (offset, length, into) => {
        const bytes = into ?? head.slice(offset, offset + length);
        if (into) bytes.fill(offset % 251);
        return bytes;
      },
    });
    await assert.rejects(() => file.read("a"), MemoryError);
    await assert.rejects(() => file.toFloat32("a"), MemoryError);
    const [last] = await file.readInto("a", size - 1, new Uint8Array(1));
    assert.equal(last, (head.length + size - 1) % 251);
  });
});
