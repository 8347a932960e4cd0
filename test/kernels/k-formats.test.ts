import { ShapeError } from "../../src/errors.ts";
import { groupAt, type Int8Rows, type KernelKind, type Operations } from "../../src/kernels/index.ts";
import { dequantizeGgml, GGML_TYPES, type GgmlFormat } from "../../src/quant/ggml/index.ts";
import { allocMatrix, findNonFinite, type PackedMatrix, readKRow, type WeightFormat } from "../../src/quant/index.ts";
import { type Arena, f32ToF16, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { EPS, onlyWrites, TINY } from "./compare.ts";
import { bench, benchForm, FORMS, KINDS, place } from "./kinds.ts";
import { randomInt8Rows } from "./matrices.ts";

/** Blocks of files, the format that holds them, and the bytes of a block at which a scale stands. */
const KINDS_OF_BLOCKS: [GgmlFormat, WeightFormat, number[]][] = [
  ["Q4_K", "q4k", [0, 2]],
  ["Q5_K", "q5k", [0, 2]],
  ["Q6_K", "q6k", [208]],
  ["Q3_K", "q6k", [108]],
  ["Q2_K", "q2k", [80, 82]],
  ["IQ4_XS", "q4x", [0]],
  ["Q4_1", "q4m", [0, 2]],
  ["Q5_1", "q5m", [0, 2]],
  ["Q5_0", "q8", [0]],
  ["IQ4_NL", "q8", [0]],
];
const K = KINDS_OF_BLOCKS.slice(0, 8);

const SHAPES = [
  [1, 256],
  [3, 512],
  [8, 256],
  [13, 768],
  [33, 256],
] as const;

/** Random blocks of N rows with scales of both signs, some of them 0 or denormal, and the weights that they are. */
function blocks(
  type: GgmlFormat,
  N: number,
  C: number,
  scales: readonly number[],
): { src: Uint8Array; weights: Float32Array } {
  const { block, bytes } = GGML_TYPES[type];
  const next = randomSource(N * C + bytes);
  const src = Uint8Array.from({ length: N * (C / block) * bytes }, () => Math.floor(next() * 256));
  for (let at = 0; at < src.length; at += bytes) {
    for (const scale of scales) {
      const kind = Math.floor(next() * 16);
      const bits = kind === 0 ? 0 : kind === 1 ? 0x8003 : f32ToF16((next() - 0.5) * 2 ** -Math.floor(next() * 12));
      src[at + scale] = bits & 255;
      src[at + scale + 1] = bits >> 8;
    }
  }
  const weights = new Float32Array(N * C);
  dequantizeGgml(type, src, weights);
  return { src, weights };
}

/** The same blocks as a matrix. */
function matrixOf(
  arena: Arena,
  kernels: Operations,
  format: WeightFormat,
  N: number,
  C: number,
  src: Uint8Array,
): PackedMatrix {
  const matrix = allocMatrix(arena, format, N, C);
  new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x55);
  const mark = arena.mark();
  kernels.repackRows(matrix, 0, place(arena, [N, src.length / N], src, "u8"));
  arena.release(mark);
  return matrix;
}

const { fround } = Math;

/** The definition in reference/linear.ts, operation by operation in float32, the sum in float64, and the sum of its terms' magnitudes. */
function defined(x: Int8Rows, matrix: PackedMatrix) {
  const { rows: N, cols: C, format } = matrix;
  const G = C / 32;
  const out = {
    float32: new Float32Array(x.rows * N),
    exact: new Float64Array(x.rows * N),
    size: new Float64Array(x.rows * N),
  };
  const wide = format === "q4k" || format === "q5k" || format === "q4m" || format === "q5m" ? 32 : 16;
  for (let n = 0; n < N; n++) {
    const row = readKRow(matrix, n);
    for (let t = 0; t < x.rows; t++) {
      const i = t * N + n;
      let acc = 0;
      for (let k = 0; k < C; k += wide) {
        const at = groupAt(x.rows, G, t, k >> 5);
        let [dots, sum] = [0, 0];
        for (let j = k; j < k + wide; j++) {
          const input = x.q.data[at * 32 + (j & 31)];
          dots += row.n[j] * input;
          sum += input;
        }
        const [ds, dm, a] = [row.scale[k >> 4], row.min[k >> 4], x.scale.f32[at]];
        if (format === "q6k" || format === "q4x") acc = fround(acc + fround(dots * fround(ds * a)));
        else acc = fround(acc + fround(fround(fround(dots * ds) - fround(sum * dm)) * a));
        for (const term of [ds * dots * a, -dm * sum * a]) {
          out.exact[i] += term;
          out.size[i] += Math.abs(term);
        }
      }
      out.float32[i] = acc;
    }
  }
  return out;
}

