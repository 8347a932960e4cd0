import { ShapeError } from "../../src/errors.ts";
import { allocMatrix, groupsOf, type PackedMatrix, readQ4Group, readQ8Group } from "../../src/quant/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";
import { bench, KINDS } from "./kinds.ts";

const BLOCK = { q4: 18, q8: 34 };

/** Row-major weights of a file's blocks, by ggml's own definition of them. */
function fileGroup(format: "q4" | "q8", file: Uint8Array, at: number): { scale: number; q: number[] } {
  const scale = file[at] + 256 * file[at + 1];
  const body = file.slice(at + 2, at + BLOCK[format]);
  if (format === "q8") return { scale, q: [...new Int8Array(body.buffer)] };
  return { scale, q: [...Array.from(body, (b) => b % 16), ...Array.from(body, (b) => Math.floor(b / 16))] };
}

function group(matrix: PackedMatrix, row: number, g: number): { scale: number; q: number[] } {
  const q = new Int8Array(32);
  const scale = matrix.format === "q4" ? readQ4Group(matrix, row, g, q) : readQ8Group(matrix, row, g, q);
  return { scale, q: [...q] };
}

suite("kernels/repack-rows", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const format of ["q4", "q8"] as const) {
      const name = format === "q4" ? "Q4_0 -> q4" : "Q8_0 -> q8";
      test(`${kind}: ${name} keeps every scale's and weight's bits; rows past the last have scale 0 and value 0`, () => {
        for (const [N, C] of [
          [1, 32],
          [3, 64],
          [4, 96],
          [5, 32],
          [8, 33],
          [9, 256],
          [21, 160],
        ]) {
          const { arena, kernels } = bench(kind, 1);
          const stride = groupsOf(C) * BLOCK[format];
          const matrix = allocMatrix(arena, format, N, C);
          const after = Tensor.alloc(arena, "u8", [64]);
          after.data.fill(0xaa);
          new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x55);
          const next = randomSource(N * C);
          // A file's tensor may begin at any byte.
          const src = new Tensor(arena, arena.alloc(N * stride + 1) + 1, "u8", [N, stride]);
          src.data.forEach((_, i, all) => {
            all[i] = Math.floor(next() * 256);
          });
          kernels.repackRows(matrix, 0, src);
          for (let row = 0; row < Math.ceil(N / 8) * 8; row++) {
            for (let g = 0; g < groupsOf(C); g++) {
              const padding = { scale: 0, q: new Array(32).fill(format === "q4" ? 8 : 0) };
              const at = row * stride + g * BLOCK[format];
              const expected = row < N ? fileGroup(format, src.data as Uint8Array, at) : padding;
              assert.deepEqual(group(matrix, row, g), expected, `[${N}, ${C}] row ${row} group ${g}`);
            }
          }
          assert.ok(after.data.every((b) => b === 0xaa));
        }
      });

      test(`${kind}: ${name} says whether every scale is finite, for each row of 1, 8 and 13 and each of 3 groups`, () => {
        const C = 96;
        for (const N of [1, 8, 13]) {
          const { arena, kernels } = bench(kind, 1);
          const matrix = allocMatrix(arena, format, N, C);
          const src = Tensor.alloc(arena, "u8", [N, 3 * BLOCK[format]]);
          const data = new DataView(arena.buffer, src.ptr, src.size);
          for (let block = 0; block < 3 * N; block++) {
            const at = block * BLOCK[format];
            src.data.fill(0xff); // what are no scales
            for (let i = 0; i < src.size; i += BLOCK[format]) data.setUint16(i, 0xfbff, true); // -65504
            assert.equal(kernels.repackRows(matrix, 0, src), true, "all finite");
            for (const bad of [0x7c00, 0xfc00, 0x7e01]) {
              data.setUint16(at, bad, true);
              assert.equal(
                kernels.repackRows(matrix, 0, src),
                false,
                `${bad.toString(16)} in block ${block} of ${N} rows`,
              );
            }
          }
        }
      });

      test(`${kind}: ${name} in blocks of rows equals all at once`, () => {
        const [N, C] = [27, 64];
        const { arena, kernels } = bench(kind, 1);
        const src = Tensor.alloc(arena, "u8", [N, 2 * BLOCK[format]]);
        src.data.forEach((_, i, all) => {
          all[i] = (i * 37) % 251;
        });
        const [whole, parts] = [0, 1].map(() => allocMatrix(arena, format, N, C));
        kernels.repackRows(whole, 0, src);
        for (const [from, to] of [
          [16, 27],
          [0, 16],
        ])
          kernels.repackRows(parts, from, src.rows(from, to));
        const bytes = (m: PackedMatrix) => new Uint8Array(arena.buffer, m.ptr, m.byteLength);
        assert.deepEqual(bytes(parts), bytes(whole));
      });
    }
  }

  test("an f32 matrix, and rows of another length, are refused", () => {
    const { arena, kernels } = bench("strict", 1);
    const src = Tensor.alloc(arena, "u8", [8, 36]);
    assert.throws(
      () => kernels.repackRows(allocMatrix(arena, "f32", 8, 64), 0, src),
      ShapeError,
      /q4, q8 or in a K-format/,
    );
    const other = Tensor.alloc(arena, "u8", [8, 40]);
    assert.throws(() => kernels.repackRows(allocMatrix(arena, "q8", 8, 64), 0, other), ShapeError, /\[8, 68\]/);
    kernels.repackRows(allocMatrix(arena, "q4", 8, 64), 0, src);
  });
});
