import { MemoryError, OptionError } from "../../src/errors.ts";
import { createKernels } from "../../src/kernels/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../../src/tensor/index.ts";
import { suite, unless } from "../harness.ts";

/** What Node's REPL shows of an object. */
const replText = (x: object) => (x as Record<symbol, () => string>)[Symbol.for("nodejs.util.inspect.custom")]();

suite("tensor/arena", ({ test, assert, engine }) => {
  const noSharing = engine.features.sharedMemory ? undefined : `${engine.name} shares no memory here`;
  for (const [kind, of] of [
    ["WebAssembly.Memory", { wasm: true }],
    ["ArrayBuffer", { wasm: false }],
    ["shared WebAssembly.Memory", { shared: true }],
  ] as const) {
    const testThis = unless("shared" in of ? noSharing : undefined, test);

    testThis(`${kind}: places begin at multiples of 64 after the kernels' reserve, and do not overlap`, () => {
      const arena = new Arena(10_000, of);
      let end = KERNEL_RESERVE;
      for (const bytes of [1, 64, 65, 0, 127]) {
        const ptr = arena.alloc(bytes);
        assert.equal(ptr % 64, 0);
        assert.ok(ptr >= end);
        end = ptr + bytes;
      }
      assert.ok(arena.byteLength >= 10_000 + KERNEL_RESERVE);
      assert.equal(arena.buffer.byteLength, arena.byteLength);
      assert.equal(arena.shared, "shared" in of);
      assert.equal(arena.buffer instanceof ArrayBuffer, !arena.shared);
    });

    testThis(`${kind}: full: MemoryError with bytes asked for and free, nothing taken`, () => {
      const arena = new Arena(1000, { name: "layers", ...of });
      const { free } = arena;
      assert.throws(
        () => arena.alloc(free + 1),
        MemoryError,
        new RegExp(`layers is full.*${free + 1}.*at most ${free}`),
      );
      assert.equal(arena.free, free);
      arena.alloc(free);
      assert.equal(arena.free, 0);
      assert.throws(() => arena.alloc(1), MemoryError);
      for (const none of [-64, 1.5, Number.NaN, "8", undefined])
        assert.throws(() => arena.alloc(none as number), OptionError, /a whole number/);
      for (const mark of [0, arena.mark() + 64, Number.NaN])
        assert.throws(() => arena.release(mark), OptionError, /a mark/);
    });

    testThis(`${kind}: release(mark) frees what was taken since`, () => {
      const arena = new Arena(1000, of);
      const mark = arena.mark();
      const first = arena.alloc(500);
      arena.release(mark);
      assert.equal(arena.alloc(500), first);
    });

    testThis(
      `${kind}: with growTo it grows when full, keeps what tensors hold, and ends with a MemoryError there`,
      () => {
        const arena = new Arena(1000, { ...of, growTo: 1 << 20 });
        const first = Tensor.alloc(arena, "f32", [4]);
        first.f32.set([1, 2, 3, 4]);
        const before = arena.byteLength;
        const large = Tensor.alloc(arena, "f32", [100_000]);
        assert.ok(arena.byteLength > before);
        large.f32.fill(5);
        assert.deepEqual([...first.f32], [1, 2, 3, 4]);
        assert.throws(() => arena.alloc(1 << 20), MemoryError, /is full/);
        arena.alloc((1 << 20) - arena.mark());
        assert.equal(arena.byteLength, 1 << 20);
      },
    );
  }

  test("kernels made before an arena grows work in it afterwards", () => {
    for (const kind of ["reference", "strict"] as const) {
      const arena = new Arena(1000, { growTo: 4 << 20 });
      const kernels = createKernels(arena, kind);
      const a = Tensor.alloc(arena, "f32", [4]);
      a.f32.set([1, 2, 3, 4]);
      const out = Tensor.alloc(arena, "f32", [500_000]).rows(499_996, 500_000);
      kernels.add(out, a, a);
      assert.deepEqual([...out.f32], [2, 4, 6, 8]);
    }
  });

  test("more than 4 GiB, no number of bytes, unknown options: typed errors", () => {
    assert.throws(() => new Arena(2 ** 32), MemoryError, /4 GiB/);
    for (const none of [Number.NaN, -1, 1.5, Infinity, "5", null, undefined])
      assert.throws(() => new Arena(none as number), OptionError, /Arena: bytes/);
    assert.throws(() => new Arena(1, { shared: "yes" } as object), OptionError, /shared/);
    assert.throws(() => new Arena(1, { growTo: -1 }), OptionError, /growTo/);
    assert.throws(() => new Arena(1, { growto: 5 } as object), OptionError, /did you mean "growTo"/);
  });

  test("prints its name and how full it is", () => {
    const arena = new Arena(1000, { name: "mine" });
    arena.alloc(64);
    assert.equal(replText(arena), 'Arena "mine": 65600 of 131072 bytes used');
  });
});