suite("kernels/K-formats", ({ test, assert }) => {
  for (const kind of KINDS) {
    if (kind === "reference") continue;
    for (const [type, format, scales] of KINDS_OF_BLOCKS) {
      test(`${kind}: ${type} -> ${format} has the bytes of the reference kernels, padding included, also in parts of rows and from any byte on`, () => {
        for (const [N, C] of [...SHAPES, [21, 512]]) {
          const { src } = blocks(type, N, C, scales);
          const bytes = (name: KernelKind, cut: number) => {
            const { arena, kernels } = bench(name, 2);
            const matrix = allocMatrix(arena, format, N, C);
            const whole = new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).fill(0x55);
            const stride = src.length / N;
            const rows = new Tensor(arena, arena.alloc(src.length + 1) + 1, "u8", [N, stride]);
            (rows.data as Uint8Array).set(src);
            for (const [from, to] of [
              [0, cut],
              [cut, N],
            ])
              if (from < to) kernels.repackRows(matrix, from, rows.rows(from, to));
            return whole.slice();
          };
          assert.deepEqual(bytes(kind, N & -8), bytes("reference", N), `[${N}, ${C}]`);
        }
      });
    }
  }
  for (const kind of KINDS) {
    for (const [type, format, scales] of KINDS_OF_BLOCKS) {
      test(`${kind}: ${type} -> ${format} keeps every weight's bits, read as rows and as an embedding; only the matrix is written`, () => {
        for (const [N, C] of SHAPES) {
          const { arena, kernels } = bench(kind, 2);
          const { src, weights } = blocks(type, N, C, scales);
          const matrix = allocMatrix(arena, format, N, C);
          const rows = place(arena, [N, src.length / N], src, "u8");
          onlyWrites(assert, arena, [matrix], () => kernels.repackRows(matrix, 0, rows));
          const out = Tensor.alloc(arena, "f32", [N, C]);
          kernels.unpackRows(out, matrix, 0);
          assert.deepEqual(out.f32, weights, `[${N}, ${C}]`);
          const ids = place(arena, [2], [N - 1, 0], "i32");
          const some = Tensor.alloc(arena, "f32", [2, C]);
          kernels.embed(some, ids, matrix);
          assert.deepEqual(some.f32.slice(0, C), weights.slice((N - 1) * C));
          assert.deepEqual(some.f32.slice(C), weights.slice(0, C));
        }
      });
    }

    for (const [type, format, scales] of K) {
      test(`${kind}: ${format} of ${type} with f32 activations has the bits of the same product with the unpacked matrix`, () => {
        for (const [N, C] of SHAPES) {
          const { arena, kernels } = bench(kind, 2);
          const { src, weights } = blocks(type, N, C, scales);
          const plain = allocMatrix(arena, "f32", N, C);
          kernels.packRows(plain, 0, place(arena, [N, C], weights));
          const x = place(arena, [3, C], randomFloats(C, 3 * C));
          const [a, b] = [Tensor.alloc(arena, "f32", [3, N]), Tensor.alloc(arena, "f32", [3, N])];
          kernels.linear(a, x, matrixOf(arena, kernels, format, N, C, src));
          kernels.linear(b, x, plain);
          assert.deepEqual(a.f32, b.f32, `[${N}, ${C}]`);
        }
      });
    }
  }

  const IMPLEMENTATIONS = [
    { name: "reference", make: () => bench("reference", 2) },
    ...FORMS.map((form) => ({ name: form.name, make: () => benchForm(form, 2) })),
  ];
  for (const { name, make } of IMPLEMENTATIONS) {
    for (const [type, format, scales] of K) {
      const exact = name === "reference";
      const claim = exact
        ? "within 2^-24 · Σ|term| of the exact sum"
        : "the written order of float32 operations, bit for bit";
      test(`${name}: ${format} of ${type} with int8 activations, ${claim}, at 1 to 9 tokens; only out is written`, () => {
        for (const [N, C] of SHAPES) {
          for (const T of [1, 2, 4, 5, 9]) {
            const { arena, kernels } = make();
            const matrix = matrixOf(arena, kernels, format, N, C, blocks(type, N, C, scales).src);
            const x = randomInt8Rows(arena, T, C, C + T);
            const out = Tensor.alloc(arena, "f32", [T, N]);
            onlyWrites(assert, arena, [out], () => kernels.linear(out, x, matrix));
            const expected = defined(x, matrix);
            if (!exact) assert.deepEqual(out.f32, expected.float32, `[${T}, ${N}, ${C}]`);
            else {
              for (let i = 0; i < out.size; i++)
                assert.atMost(Math.abs(out.f32[i] - expected.exact[i]), (1 + 2 ** -20) * EPS * expected.size[i] + TINY);
            }
          }
        }
      });
    }
  }

  test("a scale that is not finite is found in its row and block of 256; K-formats take whole blocks, and no floats", () => {
    const { arena, kernels } = bench("reference", 1);
    const { src } = blocks("Q4_K", 9, 512, [0, 2]);
    src.set([0x00, 0x7c], 17 * 144 + 2); // dmin of row 8's second block
    const matrix = matrixOf(arena, kernels, "q4k", 9, 512, src);
    assert.deepEqual(findNonFinite(matrix), { row: 8, col: 256 });
    assert.equal(findNonFinite(matrix, 0, 8), undefined);
    assert.throws(() => allocMatrix(arena, "q4k", 8, 128), ShapeError, /other K-formats of 256/);
    const floats = place(arena, [8, 512], new Float32Array(8 * 512));
    assert.throws(() => kernels.packRows(allocMatrix(arena, "q6k", 8, 512), 0, floats), ShapeError, /K-formats/);
    const wrong = Tensor.alloc(arena, "u8", [8, 2 * 145]);
    assert.throws(() => kernels.repackRows(allocMatrix(arena, "q4k", 8, 512), 0, wrong), ShapeError, /repackRows: src/);
  });
});
