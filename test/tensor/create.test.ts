import { MemoryError, OptionError, ShapeError } from "../../src/errors.ts";
import { Arena, arange, defaultArena, full, tensor, zeros } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";

suite("tensor/create", ({ test, assert }) => {
  test("tensor: shape and numbers of nested arrays, typed arrays and single numbers", () => {
    const t = tensor([[[1, 2, 3]], [[4, 5, 6]]]);
    assert.deepEqual([t.dtype, t.shape, [...t.f32]], ["f32", [2, 1, 3], [1, 2, 3, 4, 5, 6]]);
    assert.deepEqual(tensor(7).shape, []);
    assert.deepEqual(tensor([]).shape, [0]);
    assert.deepEqual(tensor([[], []]).shape, [2, 0]);
    assert.deepEqual(tensor([new Float32Array(2), [1, 2]]).shape, [2, 2]);
    const own = [new Int32Array(1), new Int16Array(1), new Int8Array(1), new Uint8Array(1), new Float64Array(1)];
    assert.deepEqual(
      own.map((a) => tensor(a).dtype),
      ["i32", "i16", "i8", "u8", "f32"],
    );
  });

  test("tensor: numbers are rounded to the dtype; integers nearest, held at the ends", () => {
    assert.deepEqual(tensor([1 / 3], { dtype: "f16" }).toArray(), [0.333251953125]);
    assert.deepEqual(tensor([16777217, 2.5, -3e9], { dtype: "i32" }).toArray(), [16777217, 2, -2147483648]);
    assert.deepEqual(tensor([300, -1, 1.5], { dtype: "u8" }).toArray(), [255, 0, 2]);
  });

  test("tensor: rows of unequal length and things that are no numbers are refused, with their place", () => {
    assert.throws(() => tensor([[1, 2], [3]]), ShapeError, /\[1\].*got "?1 elements"?; expected "?2 elements/);
    assert.throws(() => tensor([[1, 2], 3]), ShapeError, /at \[1\]/);
    assert.throws(() => tensor([1, [2]]), ShapeError, /at \[1\]/);
    assert.throws(() => tensor(["1"] as never), ShapeError, /at \[0\].*a number/);
    assert.throws(() => tensor(null as never), ShapeError);
  });

  test("zeros, full, arange: shape, dtype, numbers; zeros also where something else lay before", () => {
    const arena = new Arena(1000);
    const mark = arena.mark();
    full([16], 7, { arena });
    arena.release(mark);
    assert.deepEqual(zeros([2, 2], { arena }).toArray(), [
      [0, 0],
      [0, 0],
    ]);
    assert.deepEqual(full([3], 0.1, { dtype: "bf16" }).toArray(), [0.10009765625, 0.10009765625, 0.10009765625]);
    assert.deepEqual(arange(4, { dtype: "i32" }).toArray(), [0, 1, 2, 3]);
    assert.throws(() => arange(-1), ShapeError);
    assert.throws(() => zeros([1e6], { arena }), MemoryError);
  });

  test("without an arena tensors lie in one that grows; with one they lie there", () => {
    const arena = new Arena(1000);
    assert.equal(zeros([1], { arena }).arena, arena);
    const small = tensor([1, 2, 3]);
    assert.equal(small.arena, defaultArena());
    const before = defaultArena().byteLength;
    const mark = defaultArena().mark();
    zeros([before]);
    defaultArena().release(mark);
    assert.ok(defaultArena().byteLength > before);
    assert.deepEqual(small.toArray(), [1, 2, 3]);
  });

  test("unknown options, dtypes and arenas that are none: OptionError", () => {
    assert.throws(() => zeros([1], { type: "f16" } as object), OptionError, /unknown option "type"/);
    assert.throws(() => zeros([1], { dtype: "float32" } as object), OptionError, /one of f32, f16/);
    assert.throws(() => zeros([1], { arena: {} } as object), OptionError, /an Arena/);
  });
});
