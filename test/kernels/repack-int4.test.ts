import { ShapeError } from "../../src/errors.ts";
import {
  allocMatrix,
  groupsOf,
  type Int4Layout,
  type PackedMatrix,
  readQ4Group,
  readZero,
  writeScales,
} from "../../src/quant/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place } from "./kinds.ts";

const LAYOUTS = ["gptq", "awq", "pack-quantized"] as const;
const AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7];

/** Nibbles [N, C] as a checkpoint's tensor of words i32, put together nibble by nibble. */
function wordsOf(
  layout: Int4Layout,
  nibbles: readonly number[],
  N: number,
  C: number,
): { words: Int32Array; shape: number[] } {
  const at = (o: number, i: number) => (i < C ? nibbles[o * C + i] : 3); // what is past the last input is the file's affair
  const shape = layout === "gptq" ? [C / 8, N] : layout === "awq" ? [C, N / 8] : [N, Math.ceil(C / 8)];
  const words = new Int32Array(shape[0] * shape[1]);
  for (let y = 0; y < shape[0]; y++) {
    for (let x = 0; x < shape[1]; x++) {
      for (let k = 0; k < 8; k++) {
        const nibble =
          layout === "gptq" ? at(x, 8 * y + k) : layout === "awq" ? at(8 * x + AWQ_ORDER[k], y) : at(y, 8 * x + k);
        words[y * shape[1] + x] |= nibble << (4 * k);
      }
    }
  }
  return { words, shape };
}

/** The nibbles of rows [N], padding rows and inputs included. */
function nibblesOf(matrix: PackedMatrix): number[] {
  const out: number[] = [];
  const group = new Uint8Array(32);
  for (let row = 0; row < Math.ceil(matrix.rows / 8) * 8; row++) {
    for (let g = 0; g < groupsOf(matrix.cols); g++) {
      readQ4Group(matrix, row, g, group);
      out.push(...group);
    }
  }
  return out;
}

/** What they should be: input places[i] is the file's input i. */
function expectedNibbles(nibbles: readonly number[], N: number, C: number, places?: readonly number[]): number[] {
  const width = groupsOf(C) * 32;
  const out = new Array<number>(Math.ceil(N / 8) * 8 * width).fill(8);
  for (let o = 0; o < N; o++) {
    for (let i = 0; i < C; i++) out[o * width + (places?.[i] ?? i)] = nibbles[o * C + i];
    for (let i = C; i < Math.ceil(C / 8) * 8; i++) out[o * width + i] = 3;
  }
  return out;
}

