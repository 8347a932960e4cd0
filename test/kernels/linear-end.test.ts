import { allocInt8Rows, int8Rows } from "../../src/kernels/index.ts";
import { allocMatrix, BLOCK_BYTES, K_LAYOUT, packedBytes, type WeightFormat } from "../../src/quant/index.ts";
import { Arena, alignUp, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf } from "./compare.ts";
import { bound, FORMS } from "./kinds.ts";

const [T, N, C] = [133, 40, 512];
const FORMATS = [...Object.keys(BLOCK_BYTES), ...Object.keys(K_LAYOUT)] as Exclude<WeightFormat, "f32">[];

suite("kernels/linear at the end of a memory", ({ test, assert }) => {
  for (const form of FORMS) {
    for (const format of FORMATS) {
      test(`${form.name}, ${format}: a matrix that ends with its memory has the bits of one that does not, at 1 to ${T} tokens`, () => {
        /** Bits of x · Wᵀ [t, N] by numbers of tokens t; `behind` bytes are free behind the matrix. */
        const products = (behind: number) => {
          const arena = new Arena(2 ** 20, { name: "test" });
          const x = Tensor.alloc(arena, "f32", [T, C]);
          x.f32.set(randomFloats(T * C, 1));
          const rows = allocInt8Rows(arena, T, C);
          const out = Tensor.alloc(arena, "f32", [T, N]);
          arena.alloc(arena.free - alignUp(packedBytes(format, N, C)) - behind);
          const matrix = allocMatrix(arena, format, N, C);
          assert.equal(arena.free, behind);
          const bytes = new Uint8Array(arena.buffer, matrix.ptr, packedBytes(format, N, C));
          for (const i of bytes.keys()) bytes[i] = (Math.imul(i, 0x9e3779b1) >>> 13) & 0x1f;
          const operations = bound(form, arena);
          return [1, 4, 9, 32, T].map((t) => {
            const some = int8Rows(rows, t);
            operations.quantizeActivations(some, x.rows(0, t));
            operations.linear(out.rows(0, t), some, matrix);
            return bitsOf(out.rows(0, t));
          });
        };
        assert.deepEqual(products(0), products(65536));
      });
    }
  }
});
