import { Pacer } from "../../src/event-loop.ts";
import { createKernels } from "../../src/kernels/index.ts";
import { allocMatrix, dequantizeRow } from "../../src/quant/index.ts";
import { BLOCK, BLOCK_SIZE, blocksOf, lowerBlock, lowerSize } from "../../src/quantize/blocks.ts";
import { cholesky, type Products } from "../../src/quantize/cholesky.ts";
import { crc32 } from "../../src/quantize/crc32.ts";
import { matrixBytes, quantizeMatrix } from "../../src/quantize/matrix.ts";
import { Moments } from "../../src/quantize/moments.ts";
import { DAMPING } from "../../src/quantize/objective.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";

/** T inputs of C elements that depend on each other: each row is smooth, and some elements are large throughout. */
function inputs(T: number, C: number): Float32Array {
  const x = randomFloats(5, T * C, 1, 0);
  for (let t = 0; t < T; t++) {
    for (let c = 1; c < C; c++) x[t * C + c] = 0.8 * x[t * C + c - 1] + 0.4 * x[t * C + c];
    for (let c = 7; c < C; c += 41) x[t * C + c] *= 6;
  }
  return x;
}

/** Σ x xᵀ in float64, [C, C]. */
function momentsOf(x: Float32Array, C: number): Float64Array {
  const h = new Float64Array(C * C);
  for (let t = 0; t < x.length; t += C)
    for (let i = 0; i < C; i++) for (let j = 0; j < C; j++) h[i * C + j] += x[t + i] * x[t + j];
  return h;
}

/** Element (i, j), i ≥ j, of a matrix that keeps the blocks of its lower triangle. */
const at = (i: number, j: number) =>
  lowerBlock(Math.floor(i / BLOCK), Math.floor(j / BLOCK)) * BLOCK_SIZE + (i % BLOCK) * BLOCK + (j % BLOCK);

async function collect(x: Float32Array, C: number, chunk: number): Promise<Moments> {
  const moments = new Moments(createKernels(new Arena(Moments.bytes(C))), C);
  const pacer = new Pacer();
  for (let t = 0; t < x.length; t += chunk * C) {
    if (moments.room < chunk) await moments.add(pacer);
    moments.take(x.subarray(t, t + chunk * C));
  }
  await moments.add(pacer);
  return moments;
}