function shuffled(n: number, next: () => number): number[] {
  const out = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** Rows `from` … `end` - 1 of the tensor of words, in the arena. */
const some = (arena: Arena, { words, shape }: ReturnType<typeof wordsOf>, from: number, end: number): Tensor =>
  place(arena, [end - from, shape[1]], words.subarray(from * shape[1], end * shape[1]), "i32");

suite("kernels/repack-int4", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const layout of LAYOUTS) {
      const SHAPES =
        layout === "pack-quantized"
          ? [
              [1, 32],
              [3, 40],
              [8, 96],
              [11, 37],
              [21, 160],
              [12, 129],
            ]
          : [
              [8, 32],
              [16, 96],
              [24, 160],
              [72, 64],
            ];
      test(`${kind}, ${layout}: every nibble finds its place in q4 and q4z, by any cut of the file's rows; nothing but nibbles is written`, () => {
        for (const format of ["q4", "q4z"] as const) {
          for (const [N, C] of SHAPES) {
            const { arena, kernels } = bench(kind, 1);
            const next = randomSource(N * C);
            const nibbles = Array.from({ length: N * C }, () => Math.floor(next() * 16));
            const matrix = allocMatrix(arena, format, N, C);
            new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x55);
            const file = wordsOf(layout, nibbles, N, C);
            const step = layout === "gptq" ? 3 : 8;
            const whole = new Tensor(arena, matrix.ptr, "u8", [matrix.byteLength]);
            for (let at = 0; at < file.shape[0]; at += step) {
              const src = some(arena, file, at, Math.min(at + step, file.shape[0]));
              onlyWrites(assert, arena, [whole], () => kernels.repackInt4(matrix, layout, at, src));
            }
            assert.deepEqual(nibblesOf(matrix), expectedNibbles(nibbles, N, C), `${format} [${N}, ${C}]`);
            assert.equal(readQ4Group(matrix, 0, 0, new Uint8Array(32)), 0x5555, "scales stay");
            if (format === "q4z") assert.equal(readZero(matrix, 0, groupsOf(C) - 1), 0x55 + 8, "zero points stay");
          }
        }
      });

      if (layout === "awq") continue;
      test(`${kind}, ${layout}: with places, input i becomes input places[i]`, () => {
        for (const [N, C] of SHAPES.filter(([, C]) => C % 32 === 0)) {
          const { arena, kernels } = bench(kind, 1);
          const next = randomSource(N + C);
          const nibbles = Array.from({ length: N * C }, () => Math.floor(next() * 16));
          const places = shuffled(C, next);
          const matrix = allocMatrix(arena, "q4z", N, C);
          new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x55);
          const file = wordsOf(layout, nibbles, N, C);
          const step = layout === "gptq" ? 3 : 8;
          const table = place(arena, [C], places, "i32");
          for (let at = 0; at < file.shape[0]; at += step) {
            kernels.repackInt4(matrix, layout, at, some(arena, file, at, Math.min(at + step, file.shape[0])), table);
          }
          assert.deepEqual(nibblesOf(matrix), expectedNibbles(nibbles, N, C, places), `[${N}, ${C}]`);
        }
      });
    }
  }

  test("writeScales: each group of 32 has the scale and the zero point of its group in the file; padding rows have none; nibbles stay", () => {
    for (const format of ["q4", "q4z"] as const) {
      const { arena } = bench("reference", 1);
      const [N, C] = [11, 130];
      const matrix = allocMatrix(arena, format, N, C);
      new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x33);
      const groupOf = [0, 0, 2, 1, 1];
      const scales = Uint16Array.from({ length: 3 * N }, (_, i) => 1000 + i);
      const zeros = Uint8Array.from({ length: 3 * N }, (_, i) => (7 * i) % 16);
      writeScales(matrix, groupOf, scales, format === "q4z" ? zeros : undefined);
      for (let row = 0; row < 16; row++) {
        for (let g = 0; g < 5; g++) {
          const at = groupOf[g] * N + row;
          assert.equal(readQ4Group(matrix, row, g, new Uint8Array(32)), row < N ? scales[at] : 0);
          if (format === "q4z") assert.equal(readZero(matrix, row, g), row < N ? zeros[at] : 8);
        }
      }
      assert.ok(nibblesOf(matrix).every((n) => n === 3));
    }
  });

  for (const kind of KINDS) {
    test(`${kind}: permute takes out[t, c] from x[t, order[c]], bit for bit`, () => {
      for (const C of [1, 5, 32, 257]) {
        const { arena, kernels } = bench(kind, 1);
        const x = Float32Array.from({ length: 3 * C }, (_, i) => (i % 7 === 3 ? Number.NaN : i === 1 ? -0 : i * 1e-40));
        const order = shuffled(C, randomSource(C));
        const out = Tensor.alloc(arena, "f32", [3, C]);
        const [xt, ot] = [place(arena, [3, C], x), place(arena, [C], order, "i32")];
        onlyWrites(assert, arena, [out], () => kernels.permute(out, xt, ot));
        assert.deepEqual(
          [...out.f32],
          [...x].map((_, i) => x[i - (i % C) + order[i % C]]),
        );
      }
    });
  }

  test("other shapes, formats and cuts, and places that are no inputs, throw ShapeError", () => {
    const { arena, kernels } = bench("strict", 1);
    const matrix = allocMatrix(arena, "q4z", 16, 64);
    const words = (...shape: number[]) => Tensor.alloc(arena, "i32", shape);
    const wrong = (message: RegExp, run: () => void) => assert.throws(run, ShapeError, message);
    wrong(/src is i32 \[8, 8\], should be i32 \[8, 16\]/, () => kernels.repackInt4(matrix, "gptq", 0, words(8, 8)));
    wrong(/rows 4 to 12 of 8/, () => kernels.repackInt4(matrix, "gptq", 4, words(8, 16)));
    wrong(/rows 4 to 12 of 64, by 8/, () => kernels.repackInt4(matrix, "awq", 4, words(8, 2)));
    wrong(/rows 0 to 4 of 16, by 8/, () => kernels.repackInt4(matrix, "pack-quantized", 0, words(4, 8)));
    wrong(/q4 or q4z/, () => kernels.repackInt4(allocMatrix(arena, "q8", 16, 64), "gptq", 0, words(8, 16)));
    wrong(/outputs by 8/, () => kernels.repackInt4(allocMatrix(arena, "q4", 12, 64), "gptq", 0, words(8, 12)));
    const places = place(arena, [64], new Array(64).fill(64), "i32");
    wrong(/no such row; got 64/, () => kernels.repackInt4(matrix, "gptq", 0, words(8, 16), places));
    wrong(/AWQ/, () => kernels.repackInt4(matrix, "awq", 0, words(64, 2), place(arena, [64], [], "i32")));
    wrong(/no numbers are quantized to q4z/, () => kernels.packRows(matrix, 0, Tensor.alloc(arena, "f32", [16, 64])));
    wrong(/should be q4, q8/, () => kernels.repackRows(matrix, 0, Tensor.alloc(arena, "u8", [16, 36])));
    wrong(/out is x/, () => {
      const x = Tensor.alloc(arena, "f32", [1, 64]);
      kernels.permute(x, x, place(arena, [64], [], "i32"));
    });
  });
});
