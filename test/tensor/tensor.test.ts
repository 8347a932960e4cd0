import fc from "fast-check";
import { MemoryError, ShapeError } from "../../src/errors.ts";
import { Arena, arange, f32ToF16, fromBytes, Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";

suite("tensor/tensor", ({ test, assert }) => {
  test("rows and reshape are views: same bytes, no copy", () => {
    const t = arange(24).reshape([4, 6]);
    const part = t.rows(1, 3).reshape([3, 4]);
    assert.equal(part.ptr, t.ptr + 24);
    assert.deepEqual(part.shape, [3, 4]);
    part.f32[0] = -1;
    assert.equal(t.get(1, 0), -1);
  });

  test("reshape: one axis may be -1; another number of elements is refused", () => {
    const t = arange(24);
    assert.deepEqual(t.reshape([2, -1, 3]).shape, [2, 4, 3]);
    assert.deepEqual(t.reshape([-1]).shape, [24]);
    for (const shape of [[5, -1], [-1, -1], [23], [0, -1], [-2, -12]])
      assert.throws(() => t.reshape(shape), ShapeError);
  });

  test("slice equals picking by index, for any shape and ranges, and copies", () => {
    const axis = fc.integer({ min: 1, max: 5 }).chain((d) =>
      fc.record({
        d: fc.constant(d),
        range: fc.oneof(
          fc.integer({ min: -d, max: d - 1 }),
          fc
            .tuple(fc.integer({ min: 0, max: d }), fc.integer({ min: 0, max: d }))
            .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
          fc.integer({ min: -d, max: d }).map((from) => [from] as const),
          fc.constant([] as const),
        ),
      }),
    );
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 4 }), (axes) => {
        const shape = axes.map((a) => a.d);
        const arena = new Arena(1 << 16);
        const t = arange(
          shape.reduce((a, b) => a * b),
          { arena },
        ).reshape(shape);
        // Independently: arrays in arrays, by Array.prototype.slice.
        const pick = (value: unknown, i: number): unknown => {
          if (i === axes.length) return value;
          const { range } = axes[i];
          const list = value as unknown[];
          if (typeof range === "number") return pick(list.at(range), i + 1);
          return list.slice(range[0] ?? 0, range[1] ?? list.length).map((v) => pick(v, i + 1));
        };
        const part = t.slice(...axes.map((a) => a.range));
        assert.deepEqual(part.toArray(), pick(t.toArray(), 0));
        assert.ok(part.ptr !== t.ptr);
      }),
      { numRuns: 300 },
    );
  });

  test("slice outside an axis, from after to, or with too many ranges: ShapeError", () => {
    const t = zeros([3, 4]);
    const bad = [[3], [-4], [[0, 4]], [[2, 1]], [[], 4], [[], [], []], [0.5]];
    for (const ranges of bad) assert.throws(() => t.slice(...(ranges as never[])), ShapeError);
    assert.deepEqual(t.slice([3]).shape, [0, 4]);
  });

  test("get reads numbers of every dtype by index, negative from the end", () => {
    for (const dtype of ["f32", "f16", "bf16", "i32", "i16", "i8"] as const) {
      const t = tensor(
        [
          [1, -2, 3],
          [-4, 5, 6],
        ],
        { dtype },
      );
      assert.equal(t.get(1, 0), -4);
      assert.equal(t.get(-1, -1), 6);
    }
    assert.equal(tensor(7).get(), 7);
    const t = zeros([2, 3]);
    for (const index of [[0], [0, 3], [-3, 0], [0, 0, 0], [0, 0.5]]) assert.throws(() => t.get(...index), ShapeError);
  });

  test("to: f32 -> f16 -> f32 and bf16 round once; integers nearest and held; the same arena or another", () => {
    const t = tensor([0.1, -1e-8, 70000, 2.5, 3.5, -300]);
    assert.deepEqual([...t.to("f16").data], [...t.f32].map(f32ToF16));
    assert.deepEqual(t.to("f16").to("f32").toArray(), [0.0999755859375, -0, Infinity, 2.5, 3.5, -300]);
    assert.deepEqual(t.to("bf16").to("f32").toArray(), [0.10009765625, -1.0011717677116394e-8, 70144, 2.5, 3.5, -300]);
    assert.deepEqual(t.to("i8").toArray(), [0, 0, 127, 2, 4, -128]);
    assert.deepEqual(tensor([2147483647, -70000], { dtype: "i32" }).to("i16").toArray(), [32767, -32768]);
    assert.deepEqual(tensor([2147483647], { dtype: "i32" }).to("i32").toArray(), [2147483647]);
    const arena = new Arena(1000);
    const moved = t.to("f32", arena);
    assert.equal(moved.arena, arena);
    assert.deepEqual(moved.toArray(), t.toArray());
  });

  test("a conversion that makes its arena grow reads the tensor where it is then", () => {
    const arena = new Arena(100, { growTo: 1 << 22 });
    const t = tensor(new Float32Array(16000).fill(1.5), { arena });
    assert.ok(
      t
        .to("f16")
        .to("f32")
        .to("bf16")
        .to("f32")
        .slice([0, 16000])
        .f32.every((x) => x === 1.5),
    );
  });

  test("fromBytes copies little-endian bytes; their number must fit", () => {
    const bytes = Uint8Array.of(0, 0x3c, 0, 0xc0);
    const t = fromBytes(bytes, "f16", [2]);
    bytes.fill(0);
    assert.deepEqual(t.toArray(), [1, -2]);
    assert.throws(() => fromBytes(bytes, "f16", [3]), ShapeError, /got 4; expected 6/);
  });

  test("shapes, dtypes and places that cannot be: typed errors before memory is taken", () => {
    const arena = new Arena(1000);
    const { free } = arena;
    for (const shape of [[-1], [1.5], [Number.NaN]])
      assert.throws(() => Tensor.alloc(arena, "f32", shape), ShapeError, /shape/);
    assert.throws(() => Tensor.alloc(arena, "f64" as "f32", [1]), ShapeError, /dtype/);
    assert.throws(() => Tensor.alloc(arena, "f32", [free]), MemoryError);
    assert.equal(arena.free, free);
    assert.throws(() => new Tensor(arena, 2, "f32", [1]), ShapeError, /multiple of 4/);
    assert.throws(() => new Tensor(arena, arena.byteLength - 4, "f32", [2]), ShapeError, /inside the arena/);
    assert.throws(() => tensor([1]).to("f16").f32, ShapeError, /f32/);
    assert.throws(() => zeros([3]).rows(2, 4), ShapeError);
  });
});