suite("quantize/second-order", ({ test, assert }) => {
  test('crc32 of "123456789" is cbf43926, whole or in parts', () => {
    const bytes = new TextEncoder().encode("123456789");
    assert.equal(crc32(bytes), 0xcbf43926);
    assert.equal(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4))), 0xcbf43926);
  });

  test("moments: Σ x xᵀ within 2^-20 of the sum of the terms' magnitudes, at widths around whole blocks, for any chunk", async () => {
    for (const C of [32, 96, 127, 128, 129, 200]) {
      const T = 70;
      const x = inputs(T, C);
      const exact = momentsOf(x, C);
      const size = momentsOf(x.map(Math.abs), C);
      for (const chunk of [1, 32]) {
        const { sums } = await collect(x, C, chunk);
        for (let i = 0; i < C; i++)
          for (let j = 0; j <= i; j++)
            assert.atMost(Math.abs(sums[at(i, j)] - exact[i * C + j]), size[i * C + j] * 2 ** -20, `${C}: ${i}, ${j}`);
      }
    }
  });

  /** Float32 products, as a kernel gives them. */
  function products(): Products {
    const L = new Map<string, Float32Array>();
    return {
      put: (I, J, block) => L.set(`${I} ${J}`, Float32Array.from(block)),
      of(I, J, K) {
        const [a, b] = [L.get(`${I} ${K}`) as Float32Array, L.get(`${J} ${K}`) as Float32Array];
        const dot = (i: number, j: number) => {
          let sum = 0;
          for (let k = 0; k < BLOCK; k++) sum = Math.fround(sum + Math.fround(a[i * BLOCK + k] * b[j * BLOCK + k]));
          return sum;
        };
        return Float32Array.from({ length: BLOCK_SIZE }, (_, i) => dot(Math.floor(i / BLOCK), i % BLOCK));
      },
    };
  }

  test("cholesky: L Lᵀ is the matrix within 2^-20 of its diagonal, one block within 1e-12; L has zeros above; a matrix that is not positive is told", async () => {
    for (const C of [128, 200, 300]) {
      const n = blocksOf(C) * BLOCK;
      const { sums } = await collect(inputs(2 * C, C), C, 32);
      for (let i = 0; i < n; i++) sums[at(i, i)] += 1;
      const a = sums.slice();
      assert.equal(await cholesky(sums, blocksOf(C), products(), new Pacer()), true);
      const L = (i: number, j: number) => (j > i ? 0 : sums[at(i, j)]);
      for (let i = 0; i < n; i += 3) {
        for (let j = 0; j <= i; j += 5) {
          let sum = 0;
          for (let k = 0; k <= j; k++) sum += L(i, k) * L(j, k);
          const bound = i < BLOCK ? 1e-12 : 2 ** -20;
          assert.close([sum], [a[at(i, j)]], bound * Math.sqrt(a[at(i, i)] * a[at(j, j)]));
        }
      }
      for (let i = 0; i < BLOCK - 1; i++) assert.equal(sums[i * BLOCK + i + 1], 0);
      a[at(C - 1, C - 1)] = -1;
      assert.equal(await cholesky(a, blocksOf(C), products(), new Pacer()), false);
      const nothing = new Float64Array(lowerSize(C)).fill(Number.NaN);
      assert.equal(await cholesky(nothing, blocksOf(C), products(), new Pacer()), false);
    }
  });

  test("a matrix quantized by its inputs' moments leaves at most 0.6 of the output error that the search of loading leaves, at any size", async () => {
    for (const [N, C] of [
      [8, 32],
      [13, 64],
      [130, 96],
      [24, 130],
      [16, 200],
      [8, 288],
    ]) {
      const T = 4 * C;
      const x = inputs(T, C);
      const w = randomFloats(3, N * C, 0.02);
      const moments = await collect(x, C, 32);
      const arena = new Arena(matrixBytes(C));
      const target = new Arena(1 << 20);
      const matrix = allocMatrix(target, "q4", N, C);
      const job = { name: "w", matrix, moments, damping: DAMPING };
      const read = async (row: number, n: number) => w.subarray(row * C, (row + n) * C);
      let rows = 0;
      await quantizeMatrix(createKernels(arena), { ...job, read }, new Pacer(), (n) => {
        rows += n;
      });
      assert.equal(rows, N);
      const plain = allocMatrix(target, "q4", N, C);
      const src = Tensor.alloc(target, "f32", [N, C]);
      src.f32.set(w);
      createKernels(target).packRows(plain, 0, src);

      const error = (m: typeof matrix) => {
        let sum = 0;
        const row = new Float32Array(C);
        for (let n = 0; n < N; n++) {
          dequantizeRow(row, m, n);
          for (let t = 0; t < T; t++) {
            let d = 0;
            for (let c = 0; c < C; c++) d += (row[c] - w[n * C + c]) * x[t * C + c];
            sum += d * d;
          }
        }
        return sum;
      };
      assert.atMost(error(matrix) / error(plain), 0.6, `[${N}, ${C}]`);
    }
  });

  test("inputs that are not finite are refused with the matrix's name; inputs that are all zero are as no calibration", async () => {
    const C = 64;
    for (const [value, refused] of [
      [Number.NaN, true],
      [Infinity, true],
      [0, false],
    ] as const) {
      const moments = await collect(new Float32Array(32 * C).fill(value), C, 32);
      const arena = new Arena(1 << 20);
      const matrix = allocMatrix(arena, "q4", 8, C);
      const random = randomSource(1);
      const read = async (_: number, n: number) => Float32Array.from({ length: n * C }, () => random() - 0.5);
      const run = quantizeMatrix(
        createKernels(new Arena(matrixBytes(C))),
        { name: "some.weight", matrix, moments, damping: DAMPING, read },
        new Pacer(),
        () => {},
      );
      if (refused) await assert.rejects(run, undefined, /some.weight are not finite/);
      else await run;
    }
  });
});
