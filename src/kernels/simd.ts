import { eachSlice, groupsOf, type PackedMatrix, packedBytes, ROWS } from "../quant/packed-matrix.ts";
import { SCRATCH } from "./crew.ts";
import type { BlockPattern, CoreOperations, Operations } from "./kernels.ts";
import type { KernelRest, WasmExports, WasmVariant } from "./wasm-module.ts";

/** Weight formats as numbers, as in wasm/layout.ts. */
export const FORMAT = {
  f32: 0,
  q8: 1,
  q4: 2,
  q4z: 3,
  q4k: 4,
  q5k: 5,
  q6k: 6,
  q4m: 7,
  q5m: 8,
  q2k: 9,
  q4x: 10,
} as const;

/** The dtypes of rows that are packed; their places here are their numbers in wasm/load-rows.ts. */
export const DTYPES: readonly string[] = ["f32", "f16", "bf16"];

/** Work units of a linear layer with int8 rows, as in wasm/linear-int8.ts: a call may do any range of them, to the same bits. */
export const linearUnits = (N: number): number => Math.ceil(N / ROWS);

/** Work units of attention, as in wasm/attention.ts: a call may do any range of them, to the same bits. */
export const attentionUnits = (T: number, K: number): number => K * Math.ceil(T / 8);

/** size, local, stride and step of a pattern as wasm/attention.ts takes them; of none a size of 0. */
export const patternOf = (pattern?: BlockPattern): number[] =>
  pattern ? [pattern.size, pattern.local, pattern.stride, pattern.step] : [0, 0, 0, 0];

/** Forms of the int8 dot product as numbers, as in wasm/dot.ts. The strict build has only pairs: in place of the others it has nothing. */
export const FORM = { pairs: 0, narrow: 1, wide: 2 } as const;
export type DotForm = keyof typeof FORM;

/** Whether a matrix reads `pairs` of fours of tokens, as wasm/linear-int8.ts does; undefined: any matrix. */
export function readsPairs(form: DotForm, reader: PackedMatrix | undefined): boolean {
  if (form === "pairs" || !reader) return true;
  let reads = false;
  eachSlice(reader, ({ format }) => {
    reads ||= FORMAT[format] > FORMAT.q6k || (form === "narrow" && format === "q8");
  });
  return reads;
}

/** The forms that a build has, the fastest here first. A form that is right and not the fastest comes into play if the others are wrong. */
export function formsOf(variant: WasmVariant, wasm: WasmExports): readonly DotForm[] {
  if (variant.startsWith("strict")) return ["pairs"];
  return wasm.fastestForm() === FORM.wide ? ["wide", "narrow", "pairs"] : ["narrow", "pairs"];
}

/**
 * The kernels of an instance of any WASM build, bound to its arena: tensors become pointers and sizes. Operands are checked before (checked.ts).
 * @param form how int8 products are summed; no form changes the bits
 * @param rest undefined: nobody calls what is in it
 */
export const simdKernels = (wasm: WasmExports, form: DotForm, rest?: KernelRest): Operations =>
  ({ ...coreKernels(wasm, form), ...rest?.bind(wasm) }) as Operations;

function coreKernels(wasm: WasmExports, form: DotForm): CoreOperations {
  return {
    embed(out, ids, table) {
      wasm.embed(out.ptr, ids.ptr, table.ptr, FORMAT[table.format], ids.size, table.cols);
    },
    quantizeActivations({ q, scale, offset, pairs, rows, cols }, x, reader) {
      const fours = Number(readsPairs(form, reader));
      wasm.quantizeActivations(q.ptr, scale.ptr, offset.ptr, pairs.ptr, x.ptr, rows, cols, fours, SCRATCH);
    },
    linear(out, x, weight) {
      const { rows: N, cols: C } = weight;
      eachSlice(weight, ({ ptr, format, rows }, row) => {
        const to = out.ptr + 4 * row;
        if ("q" in x) {
          const { q, pairs, scale, offset, rows: T } = x;
          // biome-ignore format: in the order and the lines of wasm/linear-int8.ts
          wasm.linearInt8(
            to, q.ptr, pairs.ptr, scale.ptr, offset.ptr, ptr, FORMAT[format],
            T, N, groupsOf(C), FORM[form], SCRATCH, 0, linearUnits(rows),
          );
        } else {
          wasm.linearF32(to, x.ptr, ptr, FORMAT[format], x.shape[0], N, C, SCRATCH, 0, linearUnits(rows));
        }
      });
    },
    rmsnorm(out, x, weight, eps) {
      const [T, D] = x.shape;
      wasm.rmsnorm(out.ptr, x.ptr, weight.ptr, T, D, eps);
    },
    rope(x, heads, cos, sin) {
      const [T, n, dh] = x.shape;
      wasm.rope(x.ptr, cos.ptr, sin.ptr, T, n, heads, dh, cos.shape[1]);
    },
    storeKV(kv, qkv, start) {
      const [T, n, dh] = qkv.shape;
      const { k, v, scales, table } = kv;
      const [K, blocks] = k.shape;
      const H = n - 2 * K;
      if (!scales) wasm.storeKV(k.ptr, v.ptr, table.ptr, qkv.ptr, T, H, K, dh, start, blocks);
      else wasm.storeKVInt8(k.ptr, v.ptr, scales.k.ptr, scales.v.ptr, table.ptr, qkv.ptr, T, H, K, dh, start, blocks);
    },
    attention(out, qkv, { k, v, scales, table }, start, window, scale, pattern) {
      const [T, H, dh] = out.shape;
      const [K, blocks] = k.shape;
      // biome-ignore format: in the order and the lines of wasm/attention.ts
      wasm.attention(
        out.ptr, qkv.ptr, k.ptr, v.ptr, scales?.k.ptr ?? 0, scales?.v.ptr ?? 0, table.ptr,
        T, H, K, dh, start, window, scale, pattern?.size ?? 0, pattern?.local ?? 0, pattern?.stride ?? 0, pattern?.step ?? 0, blocks,
        SCRATCH, 0, attentionUnits(T, K),
      );
    },
    add(out, a, b) {
      wasm.add(out.ptr, a.ptr, b.ptr, out.size);
    },
    swiglu(out, gateUp) {
      const [T, F] = out.shape;
      wasm.swiglu(out.ptr, gateUp.ptr, T, F);
    },
    packRows({ format, cols, ptr }, row, src) {
      const rows = src.shape[0];
      const dtype = DTYPES.indexOf(src.dtype);
      const at = ptr + packedBytes(format, row, cols);
      if (format === "f32") wasm.packF32(at, src.ptr, rows * cols, dtype, SCRATCH);
      else wasm[format === "q4" ? "packQ4" : "packQ8"](at, src.ptr, rows, cols, dtype, SCRATCH);
    },
  };
}
