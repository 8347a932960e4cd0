import { FormatError, OptionError, PhiError } from "../../src/errors.ts";
import {
  bytesSink,
  bytesSource,
  openSafetensors,
  writeSafetensors,
  writeShardedSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { suite } from "../harness.ts";

const A = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const;

suite("formats/misuse", ({ test, assert }) => {
  test("what is no table of tensors, no tensor, no data or no metadata is a PhiError, never a file of something else", () => {
    const write = writeSafetensors as (tensors: unknown, options?: unknown) => Uint8Array;
    for (const tensors of [undefined, null, 5, "abc"]) assert.throws(() => write(tensors), OptionError, /tensors/);
    for (const spec of [undefined, null, 5, "F32"]) assert.throws(() => write({ a: spec }), FormatError, /tensor a/);
    // 8 is a length to Uint8Array's constructor, and the list a copy of it.
    for (const data of [undefined, null, 8, "12345678", [1, 2, 3, 4, 5, 6, 7, 8], {}]) {
      const error = assert.throws(() => write({ a: { ...A, data } }), FormatError, /tensor a.*typed array/);
      assert.equal((error as PhiError).code, "safetensors_size");
    }
    for (const metadata of ["x", 5, ["x"], new Map([["format", "pt"]]), { a: 1 }]) {
      const error = assert.throws(() => write({ a: A }, { metadata }), FormatError, /metadata/);
      assert.equal((error as PhiError).code, "safetensors_metadata");
    }
  });

  test("every kind of buffer is written: a typed array, a view into a larger one, a DataView, shared and plain buffers", async () => {
    const bytes = new Uint8Array(16);
    bytes.set(new Uint8Array(A.data.buffer), 4);
    // Pages without cross-origin isolation have no name for the buffers of shared memories.
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const shared = new (buffer.constructor as SharedArrayBufferConstructor)(8);
    new Uint8Array(shared).set(new Uint8Array(A.data.buffer));
    const whole = writeSafetensors({ a: A });
    const plain = A.data.buffer;
    for (const data of [bytes.subarray(4, 12), new DataView(plain), plain, new Uint8Array(shared)]) {
      assert.deepEqual(writeSafetensors({ a: { ...A, data } }), whole);
    }
    assert.deepEqual(writeSafetensors({ a: { ...A, data: shared as unknown as ArrayBuffer } }), whole);
  });

  test("shards: no sink, no tensor, a name that leads elsewhere and a callback that is none are PhiErrors before anything is made", async () => {
    const made: string[] = [];
    const inner = bytesSink(new Map());
    const sink = {
      create: (name: string) => {
        made.push(name);
        return inner.create(name);
      },
    };
    const write = writeShardedSafetensors as (...given: unknown[]) => Promise<unknown>;
    const entry = { name: "a", ...A };
    for (const none of [undefined, null, 5, {}]) await assert.rejects(write(none, [entry]), OptionError, /sink/);
    await assert.rejects(write(sink, [null]), FormatError);
    await assert.rejects(write(sink, [entry], { onProgress: 5 }), OptionError, /onProgress/);
    for (const name of ["../x", 5, ""]) await assert.rejects(write(sink, [entry], { name }), PhiError, /plain name/);
    assert.deepEqual(made, []);
  });

  test("reading: a name that is no text, a place that is no Uint8Array and a file option that is no name are PhiErrors", async () => {
    const bytes = writeSafetensors({ a: A });
    const file = await openSafetensors(bytes);
    for (const name of [undefined, null, 5]) await assert.rejects(file.read(name as never), FormatError, /no tensor/);
    for (const into of [undefined, new Float32Array(2), new ArrayBuffer(8), [0]])
      await assert.rejects(file.readInto("a", 0, into as never), OptionError, /Uint8Array/);
    const source = bytesSource({ "model.safetensors": bytes });
    for (const name of [5, "", "../x"])
      await assert.rejects(openSafetensors(source, { file: name as never }), PhiError, /plain name/);
  });
});
