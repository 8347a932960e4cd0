import {
  BLOCK_BYTES,
  groupsOf,
  isKFormat,
  K_LAYOUT,
  packedBytes,
  ROWS,
  type WeightFormat,
} from "../quant/packed-matrix.ts";
import { SCRATCH } from "./crew.ts";
import type { RestOperations } from "./kernels.ts";
import { FORMAT, linearUnits } from "./simd.ts";
import type { WasmExports } from "./wasm-module.ts";

/** Blocks of a file in a row of a matrix: of 256 weights in most K-formats, else of 32. */
export const blocksOf = (format: WeightFormat, cols: number): number =>
  isKFormat(format) ? cols / K_LAYOUT[format].span : groupsOf(cols);

/** What simd.ts has of the core's operations, of the others. */
export function restKernels(wasm: WasmExports): RestOperations {
  return {
    addLowRank(out, row, u, at, b, scale) {
      const [T, N] = out.shape;
      const [to, from] = [out.ptr + 4 * row, u.ptr + 4 * at];
      wasm.addLowRank(to, N, from, u.shape[1], b.ptr, T, b.rows, b.rank, scale, 0, linearUnits(b.rows));
    },
    layernorm(out, x, weight, bias, eps) {
      const [T, D] = x.shape;
      wasm.layernorm(out.ptr, x.ptr, weight.ptr, bias.ptr, T, D, eps);
    },
    softmax(out, x) {
      const [T, N] = x.shape;
      wasm.softmax(out.ptr, x.ptr, T, N);
    },
    addBias(out, x, bias) {
      const [T, N] = x.shape;
      wasm.addBias(out.ptr, x.ptr, bias.ptr, T, N);
    },
    permute(out, x, order) {
      const [T, C] = x.shape;
      wasm.permute(out.ptr, x.ptr, order.ptr, T, C);
    },
    addRows(out, ids, x, weights) {
      const [n, D] = x.shape;
      wasm.addRows(out.ptr, ids.ptr, x.ptr, weights.ptr, n, D);
    },
    geglu(out, x, limit) {
      wasm.geglu(out.ptr, x.ptr, out.size, limit);
    },
    gelu(out, x, form) {
      (form === "tanh" ? wasm.geluTanh : wasm.geluErf)(out.ptr, x.ptr, x.size);
    },
    argmax(out, x) {
      const [T, V] = x.shape;
      wasm.argmax(out.ptr, x.ptr, T, V);
    },
    topk(ids, values, x) {
      const [T, V] = x.shape;
      wasm.topk(ids.ptr, values.ptr, x.ptr, T, V, ids.shape[1]);
    },
    repackRows({ format, cols, ptr }, row, src) {
      const [rows, rowBytes] = src.shape;
      const blocks = blocksOf(format, cols);
      const at = ptr + packedBytes(format, row, cols);
      return wasm.repackRows(at, src.ptr, FORMAT[format], rowBytes / blocks, rows, blocks, SCRATCH) === 0;
    },
    repackInt4({ format, rows: N, cols: C, ptr }, layout, at, src, places) {
      const n = src.shape[0];
      const block = BLOCK_BYTES[format as "q4" | "q4z"];
      const stride = groupsOf(C) * block;
      if (layout === "gptq") wasm.repackGptq(ptr, block, stride, at, src.ptr, n, N, places?.ptr ?? 0);
      else if (layout === "awq") wasm.repackAwq(ptr, block, stride, at, src.ptr, n, N);
      else wasm.repackPacked(ptr + (at / ROWS) * stride, block, stride, src.ptr, n, C, places?.ptr ?? 0);
    },
    unpackRows(out, { ptr, format, cols }, row) {
      wasm.unpackRows(out.ptr, ptr, FORMAT[format], row, out.shape[0], cols);
    },
  };
}
