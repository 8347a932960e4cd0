// Every format of weights beside q4, in turn: decoding (T = 1) in GB/s and in weights a second, a chunk of a prompt (T = 32) in GMAC/s. Matrices are
// larger than caches; a call does a part of one, far from the part before. In all forms but pairs of relaxed, which is that of strict.
import { allocInt8Rows } from "../../src/kernels/index.ts";
import { blocksOf } from "../../src/kernels/rest-simd.ts";
import { FORM, FORMAT } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { allocMatrix, groupsOf, type PackedMatrix, packedBytes, ROWS } from "../../src/quant/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../../src/tensor/index.ts";
import { bound, EVERY, FORMS, type Form } from "../../test/kernels/kinds.ts";
import { randomMatrix } from "../../test/kernels/matrices.ts";
import { randomFloats } from "../../test/random.ts";
import { alternate, quantile } from "../alternate.ts";
import { PHI4_MINI } from "../both.ts";

const C = PHI4_MINI.D;
const BYTES = 96 << 20;
/** Bytes of the blocks that a format is filled with; q4z has none. */
const BLOCKS = {
  ...{ q4: 18, q4z: 0, q8: 34, q4k: 144, q5k: 176, q6k: 210, q2k: 84, q4x: 136, q4m: 20, q5m: 24 },
} as const;
type Format = keyof typeof BLOCKS;
/** Rows of 8 of a part: of a prompt's, and of a token's, which comes to about 6 MB. */
const PREFILL = 8;

/** 8 rows of any weights whose scales are numbers. */
function eightRows(arena: Arena, format: Format): PackedMatrix {
  if (format === "q4z") return randomMatrix(arena, format, ROWS, C, 1).matrix;
  const matrix = allocMatrix(arena, format, ROWS, C);
  const src = Tensor.alloc(arena, "u8", [ROWS, blocksOf(format, C) * BLOCKS[format]]);
  src.data.forEach((_, i, all) => {
    all[i] = (((i * 2654435761) >>> 13) & 0x5f) | 0x10; // an f16 of these is neither NaN nor denormal
  });
  bound(FORMS[0], arena).repackRows(matrix, 0, src);
  return matrix;
}

const forms = FORMS.filter(({ build, form }) => build === "strict" || form !== "pairs");
const decode: Record<string, () => void> = {};
const prefill: Record<string, () => void> = {};
const facts: Record<string, { form: Form; format: Format; bytes: number; weights: number }> = {};
let turn = 0;
for (const format of Object.keys(BLOCKS) as Format[]) {
  const stride = packedBytes(format, ROWS, C);
  const units = Math.floor(BYTES / stride);
  const arena = new Arena(units * stride + (8 << 20), { name: format });
  const matrix = allocMatrix(arena, format, units * ROWS, C);
  const first = eightRows(arena, format);
  const memory = new Uint8Array(arena.buffer);
  for (let i = 0; i < units; i++) memory.copyWithin(matrix.ptr + i * stride, first.ptr, first.ptr + stride);
  const [one, many] = [1, 32].map((T) => {
    const x = Tensor.alloc(arena, "f32", [T, C]);
    x.f32.set(randomFloats(T, T * C));
    const rows = allocInt8Rows(arena, T, C);
    bound(FORMS[0], arena).quantizeActivations(rows, x);
    return rows;
  });
  const out = Tensor.alloc(arena, "f32", [1 << 18]);
  for (const form of forms) {
    const wasm = instantiate(arena, form.build, moduleOf(form.build, EVERY));
    const run = ({ q, pairs, scale, offset, rows: T }: typeof one, n: number) => {
      turn += 7;
      const w = matrix.ptr + (turn % Math.floor(units / n)) * n * stride;
      const x = [q.ptr, pairs.ptr, scale.ptr, offset.ptr];
      const sizes = [FORMAT[format], T, n * ROWS, groupsOf(C), FORM[form.form], KERNEL_RESERVE / 2, 0, n];
      wasm.linearInt8(out.ptr, ...x, w, ...sizes);
    };
    const part = Math.floor((6 << 20) / stride);
    const name = `${form.name}: ${format}`;
    decode[name] = () => run(one, part);
    prefill[name] = () => run(many, PREFILL);
    facts[name] = { form, format, bytes: part * stride, weights: part * ROWS * C };
  }
}

const [single, chunk] = [alternate(decode, 60), alternate(prefill, 60)];
for (const form of forms) {
  const rows = Object.entries(facts)
    .filter(([, fact]) => fact.form === form)
    .map(([name, { format, bytes, weights }]) => {
      const [ms, chunkMs] = [quantile(single[name], 0.3), quantile(chunk[name], 0.3)];
      const [gb, gmac] = [bytes / ms / 1e6, (PREFILL * ROWS * C * 32) / chunkMs / 1e6];
      return { format, bits: (8 * bytes) / weights, gb, weights: weights / ms / 1e6, gmac };
    });
  const [q4] = rows;
  console.log(`\nlinear [·, ${C}], ${form.name}`);
  console.table(
    rows.map(({ format, bits, gb, weights, gmac }) => ({
      format,
      bits: +bits.toFixed(2),
      "T = 1 GB/s": +gb.toFixed(1),
      "of q4": +(gb / q4.gb).toFixed(2),
      "10^9 weights/s": +weights.toFixed(1),
      "T = 32 GMAC/s": +gmac.toFixed(1),
      "of q4's": +(gmac / q4.gmac).toFixed(2),
    })),
  );
}
